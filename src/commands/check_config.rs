//! `check-config`: all problems of a configuration at once, or its plan.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use crate::config::plan::Plan;
use crate::config::{Config, Secrets};
use crate::failure::Failure;
use crate::reload::loading;

/// Prints the plan and the notices of a good configuration. For a bad one, the failure has one line
/// per problem.
pub async fn run(
    file: &Path,
    secrets: Secrets,
    env: BTreeMap<String, String>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let path = file.to_owned();
    let loaded = loading(move || Config::load(&path, &env, secrets)).await;
    let config = loaded.map_err(Failure::failed)?.map_err(Failure::usage)?;
    Ok(report(file, secrets, &config, out)?)
}

fn report(file: &Path, secrets: Secrets, config: &Config, out: &mut dyn Write) -> io::Result<()> {
    let unchecked = match secrets {
        Secrets::Check => "",
        Secrets::Skip => " (secrets and other files were not looked for)",
    };
    writeln!(out, "{}: OK{unchecked}\n", file.display())?;
    writeln!(out, "{}", Plan::of(config))?;
    if let Some(proxy) = &config.global.proxy_url {
        let except = if proxy.has_exceptions() {
            " but for NO_PROXY"
        } else {
            ""
        };
        writeln!(out, "\nproxy for https calls{except}: {proxy}")?;
    }
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
    async fn check(text: &str) -> (u8, String, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("timpush.yml");
        std::fs::write(&path, text).unwrap();
        let mut out = Vec::new();
        let (code, err) = match run(&path, Secrets::Skip, BTreeMap::new(), &mut out).await {
            Ok(()) => (0, String::new()),
            Err(Failure::Usage(error)) => (64, format!("{error}\n")),
            Err(Failure::Failed(error)) => (1, format!("{error}\n")),
        };
        let shown = format!("{}/", directory.path().display());
        let out = String::from_utf8(out).unwrap();
        (code, out.replace(&shown, ""), err.replace(&shown, ""))
    }

    #[tokio::test]
    async fn a_good_file_is_answered_with_its_plan_and_notices() {
        let (code, out, err) = check(&format!("defaults: {{timeout: 2s}}\n{APP}")).await;
        assert_eq!(
            out,
            "timpush.yml: OK (secrets and other files were not looked for)\n\
             \n\
             app     SDKAppID  regions  calls/poll  interval  calls/s  limit  share\n\
             shop           1        1           4        1m    0.067    0.9     7%\n\
             \n\
             notice: defaults.timeout: is below 3s, the time that the service may take to respond\n"
        );
        assert_eq!((code, err.as_str()), (0, ""));
    }

    #[tokio::test]
    async fn problems_are_lines_on_standard_error_with_their_place_and_app() {
        let app = APP.replace("china", "chin");
        let (code, out, err) = check(&format!("listen: a\n\nzero_hold: b\n{app}")).await;
        assert_eq!(
            err,
            "timpush.yml:1: listen: must be an IP address and a port, such as 0.0.0.0:10898 or [::]:10898\n\
             timpush.yml:3: zero_hold: must be a duration such as 30s, 5m, 2h30m or 7d\n\
             timpush.yml:4: apps[0] (shop).regions[0]: is not a known region; did you mean china?\n\
             3 problems\n"
        );
        assert_eq!((code, out.as_str()), (64, ""));
    }

    #[tokio::test]
    async fn a_closed_output_is_a_failure() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("timpush.yml");
        std::fs::write(&path, APP).unwrap();
        let mut full: &mut [u8] = &mut [];
        let result = run(&path, Secrets::Skip, BTreeMap::new(), &mut full).await;
        assert!(matches!(result, Err(Failure::Failed(_))));
    }
}
