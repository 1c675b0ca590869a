//! Where a device was: a track over the land of the world, drawn here. The land is a file of its own, which browsers keep;
//! nothing is asked from elsewhere.

use std::fmt::Write;

use minijinja::Value;

use super::assets;
use super::bars::escaped;
use super::words::say;
use crate::store::Place;

/// Size of the picture in its own units.
const SIZE: (f64, f64) = (576.0, 400.0);
/// Degrees of latitude from top to bottom, and degrees between two lines of the grid.
const VIEWS: [(f64, f64); 7] =
    [(4.0, 1.0), (8.0, 2.0), (16.0, 5.0), (32.0, 10.0), (64.0, 15.0), (128.0, 30.0), (180.0, 45.0)];
/// Units of the picture from one label to the next, at least.
const APART: f64 = 110.0;
/// Units of the file with the land in a degree.
const LAND: f64 = 20.0;
/// Points of a track that are drawn.
const MOST: usize = 400;
/// Kilometres on a nautical mile.
const MILE: f64 = 1.852;
/// Kilometres from the middle of the earth, on average.
const EARTH: f64 = 6371.0;

/// A picture, and which of the views it is.
pub struct Map {
    /// The picture as an SVG element.
    pub svg: Value,
    /// From 0, the nearest.
    pub view: usize,
}

/// Number of the view that shows the widest area.
pub const FARTHEST: usize = VIEWS.len() - 1;

/// Draws a track, oldest place first; in this view, or in the nearest that shows all of it. `None` for a track without places.
pub fn picture(track: &[Place], view: Option<usize>, words: &str) -> Option<Map> {
    let points = unrolled(track);
    let (last_north, last_east) = *points.last()?;
    let bound = |pick: fn(&(f64, f64)) -> f64| {
        let values = || points.iter().map(pick);
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((south, north), (west, east)) = (bound(|point| point.0), bound(|point| point.1));
    let narrow = ((south + north) / 2.0).to_radians().cos().max(0.05);
    let needed = ((north - south) * 1.3).max((east - west) * narrow * 1.3 * SIZE.1 / SIZE.0);
    let fits = || VIEWS.iter().position(|(degrees, _)| *degrees >= needed).unwrap_or(FARTHEST);
    let view = view.unwrap_or_else(fits).min(FARTHEST);
    let (degrees, grid) = VIEWS[view];
    // All of the track stands in the middle; of one that is larger than the view, where it ends.
    let middle = if degrees >= needed { ((south + north) / 2.0, (west + east) / 2.0) } else { (last_north, last_east) };
    let chart = Chart::new(middle, degrees);
    Some(Map { svg: Value::from_safe_string(chart.draw(&points, grid, words)), view })
}

/// The places with degrees east that go on beyond 180 rather than leap round the world.
fn unrolled(track: &[Place]) -> Vec<(f64, f64)> {
    let step = track.len().div_ceil(MOST).max(1);
    let last = track.len().saturating_sub(1);
    let mut points: Vec<(f64, f64)> = Vec::new();
    let chosen = track.iter().enumerate().filter(|(at, _)| at % step == 0 || *at == last);
    for (_, (_, north, east)) in chosen {
        let before = points.last().map_or(*east, |(_, east)| *east);
        points.push((*north, east - ((east - before) / 360.0).round() * 360.0));
    }
    points
}

/// The scale of one picture: its corner in degrees, and units of the picture in a degree.
struct Chart {
    north: f64,
    west: f64,
    /// Units of the picture in a degree, east and south.
    scale: (f64, f64),
}

impl Chart {
    fn new((north, east): (f64, f64), degrees: f64) -> Self {
        let down = SIZE.1 / degrees;
        // True to shape in the middle; the whole world lies flat.
        let narrow = if degrees >= 128.0 { 1.0 } else { north.to_radians().cos().max(0.05) };
        let across = down * narrow;
        let half = degrees / 2.0;
        let top = north.clamp(-90.0 + half, (90.0 - half).max(-90.0 + half)) + half;
        Self { north: top, west: east - SIZE.0 / across / 2.0, scale: (across, down) }
    }

    fn x(&self, east: f64) -> f64 {
        (east - self.west) * self.scale.0
    }

    fn y(&self, north: f64) -> f64 {
        (self.north - north) * self.scale.1
    }

    fn draw(&self, points: &[(f64, f64)], grid: f64, words: &str) -> String {
        let (width, height) = SIZE;
        let mut svg = format!(
            "<svg class=\"chart map\" viewBox=\"0 0 {width} {height}\" role=img aria-labelledby=\"map-t map-d\"><title \
             id=map-t>{}</title><desc id=map-d>{}</desc><rect class=sea width={width} height={height} />",
            escaped(&say!("common.position_and_track")),
            escaped(words),
        );
        let (land, (across, down)) = (assets::path("coast"), self.scale);
        let end = self.west + width / across;
        // The land comes once for each time the picture goes round the world.
        let mut turn = ((self.west - 180.0) / 360.0).ceil() * 360.0;
        while turn - 180.0 < end {
            let _ = write!(
                svg,
                "<use href=\"{land}#land\" class=land transform=\"matrix({:.4} 0 0 {:.4} {:.1} {:.1})\" />",
                across / LAND,
                down / LAND,
                self.x(turn),
                self.y(0.0),
            );
            turn += 360.0;
        }
        self.draw_grid(&mut svg, grid, end);
        let mut line = String::new();
        for (at, (north, east)) in points.iter().enumerate() {
            let _ = write!(line, "{}{:.1} {:.1}", if at == 0 { 'M' } else { 'L' }, self.x(*east), self.y(*north));
        }
        let (north, east) = points.last().copied().unwrap_or_default();
        let _ = write!(
            svg,
            "<path class=line d=\"{line}\" /><circle class=here cx={:.1} cy={:.1} r=7 /></svg>",
            self.x(east),
            self.y(north)
        );
        svg
    }

    fn draw_grid(&self, svg: &mut String, grid: f64, end: f64) {
        let (width, height) = SIZE;
        let (mut path, mut labels) = (String::new(), String::new());
        let mut east = (self.west / grid).ceil() * grid;
        let apart = (APART / (grid * self.scale.0)).ceil().max(1.0);
        let labelled = |line: f64| (line / grid).round() % apart == 0.0;
        while east < end {
            let at = self.x(east);
            let _ = write!(path, "M{at:.1} 0V{height}");
            if at > 50.0 && at < width - 40.0 && labelled(east) {
                let turned = east - (east / 360.0).round() * 360.0;
                let _ = write!(
                    labels,
                    "<text x={at:.0} y={} text-anchor=middle>{}</text>",
                    height - 6.0,
                    degrees(turned, "E", "W")
                );
            }
            east += grid;
        }
        let mut north = (self.north / grid).floor() * grid;
        while self.y(north) < height && north >= -90.0 {
            let at = self.y(north);
            let _ = write!(path, "M0 {at:.1}H{width}");
            if at > 20.0 && at < height - 26.0 {
                let _ = write!(labels, "<text x=4 y={:.0}>{}</text>", at - 4.0, degrees(north, "N", "S"));
            }
            north -= grid;
        }
        let _ = write!(svg, "<path class=grid d=\"{path}\" />{labels}");
    }
}

fn degrees(value: f64, plus: &str, minus: &str) -> String {
    let side = if value == 0.0 || value.abs() == 180.0 {
        ""
    } else if value > 0.0 {
        plus
    } else {
        minus
    };
    format!("{}\u{b0}{side}", value.abs())
}

/// The length of a track in nautical miles.
pub fn miles(track: &[Place]) -> f64 {
    let legs = track.windows(2).map(|two| {
        let ((_, north, east), (_, north_2, east_2)) = (two[0], two[1]);
        let (from, to) = (north.to_radians(), north_2.to_radians());
        let half = |angle: f64| (angle / 2.0).sin().powi(2);
        let chord = half(to - from) + from.cos() * to.cos() * half((east_2 - east).to_radians());
        2.0 * EARTH * chord.clamp(0.0, 1.0).sqrt().asin()
    });
    legs.sum::<f64>() / MILE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(places: &[(f64, f64)]) -> Vec<Place> {
        places.iter().map(|(north, east)| (crate::clock::Time(0), *north, *east)).collect()
    }

    fn drawn(places: &[(f64, f64)], view: Option<usize>) -> (String, usize) {
        let map = picture(&track(places), view, "words").unwrap();
        (map.svg.as_str().unwrap().to_owned(), map.view)
    }

    #[test]
    fn a_track_stands_whole_in_the_nearest_view() {
        assert!(picture(&[], None, "").is_none());
        assert_eq!(drawn(&[(50.0, -5.0)], None).1, 0);
        assert_eq!(drawn(&[(50.0, -5.0), (43.0, -9.0)], None).1, 2);
        assert_eq!(drawn(&[(50.0, -5.0), (-50.0, 170.0)], None).1, FARTHEST);
        let (svg, view) = drawn(&[(50.0, -5.0), (43.0, -9.0)], Some(99));
        assert_eq!(view, FARTHEST);
        assert!(svg.contains("#land") && svg.contains("<circle"), "{svg}");
    }

    #[test]
    fn a_track_over_the_date_line_does_not_leap_round_the_world() {
        let (svg, view) = drawn(&[(-18.0, 179.0), (-18.0, -179.0)], None);
        assert_eq!(view, 0);
        assert_eq!(svg.matches("<use").count(), 2, "{svg}");
        assert!(svg.contains("180\u{b0}<") && svg.contains("178\u{b0}W"), "{svg}");
        assert!((miles(&track(&[(-18.0, 179.0), (-18.0, -179.0)])) - 114.1).abs() < 0.5);
    }

    #[test]
    fn no_place_on_earth_makes_a_picture_without_an_end() {
        for place in [(90.0, 0.0), (-90.0, 180.0), (89.9, -180.0), (0.0, 0.0)] {
            for view in 0..=FARTHEST {
                let svg = drawn(&[place], Some(view)).0;
                assert!(svg.len() < 6000 && !svg.contains("NaN"), "{place:?} {view}: {svg}");
            }
        }
        let long: Vec<_> = (0..50_000).map(|at| (f64::from(at % 90), f64::from(at % 360) - 180.0)).collect();
        assert!(drawn(&long, None).0.len() < 9000);
    }
}
