//! Bounds on the content of a file, checked before a parser builds a tree of it.
//!
//! The parsers recurse for each level of a file, and the YAML parser copies a value for each of its
//! aliases: 350 bytes can expand to gigabytes. This module reads a file from start to end, without
//! recursion, and keeps only sizes.

use std::collections::HashMap;

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;

/// The maximum depth of lists and tables. A configuration has 5 levels.
pub(super) const MAX_DEPTH: usize = 32;

/// The maximum number of keys and values, aliases expanded. An app has about 20.
const MAX_VALUES: u64 = 1_000_000;

/// The maximum bytes of text, aliases expanded.
const MAX_TEXT: u64 = 32 << 20;

/// A bound that a file exceeds, and the line if known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excess {
    pub(super) line: Option<usize>,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Depth,
    Values,
    Text,
}

impl Excess {
    /// Without a line, for a tree that is too deep.
    pub(super) const DEPTH: Self = Self {
        line: None,
        what: What::Depth,
    };
}

impl std::error::Error for Excess {}

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.what {
            What::Depth => write!(f, "is nested more than {MAX_DEPTH} levels deep")?,
            What::Values => write!(f, "holds more than {MAX_VALUES} keys and values")?,
            What::Text => write!(f, "holds more than {} MiB of text", MAX_TEXT >> 20)?,
        }
        if self.what != What::Depth {
            f.write_str(", aliases counted with what they stand for")?;
        }
        self.line.map_or(Ok(()), |line| write!(f, ", line {line}"))
    }
}

/// The size of a part of a file.
#[derive(Clone, Copy, Default)]
struct Size {
    values: u64,
    text: u64,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.values = self.values.saturating_add(other.values);
        self.text = self.text.saturating_add(other.text);
    }

    fn since(self, start: Self) -> Self {
        Self {
            values: self.values - start.values,
            text: self.text - start.text,
        }
    }
}

/// Checks YAML. A syntax error is not reported here: the actual parser finds it at the same place.
pub(super) fn yaml(text: &str) -> Result<(), Excess> {
    let mut parser = Parser::new_from_str(text);
    // The anchors and starts of the open lists and tables.
    let mut open: Vec<(usize, Size)> = Vec::new();
    let mut anchored: HashMap<usize, Size> = HashMap::new();
    let mut all = Size::default();
    // The parser keeps a copy of each node with an anchor.
    let mut copies = Size::default();
    loop {
        let Ok((event, mark)) = parser.next_token() else {
            return Ok(());
        };
        let before = all;
        let mut own = Size { values: 1, text: 0 };
        let ended = match event {
            Event::StreamEnd => return Ok(()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                own.text = tag.map_or(0, |tag| tag.handle.len() + tag.suffix.len()) as u64;
                open.push((anchor, before));
                all.add(own);
                None
            }
            Event::Scalar(text, _, anchor, tag) => {
                let tag = tag.map_or(0, |tag| tag.handle.len() + tag.suffix.len());
                own.text = (text.len() + tag) as u64;
                all.add(own);
                Some((anchor, before))
            }
            Event::Alias(anchor) => {
                all.add(anchored.get(&anchor).copied().unwrap_or(own));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop(),
            _ => None,
        };
        // Number 0 means no anchor.
        if let Some((anchor @ 1.., start)) = ended {
            let size = all.since(start);
            anchored.insert(anchor, size);
            copies.add(size);
        }
        let what = if open.len() > MAX_DEPTH {
            What::Depth
        } else if all.values.saturating_add(copies.values) > MAX_VALUES {
            What::Values
        } else if all.text.saturating_add(copies.text) > MAX_TEXT {
            What::Text
        } else {
            continue;
        };
        return Err(Excess {
            line: Some(mark.line()),
            what,
        });
    }
}

/// Checks JSON: each value except the first has one of `[{,:` before it.
pub(super) fn json(text: &str) -> Result<(), Excess> {
    let (mut depth, mut values, mut line) = (0_usize, 0, 1);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'\n' => line += 1,
            _ if quoted => {}
            b'[' | b'{' => {
                depth += 1;
                values += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' => values += 1,
            _ => {}
        }
        let what = if depth > MAX_DEPTH {
            What::Depth
        } else if values > MAX_VALUES {
            What::Values
        } else {
            continue;
        };
        return Err(Excess {
            line: Some(line),
            what,
        });
    }
    Ok(())
}

/// Checks TOML, whose parser bounds the depth by itself: each value has one of `[{,=.` before it.
/// Those characters in texts and comments are counted, too.
pub(super) fn toml(text: &str) -> Result<(), Excess> {
    let values = text.bytes().filter(|byte| b"[{,=.".contains(byte)).count();
    if values as u64 > MAX_VALUES {
        return Err(Excess {
            line: None,
            what: What::Values,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(open: &str, levels: usize, close: &str) -> String {
        format!("{}x{}", open.repeat(levels), close.repeat(levels))
    }

    fn what(result: Result<(), Excess>) -> Option<What> {
        result.err().map(|excess| excess.what)
    }

    #[test]
    fn depth_is_bounded_in_every_style() {
        for (open, close) in [
            ("- ", ""),
            ("[", "]"),
            ("{a: ", "}"),
            ("? ", ""),
            ("&a [", "]"),
            ("!t [", "]"),
        ] {
            let deepest = nested(open, MAX_DEPTH, close);
            assert_eq!(yaml(&deepest), Ok(()), "{open}");
            // The parser's own bound on flow style is 255 levels.
            let more = if close.is_empty() { 100_000 } else { 250 };
            for levels in [MAX_DEPTH + 1, more] {
                let excess = yaml(&nested(open, levels, close));
                assert_eq!(what(excess), Some(What::Depth), "{levels} x {open}");
            }
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            assert_eq!(json(&nested(open, MAX_DEPTH, close)), Ok(()));
            let excess = json(&nested(open, MAX_DEPTH + 1, close));
            assert_eq!(what(excess), Some(What::Depth), "{open}");
        }
        assert_eq!(json(&format!("\"{}\\\"[\"", "[".repeat(100))), Ok(()));
        assert_eq!(
            yaml("a: 1\nb:\n  - [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")
                .unwrap_err()
                .to_string(),
            "is nested more than 32 levels deep, line 3"
        );
    }

    #[test]
    fn aliases_count_as_what_they_stand_for() {
        let laughs = |levels: usize| {
            let level = |level: usize| {
                let below = format!("*a{}", level - 1);
                let list = [below.as_str(); 9].join(", ");
                format!("a{level}: &a{level} [{list}]\n")
            };
            let above: String = (1..levels).map(level).collect();
            format!("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n{above}")
        };
        assert_eq!(yaml(&laughs(5)), Ok(()));
        assert!(laughs(9).len() < 600);
        for levels in [9, 30] {
            assert_eq!(what(yaml(&laughs(levels))), Some(What::Values), "{levels}");
        }
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), "*a, ".repeat(40));
        assert_eq!(what(yaml(&long)), Some(What::Text));
    }

    #[test]
    fn anchors_within_anchors_count_once_for_each_copy() {
        let text = format!("{}x{}", "[&a ".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(yaml(&text), Ok(()));
    }

    #[test]
    fn values_are_bounded_in_every_format() {
        let many = usize::try_from(MAX_VALUES).unwrap() + 1;
        let list = format!("[{}]", "1,".repeat(many));
        for (format, result) in [
            ("yaml", yaml(&list)),
            ("json", json(&list)),
            ("toml", toml(&format!("a = {list}"))),
            ("dotted", toml(&"a.a.a.a.a.a = 1\n".repeat(many / 6 + 1))),
        ] {
            assert_eq!(what(result), Some(What::Values), "{format}");
        }
    }

    #[test]
    fn a_tag_with_a_long_prefix_counts_wherever_it_is_used() {
        let text = format!(
            "%TAG !e! tag:{}\n--- [{}]",
            "x".repeat(1 << 20),
            "!e!a 1, ".repeat(1000)
        );
        assert_eq!(what(yaml(&text)), Some(What::Text));
    }

    #[test]
    fn ten_thousand_apps_and_shared_values_are_within_the_bounds() {
        let app = |n: usize| {
            format!(
                "  - {{name: app-{n}, sdk_app_id: {}, identifier: *who, secret_key_file: /run/secrets/app-{n}.key, interval: 5m, window: 1h, lag: 2m, regions: *where}}\n",
                1_400_000_000 + n
            )
        };
        let apps: String = (0..10_000).map(app).collect();
        let shared = "shared: [&who administrator, &where [china, singapore, {name: lab, url: 'https://lab.example'}]]";
        assert_eq!(yaml(&format!("{shared}\napps:\n{apps}")), Ok(()));
    }
}
