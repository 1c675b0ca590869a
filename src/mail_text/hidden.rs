//! Styles that hide an element from everybody who sees the page: previews for lists of mails, boxes that count readers.
//!
//! Read by value, not by spelling: nothing of it is drawn, it has no size, it lies outside of the page, or it has the colour of
//! what is behind it.

/// Farthest to the left or to the top that something may stand and still be seen, in whatever unit.
const OUTSIDE: f32 = -900.0;
/// Largest letters that nobody can read, in pixels.
const UNREADABLE: f32 = 1.0;

/// True when a `style` (in lower case, without blanks) hides the element that has it.
pub fn hides(style: &str) -> bool {
    let value = |name: &str| properties(style).filter(|(own, _)| *own == name).map(|(_, value)| value).last();
    let is = |name: &str, what: &[&str]| value(name).is_some_and(|own| what.contains(&own));
    let size = |name: &str| value(name).and_then(number);
    let is_zero = |name: &str| size(name) == Some(0.0);
    let undrawn = is("display", &["none"])
        || is("visibility", &["hidden", "collapse"])
        || is("mso-hide", &["all"])
        || is("color", &["transparent"])
        || is_zero("opacity")
        || value("transform").is_some_and(|own| own.starts_with("scale(0)") || own.starts_with("scale(0,"))
        || value("clip").is_some_and(|clip| clip.starts_with("rect(0") || clip.starts_with("rect(1px,1px,1px,1px"));
    let flat = is_zero("max-height")
        || is("overflow", &["hidden"])
            && ["height", "width", "max-width", "line-height"].iter().any(|own| is_zero(own));
    let away = ["text-indent", "left", "top", "margin-left", "margin-top"]
        .iter()
        .any(|own| size(own).is_some_and(|size| size <= OUTSIDE));
    let behind = value("background-color").or_else(|| value("background"));
    let drowned = value("color").is_some_and(|own| behind.is_some_and(|behind| colour(own) == colour(behind)));
    undrawn || flat || away || drowned
}

/// True when a `style` (as above) makes letters that nobody can read. Builders of pages do so around text that has a size
/// of its own.
pub fn is_unreadable(style: &str) -> bool {
    let size = properties(style).filter(|(name, _)| *name == "font-size").map(|(_, value)| value).last();
    size.is_some_and(|own| number(own).is_some_and(|size| size == 0.0 || size <= UNREADABLE && own.ends_with("px")))
}

/// Names and values, in their order.
fn properties(style: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = style.split(';').filter_map(|pair| pair.split_once(':'));
    pairs.map(|(name, value)| (name, value.trim_end_matches("!important")))
}

/// The number that a value begins with; none in `1em 2em` and words.
fn number(value: &str) -> Option<f32> {
    let end = value.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(value.len());
    let unit = &value[end..];
    unit.chars().all(|c| c.is_ascii_alphabetic() || c == '%').then(|| value[..end].parse().ok())?
}

/// A colour in one of its spellings.
fn colour(value: &str) -> String {
    match (value, value.strip_prefix('#')) {
        ("white", _) => "#ffffff".to_owned(),
        ("black", _) => "#000000".to_owned(),
        (_, Some(short)) if short.chars().count() == 3 => {
            short.chars().fold("#".to_owned(), |all, c| format!("{all}{c}{c}"))
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_hidden() {
        for style in [
            "display:none",
            "color:#333;display:none!important",
            "visibility:hidden",
            "mso-hide:all",
            "max-height:0",
            "max-height:0px;overflow:hidden",
            "font-size:0.0pt",
            "font-size:1px;line-height:1px",
            "opacity:0",
            "opacity:0.00",
            "transform:scale(0)",
            "text-indent:-9999px",
            "position:absolute;left:-5000px",
            "margin-left:-10000em",
            "height:0;overflow:hidden",
            "overflow:hidden;width:0px",
            "clip:rect(0,0,0,0)",
            "color:#fff;background-color:#ffffff",
            "background:white;color:white",
            "color:transparent",
        ] {
            assert!(hides(style) || is_unreadable(style), "{style}");
        }
    }

    #[test]
    fn what_is_only_small_or_beside_is_not() {
        for style in [
            "display:block",
            "max-height:0.5em",
            "font-size:0.8em",
            "font-size:1em",
            "font-size:7px",
            "opacity:0.9",
            "opacity:1",
            "text-indent:-20px",
            "left:-3px",
            "margin:0-9999px",
            "height:0",
            "line-height:0",
            "overflow:hidden;height:20px",
            "color:#fff;background-color:#000",
            "color:#fff",
            "background-color:white",
            "",
        ] {
            assert!(!hides(style) && !is_unreadable(style), "{style}");
        }
    }
}
