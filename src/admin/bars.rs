//! Pictures of amounts by day, month or year: SVG made here, with title and description; the page has the table of the same
//! numbers.

use std::fmt::Write;

use minijinja::Value;

use super::words::say;

/// Size of the picture in its own units.
const SIZE: (f64, f64) = (576.0, 110.0);
/// Bars that a picture shows, the last ones.
const MOST: usize = 31;

/// Amounts in the order of time.
pub struct Bars<'a> {
    /// Name of the picture in the page; one word.
    pub id: &'a str,
    /// Heading over the picture.
    pub title: &'a str,
    /// Label and amount of each.
    pub values: &'a [(String, f64)],
    /// Writes an amount for people.
    pub words: &'a dyn Fn(f64) -> String,
}

/// Draws them; nothing where there is nothing to see.
pub fn picture(bars: &Bars<'_>) -> Option<Value> {
    let values = &bars.values[bars.values.len().saturating_sub(MOST)..];
    let most = values.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let ((first, _), (last, _)) = (values.first()?, values.last()?);
    if most <= 0.0 {
        return None;
    }
    let (width, height) = SIZE;
    let step = width / values.len() as f64;
    let sum: f64 = values.iter().map(|(_, value)| value).sum();
    let top = values.iter().find(|(_, value)| *value >= most).map(|(label, _)| label.as_str()).unwrap_or_default();
    let (id, words) = (bars.id, bars.words);
    let said =
        say!("chart.to_in_all_most", first = first, last = last, sum = words(sum), top = top, most = words(most));
    let mut svg = format!(
        "<svg class=chart viewBox=\"-4 -28 {} {}\" role=img aria-labelledby=\"{id}-t {id}-d\"><title id={id}-t>{}</title>\
         <desc id={id}-d>{}</desc><path class=grid d=\"M0 0H{width}M0 {height}H{width}\" /><text x=0 y=-5>{}</text>",
        width + 8.0,
        height + 58.0,
        escaped(bars.title),
        escaped(&said),
        escaped(&words(most)),
    );
    let mut path = String::new();
    for (slot, (_, value)) in values.iter().enumerate().filter(|(_, (_, value))| *value > 0.0) {
        // The smallest amount is seen as well.
        let tall = (value / most * height).max(1.5);
        let wide = (step * 0.75).min(48.0);
        let left = slot as f64 * step + (step - wide) / 2.0;
        let _ = write!(path, "M{left:.1} {height}v-{tall:.1}h{wide:.1}v{tall:.1}z");
    }
    let under = height + 22.0;
    let _ = write!(svg, "<path class=bar d=\"{path}\" /><text x=0 y={under}>{}</text>", escaped(first));
    if values.len() > 1 {
        let _ = write!(svg, "<text x={width} y={under} text-anchor=end>{}</text>", escaped(last));
    }
    svg.push_str("</svg>");
    Some(Value::from_safe_string(svg))
}

/// Writes a text into a picture.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[(String, f64)]) -> Option<String> {
        let words = |value: f64| format!("{value} <b>");
        picture(&Bars { id: "a", title: "A & B", values, words: &words }).map(|svg| svg.to_string())
    }

    #[test]
    fn amounts_are_bars_with_words() {
        assert_eq!(drawn(&[]), None);
        assert_eq!(drawn(&[("2026".into(), 0.0)]), None);
        let values: Vec<_> = (0..100).map(|day| (format!("day{day}"), f64::from(day % 7))).collect();
        let svg = drawn(&values).unwrap();
        assert!(svg.contains("A &amp; B") && !svg.contains("<b>") && svg.contains("day69 to day99"), "{svg}");
        assert_eq!(svg.matches('z').count(), values[69..].iter().filter(|(_, value)| *value > 0.0).count());
        assert!(svg.len() < 3000);
    }
}
