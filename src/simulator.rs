//! A simulation of the service's API: for `demo`, for tests, for users' own drills.
//!
//! ```text
//! server   connections -> requests; ends a connection as a fault requires
//! service  a call: verify -> limit -> counting -> data -> answer -> fault, and into the log
//! control  scenario, truth and calls under /_control/, for this machine only
//! ```
//!
//! Checks, codes and texts follow documents 71893 to 71898, 78842, 78843, 34348 and 68926.
//! The data is invented: a pure function of app, time, and the incidents that scenarios
//! define. So [`truth`] returns the counts of any range, for comparison with what an exporter
//! made of the responses. A fault changes what the client receives, but never what the limits
//! or the log of calls see.

mod answer;
mod calls;
mod control;
mod counting;
mod data;
mod faults;
mod injection;
mod limit;
mod scenario;
mod seconds;
mod server;
mod service;
mod standalone;
mod tasks;
mod trace;
mod verify;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

pub use answer::{Behaviour, Shape};
pub use calls::{Call, MAX_CALLS};
pub use counting::{Buckets, Counting};
pub use data::{Incidents, truth};
pub use faults::Fault;
pub use injection::Injection;
pub use limit::Limits;
pub use scenario::{Match, Rule, Scenario, ScenarioError};
pub use seconds::Seconds;
pub use service::Handle;
pub use standalone::{SimulateError, configured_apps, simulate};

use crate::digest::sha256_hex;
use crate::usersig::{Identifier, SecretKey};

/// An app that the simulator knows.
#[derive(Clone)]
pub struct SimApp {
    /// For people; the API uses only the number.
    pub name: String,
    pub sdk_app_id: u32,
    pub key: SecretKey,
    /// The accounts that may query.
    pub admins: Vec<Identifier>,
    /// Sendable pushes on an average day.
    pub pushes_a_day: u32,
    pub incidents: Incidents,
}

impl SimApp {
    /// An app without incidents whose size follows from its number: 20,000 to 2,000,000
    /// pushes a day.
    pub fn new(sdk_app_id: u32, key: SecretKey, admin: Identifier) -> Self {
        const SIZES: [u32; 5] = [20_000, 60_000, 200_000, 600_000, 2_000_000];
        let size = SIZES.get(sdk_app_id as usize % SIZES.len());
        Self {
            name: format!("app-{sdk_app_id}"),
            sdk_app_id,
            key,
            admins: vec![admin],
            pushes_a_day: size.copied().unwrap_or(SIZES[0]),
            incidents: Incidents::None,
        }
    }

    /// Two apps of different size with incidents every week. Their keys follow from their
    /// numbers: they are not secret, and they are the same in every run, so that a
    /// configuration made for one run fits the next.
    pub fn made_up() -> Vec<Self> {
        [
            ("shop", 1_400_000_001, 600_000),
            ("game", 1_400_000_002, 90_000),
        ]
        .into_iter()
        .filter_map(|(name, sdk_app_id, pushes_a_day)| {
            let key = sha256_hex(format!("timpush-exporter simulator {sdk_app_id}"));
            let key = SecretKey::new(&key).ok()?;
            let admin = Identifier::new("administrator").ok()?;
            Some(Self {
                name: name.to_owned(),
                pushes_a_day,
                incidents: Incidents::Weekly,
                ..Self::new(sdk_app_id, key, admin)
            })
        })
        .collect()
    }
}

/// The settings of a simulator.
#[derive(Clone, Default)]
pub struct Options {
    pub apps: Vec<SimApp>,
    pub limits: Limits,
    /// What goes wrong from the start.
    pub scenario: Scenario,
}

/// A simulator that has its address but does not respond yet.
pub struct Simulator {
    listener: TcpListener,
    address: SocketAddr,
    handle: Handle,
}

impl Simulator {
    /// Binds an address; port 0 is any free port. Connections wait until [`Self::run`].
    pub async fn bind(address: SocketAddr, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            handle: Handle::new(options),
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://host:port`, as a region's URL in a configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Responds until `shutdown`. Then calls in progress have a second to end, since a fault
    /// may delay them, and no task is left behind.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let scenario = get(control::scenario)
            .put(control::set_scenario)
            .delete(control::clear_scenario);
        let router = Router::new()
            .route("/_control/scenario", scenario)
            .route("/_control/truth", get(control::truth))
            .route("/_control/calls", get(control::calls))
            .route_layer(axum::middleware::from_fn(control::guard))
            .fallback(service::call)
            .with_state(self.handle);
        server::serve(self.listener, router, shutdown).await;
    }
}

#[cfg(test)]
mod tests;
