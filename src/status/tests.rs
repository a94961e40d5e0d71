use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::config::Tasks;
use crate::config::target::Target;
use crate::config::target::tests::target;
use crate::model::outcome::{FetchError, Outcome};
use crate::model::reading::{ErrCode, Funnel, Loss, LossKey, Platform};
use crate::model::task::{Dispatch, ScheduledTask, TaskType};
use crate::model::window::Range;
use crate::target::snapshot::{Recorder, Snapshot, TaskRecorder};

const START: u64 = 1_800_000_000;

/// Rows by stage, platform, code, count and description.
pub(crate) type Row<'a> = (Stage, Option<i64>, &'a str, u64, &'a str);

/// The recorders of some targets, and the time.
pub(crate) struct World {
    snapshot: Arc<Snapshot>,
    recorders: Vec<Recorder>,
    began: Instant,
}

impl World {
    pub(crate) fn new(targets: &[Target]) -> Self {
        let snapshot = Arc::new(Snapshot::new(targets));
        let recorder = |target: &Target| Recorder::new(target, Arc::clone(&snapshot));
        Self {
            recorders: targets.iter().map(recorder).collect(),
            snapshot,
            began: Instant::now(),
        }
    }

    fn now(&self, at: u64) -> Now {
        Now {
            wall: Duration::from_secs(START + at),
            steady: self.began + Duration::from_secs(at),
        }
    }

    pub(crate) fn losses(&mut self, place: usize, at: u64, rows: &[Row<'_>]) {
        let row = |(stage, platform, code, count, description): &Row<'_>| {
            let key = LossKey {
                stage: *stage,
                platform: platform.map(Platform),
                code: ErrCode::new(code),
            };
            let loss = Loss {
                count: *count,
                description: (*description).to_owned(),
            };
            (key, loss)
        };
        let reading = Reading::Loss(rows.iter().map(row).collect());
        self.answer(place, at, Api::NormalPushLoss, reading);
    }

    /// The same pushes overall and on APNs.
    pub(crate) fn sent(&mut self, place: usize, at: u64, sent: u64) {
        let funnel = Funnel {
            sendable: sent,
            sent,
            ..Funnel::default()
        };
        let reading = Reading::Statistics {
            overall: funnel,
            platforms: [(Platform(1), funnel)].into(),
        };
        self.answer(place, at, Api::NormalPushStatistics, reading);
    }

    fn answer(&mut self, place: usize, at: u64, api: Api, reading: Reading) {
        let now = self.now(at);
        let end = UnixSeconds(START + at - 120);
        let range = Range::ending(end, Duration::from_secs(3600));
        self.recorders[place].window(api, range, reading, now);
        self.recorders[place].finish(api, Ok(()), now);
    }

    pub(crate) fn failure(&mut self, place: usize, at: u64, api: Api, error: FetchError) {
        let now = self.now(at);
        self.recorders[place].finish(api, Err(error), now);
    }

    /// A complete poll: the rolling window and the day, with losses on APNs and 1,000 pushes a
    /// minute. `lost` has the pushes lost in each minute so far, by code.
    pub(crate) fn minute(&mut self, place: usize, lost: &[Vec<(&str, u64)>]) {
        let at = 60 * lost.len() as u64;
        let now = self.now(at);
        let end = UnixSeconds(START + at);
        let rows = |minutes: &[Vec<(&str, u64)>]| {
            let mut rows: BTreeMap<LossKey, Loss> = BTreeMap::new();
            for (code, count) in minutes.iter().flatten() {
                for platform in [None, Some(Platform(1))] {
                    let key = LossKey {
                        stage: AFTER,
                        platform,
                        code: ErrCode::new(code),
                    };
                    let row = rows.entry(key).or_default();
                    row.count += count;
                    row.description = match *code {
                        "403" => "InvalidProviderToken".to_owned(),
                        _ => "Unregistered".to_owned(),
                    };
                }
            }
            Reading::Loss(rows)
        };
        let sent = |minutes: usize| {
            let sent = 1000 * minutes as u64;
            let funnel = Funnel {
                sendable: sent,
                sent,
                ..Funnel::default()
            };
            Reading::Statistics {
                overall: funnel,
                platforms: [(Platform(1), funnel)].into(),
            }
        };
        let hour = lost.len().saturating_sub(60);
        let range = Range::ending(end, Duration::from_secs(3600));
        for (api, window, day) in [
            (Api::NormalPushLoss, rows(&lost[hour..]), rows(lost)),
            (Api::NormalPushStatistics, sent(60), sent(lost.len())),
        ] {
            let recorder = &mut self.recorders[place];
            recorder.window(api, range, window, now);
            for question in recorder.questions(api, end, now) {
                recorder.day(api, question, &day, now);
            }
            recorder.finish(api, Ok(()), now);
        }
    }

    pub(crate) fn status_in(&self, at: u64, app: Option<&str>, language: Language) -> Status {
        Status::of(&self.snapshot.load(), self.now(at), app, language)
    }

    pub(crate) fn status(&self, at: u64, app: Option<&str>) -> Status {
        self.status_in(at, app, Language::English)
    }
}

#[test]
fn a_few_whole_targets_and_the_others_in_brief_say_the_same() {
    let targets: Vec<Target> = (0..30)
        .map(|n| target(&format!("app{n}"), "china"))
        .collect();
    let mut world = World::new(&targets);
    for place in 0..30 {
        for at in [1000, 2000] {
            let count = 340 * (place as u64 % 3);
            let rows = [
                (AFTER, None, "403", count, "InvalidProviderToken"),
                (AFTER, Some(1), "403", count, "InvalidProviderToken"),
                (AFTER, Some(1), "410", 5, ""),
            ];
            world.losses(place, at, &rows);
            world.sent(place, at, 10_000);
        }
        if place % 7 == 0 {
            let error = FetchError::new(Outcome::Timeout, "too slow");
            world.failure(place, 2010, Api::NormalPushLoss, error);
        }
    }
    let (now, snapshot) = (world.now(2020), world.snapshot.load());
    let all = Status::of(&snapshot, now, None, Language::English);
    let few = Status::of_first(4, &snapshot, now, None, Language::English);
    assert_eq!(format!("{:?}", all.verdict), format!("{:?}", few.verdict));
    for (place, (one, other)) in all.targets.iter().zip(&few.targets).enumerate() {
        let lines = [one, other].map(|target| (target.id(), target.state, target.summary.clone()));
        assert_eq!(lines[0], lines[1]);
        let is_whole = format!("{one:?}") == format!("{other:?}");
        assert_eq!(is_whole, place < 4, "{place}");
    }
    assert_eq!(all.targets.len(), few.targets.len());

    let part = |from, most| Status::of_part(from, most, &snapshot, now, None, Language::English);
    let told = |targets: &[TargetStatus]| format!("{targets:?}");
    let (worst, left_out) = part(None, 4);
    assert_eq!(
        (told(&worst.targets), left_out),
        (told(&all.targets[..4]), 26)
    );
    let mut by_name: Vec<&TargetStatus> = all.targets.iter().collect();
    by_name.sort_by_key(|target| target.app.clone());
    for from in [0, 7, 29, 30, 31] {
        let (some, left_out) = part(Some(from), 7);
        let expected = by_name.iter().skip(from).take(7);
        let expected: Vec<String> = expected.map(|target| format!("{target:?}")).collect();
        assert_eq!(told(&some.targets), format!("[{}]", expected.join(", ")));
        assert_eq!(left_out, 30 - expected.len());
        assert_eq!(format!("{:?}", some.verdict), format!("{:?}", all.verdict));
    }
}

const AFTER: Stage = Stage::PostSendDelivered;
const BEFORE: Stage = Stage::ReadyToSend;

fn shop_and_game() -> World {
    World::new(&[target("shop", "singapore"), target("game", "china")])
}

/// Both targets respond, and all losses are churn.
fn calm(world: &mut World, at: u64) {
    for place in 0..2 {
        let rows = [
            (AFTER, None, "410", 200, "Unregistered"),
            (AFTER, Some(1), "410", 180, "Unregistered"),
            (BEFORE, None, "-1", 20, ""),
        ];
        world.losses(place, at, &rows);
        world.sent(place, at, 10_000);
    }
}

fn text(world: &World, at: u64) -> (Level, String) {
    let verdict = world.status(at, None).verdict;
    (verdict.level, verdict.text)
}

#[test]
fn right_after_the_start_nothing_is_known_and_nothing_is_wrong() {
    let world = shop_and_game();
    let verdict = text(&world, 0);
    let expected = "None of the 2 targets was asked yet.".to_owned();
    assert_eq!(verdict, (Level::Waiting, expected));
    for target in world.status(0, None).targets {
        assert_eq!(target.state, State::Waiting);
        assert!(target.window.is_none() && target.losses.is_empty());
        assert!(target.notes.is_empty(), "{:?}", target.notes);
    }
}

#[test]
fn churn_and_a_few_devices_without_a_token_stand_not_out() {
    let mut world = shop_and_game();
    calm(&mut world, 1000);
    let expected = "All targets answer, nothing stands out.".to_owned();
    assert_eq!(text(&world, 1000), (Level::Good, expected));
    assert!(world.status(1000, None).verdict.actions.is_empty());
}

#[test]
fn a_refused_credential_is_named_with_its_app_platform_and_what_to_do() {
    let mut world = shop_and_game();
    calm(&mut world, 1000);
    let rows = [
        (AFTER, None, "403", 340, "InvalidProviderToken"),
        (AFTER, Some(1), "403", 340, "InvalidProviderToken"),
        (AFTER, None, "410", 9000, "Unregistered"),
    ];
    world.losses(0, 1060, &rows);
    let status = world.status(1060, None);
    assert_eq!(
        status.verdict.text,
        "Pushes of 1 of 2 apps are lost for a reason that you can repair: \
         shop, APNs credential refused (403 InvalidProviderToken)."
    );
    assert_eq!(status.verdict.level, Level::Bad);
    let [action] = status.verdict.actions.as_slice() else {
        panic!("{:?}", status.verdict.actions);
    };
    assert_eq!(action.targets, ["shop/singapore"]);
    assert!(
        action.problem.contains("340 lost in the window, 3.4 %"),
        "{action:?}"
    );
    assert!(action.advice.contains("p8 key again"), "{action:?}");
    let notes = &status.targets[0].notes;
    assert!(
        notes[0].starts_with("Whether a loss goes on is known once"),
        "{notes:?}"
    );
    let codes: Vec<(&str, &str)> = status.targets[0]
        .losses
        .iter()
        .map(|loss| (loss.err_code.as_str(), loss.platform.as_str()))
        .collect();
    assert_eq!(codes, [("403", "all"), ("403", "apns"), ("410", "all")]);
}

#[test]
fn one_app_and_one_target_are_not_counted() {
    let mut world = World::new(&[target("shop", "singapore")]);
    world.losses(0, 1000, &[(AFTER, Some(1), "403", 340, "")]);
    let (_, words) = text(&world, 1000);
    assert!(
        words.starts_with("Pushes are lost for a reason that you can repair: shop, APNs"),
        "{words}"
    );
    let error = FetchError::new(Outcome::Timeout, "too slow");
    world.failure(0, 1010, Api::NormalPushLoss, error);
    let (_, words) = text(&world, 1010);
    assert!(
        words.starts_with(
            "The only target cannot be asked (no answer in time, timeout): shop/singapore. Pushes"
        ),
        "{words}"
    );
}

#[test]
fn targets_that_fail_for_one_reason_are_one_thing_to_do() {
    let targets: Vec<Target> = (0..40)
        .map(|n| target(&format!("app{n:02}"), "singapore"))
        .collect();
    let mut world = World::new(&targets);
    for place in 0..40 {
        let error = FetchError::refused(70009, "");
        world.failure(place, 1000, Api::NormalPushLoss, error.clone());
        world.failure(place, 1000, Api::NormalPushStatistics, error);
    }
    let verdict = world.status(1000, None).verdict;
    assert_eq!(
        verdict.text,
        "None of the 40 targets can be asked (authentication failed, auth 70009): \
         app00/singapore, app01/singapore, app02/singapore and 37 more."
    );
    assert_eq!(verdict.actions.len(), 1);
    assert_eq!(verdict.actions[0].targets.len(), 40);
    assert_eq!(
        verdict.actions[0].who(words::of(Language::English)),
        "app00/singapore, app01/singapore, app02/singapore and 37 more"
    );
}

#[test]
fn what_is_the_same_on_every_platform_is_told_once_and_with_one_targets_details() {
    let mut world = shop_and_game();
    for (place, count) in [(0, 900), (1, 800)] {
        let rows = [
            (BEFORE, None, "-2", count, "token not uploaded"),
            (BEFORE, Some(1), "-2", count, "token not uploaded"),
            (AFTER, None, "403", count, "BadCertificate"),
            (AFTER, Some(1), "403", count, "BadCertificate"),
        ];
        world.losses(place, 1000, &rows);
        world.sent(place, 1000, 10_000);
    }
    let actions = world.status(1000, None).verdict.actions;
    let mut problems: Vec<&str> = actions
        .iter()
        .map(|action| action.problem.split(" lost in the window,").next().unwrap())
        .collect();
    problems.sort_unstable();
    assert_eq!(
        problems,
        [
            "APNs credential refused (403 BadCertificate) after sending, at shop/singapore: 900",
            "all platforms setting wrong (-2 token not uploaded) before sending, at shop/singapore: 900",
        ]
    );
    assert!(actions.iter().all(|action| action.targets.len() == 2));
}

#[test]
fn statistics_that_fail_alone_are_less_than_losses_that_fail() {
    let mut world = shop_and_game();
    calm(&mut world, 1000);
    let error = FetchError::refused(90045, "");
    world.failure(1, 1010, Api::NormalPushStatistics, error);
    assert_eq!(
        text(&world, 1010),
        (
            Level::Warning,
            "1 of 2 targets answers about losses, but not about statistics.".to_owned()
        )
    );
    let first = &world.status(1010, None).targets[0];
    assert_eq!((first.app.as_str(), first.state), ("game", State::Partial));
}

#[test]
fn a_loss_rises_only_if_more_of_what_is_sent_is_lost() {
    let rising = |late_sent: u64| {
        let mut world = World::new(&[target("shop", "singapore")]);
        world.losses(0, 1000, &[(AFTER, Some(1), "410", 300, "")]);
        world.sent(0, 1000, 10_000);
        world.losses(0, 2000, &[(AFTER, Some(1), "410", 900, "")]);
        world.sent(0, 2000, late_sent);
        world.status(2000, None)
    };
    assert_eq!(rising(30_000).verdict.level, Level::Good);
    let status = rising(10_000);
    assert_eq!(status.verdict.level, Level::Warning);
    assert_eq!(
        status.verdict.text,
        "Pushes are lost more and more: shop, APNs tokens invalid (410)."
    );
    let trend = status.targets[0].losses[0].trend.as_ref().unwrap();
    assert_eq!(trend.words, "rose from 300 to 900 (9.0 %) in 16 min");
}

#[test]
fn shares_are_of_the_same_stage_and_platform_and_platforms_are_never_added_up() {
    let mut world = World::new(&[target("shop", "singapore")]);
    let rows = [
        (AFTER, None, "410", 30, ""),
        (AFTER, None, "403", 10, ""),
        (BEFORE, None, "-1", 160, ""),
        (AFTER, Some(1), "410", 7, ""),
        (AFTER, Some(2), "66007", 3, ""),
    ];
    world.losses(0, 1000, &rows);
    world.sent(0, 1000, 1000);
    let status = world.status(1000, None);
    let target = &status.targets[0];
    let shares = |code: &str, platform: &str| {
        let row = |loss: &&LossStatus| loss.err_code == code && loss.platform == platform;
        let loss = target.losses.iter().find(row).unwrap();
        (loss.share, loss.share_of_pushes)
    };
    assert_eq!(shares("410", "all"), (0.75, Some(0.03)));
    assert_eq!(shares("403", "all"), (0.25, Some(0.01)));
    assert_eq!(shares("-1", "all"), (1.0, Some(0.16)));
    assert_eq!(shares("410", "apns"), (1.0, Some(0.007)));
    // The statistics contain no pushes on this platform.
    assert_eq!(shares("66007", "xiaomi"), (1.0, None));
    assert_eq!(target.lost, [(BEFORE, 160), (AFTER, 40)].into());
}

#[test]
fn data_that_is_too_old_is_not_shown_and_its_age_is_told() {
    let mut world = World::new(&[target("shop", "singapore")]);
    world.losses(0, 1000, &[(AFTER, Some(1), "403", 340, "")]);
    let young = &world.status(1599, None).targets[0];
    assert!(young.window.is_some() && young.losses.len() == 1);
    let old = &world.status(1600, None).targets[0];
    assert!(old.window.is_none() && old.losses.is_empty());
    assert!(
        old.notes[0].contains("of 08:16 UTC (16:16 +08:00, 10 min ago), is too old"),
        "{:?}",
        old.notes
    );
}

#[test]
fn an_app_is_asked_for_by_its_whole_name() {
    let mut world = shop_and_game();
    calm(&mut world, 1000);
    let apps = |app| -> Vec<String> {
        let targets = world.status(1000, app).targets;
        targets.into_iter().map(|target| target.app).collect()
    };
    assert_eq!(apps(Some("shop")), ["shop"]);
    assert_eq!(apps(None), ["game", "shop"]);
    assert!(apps(Some("sho")).is_empty());
    assert_eq!(world.status(1000, Some("sho")).apps.len(), 2);
}

#[test]
fn the_json_has_the_documented_shape() {
    let mut world = World::new(&[target("shop", "singapore")]);
    world.losses(0, 1000, &[(AFTER, Some(1), "403", 340, "why")]);
    let error = FetchError::refused(60007, "slow");
    world.failure(0, 1010, Api::NormalPushStatistics, error);
    let json = serde_json::to_value(world.status(1010, None)).unwrap();
    let target = &json["targets"][0];
    assert_eq!(
        (&target["app"], &target["region"]),
        (&"shop".into(), &"singapore".into())
    );
    let health = &target["health"];
    let good = serde_json::json!({"up": true, "last_success": "2027-01-15T08:16:40Z", "consecutive_failures": 0, "failing_since": null, "last_error": null});
    assert_eq!(health["normal_push_loss"], good);
    let bad = &health["normal_push_statistics"];
    assert_eq!(
        (
            &bad["up"],
            &bad["last_success"],
            &bad["consecutive_failures"]
        ),
        (&false.into(), &serde_json::Value::Null, &1.into())
    );
    let error = &bad["last_error"];
    assert_eq!(
        (&error["outcome"], &error["code"]),
        (&"rate_limited".into(), &60007.into())
    );
    assert!(error["message"].is_string() && error["advice"].is_string());
    let window =
        serde_json::json!({"start": "2027-01-15T07:14:40Z", "end": "2027-01-15T08:14:40Z"});
    assert_eq!(target["window"], window);
    assert!(target["next_poll"].is_null());
    let loss = &target["losses"][0];
    for (key, value) in [
        ("stage", serde_json::json!("post_send_delivered")),
        ("platform", "apns".into()),
        ("err_code", "403".into()),
        ("description", "why".into()),
        ("class", "credential".into()),
        ("count", 340.into()),
        ("share", 1.0.into()),
    ] {
        assert_eq!(loss[key], value, "{key}");
    }
    assert!(loss["advice"].is_string());
}

#[test]
fn tasks_are_told_of_where_they_are_watched() {
    let mut watching = target("shop", "singapore");
    Arc::get_mut(&mut watching.app).unwrap().tasks = Some(Tasks::BUILT_IN);
    let world = World::new(&[watching.clone(), target("game", "china")]);
    let tasks = |at| -> Vec<serde_json::Value> {
        let json = serde_json::to_value(world.status(at, None)).unwrap();
        let targets = json["targets"].as_array().unwrap().clone();
        targets
            .into_iter()
            .map(|target| target["tasks"].clone())
            .collect()
    };
    let game = serde_json::Value::Null;
    let unasked = serde_json::json!({"up": false, "last_success": null, "watched": 0, "left_out": 0, "unknown": 0, "dispatch_failed": 0, "file_problems": null});
    assert_eq!(tasks(0), [game.clone(), unasked]);

    let recorder = TaskRecorder::new(&watching, Arc::clone(&world.snapshot));
    let mut board = recorder.board();
    let scheduled = |number, dispatch| ScheduledTask {
        number,
        name: String::new(),
        kind: TaskType::All,
        status: String::new(),
        at: UnixSeconds(START),
        dispatch,
        reason: String::new(),
        push: None,
    };
    board.listed(
        vec![scheduled(1, Dispatch::Failed), scheduled(2, Dispatch::Done)],
        world.now(1000).steady,
    );
    board.up = true;
    board.last_success = Some(UnixSeconds(START + 1000));
    board.left_out = 3;
    recorder.publish(board);
    let asked = serde_json::json!({"up": true, "last_success": "2027-01-15T08:16:40Z", "watched": 0, "left_out": 3, "unknown": 0, "dispatch_failed": 1, "file_problems": null});
    assert_eq!(tasks(1010), [game, asked]);
    let status = world.status(1010, Some("shop"));
    let told = status.targets[0].tasks.as_ref().unwrap();
    let said = |language| {
        let words = words::of(language);
        format!("{} {}", told.state_words(words), told.words(words))
    };
    assert_eq!(
        said(Language::English),
        "answers 0 watched, 1 that the service could not dispatch, 3 left out"
    );
    assert_eq!(
        said(Language::Chinese),
        "有应答 监控 0 个，1 个未能下发，3 个未监控"
    );
    assert_eq!(told.level(), Level::Warning);
}

#[test]
fn a_clock_that_was_ahead_is_told_of_for_a_day() {
    let mut world = shop_and_game();
    calm(&mut world, 0);
    world.recorders[0].set_back(UnixSeconds(START + 7300), world.now(100));
    let notes = |at| world.status(at, Some("shop")).targets[0].notes.join(" ");
    assert!(
        notes(100).contains("had been ahead by 2 h until"),
        "{}",
        notes(100)
    );
    assert!(notes(100 + 86_399).contains("had been ahead"));
    assert!(!notes(100 + 86_400).contains("had been ahead"));
    assert!(
        !world.status(100, Some("game")).targets[0]
            .notes
            .join(" ")
            .contains("ahead")
    );
}

/// Two hours of churn, the second of which is observed, an incident of 20 minutes, and 100 minutes
/// more, shown at some minutes.
fn incident(told: &[usize]) -> Vec<Status> {
    let mut world = World::new(&[target("shop", "singapore")]);
    let mut lost: Vec<Vec<(&str, u64)>> = Vec::new();
    let mut statuses = Vec::new();
    for minute in 0..241 {
        let mut rows = vec![("410", 20)];
        if (120..140).contains(&minute) {
            rows.push(("403", 830));
        }
        lost.push(rows);
        if minute >= 60 {
            world.minute(0, &lost);
        }
        if told.contains(&minute) {
            statuses.push(world.status(60 * lost.len() as u64, None));
        }
    }
    statuses
}

#[test]
fn before_in_and_after_an_incident_each_sentence_is_right() {
    let statuses = incident(&[118, 124, 135, 150, 190, 205]);
    let [before, begins, during, after, late, gone] = statuses.as_slice() else {
        panic!("{statuses:?}");
    };
    let calm = "All targets answer, nothing stands out.";
    assert_eq!(before.verdict.text, calm);
    let losing = "Pushes are lost for a reason that you can repair: shop, APNs credential refused (403 InvalidProviderToken).";
    let share = |status: &Status| {
        let is_apns = |loss: &&LossStatus| loss.platform == "apns";
        let loss = status.targets[0].losses.iter().find(is_apns).unwrap();
        (loss.ongoing, loss.course().unwrap())
    };
    for status in [begins, during] {
        assert_eq!(status.verdict.text, losing);
        assert_eq!(status.verdict.level, Level::Bad);
    }
    let (ongoing, course) = share(during);
    assert_eq!(ongoing, Some(true));
    assert_eq!(
        course,
        "now 830 a minute, 83 % of pushes sent on APNs; since 10:00 UTC (18:00 +08:00, 16 min ago), goes on"
    );
    for (status, ago) in [(after, "11 min"), (late, "51 min")] {
        assert_eq!(
            status.verdict.text,
            "Pushes were lost, but no longer are: \
             shop, APNs credential refused (403 InvalidProviderToken), over since 10:20 UTC (18:20 +08:00)."
        );
        assert_eq!(status.verdict.level, Level::Warning);
        assert_eq!(status.targets[0].state, State::Over);
        assert_eq!(
            share(status),
            (
                Some(false),
                format!(
                    "over since 10:20 UTC (18:20 +08:00, {ago} ago), began 10:00 UTC (18:00 +08:00), \
                     leaves the window by 11:20 UTC (19:20 +08:00)"
                )
            )
        );
        let action = &status.verdict.actions[0];
        assert!(
            action.advice.starts_with("Nothing now. If it comes back: "),
            "{action:?}"
        );
    }
    assert_eq!(gone.verdict.text, calm);
}

#[test]
fn what_goes_on_comes_before_what_is_over() {
    let mut world = shop_and_game();
    let mut lost: [Vec<Vec<(&str, u64)>>; 2] = [Vec::new(), Vec::new()];
    for minute in 0..100 {
        lost[0].push(vec![("403", if minute < 80 { 900 } else { 0 })]);
        lost[1].push(vec![("403", 50)]);
        world.minute(0, &lost[0]);
        world.minute(1, &lost[1]);
    }
    let status = world.status(6000, None);
    let apps: Vec<(&str, State)> = status
        .targets
        .iter()
        .map(|target| (target.app.as_str(), target.state))
        .collect();
    assert_eq!(apps, [("game", State::Losing), ("shop", State::Over)]);
    let whose: Vec<&str> = status
        .verdict
        .actions
        .iter()
        .map(|action| action.targets[0].as_str())
        .collect();
    assert_eq!(whose.first(), Some(&"game/china"));
    assert_eq!(whose.last(), Some(&"shop/singapore"));
    let json = serde_json::to_value(&status).unwrap();
    let row_of = |place: usize| json["targets"][place]["losses"][1].clone();
    assert_eq!(row_of(0)["ongoing"], true);
    assert_eq!(row_of(0)["since"], serde_json::Value::Null);
    assert_eq!(row_of(0)["now"]["per_minute"], 50.0);
    let share = row_of(0)["now"]["share_of_pushes"].as_f64().unwrap();
    assert!((share - 0.05).abs() < 1e-9, "{share}");
    assert_eq!(row_of(1)["ongoing"], false);
    assert_eq!(row_of(1)["concern"], "over");
    assert_eq!(row_of(1)["over_since"], "2027-01-15T09:20:00Z");
    assert_eq!(row_of(1)["leaves_window"], "2027-01-15T10:20:00Z");
}

#[test]
fn without_counters_only_the_window_is_spoken_of_and_that_is_said() {
    let mut target = target("shop", "singapore");
    Arc::get_mut(&mut target.app).unwrap().polling.counters = false;
    let mut world = World::new(&[target]);
    world.losses(0, 1000, &[(AFTER, Some(1), "403", 340, "")]);
    let status = world.status(1000, None);
    let loss = &status.targets[0].losses[0];
    assert_eq!((loss.now, loss.ongoing, loss.since), (None, None, None));
    assert!(
        status.targets[0].notes[0].starts_with("Without counters this page"),
        "{:?}",
        status.targets[0].notes
    );
}
