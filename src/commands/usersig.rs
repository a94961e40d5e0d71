//! `usersig`: a signature to try the service by hand.

use std::io::Write;
use std::path::Path;

use crate::clock;
use crate::config::{App, Config, Secrets, find, variables};
use crate::failure::Failure;
use crate::usersig::sign;

/// As long as the daemon's own signatures.
const VALID_FOR: u64 = 24 * 3600;

/// Prints the signature, then when it expires.
pub fn run(config: Option<&Path>, app: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let config = Config::load(
        &find(config).map_err(Failure::usage)?,
        &variables(),
        Secrets::Skip,
    )
    .map_err(Failure::usage)?;
    let app = find_app(&config, app)?;
    let key = app.key.read().map_err(Failure::usage)?;
    let sig = sign(
        &key,
        app.sdk_app_id,
        &app.identifier,
        clock::now().unix(),
        VALID_FOR,
    );
    writeln!(out, "{}\nexpires {}", sig.expose(), sig.expires_at)?;
    Ok(())
}

/// The app of that name; the error lists the names there are.
pub(super) fn find_app<'a>(
    config: &'a Config,
    name: &str,
) -> Result<&'a std::sync::Arc<App>, Failure> {
    config
        .apps
        .iter()
        .find(|app| app.name == name)
        .ok_or_else(|| {
            let names: Vec<&str> = config.apps.iter().map(|app| app.name.as_str()).collect();
            Failure::usage(format!(
                "--app: the configuration has no app {name:?}; it has {}",
                names.join(", ")
            ))
        })
}
