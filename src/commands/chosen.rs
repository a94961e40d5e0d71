//! Resolves `--config`, `--app` and `--region`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::config::target::{Target, expand};
use crate::config::{App, Config, Secrets, find, variables};
use crate::failure::Failure;
use crate::model::language::Language;
use crate::push_api::Client;
use crate::self_metrics::SelfMetrics;
use crate::shell;
use crate::usersig::SecretKey;

/// The options that choose an app.
#[derive(Args)]
pub struct Choice {
    /// The configuration; without it timpush.yml is looked for in the working directory, then in
    /// /etc/timpush-exporter
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The app's name in the configuration; can be left out where there is only one
    #[arg(long)]
    app: Option<String>,
}

/// An app with its configuration. Secrets of other apps were not looked up.
pub(super) struct Chosen {
    config: Config,
    pub(super) app: Arc<App>,
    pub(super) key: SecretKey,
}

impl Chosen {
    /// Without a path, the configuration is searched for; without a name, the app must be the only
    /// one.
    pub(super) fn load(choice: &Choice) -> Result<Self, Failure> {
        Self::load_as(choice, |_| {})
    }

    /// The same, with a configuration changed by `prepare`.
    pub(super) fn load_as(
        choice: &Choice,
        prepare: impl FnOnce(&mut Config),
    ) -> Result<Self, Failure> {
        let mut config = configuration(choice.config.as_deref())?;
        prepare(&mut config);
        let app = match (&choice.app, config.apps.as_slice()) {
            (Some(app), _) => Arc::clone(find_app(&config, app)?),
            (None, [only]) => Arc::clone(only),
            (None, _) => {
                return Err(Failure::usage(format!(
                    "--app: the configuration has several apps, name one of {}",
                    names(&config)
                )));
            }
        };
        let key = app.key.read().map_err(Failure::usage)?;
        Ok(Self { config, app, key })
    }

    pub(super) fn language(&self) -> Language {
        self.config.global.language
    }

    /// The app's targets, or only the one in `region`, and the client that queries them. The error
    /// lists the existing regions.
    pub(super) fn targets(&self, region: Option<&str>) -> Result<(Vec<Target>, Client), Failure> {
        let app = &self.app;
        let targets: Vec<Target> = expand(&self.config)
            .into_iter()
            .filter(|target| target.app.name == app.name)
            .filter(|target| region.is_none_or(|region| region == target.region.name))
            .collect();
        if targets.is_empty() {
            let names = app.regions.iter().map(|region| region.name.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(Failure::usage(format!(
                "--region: the app {} has only {names}",
                app.name
            )));
        }
        let client = client(&self.config, &targets)?;
        Ok((targets, client))
    }
}

/// The client that queries these targets.
pub(super) fn client(config: &Config, targets: &[Target]) -> Result<Client, Failure> {
    let metrics = SelfMetrics::new(targets).map_err(Failure::failed)?;
    Client::new(config, Arc::new(metrics)).map_err(Failure::usage)
}

/// The configuration at `path`, or where `run` would find it. Secrets are not looked up.
pub(super) fn configuration(path: Option<&Path>) -> Result<Config, Failure> {
    let path = find(path).map_err(Failure::usage)?;
    Config::load(&path, &variables(), Secrets::Skip).map_err(Failure::usage)
}

fn names(config: &Config) -> String {
    let names = config.apps.iter().map(|app| shell::word(&app.name));
    names.collect::<Vec<_>>().join(", ")
}

/// The app with that name; the error lists the existing names.
pub(super) fn find_app<'a>(config: &'a Config, name: &str) -> Result<&'a Arc<App>, Failure> {
    config
        .apps
        .iter()
        .find(|app| app.name == name)
        .ok_or_else(|| {
            Failure::usage(format!(
                "--app: the configuration has no app {name:?}; it has {}",
                names(config)
            ))
        })
}
