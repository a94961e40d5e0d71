//! `backfill`: the past from a simulated service, into a file and into a real Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use timpush_exporter::model::reading::{Api, CountKey, Counts, FunnelStep, LossKey, Stage};
use timpush_exporter::model::window::{
    DAY, DayOffset, Range, UnixSeconds, aligned_end, day_anchor,
};
use tokio::time::{Instant, sleep};

use crate::lab::{BINARY, Exporter, GAME, Lab, PATIENCE, SHOP, UNLIMITED, failing, refuses};
use crate::prometheus::Prometheus;

const HOUR: u64 = 3600;

/// A service with one app's configuration that allows `calls_per_second`.
async fn lab(calls_per_second: u32) -> (Lab, PathBuf) {
    let lab = Lab::start(UNLIMITED).await;
    let text = format!(
        "calls_per_second: {calls_per_second}\napps:\n{}",
        Lab::app("shop", SHOP, &lab.url)
    );
    let config = lab.write("timpush.yml", &text);
    (lab, config)
}

fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap()
}

/// A time that has settled.
fn settled() -> u64 {
    now() - 600
}

fn command(config: &Path, from: u64, to: u64, more: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(["backfill", "--config", config.to_str().unwrap()])
        .args(["--from", &from.to_string(), "--to", &to.to_string()])
        .args(more);
    command
}

fn backfill(config: &Path, from: u64, to: u64, more: &[&str]) -> Output {
    command(config, from, to, more).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(output: Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Values by series and time.
fn samples(text: &str) -> BTreeMap<(&str, u64), u64> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (series, rest) = line.rsplit_once("} ").unwrap();
            let (value, at) = rest.split_once(' ').unwrap();
            ((series, at.parse().unwrap()), value.parse().unwrap())
        })
        .collect()
}

/// The end of the window of a time, with the default lag and step.
fn end_of(at: u64) -> u64 {
    let (lag, step) = (Duration::from_secs(120), Duration::from_secs(60));
    aligned_end(UnixSeconds(at), lag, step, DayOffset::DEFAULT).0
}

fn anchor_of(at: u64) -> u64 {
    day_anchor(UnixSeconds(end_of(at)), DayOffset::DEFAULT).0
}

/// Whether counters show something else than the day so far.
fn near_midnight(at: u64) -> bool {
    at - anchor_of(at) < 720 || (anchor_of(at) + DAY).saturating_sub(at) < 720
}

fn truth(lab: &Lab, api: Api, start: u64, end: u64) -> Counts {
    let range = Range {
        start: UnixSeconds(start),
        end: UnixSeconds(end),
    };
    lab.simulator.truth(SHOP, api, range).unwrap().counts()
}

fn sent() -> CountKey {
    CountKey::Funnel(FunnelStep::Sent, None)
}

/// Families are declared once more for the past; they must not say something else.
fn help_is_the_daemons(text: &str) {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/document_sample.openmetrics"
    );
    let golden = fs::read_to_string(golden).unwrap();
    for help in text.lines().filter(|line| line.starts_with("# HELP ")) {
        assert!(golden.lines().any(|line| line == help), "{help}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hours_are_what_the_service_counts() {
    let (lab, config) = lab(50).await;
    let to = settled();
    let from = to - 6 * HOUR;
    let labels = ["--label", "job=timpush", "--label", "instance=a b:1"];
    let more = [&["--step", "30m", "--app", "shop"], &labels[..]].concat();
    let output = backfill(&config, from, to, &more);
    let said = stderr(&output);
    assert!(said.contains(" calls (shop "), "{said}");
    let left = "; left to the daemon: shop 0.067 of 50 calls per second";
    assert!(said.contains(left), "{said}");
    assert_eq!(said.lines().count(), 2, "no bar without a terminal: {said}");
    assert!(!said.contains('\r'), "{said}");
    assert!(said.contains(" samples in "), "{said}");
    let text = text(output);
    assert!(text.ends_with("# EOF\n"));
    help_is_the_daemons(&text);
    let samples = samples(&text);
    let added = "job=\"timpush\",instance=\"a b:1\"";
    let of_app = format!("app=\"shop\",region=\"lab\",push=\"normal\",{added}");
    for at in (from..=to).step_by(1800) {
        let (end, anchor) = (end_of(at), anchor_of(at));
        let sent_in_window = format!("timpush_window_sent_pushes{{{of_app}");
        assert_eq!(
            samples.get(&(sent_in_window.as_str(), at)).copied(),
            Some(truth(&lab, Api::NormalPushStatistics, end - HOUR, end)[&sent()])
        );
        let sent_today = format!("timpush_sent_pushes_total{{{of_app}");
        if !near_midnight(at) {
            assert_eq!(
                samples.get(&(sent_today.as_str(), at)).copied(),
                Some(truth(&lab, Api::NormalPushStatistics, anchor, end)[&sent()])
            );
        }
        for (key, count) in truth(&lab, Api::NormalPushLoss, end - HOUR, end) {
            let CountKey::Loss(LossKey {
                stage,
                platform,
                code,
            }) = key
            else {
                continue;
            };
            let (name, platform) = match platform {
                Some(platform) => ("platform_lost", format!("platform=\"{platform}\",")),
                None => ("lost", String::new()),
            };
            let series = format!(
                "timpush_window_{name}_pushes{{app=\"shop\",region=\"lab\",push=\"normal\",stage=\"{stage}\",{platform}err_code=\"{code}\",{added}"
            );
            assert_eq!(
                samples.get(&(series.as_str(), at)),
                Some(&count),
                "{series}"
            );
        }
    }
    // No second was asked about twice.
    let mut asked: BTreeMap<Api, Vec<(u64, u64)>> = BTreeMap::new();
    for call in lab.simulator.calls() {
        let range = call.range.unwrap();
        // Days and their quarters are asked for the proof that parts add up.
        if range.end.0 - range.start.0 > 4 * 3600 {
            continue;
        }
        asked
            .entry(call.api.unwrap())
            .or_default()
            .push((range.start.0, range.end.0));
    }
    assert_eq!(asked.len(), 2);
    for ranges in asked.values_mut() {
        ranges.sort_unstable();
        assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        assert!((14..=17).contains(&ranges.len()), "{ranges:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_apps_are_filled_when_none_is_named() {
    let lab = Lab::start(UNLIMITED).await;
    let apps = Lab::app("shop", SHOP, &lab.url) + &Lab::app("game", GAME, &lab.url);
    let config = lab.write(
        "timpush.yml",
        &format!("calls_per_second: 50\napps:\n{apps}"),
    );
    let to = settled();
    let text = text(backfill(&config, to - HOUR, to, &["--step", "1h"]));
    for app in ["shop", "game"] {
        let series =
            format!("timpush_window_sent_pushes{{app=\"{app}\",region=\"lab\",push=\"normal\"}} ");
        assert_eq!(text.matches(&series).count(), 2, "{app}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_backfill_is_resumed_to_the_same_bytes() {
    let (lab, config) = lab(8).await;
    let (to, file) = (settled(), lab.path("filled.om"));
    let (from, part) = (to - 6 * HOUR, lab.path("filled.om.part"));
    let path = file.to_str().unwrap();
    let arguments = ["--step", "1h", "--output", path];
    let mut child = command(&config, from, to, &arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while fs::read_to_string(&part)
        .unwrap_or_default()
        .lines()
        .count()
        < 4
    {
        assert!(start.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    }
    let interrupt = format!("kill -INT {}", child.id());
    Command::new("sh")
        .args(["-c", &interrupt])
        .status()
        .unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    assert!(
        said.contains("interrupted; what was answered is kept in"),
        "{said}"
    );
    assert!(said.contains("--resume"), "{said}");
    assert!(!file.exists());

    let again = backfill(&config, from, to, &arguments);
    assert_eq!(again.status.code(), Some(64));
    assert!(stderr(&again).contains("--resume"), "{}", stderr(&again));
    let resume = [&arguments[..], &["--resume"]].concat();
    let other = backfill(&config, from + 60, to, &resume);
    assert_eq!(other.status.code(), Some(64));
    assert!(stderr(&other).contains("--from was "), "{}", stderr(&other));

    // As a machine that went down leaves it.
    let kept = fs::read(&part).unwrap();
    fs::write(&part, &kept[..kept.len() - 7]).unwrap();
    let before = lab.simulator.calls().len();
    let resumed = backfill(&config, from, to, &resume);
    assert_eq!(resumed.status.code(), Some(0), "{}", stderr(&resumed));
    assert!(stderr(&resumed).contains("create-blocks-from openmetrics"));
    let said = stderr(&resumed);
    let (_, written) = said.split_once(" is written: ").unwrap();
    let (samples, rest) = written.split_once(" samples in ").unwrap();
    let (series, rest) = rest.split_once(" series, from ").unwrap();
    let (ends, _) = rest.split_once(", in ").unwrap();
    let asked = lab.simulator.calls().len() - before;
    assert!(!part.exists());
    let whole = text(backfill(&config, from, to, &["--step", "1h"]));
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    let lines = whole.lines().filter(|line| !line.starts_with('#'));
    let lines: Vec<(&str, &str)> = lines.map(|line| line.split_once("} ").unwrap()).collect();
    assert_eq!(samples, lines.len().to_string(), "{said}");
    let different: BTreeSet<&str> = lines.iter().map(|(labels, _)| *labels).collect();
    assert_eq!(series, different.len().to_string(), "{said}");
    let (first, last) = ends.split_once(" to ").unwrap();
    assert!(first < last, "{said}");
    let all = lab.simulator.calls().len() - before - asked;
    // The journal's third line at the latest tells of the proof, which took nine calls.
    assert!(asked + 9 < all, "{asked} of {all}");

    let over = backfill(&config, from, to, &resume);
    assert_eq!(over.status.code(), Some(64));
    assert!(
        stderr(&over).contains("exists already"),
        "{}",
        stderr(&over)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_what_to_do_and_leaves_nothing_half_written() {
    let (lab, config) = lab(50).await;
    let (to, file) = (settled(), lab.path("filled.om"));
    let refusal = refuses(Api::NormalPushStatistics, 90045);
    lab.simulator.set_scenario(failing(&[refusal]));
    let arguments = ["--step", "30m"];
    let failed = backfill(&config, to - HOUR, to, &arguments);
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stdout.is_empty());
    for part in ["shop/lab: not_enabled 90045", "nothing was written"] {
        assert!(stderr(&failed).contains(part), "{}", stderr(&failed));
    }
    let arguments = [&arguments[..], &["--output", file.to_str().unwrap()]].concat();
    let failed = backfill(&config, to - HOUR, to, &arguments);
    assert_eq!(failed.status.code(), Some(1));
    assert!(stderr(&failed).contains("--resume"), "{}", stderr(&failed));
    assert!(!file.exists() && lab.path("filled.om.part").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_the_rest_can_be_resumed() {
    let (lab, config) = lab(50).await;
    let (to, file) = (settled(), lab.path("filled.om"));
    let from = to - 3 * HOUR;
    let arguments = ["--step", "1h", "--output", file.to_str().unwrap()];
    let whole = text(backfill(&config, from, to, &["--step", "1h"]));
    // A file that may not grow is what a full disk looks like to a program. How much there is
    // to write follows the hour; the journal is less than half as long as the text.
    for (blocks, asked) in [(2, false), (whole.len() / 1024, true)] {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let run = command(&config, from, to, &arguments);
        let mut limited = Command::new("sh");
        limited.args(["-c", &script, "sh"]).arg(run.get_program());
        limited.args(run.get_args());
        if asked {
            limited.arg("--resume");
        }
        let full = limited.output().unwrap();
        assert_eq!(full.status.code(), Some(1), "{}", stderr(&full));
        for part in ["cannot write", "space", "--resume"] {
            assert!(stderr(&full).contains(part), "{}", stderr(&full));
        }
        let place = if asked {
            "filled.om:"
        } else {
            "filled.om.part:"
        };
        assert!(stderr(&full).contains(place), "{}", stderr(&full));
        assert!(!file.exists());
        let names = fs::read_dir(file.parent().unwrap()).unwrap();
        let left = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(left.filter(|name| name.contains(".tmp")).count(), 0);
    }
    let resume = [&arguments[..], &["--resume"]].concat();
    assert_eq!(backfill(&config, from, to, &resume).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_filled_is_refused_before_a_call() {
    let (lab, config) = lab(50).await;
    let (to, file) = (settled(), lab.write("mine.om", "mine"));
    let mine = file.to_str().unwrap();
    for (from, to, more, reason) in [
        (
            to - HOUR,
            to,
            &["--step", "7m"][..],
            "does not divide a day",
        ),
        (to - HOUR, to, &["--step", "0s"], "does not divide a day"),
        (to - HOUR, to, &["--step", "2d"], "does not divide a day"),
        (to, to, &["--step", "1h"], "is not before --to"),
        (
            to - HOUR,
            to + 590,
            &["--step", "1h"],
            "the latest time to ask for is",
        ),
        (
            to - 8 * DAY,
            to,
            &["--step", "1h"],
            "the earliest --from is",
        ),
        (0, to, &["--step", "1s"], "the earliest --from is"),
        (
            to - HOUR,
            u64::MAX,
            &["--step", "1s"],
            "the latest time to ask for is",
        ),
        (to - HOUR, to, &["--step", "1h", "--resume"], "--output"),
        (
            to - HOUR,
            to,
            &["--step", "1h", "--output", mine],
            "exists already",
        ),
        (
            to - HOUR,
            to,
            &["--step", "1h", "--label", "app=x"],
            "metrics themselves",
        ),
        (
            to - HOUR,
            to,
            &["--step", "1h", "--label", "a=x", "--label", "a=y"],
            "given twice",
        ),
        (
            to - HOUR,
            to,
            &["--step", "1h", "--app", "nobody"],
            "has no app",
        ),
    ] {
        let refused = backfill(&config, from, to, more);
        assert_eq!(refused.status.code(), Some(64), "{more:?}");
        assert!(stderr(&refused).contains(reason), "{}", stderr(&refused));
        assert!(refused.stdout.is_empty());
    }
    assert_eq!(lab.simulator.calls().len(), 0);
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_of_output_or_journal_is_refused_before_a_call_and_is_never_waited_for()
{
    let (lab, config) = lab(50).await;
    let to = settled();
    let pipe = |name| {
        let path = lab.path(name);
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        path
    };
    pipe("pipe.om");
    pipe("filled.om.part");
    for (name, more, reason) in [
        ("pipe.om", &[][..], "is not a regular file"),
        ("pipe.om", &["--overwrite"], "is not a regular file"),
        ("filled.om", &[], "is not a regular file"),
        ("filled.om", &["--resume"], "is not a regular file"),
        ("no/folder/filled.om", &[], "no/folder is missing"),
    ] {
        let path = lab.path(name);
        let output = ["--step", "1h", "--output", path.to_str().unwrap()];
        let refused = backfill(&config, to - HOUR, to, &[&output[..], more].concat());
        assert_eq!(refused.status.code(), Some(64), "{}", stderr(&refused));
        let said = stderr(&refused);
        assert!(said.contains(reason) && said.lines().count() == 1, "{said}");
    }
    assert_eq!(lab.simulator.calls().len(), 0);
}

fn demo(more: &[&str]) -> Output {
    Command::new(BINARY)
        .args(["backfill", "--demo"])
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn the_demos_past_reaches_from_what_the_service_keeps_to_what_has_settled_when_no_ends_are_given() {
    let before = now();
    let text = text(demo(&["--step", "6h"]));
    let after = now();
    let samples = samples(&text);
    let times: BTreeSet<u64> = samples.keys().map(|(_, at)| *at).collect();
    let (from, to) = (*times.first().unwrap(), *times.last().unwrap());
    assert!(
        (before - 10..=after - 10).contains(&to),
        "{to} is not 10 s before {before}"
    );
    // A counter needs its day from the start, and no more than a day is given away for that.
    assert!((before - 7 * DAY..before - 6 * DAY + 600).contains(&from));
    let refused = demo(&["--step", "6h", "--from", &(from - 60).to_string()]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(stderr(&refused).contains("the earliest --from is"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_past_is_what_a_running_demo_serves() {
    let (from, label) = ((now() - HOUR).to_string(), "instance=demo:1");
    let past = text(demo(&["--step", "30m", "--from", &from, "--label", label]));
    let past = samples(&past);
    let running = Exporter::start(&["demo", "--listen", "127.0.0.1:0"]).await;
    let metrics = running
        .until("counters", |metrics| {
            metrics.series("timpush_sent_pushes_total", &[]).len() == 3
                && metrics.series("timpush_window_sent_pushes", &[]).len() == 3
        })
        .await;
    for (app, region) in [("shop", "singapore"), ("game", "frankfurt")] {
        let labels = [
            format!("app=\"{app}\""),
            format!("region=\"{region}\",push=\"normal\""),
        ];
        let of_app = format!("{{{},{},instance=\"demo:1\"", labels[0], labels[1]);
        let last = |name: &str| {
            let of_series = past
                .iter()
                .filter(|((series, _), _)| *series == format!("{name}{of_app}"));
            as_f64(*of_series.max_by_key(|((_, at), _)| *at).unwrap().1)
        };
        let live = |name: &str| metrics.sum(name, &[&labels[0], &labels[1]]).unwrap();
        // Of an hour, the seconds between the two change little.
        let (before, after) = (
            last("timpush_window_sent_pushes"),
            live("timpush_window_sent_pushes"),
        );
        assert!(
            (after / before - 1.0).abs() < 0.2,
            "{app}: {before}, then {after}"
        );
    }
    let names = |series: &str| series.split_once('{').unwrap().0.to_owned();
    let written: BTreeSet<String> = past.keys().map(|(series, _)| names(series)).collect();
    for name in written {
        assert!(
            !metrics.series(&name, &[]).is_empty(),
            "{name} is not served"
        );
    }
}

#[test]
fn the_demos_past_keeps_no_journal_and_replaces_a_file_only_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let (file, from) = (folder.path().join("demo.om"), (now() - HOUR).to_string());
    let again = |more: &[&str]| {
        let usual = [
            "--step",
            "30m",
            "--from",
            &from,
            "--output",
            file.to_str().unwrap(),
        ];
        demo(&[&usual[..], more].concat())
    };
    assert_eq!(again(&[]).status.code(), Some(0));
    let first = fs::read(&file).unwrap();
    let refused = again(&[]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(
        stderr(&refused).contains("--overwrite"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(fs::read(&file).unwrap(), first);
    fs::write(&file, "old").unwrap();
    assert_eq!(again(&["--overwrite"]).status.code(), Some(0));
    assert!(fs::read_to_string(&file).unwrap().ends_with("# EOF\n"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn ends_can_be_left_out_of_the_demos_past_alone_and_it_takes_no_configuration() {
    for (arguments, reason) in [
        (&["--config", "x.yml", "--step", "1h"][..], "--from"),
        (&["--demo", "--step", "1h", "--config", "x.yml"], "--config"),
        (
            &["--demo", "--step", "1h", "--output", "x", "--resume"],
            "--resume",
        ),
        (&["--demo", "--step", "1h", "--overwrite"], "--output"),
    ] {
        let refused = Command::new(BINARY)
            .arg("backfill")
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(64), "{arguments:?}");
        assert!(stderr(&refused).contains(reason), "{}", stderr(&refused));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs promtool"]
async fn a_real_prometheus_shows_the_week_as_it_was() {
    let (lab, config) = lab(100).await;
    let to = settled();
    let refused = stderr(&backfill(&config, to - 8 * DAY, to, &["--step", "1h"]));
    let (_, rest) = refused.split_once("the earliest --from is ").unwrap();
    let from: jiff::Timestamp = rest.split_once(' ').unwrap().0.parse().unwrap();
    let from = u64::try_from(from.as_second()).unwrap();

    let file = lab.path("week.om");
    let more = [
        "--label",
        "job=timpush-exporter",
        "--label",
        "instance=localhost:10898",
    ];
    let output = ["--step", "10m", "--output", file.to_str().unwrap()];
    let began = Instant::now();
    text(backfill(&config, from, to, &[&output[..], &more].concat()));
    let (took, size) = (began.elapsed(), fs::metadata(&file).unwrap().len());
    let folder = tempfile::tempdir().unwrap();
    let loaded = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .arg(&file)
        .arg(folder.path().join("data"))
        .output()
        .expect("promtool is installed");
    assert!(loaded.status.success(), "{}", stderr(&loaded));
    let prometheus = Prometheus::start_in("global: {}\n", folder, &[]).await;

    let selector = "{app=\"shop\",region=\"lab\",push=\"normal\",job=\"timpush-exporter\",instance=\"localhost:10898\"}";
    let lost = |lab: &Lab, start, end| -> u64 {
        truth(lab, Api::NormalPushLoss, start, end)
            .into_iter()
            .filter(|(key, _)| {
                matches!(key, CountKey::Loss(key) if key.platform.is_none() && key.stage == Stage::ReadyToSend)
            })
            .map(|(_, count)| count)
            .sum()
    };
    // An @ in a query stands for its time.
    let value = async |promql: &str, at: u64| {
        let promql = promql.replace('@', &format!("@ {at}"));
        prometheus.value(&promql).await
    };
    let check = async |promql: &str, at: u64, expected: u64| {
        let found = value(promql, at).await;
        assert!(
            (found - as_f64(expected)).abs() < 0.5,
            "{promql} at {at}: {found}, not {expected}"
        );
    };
    let steps = (to - from) / 600;
    for number in (1..steps).step_by(usize::try_from(steps / 24).unwrap()) {
        let at = from + number * 600;
        let end = end_of(at);
        check(
            &format!("timpush_window_sent_pushes{selector} @"),
            at,
            truth(&lab, Api::NormalPushStatistics, end - HOUR, end)[&sent()],
        )
        .await;
        check(
            "sum(timpush_window_lost_pushes{app=\"shop\",stage=\"ready_to_send\"} @)",
            at,
            lost(&lab, end - HOUR, end),
        )
        .await;
        // Within a day counters differ by what happened in between.
        let before = at - 3 * HOUR;
        if before > from
            && anchor_of(before) == anchor_of(at)
            && !near_midnight(at)
            && !near_midnight(before)
        {
            check(
                &format!("timpush_sent_pushes_total{selector} @ - timpush_sent_pushes_total{selector} @ offset 3h"),
                at,
                truth(&lab, Api::NormalPushStatistics, end_of(before), end)[&sent()],
            )
            .await;
        }
    }
    // Over all days, the increase is what was counted; both ends lie on samples, so that
    // nothing is extrapolated but what is rounded.
    let points = steps * 600;
    let at = from + points;
    if !near_midnight(at) {
        let promql = format!("increase(timpush_sent_pushes_total{selector}[{points}s] @)");
        let found = value(&promql, at).await;
        let expected =
            as_f64(truth(&lab, Api::NormalPushStatistics, end_of(from), end_of(at))[&sent()]);
        assert!(
            (found / expected - 1.0).abs() < 1e-3,
            "{found}, not {expected}"
        );
    }
    let series = value(&format!("count({selector} @)"), at).await;
    tell(took, size, series);
}

/// For whoever wants to know what a week takes.
#[expect(clippy::print_stderr, reason = "shown by --nocapture alone")]
fn tell(took: Duration, size: u64, series: f64) {
    eprintln!("{took:?}, {size} bytes, {series} series at the end");
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a simulated week are small"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}
