//! Facts about a loss, and who has to act on it.

use serde::Serialize;

use super::recently::Recently;
use super::trend::Trend;
use super::{Clock, Level, Moment, Runbook};
use crate::model::catalogue::CodeClass;
use crate::model::reading::LossKey;

/// Pushes lost at one stage, on one platform or overall, for one code.
#[derive(Clone, Debug, Serialize)]
pub struct LossStatus {
    pub stage: &'static str,
    /// `all` for the overall rows, which are a different measurement from the platforms' rows.
    pub platform: String,
    pub err_code: String,
    pub description: String,
    pub class: &'static str,
    pub count: u64,
    /// Fraction of all losses of the same stage and platform, 0 to 1.
    pub share: f64,
    /// Fraction of the pushes that could have been lost this way: sendable or sent, on the same
    /// platform. Absent if statistics do not provide it.
    pub share_of_pushes: Option<f64>,
    pub concern: Concern,
    /// The current losses; absent without counters, the only source for them.
    pub now: Option<Recently>,
    /// When it began, as far as it was observed.
    pub since: Option<Moment>,
    /// Whether it continues; absent if only the window is known.
    pub ongoing: Option<bool>,
    /// Until when it continued, and when that leaves the window; absent while it continues. If it
    /// never grew while it was observed, the end is an upper bound: `now.watched_since`.
    pub over_since: Option<Moment>,
    pub leaves_window: Option<Moment>,
    pub trend: Option<Trend>,
    pub meaning: String,
    pub advice: String,
    /// The page with the next steps; absent if no one has to act.
    pub runbook: Option<Runbook>,
    #[serde(skip)]
    pub clock: Clock,
    #[serde(skip)]
    pub key: LossKey,
    #[serde(skip)]
    pub code_class: CodeClass,
}

/// Why a loss deserves attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// Large, and of a class that an operator has to fix.
    Repair,
    /// At least twice its earlier fraction of all pushes.
    Rising,
    /// One of the above, but nothing was lost recently: only the window still contains it.
    Over,
    Steady,
}

impl Concern {
    /// The name of the concern in the style sheet.
    pub fn level(self) -> Level {
        match self {
            Self::Repair => Level::Bad,
            Self::Rising | Self::Over => Level::Warning,
            Self::Steady => Level::Good,
        }
    }
}

/// Fewer lost pushes than this are not worth waking anyone.
const FEW: u64 = 10;

/// From this fraction of the pushes, a loss deserves attention.
const NOTABLE_OF_PUSHES: f64 = 0.01;

/// The same for losses that are always present: some devices never report a token, and some
/// messages are always too long.
const NOTABLE_OF_PUSHES_STEADILY: f64 = 0.05;

/// In place of the fractions of pushes, if only losses are known.
const NOTABLE_OF_LOSSES: f64 = 0.05;

impl LossStatus {
    /// Whether this is a row of the overall arrays.
    pub fn is_overall(&self) -> bool {
        self.key.platform.is_none()
    }
}

/// Of two losses of the same size, the one that an operator can fix comes first.
pub(super) fn weighted(class: CodeClass, count: u64) -> u64 {
    let weight = match class {
        CodeClass::Credential | CodeClass::Permission => 5,
        CodeClass::Config | CodeClass::Content => 4,
        CodeClass::Quota => 3,
        CodeClass::VendorTransient | CodeClass::Unknown => 2,
        CodeClass::TokenInvalid | CodeClass::DeviceState => 1,
    };
    count.saturating_mul(weight)
}

/// A refused credential is acute as soon as it exceeds noise. Settings and contents that always
/// affect some pushes are acute only if they are many or rising.
pub(super) fn concern(
    class: CodeClass,
    count: u64,
    share: f64,
    share_of_pushes: Option<f64>,
    rising: bool,
) -> Concern {
    let acute = matches!(class, CodeClass::Credential | CodeClass::Permission);
    let is_notable = match share_of_pushes {
        Some(share) => share >= NOTABLE_OF_PUSHES,
        None => acute && share >= NOTABLE_OF_LOSSES,
    };
    let much = share_of_pushes.is_some_and(|share| share >= NOTABLE_OF_PUSHES_STEADILY);
    if count < FEW || !is_notable {
        Concern::Steady
    } else if acute || class.needs_operator() && (rising || much) {
        Concern::Repair
    } else if rising {
        Concern::Rising
    } else {
        Concern::Steady
    }
}

/// Absent if the total is 0.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share is shown with two digits"
)]
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn of_two_losses_of_the_same_size_the_one_comes_first_that_somebody_can_end(
            count in 1_u64..1_000_000_000, share in 0.0_f64..=1.0, pushes in prop::option::of(0.0_f64..=1.0), rising: bool,
        ) {
            let urgency = |class| (concern(class, count, share, pushes, rising), Reverse(weighted(class, count)));
            for class in CodeClass::ALL.into_iter().filter(|class| class.needs_operator()) {
                for other in [CodeClass::TokenInvalid, CodeClass::DeviceState, CodeClass::Unknown] {
                    prop_assert!(urgency(class) < urgency(other), "{class:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn concerns_table() {
        use CodeClass::{Config, Credential, Quota, TokenInvalid};
        use Concern::{Repair, Rising, Steady};
        for (class, count, share, pushes, rising, expected) in [
            (Credential, 340, 0.9, Some(0.1), false, Repair),
            (Credential, 340, 0.01, Some(0.001), false, Steady),
            (Credential, 9, 1.0, Some(1.0), true, Steady),
            (Credential, 340, 0.9, None, false, Repair),
            (Config, 340, 0.9, Some(0.01), false, Steady),
            (Config, 340, 0.9, Some(0.01), true, Repair),
            (Config, 340, 0.9, Some(0.06), false, Repair),
            (Config, 340, 0.9, None, false, Steady),
            (TokenInvalid, 9000, 0.9, Some(0.2), false, Steady),
            (TokenInvalid, 9000, 0.9, Some(0.2), true, Rising),
            (Quota, 9000, 0.9, Some(0.2), true, Rising),
        ] {
            let got = concern(class, count, share, pushes, rising);
            assert_eq!(
                got, expected,
                "{class:?} {count} {share} {pushes:?} {rising}"
            );
        }
    }
}
