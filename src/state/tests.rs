use std::time::Duration;

use super::*;
use crate::counters::Question;
use crate::reading::{Api, ErrCode, Loss, LossKey, Reading, Stage};
use crate::snapshot::Recorder;
use crate::target::Target;
use crate::target::tests::target;
use crate::window::{Range, UnixSeconds};

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
    let remembered = load(&path).remove(&target.id());
    let mut with = Process::start(&target, remembered, now(60));
    assert_eq!(with.counter(now(60)), None, "not before the first answer");
    with.poll(5, now(60));
    assert_eq!(with.counter(now(60)), Some(7));
    let mut without = Process::start(&target, None, now(60));
    without.poll(5, now(60));
    assert_eq!(without.counter(now(60)), Some(5));
}

#[test]
fn another_app_of_the_same_name_starts_anew() {
    let (_folder, path) = folder();
    let mut target = saved(&path);
    let remembered = load(&path).remove(&target.id());
    Arc::get_mut(&mut target.app).unwrap().sdk_app_id += 1;
    let mut process = Process::start(&target, remembered, now(60));
    process.poll(5, now(60));
    assert_eq!(process.counter(now(60)), Some(5));
}

#[test]
fn a_missing_file_is_a_first_start() {
    let (folder, path) = folder();
    assert!(load(&path).is_empty());
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn a_file_that_cannot_be_used_is_set_aside_whole() {
    let (_keep, path) = folder();
    saved(&path);
    let good = fs::read_to_string(&path).unwrap();
    for (bad, error) in [
        (String::new(), "not a state file"),
        ("hello\n".to_owned(), "not a state file"),
        ("{\"a\": 1}\n{}".to_owned(), "not a state file"),
        (
            good.replace("exporter state", "other state"),
            "not a state file",
        ),
        (
            good.replacen("\"version\":1", "\"version\":2", 1),
            "version 2",
        ),
        (good.replacen("shop", "shot", 1), "checksum"),
        (good[..good.len() - 1].to_owned(), "checksum"),
    ] {
        let (folder, path) = folder();
        fs::write(&path, &bad).unwrap();
        assert!(
            read(&path).unwrap_err().to_string().contains(error),
            "{bad}"
        );
        assert!(load(&path).is_empty());
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
fn every_truncation_of_a_file_is_noticed() {
    let (_folder, path) = folder();
    saved(&path);
    let good = fs::read(&path).unwrap();
    for length in 0..good.len() {
        fs::write(&path, &good[..length]).unwrap();
        assert!(read(&path).is_err(), "{length}");
    }
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one_and_no_half() {
    let (folder, path) = folder();
    let target = saved(&path);
    let before = fs::read(&path).unwrap();
    // A directory in the place of the temporary file cannot be written to, not even by root.
    fs::create_dir(folder.path().join("state.json.new")).unwrap();
    let process = Process::start(&target, None, now(0));
    assert!(save(&path, &process.snapshot.load(), now(0)).is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
}
