//! A real PromQL engine over series that were never in a server: promtool's rule tests.

use std::fmt::Write;
use std::process::Command;

/// Series sampled once a minute, and expressions over them that must hold at their end.
pub(crate) struct Engine {
    series: String,
    checks: String,
}

impl Engine {
    pub(crate) fn new() -> Self {
        Self {
            series: String::new(),
            checks: String::new(),
        }
    }

    /// `None` is a scrape without the series, which the server marks as stale.
    pub(crate) fn series(&mut self, series: &str, samples: &[Option<u64>]) {
        let mut values = String::new();
        let mut before = None;
        for sample in samples {
            let value = match (before, sample) {
                (_, Some(value)) => value.to_string(),
                (Some(_), None) => "stale".to_owned(),
                (None, None) => "_".to_owned(),
            };
            write!(values, "{value} ").unwrap();
            before = *sample;
        }
        writeln!(
            self.series,
            "      - series: '{series}'\n        values: '{}'",
            values.trim_end()
        )
        .unwrap();
    }

    /// At `minute`, the expression must give one sample without labels.
    pub(crate) fn check(&mut self, minute: usize, promql: &str, expected: u64) {
        writeln!(
            self.checks,
            "      - expr: '{promql}'\n        eval_time: {minute}m\n        exp_samples: [{{labels: \"{{}}\", value: {expected}}}]"
        )
        .unwrap();
    }

    pub(crate) fn run(&self) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.yml");
        let text = format!(
            "rule_files: []\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n{}    promql_expr_test:\n{}",
            self.series, self.checks
        );
        std::fs::write(&path, text).unwrap();
        let output = Command::new("promtool")
            .args(["test", "rules"])
            .arg(&path)
            .output()
            .expect("promtool is installed");
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
