//! What the program and its pages tell people to write, written where it is read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::lab::{BINARY, Lab, SHOP, UNLIMITED};

/// Runs what was pasted into a shell, which finds the program and a `promtool` that only
/// prints what it is called with.
fn paste(folder: &Path, commands: &str) -> Output {
    let bin = Path::new(BINARY).parent().unwrap();
    let stand_in = folder.join("bin/promtool");
    if !stand_in.exists() {
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::write(&stand_in, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").unwrap();
        fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!(
        "{}:{}:{}",
        folder.join("bin").display(),
        bin.display(),
        std::env::var("PATH").unwrap()
    );
    Command::new("sh")
        .args(["-ec", commands])
        .current_dir(folder)
        .env("PATH", path)
        .output()
        .unwrap()
}

fn good(output: &Output, what: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{what}\n{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The commands that end by themselves within a test's time.
fn is_short(command: &str) -> bool {
    let long = ["probe", "run", "demo", "simulate", "backfill --demo"];
    command
        .strip_prefix("timpush-exporter ")
        .is_some_and(|rest| !long.iter().any(|long| rest.starts_with(long)))
}

fn lab_config(lab: &Lab) {
    let app = Lab::app("shop", SHOP, &lab.url);
    lab.write(
        "timpush.yml",
        &format!("calls_per_second: 100\napps:\n{app}"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_help_can_be_pasted() {
    let lab = Lab::start(UNLIMITED).await;
    lab_config(&lab);
    let mut pasted = Vec::new();
    for command in ["check-config", "query", "backfill", "usersig"] {
        let help = paste(&lab.path(""), &format!("timpush-exporter {command} --help"));
        let help = good(&help, command).replace("\\\n", " ");
        let examples = help.lines().map(str::trim);
        for line in examples.filter(|line| is_short(line) || line.starts_with("usersig=$(")) {
            good(&paste(&lab.path(""), line), line);
            pasted.push(command);
        }
    }
    let queries = ["query"; 3];
    let expected = [&["check-config"; 2][..], &queries, &["backfill", "usersig"]].concat();
    assert_eq!(pasted, expected);
}

/// The code blocks of a page in one language, each without its indentation.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), None);
    for line in page.lines() {
        let fence = line.trim_start();
        match &mut open {
            None if fence == format!("```{language}") => {
                open = Some((line.len() - fence.len(), String::new()));
            }
            Some((_, text)) if fence == "```" => {
                found.push(std::mem::take(text));
                open = None;
            }
            Some((indent, text)) => {
                text.push_str(line.get(*indent..).unwrap_or_default());
                text.push('\n');
            }
            None => {}
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_and_commands_of_the_pages_can_be_pasted() {
    for page in [
        include_str!("../../README.md"),
        include_str!("../../README.zh-CN.md"),
        include_str!("../../deploy/runbooks/README.md"),
    ] {
        let lab = Lab::start_with_keys(UNLIMITED, |_| "the key".to_owned()).await;
        lab_config(&lab);
        fs::remove_file(lab.path("shop.key")).unwrap();
        let commands: Vec<String> = blocks(page, "sh")
            .iter()
            .flat_map(|block| {
                let joined = block.replace("\\\n", " ");
                joined.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        match commands.iter().find(|line| line.starts_with("umask")) {
            Some(line) => {
                good(&paste(&lab.path(""), line), line);
                let mode = fs::metadata(lab.path("shop.key")).unwrap().permissions();
                assert_eq!(mode.mode() & 0o777, 0o600);
            }
            None => drop(lab.write("shop.key", "the key")),
        }
        for block in blocks(page, "yaml") {
            if block.starts_with("apps:") {
                lab.write("page.yml", &block);
                let check = paste(&lab.path(""), "timpush-exporter check-config page.yml");
                good(&check, &block);
            }
        }
        let short: Vec<&String> = commands.iter().filter(|line| is_short(line)).collect();
        assert!(!short.is_empty());
        for line in short {
            good(&paste(&lab.path(""), line), line);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_that_loads_a_backfill_names_the_file_whatever_it_is_called() {
    let lab = Lab::start(UNLIMITED).await;
    lab_config(&lab);
    for name in ["week.om", "my week.om", "it's $HOME; `x`.om", "-week.om"] {
        let now = jiff::Timestamp::now().as_second();
        let output = Command::new(BINARY)
            .args(["backfill", "--config", "timpush.yml", "--step", "1h"])
            .args(["--from", &(now - 90_000).to_string()])
            .args(["--to", &(now - 600).to_string()])
            .arg(format!("--output={name}"))
            .current_dir(lab.path(""))
            .output()
            .unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let line = said.lines().last().unwrap();
        let words = good(&paste(&lab.path(""), line), line);
        let file = words.lines().nth(3).unwrap();
        assert!(
            !file.starts_with('-') && lab.path(file).is_file(),
            "{words}"
        );
        assert!(file.trim_start_matches("./") == name, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_earliest_time_that_query_names_is_accepted() {
    let lab = Lab::start(UNLIMITED).await;
    lab_config(&lab);
    let query = |from: &str| {
        let command = format!(
            "timpush-exporter query --config timpush.yml --app shop --from {from} --to \"$(date -d -1hour +%s)\""
        );
        paste(&lab.path(""), &command)
    };
    let refused = query("0");
    assert_eq!(refused.status.code(), Some(64));
    let said = stderr(&refused);
    let named = said.trim_end().rsplit_once(' ').unwrap().1;
    good(&query(named), named);
}

#[test]
fn names_of_apps_in_an_error_can_be_given_to_the_option() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "shop", "a shop", "it''s", "a: b", "#x", "null", "0123", "$HOME", "é",
    ];
    let mut text = "apps:\n".to_owned();
    for (n, name) in names.iter().enumerate() {
        let app = format!(
            "  - {{name: '{name}', sdk_app_id: {}, identifier: a, secret_key_env: KEY, regions: [china]}}\n",
            n + 1
        );
        text.push_str(&app);
    }
    fs::write(folder.path().join("timpush.yml"), text).unwrap();
    let usersig = |app: &str| {
        let command =
            format!("KEY=made-up timpush-exporter usersig --config timpush.yml --app {app}");
        paste(folder.path(), &command)
    };
    let refused = stderr(&usersig("nobody"));
    let (_, listed) = refused.trim_end().split_once("; it has ").unwrap();
    let listed: Vec<&str> = listed.split(", ").collect();
    assert_eq!(listed.len(), names.len());
    for name in listed {
        good(&usersig(name), name);
    }
}

#[test]
fn the_command_of_an_error_mends_the_file_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["timpush.yml", "it's my $HOME.yml", "-x.yml"] {
        let key = "0123456789abcdef".repeat(4);
        let path = folder.path().join(name);
        let text = format!(
            "apps: [{{sdk_app_id: 1, identifier: a, regions: [china], secret_key: {key}}}]"
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let check = || {
            Command::new(BINARY)
                .args(["check-config", "--", name])
                .current_dir(folder.path())
                .output()
                .unwrap()
        };
        let said = stderr(&check());
        let (_, command) = said.trim_end().split_once("; run: ").unwrap();
        good(&paste(folder.path(), command), command);
        good(&check(), name);
    }
}

#[test]
fn the_interval_that_fits_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let check = |rate: f64, interval: &str| {
        let text = format!(
            "calls_per_second: {rate}\napps:\n\
             - {{name: a, sdk_app_id: 1, identifier: a, secret_key_env: KEY, regions: [china, seoul], interval: {interval}}}\n\
             - {{name: b, sdk_app_id: 1, identifier: a, secret_key_env: KEY, regions: [tokyo], interval: {interval}}}\n"
        );
        fs::write(folder.path().join("timpush.yml"), text).unwrap();
        let command = "KEY=made-up timpush-exporter check-config timpush.yml";
        paste(folder.path(), command)
    };
    for rate in [0.9, 0.45, 0.37, 0.01] {
        let said = stderr(&check(rate, "1s"));
        let interval = said.lines().next().unwrap().rsplit_once(' ').unwrap().1;
        good(&check(rate, interval), interval);
    }
}

#[test]
fn the_hash_that_the_error_asks_for_is_one_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = "web: {config_file: web.yml}\n\
         apps: [{sdk_app_id: 1, identifier: a, regions: [china], secret_key_env: KEY}]";
    fs::write(path("timpush.yml"), config).unwrap();
    let check = |hash: &str| {
        fs::write(
            path("web.yml"),
            format!("basic_auth_users:\n  prometheus: {hash}\n"),
        )
        .unwrap();
        let command = "KEY=made-up timpush-exporter check-config timpush.yml";
        paste(folder.path(), command)
    };
    let said = stderr(&check("a password"));
    assert!(
        said.contains("this prints one: htpasswd -nBC 10 '' | tr -d ':\\n'"),
        "{said}"
    );
    // What htpasswd prints for it, which is not installed everywhere.
    let hash = bcrypt::hash_with_result("a password", 4).unwrap();
    let printed = format!(":{}\n\n", hash.format_for_version(bcrypt::Version::TwoY));
    let cut: String = printed.chars().filter(|c| !":\n".contains(*c)).collect();
    good(&check(&cut), &cut);
}
