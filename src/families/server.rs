//! Counts of the HTTP server.

use super::{Family, counter, gauge};

pub const CONNECTIONS: Family = gauge(
    "timpush_http_connections",
    "Open connections to this server.",
);
pub const CONNECTIONS_CLOSED: Family = counter(
    "timpush_http_connections_closed_total",
    "Connections closed by the server before the client was done with them.",
);
