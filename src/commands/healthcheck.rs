//! `healthcheck`: whether a daemon answers. For containers without a shell and curl.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::Url;

use crate::failure::Failure;
use crate::push_api::transport::{Connection, Route, Transport};

/// Shorter than the pauses between the checks of any orchestrator.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct HealthcheckArgs {
    /// What must answer with status 200
    #[arg(long, default_value = "http://127.0.0.1:10898/-/healthy")]
    url: Url,
    /// Root certificates to trust for an https URL, PEM
    #[arg(long)]
    ca_file: Option<PathBuf>,
}

/// Fails unless the URL answers with 200 in time.
pub async fn run(args: HealthcheckArgs) -> Result<(), Failure> {
    let transport = Transport::new(args.ca_file.as_deref(), None).map_err(Failure::usage)?;
    let host = host(&args.url).map_err(Failure::usage)?;
    let http = transport.client(Connection::Fresh);
    let answer = match transport.send(http.get(args.url).timeout(TIMEOUT)).await {
        Ok(answer) => answer,
        Err(lost) => {
            let route = Route {
                host: &host,
                proxy: None,
            };
            let error = transport.classify(lost, &route).await;
            return Err(Failure::failed(format!("{error}; {}", error.advice)));
        }
    };
    let status = answer.status().as_u16();
    if status == 200 {
        return Ok(());
    }
    Err(Failure::failed(format!("{host} answered with {status}")))
}

/// Host and port for errors: a password before them is no part of it.
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
