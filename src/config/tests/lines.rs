//! The reported lines of problems. All keys here are made up.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::*;
use crate::config::lines::Lines;

/// The paths of `expected` with their lines.
fn assert_lines(text: &str, expected: &[(&str, Option<usize>)]) {
    let lines = Lines::read(text).unwrap();
    for (path, line) in expected {
        assert_eq!(lines.of(path), *line, "{path} in\n{text}");
    }
}

#[test]
fn a_path_has_the_line_of_its_key_or_of_the_nearest_part_that_is_there() {
    let text = "
# A comment: [
listen: here
web:
  enable_lifecycle: &flag
    1
apps:
- name: a
  regions: [
    china, mars
  ]
- {name: b,
   regions:
     [{name: lab,
       url: x}]}
-
a.b: {c.d: 1}
\"quoted: key\": 1
";
    assert_lines(
        text,
        &[
            ("listen", Some(3)),
            ("web.enable_lifecycle", Some(5)),
            ("web.colour", Some(4)),
            ("apps[0]", Some(8)),
            ("apps[0].identifier", Some(8)),
            ("apps[0].regions", Some(9)),
            ("apps[0].regions[0]", Some(10)),
            ("apps[1].name", Some(12)),
            ("apps[1].regions[0].url", Some(15)),
            ("apps[1].regions[0].url[7].x", Some(15)),
            ("apps[2]", Some(7)),
            ("apps[3].name", Some(7)),
            ("a.b.c.d", Some(17)),
            ("quoted: key", Some(18)),
            ("zero_hold", None),
            ("(top level)", None),
            ("", None),
            ("[0]..a[", None),
        ],
    );
    for (text, path) in [("just text", "a"), ("[1, 2]", "a"), ("", "a"), ("- [", "a")] {
        assert_lines(text, &[(path, None)]);
    }
    assert_lines("a: 1\n? [b]\n: 1\nc: 1\n*d : 2\n", &[("c", Some(4))]);
    assert_lines("%YAML 1.2\n---\na: 1\n", &[("a", Some(3))]);
}

#[test]
fn what_is_merged_or_an_alias_has_the_line_where_it_is_written() {
    let text = "
x-a: &a {lag: x,
  step: 1m}
x-b: &b
  <<: *a
  lag: y
  window: z
x-where: &where
  - mars
apps:
  - {<<: [*b, *a], regions: *where,
     interval: 1}
  - <<: {counters: 1}
    regions:
      - *where
  - {<<: 1}
";
    assert_lines(
        text,
        &[
            ("apps[0].lag", Some(6)),
            ("apps[0].step", Some(3)),
            ("apps[0].window", Some(7)),
            ("apps[0].interval", Some(12)),
            ("apps[0].regions", Some(11)),
            ("apps[0].regions[0]", Some(9)),
            ("apps[0].timeout", Some(11)),
            ("apps[1].counters", Some(13)),
            ("apps[1].regions[0]", Some(15)),
            ("apps[2].<<", Some(16)),
        ],
    );
}

#[test]
fn merge_keys_that_merge_each_other_are_looked_into_within_a_bound() {
    let mut text = "a0: &a0 {x: 1}\n".to_owned();
    for n in 1..=15 {
        let below = format!("*a{}, ", n - 1).repeat(2);
        writeln!(text, "a{n}: &a{n} {{<<: [{below}]}}").unwrap();
    }
    let lines = Lines::read(&text).unwrap();
    assert_eq!(lines.of("a15.x"), Some(1));
    // Each of these searches has 2^15 ways.
    for _ in 0..20 {
        assert_eq!(lines.of("a15.y"), Some(16));
    }
    assert_eq!(lines.of("a15.x"), Some(16));
    assert_eq!(lines.of("a0.x"), Some(1));
}

#[test]
fn what_the_environment_sets_has_no_line_and_toml_has_none_at_all() {
    let text = "listen: 1\ndefaults:\n  lag: 1\n  interval: 2m\n";
    let written = write("timpush.yml", top(text));
    let variables = env(&[("TIMPUSH_DEFAULTS__INTERVAL", "x"), ("HTTPS_PROXY", "a b")]);
    let said = |path: &Path| {
        let problems = Config::load(path, &variables, Secrets::Skip).err().unwrap();
        let folder = format!("{}/", path.parent().unwrap().display());
        problems.to_string().replace(&folder, "")
    };
    let starts = |said: &str| -> Vec<String> {
        let start = |line: &str| line.split(" must").next().unwrap().to_owned();
        said.lines().map(start).collect()
    };
    assert_eq!(
        starts(&said(&written.path)),
        [
            "timpush.yml:1: listen:",
            "HTTPS_PROXY:",
            "defaults.interval:",
            "timpush.yml:3: defaults.lag:",
            "4 problems",
        ]
    );
    let written = write("timpush.toml", "listen = 1\n[defaults]\nlag = 1\n");
    assert_eq!(
        starts(&said(&written.path)),
        [
            "timpush.toml: listen:",
            "HTTPS_PROXY:",
            "defaults.interval:",
            "timpush.toml: defaults.lag:",
            "timpush.toml: apps: is missing",
            "5 problems",
        ]
    );
}

#[test]
fn an_app_is_named_unless_its_name_is_none_or_a_secret() {
    let said = |name: &str| {
        let text = format!("apps:\n  - {{{}, lag: x, name: {name}}}", USUAL.join(", "));
        let problems = load(&text).err().unwrap();
        let mut problems = problems.iter();
        let problem = problems.find(|problem| problem.path == "apps[0].lag");
        problem.unwrap().to_string()
    };
    for (name, shown) in [
        ("a shop", "apps[0] (a shop).lag: "),
        ("商店", "apps[0] (商店).lag: "),
        ("''", "apps[0].lag: "),
        ("[a]", "apps[0].lag: "),
        ("\"a\\nb\"", "apps[0].lag: "),
        (MADE_UP_KEY, "apps[0].lag: "),
        (&MADE_UP_KEY[..40], "apps[0] ([redacted]).lag: "),
    ] {
        let said = said(name);
        assert!(said.contains(&format!("timpush.yml:2: {shown}")), "{said}");
    }
}

/// Writes a tree as YAML in a style chosen by `dice`, and notes the lines of its paths.
struct Writer {
    text: String,
    end_of_line: &'static str,
    dice: Vec<bool>,
    thrown: usize,
    lines: BTreeMap<String, usize>,
}

impl Writer {
    fn write(tree: &Value, end_of_line: &'static str, dice: Vec<bool>) -> Self {
        let mut writer = Self {
            text: String::new(),
            end_of_line,
            dice,
            thrown: 0,
            lines: BTreeMap::new(),
        };
        if writer.throw() {
            writer.text = format!("# first{end_of_line}---");
        }
        writer.value(tree, "", 0, false);
        writer.text += end_of_line;
        writer
    }

    fn throw(&mut self) -> bool {
        self.thrown += 1;
        self.dice[self.thrown % self.dice.len()]
    }

    fn break_line(&mut self, indent: usize) {
        let end = self.end_of_line;
        if self.throw() && self.throw() {
            self.text += " # it's: {[\"";
        }
        if self.throw() && self.throw() {
            self.text += end;
        }
        self.text += end;
        self.text += &" ".repeat(indent);
    }

    fn note(&mut self, path: &str) {
        let line = self.text.matches('\n').count() + 1;
        self.lines.insert(path.to_owned(), line);
    }

    /// The text after `key:`, `-` or nothing.
    fn value(&mut self, value: &Value, path: &str, indent: usize, flow: bool) {
        let (elements, ends): (Vec<(String, String, &Value)>, _) = match value {
            Value::Object(table) if !table.is_empty() => {
                let dot = if path.is_empty() { "" } else { "." };
                let element =
                    |(key, value)| (format!("{path}{dot}{key}"), format!("{key}:"), value);
                (table.iter().map(element).collect(), ["{", "}"])
            }
            Value::Array(list) if !list.is_empty() => {
                let element = |(n, value)| (format!("{path}[{n}]"), String::new(), value);
                (list.iter().enumerate().map(element).collect(), ["[", "]"])
            }
            scalar => {
                write!(self.text, " {scalar}").unwrap();
                return;
            }
        };
        if flow || (!path.is_empty() && self.throw()) {
            write!(self.text, " {}", ends[0]).unwrap();
            for (path, key, value) in elements {
                if self.throw() {
                    self.break_line(indent + 1);
                }
                self.note(&path);
                self.text += &key;
                self.value(value, &path, indent + 1, true);
                self.text += ",";
            }
            self.text += ends[1];
            return;
        }
        for (path, key, value) in elements {
            self.break_line(indent);
            // A table in a list begins with its first key, wherever that is.
            if !key.is_empty() || !(value.is_object() || value.is_array()) {
                self.note(&path);
            }
            self.text += if key.is_empty() { "-" } else { &key };
            self.value(value, &path, indent + 2, false);
        }
    }
}

fn any_tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z中# :,{}&*!|>'%@-]{0,8}".prop_map(Value::from),
    ];
    let inner = leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,8}", inner, 0..6)
                .prop_map(|table| Value::Object(table.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-z]{1,8}", inner, 1..6)
        .prop_map(|table| Value::Object(table.into_iter().collect()))
}

fn any_dice() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(any::<bool>(), 1..200)
}

fn any_end() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["\n", "\r\n"])
}

/// A valid configuration, each value of which may be replaced.
fn good() -> Value {
    json!({
        "listen": "127.0.0.1:0",
        "scrape_interval": "1m",
        "calls_per_second": 0.5,
        "web": {"enable_lifecycle": true},
        "defaults": {"interval": "2m", "counters": false, "series_limit": 9},
        "apps": [
            {"name": "shop", "sdk_app_id": 1, "identifier": "a", "secret_key_env": "A", "regions": ["china", "seoul"]},
            {"name": "game", "sdk_app_id": 2, "identifier": "a", "secret_key_env": "A", "window": "1h",
                "regions": [{"name": "lab", "url": "https://lab.example", "insecure": false}]},
        ],
    })
}

/// The places of a tree's values that hold no others, as JSON pointers.
fn leaves(value: &Value, pointer: &str) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(table) => table
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(n, value)| (n.to_string(), value))
            .collect(),
        _ => return vec![pointer.to_owned()],
    };
    below
        .into_iter()
        .flat_map(|(part, value)| leaves(value, &format!("{pointer}/{part}")))
        .collect()
}

proptest! {
    #[test]
    fn every_path_of_any_document_has_its_line(
        tree in any_tree(), end in any_end(), dice in any_dice(),
    ) {
        let written = Writer::write(&tree, end, dice);
        let parsed = document::parse(&written.text, document::Format::Yaml);
        prop_assert_eq!(parsed.ok().map(Value::Object), Some(tree.clone()), "{}", written.text);
        let lines = Lines::read(&written.text).unwrap();
        for (path, line) in &written.lines {
            prop_assert_eq!(lines.of(path), Some(*line), "{} in\n{}", path, written.text);
        }
        let json = serde_json::to_string_pretty(&tree).unwrap();
        let lines = Lines::read(&json).unwrap();
        for path in written.lines.keys() {
            let line = json.lines().nth(lines.of(path).unwrap() - 1).unwrap();
            let key = path.rsplit('.').next().unwrap();
            prop_assert!(key.contains('[') || line.contains(&format!("\"{key}\":")), "{path} in\n{json}");
        }
    }

    #[test]
    fn a_bad_value_anywhere_is_reported_in_the_line_of_its_key(
        at in any::<prop::sample::Index>(), end in any_end(), dice in any_dice(),
    ) {
        let mut tree = good();
        let pointer = at.get(&leaves(&tree, "")).clone();
        *tree.pointer_mut(&pointer).unwrap() = json!([]);
        let text = Writer::write(&tree, end, dice).text;
        let written = write("timpush.yml", &text);
        let problems = Config::load(&written.path, &env(&[]), Secrets::Skip).err().unwrap();
        let path = pointer.trim_start_matches('/').replace('/', ".");
        let path = ["0", "1"].iter().fold(path, |path, n| path.replace(&format!(".{n}"), &format!("[{n}]")));
        let problem = problems.iter().find(|problem| problem.path == path);
        prop_assert!(problem.is_some(), "{path} in {problems}\n{text}");
        let said = problem.unwrap().to_string();
        let place = said.strip_prefix(&format!("{}:", written.path.display())).unwrap();
        let line: usize = place.split(':').next().unwrap().parse().unwrap();
        let line = text.lines().nth(line - 1).unwrap();
        let key = path.rsplit('.').next().unwrap().split('[').next().unwrap();
        let is_element = path.ends_with(']');
        prop_assert!(line.contains(&format!("{key}:")) || (is_element && line.contains("[]")), "{said}\n{text}");
    }
}
