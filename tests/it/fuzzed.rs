//! What is fuzzed: one function for each kind of text that comes from outside. Each gets any
//! bytes, asserts what must hold whatever they are, and returns whether the program took
//! them for good.
//!
//! `tests/fuzz` gives them what a fuzzer makes up; `corpora` replays what it kept.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::ZlibEncoder;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use timpush_exporter::backfill::answers::Entry;
use timpush_exporter::backfill::journal::{self, Journal};
use timpush_exporter::clock::Now;
use timpush_exporter::config::target::{Target, expand};
use timpush_exporter::config::{Config, Secrets, web_file};
use timpush_exporter::http::content::negotiation;
use timpush_exporter::metrics::{Encoding, Format, targets_body};
use timpush_exporter::model::push::Push;
use timpush_exporter::model::reading::{Api, CountKey, Measure, Reading};
use timpush_exporter::model::target_id::TargetId;
use timpush_exporter::model::trace::Id;
use timpush_exporter::model::window::{Range, UnixSeconds};
use timpush_exporter::push_api::wire::{self, Answer};
use timpush_exporter::scrubber::Scrubber;
use timpush_exporter::simulator::Scenario;
use timpush_exporter::target::snapshot::{Recorder, Snapshot};
use timpush_exporter::target::state_file;
use timpush_exporter::usersig::{self, Identifier, SecretKey, VerifyError};
use tokio::time::Instant;

type Fuzzed = fn(&[u8]) -> bool;

pub(crate) const FUZZED: [(&str, Fuzzed); 8] = [
    ("response", response),
    ("configuration", configuration),
    ("web_configuration", web_configuration),
    ("negotiation", negotiation),
    ("usersig", usersig),
    ("scenario", scenario),
    ("state", state),
    ("journal", journal),
];

/// Runs what is fuzzed under this name.
pub(crate) fn run(name: &str, bytes: &[u8]) -> bool {
    let (_, fuzzed) = FUZZED.iter().find(|(known, _)| *known == name).unwrap();
    fuzzed(bytes)
}

/// Made up; in the seeds.
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The first byte chooses among `N`, the rest is the text.
fn choice<const N: usize>(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes.split_first() {
        Some((first, rest)) => (usize::from(*first) % N, rest),
        None => (0, bytes),
    }
}

/// A folder with a file that only its owner may read.
fn file(name: &str, text: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .unwrap();
    file.write_all(text).unwrap();
    (folder, path)
}

/// A response of the service, with the texts in it.
fn response(bytes: &[u8]) -> bool {
    let (api, body) = choice::<4>(bytes);
    let scrubber = Scrubber::new([KEY]);
    let clean = |text: &str, chars: usize| {
        assert!(text.chars().count() <= chars, "{text:?}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(!text.contains(&KEY[..12]), "{text:?}");
    };
    clean(&scrubber.scrub(&String::from_utf8_lossy(body), 200), 200);
    if let Ok(Answer::Good(list)) = wire::parse_scheduled(body, &scrubber) {
        for task in list.tasks {
            clean(&task.name, 64);
            clean(&task.status, 32);
            clean(task.push.as_ref().map_or("", Id::as_str), 256);
        }
    }
    if let Ok(Answer::Good(readings)) = wire::parse_tasks(Api::ALL[api], body, &scrubber) {
        for key in readings.values().flat_map(Reading::counts) {
            if let (CountKey::Loss(key), _) = key {
                clean(key.code.as_str(), 64);
            }
        }
    }
    match wire::parse(Api::ALL[api], body, &scrubber) {
        Ok(Answer::Good(reading)) => {
            if let Reading::Loss(rows) = reading {
                for (key, loss) in rows {
                    clean(key.code.as_str(), 64);
                    clean(&loss.description, 120);
                }
            }
            true
        }
        Ok(Answer::Refused { info, .. }) => {
            clean(&info, 200);
            false
        }
        Err(error) => {
            clean(&error.to_string(), 1000);
            false
        }
    }
}

/// A configuration file in one of the formats.
fn configuration(bytes: &[u8]) -> bool {
    let (ending, text) = choice::<3>(bytes);
    let (_folder, path) = file(["a.yml", "a.toml", "a.json"][ending], text);
    match Config::load(&path, &BTreeMap::new(), Secrets::Skip) {
        Ok(config) => {
            assert!(!expand(&config).is_empty());
            hides_the_key(&config.notices.join("\n"));
            true
        }
        Err(problems) => {
            assert!(problems.iter().count() > 0);
            hides_the_key(&problems.to_string());
            false
        }
    }
}

fn hides_the_key(said: &str) {
    assert!(!said.contains(KEY), "{said}");
}

/// The file that `web.config_file` names, beside a certificate.
fn web_configuration(bytes: &[u8]) -> bool {
    static CERTIFICATE: OnceLock<(String, String)> = OnceLock::new();
    let (folder, path) = file("web.yml", bytes);
    let (certificate, key) = CERTIFICATE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    });
    fs::write(folder.path().join("a.crt"), certificate).unwrap();
    fs::write(folder.path().join("a.key"), key).unwrap();
    let loaded = web_file::load(&path);
    assert_eq!(loaded.files.first(), Some(&path));
    match loaded.result {
        Ok(_) => true,
        Err(problems) => {
            assert!(problems.iter().count() > 0);
            hides_the_key(&problems.to_string());
            false
        }
    }
}

/// `Accept` before the first line break, `Accept-Encoding` after it.
fn negotiation(bytes: &[u8]) -> bool {
    let (accept, encodings) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, values: &[u8]| {
        for value in values.split(|byte| *byte == b'\r') {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(&name, value);
            }
        }
    };
    add(ACCEPT, accept);
    add(ACCEPT_ENCODING, encodings);
    let (content_type, encoding) = negotiation::chosen(&headers);
    let named = |name: &str| {
        let text = String::from_utf8_lossy(encodings).to_ascii_lowercase();
        text.contains(name)
    };
    match encoding {
        Encoding::Identity => {}
        Encoding::Gzip => assert!(named("gzip")),
        Encoding::Zstd => assert!(named("zstd")),
    }
    content_type != "text/plain; version=0.0.4; charset=utf-8"
}

/// A signature as text; what is in one; and the account that signs.
fn usersig(bytes: &[u8]) -> bool {
    let key = SecretKey::new(KEY).unwrap();
    let now = UnixSeconds(1_741_708_800);
    let (kind, bytes) = choice::<3>(bytes);
    let text = String::from_utf8_lossy(bytes);
    match kind {
        0 => usersig::verify(&key, &text, now).is_ok(),
        1 => {
            let mut compressed = Vec::new();
            ZlibEncoder::new(bytes, Compression::fast())
                .read_to_end(&mut compressed)
                .unwrap();
            let inner = BASE64_STANDARD.encode(compressed);
            let outer = inner.replace('+', "*").replace('/', "-").replace('=', "_");
            // Whoever holds no key signs nothing.
            assert!(usersig::verify(&key, &outer, now).is_err());
            usersig::decode(&outer).is_ok()
        }
        _ => {
            let Ok(identifier) = Identifier::new(&text) else {
                return false;
            };
            let signed = usersig::sign(&key, 1_400_000_001, &identifier, now, 60);
            let document = usersig::verify(&key, signed.expose(), now).unwrap();
            assert_eq!(document.identifier, identifier.as_str());
            let other = SecretKey::new("another").unwrap();
            assert_eq!(
                usersig::verify(&other, signed.expose(), now),
                Err(VerifyError::Mismatch)
            );
            true
        }
    }
}

/// A scenario of the simulator in one of the formats.
fn scenario(bytes: &[u8]) -> bool {
    let (ending, text) = choice::<3>(bytes);
    let (_folder, path) = file(["a.json", "a.yml", "a.toml"][ending], text);
    match Scenario::read(&path) {
        Ok(scenario) => {
            let json = serde_json::to_string(&scenario).unwrap();
            assert_eq!(Scenario::from_json(&json).unwrap(), scenario, "{json}");
            true
        }
        Err(_) => false,
    }
}

fn targets() -> &'static [Target] {
    static TARGETS: OnceLock<Vec<Target>> = OnceLock::new();
    TARGETS.get_or_init(|| {
        let config = "apps: [{name: shop, sdk_app_id: 1, identifier: a, secret_key_env: KEY, regions: [china]}]";
        let (_folder, path) = file("a.yml", config.as_bytes());
        expand(&Config::load(&path, &BTreeMap::new(), Secrets::Skip).unwrap())
    })
}

/// When the seeds were written: what is made of a state depends on the day.
const SAVED_AT: Duration = Duration::from_secs(1_795_707_200);

/// The line of a target in a state file, with the right header and checksum, or a whole
/// file. What was read is served and written again.
fn state(bytes: &[u8]) -> bool {
    let (kind, text) = choice::<4>(bytes);
    let mut whole = Vec::new();
    if kind == 0 {
        let checksum = format!("{:x}", Bytes::copy_from_slice(&Sha256::digest(text)));
        let header = r#"{"format":"timpush-exporter state","version":2,"targets":1}"#;
        write!(whole, "{header}\n{checksum} ").unwrap();
        whole.extend_from_slice(text);
        whole.push(b'\n');
    } else {
        whole.extend_from_slice(text);
    }
    let read = |bytes: &[u8]| state_file::read(bytes, targets()).map(|found| found.targets);
    let [target] = targets() else { unreachable!() };
    let Some(remembered) = read(&whole)
        .ok()
        .and_then(|mut found| found.remove(&target.id()))
    else {
        return false;
    };
    let snapshot = Arc::new(Snapshot::new(targets()));
    let mut recorder = Recorder::new(target, Arc::clone(&snapshot));
    let now = Now {
        wall: SAVED_AT,
        steady: Instant::now(),
    };
    recorder.restore(remembered, now);
    for api in Api::of(Push::Normal) {
        for question in recorder.questions(api, now.unix(), now) {
            recorder.day(api, question, &nothing(api), now);
        }
        recorder.finish(api, Ok(()), now);
    }
    for later in [0, 3600, 86_400] {
        let mut now = now;
        now.wall += Duration::from_secs(later);
        let body = targets_body(Format::Text, &snapshot.load(), now);
        assert!(String::from_utf8(body).is_ok());
    }
    let (_folder, path) = file("state.json", b"");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let written = runtime
        .unwrap()
        .block_on(state_file::write(&path, &snapshot));
    written.unwrap();
    let again = read(&fs::read(&path).unwrap()).unwrap();
    assert!(again.contains_key(&target.id()));
    true
}

fn nothing(api: Api) -> Reading {
    match api.measure() {
        Measure::Losses => Reading::Loss([].into()),
        Measure::Funnel => Reading::Statistics {
            overall: timpush_exporter::model::reading::Funnel::default(),
            platforms: [].into(),
        },
    }
}

/// What follows the first line of a journal, or a whole one. A run that goes on adds to it.
fn journal(bytes: &[u8]) -> bool {
    let (kind, text) = choice::<4>(bytes);
    let facts = BTreeMap::from([("--from".to_owned(), "1".to_owned())]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.part");
    if kind == 0 {
        drop(Journal::open(&path, &facts, 0).unwrap());
    }
    append(&path, text);
    let find = || {
        let mut entries = Vec::new();
        let keep = |entry| {
            entries.push(entry);
            Ok(())
        };
        journal::find(&path, &facts, keep).map(|length| (length, entries))
    };
    let Ok((length, found)) = find() else {
        return false;
    };
    assert!(length <= fs::metadata(&path).unwrap().len());
    let id = TargetId {
        app: "shop".to_owned(),
        region: "china".to_owned(),
        push: Push::Normal,
    };
    let range = Range {
        start: UnixSeconds(0),
        end: UnixSeconds(60),
    };
    let added = Entry::Answer {
        id,
        api: Api::NormalPushLoss,
        range,
        counts: Vec::new(),
    };
    Journal::open(&path, &facts, length)
        .unwrap()
        .add(&added)
        .unwrap();
    let (_, again) = find().unwrap();
    let (last, before) = again.split_last().unwrap();
    assert_eq!(before, found);
    assert_eq!(*last, added);
    !before.is_empty()
}

fn append(path: &Path, text: &[u8]) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(text).unwrap();
}
