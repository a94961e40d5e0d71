//! The server's counts of its connections.

use prometheus::{IntCounterVec, IntGauge, Opts, core::Collector};

use crate::families::{Family, server};

/// Why the server closes a connection that the client would have kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closed {
    /// In favour of a newer one, or for lack of file descriptors.
    Evicted,
    /// No request arrived for a long time.
    Idle,
    /// A handshake, a request's head or its handling took too long.
    SlowRequest,
    /// The client stopped reading the response, or read it too slowly.
    SlowReader,
    /// Unread responses kept too much memory.
    HeldMemory,
}

impl Closed {
    pub const ALL: [Self; 5] = [
        Self::Evicted,
        Self::Idle,
        Self::SlowRequest,
        Self::SlowReader,
        Self::HeldMemory,
    ];

    /// The value of the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::Idle => "idle",
            Self::SlowRequest => "slow_request",
            Self::SlowReader => "slow_reader",
            Self::HeldMemory => "held_memory",
        }
    }
}

/// The server's counts of its connections, for metrics.
#[derive(Clone, Debug)]
pub struct ConnectionCounts {
    open: IntGauge,
    closed: IntCounterVec,
}

impl ConnectionCounts {
    pub fn new() -> Result<Self, prometheus::Error> {
        let Family { name, help, .. } = server::CONNECTIONS_CLOSED;
        let closed = IntCounterVec::new(Opts::new(name, help), &["reason"])?;
        for reason in Closed::ALL {
            closed.with_label_values(&[reason.as_str()]);
        }
        Ok(Self {
            open: IntGauge::new(server::CONNECTIONS.name, server::CONNECTIONS.help)?,
            closed,
        })
    }

    /// For registration in a registry.
    pub fn collectors(&self) -> [Box<dyn Collector>; 2] {
        [Box::new(self.open.clone()), Box::new(self.closed.clone())]
    }

    /// The number of open connections.
    #[cfg(test)]
    pub(super) fn open(&self) -> i64 {
        self.open.get()
    }

    /// How many connections were closed for a reason since the start.
    #[cfg(test)]
    pub(in crate::http::server) fn closed(&self, reason: Closed) -> u64 {
        self.closed.with_label_values(&[reason.as_str()]).get()
    }

    pub(super) fn set_open(&self, connections: usize) {
        self.open
            .set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    pub(super) fn count_closed(&self, reason: Closed) {
        self.closed.with_label_values(&[reason.as_str()]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_where_they_are_read() {
        for (index, reason) in Closed::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
