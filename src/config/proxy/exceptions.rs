//! Hosts that are called without the proxy: the list in `NO_PROXY`.

use std::net::IpAddr;

use ipnet::IpNet;

/// The content of `NO_PROXY`, in the forms of curl and of Go: see [`Exceptions::new`]. Matching is
/// linear in the list, whose length the system limits (128 KiB per variable).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exceptions(Vec<Exception>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    hosts: Hosts,
    /// `None` for every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    Network(IpNet),
    /// A name and all names below it: in lower case, without a dot at either end.
    Domain(String),
}

impl Exceptions {
    /// Entries are separated by commas or white space. An entry is `*`; an address; a network such
    /// as `10.0.0.0/8`; or a name, which also covers all names below it, with or without a leading
    /// `.` or `*.`. All entries except networks may be followed by a port. Letter case and a final
    /// dot do not matter.
    pub(super) fn new(list: &str) -> Self {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        Self(entries.filter_map(entry).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `host`, a name or an address with or without brackets, is in the list.
    pub(super) fn contain(&self, host: &str, port: u16) -> bool {
        let address = address(host);
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        self.0
            .iter()
            .filter(|exception| exception.port.is_none_or(|only| only == port))
            .any(|exception| match &exception.hosts {
                Hosts::All => true,
                Hosts::Network(network) => address.is_some_and(|ip| network.contains(&ip)),
                Hosts::Domain(domain) => {
                    address.is_none()
                        && name
                            .strip_suffix(domain.as_str())
                            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                }
            })
    }
}

/// `None` for an entry without a valid host or with an invalid port.
fn entry(text: &str) -> Option<Exception> {
    if let Some(hosts) = hosts(text) {
        return Some(Exception { hosts, port: None });
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    let hosts = hosts(host).or_else(|| domain(host))?;
    Some(Exception { hosts, port })
}

fn hosts(text: &str) -> Option<Hosts> {
    if text == "*" {
        return Some(Hosts::All);
    }
    let network = text.parse().ok();
    network
        .or_else(|| address(text).map(IpNet::from))
        .map(Hosts::Network)
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}

fn domain(text: &str) -> Option<Hosts> {
    let name = text.strip_prefix("*.").unwrap_or(text).trim_matches('.');
    (!name.is_empty()).then(|| Hosts::Domain(name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_exception_means_what_it_means_to_curl() {
        for (list, matches, others) in [
            ("", &[][..], &["a.example:443"][..]),
            (" , ,", &[], &["a.example:443"]),
            ("*", &["a.example:443", "10.0.0.1:443", "[::1]:1"], &[]),
            ("b.example, *", &["a.example:443"], &[]),
            (
                "example.com",
                &["example.com:443", "a.b.example.com:1", "EXAMPLE.com.:443"],
                &["notexample.com:443", "example.com.cn:443", "com:443"],
            ),
            (
                ".example.com",
                &["example.com:443", "www.example.com:443"],
                &["notexample.com:443"],
            ),
            ("*.example.com", &["www.example.com:443"], &["com:443"]),
            ("Example.COM.", &["example.com:443"], &[]),
            (
                "example.com:8443",
                &["example.com:8443", "a.example.com:8443"],
                &["example.com:443"],
            ),
            (
                "10.0.0.1,[::1]",
                &["10.0.0.1:443", "[::1]:443"],
                &["10.0.0.2:443", "110.0.0.1:443", "x.10.0.0.1.example:443"],
            ),
            ("10.0.0.1:8443", &["10.0.0.1:8443"], &["10.0.0.1:443"]),
            ("[fd00::1]:8443", &["[fd00::1]:8443"], &["[fd00::1]:443"]),
            ("fd00::1", &["[fd00::1]:443"], &["[fd00::2]:443"]),
            (
                "10.0.0.0/8 fd00::/8",
                &["10.255.0.1:443", "[fd12::1]:443"],
                &["11.0.0.1:443", "[fe80::1]:443", "10.example:443"],
            ),
            (
                "a.example\tb.example  c.example",
                &["a.example:443", "b.example:443", "c.example:443"],
                &["d.example:443"],
            ),
            // No wildcards and no ports, as in curl.
            ("adminapi*.example", &[], &["adminapisgp.example:443"]),
            (
                "*api.example",
                &[],
                &["adminapi.example:443", "api.example:443"],
            ),
            ("a.example:x,:443,.", &[], &["a.example:443"]),
        ] {
            let exceptions = Exceptions::new(list);
            let contain = |place: &&&str| {
                let (host, port) = place.rsplit_once(':').unwrap();
                exceptions.contain(host, port.parse().unwrap())
            };
            let found: Vec<&&str> = matches.iter().chain(others).filter(contain).collect();
            assert_eq!(found, matches.iter().collect::<Vec<_>>(), "{list:?}");
        }
    }
}
