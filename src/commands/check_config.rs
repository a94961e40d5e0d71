//! `check-config`: every problem of a configuration at once, or what it amounts to.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use crate::config::plan::Plan;
use crate::config::{Config, Secrets};

/// Checks `file` and returns the exit code: 0 with the plan and the notices on `out`, 64
/// with one line for each problem on `err`, 1 if neither could be written.
pub fn run(
    file: &Path,
    secrets: Secrets,
    env: &BTreeMap<String, String>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    match Config::load(file, env, secrets) {
        Ok(config) => report(file, secrets, &config, out).map_or(1, |()| 0),
        Err(problems) => writeln!(err, "{problems}").map_or(1, |()| 64),
    }
}

fn report(file: &Path, secrets: Secrets, config: &Config, out: &mut dyn Write) -> io::Result<()> {
    let unchecked = match secrets {
        Secrets::Check => "",
        Secrets::Skip => " (secrets and other files were not looked for)",
    };
    writeln!(out, "{}: OK{unchecked}\n", file.display())?;
    writeln!(out, "{}", Plan::of(config))?;
    if !config.notices.is_empty() {
        writeln!(out)?;
    }
    for notice in &config.notices {
        writeln!(out, "notice: {notice}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "apps: [{name: shop, sdk_app_id: 1, identifier: a, secret_key_env: MADE_UP, regions: [china]}]";

    /// Exit code, standard output and standard error for a file with `text`.
    fn check(text: &str) -> (u8, String, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("timpush.yml");
        std::fs::write(&path, text).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&path, Secrets::Skip, &BTreeMap::new(), &mut out, &mut err);
        let shown = format!("{}/", directory.path().display());
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&shown, "");
        (code, text(out), text(err))
    }

    #[test]
    fn a_good_file_is_answered_with_its_plan_and_notices() {
        let (code, out, err) = check(&format!("state_file: s\n{APP}"));
        assert_eq!(
            out,
            "timpush.yml: OK (secrets and other files were not looked for)\n\
             \n\
             app     SDKAppID  regions  calls/poll  interval  calls/s  limit  share\n\
             shop           1        1           2        1m    0.033    0.9     4%\n\
             \n\
             notice: state_file: accepted, but not yet in effect in this version\n"
        );
        assert_eq!((code, err.as_str()), (0, ""));
    }

    #[test]
    fn problems_are_lines_on_standard_error() {
        let (code, out, err) = check(&format!("listen: a\nzero_hold: b\n{APP}"));
        assert_eq!(
            err,
            "listen: must be an IP address and a port, such as 0.0.0.0:10898 or [::]:10898\n\
             zero_hold: must be a duration such as 30s, 5m, 2h30m or 7d\n"
        );
        assert_eq!((code, out.as_str()), (64, ""));
    }

    #[test]
    fn a_closed_output_is_a_failure() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("timpush.yml");
        std::fs::write(&path, APP).unwrap();
        let mut full: &mut [u8] = &mut [];
        let code = run(
            &path,
            Secrets::Skip,
            &BTreeMap::new(),
            &mut full,
            &mut Vec::new(),
        );
        assert_eq!(code, 1);
    }
}
