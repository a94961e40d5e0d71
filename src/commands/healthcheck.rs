//! `healthcheck`: whether a daemon responds. For containers without a shell and curl.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use reqwest::{StatusCode, Url};

use crate::config::{Config, Problems, Secrets, find, listen, variables, web_file};
use crate::failure::Failure;
use crate::model::outcome::chain;
use crate::push_api::transport::{Connection, Route, Transport};

/// Shorter than the interval between the checks of any orchestrator.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The daemon's address by default.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10898);

#[derive(Args)]
pub struct HealthcheckArgs {
    /// Check the daemon of this configuration: its `listen` on this machine, with TLS if its
    /// web file has it, whatever name the certificate is for
    #[arg(long, conflicts_with_all = ["url", "ca_file"])]
    config: Option<PathBuf>,
    /// What must respond with status 200; without it and --config, the configuration that `run`
    /// would find, else port 10898 of this machine without TLS
    #[arg(long)]
    url: Option<Url>,
    /// Root certificates to trust for an https URL, PEM
    #[arg(long, requires = "url")]
    ca_file: Option<PathBuf>,
}

/// Fails unless the URL responds with 200 in time.
pub async fn run(args: HealthcheckArgs) -> Result<(), Failure> {
    match (args.url, args.config) {
        (Some(url), _) => check(url, args.ca_file.as_deref()).await,
        (None, Some(path)) => own(configured(&path).map_err(Failure::usage)?).await,
        // An unfinished edit says nothing about the running daemon.
        (None, None) => {
            let found = find(None).ok().and_then(|path| configured(&path).ok());
            own(found.unwrap_or_else(|| address(DEFAULT, false))).await
        }
    }
}

/// Where a daemon with this configuration responds on this machine.
fn configured(path: &Path) -> Result<String, Problems> {
    let config = Config::load(path, &variables(), Secrets::Skip)?;
    let is_tls = match &config.web.config_file {
        Some(path) => web_file::load(path).result?.tls.is_some(),
        None => false,
    };
    Ok(address(config.global.listen, is_tls))
}

fn address(listen: SocketAddr, is_tls: bool) -> String {
    let scheme = if is_tls { "https" } else { "http" };
    format!("{scheme}://{}/-/healthy", listen::reachable(listen))
}

/// Checks the daemon on this machine. Any certificate is accepted: the address is local, nothing
/// secret is sent, and only the existence of a response matters.
async fn own(url: String) -> Result<(), Failure> {
    // An error means that the process already has a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(Failure::failed)?;
    let answer = http.get(&url).timeout(TIMEOUT).send().await;
    let answer = answer.map_err(|error| {
        let error = chain(&error.without_url());
        Failure::failed(format!("cannot reach {url}: {error}"))
    })?;
    is_good(answer.status(), &url)
}

async fn check(url: Url, ca_file: Option<&Path>) -> Result<(), Failure> {
    let transport = Transport::new(ca_file, None).map_err(Failure::usage)?;
    let host = host(&url).map_err(Failure::usage)?;
    let http = transport.client(Connection::Fresh);
    match transport.send(http.get(url).timeout(TIMEOUT)).await {
        Ok(answer) => is_good(answer.status(), &host),
        Err(lost) => {
            let route = Route {
                host: &host,
                proxy: None,
            };
            let error = transport.classify(lost, &route).await;
            Err(Failure::failed(format!("{error}; {}", error.advice)))
        }
    }
}

fn is_good(status: StatusCode, who: &str) -> Result<(), Failure> {
    if status == StatusCode::OK {
        return Ok(());
    }
    let status = status.as_u16();
    Err(Failure::failed(format!("{who} answered with {status}")))
}

/// Host and port for errors, without a password before them.
fn host(url: &Url) -> Result<String, &'static str> {
    match (url.scheme(), url.host_str(), url.port()) {
        ("http" | "https", Some(host), Some(port)) => Ok(format!("{host}:{port}")),
        ("http" | "https", Some(host), None) => Ok(host.to_owned()),
        _ => Err("--url: write it as http://host:port/path or https://host:port/path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_is_asked_on_this_machine_wherever_it_listens() {
        for (listen, is_tls, expected) in [
            ("0.0.0.0:9", false, "http://127.0.0.1:9/-/healthy"),
            ("[::]:9", true, "https://[::1]:9/-/healthy"),
            ("10.0.0.1:9", false, "http://10.0.0.1:9/-/healthy"),
        ] {
            assert_eq!(address(listen.parse().unwrap(), is_tls), expected);
        }
    }

    #[test]
    fn errors_name_host_and_port_and_nothing_that_is_secret() {
        for (url, named) in [
            ("http://127.0.0.1:10898/-/ready", Some("127.0.0.1:10898")),
            ("https://user:canary@[::1]/x?y=canary", Some("[::1]")),
            ("localhost:10898", None),
            ("file:///etc/passwd", None),
        ] {
            let host = host(&url.parse().unwrap()).ok();
            assert_eq!(host.as_deref(), named, "{url}");
        }
    }
}
