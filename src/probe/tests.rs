use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::config::target::tests::target;
use crate::fetch::Fetch;
use crate::model::outcome::Outcome;
use crate::model::reading::Measure;
use crate::model::window::DAY;
use crate::poll::additivity::tests::{MIDNIGHT, Pushes, Service};
use crate::simulator::{Buckets, Counting, SimApp};

/// What a fake service's limit counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    App,
    Api,
    None,
}

/// A fake account on tokio's clock, which starts at 2025-03-22 17:20 at +08:00.
struct Account {
    service: Service,
    /// The time in which a part of a range's counts arrives bit by bit, in seconds.
    trickle: u64,
    /// That part, in percent.
    missing: u64,
    limit: Limit,
    since: Instant,
}

const START: u64 = MIDNIGHT + 10 * DAY + 17 * 3600 + 20 * 60 + 7;

/// How long the limiter delays a query.
const TURN: Duration = Duration::from_millis(1100);

impl Account {
    fn new(service: Service) -> Self {
        Self {
            service,
            trickle: 0,
            missing: 100,
            limit: Limit::App,
            since: Instant::now(),
        }
    }

    fn counting(counting: Counting) -> Self {
        Self::new(Service::simulated(counting))
    }

    /// For an app so small that some codes of the current day do not change for a minute.
    fn usual(counting: Counting) -> Self {
        let app = SimApp::made_up().remove(0);
        Self::new(Service::new(counting, Pushes::Simulated(app)))
    }

    fn now(&self) -> UnixSeconds {
        UnixSeconds(START + self.since.elapsed().as_secs())
    }

    fn answer(&self, api: Api, asked: Range) -> Reading {
        let now = self.now().0;
        let kept = match api.measure() {
            Measure::Losses => 7,
            Measure::Funnel => 30,
        };
        assert!(asked.start.0 + kept * DAY > now, "{}", asked.start);
        let mut reading = self.service.reading(api, asked, UnixSeconds(now));
        let age = now - u64::midpoint(asked.start.0, asked.end.0.min(now));
        if let Reading::Loss(rows) = &mut reading
            && age < self.trickle
        {
            for loss in rows.values_mut() {
                let part = loss.count * self.missing / 100;
                loss.count -= part * (self.trickle - age) / self.trickle;
            }
        }
        reading
    }

    async fn probed(&self, quick: bool) -> Report {
        self.probed_as(&target("shop", "china"), quick).await
    }

    async fn probed_as(&self, target: &Target, quick: bool) -> Report {
        let clock = || self.now();
        Probe::new(self, target, &clock, &|_| ())
            .run(quick)
            .await
            .unwrap()
    }
}

impl Fetch for Account {
    async fn fetch(&self, _: &Target, api: Api, range: Range) -> Result<Reading, FetchError> {
        assert!(range.start < range.end, "{range:?}");
        sleep(TURN).await;
        self.service.asked.lock().unwrap().push((api, range));
        Ok(self.answer(api, range))
    }
}

impl Pair for Account {
    async fn pair(
        &self,
        _: &Target,
        questions: [(Api, Range); 2],
    ) -> [Result<Reading, FetchError>; 2] {
        sleep(TURN).await;
        let [(one, _), (other, _)] = questions;
        let is_refused = self.limit == Limit::App || (self.limit == Limit::Api && one == other);
        let [first, second] = questions.map(|(api, range)| Ok(self.answer(api, range)));
        let refused = Err(FetchError::refused(60007, ""));
        [first, if is_refused { refused } else { second }]
    }
}

fn verdicts(report: &Report) -> [&'static str; 4] {
    [
        &report.day_additivity,
        &report.hour_additivity,
        &report.edges,
        &report.resolution,
    ]
    .map(|finding| finding.verdict)
}

#[tokio::test(start_paused = true)]
async fn an_additive_service_is_named_so() {
    let report = Account::counting(Counting::HALF_OPEN).probed(true).await;
    assert_eq!(
        verdicts(&report),
        ["additive", "additive", "half_open", "1m"]
    );
    assert_eq!(report.freshness.verdict, "today");
    assert_eq!(report.freshness.seconds, Some(60));
    assert_eq!(report.settings.counters.value, Some(true.into()));
    assert_eq!(report.settings.step.value, Some("1m".into()));
    assert!(report.settings.window.is_none());
    assert_eq!(report.all_member.unwrap().verdict, "unwatched");
    let yaml = report.settings.yaml();
    assert!(yaml.contains("\nall_member: true  # "), "{yaml}");
}

#[tokio::test(start_paused = true)]
async fn a_day_bucketed_service_is_named_so() {
    for counting in [
        Counting::HALF_OPEN.touched(DAY),
        Counting::HALF_OPEN.begun(DAY),
    ] {
        let report = Account::counting(counting).probed(false).await;
        let [days, _, edges, resolution] = verdicts(&report);
        assert_eq!([days, edges, resolution], ["additive", "buckets", "1d"]);
        assert_eq!(report.settling.verdict, "unknown");
        assert_eq!(report.settings.step.value, Some("1d".into()));
        assert_eq!(report.settings.window.unwrap().value.unwrap(), "1d");
        assert_eq!(report.settings.counters.value, Some(true.into()));
    }
    let report = Account::counting(Counting::HALF_OPEN.touched(DAY))
        .probed(true)
        .await;
    assert_eq!(report.hour_additivity.verdict, "not_additive");
}

#[tokio::test(start_paused = true)]
async fn edges_are_named_as_they_are() {
    for (counting, sums, edges) in [
        (Counting::INCLUSIVE, "inclusive_edges", "inclusive"),
        (Counting::EXCLUSIVE, "exclusive_edges", "exclusive"),
    ] {
        let report = Account::counting(counting).probed(true).await;
        assert_eq!(verdicts(&report), [sums, sums, edges, "1m"]);
        assert_eq!(report.settings.counters.value, Some(true.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn buckets_inside_a_day_are_found() {
    for (bucket, resolution, edges) in [
        (60, "1m", "buckets"),
        (120, "5m", "buckets"),
        (300, "5m", "buckets"),
        (600, "1h", "buckets"),
        (3600, "1h", "buckets"),
        (6 * 3600, "6h", "buckets"),
    ] {
        let report = Account::counting(Counting::HALF_OPEN.touched(bucket))
            .probed(true)
            .await;
        let [days, _, found, step] = verdicts(&report);
        let expected = ["additive", edges, resolution];
        // Buckets of two minutes do not align with those of five minutes.
        if bucket == 120 {
            assert_ne!(step, "1m");
            continue;
        }
        assert_eq!([days, found, step], expected, "{bucket}");
        assert_eq!(report.settings.step.value, Some(resolution.into()));
    }
    for (bucket, resolution) in [(60, "1m"), (300, "5m"), (3600, "1h")] {
        let counting = Counting::HALF_OPEN.begun(bucket);
        let report = Account::counting(counting).probed(true).await;
        assert_eq!(report.resolution.verdict, resolution, "{bucket}");
        assert_eq!(report.edges.verdict, "half_open");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slowly_settling_service_gets_a_lag_that_is_long_enough() {
    for settling in [0, 20, 90, 150, 400, 800] {
        let account = Account::counting(Counting::HALF_OPEN.settling(settling));
        let report = account.probed(false).await;
        assert_eq!(report.settling.verdict, "settled", "{settling}");
        let lag = report.settings.lag.value.unwrap();
        let lag = duration::parse(lag.as_str().unwrap()).unwrap().as_secs();
        assert!(lag >= settling, "{settling} {lag}");
        assert!(lag <= 2 * settling + 120, "{settling} {lag}");
        let spent = account.since.elapsed();
        assert!(spent < Duration::from_secs(35 * 60), "{spent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_claimed_of_counts_that_grow_on_and_on() {
    let account = Account {
        trickle: 3 * 3600,
        ..Account::counting(Counting::HALF_OPEN)
    };
    let report = account.probed(false).await;
    let settling = &report.settling;
    assert_eq!((settling.verdict, settling.seconds), ("still_moving", None));
    let said = &settling.explanation;
    assert!(said.ends_with("after it there were 91 % of them"), "{said}");
    assert_eq!(report.settings.lag.value, None);
    assert!(report.settings.lag.reason.contains("still grew"));
}

#[tokio::test(start_paused = true)]
async fn counts_that_hardly_grow_any_more_are_called_nearly_there() {
    let account = Account {
        trickle: 3 * 3600,
        missing: 2,
        ..Account::counting(Counting::HALF_OPEN)
    };
    let report = account.probed(false).await;
    assert_eq!(report.settling.verdict, "still_moving");
    let said = &report.settling.explanation;
    assert!(
        said.contains("99 % of what there was then was there after"),
        "{said}"
    );
    assert_eq!(report.settings.lag.value, Some("2m".into()));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_publishes_by_night_gets_no_counters() {
    let account = Account::counting(Counting::HALF_OPEN.settling(30 * 3600));
    let report = account.probed(false).await;
    assert_eq!(report.freshness.verdict, "not_today");
    assert_eq!(report.settings.counters.value, Some(false.into()));
    assert_eq!(report.settings.lag.value, Some("2d".into()));
    assert_eq!(report.settling.verdict, "unknown");
}

#[tokio::test(start_paused = true)]
async fn an_all_zero_service_gives_unknown() {
    let account = Account::new(Service::new(Counting::HALF_OPEN, Pushes::At(vec![])));
    let mut target = target("shop", "china");
    Arc::get_mut(&mut target.app).unwrap().polling.statistics = false;
    let report = account.probed_as(&target, false).await;
    assert_eq!(verdicts(&report), ["unknown"; 4]);
    assert_eq!(report.freshness.verdict, "unknown");
    assert_eq!(report.settling.verdict, "unknown");
    let settings = &report.settings;
    assert_eq!((&settings.lag.value, &settings.step.value), (&None, &None));
    assert_eq!(settings.counters.value, None);
    for finding in [&report.day_additivity, &report.resolution, &report.edges] {
        assert!(
            finding
                .explanation
                .starts_with("unknown: no pushes in these ranges"),
            "{finding:?}"
        );
    }
    let yaml = settings.yaml();
    assert!(yaml.lines().all(|line| line.starts_with("# ")), "{yaml}");
}

#[tokio::test(start_paused = true)]
async fn a_window_that_fits_the_step_that_is_kept_is_kept_too() {
    let account = Account::new(Service::new(Counting::HALF_OPEN, Pushes::At(vec![])));
    let mut target = target("shop", "china");
    let polling = &mut Arc::get_mut(&mut target.app).unwrap().polling;
    (polling.step, polling.window) = (Duration::from_secs(45), Duration::from_secs(90));
    let settings = account.probed_as(&target, true).await.settings;
    assert!(settings.step.value.is_none() && settings.window.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_few_pushes_a_day_are_not_over_interpreted() {
    let pushes = (0..7 * 5).map(|n| START - 7 * DAY + n * DAY / 5 + n * 997);
    for counting in [Counting::HALF_OPEN, Counting::INCLUSIVE] {
        let pushes = Pushes::At(pushes.clone().collect());
        let report = Account::new(Service::new(counting, pushes))
            .probed(true)
            .await;
        assert_ne!(report.resolution.verdict, "1d");
        assert_ne!(report.day_additivity.verdict, "not_additive");
        assert_ne!(report.settings.counters.value, Some(false.into()));
        assert_ne!(report.settings.step.value, Some("6h".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_configured_day_that_is_not_the_services_is_found() {
    let mut target = target("shop", "china");
    Arc::get_mut(&mut target.app).unwrap().day_offset = "+00:00".parse().unwrap();
    let report = Account::usual(Counting::HALF_OPEN.touched(DAY))
        .probed_as(&target, true)
        .await;
    assert_eq!(report.day_additivity.verdict, "not_additive");
    assert_eq!(report.service_day_additivity.unwrap().verdict, "additive");
    assert_eq!(report.settings.counters.value, Some(true.into()));
    let yaml = report.settings.yaml();
    assert!(yaml.contains("\nday_offset: \"+08:00\"  # "), "{yaml}");
}

#[tokio::test(start_paused = true)]
async fn days_of_utc_are_found_instead_of_switching_counters_off() {
    let utc_days = Counting {
        buckets: Buckets::Touched(DAY, DayOffset::UTC),
        ..Counting::HALF_OPEN
    };
    let report = Account::counting(utc_days).probed(true).await;
    assert_eq!(report.day_additivity.verdict, "not_additive");
    let elsewhere = report.service_day_additivity.unwrap();
    assert_eq!(elsewhere.verdict, "additive");
    assert!(elsewhere.explanation.starts_with("at +00:00: "));
    assert_eq!(report.resolution.verdict, "1d");
    assert_eq!(report.settings.counters.value, Some(true.into()));
    let yaml = report.settings.yaml();
    assert!(yaml.contains("\nday_offset: \"+00:00\"  # "), "{yaml}");
}

#[tokio::test(start_paused = true)]
async fn days_that_begin_nowhere_in_particular_get_no_counters() {
    let mut target = target("shop", "china");
    Arc::get_mut(&mut target.app).unwrap().day_offset = "+05:00".parse().unwrap();
    let report = Account::usual(Counting::INCLUSIVE.touched(DAY))
        .probed_as(&target, true)
        .await;
    assert_eq!(
        report.service_day_additivity.unwrap().verdict,
        "not_additive"
    );
    assert_eq!(report.settings.counters.value, Some(false.into()));
    assert!(report.settings.day_offset.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_scope_of_the_call_limit_is_named() {
    for (limit, verdict, calls) in [
        (Limit::App, "per_sdk_app_id", 2),
        (Limit::Api, "per_api", 6),
        (Limit::None, "not_seen", 8),
    ] {
        let account = Account {
            limit,
            ..Account::counting(Counting::HALF_OPEN)
        };
        let report = account.probed(true).await;
        assert_eq!(report.call_limit.verdict, verdict);
        let evidence = &report.call_limit.evidence;
        assert_eq!(evidence.len(), calls);
        let limited = Outcome::RateLimited.as_str();
        let refused = evidence.iter().filter(|asked| asked.outcome == limited);
        assert_eq!(refused.count(), usize::from(limit != Limit::None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_quick_probe_asks_as_many_questions_as_it_says() {
    for counting in [
        Counting::HALF_OPEN,
        Counting::INCLUSIVE,
        Counting::HALF_OPEN.touched(DAY),
        Counting::HALF_OPEN.touched(3600),
    ] {
        let account = Account::counting(counting);
        account.probed(true).await;
        let calls = account.service.calls();
        assert!((20..=80).contains(&calls), "{counting:?} {calls}");
    }
}
