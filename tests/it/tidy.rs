//! What `src/lib.rs` says of the code as a whole, held by reading the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// All rooms, each after those that it may import.
const ROOMS: [&str; 28] = [
    "digest",
    "failure",
    "files",
    "logging",
    "model",
    "notify",
    "shell",
    "clock",
    "scrubber",
    "usersig",
    "config",
    "families",
    "fetch",
    "reload",
    "self_metrics",
    "target",
    "metrics",
    "status",
    "push_api",
    "poll",
    "tasks",
    "probe",
    "backfill",
    "simulator",
    "http",
    "app",
    "commands",
    "cli",
];

/// The rooms of `http`, in the same way.
const HTTP: [&str; 6] = [
    "network",
    "occasionally",
    "lanes",
    "guard",
    "server",
    "content",
];

/// Rooms and files that get the time as an argument and touch nothing outside the process.
const PURE: [&str; 9] = [
    "model",
    "usersig",
    "scrubber",
    "target/counters",
    "target/memory",
    "target/series_limit",
    "target/tasks",
    "metrics",
    "status",
];

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The code below `src`, by path, without tests and comments.
fn code() -> BTreeMap<String, String> {
    let src = top().join("src");
    let mut paths = Vec::new();
    files(&src, &mut paths);
    let name = |path: &PathBuf| {
        path.strip_prefix(&src)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    paths
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .filter(|(name, _)| !name.contains("tests"))
        .map(|(name, text)| {
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let text = text.split("#[cfg(test)]\npub(crate) mod tests {").next();
            let lines = text.unwrap().lines();
            let code = lines.filter(|line| !line.trim_start().starts_with("//"));
            (name, code.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// Which imports break the order: each as `importer -> imported`. `inside` is what stands
/// before the rooms in a path, and `folder` in a file's name.
fn broken(order: &[&str], folder: &str, inside: &str) -> Vec<String> {
    let before = format!("{inside}::");
    let imports = |code: &str| -> Vec<String> {
        let starts = code
            .match_indices(&before)
            .map(|(at, _)| &code[at + before.len()..]);
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        starts
            .map(|rest| rest.split(|c| !is_name(c)).next().unwrap().to_owned())
            .filter(|name| !name.is_empty())
            .collect()
    };
    let place = |room: &str| order.iter().position(|known| *known == room);
    let mut broken = BTreeSet::new();
    for (name, code) in code() {
        let Some(path) = name.strip_prefix(folder) else {
            continue;
        };
        let room = path.split('/').next().unwrap().trim_end_matches(".rs");
        if ["lib", "main"].contains(&room) {
            continue;
        }
        let Some(own) = place(room) else {
            broken.insert(format!("{room} has no place in the order"));
            continue;
        };
        for import in imports(&code) {
            if place(&import).is_none_or(|imported| imported > own) {
                broken.insert(format!("{name} -> {import}"));
            }
        }
    }
    broken.into_iter().collect()
}

#[test]
fn rooms_import_only_rooms_below_them() {
    assert_eq!(broken(&ROOMS, "", "crate"), [""; 0]);
    assert_eq!(broken(&HTTP, "http/", "crate::http"), [""; 0]);
}

#[test]
fn an_import_upwards_would_be_found() {
    let mut reversed = ROOMS;
    reversed.reverse();
    assert!(broken(&reversed, "", "crate").len() > 50);
}

#[test]
fn pure_rooms_read_no_clock_and_do_no_io() {
    let impure = [
        "Instant::now",
        "SystemTime",
        "clock::now",
        "std::fs",
        "TcpStream",
        "UdpSocket",
        "TcpListener",
        "std::process",
        "std::thread",
        "std::env",
        "tokio::fs",
        "tokio::process",
        "tokio::spawn",
        "tokio::io",
        "println!",
        "tracing",
    ];
    let found: Vec<String> = code()
        .iter()
        .filter(|(name, _)| PURE.iter().any(|pure| name.starts_with(pure)))
        .flat_map(|(name, code)| {
            let words = impure.iter().filter(|word| code.contains(**word));
            words.map(move |word| format!("{name}: {word}"))
        })
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn rooms_call_no_clock_but_through_the_clock() {
    let found: Vec<String> = code()
        .iter()
        .filter(|(name, _)| name.as_str() != "clock.rs")
        .filter(|(_, code)| code.contains("SystemTime::now"))
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn no_two_public_types_share_a_name() {
    let code = code();
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, code) in &code {
        for word in ["struct ", "enum ", "trait ", "type "] {
            let starts = format!("pub {word}");
            for (at, _) in code.match_indices(&starts) {
                let rest = &code[at + starts.len()..];
                let name = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap();
                places.entry(name).or_default().push(file);
            }
        }
    }
    assert!(places.len() > 100, "{places:?}");
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn families_are_named_in_their_room_alone() {
    let found: Vec<String> = code()
        .iter()
        .filter(|(file, _)| !file.starts_with("families"))
        .filter(|(_, code)| code.contains("\"timpush_"))
        .map(|(file, _)| file.clone())
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn no_function_fails_with_a_string() {
    let found: Vec<String> = code()
        .iter()
        .flat_map(|(file, code)| code.lines().map(move |line| (file, line)))
        .filter(|(_, line)| line.contains("-> Result<") || line.starts_with(") -> Result<"))
        .filter(|(_, line)| line.ends_with(", String> {"))
        .map(|(file, line)| format!("{file}: {}", line.trim()))
        .collect();
    assert_eq!(found, [""; 0]);
}
