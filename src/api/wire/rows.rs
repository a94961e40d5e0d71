//! Rows and numbers: what is inside the arrays.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::NotAnAnswer;
use crate::reading::{
    Api, ErrCode, Funnel, Loss, LossKey, MAX_CODE_CHARS, MAX_DESCRIPTION_CHARS, Platform, Reading,
    Stage,
};
use crate::scrubber::Scrubber;

/// Integers up to this are exact as JSON floats.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

pub(super) fn reading(
    api: Api,
    sections: &[&Map<String, Value>],
    scrubber: &Scrubber,
) -> Result<Reading, NotAnAnswer> {
    match api {
        Api::NormalPushLoss => losses(sections, scrubber),
        Api::NormalPushStatistics => statistics(sections),
    }
}

/// A row's description with what decides which of several rows describes the code: one
/// with a text before one without, then the larger count, then text order.
type Description = (bool, u64, Reverse<String>);

fn losses(sections: &[&Map<String, Value>], scrubber: &Scrubber) -> Result<Reading, NotAnAnswer> {
    const ARRAYS: [(&str, Stage, bool); 4] = [
        ("ReadyToSendLoss", Stage::ReadyToSend, false),
        ("PostSendDeliveredLoss", Stage::PostSendDelivered, false),
        ("PlatformReadyToSendLoss", Stage::ReadyToSend, true),
        (
            "PlatformPostSendDeliveredLoss",
            Stage::PostSendDelivered,
            true,
        ),
    ];
    let mut sums: BTreeMap<LossKey, (u64, Description)> = BTreeMap::new();
    for (section, (array, stage, per_platform)) in sections
        .iter()
        .flat_map(|section| ARRAYS.map(|array| (section, array)))
    {
        for (place, row) in rows(section, array)? {
            let field = |key| (row.get(key), format!("{place}.{key}"));
            let platform = per_platform
                .then(|| number(field("PushPlatform"), integer).map(Platform))
                .transpose()?;
            let code = code(field("ErrCode"), scrubber)?;
            let rows_count = number(field("ErrCount"), count)?;
            let text = description(field("ErrInfo"), scrubber)?;
            let candidate = (!text.is_empty(), rows_count, Reverse(text));
            let (sum, best) = sums
                .entry(LossKey {
                    stage,
                    platform,
                    code,
                })
                .or_insert_with(|| (0, (false, 0, Reverse(String::new()))));
            *sum = sum.saturating_add(rows_count);
            if candidate > *best {
                *best = candidate;
            }
        }
    }
    Ok(Reading::Loss(
        sums.into_iter()
            .map(|(key, (count, (_, _, Reverse(description))))| (key, Loss { count, description }))
            .collect(),
    ))
}

fn statistics(sections: &[&Map<String, Value>]) -> Result<Reading, NotAnAnswer> {
    let mut overall = Funnel::default();
    let mut platforms: BTreeMap<Platform, Funnel> = BTreeMap::new();
    for section in sections {
        add(&mut overall, funnel(section, "")?);
        for (place, row) in rows(section, "PlatformStatistics")? {
            let platform = number(
                (row.get("PushPlatform"), format!("{place}.PushPlatform")),
                integer,
            )?;
            if !FUNNEL.iter().any(|key| row.contains_key(*key)) {
                return Err(NotAnAnswer::new(format!(
                    "{place} holds none of {}",
                    FUNNEL.join(", ")
                )));
            }
            add(
                platforms.entry(Platform(platform)).or_default(),
                funnel(row, &format!("{place}."))?,
            );
        }
    }
    Ok(Reading::Statistics { overall, platforms })
}

const FUNNEL: [&str; 4] = ["TotalCount", "SentCount", "DeliveredCount", "ClickCount"];

/// The four counts of an object. A missing one is 0, since encoders of the service's kind
/// leave zeros out.
fn funnel(object: &Map<String, Value>, place: &str) -> Result<Funnel, NotAnAnswer> {
    let get = |key: &str| match object.get(key) {
        None | Some(Value::Null) => Ok(0),
        value => number((value, format!("{place}{key}")), count),
    };
    Ok(Funnel {
        sendable: get(FUNNEL[0])?,
        sent: get(FUNNEL[1])?,
        delivered: get(FUNNEL[2])?,
        clicked: get(FUNNEL[3])?,
    })
}

fn add(sum: &mut Funnel, more: Funnel) {
    sum.sendable = sum.sendable.saturating_add(more.sendable);
    sum.sent = sum.sent.saturating_add(more.sent);
    sum.delivered = sum.delivered.saturating_add(more.delivered);
    sum.clicked = sum.clicked.saturating_add(more.clicked);
}

type Row<'a> = (String, &'a Map<String, Value>);

/// The rows of an array, each with its place for error texts. A missing or null array
/// has none.
fn rows<'a>(section: &'a Map<String, Value>, array: &str) -> Result<Vec<Row<'a>>, NotAnAnswer> {
    match section.get(array) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(rows)) => rows
            .iter()
            .enumerate()
            .map(|(index, row)| {
                let place = format!("{array}[{index}]");
                match row.as_object() {
                    Some(row) => Ok((place, row)),
                    None => Err(NotAnAnswer::new(format!("{place} is not an object"))),
                }
            })
            .collect(),
        Some(_) => Err(NotAnAnswer::new(format!("{array} is not an array"))),
    }
}

/// A field of a row with its place for error texts.
type Field<'a> = (Option<&'a Value>, String);

fn number<T>(
    (value, place): Field,
    read: fn(Option<&Value>) -> Result<T, &'static str>,
) -> Result<T, NotAnAnswer> {
    read(value).map_err(|kind| NotAnAnswer::new(format!("{place} {kind}")))
}

fn code((value, place): Field, scrubber: &Scrubber) -> Result<ErrCode, NotAnAnswer> {
    match value {
        Some(Value::String(text)) => Ok(ErrCode::new(&scrubber.scrub(text, MAX_CODE_CHARS))),
        Some(number @ Value::Number(_)) => integer(Some(number))
            .map(|code| ErrCode::new(&code.to_string()))
            .map_err(|kind| NotAnAnswer::new(format!("{place} {kind}"))),
        Some(_) => Err(NotAnAnswer::new(format!(
            "{place} is neither text nor a number"
        ))),
        None => Err(NotAnAnswer::new(format!("{place} is missing"))),
    }
}

fn description((value, place): Field, scrubber: &Scrubber) -> Result<String, NotAnAnswer> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(scrubber.scrub(text, MAX_DESCRIPTION_CHARS)),
        Some(_) => Err(NotAnAnswer::new(format!("{place} is not text"))),
    }
}

fn count(value: Option<&Value>) -> Result<u64, &'static str> {
    // Counts above i64 are as impossible as negative ones: the service would have pushed
    // more often than there are nanoseconds in a century.
    u64::try_from(integer(value)?).map_err(|_| "is negative")
}

/// An integer, as JSON number, as float without a fraction, or as digits in a string.
pub(super) fn integer(value: Option<&Value>) -> Result<i64, &'static str> {
    match value {
        None => Err("is missing"),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Ok(integer),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "in range and without a fraction"
            )]
            (None, Some(float)) if float.fract() == 0.0 && float.abs() <= MAX_EXACT => {
                Ok(float as i64)
            }
            _ => Err("is not a whole number in range"),
        },
        Some(Value::String(text)) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err("is text that is not a whole number");
            }
            text.parse().map_err(|_| "is not a whole number in range")
        }
        Some(_) => Err("is not a number"),
    }
}
