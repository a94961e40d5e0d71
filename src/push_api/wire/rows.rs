//! Rows and numbers: the content of the arrays.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::object::{Field, Object};
use super::texts::Texts;
use super::{NotAnAnswer, json};
use crate::model::reading::{
    Api, ErrCode, Funnel, Loss, LossKey, MAX_CODE_CHARS, MAX_DESCRIPTION_CHARS, Measure, Platform,
    Reading, Stage,
};
use crate::scrubber::Scrubber;

/// The keys that hold data in a response of `api`.
pub(super) fn keys(api: Api) -> Vec<&'static str> {
    match api.measure() {
        Measure::Losses => LOSSES.map(|(key, ..)| key).to_vec(),
        Measure::Funnel => [&FUNNEL[..], &[PLATFORMS]].concat(),
    }
}

pub(super) fn reading(
    api: Api,
    sections: &[Object],
    scrubber: &Scrubber,
) -> Result<Reading, NotAnAnswer> {
    match api.measure() {
        Measure::Losses => losses(sections, scrubber),
        Measure::Funnel => statistics(sections),
    }
}

/// The arrays of losses: the key, the stage, and whether each row is about one platform.
const LOSSES: [(&str, Stage, bool); 4] = [
    ("ReadyToSendLoss", Stage::ReadyToSend, false),
    ("PostSendDeliveredLoss", Stage::PostSendDelivered, false),
    ("PlatformReadyToSendLoss", Stage::ReadyToSend, true),
    (
        "PlatformPostSendDeliveredLoss",
        Stage::PostSendDelivered,
        true,
    ),
];

/// A row's description, with the order that decides which of several rows describes the code:
/// one with a text before one without, then the larger count, then text order.
type Description = (bool, u64, Reverse<Rc<str>>);

fn losses(sections: &[Object], scrubber: &Scrubber) -> Result<Reading, NotAnAnswer> {
    const KEYS: [&str; 5] = [EVENT, PLATFORM, "ErrCode", "ErrCount", "ErrInfo"];
    let mut texts = Texts::new(scrubber, MAX_DESCRIPTION_CHARS);
    let mut sums: BTreeMap<LossKey, (u64, Description)> = BTreeMap::new();
    for section in sections {
        let arrays = section.fields(LOSSES.map(|(key, ..)| key));
        for (array, (_, stage, per_platform)) in arrays.into_iter().zip(LOSSES) {
            array.rows(|row| {
                let [event, platform, code, count, info] = row.fields(KEYS);
                let platform = per_platform.then(|| channel(event, platform)).transpose()?;
                let code = err_code(code, scrubber)?;
                let count = count.count()?;
                // A description decides nothing, so none is invalid.
                let text = texts.clean(info.text());
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

fn err_code(field: Field, scrubber: &Scrubber) -> Result<ErrCode, NotAnAnswer> {
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

/// The counts of a funnel, overall or of one platform.
const FUNNEL: [&str; 4] = ["TotalCount", "SentCount", "DeliveredCount", "ClickCount"];

/// The array of funnels by platform.
const PLATFORMS: &str = "PlatformStatistics";

fn statistics(sections: &[Object]) -> Result<Reading, NotAnAnswer> {
    let mut overall = Funnel::default();
    let mut platforms: BTreeMap<Platform, Funnel> = BTreeMap::new();
    for section in sections {
        overall = overall.saturating_add(funnel(&section.fields(FUNNEL))?);
        section.field(PLATFORMS).rows(|row| {
            let [event, platform] = row.fields([EVENT, PLATFORM]);
            let channel = channel(event, platform)?;
            let counts = row.fields(FUNNEL);
            if counts.iter().all(|count| count.value.is_none()) {
                let none = format!("holds none of {}", FUNNEL.join(", "));
                return Err(row.complaint(&none));
            }
            let sum = platforms.entry(channel).or_default();
            *sum = sum.saturating_add(funnel(&counts)?);
            Ok(())
        })?;
    }
    Ok(Reading::Statistics { overall, platforms })
}

/// The vendor's channel of a row.
const PLATFORM: &str = "PushPlatform";

/// Whether a device was reached through a vendor's channel or online; only in rows of the APIs
/// of all-user pushes.
const EVENT: &str = "EventType";

/// `EventType` of pushes to devices that were online.
const ONLINE: i64 = 2;

/// The platform of a row. Online pushes use no vendor's channel, whatever number is written.
fn channel(event: Field, platform: Field) -> Result<Platform, NotAnAnswer> {
    match event.given().map(|_| event.integer()).transpose()? {
        Some(ONLINE) => Ok(Platform::ONLINE),
        _ => platform.integer().map(Platform),
    }
}

/// A missing count is 0, since encoders like the service's omit zeros.
fn funnel(counts: &[Field; 4]) -> Result<Funnel, NotAnAnswer> {
    let get = |at: usize| counts[at].given().map_or(Ok(0), |_| counts[at].count());
    Ok(Funnel {
        sendable: get(0)?,
        sent: get(1)?,
        delivered: get(2)?,
        clicked: get(3)?,
    })
}
