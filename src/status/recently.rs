//! Current losses, which a window of an hour cannot show.

use serde::Serialize;

use super::Moment;
use super::words::Words;
use crate::target::snapshot::{Recent, Slope};

/// Pushes lost in the last 5 to 10 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Recently {
    pub lost: u64,
    /// The length of the time to which `lost` refers, up to `end`.
    pub seconds: u64,
    pub end: Moment,
    pub per_minute: f64,
    /// Fraction of the pushes of the same minutes that could have been lost this way, 0 to 1;
    /// absent if statistics do not provide it.
    pub share_of_pushes: Option<f64>,
    pub direction: Slope,
    /// The time since which the exporter has observed the target without a gap.
    pub watched_since: Moment,
}

impl Recently {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate is shown with two digits"
    )]
    pub(super) fn of(recent: &Recent, pushes_a_second: Option<f64>) -> Self {
        let a_second = recent.lost as f64 / recent.seconds.max(1) as f64;
        let share = pushes_a_second.map(|pushes| a_second / pushes);
        Self {
            lost: recent.lost,
            seconds: recent.seconds,
            end: Moment(recent.end),
            per_minute: a_second * 60.0,
            watched_since: Moment(recent.watched),
            // Losses and pushes are queried one after the other.
            share_of_pushes: share.map(|share| share.min(1.0)),
            direction: recent.slope,
        }
    }

    /// `over since 13:06 UTC`, from its end in words; with `or earlier` if it was over before it
    /// was observed.
    pub(super) fn over_words(&self, over: &str, at: Moment, words: &Words) -> String {
        if at == self.watched_since {
            words.over_since(format!("{over}{}", words.or_earlier()))
        } else {
            words.over_since(over)
        }
    }

    /// `1,234 a minute, rising`.
    pub(super) fn words(&self, words: &Words) -> String {
        words.a_minute(self.per_minute, self.direction)
    }
}
