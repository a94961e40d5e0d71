//! Campaigns: scheduled pushes to all users, to a tag or to listed users.
//!
//! Every app has one every three hours, numbered by its time. Of eight in a row, one cannot
//! be dispatched, one is never dispatched, and one is refused by a vendor. Each pushes for
//! half an hour.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::model::reading::{Api, Reading};
use crate::model::window::{Range, UnixSeconds};
use crate::simulator::data::{EXPIRED, Injected, truth_with};
use crate::simulator::{Incidents, SimApp};

/// The time between two campaigns.
const EVERY: u64 = 3 * 3600;

/// How long a campaign pushes.
const LASTS: u64 = 1800;

/// How long the dispatch of a campaign takes.
const DISPATCHING: u64 = 20;

/// The number of campaigns scheduled ahead.
const AHEAD: u64 = 2;

/// A busy hour of a Monday, 19:30 at +08:00, to which every campaign's half-hour is moved: a
/// campaign's size does not depend on the time of day.
const BUSY: u64 = 1_741_606_200;

const TITLES: [(&str, &str); 3] = [
    ("All", "Weekend sale"),
    ("Tag", "New season for regulars"),
    ("User", "Your cart is waiting"),
];

/// What happens to a campaign after its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Dispatched,
    /// A vendor refuses most of its pushes.
    Refused,
    Undispatchable,
    /// It stays pending.
    Forgotten,
}

/// One campaign of an app.
#[derive(Clone, Copy)]
pub(super) struct Campaign<'a> {
    pub(super) app: &'a SimApp,
    pub(super) number: u64,
}

impl<'a> Campaign<'a> {
    /// The campaigns scheduled for a range, as far as they are known at `now`.
    pub(super) fn all(
        app: &'a SimApp,
        range: Range,
        now: UnixSeconds,
    ) -> impl DoubleEndedIterator<Item = Self> {
        let last = (now.0 / EVERY + AHEAD).min(range.end.0 / EVERY);
        let numbers = range.start.0 / EVERY..=last;
        let campaigns = numbers.map(move |number| Self { app, number });
        campaigns.filter(move |campaign| (range.start.0..=range.end.0).contains(&campaign.at()))
    }

    /// Whether it is or was in the list.
    pub(super) fn is_planned(self, now: UnixSeconds) -> bool {
        self.number <= now.0 / EVERY + AHEAD
    }

    fn at(self) -> u64 {
        self.number * EVERY + u64::from(self.app.sdk_app_id) % LASTS
    }

    fn course(self) -> Course {
        match self.number % 8 {
            1 => Course::Refused,
            3 => Course::Undispatchable,
            6 => Course::Forgotten,
            _ => Course::Dispatched,
        }
    }

    /// Whether it pushes, or has pushed, by `now`.
    fn has_begun(self, now: UnixSeconds) -> bool {
        let is_sent = matches!(self.course(), Course::Dispatched | Course::Refused);
        is_sent && now.0 >= self.at() + DISPATCHING
    }

    /// The `TaskID` of its push.
    fn push(self) -> String {
        format!(
            "{:08x}_{:08x}_2000005e80aa873",
            self.number, self.app.sdk_app_id
        )
    }

    pub(super) fn of_push(app: &'a SimApp, push: &str, now: UnixSeconds) -> Option<Self> {
        let number = u64::from_str_radix(push.get(..8)?, 16).ok()?;
        let campaign = Self { app, number };
        (campaign.push() == push && campaign.has_begun(now)).then_some(campaign)
    }

    /// Its counts in a range, as the service reports them.
    pub(super) fn truth(self, api: Api, range: Range) -> Reading {
        let moved = |at: UnixSeconds| {
            let into = at.0.saturating_sub(self.at()).min(LASTS);
            UnixSeconds(BUSY + into)
        };
        let range = Range {
            start: moved(range.start),
            end: moved(range.end),
        };
        // The busy half-hour has a twenty-fifth of a day's pushes: with this, a campaign to all
        // users has half as many as the app sends to all users in a whole day.
        let share = [12, 4, 1][kind(self.number)];
        let app = SimApp {
            sdk_app_id: self.app.sdk_app_id ^ u32::try_from(self.number).unwrap_or(0),
            pushes_a_day: self.app.pushes_a_day.saturating_mul(share),
            incidents: Incidents::None,
            ..self.app.clone()
        };
        let refused = Injected {
            sdk_app_id: None,
            cause: EXPIRED,
            range: Range::new(BUSY, BUSY + LASTS),
        };
        let injected = match self.course() {
            Course::Refused => vec![refused],
            _ => Vec::new(),
        };
        truth_with(&app, &injected, api, range)
    }

    /// Its entry in the list of tasks.
    pub(super) fn shown(self, now: UnixSeconds) -> Value {
        let (kind, title) = TITLES[kind(self.number)];
        let is_due = now.0 >= self.at();
        let is_over = now.0 >= self.at() + DISPATCHING;
        let status = if !is_due || self.course() == Course::Forgotten {
            "pending"
        } else if is_over {
            "dispatched"
        } else {
            "dispatching"
        };
        let error = if is_over && self.course() == Course::Undispatchable {
            "daily limit of pushes to all users reached"
        } else {
            ""
        };
        let push = self.has_begun(now).then(|| self.push());
        json!({
            "TaskID": self.number,
            "Sdkappid": self.app.sdk_app_id,
            "CreateAt": civil(self.at().saturating_sub(AHEAD * EVERY)),
            "Type": kind,
            "SchedAt": civil(self.at()),
            "Title": format!("{title} {}", self.number % 100),
            "Desc": "made up",
            "Status": status,
            "DispatchSuccess": u8::from(push.is_some()),
            "DispatchErr": error,
            "PushTaskID": push.unwrap_or_default(),
        })
    }
}

fn kind(number: u64) -> usize {
    usize::try_from(number % 3).unwrap_or(0)
}

/// A moment as the service writes it, in UTC.
pub(in crate::simulator) fn civil(at: u64) -> String {
    let at = jiff::Timestamp::from_second(i64::try_from(at).unwrap_or(0)).unwrap_or_default();
    TimeZone::UTC.to_datetime(at).strftime("%F %T").to_string()
}
