//! What is told of a loss, and whom it concerns.

use serde::Serialize;

use super::recently::Recently;
use super::trend::Trend;
use super::{Clock, Moment, Runbook};
use crate::model::catalogue::CodeClass;
use crate::model::reading::LossKey;

/// Pushes lost at one stage, on one platform or overall, for one code.
#[derive(Clone, Debug, Serialize)]
pub struct LossStatus {
    pub stage: &'static str,
    /// `all` for the overall rows, which are another measurement than the platforms'.
    pub platform: String,
    pub err_code: String,
    pub description: String,
    pub class: &'static str,
    pub count: u64,
    /// Of all losses of the same stage and platform, 0 to 1.
    pub share: f64,
    /// Of the pushes that could have been lost so: sendable or sent, on the same platform.
    /// Absent where statistics do not say.
    pub share_of_pushes: Option<f64>,
    pub concern: Concern,
    /// How many are lost now; absent without counters, which alone can say.
    pub now: Option<Recently>,
    /// When it began, as far as it was watched.
    pub since: Option<Moment>,
    /// Whether it goes on; absent where only the window is known.
    pub ongoing: Option<bool>,
    /// Up to when it went on (at the latest, if it never grew while it was watched: then it is
    /// `now.watched_since`), and when that leaves the window; absent while it goes on.
    pub over_since: Option<Moment>,
    pub leaves_window: Option<Moment>,
    pub trend: Option<Trend>,
    pub meaning: String,
    pub advice: String,
    /// The page that helps next; absent for what is nobody's concern.
    pub runbook: Option<Runbook>,
    #[serde(skip)]
    pub clock: Clock,
    #[serde(skip)]
    pub key: LossKey,
    #[serde(skip)]
    pub code_class: CodeClass,
}

/// What makes a loss more than a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// Large, and of a class that needs an operator.
    Repair,
    /// Twice the part of all pushes that it was before, or more.
    Rising,
    /// One of the above, but nothing was lost of late: only the window still holds it.
    Over,
    Steady,
}

/// Fewer lost pushes than this are nobody's night.
const FEW: u64 = 10;

/// A loss is worth a look from this part of the pushes on.
const NOTABLE_OF_PUSHES: f64 = 0.01;

/// Some devices always report no token, and some messages are always too long.
const NOTABLE_OF_PUSHES_STEADILY: f64 = 0.05;

/// In place of the above where only losses are known.
const NOTABLE_OF_LOSSES: f64 = 0.05;

impl LossStatus {
    /// Whether this is a row of the overall arrays.
    pub fn is_overall(&self) -> bool {
        self.key.platform.is_none()
    }
}

/// Of two losses of the same size, the one comes first that an operator can end.
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

/// A credential that is refused is acute as soon as it is more than noise. Settings and
/// contents that some pushes always stumble over are not, unless they are many or rise.
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

/// Absent if there is no whole.
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
