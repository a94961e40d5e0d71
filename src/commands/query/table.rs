//! A response for people: the important rows, the worst first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::answer::{Answer, Part, Row, share};
use crate::status::words::Words;

/// Rows below this fraction of all losses are summed up.
const SMALL: f64 = 0.01;

/// Writes totals, rows and advice; without `all`, omitted rows become a line.
pub(super) fn write(
    answer: &Answer,
    all: bool,
    words: &Words,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Answer {
        app,
        region,
        push,
        from,
        to,
        totals,
        losses,
    } = answer;
    writeln!(
        out,
        "{}",
        words.losses_of(app, words.place(region, *push), from, to)
    )?;
    if losses.is_empty() {
        return writeln!(out, "{}", words.nothing());
    }
    for total in totals {
        let part = parts(total.part, words);
        writeln!(out, "{}", words.total(total.count, total.stage, &part))?;
    }
    let (shown, left_out) = sorted(losses, all, words);
    if !shown.is_empty() {
        writeln!(out)?;
        rows(&shown, words, out)?;
    }
    for line in left_out {
        writeln!(out, "{line}")?;
    }
    if shown.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", words.what_to_do())?;
    advice(&shown, words, out)
}

/// `3.2% of 1000 sent`.
fn parts(part: Part, words: &Words) -> String {
    let of = words.step(part.of);
    match (part.of_count, part.rate) {
        (Some(of_count), Some(rate)) => {
            let percent = format!("{:.1}%", rate * 100.0);
            words.part(percent, of_count, of)
        }
        (Some(of_count), None) => words.part_of(of_count, of),
        (None, _) => words.part_unknown(of),
    }
}

/// The rows to show, and a line for each kind of omitted row.
fn sorted<'a>(losses: &'a [Row], all: bool, words: &Words) -> (Vec<&'a Row>, Vec<String>) {
    if all {
        return (losses.iter().collect(), Vec::new());
    }
    // The overall rows repeat the platforms' rows, if there are any.
    let has_platforms = losses.iter().any(|row| !row.is_overall);
    let rows = losses.iter().filter(|row| row.is_overall != has_platforms);
    let (churn, rows): (Vec<&Row>, Vec<&Row>) = rows.partition(|row| row.is_churn);
    let whole = sum(&rows);
    let is_small = |row: &&Row| share(row.count, whole) < SMALL;
    let (small, shown): (Vec<&Row>, Vec<&Row>) = rows.into_iter().partition(is_small);
    let left_out = [
        (!small.is_empty()).then(|| words.small(small.len(), sum(&small))),
        (!churn.is_empty()).then(|| words.churn(churn.len(), sum(&churn))),
    ];
    (shown, left_out.into_iter().flatten().collect())
}

fn sum(rows: &[&Row]) -> u64 {
    let counts = rows.iter().map(|row| row.count);
    counts.fold(0, u64::saturating_add)
}

fn rows(shown: &[&Row], words: &Words, out: &mut dyn Write) -> io::Result<()> {
    let cells = shown.iter().map(|row| {
        [
            row.platform.clone(),
            row.err_code.clone(),
            row.count.to_string(),
            parts(row.part, words),
            row.stage.to_string(),
            row.class.to_owned(),
            row.description.clone(),
        ]
    });
    let lines: Vec<[String; 7]> = [words.header().map(str::to_owned)]
        .into_iter()
        .chain(cells)
        .collect();
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let cells = lines.iter().map(|line| columns(&line[column]));
        cells.max().unwrap_or(0)
    });
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| {
                let room = width.saturating_sub(columns(cell));
                format!("{cell}{}", " ".repeat(room))
            })
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// The width of a text in terminal columns: a Chinese character has two.
fn columns(text: &str) -> usize {
    let wide = |char: &char| matches!(char, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3fffd}');
    text.chars().count() + text.chars().filter(wide).count()
}

/// Each piece of advice once, with all rows that it applies to.
fn advice(shown: &[&Row], words: &Words, out: &mut dyn Write) -> io::Result<()> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    let mut causes: Vec<(&str, Vec<String>)> = Vec::new();
    for row in shown {
        if !seen.insert((&row.advice, &row.platform, &row.err_code)) {
            continue;
        }
        let place = *places.entry(&row.advice).or_insert(causes.len());
        if place == causes.len() {
            causes.push((&row.advice, Vec::new()));
        }
        causes[place]
            .1
            .push(format!("{} {}", row.platform, row.err_code));
    }
    for (advice, codes) in causes {
        let (codes, advice) = (codes.join(words.enumeration()), words.told(advice));
        writeln!(out, "- {codes}{}{advice}", words.colon())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::query::answer::Sent;
    use crate::config::target::tests::target;
    use crate::model::language::Language;
    use crate::model::reading::{ErrCode, Funnel, Loss, LossKey, Platform, Reading, Stage};
    use crate::model::window::{Range, UnixSeconds};
    use crate::status::words;

    fn told(language: Language) -> String {
        let row = |platform: Option<i64>, code: &str, count| {
            let key = LossKey {
                stage: Stage::PostSendDelivered,
                platform: platform.map(Platform),
                code: ErrCode::new(code),
            };
            let description = "InvalidProviderToken".to_owned();
            (key, Loss { count, description })
        };
        let losses = [
            row(None, "403", 30),
            row(Some(1), "403", 30),
            row(Some(1), "410", 7),
        ];
        let funnel = Funnel {
            sent: 1000,
            sendable: 2000,
            ..Funnel::default()
        };
        let sent = Sent::of(Reading::Statistics {
            overall: funnel,
            platforms: [(Platform(1), funnel)].into(),
        });
        let range = Range {
            start: UnixSeconds(1_800_000_000),
            end: UnixSeconds(1_800_003_600),
        };
        let target = target("shop", "singapore");
        let answer = Answer::new(&target, range, &losses.into(), &sent);
        let mut out = Vec::new();
        write(&answer, false, words::of(language), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_in_chinese_says_the_same() {
        let chinese = told(Language::Chinese);
        let single_spaced = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = chinese.lines().map(single_spaced).collect();
        let expected = [
            "shop（singapore），2027-01-15T08:00:00Z 至 2027-01-15T09:00:00Z",
            "未发送 0：占 2000 条可发送推送的 0.0%",
            "已发送但未送达 30：占 1000 条已发送推送的 3.0%",
            "",
            "平台 错误码 数量 占比 阶段 类别 描述",
            "apns 403 30 占 1000 条已发送推送的 3.0% post_send_delivered credential InvalidProviderToken",
            "+ 7：另有 1 行正常流失，应用或设备已不在（用 --all 显示）",
            "",
            "处理建议：",
        ];
        assert_eq!(lines[..expected.len()], expected, "{chinese}");
        assert!(
            lines[expected.len()].starts_with("- apns 403：请重新上传 p8 密钥"),
            "{chinese}"
        );
        // Columns are as wide as their text on a terminal.
        let before = |text: &str| {
            let line = chinese.lines().find(|line| line.contains(text)).unwrap();
            columns(line.split(text).next().unwrap())
        };
        assert_eq!(before("阶段"), before("post_send_delivered"));
        let english = told(Language::English);
        assert_eq!(chinese.lines().count(), english.lines().count());
        assert!(
            english.contains("30 sent and not delivered: 3.0% of 1000 sent"),
            "{english}"
        );
    }
}
