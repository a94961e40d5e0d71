//! What the HTTP server counts of itself.

use super::{Family, counter, gauge};

pub const CONNECTIONS: Family = gauge(
    "timpush_http_connections",
    "Open connections to this server.",
);
pub const CONNECTIONS_CLOSED: Family = counter(
    "timpush_http_connections_closed_total",
    "Connections that the server closed although the client would have kept them.",
);
