//! Bounds on the content of a file, checked before a parser builds a tree of it.
//!
//! The YAML parser recurses for each level of a file, and copies a value for each of its aliases:
//! 350 bytes can expand to gigabytes. [`super::lines`] therefore reads a file from start to end
//! first, and keeps the sizes of what it has read within these bounds. The parsers of TOML and JSON
//! bound the depth by themselves, and know no aliases.

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
pub(super) struct Size {
    values: u64,
    text: u64,
}

impl Size {
    /// One value or key with so many bytes of text.
    pub(super) fn of(text: usize) -> Self {
        Self {
            values: 1,
            text: text as u64,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.values = self.values.saturating_add(other.values);
        self.text = self.text.saturating_add(other.text);
    }

    pub(super) fn since(self, start: Self) -> Self {
        Self {
            values: self.values - start.values,
            text: self.text - start.text,
        }
    }

    /// Checks what was read up to `line`, within `depth` lists and tables.
    pub(super) fn check(self, depth: usize, line: usize) -> Result<(), Excess> {
        let what = if depth > MAX_DEPTH {
            What::Depth
        } else if self.values > MAX_VALUES {
            What::Values
        } else if self.text > MAX_TEXT {
            What::Text
        } else {
            return Ok(());
        };
        Err(Excess {
            line: Some(line),
            what,
        })
    }
}

/// Checks a text of which each value has one of `marks` before it. Those characters in texts and
/// comments are counted, too.
pub(super) fn values(text: &str, marks: &[u8]) -> Result<(), Excess> {
    let values = text.bytes().filter(|byte| marks.contains(byte)).count();
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
    use crate::config::document::{self, DocumentError, Format};
    use crate::config::lines::Lines;

    fn yaml(text: &str) -> Result<(), Excess> {
        Lines::read(text).map(drop)
    }

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
        let dotted = "a.a.a.a.a.a = 1\n".repeat(many / 6 + 1);
        for (format, text) in [
            (Format::Yaml, &list),
            (Format::Json, &list),
            (Format::Toml, &format!("a = {list}")),
            (Format::Toml, &dotted),
        ] {
            match document::values(text, format).err() {
                Some(DocumentError::Excess(excess)) => assert_eq!(excess.what, What::Values),
                other => panic!("{format:?}: {other:?}"),
            }
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
