//! A small line chart, as numbers for an inline SVG.

use std::fmt::Write;

use crate::model::window::UnixSeconds;
use crate::status::Counted;

/// The chart's own units; the style sheet sets its size.
pub(super) const WIDTH: u32 = 240;
pub(super) const HEIGHT: u32 = 48;

/// Space for the line's own thickness.
const MARGIN: f64 = 3.0;

/// The points of a line and of the area below it.
pub(super) struct Chart {
    pub(super) line: String,
    pub(super) area: String,
    /// The end of the line: the current count.
    pub(super) last_x: String,
    pub(super) last_y: String,
}

impl Chart {
    /// Time from left to right, counts from 0 upwards.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a chart has a tenth of a unit to be exact to"
    )]
    pub(super) fn of(points: &[Counted]) -> Self {
        let (width, height) = (f64::from(WIDTH), f64::from(HEIGHT));
        let start = points.first().map_or(0, |point| point.at.0);
        let end = points.last().map_or(0, |point| point.at.0);
        let span = end.saturating_sub(start).max(1) as f64;
        let highest = points.iter().map(|point| point.count).max().unwrap_or(0);
        let highest = highest.max(1) as f64;
        let x = |at: UnixSeconds| {
            MARGIN + at.0.saturating_sub(start) as f64 / span * (width - 2.0 * MARGIN)
        };
        let y = |count: u64| height - MARGIN - count as f64 / highest * (height - 2.0 * MARGIN);
        let mut line = String::new();
        for point in points {
            // Writing to a String cannot fail.
            let _ = write!(line, "{:.1},{:.1} ", x(point.at), y(point.count));
        }
        line.pop();
        let floor = height - MARGIN;
        let (first, last) = (x(UnixSeconds(start)), x(UnixSeconds(end)));
        Self {
            area: format!("{first:.1},{floor:.1} {line} {last:.1},{floor:.1}"),
            last_x: format!("{last:.1}"),
            last_y: format!("{:.1}", y(points.last().map_or(0, |point| point.count))),
            line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point((at, count): (u64, u64)) -> Counted {
        Counted {
            at: UnixSeconds(at),
            count,
            of: None,
        }
    }

    #[test]
    fn a_line_goes_from_corner_to_corner() {
        let chart = Chart::of(&[(100, 0), (200, 10)].map(point));
        assert_eq!(chart.line, "3.0,45.0 237.0,3.0");
        assert_eq!(chart.area, "3.0,45.0 3.0,45.0 237.0,3.0 237.0,45.0");
        assert_eq!(
            (chart.last_x.as_str(), chart.last_y.as_str()),
            ("237.0", "3.0")
        );
    }

    proptest! {
        #[test]
        fn every_point_is_inside(points in prop::collection::vec((any::<u64>(), any::<u64>()), 0..60)) {
            let mut points = points;
            points.sort_unstable();
            let points: Vec<_> = points.into_iter().map(point).collect();
            let chart = Chart::of(&points);
            for number in chart.area.split([' ', ',']).filter(|text| !text.is_empty()) {
                let number: f64 = number.parse().unwrap();
                prop_assert!((0.0..=f64::from(WIDTH)).contains(&number), "{}", number);
            }
        }
    }
}
