//! The hosts file.

use std::collections::HashMap;
use std::net::IpAddr;

/// The maximum number of addresses kept per name. A connection divides its time among them.
pub(super) const MAX_ADDRESSES: usize = 8;

/// Names in lower case with their addresses, IPv4 first.
#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<Box<str>, Vec<IpAddr>>);

impl Hosts {
    /// Reads lines of an address and its names. A line without a usable address is skipped,
    /// as the C library does; so is one whose address has a scope (`fe80::1%eth0`).
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut names: HashMap<Box<str>, Vec<IpAddr>> = HashMap::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse) else {
                continue;
            };
            for name in words {
                let name = name.strip_suffix('.').unwrap_or(name);
                let addresses = names.entry(name.to_ascii_lowercase().into()).or_default();
                if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        for addresses in names.values_mut() {
            addresses.sort_by_key(IpAddr::is_ipv6);
        }
        Self(names)
    }

    /// The addresses of a name without its trailing dot; none if it is not in the file.
    pub(super) fn addresses(&self, name: &str) -> &[IpAddr] {
        self.0
            .get(name.to_ascii_lowercase().as_str())
            .map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_have_the_addresses_of_every_line_that_is_usable() {
        let text = b"\xef\xbb\xbf# comment\n\
            127.0.0.1\tlocalhost\r\n\
            ::1 localhost ip6-localhost\r\n\
            \r\n\
            10.0.0.1  api.example  alias Other.Alias # gone.example\n\
            10.0.0.2 api.example\n\
            10.0.0.1 api.example\n\
            2001:db8::1 six.example api.example\n\
            #10.0.0.9 api.example\n\
            not-an-address odd.example\n\
            10.0.0.300 odd.example\n\
            10.0.0.3\n\
            fe80::1%eth0 scoped.example\n\
            \xff\xfe latin.example\n\
            10.0.0.4 under_score.example dotted.example.\n\
            10.0.0.5 last.example";
        let hosts = Hosts::parse(text);
        for (name, expected) in [
            ("localhost", "127.0.0.1 ::1"),
            ("ip6-localhost", "::1"),
            ("api.example", "10.0.0.1 10.0.0.2 2001:db8::1"),
            ("API.Example", "10.0.0.1 10.0.0.2 2001:db8::1"),
            ("alias", "10.0.0.1"),
            ("other.alias", "10.0.0.1"),
            ("gone.example", ""),
            ("six.example", "2001:db8::1"),
            ("odd.example", ""),
            ("scoped.example", ""),
            ("latin.example", ""),
            ("under_score.example", "10.0.0.4"),
            ("dotted.example", "10.0.0.4"),
            ("last.example", "10.0.0.5"),
            ("example", ""),
            ("", ""),
        ] {
            let found: Vec<String> = hosts
                .addresses(name)
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(found.join(" "), expected, "{name}");
        }
    }

    #[test]
    fn a_name_in_every_line_keeps_a_bounded_number_of_addresses() {
        let lines: Vec<String> = (0..5000)
            .map(|n| format!("10.0.{}.{} api.example\n", n / 256, n % 256))
            .collect();
        let text = lines.concat();
        let found = Hosts::parse(text.as_bytes()).addresses("api.example").len();
        assert_eq!(found, MAX_ADDRESSES);
    }

    proptest! {
        #[test]
        fn whatever_else_the_file_holds_a_good_line_counts(
            before in proptest::collection::vec(any::<u8>(), 0..200),
            after in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let text = [&before[..], b"\n10.0.0.1 api.example\n", &after].concat();
            let hosts = Hosts::parse(&text);
            let address: IpAddr = "10.0.0.1".parse().unwrap();
            prop_assert!(hosts.addresses("api.example").contains(&address));
        }
    }
}
