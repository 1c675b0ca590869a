//! Pictures of measured values: SVG made here, with title, description and a table of the same numbers.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::bars::escaped;
use super::view::TimeFormat;
use super::words::{key, say, word};
use crate::clock::Time;

/// Points of a day: one for five minutes.
const POINTS: usize = 288;
/// Milliseconds from one point to the next.
const POINT: i64 = 86_400_000 / POINTS as i64;
const DAY: Duration = Duration::from_secs(86_400);
/// Size of the picture in its own units.
const SIZE: (f64, f64) = (576.0, 120.0);
/// Points further apart than this are not joined: the modem was off.
const GAP: usize = 6;
/// A value is the present one for so long; then its age is told.
const FRESH: Duration = Duration::from_secs(15 * 60);

/// What a picture shows.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Name of the series in the store.
    pub series: &'static str,
    /// Key of the heading.
    pub title: &'static str,
    /// Key of the unit.
    pub unit: &'static str,
    /// Lowest and highest value of the picture; it grows for values outside.
    pub range: (f64, f64),
    /// Values that are good, shown as a band.
    pub good: Option<(f64, f64)>,
}

/// Background noise at the antenna. Down from -97 dBm a place is usable, above -93 dBm hopeless (M138 manual rev 1.20,
/// background noise).
pub const NOISE: Scale = Scale {
    series: "noise",
    title: key!("chart.noise"),
    unit: key!("chart.dbm"),
    range: (-120.0, -80.0),
    good: Some((-120.0, -97.0)),
};
/// Strength of satellite packets.
pub const RSSI: Scale = Scale {
    series: "rssi",
    title: key!("chart.satellites_heard"),
    unit: key!("chart.dbm"),
    range: (-120.0, -80.0),
    good: None,
};
/// Signal of an Iridium modem in bars of about 2 dB. They describe the ring channel and promise no session, so no band of
/// them is called good.
pub const BARS: Scale =
    Scale { series: "bars", title: key!("chart.signal"), unit: key!("chart.bars_of_5"), range: (0.0, 5.0), good: None };
/// Temperature of the modem.
pub const TEMPERATURE: Scale = Scale {
    series: "temperature",
    title: key!("chart.temperature"),
    unit: key!("chart.celsius"),
    range: (-10.0, 60.0),
    good: None,
};

/// A picture with its table.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    /// The picture as an SVG element.
    pub svg: minijinja::Value,
    /// Heading.
    pub title: String,
    /// One sentence that says what is to be seen.
    pub words: String,
    /// What the values are in, as the table's heading says it.
    pub unit: String,
    /// By hour: time, lowest, mean, highest.
    pub rows: Vec<(String, String, String, String)>,
    /// The newest value, while it is the present one.
    pub last: Option<String>,
}

/// Draws the values of the last 24 hours. The newest is the `present` one only while what measures answers.
pub fn day(scale: &Scale, samples: &[(Time, f64)], times: &TimeFormat, present: bool) -> Chart {
    // It moves on by whole points, not with every look.
    let from = Time((times.now - DAY).0.div_euclid(POINT) * POINT + if times.now.0 % POINT == 0 { 0 } else { POINT });
    let samples: Vec<_> = samples.iter().copied().filter(|(at, value)| *at >= from && value.is_finite()).collect();
    let points = buckets(&samples, from, POINTS);
    let low = samples.iter().map(|(_, value)| *value).fold(scale.range.0, f64::min);
    let high = samples.iter().map(|(_, value)| *value).fold(scale.range.1, f64::max);
    let fresh = samples.last().filter(|(at, _)| present && times.now.since(*at) < FRESH);
    let words = words(scale, &samples, times, fresh.is_some());
    Chart {
        svg: minijinja::Value::from_safe_string(picture(scale, &points, (low, high), &words, (from, times))),
        title: word(scale.title),
        unit: word(scale.unit),
        rows: table(&samples, from, times),
        last: fresh.map(|(_, value)| number(*value)),
        words,
    }
}

/// Gives the lowest, mean and highest value of each of `count` equal parts of the day.
fn buckets(samples: &[(Time, f64)], from: Time, count: usize) -> Vec<Option<(f64, f64, f64)>> {
    let width = 86_400_000 / count as u128;
    let mut sums: Vec<Option<(f64, f64, f64, u32)>> = vec![None; count];
    for (at, value) in samples {
        let slot = ((at.since(from).as_millis() / width) as usize).min(count - 1);
        let (low, sum, high, number) = sums[slot].unwrap_or((*value, 0.0, *value, 0));
        sums[slot] = Some((low.min(*value), sum + value, high.max(*value), number + 1));
    }
    sums.into_iter().map(|sum| sum.map(|(low, sum, high, n)| (low, sum / f64::from(n), high))).collect()
}

fn words(scale: &Scale, samples: &[(Time, f64)], times: &TimeFormat, fresh: bool) -> String {
    let Some((at, last)) = samples.last() else { return say!("chart.nothing_was_measured_in") };
    let low = samples.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let high = samples.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    let unit = word(scale.unit);
    let when = if fresh { say!("chart.now") } else { times.moment(*at).ago };
    let (low, high) = (number(low), number(high));
    if low == high {
        return say!("chart.all_the_time", value = low, unit = unit, when = when);
    }
    say!("chart.from_to_in_the", low = low, high = high, unit = unit, last = number(*last), when = when)
}

fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    // A true minus sign reads and lines up better than a hyphen.
    text.strip_suffix(".0").unwrap_or(&text).replace('-', "\u{2212}")
}

fn picture(
    scale: &Scale,
    points: &[Option<(f64, f64, f64)>],
    range: (f64, f64),
    words: &str,
    (from, times): (Time, &TimeFormat),
) -> String {
    let (width, height) = SIZE;
    let x = |slot: usize| slot as f64 * width / (POINTS - 1) as f64;
    let y = |value: f64| height - (value - range.0) / (range.1 - range.0) * height;
    let mut svg = format!(
        "<svg class=chart viewBox=\"-62 -14 {} {}\" role=img aria-labelledby=\"{s}-t {s}-d\"><title id={s}-t>{}</title>\
         <desc id={s}-d>{}</desc>",
        width + 70.0,
        height + 42.0,
        escaped(&say!("link.24_hours", title = word(scale.title))),
        escaped(words),
        s = scale.series,
    );
    if let Some((from, to)) = scale.good {
        let (top, bottom) = (y(to), y(from.max(range.0)));
        let _ = write!(svg, "<rect class=band x=0 y={top:.0} width={width} height={:.0} />", bottom - top);
    }
    for part in 0..=2 {
        let value = range.0 + (range.1 - range.0) * f64::from(part) / 2.0;
        let at = y(value);
        let _ = write!(svg, "<path class=grid d=\"M0 {at:.0}H{width}\" />");
        let label = if range.1 - range.0 < 10.0 { value } else { value.round() };
        let _ = write!(svg, "<text x=-6 y={:.0} text-anchor=end>{}</text>", at + 5.0, number(label));
    }
    for (hours, anchor) in [(24_u64, "start"), (18, "middle"), (12, "middle"), (6, "middle"), (0, "end")] {
        let label = times.clock(from + (DAY - Duration::from_secs(hours * 3600)));
        let at = width - width * hours as f64 / 24.0;
        let label = label.get(..5).unwrap_or_default();
        let _ = write!(svg, "<text x={at:.0} y={} text-anchor={anchor}>{label}</text>", height + 22.0);
    }
    let mut line = String::new();
    let mut last: Option<usize> = None;
    for (slot, point) in points.iter().enumerate() {
        let Some((_, mean, _)) = point else { continue };
        let pen = if last.is_some_and(|last| slot - last <= GAP) { 'L' } else { 'M' };
        let _ = write!(line, "{pen}{:.0} {:.0}", x(slot), y(*mean));
        if pen == 'M' {
            // A dot, for a point without neighbours.
            line.push_str("h1");
        }
        last = Some(slot);
    }
    let _ = write!(svg, "<path class=line d=\"{line}\" /></svg>");
    svg
}

fn table(samples: &[(Time, f64)], from: Time, times: &TimeFormat) -> Vec<(String, String, String, String)> {
    let hours = buckets(samples, from, 24).into_iter().enumerate();
    hours
        .filter_map(|(hour, values)| {
            let (low, mean, high) = values?;
            let start = times.clock(from + Duration::from_secs(hour as u64 * 3600));
            Some((start.get(..5)?.to_owned(), number(low), number(mean), number(high)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_values_is_a_small_picture_with_gaps() {
        let times = TimeFormat { zone: jiff::tz::TimeZone::UTC, now: Time(1_795_564_800_000) };
        let mut samples: Vec<_> = (0..1440_u64)
            .map(|minute| (times.now - Duration::from_secs(minute * 60), -100.0 + (minute % 17) as f64))
            .collect();
        samples.reverse();
        samples.retain(|(at, _)| !(36_000..50_000).contains(&times.now.since(*at).as_secs()));
        let chart = day(&NOISE, &samples, &times, true);
        let away = day(&NOISE, &samples, &times, false);
        assert!(
            chart.words.ends_with(" now.") && away.words.ends_with(" ago.") && away.last.is_none(),
            "{}",
            away.words
        );
        assert!(chart.svg.as_str().unwrap().len() < 4096, "{}", chart.svg.as_str().unwrap().len());
        assert_eq!(chart.svg.as_str().unwrap().matches("h1").count(), 2);
        assert_eq!(chart.rows.len(), 21);
        assert!(["<title", "<desc"].iter().all(|part| chart.svg.as_str().unwrap().contains(part)));
        assert!(day(&NOISE, &[], &times, true).words.starts_with("Nothing"));
        assert!(day(&NOISE, &[(times.now, f64::NAN)], &times, true).words.starts_with("Nothing"));
    }
}
