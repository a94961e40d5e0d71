//! The host that a request names, and whether it is this machine.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, Version};

/// The host of a request, by RFC 9112, section 3.2: that of the target, if it has one, or else that
/// of the `Host` field. Absent if both are empty, or if the field is missing in HTTP/1.0.
///
/// The error is a sentence for the client, as the body of a 400.
pub(in crate::http) fn of(
    version: Version,
    target: &Uri,
    headers: &HeaderMap,
) -> Result<Option<Authority>, &'static str> {
    let mut fields = headers.get_all(HOST).iter();
    let named = match (fields.next(), fields.next()) {
        (None, _) if version > Version::HTTP_10 => return Err("the Host header is missing\n"),
        (None, _) => None,
        (Some(_), Some(_)) => return Err("there is more than one Host header\n"),
        (Some(field), None) if field.is_empty() => None,
        (Some(field), None) => Some(authority(field.as_bytes())?),
    };
    match target.authority() {
        Some(target) => authority(target.as_str().as_bytes()).map(Some),
        None => Ok(named),
    }
}

fn authority(text: &[u8]) -> Result<Authority, &'static str> {
    let authority = Authority::try_from(text).ok();
    authority
        .filter(|authority| !authority.as_str().contains('@'))
        .ok_or("the Host header is not a host with or without a port\n")
}

/// Whether the host is a loopback address, or a name for this machine that does not depend on a
/// name server.
pub(in crate::http) fn is_loopback(host: &Authority) -> bool {
    match address(host) {
        Some(address) => address.to_canonical().is_loopback(),
        None => is_localhost(host),
    }
}

/// Whether a name server determines what the host is. A web page can point such a name at this
/// machine and then read the responses (DNS rebinding); it cannot do so with an address.
pub(in crate::http) fn can_be_rebound(host: &Authority) -> bool {
    address(host).is_none() && !is_localhost(host)
}

/// `localhost` and all names below it, by RFC 6761, section 6.3.
fn is_localhost(host: &Authority) -> bool {
    let name = host.host().to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    name == "localhost" || name.ends_with(".localhost")
}

fn address(host: &Authority) -> Option<IpAddr> {
    let text = host.host();
    match text.strip_prefix('[') {
        Some(text) => {
            let address: Ipv6Addr = text.strip_suffix(']')?.parse().ok()?;
            Some(address.into())
        }
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(version: Version, target: &str, fields: &[&str]) -> Result<Option<String>, ()> {
        let fields = fields.iter().map(|field| (HOST, field.parse().unwrap()));
        let mut headers = HeaderMap::new();
        headers.extend(fields.fold(HeaderMap::new(), |mut all, (name, value)| {
            all.append(name, value);
            all
        }));
        of(version, &target.parse().unwrap(), &headers)
            .map(|host| host.map(|host| host.to_string()))
            .map_err(|_| ())
    }

    #[test]
    fn a_request_names_one_host_as_the_standard_says() {
        let (old, new) = (Version::HTTP_10, Version::HTTP_11);
        let some = |host: &str| Ok(Some(host.to_owned()));
        for (version, target, fields, expected) in [
            (new, "/", &["a:1"][..], some("a:1")),
            (new, "/", &["[::1]:1"], some("[::1]:1")),
            (new, "/", &[""], Ok(None)),
            (new, "/", &[], Err(())),
            (old, "/", &[], Ok(None)),
            (old, "/", &["a"], some("a")),
            (new, "/", &["a", "a"], Err(())),
            (new, "/", &["a", "b"], Err(())),
            (old, "/", &["a", "a"], Err(())),
            (new, "/", &["a, b"], Err(())),
            (new, "/", &["a/b"], Err(())),
            (new, "/", &["user@a"], Err(())),
            (new, "http://b:2/", &["a"], some("b:2")),
            (new, "http://b:2/", &[""], some("b:2")),
            (new, "http://b:2/", &[], Err(())),
            (new, "http://b:2/", &["a", "a"], Err(())),
            (new, "http://localhost@b/", &["a"], Err(())),
            (old, "http://b:2/", &[], some("b:2")),
        ] {
            assert_eq!(
                host(version, target, fields),
                expected,
                "{target} {fields:?}"
            );
        }
    }

    #[test]
    fn names_and_addresses_of_this_machine_are_told_from_those_that_others_decide_about() {
        for (host, loopback, rebound) in [
            ("localhost", true, false),
            ("LocalHost:10898", true, false),
            ("localhost.", true, false),
            ("exporter.localhost:1", true, false),
            ("127.0.0.1", true, false),
            ("127.1.2.3:10898", true, false),
            ("[::1]:10898", true, false),
            ("[::ffff:127.0.0.1]", true, false),
            ("10.0.0.1:10898", false, false),
            ("0.0.0.0", false, false),
            ("[2001:db8::1]", false, false),
            ("attacker.example", false, true),
            ("localhost.attacker.example", false, true),
            ("notlocalhost", false, true),
            ("127.0.0.1.attacker.example", false, true),
            ("127.1", false, true),
            ("a", false, true),
        ] {
            let authority: Authority = host.parse().unwrap();
            assert_eq!(is_loopback(&authority), loopback, "{host}");
            assert_eq!(can_be_rebound(&authority), rebound, "{host}");
        }
    }
}
