//! `healthcheck`: whether a daemon answers. For containers without a shell and curl.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::Url;

use crate::api::transport;
use crate::failure::Failure;

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
    let http = transport::client(args.ca_file.as_deref(), None).map_err(Failure::usage)?;
    let host = args.url.authority().to_owned();
    let answer = http
        .get(args.url)
        .timeout(TIMEOUT)
        .send()
        .await
        .map_err(|error| {
            let error: crate::api::FetchError = transport::classify(error, &host);
            Failure::failed(error.to_string())
        })?;
    let status = answer.status().as_u16();
    if status == 200 {
        return Ok(());
    }
    Err(Failure::failed(format!("{host} answered with {status}")))
}
