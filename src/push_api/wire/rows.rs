//! Rows and numbers: the content of the arrays.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::texts::Texts;
use super::{NotAnAnswer, json};
use crate::model::reading::{
    Api, ErrCode, Funnel, Loss, LossKey, MAX_CODE_CHARS, MAX_DESCRIPTION_CHARS, Measure, Platform,
    Reading, Stage,
};
use crate::scrubber::Scrubber;

/// `sections` are JSON objects.
pub(super) fn reading(
    api: Api,
    sections: &[&str],
    scrubber: &Scrubber,
) -> Result<Reading, NotAnAnswer> {
    match api.measure() {
        Measure::Losses => losses(sections, scrubber),
        Measure::Funnel => statistics(sections),
    }
}

/// A row's description, with the order that decides which of several rows describes the code:
/// one with a text before one without, then the larger count, then text order.
type Description = (bool, u64, Reverse<Rc<str>>);

fn losses(sections: &[&str], scrubber: &Scrubber) -> Result<Reading, NotAnAnswer> {
    const ARRAYS: [&str; 4] = [
        "ReadyToSendLoss",
        "PostSendDeliveredLoss",
        "PlatformReadyToSendLoss",
        "PlatformPostSendDeliveredLoss",
    ];
    const KINDS: [(Stage, bool); 4] = [
        (Stage::ReadyToSend, false),
        (Stage::PostSendDelivered, false),
        (Stage::ReadyToSend, true),
        (Stage::PostSendDelivered, true),
    ];
    const KEYS: [&str; 5] = [EVENT, "PushPlatform", "ErrCode", "ErrCount", "ErrInfo"];
    let mut texts = Texts::new(scrubber, MAX_DESCRIPTION_CHARS);
    let mut sums: BTreeMap<LossKey, (u64, Description)> = BTreeMap::new();
    for section in sections {
        let arrays = json::fields(section, ARRAYS).unwrap_or_default();
        for ((array, rows), (stage, per_platform)) in ARRAYS.iter().zip(arrays).zip(KINDS) {
            each_row(array, rows, KEYS, |[event, platform, code, count, info]| {
                let platform = per_platform.then(|| channel(event, platform)).transpose()?;
                let code = err_code(code, scrubber)?;
                let count = count.count()?;
                // A description decides nothing, so none is invalid.
                let text = info.value.and_then(json::text).unwrap_or_default();
                let text = texts.clean(text);
                let candidate = (!text.is_empty(), count, Reverse(text));
                let (sum, best) = sums
                    .entry(LossKey {
                        stage,
                        platform,
                        code,
                    })
                    .or_default();
                *sum = sum.saturating_add(count);
                if candidate > *best {
                    *best = candidate;
                }
                Ok(())
            })?;
        }
    }
    let loss = |count, description: &str| Loss {
        count,
        description: description.to_owned(),
    };
    Ok(Reading::Loss(
        sums.into_iter()
            .map(|(key, (count, (_, _, Reverse(text))))| (key, loss(count, &text)))
            .collect(),
    ))
}

fn err_code(field: Field<'_>, scrubber: &Scrubber) -> Result<ErrCode, NotAnAnswer> {
    let Some(value) = field.value else {
        return Err(field.complaint("is missing"));
    };
    if let Some(text) = json::text(value) {
        return Ok(ErrCode::new(&scrubber.scrub(&text, MAX_CODE_CHARS)));
    }
    match json::integer(Some(value)) {
        Ok(code) => Ok(ErrCode::new(&code.to_string())),
        Err(kind)
            if value
                .get()
                .starts_with(|c: char| c == '-' || c.is_ascii_digit()) =>
        {
            Err(field.complaint(kind))
        }
        Err(_) => Err(field.complaint("is neither text nor a number")),
    }
}

const FUNNEL: [&str; 4] = ["TotalCount", "SentCount", "DeliveredCount", "ClickCount"];

fn statistics(sections: &[&str]) -> Result<Reading, NotAnAnswer> {
    const ARRAY: &str = "PlatformStatistics";
    const KEYS: [&str; 6] = [
        EVENT,
        "PushPlatform",
        FUNNEL[0],
        FUNNEL[1],
        FUNNEL[2],
        FUNNEL[3],
    ];
    let mut overall = Funnel::default();
    let mut platforms: BTreeMap<Platform, Funnel> = BTreeMap::new();
    for section in sections {
        let counts = json::fields(section, FUNNEL).unwrap_or_default();
        add(&mut overall, funnel(named(None, FUNNEL, counts))?);
        let [rows] = json::fields(section, [ARRAY]).unwrap_or_default();
        each_row(ARRAY, rows, KEYS, |[event, platform, counts @ ..]| {
            let channel = channel(event, platform)?;
            if counts.iter().all(|count| count.value.is_none()) {
                let none = format!("holds none of {}", FUNNEL.join(", "));
                return Err(platform.row_complaint(&none));
            }
            add(platforms.entry(channel).or_default(), funnel(counts)?);
            Ok(())
        })?;
    }
    Ok(Reading::Statistics { overall, platforms })
}

/// Whether a device was reached through a vendor's channel or online; only in rows of the APIs
/// of all-user pushes.
const EVENT: &str = "EventType";

/// `EventType` of pushes to devices that were online.
const ONLINE: i64 = 2;

/// The platform of a row. Online pushes use no vendor's channel, whatever number is written.
fn channel(event: Field<'_>, platform: Field<'_>) -> Result<Platform, NotAnAnswer> {
    let event = match event.value.map(RawValue::get) {
        None | Some("null") => None,
        Some(_) => Some(event.integer()?),
    };
    match event {
        Some(ONLINE) => Ok(Platform::ONLINE),
        _ => platform.integer().map(Platform),
    }
}

/// A missing count is 0, since encoders like the service's omit zeros.
fn funnel(counts: [Field<'_>; 4]) -> Result<Funnel, NotAnAnswer> {
    let get = |at: usize| match counts[at].value.map(RawValue::get) {
        None | Some("null") => Ok(0),
        Some(_) => counts[at].count(),
    };
    Ok(Funnel {
        sendable: get(0)?,
        sent: get(1)?,
        delivered: get(2)?,
        clicked: get(3)?,
    })
}

fn add(sum: &mut Funnel, more: Funnel) {
    sum.sendable = sum.sendable.saturating_add(more.sendable);
    sum.sent = sum.sent.saturating_add(more.sent);
    sum.delivered = sum.delivered.saturating_add(more.delivered);
    sum.clicked = sum.clicked.saturating_add(more.clicked);
}

/// Passes the fields `keys` of each row to `visit`. A missing or null array has no rows.
fn each_row<'a, const N: usize>(
    array: &'static str,
    rows: Option<&'a RawValue>,
    keys: [&'static str; N],
    mut visit: impl FnMut([Field<'a>; N]) -> Result<(), NotAnAnswer>,
) -> Result<(), NotAnAnswer> {
    let Some(rows) = rows.map(RawValue::get).filter(|rows| *rows != "null") else {
        return Ok(());
    };
    let mut index = 0;
    let visited = json::elements(rows, |row| {
        let row_place = Row { array, index };
        index += 1;
        match json::fields(row.get(), keys) {
            Ok(values) => visit(named(Some(row_place), keys, values)),
            Err(_) => Err(NotAnAnswer::new(format!("{row_place} is not an object"))),
        }
    });
    visited.unwrap_or_else(|_| Err(NotAnAnswer::new(format!("{array} is not an array"))))
}

/// The place of a row. It becomes a text only for an error message.
#[derive(Clone, Copy)]
struct Row {
    array: &'static str,
    index: usize,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.array, self.index)
    }
}

/// A field with its place.
#[derive(Clone, Copy)]
struct Field<'a> {
    row: Option<Row>,
    key: &'static str,
    value: Option<&'a RawValue>,
}

fn named<'a, const N: usize>(
    row: Option<Row>,
    keys: [&'static str; N],
    values: [Option<&'a RawValue>; N],
) -> [Field<'a>; N] {
    std::array::from_fn(|at| Field {
        row,
        key: keys[at],
        value: values[at],
    })
}

impl Field<'_> {
    fn integer(&self) -> Result<i64, NotAnAnswer> {
        json::integer(self.value).map_err(|kind| self.complaint(kind))
    }

    /// Counts above `i64` are as impossible as negative ones: the service would have pushed
    /// more often than there are nanoseconds in a century.
    fn count(&self) -> Result<u64, NotAnAnswer> {
        u64::try_from(self.integer()?).map_err(|_| self.complaint("is negative"))
    }

    fn complaint(&self, kind: &str) -> NotAnAnswer {
        NotAnAnswer::new(match self.row {
            Some(row) => format!("{row}.{} {kind}", self.key),
            None => format!("{} {kind}", self.key),
        })
    }

    fn row_complaint(&self, kind: &str) -> NotAnAnswer {
        NotAnAnswer::new(match self.row {
            Some(row) => format!("{row} {kind}"),
            None => kind.to_owned(),
        })
    }
}
