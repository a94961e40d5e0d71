//! One target's losses and the totals that they are a part of, as JSON shows them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::target::Target;
use crate::model::catalogue::{CodeClass, loss_code, reason};
use crate::model::push::Push;
use crate::model::reading::{Funnel, Loss, LossKey, Platform, Reading, Stage};
use crate::model::window::Range;

/// The number of pushes; `None` is the overall count. Empty if it was not queried.
#[derive(Default)]
pub(super) struct Sent(BTreeMap<Option<Platform>, Funnel>);

impl Sent {
    pub(super) fn of(reading: Reading) -> Self {
        let Reading::Statistics { overall, platforms } = reading else {
            return Self::default();
        };
        let platforms = platforms.into_iter();
        let platforms = platforms.map(|(platform, funnel)| (Some(platform), funnel));
        Self(platforms.chain([(None, overall)]).collect())
    }

    /// The count that losses of a stage are a part of.
    fn before(&self, stage: Stage, platform: Option<Platform>) -> Option<u64> {
        let funnel = self.0.get(&platform)?;
        Some(funnel.get(stage.step()))
    }
}

#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) app: String,
    pub(super) region: String,
    pub(super) push: Push,
    pub(super) from: String,
    pub(super) to: String,
    /// By stage.
    pub(super) totals: Vec<Total>,
    /// The worst first: those that need an operator, then by count.
    pub(super) losses: Vec<Row>,
}

/// All losses of a stage.
#[derive(Serialize)]
pub(super) struct Total {
    pub(super) stage: Stage,
    pub(super) count: u64,
    #[serde(flatten)]
    pub(super) part: Part,
}

#[derive(Serialize)]
pub(super) struct Row {
    pub(super) stage: Stage,
    /// `all` for the overall rows.
    pub(super) platform: String,
    pub(super) err_code: String,
    pub(super) description: String,
    pub(super) count: u64,
    /// Fraction of all losses of the same stage and platform, 0 to 1.
    share: f64,
    #[serde(flatten)]
    pub(super) part: Part,
    pub(super) class: &'static str,
    pub(super) advice: String,
    #[serde(skip)]
    pub(super) is_churn: bool,
    #[serde(skip)]
    pub(super) is_overall: bool,
}

/// The total that a count is a part of; absent if unknown.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Part {
    /// `sendable` or `sent`.
    pub(super) of: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) of_count: Option<u64>,
    /// From 0 to 1, where 1 means that all were lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<f64>,
}

impl Part {
    fn new(stage: Stage, count: u64, of_count: Option<u64>) -> Self {
        Self {
            of: stage.step().as_str(),
            of_count,
            rate: of_count.filter(|of| *of > 0).map(|of| share(count, of)),
        }
    }
}

impl Answer {
    pub(super) fn new(
        target: &Target,
        range: Range,
        losses: &BTreeMap<LossKey, Loss>,
        sent: &Sent,
    ) -> Self {
        let mut sums = BTreeMap::new();
        for (key, loss) in losses {
            let sum: &mut u64 = sums.entry((key.stage, key.platform)).or_default();
            *sum = sum.saturating_add(loss.count);
        }
        let of_platforms = |stage| {
            let sums = sums
                .iter()
                .filter(|((of, platform), _)| *of == stage && platform.is_some());
            sums.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
        };
        let total = |stage| {
            let overall = sums.get(&(stage, None)).copied();
            let count = overall.unwrap_or_else(|| of_platforms(stage));
            let part = Part::new(stage, count, sent.before(stage, None));
            Total { stage, count, part }
        };
        let row = |(key, loss): (&LossKey, &Loss)| {
            let of_all = sums.get(&(key.stage, key.platform)).copied().unwrap_or(0);
            let class = loss_code(key.stage, key.platform, &key.code, &loss.description).class;
            let meaning = reason(key.stage, key.platform, &key.code, &loss.description);
            let platform = key.platform.map(|platform| platform.to_string());
            let part = Part::new(key.stage, loss.count, sent.before(key.stage, key.platform));
            let row = Row {
                stage: key.stage,
                platform: platform.unwrap_or_else(|| "all".to_owned()),
                err_code: key.code.to_string(),
                description: loss.description.clone(),
                count: loss.count,
                share: share(loss.count, of_all),
                part,
                class: class.as_str(),
                advice: meaning.advice.clone(),
                is_churn: class == CodeClass::TokenInvalid,
                is_overall: key.platform.is_none(),
            };
            (class.needs_operator(), row)
        };
        let mut rows: Vec<(bool, Row)> = losses.iter().map(row).collect();
        rows.sort_by_key(|(needs_operator, row)| (Reverse(*needs_operator), Reverse(row.count)));
        Self {
            app: target.app.name.clone(),
            region: target.region.name.clone(),
            push: target.push,
            from: range.start.to_string(),
            to: range.end.to_string(),
            totals: Stage::ALL.map(total).into(),
            losses: rows.into_iter().map(|(_, row)| row).collect(),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share is shown with one digit"
)]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
