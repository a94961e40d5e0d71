use std::time::Duration;

use super::*;
use crate::config::target::Target;
use crate::config::target::tests::target;
use crate::model::outcome::{FetchError, Outcome};
use crate::model::reading::{Api, ErrCode, Loss, LossKey, Reading, Stage};
use crate::model::window::Range;
use crate::target::counters::Question;
use crate::target::snapshot::Recorder;

/// Noon of a day at the default offset.
const NOON: u64 = 1_741_708_800 + 43_200;

fn now(after: u64) -> Now {
    Now {
        wall: Duration::from_secs(NOON + after),
        steady: Instant::now() + Duration::from_secs(after),
    }
}

fn reading(count: u64) -> Reading {
    let key = LossKey {
        stage: Stage::ReadyToSend,
        platform: None,
        code: ErrCode::new("-1"),
    };
    let loss = Loss {
        count,
        description: String::new(),
    };
    Reading::Loss([(key, loss)].into())
}

/// A process with one target.
struct Process {
    snapshot: Arc<Snapshot>,
    recorder: Recorder,
}

impl Process {
    fn start(target: &Target, remembered: Option<Remembered>, now: Now) -> Self {
        let snapshot = Arc::new(Snapshot::new(std::slice::from_ref(target)));
        let mut recorder = Recorder::new(target, Arc::clone(&snapshot));
        if let Some(remembered) = remembered {
            recorder.restore(remembered, now);
        }
        Self { snapshot, recorder }
    }

    fn poll(&mut self, count: u64, now: Now) {
        let api = Api::NormalPushLoss;
        let end = UnixSeconds(now.unix().0 - 120);
        let range = Range::ending(end, Duration::from_secs(3600));
        self.recorder.window(api, range, reading(count), now);
        for question in self.recorder.questions(api, end, now) {
            assert!(matches!(question, Question::Today(_)));
            self.recorder.day(api, question, &reading(count), now);
        }
        self.recorder.finish(api, Ok(()), now);
    }

    fn counter(&self, now: Now) -> Option<u64> {
        let targets = self.snapshot.load();
        let served = targets.values().next()?.counted(Api::NormalPushLoss, now)?;
        served.counts.values().next().copied()
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    (folder, path)
}

fn saved(path: &Path) -> Target {
    let target = target("shop", "singapore");
    let mut process = Process::start(&target, None, now(0));
    process.poll(7, now(0));
    save(path, &process.snapshot.load(), now(0)).unwrap();
    target
}

/// The state that a start with this one target reads.
fn load(path: &Path, target: &Target) -> Option<Remembered> {
    load_now(path, std::slice::from_ref(target)).remove(&target.id())
}

fn found(text: &[u8], targets: &[Target]) -> Result<Found, StateError> {
    read(text, targets)
}

/// Three saved targets of one app, and the file's text.
fn three(path: &Path) -> (Vec<Target>, Vec<u8>) {
    let targets = ["china", "seoul", "singapore"].map(|region| target("shop", region));
    let snapshot = Snapshot::new(&targets);
    save(path, &snapshot.load(), now(0)).unwrap();
    (targets.to_vec(), fs::read(path).unwrap())
}

fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_restart_with_the_file_keeps_a_counter_that_the_service_revised_down() {
    let (folder, path) = folder();
    let target = saved(&path);
    assert_eq!(names(&folder), ["state.json"], "nothing else is left");
    let remembered = load(&path, &target);
    let mut with = Process::start(&target, remembered, now(60));
    assert_eq!(with.counter(now(60)), None, "not before the first answer");
    with.poll(5, now(60));
    assert_eq!(with.counter(now(60)), Some(7));
    let mut without = Process::start(&target, None, now(60));
    without.poll(5, now(60));
    assert_eq!(without.counter(now(60)), Some(5));
}

#[test]
fn a_restart_in_an_outage_keeps_the_age_of_the_data_and_is_not_yet_ready() {
    let (_folder, path) = folder();
    let target = saved(&path);
    let success = |process: &Process| {
        let targets = process.snapshot.load();
        let api = &targets.values().next().unwrap().apis[&Api::NormalPushLoss];
        (api.last_success, api.last_nonzero)
    };
    let last = (Some(UnixSeconds(NOON)), Some(UnixSeconds(NOON - 120)));
    let mut process = Process::start(&target, load(&path, &target), now(7200));
    assert_eq!(success(&process), last, "from the start");
    assert!(!process.snapshot.is_known());
    let error = FetchError::new(Outcome::Connect, "dead");
    process
        .recorder
        .finish(Api::NormalPushLoss, Err(error), now(7210));
    assert_eq!(success(&process), last);
    // The clock was ahead when the file was written.
    let before = Now {
        wall: Duration::from_secs(NOON - 600),
        ..now(0)
    };
    let process = Process::start(&target, load(&path, &target), before);
    assert_eq!(success(&process).0, Some(UnixSeconds(NOON - 600)));
}

#[test]
fn a_process_that_stops_before_its_first_response_leaves_what_it_found() {
    let (_folder, path) = folder();
    let target = saved(&path);
    let short = Process::start(&target, load(&path, &target), now(30));
    assert_eq!(short.counter(now(30)), None);
    save(&path, &short.snapshot.load(), now(30)).unwrap();
    let mut process = Process::start(&target, load(&path, &target), now(60));
    process.poll(5, now(60));
    assert_eq!(process.counter(now(60)), Some(7));
}

#[test]
fn another_app_of_the_same_name_starts_anew() {
    let (_folder, path) = folder();
    let mut target = saved(&path);
    let remembered = load(&path, &target);
    Arc::get_mut(&mut target.app).unwrap().sdk_app_id += 1;
    let mut process = Process::start(&target, remembered, now(60));
    process.poll(5, now(60));
    assert_eq!(process.counter(now(60)), Some(5));
}

#[test]
fn a_missing_file_is_a_first_start() {
    let (folder, path) = folder();
    assert!(load(&path, &target("shop", "singapore")).is_none());
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn a_file_that_cannot_be_used_is_set_aside_whole() {
    let (_keep, path) = folder();
    let target = saved(&path);
    let good = fs::read_to_string(&path).unwrap();
    let former = "{\"format\":\"timpush-exporter state\",\"version\":1,\"sha256\":\"00\"}\n{}";
    for (bad, error) in [
        (String::new(), "not a state file"),
        ("hello\n".to_owned(), "not a state file"),
        ("{\"a\": 1}\n{}".to_owned(), "not a state file"),
        ("x".repeat(10_000), "not a state file"),
        (
            good.replace("exporter state", "other state"),
            "not a state file",
        ),
        (
            good.replacen("\"version\":2", "\"version\":3", 1),
            "version 3",
        ),
        (former.to_owned(), "version 1"),
    ] {
        let (folder, path) = folder();
        fs::write(&path, &bad).unwrap();
        let read = found(bad.as_bytes(), std::slice::from_ref(&target));
        assert!(read.unwrap_err().to_string().contains(error), "{bad}");
        assert!(load(&path, &target).is_none());
        let left = names(&folder);
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].starts_with("state.json.unusable-"), "{left:?}");
        assert_eq!(
            fs::read_to_string(folder.path().join(&left[0])).unwrap(),
            bad
        );
    }
}

#[test]
fn of_a_truncated_file_every_whole_line_is_used_and_the_rest_is_noticed() {
    let (_folder, path) = folder();
    let (targets, good) = three(&path);
    for length in 0..good.len() {
        let lines = good[..length].split(|b| *b == b'\n').count() - 1;
        match found(&good[..length], &targets) {
            Ok(found) => {
                assert_eq!((found.targets.len(), found.cut), (lines - 1, 4 - lines));
                assert_eq!(found.damaged + found.too_long, 0);
            }
            Err(_) => assert_eq!(lines, 0, "{length}"),
        }
    }
}

#[test]
fn a_damaged_line_costs_its_own_target_alone() {
    let (_folder, path) = folder();
    let (targets, good) = three(&path);
    let second = good.iter().position(|b| *b == b'\n').unwrap() + 1;
    for at in (second..good.len()).filter(|at| good[*at] != b'\n') {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let found = found(&bad, &targets).unwrap();
        // A flipped bit may make a line break.
        assert!(found.targets.len() == 2 && found.damaged >= 1, "{at}");
    }
}

#[test]
fn a_file_above_the_bounds_is_cut_and_the_rest_is_used() {
    let (_folder, path) = folder();
    let (targets, good) = three(&path);
    let text = String::from_utf8(good).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // 2,000 series of 1 KiB and 64 KiB.
    let long = "x".repeat((2064 << 10) + 1);
    let with_long = [lines[0], lines[1], &long, lines[2], lines[3], ""].join("\n");
    let read = found(with_long.as_bytes(), &targets).unwrap();
    assert_eq!((read.targets.len(), read.too_long), (3, 1));
    // 64 MiB for so few targets.
    let many = format!("{}\n", lines[1]).repeat((65 << 20) / lines[1].len());
    let huge = [lines[0], "\n", &many, lines[2], "\n"].concat();
    let read = found(huge.as_bytes(), &targets).unwrap();
    assert_eq!(read.targets.len(), 1);
}

#[test]
fn targets_that_are_not_configured_are_not_kept() {
    let (_folder, path) = folder();
    let (targets, good) = three(&path);
    let read = found(&good, &targets[1..2]).unwrap();
    assert_eq!(read.targets.len(), 1);
    assert_eq!(read.damaged + read.too_long + read.cut, 0);
}

#[test]
fn what_is_no_file_is_left_alone() {
    let (folder, path) = folder();
    files::tests::fifo(&path);
    assert!(load(&path, &target("shop", "singapore")).is_none());
    assert_eq!(names(&folder), ["state.json"]);
}

#[test]
fn a_file_is_for_its_owner_alone_and_a_link_is_replaced_not_followed() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    let victim = folder.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    for name in ["state.json", "state.json.new"] {
        std::os::unix::fs::symlink(&victim, folder.path().join(name)).unwrap();
    }
    saved(&path);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    let metadata = fs::symlink_metadata(&path).unwrap();
    assert!(metadata.is_file());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one_and_no_half() {
    let (folder, path) = folder();
    let target = saved(&path);
    let before = fs::read(&path).unwrap();
    let process = Process::start(&target, None, now(0));
    // A directory cannot be replaced by a file, not even by root.
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    assert!(save(&taken, &process.snapshot.load(), now(0)).is_err());
    let gone = folder.path().join("gone/state.json");
    assert!(save(&gone, &process.snapshot.load(), now(0)).is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(&folder), ["state.json", "taken"]);
}

#[tokio::test]
async fn a_start_removes_what_a_killed_process_left_and_nothing_else() {
    let (folder, path) = folder();
    let target = saved(&path);
    let others = [
        ".state.json.a-b.tmp",
        ".other.json.abc123.tmp",
        "state.json.bak",
    ];
    for name in others.iter().chain(&[".state.json.abC123.tmp"]) {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let loaded = super::load(&path, &[target]).await;
    assert_eq!(loaded.len(), 1);
    let mut expected = others.map(str::to_owned).to_vec();
    expected.push("state.json".to_owned());
    expected.sort();
    assert_eq!(names(&folder), expected);
}

#[test]
fn the_file_is_written_once_all_targets_know_of_a_days_end() {
    let target = target("shop", "singapore");
    let targets = Snapshot::new(&[target]).load();
    // Midnight at +08:00, and lag, step, interval and timeout after it.
    let day_ends = NOON + 43_200 + 120 + 60 + 60 + 10;
    for (now, next) in [
        (NOON, day_ends),
        (NOON + 43_200, day_ends),
        (day_ends - 1, day_ends),
        (day_ends, day_ends + DAY),
    ] {
        assert_eq!(next_day(&targets, UnixSeconds(now)).0, next, "{now}");
    }
}
