//! The service's responses for a target.

use serde::{Serialize, Serializer};

use super::words::Words;
use super::{Level, Moment, Runbook, words};
use crate::model::language::Language;
use crate::model::outcome::{FetchError, Outcome};
use crate::target::snapshot::{ApiState, LastError};

/// The health of one API of a target.
#[derive(Debug, Serialize)]
pub struct ApiHealth {
    pub up: bool,
    pub last_success: Option<Moment>,
    pub consecutive_failures: u32,
    /// When the first of these failures occurred; absent while the API responds.
    pub failing_since: Option<Moment>,
    pub last_error: Option<ErrorStatus>,
}

/// The latest failure, which may be over.
#[derive(Debug, Serialize)]
pub struct ErrorStatus {
    pub at: Moment,
    #[serde(serialize_with = "label")]
    pub outcome: Outcome,
    pub code: Option<i64>,
    pub message: String,
    pub advice: String,
    /// The page with the next steps.
    pub runbook: Runbook,
    #[serde(skip)]
    language: Language,
}

impl ApiHealth {
    pub(super) fn of(state: &ApiState, language: Language) -> Self {
        Self {
            up: state.up,
            last_success: state.last_success.map(Moment),
            consecutive_failures: state.consecutive_failures,
            failing_since: state.failing_since.map(Moment),
            last_error: state
                .last_error
                .as_ref()
                .map(|last| ErrorStatus::of(last, language)),
        }
    }

    /// For people.
    pub fn words(&self, words: &Words) -> String {
        match (self.up, &self.last_error) {
            (true, _) => words.answers().to_owned(),
            (false, None) => words.not_asked().to_owned(),
            (false, Some(_)) => words.failed(self.consecutive_failures),
        }
    }

    /// The name of the health in the style sheet.
    pub fn level(&self) -> Level {
        match (self.up, &self.last_error) {
            (true, _) => Level::Good,
            (false, None) => Level::Waiting,
            (false, Some(_)) => Level::Bad,
        }
    }
}

impl ErrorStatus {
    /// Whether it is the same problem, whenever it occurred.
    pub fn has_cause_of(&self, other: &Self) -> bool {
        self.name() == other.name() && self.message == other.message && self.advice == other.advice
    }

    fn of(last: &LastError, language: Language) -> Self {
        let FetchError {
            outcome,
            code,
            message,
            advice,
            retry_after: _,
        } = &last.error;
        let words = words::of(language);
        Self {
            at: Moment(last.at),
            outcome: *outcome,
            code: *code,
            message: words.told(message),
            advice: words.told(&words::sentence(advice)),
            runbook: Runbook::of_failure(*outcome),
            language,
        }
    }

    /// `authentication failed (auth 70009)`.
    pub fn name(&self) -> String {
        let words = words::of(self.language);
        words.beside(words.outcome(self.outcome), self.label())
    }

    /// `auth 70009`.
    fn label(&self) -> String {
        words::label(self.outcome, self.code)
    }

    /// `authentication failed, auth 70009`, for parentheses.
    pub(super) fn reason(&self) -> String {
        let words = words::of(self.language);
        let outcome = words.outcome(self.outcome);
        format!("{outcome}{}{}", words.comma(), self.label())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn label<S: Serializer>(outcome: &Outcome, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(outcome.as_str())
}
