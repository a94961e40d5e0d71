use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::config::target::tests::target;
use crate::model::reading::{ErrCode, Loss, LossKey, Reading, Stage};
use crate::simulator::{Counting, SimApp, truth};

/// 2025-03-12 00:00 at +08:00.
pub(crate) const MIDNIGHT: u64 = 1_741_708_800;

/// A service whose losses are the simulator's truth, or a few made-up pushes.
pub(crate) struct Service {
    pub(crate) counting: Counting,
    pub(crate) pushes: Pushes,
    pub(crate) asked: Mutex<Vec<(Api, Range)>>,
}

pub(crate) enum Pushes {
    Simulated(SimApp),
    /// One lost push at each of these seconds.
    At(Vec<u64>),
    /// One more at every query, with the code `moving`.
    Moving(SimApp),
}

impl Service {
    pub(crate) fn new(counting: Counting, pushes: Pushes) -> Self {
        Self {
            counting,
            pushes,
            asked: Mutex::default(),
        }
    }

    /// An app so large that every second has losses, even at midnight.
    pub(crate) fn simulated(counting: Counting) -> Self {
        let app = SimApp {
            pushes_a_day: 200_000_000,
            ..SimApp::made_up().remove(0)
        };
        Self::new(counting, Pushes::Simulated(app))
    }

    pub(crate) fn reading(&self, api: Api, range: Range, now: UnixSeconds) -> Reading {
        let covered = self.counting.covered(range, now);
        match &self.pushes {
            Pushes::Simulated(app) => truth(app, api, covered),
            Pushes::At(seconds) => {
                let hit = |at: &&u64| (covered.start.0..covered.end.0).contains(at);
                let count = seconds.iter().filter(hit).count() as u64;
                losses([("410", count)])
            }
            Pushes::Moving(app) => {
                let Reading::Loss(mut rows) = truth(app, api, covered) else {
                    panic!("asked for losses")
                };
                let count = 10 + self.asked.lock().unwrap().len() as u64;
                let Reading::Loss(moving) = losses([("moving", count)]) else {
                    panic!("losses are losses")
                };
                rows.extend(moving);
                Reading::Loss(rows)
            }
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Fetch for Service {
    async fn fetch(&self, _: &Target, api: Api, range: Range) -> Result<Reading, FetchError> {
        assert!(range.start < range.end, "{range:?}");
        self.asked.lock().unwrap().push((api, range));
        Ok(self.reading(api, range, UnixSeconds(u64::MAX)))
    }
}

fn losses<const N: usize>(rows: [(&str, u64); N]) -> Reading {
    let row = |(code, count)| {
        let key = LossKey {
            stage: Stage::ReadyToSend,
            platform: None,
            code: ErrCode::new(code),
        };
        let description = String::new();
        (key, Loss { count, description })
    };
    Reading::Loss(rows.into_iter().map(row).collect())
}

const NOW: UnixSeconds = UnixSeconds(MIDNIGHT + 10 * DAY + 7 * 3600);

async fn checked(service: &Service) -> Additivity {
    check(service, &target("shop", "china"), Api::NormalPushLoss, NOW)
        .await
        .unwrap()
}

async fn told_apart(service: &Service) -> Option<bool> {
    resolved(service, &target("shop", "china"), Api::NormalPushLoss, NOW)
        .await
        .unwrap()
}

fn with_offset(offset: &str) -> Target {
    let mut target = target("shop", "china");
    let app = std::sync::Arc::get_mut(&mut target.app).unwrap();
    app.day_offset = offset.parse().unwrap();
    target
}

#[tokio::test]
async fn a_service_that_adds_up_is_additive_after_three_questions() {
    for counting in [
        Counting::HALF_OPEN,
        Counting::HALF_OPEN.touched(DAY),
        Counting::HALF_OPEN.begun(DAY),
    ] {
        let service = Service::simulated(counting);
        assert_eq!(
            checked(&service).await,
            Additivity::Additive,
            "{counting:?}"
        );
        assert_eq!(service.calls(), 3);
    }
}

#[test]
fn the_daemon_can_spawn_the_checks() {
    fn is_send(_: &impl Send) {}
    let (service, target) = (
        Service::simulated(Counting::HALF_OPEN),
        target("shop", "china"),
    );
    is_send(&check(&service, &target, Api::NormalPushLoss, NOW));
    is_send(&resolved(&service, &target, Api::NormalPushLoss, NOW));
}

#[tokio::test]
async fn statistics_are_checked_in_the_same_way() {
    let service = Service::simulated(Counting::INCLUSIVE);
    let target = target("shop", "china");
    let verdict = check(&service, &target, Api::NormalPushStatistics, NOW).await;
    assert_eq!(verdict.unwrap().as_str(), "inclusive_edges");
}

#[tokio::test]
async fn inclusive_edges_pass_and_are_named() {
    let verdict = checked(&Service::simulated(Counting::INCLUSIVE)).await;
    let Additivity::Edges { edges, evidence } = &verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(*edges, Edges::Inclusive);
    assert!(evidence.first + evidence.second > evidence.both);
    assert_eq!(verdict.passes(), Some(true));
    assert!(verdict.to_string().contains("counted in both"), "{verdict}");
}

#[tokio::test]
async fn exclusive_edges_pass_and_are_named() {
    let verdict = checked(&Service::simulated(Counting::EXCLUSIVE)).await;
    assert_eq!(verdict.as_str(), "exclusive_edges");
    assert_eq!(verdict.passes(), Some(true));
}

#[tokio::test]
async fn a_day_that_is_counted_whole_at_an_inclusive_edge_does_not_pass() {
    let verdict = checked(&Service::simulated(Counting::INCLUSIVE.touched(DAY))).await;
    let Additivity::NotAdditive { moved, evidence } = &verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(*moved, Some(Moved::FirstEndsEarlier));
    assert!(evidence.first + evidence.second > evidence.both);
    assert_eq!(verdict.passes(), Some(false));
}

#[tokio::test]
async fn days_of_another_offset_than_the_services_do_not_pass() {
    for offset in ["+00:00", "-04:00", "+09:00"] {
        let service = Service::simulated(Counting::HALF_OPEN.touched(DAY));
        let api = Api::NormalPushLoss;
        let verdict = check(&service, &with_offset(offset), api, NOW)
            .await
            .unwrap();
        assert!(
            matches!(verdict, Additivity::NotAdditive { moved: None, .. }),
            "{offset} {verdict:?}"
        );
    }
}

#[tokio::test]
async fn zeros_prove_nothing() {
    let last = closed_day(NOW, DayOffset::DEFAULT);
    for pushes in [vec![], vec![last.start.0 + 5], vec![last.start.0 - 5]] {
        let service = Service::new(Counting::HALF_OPEN, Pushes::At(pushes));
        assert_eq!(checked(&service).await, Additivity::Unknown(Why::Quiet));
        assert_eq!(service.calls(), 3);
    }
}

#[tokio::test]
async fn counts_that_change_meanwhile_are_no_contradiction() {
    let app = SimApp::made_up().remove(0);
    let service = Service::new(Counting::HALF_OPEN, Pushes::Moving(app));
    assert_eq!(checked(&service).await, Additivity::Additive);
    assert!(service.calls() <= 10);

    let quiet = SimApp {
        pushes_a_day: 0,
        ..SimApp::made_up().remove(0)
    };
    let service = Service::new(Counting::HALF_OPEN, Pushes::Moving(quiet));
    assert_eq!(checked(&service).await, Additivity::Unknown(Why::Moving));
}

#[tokio::test]
async fn the_asked_days_are_settled_and_kept_by_the_service() {
    for hours in 0..48 {
        let now = UnixSeconds(MIDNIGHT + 10 * DAY + hours * 3600);
        let service = Service::simulated(Counting::HALF_OPEN);
        let target = target("shop", "china");
        check(&service, &target, Api::NormalPushLoss, now)
            .await
            .unwrap();
        resolved(&service, &target, Api::NormalPushLoss, now)
            .await
            .unwrap();
        for (_, range) in service.asked.lock().unwrap().iter() {
            assert!(range.end.0 + SETTLED_AFTER.as_secs() <= now.0);
            assert!(range.start.0 + 4 * DAY > now.0);
        }
    }
}

#[tokio::test]
async fn ranges_inside_a_day_are_told_apart_or_not() {
    for (counting, expected) in [
        (Counting::HALF_OPEN, Some(true)),
        (Counting::INCLUSIVE, Some(true)),
        (Counting::EXCLUSIVE, Some(true)),
        (Counting::HALF_OPEN.touched(3600), Some(true)),
        (Counting::HALF_OPEN.touched(DAY), Some(false)),
        (Counting::INCLUSIVE.touched(DAY), Some(false)),
        (Counting::HALF_OPEN.begun(DAY), Some(false)),
    ] {
        let service = Service::simulated(counting);
        assert_eq!(told_apart(&service).await, expected, "{counting:?}");
        assert!(service.calls() <= 7);
    }
}

#[tokio::test]
async fn whole_days_are_never_taken_for_parts_wherever_the_day_begins() {
    for half_hours in -24..=28 {
        let mut target = target("shop", "china");
        let app = std::sync::Arc::get_mut(&mut target.app).unwrap();
        app.day_offset = DayOffset::from_seconds(half_hours * 1800).unwrap();
        for counting in [
            Counting::HALF_OPEN.touched(DAY),
            Counting::HALF_OPEN.begun(DAY),
        ] {
            let service = Service::simulated(counting);
            let verdict = resolved(&service, &target, Api::NormalPushLoss, NOW).await;
            assert_ne!(verdict.unwrap(), Some(true), "{counting:?} {half_hours}");
        }
    }
}

#[tokio::test]
async fn a_day_with_a_single_burst_or_nothing_proves_nothing_about_its_parts() {
    let day = closed_day(NOW, DayOffset::DEFAULT);
    let burst = |at: u64| (0..50).map(|n| day.start.0 + at + n).collect();
    for pushes in [vec![], vec![day.start.0 + 4000], burst(4000), burst(50_000)] {
        for counting in [Counting::HALF_OPEN, Counting::INCLUSIVE] {
            let service = Service::new(counting, Pushes::At(pushes.clone()));
            assert_eq!(told_apart(&service).await, None, "{counting:?}");
        }
    }
}

proptest! {
    /// Holds for any small number of pushes, wherever they fall.
    #[test]
    fn no_sparse_day_is_judged_wrongly(
        seconds in proptest::collection::vec(0..3 * DAY, 0..40),
        near_edges in proptest::collection::vec((0..4_u64, 0..3_u64), 0..6),
    ) {
        let start = closed_day(NOW, DayOffset::DEFAULT).start.0 - DAY;
        let near_edges = near_edges.into_iter().map(|(day, second)| (day * DAY + second).max(1) - 1);
        let pushes: Vec<u64> = seconds.into_iter().chain(near_edges).map(|s| start + s).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (counting, passes, parts) in [
            (Counting::HALF_OPEN, true, true),
            (Counting::INCLUSIVE, true, true),
            (Counting::EXCLUSIVE, true, true),
            (Counting::HALF_OPEN.touched(DAY), true, false),
            (Counting::HALF_OPEN.begun(DAY), true, false),
        ] {
            let service = Service::new(counting, Pushes::At(pushes.clone()));
            let verdict = runtime.block_on(checked(&service));
            prop_assert!(verdict.passes().is_none_or(|p| p == passes), "{:?} {:?}", counting, verdict);
            let verdict = runtime.block_on(told_apart(&service));
            prop_assert!(verdict.is_none_or(|p| p == parts), "{:?} {:?}", counting, verdict);
        }
    }
}
