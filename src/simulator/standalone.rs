//! The simulator on its own, for drills against an exporter that runs elsewhere.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use crate::config::{Config, KeyError, listen};
use crate::simulator::scenario::{Scenario, ScenarioError};
use crate::simulator::{Incidents, Limits, Options, SimApp, Simulator};
use crate::usersig::Identifier;

/// Why the simulator cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error("cannot listen on {listen}")]
    Listen {
        listen: SocketAddr,
        source: io::Error,
    },
    #[error("cannot say where the simulator listens")]
    Say(#[source] io::Error),
}

/// The apps of an exporter's own configuration, with their keys as they are now.
pub fn configured_apps(config: &Config) -> Result<Vec<SimApp>, KeyError> {
    config
        .apps
        .iter()
        .map(|app| {
            let mut sim = SimApp::new(app.sdk_app_id, app.key.read()?, app.identifier.clone());
            app.name.clone_into(&mut sim.name);
            sim.incidents = Incidents::Weekly;
            Ok(sim)
        })
        .collect()
}

/// Serves `apps` until `shutdown`. Without apps, two are made up, and `out` receives a
/// ready-to-use configuration with which an exporter polls them.
pub async fn simulate(
    listen: SocketAddr,
    mut apps: Vec<SimApp>,
    scenario: Option<&Path>,
    shutdown: impl Future<Output = ()>,
    out: &mut dyn Write,
) -> Result<(), SimulateError> {
    let made_up = apps.is_empty();
    if made_up {
        apps = SimApp::made_up();
    }
    let options = Options {
        limits: Limits::default(),
        scenario: scenario
            .map(Scenario::read)
            .transpose()?
            .unwrap_or_default(),
        apps,
    };
    let failed = |source| SimulateError::Listen { listen, source };
    let simulator = Simulator::bind(listen, options).await.map_err(failed)?;
    let address = listen::reachable(simulator.local_addr());
    let apps = &simulator.handle().0.apps;
    writeln!(out, "{}", greeting(address, apps, made_up))
        .and_then(|()| out.flush())
        .map_err(SimulateError::Say)?;
    simulator.run(shutdown).await;
    Ok(())
}

/// Instructions for the use of the simulator: YAML that is usable as a whole if the apps are
/// made up, and only comments if the apps are the user's own, whose keys are secret.
fn greeting(address: SocketAddr, apps: &[SimApp], made_up: bool) -> String {
    let url = format!("http://{address}");
    // By default, an exporter refuses to send unencrypted signatures over a network.
    let insecure = if address.ip().is_loopback() {
        ""
    } else {
        ", insecure: true"
    };
    let regions = format!("regions: [{{name: lab, url: \"{url}\"{insecure}}}]");
    let mut lines = vec![
        format!("# The simulator answers at {url}"),
        format!("# Control, from this machine: {url}/_control/{{scenario,truth,calls}}"),
    ];
    if !made_up {
        lines.push(format!("# Poll it with: {regions}"));
        return lines.join("\n");
    }
    lines
        .push("# Save this with mode 600, since it holds keys, and run the exporter on it.".into());
    lines.push("apps:".into());
    for app in apps {
        let identifier = app.admins.first().map_or("", Identifier::as_str);
        lines.extend([
            format!("  - name: {}", app.name),
            format!("    sdk_app_id: {}", app.sdk_app_id),
            format!("    identifier: {identifier}"),
            format!("    secret_key: {}", app.key.expose()),
            format!("    {regions}"),
        ]);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn made_up_apps_come_with_a_configuration_that_can_be_read() {
        let mut out = Vec::new();
        simulate(
            ([127, 0, 0, 1], 0).into(),
            Vec::new(),
            None,
            async {},
            &mut out,
        )
        .await
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        let tree: serde_json::Value = config::Config::builder()
            .add_source(config::File::from_str(&text, config::FileFormat::Yaml))
            .build()
            .and_then(config::Config::try_deserialize)
            .unwrap();
        let apps = tree["apps"].as_array().unwrap();
        assert_eq!(apps.len(), 2);
        for (app, made_up) in apps.iter().zip(SimApp::made_up()) {
            assert_eq!(app["sdk_app_id"], made_up.sdk_app_id);
            assert_eq!(app["secret_key"], made_up.key.expose());
            assert!(made_up.key.looks_usual());
            let url = app["regions"][0]["url"].as_str().unwrap();
            let endpoint: crate::model::region::Endpoint = url.parse().unwrap();
            assert!(endpoint.is_loopback());
        }
    }

    #[tokio::test]
    async fn given_apps_are_served_and_their_keys_are_not_shown() {
        let mut out = Vec::new();
        let apps = SimApp::made_up();
        let key = apps[0].key.expose().to_owned();
        simulate(([127, 0, 0, 1], 0).into(), apps, None, async {}, &mut out)
            .await
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("http://127.0.0.1:") && !text.contains(&key));
    }

    #[tokio::test]
    async fn a_scenario_that_cannot_be_read_stops_it() {
        let path = Path::new("/nowhere/drill.json");
        let error = simulate(
            ([127, 0, 0, 1], 0).into(),
            Vec::new(),
            Some(path),
            async {},
            &mut Vec::new(),
        )
        .await
        .unwrap_err();
        assert!(error.to_string().contains("/nowhere/drill.json"));
    }

    #[test]
    fn a_network_address_is_marked_as_insecure() {
        let apps = SimApp::made_up();
        let greeting = |address: &str| greeting(address.parse().unwrap(), &apps, true);
        assert!(greeting("10.1.2.3:80").contains(r#"url: "http://10.1.2.3:80", insecure: true}]"#));
        assert!(greeting("[::1]:80").contains(r#"url: "http://[::1]:80"}]"#));
    }
}
