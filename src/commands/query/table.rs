//! An answer for people: what matters, the worst first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::answer::{Answer, Part, Row, Total, share};

/// Rows with less than this part of all losses are summed up.
const SMALL: f64 = 0.01;

const HEADER: [&str; 7] = [
    "PLATFORM",
    "CODE",
    "COUNT",
    "SHARE",
    "STAGE",
    "CLASS",
    "DESCRIPTION",
];

/// Writes totals, rows and advice; without `all`, what is left out is a line.
pub(super) fn write(answer: &Answer, all: bool, out: &mut dyn Write) -> io::Result<()> {
    let Answer {
        app,
        region,
        from,
        to,
        totals,
        losses,
    } = answer;
    writeln!(out, "{app} in {region}, {from} to {to}")?;
    if losses.is_empty() {
        return writeln!(out, "nothing was lost, or nothing was sent");
    }
    for total in totals {
        writeln!(out, "{}", words(total))?;
    }
    let (shown, left_out) = sorted(losses, all);
    if !shown.is_empty() {
        writeln!(out)?;
        rows(&shown, out)?;
    }
    for line in left_out {
        writeln!(out, "{line}")?;
    }
    if shown.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nWhat to do:")?;
    advice(&shown, out)
}

fn words(total: &Total) -> String {
    let Part { of, .. } = total.part;
    let part = parts(total.part);
    let lost = if of == "sent" {
        "sent and not delivered"
    } else {
        "not sent"
    };
    format!("{} {lost}: {part}", total.count)
}

/// `3.2% of 1000 sent`.
fn parts(part: Part) -> String {
    match (part.of_count, part.rate) {
        (Some(of_count), Some(rate)) => format!("{:.1}% of {of_count} {}", rate * 100.0, part.of),
        (Some(of_count), None) => format!("of {of_count} {}", part.of),
        (None, _) => format!("of an unknown number {}", part.of),
    }
}

/// The rows to show, and a line for each kind that is not.
fn sorted(losses: &[Row], all: bool) -> (Vec<&Row>, Vec<String>) {
    if all {
        return (losses.iter().collect(), Vec::new());
    }
    // The overall rows say the platforms' once more, where there are such.
    let has_platforms = losses.iter().any(|row| !row.is_overall);
    let rows = losses.iter().filter(|row| row.is_overall != has_platforms);
    let (churn, rows): (Vec<&Row>, Vec<&Row>) = rows.partition(|row| row.is_churn);
    let whole = sum(&rows);
    let is_small = |row: &&Row| share(row.count, whole) < SMALL;
    let (small, shown): (Vec<&Row>, Vec<&Row>) = rows.into_iter().partition(is_small);
    let line = |rows: &[&Row], what: &str| {
        let noun = if rows.len() == 1 { "row" } else { "rows" };
        let count = sum(rows);
        (!rows.is_empty()).then(|| format!("+ {count} in {} {noun} {what}", rows.len()))
    };
    let left_out = [
        line(&small, "under 1 % (--all shows them)"),
        line(
            &churn,
            "of churn: the app or the device is gone (--all shows them)",
        ),
    ];
    (shown, left_out.into_iter().flatten().collect())
}

fn sum(rows: &[&Row]) -> u64 {
    let counts = rows.iter().map(|row| row.count);
    counts.fold(0, u64::saturating_add)
}

fn rows(shown: &[&Row], out: &mut dyn Write) -> io::Result<()> {
    let cells = shown.iter().map(|row| {
        [
            row.platform.clone(),
            row.err_code.clone(),
            row.count.to_string(),
            parts(row.part),
            row.stage.to_string(),
            row.class.to_owned(),
            row.description.clone(),
        ]
    });
    let lines: Vec<[String; 7]> = [HEADER.map(str::to_owned)]
        .into_iter()
        .chain(cells)
        .collect();
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or(0)
    });
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// Each piece of advice once, with all that it is for.
fn advice(shown: &[&Row], out: &mut dyn Write) -> io::Result<()> {
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
        writeln!(out, "- {}: {advice}", codes.join(", "))?;
    }
    Ok(())
}
