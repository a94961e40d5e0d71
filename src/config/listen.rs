//! An address to listen on, as people write it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The description of what [`parse`] accepts, for an error.
pub const LISTEN: &str = "must be an IP address and a port, such as 0.0.0.0:10898 or [::]:10898";

/// Why a text is not such an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{LISTEN}")]
pub struct ListenError;

/// An IP address and a port. Without an address, all of IPv4 is meant, as in Go programs;
/// `localhost` is 127.0.0.1, and no other name is resolved.
pub fn parse(text: &str) -> Result<SocketAddr, ListenError> {
    let port = |ip: Ipv4Addr, port: &str| {
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_number);
        port.map(|port: u16| SocketAddr::from((ip, port)))
    };
    let address = match text.split_once(':') {
        Some(("", rest)) if !rest.contains(':') => port(Ipv4Addr::UNSPECIFIED, rest),
        Some((host, rest)) if host.eq_ignore_ascii_case("localhost") => {
            port(Ipv4Addr::LOCALHOST, rest)
        }
        _ => text.parse().ok(),
    };
    address.ok_or(ListenError)
}

/// The address at which this machine reaches a listener: loopback, if it listens on all
/// addresses.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_other_exporters_read_them() {
        for (text, expected) in [
            ("0.0.0.0:10898", Some("0.0.0.0:10898")),
            ("[::1]:1", Some("[::1]:1")),
            (":10898", Some("0.0.0.0:10898")),
            ("localhost:10898", Some("127.0.0.1:10898")),
            ("LocalHost:1", Some("127.0.0.1:1")),
            ("", None),
            (":", None),
            (":+1", None),
            (":65536", None),
            ("::1", None),
            ("::1:10898", None),
            ("10898", None),
            ("localhost", None),
            ("localhost:", None),
            ("example.com:1", None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(parse(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_listener_on_every_address_is_reached_by_loopback() {
        for (bound, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.1.2.3:80", "10.1.2.3:80"),
        ] {
            assert_eq!(reachable(bound.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
