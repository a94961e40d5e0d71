//! The state of a target.

use serde::Serialize;

use super::{Concern, Level, LossStatus};
use crate::model::reading::Api;
use crate::target::snapshot::{ApiState, TargetState};

/// The state of a target, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Losses cannot be queried.
    Failing,
    /// Pushes are lost for a reason that someone can fix.
    Losing,
    /// A loss is rising.
    Rising,
    /// Pushes were lost in the window, but not recently.
    Over,
    /// Losses are known, but statistics cannot be queried.
    Partial,
    /// Not every API has been queried yet.
    Waiting,
    Good,
}

impl State {
    pub(super) fn of(target: &TargetState, rows: &[LossStatus]) -> Self {
        let fails = |api: &ApiState| !api.up && api.last_error.is_some();
        let has = |concern| rows.iter().any(|loss| loss.concern == concern);
        let losses = Api::losses(target.target.push);
        if target.apis.get(&losses).is_some_and(fails) {
            Self::Failing
        } else if has(Concern::Repair) {
            Self::Losing
        } else if has(Concern::Rising) {
            Self::Rising
        } else if has(Concern::Over) {
            Self::Over
        } else if target.apis.values().any(fails) {
            Self::Partial
        } else if !target.is_known() {
            Self::Waiting
        } else {
            Self::Good
        }
    }

    pub fn needs_attention(self) -> bool {
        self < Self::Waiting
    }

    /// The name of the state in the style sheet.
    pub fn level(self) -> Level {
        match self {
            Self::Failing | Self::Losing => Level::Bad,
            Self::Rising | Self::Over | Self::Partial => Level::Warning,
            Self::Waiting => Level::Waiting,
            Self::Good => Level::Good,
        }
    }
}
