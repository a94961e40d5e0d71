//! From text to tree, and the messages if that fails. All keys here are made up.

use super::*;
use crate::config::document::{Format, parse};

/// What distinguishes two configurations, except for the text of keys.
fn facts(config: &Config) -> String {
    let apps: Vec<_> = config
        .apps
        .iter()
        .map(|app| {
            let key = match &app.key {
                KeySource::File(path) => path.file_name().unwrap().to_str().unwrap().to_owned(),
                KeySource::Env(name) => name.clone(),
                KeySource::Inline(_) => "inline".to_owned(),
            };
            let offset = app.day_offset.to_string();
            let identifier = app.identifier.as_str();
            let (id, rate) = (app.sdk_app_id, app.calls_per_second);
            format!(
                "{} {id} {identifier} {key} {rate} {offset} {:?} {:?}",
                app.name, app.regions, app.polling
            )
        })
        .collect();
    let (scrape, web) = (config.global.scrape_interval, &config.web);
    format!(
        "{} {scrape:?} {web:?} {apps:#?} {:?}",
        config.global.listen, config.notices
    )
}

#[test]
fn the_three_formats_say_the_same() {
    let yaml = "
        calls_per_second: 0.5
        web: &web {enable_lifecycle: true}
        apps:
          - sdk_app_id: 4294967295
            identifier: admin
            secret_key_file: shop.key
            statistics: false
            regions: [china, {name: lab, url: 'https://lab.example'}]
    ";
    let toml = r#"
        calls_per_second = 0.5
        [web]
        enable_lifecycle = true
        [[apps]]
        sdk_app_id = 4294967295
        identifier = "admin"
        secret_key_file = "shop.key"
        statistics = false
        regions = ["china", {name = "lab", url = "https://lab.example"}]
    "#;
    let json = r#"{
        "calls_per_second": 0.5,
        "web": {"enable_lifecycle": true},
        "apps": [{"sdk_app_id": 4294967295, "identifier": "admin", "secret_key_file": "shop.key",
            "statistics": false, "regions": ["china", {"name": "lab", "url": "https://lab.example"}]}]
    }"#;
    let [first, others @ ..] = [
        ("a.yml", yaml),
        ("a.yaml", yaml),
        ("a.toml", toml),
        ("a.json", json),
    ]
    .map(|(name, text)| {
        facts(
            &Config::load(&write(name, text).path, &env(&[]), Secrets::Skip)
                .ok()
                .unwrap(),
        )
    });
    for other in others {
        assert_eq!(first, other);
    }
}

#[test]
fn anchors_share_values_in_yaml() {
    let config = load(
        "
        apps:
          - {name: a, sdk_app_id: 1, identifier: &who admin, secret_key_env: MADE_UP, regions: &where [china]}
          - {name: b, sdk_app_id: 2, identifier: *who, secret_key_env: MADE_UP, regions: *where}
        ",
    )
    .ok()
    .unwrap();
    assert_eq!(config.apps[1].identifier.as_str(), "admin");
    assert_eq!(config.apps[1].regions, config.apps[0].regions);
}

/// Files with a made-up key and proxy password, in each format.
const WITH_SECRETS: [(&str, &str); 3] = [
    (
        "a.yml",
        "proxy_url: http://user:pass-KEY@proxy.example\napps:\n  - sdk_app_id: 1\n    identifier: a\n    secret_key: KEY\n    regions: [china]\n  - {sdk_app_id: 2, identifier: a, secret_key: KEY, regions: [china]}\n",
    ),
    (
        "a.toml",
        "proxy_url = \"http://user:pass-KEY@proxy.example\"\n[[apps]]\nsdk_app_id = 1\nidentifier = \"a\"\nsecret_key = \"KEY\"\nregions = [\"china\"]\n",
    ),
    (
        "a.json",
        "{\"proxy_url\": \"http://user:pass-KEY@proxy.example\",\n\"apps\": [{\"sdk_app_id\": 1, \"identifier\": \"a\",\n\"secret_key\": \"KEY\",\n\"regions\": [\"china\"]}]}",
    ),
];

/// The text with each kind of slip at each place; inside a key, a few places are enough.
fn damaged(text: &str) -> impl Iterator<Item = String> {
    const SLIPS: [&str; 15] = [
        "\n", " ", ":", ": ", "\"", "'", "{", "]", "*", "&", "#", "\\", "=", "? ", "\u{7f}",
    ];
    let keys: Vec<usize> = text.match_indices(MADE_UP_KEY).map(|(at, _)| at).collect();
    (0..text.len())
        .filter(move |at| {
            keys.iter()
                .all(|key| !(key + 1..key + MADE_UP_KEY.len()).contains(at) || at % 9 == 0)
        })
        .flat_map(move |at| {
            let (head, tail) = text.split_at(at);
            let cut = [
                head.to_owned(),
                tail.to_owned(),
                format!("{head}{}", &tail[1..]),
            ];
            let inserted = SLIPS.map(|slip| format!("{head}{slip}{tail}"));
            cut.into_iter().chain(inserted)
        })
}

#[test]
fn no_slip_in_a_file_makes_a_problem_or_notice_repeat_a_secret() {
    for (name, text) in WITH_SECRETS {
        let file = Path::new(name);
        let place = key::Place {
            file,
            env: &BTreeMap::new(),
            open_to_others: 0,
            is_public: false,
            secrets: Secrets::Skip,
        };
        let format = Format::of(file).unwrap();
        let said = |text: &str| match parse(text, format) {
            Ok(tree) => match Config::from_tree(tree, &place) {
                Ok(config) => config.notices.join("\n"),
                Err(problems) => format!("{problems} {problems:?}"),
            },
            Err(problem) => format!("{problem} {problem:?}"),
        };
        let text = text.replace("KEY", MADE_UP_KEY);
        assert_eq!(said(&text), "", "{name}");
        for text in damaged(&text) {
            let said = said(&text);
            for part in MADE_UP_KEY.as_bytes().windows(8) {
                let part = std::str::from_utf8(part).unwrap();
                assert!(!said.contains(part), "{text}\n{said}");
            }
        }
    }
}

#[test]
fn text_that_does_not_parse_is_explained_with_its_line() {
    let rows = include_str!("../../../tests/data/config_syntax.txt");
    for row in rows.split("\n\n").skip(1) {
        let (text, problem) = row.trim_end().rsplit_once("\n=> ").unwrap();
        let (name, text) = text.split_once('\n').unwrap();
        let format = Format::of(Path::new(name)).unwrap();
        assert_eq!(
            parse(text, format)
                .err()
                .map(|error| error.to_string())
                .as_deref(),
            Some(problem),
            "{text}"
        );
    }
    for text in ["", " \n"] {
        assert_eq!(
            parse(text, Format::Yaml)
                .err()
                .map(|error| error.to_string())
                .as_deref(),
            Some("is empty; it needs at least `apps`")
        );
    }
}

#[test]
fn files_that_cannot_be_read_are_one_problem_with_the_files_name() {
    let latin1 = write("a.yml", b"name: \xe9\n");
    let directory = latin1.path.parent().unwrap();
    fs::create_dir(directory.join("b.yml")).unwrap();
    let ending = "the ending does not tell the format; name the file .yml, .yaml, .toml or .json";
    for (name, problem) in [
        ("a.yml", "cannot be read: it is not UTF-8 text"),
        (
            "b.yml",
            "cannot be read: it is a directory, not a regular file",
        ),
        (
            "c.yml",
            "cannot be read: No such file or directory (os error 2)",
        ),
        (
            "d.YML",
            "cannot be read: No such file or directory (os error 2)",
        ),
        ("d.ini", ending),
        ("timpush", ending),
    ] {
        let path = directory.join(name);
        let problems = Config::load(&path, &env(&[]), Secrets::Skip).err().unwrap();
        assert_eq!(
            problems.to_string(),
            format!("{}: {problem}", path.display())
        );
    }
}

/// Ways in which editors save a text, and whether the result can be read.
fn saved(text: &str) -> [(&'static str, Vec<u8>, Result<(), &'static str>); 12] {
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
    let marked = format!("\u{feff}{text}");
    let marked16 = |bytes: fn(u16) -> [u8; 2]| marked.encode_utf16().flat_map(bytes).collect();
    let windows = text.replace('\n', "\r\n");
    let is_utf16 = Err("it is UTF-16 text; save it as UTF-8");
    [
        ("as it is", text.into(), Ok(())),
        ("no line break at the end", text.trim_end().into(), Ok(())),
        ("more at the end", format!("{text}  \n\n").into(), Ok(())),
        ("empty lines first", format!("\n\n{text}").into(), Ok(())),
        ("line ends of Windows", windows.clone().into(), Ok(())),
        ("with a mark", marked.clone().into(), Ok(())),
        ("both", format!("\u{feff}{windows}").into(), Ok(())),
        ("UTF-16, little", utf16(u16::to_le_bytes), is_utf16),
        ("UTF-16, big", utf16(u16::to_be_bytes), is_utf16),
        (
            "UTF-16, little, marked",
            marked16(u16::to_le_bytes),
            is_utf16,
        ),
        ("UTF-16, big, marked", marked16(u16::to_be_bytes), is_utf16),
        (
            "not text",
            format!("{text}\0").into(),
            Err("it is not text: it holds a NUL byte"),
        ),
    ]
}

#[test]
fn every_kind_of_file_bears_every_way_of_saving_it() {
    let made = rcgen::generate_simple_self_signed(["made-up.example".to_owned()]).unwrap();
    let hash = "$2y$04$DqvYPiVu7YHb6sBDdoYi9OMJxDDkGgpRA2KtFs6rYqJk6ZU1VvG2K";
    let web = format!(
        "tls_server_config: {{cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem, \
         client_auth_type: RequireAndVerifyClientCert}}\nbasic_auth_users:\n  ann: {hash}\n"
    );
    let yaml = "ca_file: ca.pem\nweb: {config_file: web.yml}\n\
         apps: [{sdk_app_id: 1, identifier: a, secret_key_file: shop.key, regions: [china]}]\n";
    let toml = "ca_file = \"ca.pem\"\nweb.config_file = \"web.yml\"\n[[apps]]\nsdk_app_id = 1\n\
         identifier = \"a\"\nsecret_key_file = \"shop.key\"\nregions = [\"china\"]\n";
    let json = r#"{"ca_file": "ca.pem", "web": {"config_file": "web.yml"}, "apps": [{"sdk_app_id": 1,
         "identifier": "a", "secret_key_file": "shop.key", "regions": ["china"]}]}"#;
    let files = [
        ("timpush.yml", yaml.to_owned()),
        ("timpush.toml", toml.to_owned()),
        ("timpush.json", json.to_owned()),
        ("web.yml", web),
        ("shop.key", format!("{MADE_UP_KEY}\n")),
        ("ca.pem", made.cert.pem()),
        ("server.pem", made.cert.pem()),
        ("server.key", made.signing_key.serialize_pem()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        set_mode(&path, 0o600);
    };
    for (name, text) in &files {
        put(name, text.as_bytes());
    }
    for (name, text) in &files {
        let main = if name.starts_with("timpush") {
            name
        } else {
            "timpush.yml"
        };
        for (how, bytes, expected) in saved(text) {
            // Text around the parts of PEM is ignored, whatever it is.
            if how == "not text" && text.starts_with("-----") {
                continue;
            }
            put(name, &bytes);
            let loaded = Config::load(&folder.path().join(main), &env(&[]), Secrets::Check);
            match (loaded, expected) {
                (Ok(config), Ok(())) => {
                    assert_eq!(config.notices, [""; 0], "{name}, {how}");
                    let key = config.apps[0].key.read().ok().unwrap();
                    assert_eq!(key.expose(), MADE_UP_KEY, "{name}, {how}");
                }
                (Err(problems), Err(reason)) => {
                    for problem in problems.iter() {
                        let said = problem.to_string();
                        assert!(said.ends_with(reason), "{name}, {how}: {said}");
                        assert!(said.contains(name), "{name}, {how}: {said}");
                    }
                }
                (Ok(_), Err(_)) => panic!("{name}, {how}: accepted"),
                (Err(problems), Ok(())) => panic!("{name}, {how}: {problems}"),
            }
        }
        put(name, text.as_bytes());
    }
}

#[test]
fn relative_paths_start_at_the_directory_of_the_file_that_names_them() {
    use std::os::unix::fs::symlink;

    let made = rcgen::generate_simple_self_signed(["made-up.example".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // As Kubernetes mounts it: the files are links through a link to a dated folder.
    fs::create_dir_all(path("etc/..2026")).unwrap();
    fs::create_dir_all(path("etc/web")).unwrap();
    for (name, text) in [
        (
            "timpush.yml",
            "ca_file: ./ca.pem\nstate_file: ../state.json\nweb: {config_file: web/web.yml}\n\
             apps: [{sdk_app_id: 1, identifier: a, secret_key_file: shop.key, regions: [china]}]",
        ),
        ("shop.key", MADE_UP_KEY),
        ("ca.pem", &made.cert.pem()),
    ] {
        fs::write(path("etc/..2026").join(name), text).unwrap();
        set_mode(&path("etc/..2026").join(name), 0o600);
        symlink(format!("..data/{name}"), path("etc").join(name)).unwrap();
    }
    symlink("..2026", path("etc/..data")).unwrap();
    let web = "tls_server_config: {cert_file: ../ca.pem, key_file: server.key}";
    fs::write(path("etc/web/web.yml"), web).unwrap();
    let key = made.signing_key.serialize_pem();
    fs::write(path("etc/web/server.key"), key).unwrap();
    set_mode(&path("etc/web/server.key"), 0o600);
    let config = Config::load(&path("etc/timpush.yml"), &env(&[]), Secrets::Check);
    let config = config.map_err(|problems| problems.to_string()).unwrap();
    assert_eq!(config.global.state_file, Some(path("etc/../state.json")));
    assert_eq!(config.global.ca_file, Some(path("etc/./ca.pem")));
    assert_eq!(config.notices, [""; 0]);
}

#[test]
fn a_file_that_is_nested_too_deep_is_refused_in_every_format() {
    let deep = "is nested more than 32 levels deep";
    let dotted = ["a"; 60].join(".");
    for (name, text) in [
        ("a.yml", format!("apps:\n  {}x", "- ".repeat(8984))),
        ("a.yml", format!("{}x", "- ".repeat(8984))),
        ("a.yml", format!("a: {}", "[".repeat(33))),
        ("a.toml", format!("{dotted} = 1")),
        ("a.toml", format!("[{dotted}]\na = 1")),
        (
            "a.toml",
            format!("a = {}{}", "[".repeat(40), "]".repeat(40)),
        ),
        (
            "a.json",
            format!("{{\"a\": {}1{}}}", "[".repeat(33), "]".repeat(33)),
        ),
        (
            "a.json",
            format!("{}1{}", "{\"a\":".repeat(33), "}".repeat(33)),
        ),
    ] {
        let format = Format::of(Path::new(name)).unwrap();
        let problem = parse(&text, format).unwrap_err().to_string();
        assert!(problem.starts_with(deep), "{name}: {problem}");
    }
    let brackets = format!("{{\"a\": \"{}\\\"[\"}}", "[".repeat(100));
    assert!(parse(&brackets, Format::Json).is_ok());
    // The parsers' own bounds apply first.
    for (name, text) in [
        ("a.toml", format!("a = {}", "[".repeat(100_000))),
        ("a.toml", format!("{} = 1", vec!["a"; 100_000].join("."))),
        ("a.yml", "[".repeat(100_000)),
        ("a.json", "[".repeat(100_000)),
    ] {
        let format = Format::of(Path::new(name)).unwrap();
        let problem = parse(&text, format).unwrap_err().to_string();
        let line = format!("is not valid {}", format.name());
        assert!(problem.starts_with(&line), "{problem}");
    }
}

#[test]
fn aliases_share_values_over_many_apps_and_multiply_nothing() {
    let app = |n: usize| {
        format!(
            "  - {{sdk_app_id: {n}, identifier: *who, secret_key_env: MADE_UP, interval: *pace, regions: *where}}\n"
        )
    };
    let apps: String = (2..=60).map(app).collect();
    let first = "apps:\n  - {sdk_app_id: 1, identifier: &who admin, secret_key_env: MADE_UP, interval: &pace 5m, regions: &where [china, {name: lab, url: 'https://lab.example'}]}\n";
    let config = load(&format!("{first}{apps}")).ok().unwrap();
    assert_eq!(config.apps.len(), 60);
    assert_eq!(config.apps[59].regions, config.apps[0].regions);

    let level = |(below, name): (char, char)| {
        let list = vec![format!("*{below}"); 9].join(", ");
        format!("{name}: &{name} [{list}]\n")
    };
    let levels: String = "abcdefgh"
        .chars()
        .zip("bcdefghi".chars())
        .map(level)
        .collect();
    let laughs = format!("a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n{levels}");
    let written = write("timpush.yml", &laughs);
    let problem = Config::load(&written.path, &env(&[]), Secrets::Skip).err();
    assert_eq!(
        problem.unwrap().to_string(),
        format!(
            "{}: holds more than 1000000 keys and values, aliases counted with what they stand for, line 6",
            written.path.display()
        )
    );
}
