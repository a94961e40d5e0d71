//! Times for people: how long ago, in UTC, and by the clock of the app's days.

use super::words::Words;
use super::{Moment, words};
use crate::model::language::Language;
use crate::model::window::DayOffset;

/// The reference point, the offset and the language for times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    pub now: Moment,
    /// The app's offset, so that its operators see the hours of their own day.
    pub offset: DayOffset,
    pub language: Language,
}

/// Up to this distance, in seconds, a time of day alone identifies the day.
const SAME_DAY: u64 = 12 * 3600;

impl Clock {
    /// `13:06 UTC (21:06 +08:00)`; with the date if the time of day alone may mislead.
    pub fn at(self, at: Moment) -> String {
        self.with(at, "")
    }

    /// `13:06 UTC (21:06 +08:00, 25 min ago)`.
    pub fn since(self, at: Moment) -> String {
        self.with(at, &self.ago(at))
    }

    pub fn words(self) -> &'static Words {
        words::of(self.language)
    }

    /// `25 min ago`.
    pub fn ago(self, at: Moment) -> String {
        let words = self.words();
        words.ago(words.duration(at.until(self.now)))
    }

    /// `in 25 s`.
    pub fn ahead(self, at: Moment) -> String {
        let words = self.words();
        match self.now.until(at) {
            0 => words.now().to_owned(),
            seconds => words.ahead(words.duration(seconds)),
        }
    }

    /// `2027-01-15 13:06:40 UTC, 2027-01-15 21:06:40 +08:00`.
    pub fn whole(self, at: Moment) -> String {
        let (date, time) = parts(at);
        let utc = format!("{date} {time} UTC");
        if self.offset == DayOffset::UTC {
            return utc;
        }
        let (date, time) = parts(self.local(at));
        format!("{utc}, {date} {time} {}", self.offset)
    }

    fn with(self, at: Moment, more: &str) -> String {
        let (date, time) = parts(at);
        let is_far = at.until(self.now).max(self.now.until(at)) >= SAME_DAY;
        let mut text = String::new();
        if is_far {
            text.push_str(&date);
            text.push(' ');
        }
        text.push_str(minutes(&time));
        text.push_str(" UTC");
        let mut beside = Vec::new();
        if self.offset != DayOffset::UTC {
            let (local_date, local) = parts(self.local(at));
            let local = minutes(&local);
            beside.push(if is_far && local_date != date {
                format!("{local_date} {local} {}", self.offset)
            } else {
                format!("{local} {}", self.offset)
            });
        }
        if !more.is_empty() {
            beside.push(more.to_owned());
        }
        let words = self.words();
        if beside.is_empty() {
            text
        } else {
            words.beside(&text, beside.join(words.comma()))
        }
    }

    fn local(self, at: Moment) -> Moment {
        Moment(self.offset.local(at.0))
    }
}

/// Date and time of day.
fn parts(at: Moment) -> (String, String) {
    let text = at.to_string();
    match text.trim_end_matches('Z').split_once('T') {
        Some((date, time)) => (date.to_owned(), time.to_owned()),
        // Outside the calendar's range.
        None => (text, String::new()),
    }
}

/// Without the seconds.
fn minutes(time: &str) -> &str {
    time.get(..5).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::window::{DAY, UnixSeconds};
    use proptest::prelude::*;

    /// 2027-01-15T08:00:00Z.
    const NOW: u64 = 1_800_000_000;

    fn clock(offset: &str) -> Clock {
        Clock {
            now: Moment(UnixSeconds(NOW)),
            offset: offset.parse().unwrap(),
            language: Language::English,
        }
    }

    #[test]
    fn times_have_a_date_where_the_time_of_day_may_mislead() {
        let ago = |seconds| Moment(UnixSeconds(NOW - seconds));
        let table = [
            ("+08:00", 1500, "07:35 UTC (15:35 +08:00, 25 min ago)"),
            ("+00:00", 1500, "07:35 UTC (25 min ago)"),
            ("-03:30", 5 * 3600, "03:00 UTC (23:30 -03:30, 5 h ago)"),
            (
                "+08:00",
                2 * DAY,
                "2027-01-13 08:00 UTC (16:00 +08:00, 2 days ago)",
            ),
            (
                "+08:00",
                DAY + 9 * 3600,
                "2027-01-13 23:00 UTC (2027-01-14 07:00 +08:00, 33 h ago)",
            ),
        ];
        for (offset, seconds, text) in table {
            assert_eq!(clock(offset).since(ago(seconds)), text);
        }
        let whole = clock("+08:00").whole(ago(1500));
        assert_eq!(whole, "2027-01-15 07:35:00 UTC, 2027-01-15 15:35:00 +08:00");
        assert_eq!(clock("+08:00").ahead(ago(0)), "now");
    }

    proptest! {
        #[test]
        fn every_time_can_be_told(at: u64, now: u64, minutes in -720_i32..=840) {
            let offset = DayOffset::from_seconds(minutes * 60).unwrap();
            let clock = Clock { now: Moment(UnixSeconds(now)), offset, language: Language::English };
            let at = Moment(UnixSeconds(at));
            prop_assert!(clock.since(at).contains("ago"));
            prop_assert!(clock.whole(at).contains("UTC"));
            prop_assert!(!clock.at(at).contains("ago"));
        }
    }
}
