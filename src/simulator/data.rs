//! The simulator's truth: what happened to an app's pushes in a range of time.
//!
//! A pure function of app and range that adds up: the counts of two adjacent ranges sum
//! to those of both, for every platform, stage and code. Every push ends in exactly one
//! place (lost for a reason, silent, delivered, clicked) and the funnel is summed from
//! those ends, so it narrows at every step in every range.

mod incidents;
mod mix;
mod rhythm;

use std::collections::BTreeMap;

pub use incidents::Incidents;
pub(super) use incidents::{Cause, EXPIRED, Injected};

use incidents::{Incident, overlapping};
use mix::{CHANNELS, Channel, End, ONLINE, UNATTRIBUTED};
use rhythm::{Series, WHOLE};

use crate::model::push::Push;
use crate::model::reading::{
    Api, ErrCode, Funnel, Loss, LossKey, Measure, Platform, Reading, Stage,
};
use crate::model::window::Range;
use crate::simulator::SimApp;

/// Of the pushes that its vendor would have accepted, the percentage that an incident hits.
const HIT_PERCENT: u64 = 85;

/// Chat pushes for each push to all users.
const ALL_MEMBER_PART: u32 = 4;

/// What the service knows of a range, excluding its end. Rows that count nothing are omitted.
/// Intended for ranges that the service accepts: with incidents, the running time grows with
/// the range.
pub fn truth(app: &SimApp, api: Api, range: Range) -> Reading {
    truth_with(app, &[], api, range)
}

/// The same with additional incidents.
pub(super) fn truth_with(app: &SimApp, injected: &[Injected], api: Api, range: Range) -> Reading {
    let counts = Counts::of(app, api.push(), injected, range);
    match api.measure() {
        Measure::Losses => Reading::Loss(counts.losses()),
        Measure::Funnel => Reading::Statistics {
            overall: counts.overall,
            platforms: counts.platforms,
        },
    }
}

#[derive(Default)]
struct Counts {
    /// By platform; `None` where no platform is known.
    lost: BTreeMap<LossKey, Loss>,
    overall: Funnel,
    platforms: BTreeMap<Platform, Funnel>,
}

impl Counts {
    fn of(app: &SimApp, push: Push, injected: &[Injected], range: Range) -> Self {
        let volume = Volume::of(app, push);
        // A vendor's incident hits whatever is pushed.
        let (id, app_seed) = (app.sdk_app_id, Volume::of(app, Push::Normal).app_seed);
        let incidents = overlapping(app.incidents, injected, id, app_seed, range);
        let mut counts = Self::default();
        let online = (push == Push::AllMember).then_some(&ONLINE);
        for channel in CHANNELS.iter().chain(online) {
            counts.add_channel(&volume, channel, &incidents, range);
        }
        for loss in &UNATTRIBUTED {
            let parts = [u64::MAX, code_seed(loss.stage, loss.code)];
            let series = volume.series(&parts, loss.ppm * (WHOLE / 1_000_000));
            let count = series.count(range);
            counts.add_loss(None, loss.stage, loss.code, loss.info, count);
            counts.overall.sendable += count;
        }
        counts
    }

    fn add_channel(
        &mut self,
        volume: &Volume,
        channel: &Channel,
        incidents: &[Incident<'_>],
        range: Range,
    ) {
        let platform = Platform(channel.platform);
        let number = channel.platform.unsigned_abs();
        let millionth = WHOLE / 1_000_000_000 * channel.permille;
        let mut funnel = Funnel::default();

        for loss in channel.losses {
            let parts = [number, code_seed(loss.stage, loss.code)];
            let count = volume.series(&parts, loss.ppm * millionth).count(range);
            self.add_loss(Some(platform), loss.stage, loss.code, loss.info, count);
            funnel.sendable += count;
            if loss.stage == Stage::PostSendDelivered {
                funnel.sent += count;
            }
        }

        for (end, ppm) in channel.ends() {
            let part = |percent| {
                let parts = [number, end as u64, percent];
                volume.series(&parts, ppm * millionth / 100 * percent)
            };
            let (spared, hit) = (part(100 - HIT_PERCENT), part(HIT_PERCENT));
            let passed = spared.count(range) + hit.count(range);
            let mut refused = 0;
            for Incident { cause, range } in incidents {
                if cause.platform == channel.platform {
                    let count = hit.count(*range);
                    let stage = Stage::PostSendDelivered;
                    self.add_loss(Some(platform), stage, &cause.code, &cause.info, count);
                    refused += count;
                }
            }
            funnel.sendable += passed;
            funnel.sent += passed;
            if end != End::Silent {
                funnel.delivered += passed - refused;
            }
            if end == End::Clicked {
                funnel.clicked += passed - refused;
            }
        }

        for (sum, part) in [
            (&mut self.overall.sendable, funnel.sendable),
            (&mut self.overall.sent, funnel.sent),
            (&mut self.overall.delivered, funnel.delivered),
            (&mut self.overall.clicked, funnel.clicked),
        ] {
            *sum += part;
        }
        if !funnel.is_zero() {
            self.platforms.insert(platform, funnel);
        }
    }

    fn add_loss(
        &mut self,
        platform: Option<Platform>,
        stage: Stage,
        code: &str,
        info: &str,
        count: u64,
    ) {
        if count > 0 {
            let code = ErrCode::new(code);
            let key = LossKey {
                stage,
                platform,
                code,
            };
            let loss = self.lost.entry(key).or_insert_with(|| Loss {
                count: 0,
                description: info.to_owned(),
            });
            loss.count += count;
        }
    }

    /// The rows of the platforms, and those of all pushes together.
    fn losses(self) -> BTreeMap<LossKey, Loss> {
        let mut by_code: BTreeMap<LossKey, Vec<&Loss>> = BTreeMap::new();
        for (key, loss) in &self.lost {
            let platform = None;
            let overall = LossKey {
                platform,
                ..key.clone()
            };
            by_code.entry(overall).or_default().push(loss);
        }
        let overall = by_code.into_iter().map(|(key, losses)| {
            // Vendors share codes: the service returns the most frequent text of a code.
            let most = losses.iter().max_by_key(|loss| loss.count);
            let description = most.map_or_else(String::new, |most| most.description.clone());
            let count = losses.iter().map(|loss| loss.count).sum();
            (key, Loss { count, description })
        });
        let mut rows: BTreeMap<LossKey, Loss> = overall.collect();
        let of_platforms = self.lost.into_iter();
        rows.extend(of_platforms.filter(|(key, _)| key.platform.is_some()));
        rows
    }
}

/// An app's size and its own random seed.
struct Volume {
    app_seed: u64,
    pushes_a_day: u32,
}

impl Volume {
    fn of(app: &SimApp, push: Push) -> Self {
        let id = u64::from(app.sdk_app_id);
        match push {
            Push::Normal => Self {
                app_seed: rhythm::seed(&[id]),
                pushes_a_day: app.pushes_a_day,
            },
            Push::AllMember => Self {
                app_seed: rhythm::seed(&[id, 1]),
                pushes_a_day: app.pushes_a_day / ALL_MEMBER_PART,
            },
        }
    }

    fn series(&self, parts: &[u64], share: u64) -> Series {
        Series {
            app_seed: self.app_seed,
            seed: self.app_seed ^ rhythm::seed(parts),
            app_pushes_a_day: self.pushes_a_day,
            share,
        }
    }
}

fn code_seed(stage: Stage, code: &str) -> u64 {
    code.bytes().fold(rhythm::mix(stage as u64), |seed, byte| {
        rhythm::mix(seed ^ u64::from(byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::window::DAY;
    use proptest::prelude::*;

    const MIDNIGHT: u64 = 1_741_708_800;

    fn app(incidents: Incidents) -> SimApp {
        SimApp {
            incidents,
            ..SimApp::made_up().remove(0)
        }
    }

    fn losses(app: &SimApp, range: Range) -> BTreeMap<LossKey, Loss> {
        match truth(app, Api::NormalPushLoss, range) {
            Reading::Loss(losses) => losses,
            Reading::Statistics { .. } => panic!("asked for losses"),
        }
    }

    fn funnels(app: &SimApp, range: Range) -> (Funnel, BTreeMap<Platform, Funnel>) {
        match truth(app, Api::NormalPushStatistics, range) {
            Reading::Statistics { overall, platforms } => (overall, platforms),
            Reading::Loss(_) => panic!("asked for statistics"),
        }
    }

    fn lost(losses: &BTreeMap<LossKey, Loss>, platform: Option<Platform>, stage: Stage) -> u64 {
        let of = |key: &LossKey| key.platform == platform && key.stage == stage;
        losses
            .iter()
            .filter(|(key, _)| of(key))
            .map(|(_, loss)| loss.count)
            .sum()
    }

    fn incidents() -> impl Strategy<Value = Incidents> {
        proptest::sample::select(vec![Incidents::None, Incidents::Weekly, Incidents::Demo])
    }

    proptest! {
        #[test]
        fn adjacent_ranges_add_up_for_every_row(
            kind in incidents(),
            start in MIDNIGHT..MIDNIGHT + 300 * DAY,
            first in 0..3 * DAY,
            second in 0..3 * DAY,
        ) {
            let app = app(kind);
            let (middle, end) = (start + first, start + first + second);
            let (left, right) = (Range::new(start, middle), Range::new(middle, end));

            let mut sum: BTreeMap<LossKey, u64> = BTreeMap::new();
            for (key, loss) in losses(&app, left).into_iter().chain(losses(&app, right)) {
                *sum.entry(key).or_default() += loss.count;
            }
            let whole: BTreeMap<_, _> = losses(&app, Range::new(start, end))
                .into_iter()
                .map(|(key, loss)| (key, loss.count))
                .collect();
            prop_assert_eq!(sum, whole);

            let add = |a: Funnel, b: Funnel| Funnel {
                sendable: a.sendable + b.sendable,
                sent: a.sent + b.sent,
                delivered: a.delivered + b.delivered,
                clicked: a.clicked + b.clicked,
            };
            let (left, right, whole) = (funnels(&app, left), funnels(&app, right), funnels(&app, Range::new(start, end)));
            prop_assert_eq!(add(left.0, right.0), whole.0);
            for (platform, funnel) in &whole.1 {
                let part = |of: &BTreeMap<Platform, Funnel>| of.get(platform).copied().unwrap_or_default();
                prop_assert_eq!(add(part(&left.1), part(&right.1)), *funnel);
            }
        }

        #[test]
        fn the_funnel_narrows_by_the_losses_that_have_codes(
            kind in incidents(),
            start in MIDNIGHT..MIDNIGHT + 300 * DAY,
            length in 0..3 * DAY,
        ) {
            let app = app(kind);
            let asked = Range::new(start, start + length);
            let (losses, (overall, platforms)) = (losses(&app, asked), funnels(&app, asked));
            let all = platforms.iter().map(|(p, f)| (Some(*p), *f)).chain([(None, overall)]);
            for (platform, funnel) in all {
                prop_assert_eq!(funnel.sendable - funnel.sent, lost(&losses, platform, Stage::ReadyToSend));
                let undelivered = funnel.sent - funnel.delivered;
                prop_assert!(undelivered >= lost(&losses, platform, Stage::PostSendDelivered));
                prop_assert!(funnel.delivered >= funnel.clicked);
            }
        }

        #[test]
        fn injected_incidents_add_up_and_refuse_no_push_twice(
            kind in incidents(),
            hits in proptest::collection::vec((0_i64..9, 0..DAY, 0..DAY), 0..6),
            start in MIDNIGHT..MIDNIGHT + DAY,
            first in 0..DAY / 2,
            second in 0..DAY / 2,
        ) {
            let app = app(kind);
            let hits: Vec<_> = hits
                .into_iter()
                .map(|(platform, from, length)| Injected {
                    sdk_app_id: None,
                    cause: Cause { platform, code: "403".into(), info: "refused".into() },
                    range: Range::new(MIDNIGHT + from, MIDNIGHT + from + length),
                })
                .collect();
            let of = |start, end| truth_with(&app, &hits, Api::NormalPushLoss, Range::new(start, end)).counts();
            let middle = start + first;
            let mut sum = of(start, middle);
            for (key, count) in of(middle, middle + second) {
                *sum.entry(key).or_default() += count;
            }
            prop_assert_eq!(sum, of(start, middle + second));
            let Reading::Statistics { overall, platforms } =
                truth_with(&app, &hits, Api::NormalPushStatistics, Range::new(start, middle)) else { panic!("asked for statistics") };
            for funnel in platforms.values().chain([&overall]) {
                prop_assert!(funnel.sent >= funnel.delivered && funnel.delivered >= funnel.clicked);
            }
        }

        #[test]
        fn an_incident_takes_receipts_and_adds_no_pushes(start in MIDNIGHT..MIDNIGHT + 300 * DAY, length in 0..DAY) {
            let asked = Range::new(start, start + length);
            let (calm, broken) = (funnels(&app(Incidents::None), asked), funnels(&app(Incidents::Demo), asked));
            prop_assert_eq!((calm.0.sendable, calm.0.sent), (broken.0.sendable, broken.0.sent));
            prop_assert!(calm.0.delivered >= broken.0.delivered);
        }
    }

    #[test]
    fn no_row_counts_nothing_and_an_empty_range_has_no_rows() {
        let app = app(Incidents::Weekly);
        for length in [0, 1, 7, 60, 3600] {
            let asked = Range::new(MIDNIGHT, MIDNIGHT + length);
            assert!(losses(&app, asked).values().all(|loss| loss.count > 0));
            assert!(
                funnels(&app, asked)
                    .1
                    .values()
                    .all(|funnel| !funnel.is_zero())
            );
        }
        assert!(truth(&app, Api::NormalPushLoss, Range::new(MIDNIGHT, MIDNIGHT)).is_zero());
        assert!(
            truth(
                &app,
                Api::NormalPushLoss,
                Range::new(MIDNIGHT + 9, MIDNIGHT)
            )
            .is_zero()
        );
    }

    #[test]
    fn overall_losses_are_the_platforms_and_a_small_unattributed_share() {
        let losses = losses(&app(Incidents::None), Range::new(MIDNIGHT, MIDNIGHT + DAY));
        let platforms = |stage| -> u64 {
            (0..9)
                .map(|n| lost(&losses, Some(Platform(n)), stage))
                .sum()
        };
        let ready = lost(&losses, None, Stage::ReadyToSend);
        assert!(ready > platforms(Stage::ReadyToSend));
        assert!(ready < platforms(Stage::ReadyToSend) * 6 / 5);
        let post = lost(&losses, None, Stage::PostSendDelivered);
        assert_eq!(post, platforms(Stage::PostSendDelivered));
    }

    #[test]
    fn fcm_counts_nothing_as_delivered() {
        let (_, platforms) = funnels(&app(Incidents::None), Range::new(MIDNIGHT, MIDNIGHT + DAY));
        let fcm = platforms[&Platform(4)];
        assert!(fcm.sent > 0);
        assert_eq!((fcm.delivered, fcm.clicked), (0, 0));
    }

    #[test]
    fn an_incident_is_a_jump_of_one_platforms_code() {
        let app = app(Incidents::Demo);
        let codes = |start| {
            let losses = losses(&app, Range::new(start, start + 60));
            ["403", "80200001", "11", "200001"].iter().any(|code| {
                losses.iter().any(|(key, loss)| {
                    key.platform.is_some_and(|p| p != Platform(4))
                        && key.code.as_str() == *code
                        && loss.count > 20
                })
            })
        };
        let noon = MIDNIGHT + DAY / 2;
        let minutes = (0..60).filter(|n| codes(noon + n * 60)).count();
        assert!((6..=16).contains(&minutes), "{minutes}");
    }

    #[test]
    fn an_injected_incident_hits_its_app_and_platform_alone() {
        let app = app(Incidents::None);
        let hour = Range::new(MIDNIGHT, MIDNIGHT + 3600);
        let hit = |sdk_app_id| Injected {
            sdk_app_id: Some(sdk_app_id),
            cause: Cause {
                platform: 1,
                code: "403".into(),
                info: "InvalidProviderToken".into(),
            },
            range: Range::new(MIDNIGHT - 60, MIDNIGHT + 7200),
        };
        let counts = |injected| truth_with(&app, &[injected], Api::NormalPushLoss, hour).counts();
        let calm = truth(&app, Api::NormalPushLoss, hour).counts();
        assert_eq!(counts(hit(app.sdk_app_id + 1)), calm);
        let (_, platforms) = funnels(&app, hour);
        let apns = Some(Platform(1));
        let changed: BTreeMap<_, _> = counts(hit(app.sdk_app_id))
            .into_iter()
            .filter(|(key, count)| calm.get(key) != Some(count))
            .collect();
        assert_eq!(changed.len(), 2, "{changed:?}");
        for (key, count) in changed {
            let crate::model::reading::CountKey::Loss(key) = key else {
                panic!("{key:?}")
            };
            assert_eq!(key.code.as_str(), "403");
            assert!(key.platform.is_none() || key.platform == apns);
            assert!(count > platforms[&Platform(1)].sent * 8 / 10);
        }
    }

    #[test]
    fn apps_of_the_same_size_differ() {
        let one = app(Incidents::None);
        let other = SimApp {
            sdk_app_id: one.sdk_app_id + 7,
            ..one.clone()
        };
        let asked = Range::new(MIDNIGHT, MIDNIGHT + 3600);
        assert_ne!(losses(&one, asked), losses(&other, asked));
    }

    #[test]
    fn a_code_of_two_vendors_is_described_by_the_more_frequent() {
        let losses = losses(&app(Incidents::None), Range::new(MIDNIGHT, MIDNIGHT + DAY));
        let overall = losses
            .iter()
            .find(|(key, _)| key.platform.is_none() && key.code.as_str() == "80300007");
        assert_eq!(overall.unwrap().1.description, "All the tokens are invalid");
    }
}
