//! How a link stood over the last week: a strip made here, with title, description and a table of the same by day.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::bars::escaped;
use super::view::{TimeFormat, short_date, span, weekday};
use super::words::say;
use crate::clock::Time;
use crate::links::Standing;

const DAYS: u64 = 7;
const DAY: Duration = Duration::from_secs(86_400);
/// One step of the strip: half an hour.
const STEP: Duration = Duration::from_secs(1800);
/// Size of the strip in its own units.
const SIZE: (f64, f64) = (576.0, 36.0);
/// Notes are written a while after they are made.
const LATE: Duration = Duration::from_secs(300);

/// How a link stood in the last seven days, as a picture and a table.
#[derive(Debug, Clone, Serialize)]
pub struct Strip {
    /// The picture as an SVG element.
    pub svg: minijinja::Value,
    /// One sentence that says what is to be seen.
    pub words: String,
    /// By day, the newest first: date, and for how long it was ready, not ready, and not driven or not known.
    pub rows: Vec<(String, String, String, String)>,
}

/// From and until when a link stood so.
type Stretch = (Time, Time, Standing);

/// From when on the notes of a week matter.
pub fn since(now: Time) -> Time {
    now - DAY * 7 - Standing::NOTED - LATE
}

/// Draws the last seven days of a link from the notes of its history; `None` where there are none.
pub fn week(notes: &[(Time, f64)], times: &TimeFormat) -> Option<Strip> {
    let from = times.now - DAY * 7;
    let all = stretches(notes, from, times.now);
    if all.is_empty() {
        return None;
    }
    let words = words(&all, times);
    let svg = minijinja::Value::from_safe_string(picture(&all, from, times, &words));
    Some(Strip { svg, words, rows: table(&all, from, times) })
}

/// What each note says of the time behind it, within these bounds.
fn stretches(notes: &[(Time, f64)], from: Time, now: Time) -> Vec<Stretch> {
    let mut all = Vec::new();
    for (at, (noted, value)) in notes.iter().enumerate() {
        let good = *noted + Standing::NOTED + LATE;
        let end = notes.get(at + 1).map_or(now, |(next, _)| *next).min(good).min(now);
        let start = (*noted).max(from);
        if start < end && Standing::of(*value) != Standing::Off {
            all.push((start, end, Standing::of(*value)));
        }
    }
    all
}

/// For how long a link stood so between two moments.
fn sum(all: &[Stretch], standing: Standing, from: Time, to: Time) -> Duration {
    let parts = all.iter().filter(|(_, _, known)| *known == standing);
    parts.map(|(start, end, _)| (*end).min(to).since((*start).max(from))).sum()
}

fn words(all: &[Stretch], times: &TimeFormat) -> String {
    let start = times.now - DAY * 7;
    let [ready, not] = [Standing::Ready, Standing::NotReady].map(|standing| sum(all, standing, start, times.now));
    let known = (ready + not).as_secs().max(1);
    let percent = ready.as_secs() * 100 / known;
    let breaks = all.windows(2).filter(|pair| pair[0].2 == Standing::Ready && pair[1].2 == Standing::NotReady).count();
    let breaks = match breaks {
        0 => say!("week.never_lost"),
        many => say!("week.lost", n = many),
    };
    let unknown = (DAY * 7).saturating_sub(ready + not);
    let said = say!("week.ready_for", percent = percent, span = span(ready + not), breaks = breaks);
    if unknown > Standing::NOTED { said + " " + &say!("week.off_for", span = span(unknown)) } else { said }
}

/// The worst of a step; `None` where nothing is known.
fn step(all: &[Stretch], from: Time) -> Option<Standing> {
    let to = from + STEP;
    let has = |standing| sum(all, standing, from, to) > Duration::ZERO;
    [Standing::NotReady, Standing::Ready].into_iter().find(|standing| has(*standing))
}

fn picture(all: &[Stretch], from: Time, times: &TimeFormat, words: &str) -> String {
    let (width, height) = SIZE;
    let steps = DAYS * DAY.as_secs() / STEP.as_secs();
    let wide = width / steps as f64;
    let mut runs: Vec<(u64, u64, Standing)> = Vec::new();
    for at in 0..steps {
        let Some(standing) = step(all, from + STEP * u32::try_from(at).unwrap_or_default()) else { continue };
        match runs.last_mut() {
            Some((_, end, known)) if *end == at && *known == standing => *end = at + 1,
            _ => runs.push((at, at + 1, standing)),
        }
    }
    // Ready is a tall bar, not ready a low one: nobody has to tell colours apart.
    let draw = |standing: Standing, tall: f64| {
        let mut path = String::new();
        for (start, end, _) in runs.iter().filter(|(_, _, known)| *known == standing) {
            let (left, wide) = (*start as f64 * wide, (end - start) as f64 * wide);
            let _ = write!(path, "M{left:.1} {height}v-{tall}h{wide:.1}v{tall}z");
        }
        path
    };
    let mut svg = format!(
        "<svg class=chart viewBox=\"-4 -4 {} {}\" role=img aria-labelledby=\"week-t week-d\"><title id=week-t>{}</title><desc \
         id=week-d>{}</desc><path class=grid d=\"M0 {height}H{width}\" /><path class=up \
         d=\"{}\" /><path class=down d=\"{}\" />",
        width + 8.0,
        height + 32.0,
        escaped(&say!("week.state_of_the_link")),
        escaped(words),
        draw(Standing::Ready, height),
        draw(Standing::NotReady, height / 3.0),
    );
    for (date, start, _) in days(from, times) {
        let at = start.since(from).as_secs_f64() / (DAY * 7).as_secs_f64() * width;
        if at > 0.0 && at < width - 40.0 {
            let _ = write!(svg, "<path class=grid d=\"M{at:.1} 0V{height}\" />");
            let _ = write!(svg, "<text x={at:.0} y={}>{}</text>", height + 20.0, weekday(date));
        }
    }
    svg.push_str("</svg>");
    svg
}

/// The days of the calendar since `from`, each with its bounds.
fn days(from: Time, times: &TimeFormat) -> Vec<(Date, Time, Time)> {
    let Ok(first) = Timestamp::from_second(from.seconds()) else { return Vec::new() };
    let first = first.to_zoned(times.zone.clone()).date();
    let start = |date: Date| {
        let zoned = date.to_zoned(times.zone.clone()).ok()?;
        Some(Time::from_seconds(zoned.timestamp().as_second()))
    };
    let dates = first.series(jiff::Span::new().days(1)).take(DAYS as usize + 1);
    dates.filter_map(|date| Some((date, start(date)?, start(date.tomorrow().ok()?)?))).collect()
}

fn table(all: &[Stretch], from: Time, times: &TimeFormat) -> Vec<(String, String, String, String)> {
    let mut rows = Vec::new();
    for (date, start, end) in days(from, times) {
        let (start, end) = (start.max(from), end.min(times.now));
        let [ready, not] = [Standing::Ready, Standing::NotReady].map(|standing| sum(all, standing, start, end));
        let rest = end.since(start).saturating_sub(ready + not);
        let [ready, not, rest] =
            [ready, not, rest].map(|time| if time.is_zero() { "\u{2013}".to_owned() } else { span(time) });
        rows.push((short_date(date), ready, not, rest));
    }
    rows.reverse();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_795_564_800_000);

    fn times() -> TimeFormat {
        TimeFormat { zone: jiff::tz::TimeZone::UTC, now: NOW }
    }

    fn hours(hours: u64) -> Time {
        NOW - Duration::from_secs(hours * 3600)
    }

    #[test]
    fn a_week_without_notes_has_no_strip() {
        assert!(week(&[], &times()).is_none());
        assert!(week(&[(hours(5), -1.0)], &times()).is_none());
    }

    #[test]
    fn what_nobody_noted_is_not_known_and_what_was_noted_is_summed_up() {
        // Ready for ten hours, lost for two, ready for one; then killed: the last note holds for little more than an hour.
        let mut notes: Vec<_> = (40..=50).rev().map(|ago| (hours(ago), 1.0)).collect();
        notes.extend([(hours(39), 0.0), (hours(38), 0.0), (hours(37), 1.0)]);
        let strip = week(&notes, &times()).unwrap();
        assert!(
            strip.words.starts_with("Ready for 85 % of 14 h that were watched, lost once. For 6 days"),
            "{}",
            strip.words
        );
        assert_eq!(strip.rows.len(), 8);
        let svg = strip.svg.as_str().unwrap();
        assert!(svg.contains("class=up d=\"M") && svg.contains("class=down d=\"M"), "{svg}");
        // Older than a week, or of the time to come, nothing is drawn.
        let old: Vec<_> = (170..180).map(|ago| (hours(ago), 1.0)).collect();
        assert!(week(&old, &times()).is_none());
        let whole: Vec<_> = (0..=168).rev().map(|ago| (hours(ago), 1.0)).collect();
        assert!(
            week(&whole, &times())
                .unwrap()
                .words
                .starts_with("Ready for 100 % of 7 days that were watched, never lost.")
        );
    }

    #[test]
    fn a_link_that_comes_and_goes_is_a_small_picture() {
        let notes: Vec<_> =
            (0..10_080).rev().map(|ago| (NOW - Duration::from_secs(ago * 60), (ago / 37 % 2) as f64)).collect();
        let strip = week(&notes, &times()).unwrap();
        assert!(strip.svg.as_str().unwrap().len() < 9000, "{}", strip.svg.as_str().unwrap().len());
    }
}
