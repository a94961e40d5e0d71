//! Paused time and a fake service: no sockets.

use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::model::reading::{Funnel, Measure, Reading};
use crate::model::task::{Dispatch, TaskList, TaskType};
use crate::poll::schedule::Shared;
use crate::self_metrics::SelfMetrics;
use crate::target::snapshot::{Recorder, Snapshot};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// 2027-01-15T08:00:00Z.
const WALL: u64 = 1_800_000_000;
const ROUND: Duration = Duration::from_secs(300);
const LOSS: Api = Api::AllMemberPushLoss;

type Refuse = fn(Api, &[Id]) -> Option<FetchError>;

/// Has some scheduled tasks, and counts a push for each second since a task's start.
struct Fake {
    list: Mutex<Result<Vec<ScheduledTask>, FetchError>>,
    refuse: Mutex<Refuse>,
    lists: Mutex<u32>,
    asked: Mutex<Vec<(Api, Range, Vec<String>)>>,
}

impl FetchTasks for Fake {
    async fn tasks(
        &self,
        _: &Target,
        api: Api,
        range: Range,
        tasks: &[Id],
    ) -> Result<TaskReadings, FetchError> {
        let ids: Vec<String> = tasks.iter().map(|id| id.as_str().to_owned()).collect();
        let mut asked = self.asked.lock().unwrap();
        asked.push((api, range, ids.clone()));
        if let Some(error) = self.refuse.lock().unwrap()(api, tasks) {
            return Err(error);
        }
        Ok(ids
            .into_iter()
            .map(|id| (id, reading(api, range)))
            .collect())
    }

    async fn scheduled(&self, _: &Target, _: Range) -> Result<TaskList, FetchError> {
        *self.lists.lock().unwrap() += 1;
        let tasks = self.list.lock().unwrap().clone()?;
        Ok(TaskList {
            total: tasks.len(),
            tasks,
        })
    }
}

fn reading(api: Api, range: Range) -> Reading {
    match api.measure() {
        Measure::Losses => Reading::Loss([].into()),
        Measure::Funnel => Reading::Statistics {
            overall: Funnel {
                sent: range.end.0 - range.start.0,
                ..Funnel::default()
            },
            platforms: [].into(),
        },
    }
}

/// A task that was scheduled to start this many seconds before [`WALL`].
fn scheduled(number: u32, ago: u64) -> ScheduledTask {
    ScheduledTask {
        number: number.into(),
        name: "sale".to_owned(),
        kind: TaskType::All,
        status: "dispatched".to_owned(),
        at: UnixSeconds(WALL - ago),
        dispatch: Dispatch::Done,
        reason: String::new(),
        push: Some(format!("push-{number}").parse().unwrap()),
    }
}

fn unknown_task() -> FetchError {
    FetchError::refused(UNKNOWN_TASK, "")
}

fn target(tasks: Tasks) -> Target {
    let mut target = crate::config::target::tests::target("shop", "china");
    Arc::get_mut(&mut target.app).unwrap().tasks = Some(tasks);
    target
}

struct Run {
    shared: Arc<Shared<Fake>>,
    snapshot: Arc<Snapshot>,
    target: Target,
    _loop: JoinSet<()>,
}

impl Run {
    fn start(tasks: Tasks, list: Vec<ScheduledTask>) -> Self {
        let target = target(tasks);
        let fetch = Fake {
            list: Mutex::new(Ok(list)),
            refuse: Mutex::new(|_, _| None),
            lists: Mutex::default(),
            asked: Mutex::default(),
        };
        let origin = Instant::now();
        let clock = Arc::new(move || Now {
            wall: Duration::from_secs(WALL) + origin.elapsed(),
            steady: Instant::now(),
        });
        let targets = [target.clone()];
        let metrics = Arc::new(SelfMetrics::new(&targets).unwrap());
        let places = Arc::new(Semaphore::new(100));
        let shared = Arc::new(Shared::new(fetch, metrics, clock, 0, places));
        let snapshot = Arc::new(Snapshot::new(&targets));
        Recorder::new(&target, Arc::clone(&snapshot));
        let recorder = TaskRecorder::new(&target, Arc::clone(&snapshot));
        let mut tasks = JoinSet::new();
        tasks.spawn(watch(target.clone(), Arc::clone(&shared), recorder));
        Self {
            shared,
            snapshot,
            target,
            _loop: tasks,
        }
    }

    fn board(&self) -> Arc<TaskBoard> {
        let states = self.snapshot.load();
        Arc::clone(states[&self.target.id()].tasks.as_ref().unwrap())
    }

    fn watched(&self) -> Vec<String> {
        let board = self.board();
        let ids = board.watched.iter().map(|watched| &watched.task.id);
        ids.map(|id| id.as_str().to_owned()).collect()
    }

    /// How many watched tasks have counts of an API that are currently served.
    fn served(&self, api: Api) -> usize {
        self.board()
            .current(api, &self.target, Instant::now())
            .count()
    }

    fn refuse(&self, refuse: Refuse) {
        *self.shared.fetch.refuse.lock().unwrap() = refuse;
    }

    /// The ids of each query since the last call.
    fn asked(&self) -> Vec<(Api, Vec<String>)> {
        let mut asked = self.shared.fetch.asked.lock().unwrap();
        asked.drain(..).map(|(api, _, ids)| (api, ids)).collect()
    }
}

const SCHEDULED: Tasks = Tasks {
    scheduled: true,
    ..Tasks::BUILT_IN
};

#[tokio::test(start_paused = true)]
async fn the_newest_tasks_are_asked_about_five_at_a_time() {
    let list = (0..30)
        .map(|n| scheduled(n, u64::from(n) * 60 + 60))
        .collect();
    let run = Run::start(SCHEDULED, list);
    sleep(ROUND / 2).await;
    let asked = run.asked();
    assert_eq!(asked.len(), 8);
    assert!(asked.iter().all(|(_, ids)| ids.len() == MAX_ASKED));
    assert_eq!(asked[0].1[0], "push-0");
    let board = run.board();
    assert_eq!(
        (board.up, board.watched.len(), board.left_out),
        (true, 20, 10)
    );
    assert_eq!(board.scheduled(&run.target, Instant::now()).len(), 20);
    assert_eq!(run.served(LOSS), 20);
}

#[tokio::test(start_paused = true)]
async fn a_task_is_watched_from_its_start_until_it_is_too_old() {
    let age = SCHEDULED.age.as_secs();
    let mut waiting = scheduled(2, 0);
    waiting.at.0 += 400;
    let run = Run::start(SCHEDULED, vec![scheduled(1, age - 400), waiting]);
    sleep(ROUND / 2).await;
    assert_eq!(run.watched(), ["push-1"]);
    let began = run.shared.fetch.asked.lock().unwrap()[0].1.start;
    assert_eq!(began, UnixSeconds(WALL - (age - 400) - SLACK));
    sleep(3 * ROUND).await;
    assert_eq!(run.watched(), ["push-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_the_service_does_not_know_is_found_and_left_alone_for_an_hour() {
    let run = Run::start(SCHEDULED, (0..4).map(|n| scheduled(n, 60)).collect());
    let refuse: Refuse = |_, ids| {
        let is_bad = |id: &Id| id.as_str() == "push-2";
        ids.iter().any(is_bad).then(unknown_task)
    };
    run.refuse(refuse);
    sleep(ROUND / 2).await;
    let board = run.board();
    assert_eq!((board.up, board.unknown, board.watched.len()), (true, 1, 3));
    // The batch, each of its tasks, and the three for the other API.
    assert_eq!(run.asked().len(), 6);
    sleep(ROUND).await;
    assert_eq!(run.asked().len(), 2);
    run.refuse(|_, _| None);
    sleep(RARELY).await;
    assert_eq!((run.board().unknown, run.watched().len()), (0, 4));
}

#[tokio::test(start_paused = true)]
async fn an_app_without_such_pushes_is_asked_once_an_hour() {
    let run = Run::start(SCHEDULED, Vec::new());
    *run.shared.fetch.list.lock().unwrap() = Err(FetchError::refused(90_045, ""));
    sleep(24 * RARELY).await;
    assert!((24..=26).contains(&*run.shared.fetch.lists.lock().unwrap()));
    assert!(!run.board().up);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_does_not_keep_known_tasks_from_being_counted() {
    let run = Run::start(SCHEDULED, vec![scheduled(1, 60)]);
    sleep(ROUND / 2).await;
    run.asked();
    *run.shared.fetch.list.lock().unwrap() = Err(FetchError::refused(90_104, ""));
    sleep(ROUND).await;
    assert_eq!(run.asked().len(), 2);
    let board = run.board();
    assert_eq!((board.up, board.last_success.is_some()), (false, true));
}

#[tokio::test(start_paused = true)]
async fn counts_that_are_not_renewed_vanish_and_those_of_another_api_stay() {
    let run = Run::start(SCHEDULED, (0..7).map(|n| scheduled(n, 60)).collect());
    sleep(ROUND / 2).await;
    let statistics = Api::AllMemberPushStatistics;
    assert_eq!((run.served(LOSS), run.served(statistics)), (7, 7));
    run.refuse(|api, _| (api != LOSS).then(|| FetchError::refused(90_102, "")));
    sleep(4 * ROUND).await;
    assert_eq!((run.served(LOSS), run.served(statistics)), (7, 0));
}

#[tokio::test(start_paused = true)]
async fn a_target_without_tasks_makes_no_calls_and_has_no_board() {
    let mut target = target(SCHEDULED);
    Arc::get_mut(&mut target.app).unwrap().tasks = None;
    let snapshot = Snapshot::new(std::slice::from_ref(&target));
    assert!(snapshot.load()[&target.id()].tasks.is_none());
}

#[tokio::test]
async fn a_file_is_read_again_and_an_unreadable_one_keeps_the_last_good_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.jsonl");
    let line = |id: &str| format!("{{\"task\":\"{id}\",\"start\":{}}}\n", WALL - 60);
    std::fs::write(&path, line("a")).unwrap();
    let tasks = Tasks {
        file: Some(path.clone()),
        interval: Duration::from_millis(20),
        ..Tasks::BUILT_IN
    };
    let run = Run::start(tasks, Vec::new());
    let until = async |expected: fn(&TaskBoard) -> bool| {
        while !expected(&run.board()) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    until(|board| board.watched.len() == 1 && board.file_problems == Some(0)).await;
    std::fs::write(&path, format!("{}oops\n{}{{\"ta", line("a"), line("b"))).unwrap();
    until(|board| board.watched.len() == 2 && board.file_problems == Some(1)).await;
    std::fs::remove_file(&path).unwrap();
    until(|board| board.watched.len() == 2 && board.file_problems == Some(1) && board.up).await;
    std::fs::write(&path, line("c")).unwrap();
    until(|board| board.watched.len() == 1 && board.file_problems == Some(0)).await;
    assert_eq!(run.watched(), ["c"]);
    assert_eq!(*run.shared.fetch.lists.lock().unwrap(), 0);
}
