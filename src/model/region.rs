//! The service's data centres and their hosts.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rustls::pki_types::DnsName;

/// Hosts by region name, main and backup (documents 34620 and 1519). Tokyo, Mumbai and Riyadh
/// are missing from the loss API's own page: the first two are on the REST API's page, the
/// last on that of scheduled pushes (78841), which does not name its backup.
const KNOWN: [(&str, &str, &str); 9] = [
    ("china", "console.tim.qq.com", "adminapi.my-imcloud.com"),
    (
        "singapore",
        "adminapisgp.im.qcloud.com",
        "adminapisgp.my-imcloud.com",
    ),
    (
        "seoul",
        "adminapikr.im.qcloud.com",
        "adminapikr.my-imcloud.com",
    ),
    (
        "tokyo",
        "adminapijpn.im.qcloud.com",
        "adminapijpn.my-imcloud.com",
    ),
    (
        "frankfurt",
        "adminapiger.im.qcloud.com",
        "adminapiger.my-imcloud.com",
    ),
    (
        "silicon_valley",
        "adminapiusa.im.qcloud.com",
        "adminapiusa.my-imcloud.com",
    ),
    (
        "jakarta",
        "adminapiidn.im.qcloud.com",
        "adminapiidn.my-imcloud.com",
    ),
    (
        "mumbai",
        "adminapiind.im.qcloud.com",
        "adminapiind.my-imcloud.com",
    ),
    (
        "riyadh",
        "adminapiksa.im.qcloud.com",
        "adminapiksa.my-imcloud.com",
    ),
];

/// A data centre, by its value of the label `region`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    pub name: String,
    pub main: Endpoint,
    /// The documented second host, tried if the first cannot be reached.
    pub backup: Option<Endpoint>,
}

impl Region {
    /// A region in the service's documents.
    pub fn known(name: &str) -> Option<Self> {
        let (name, main, backup) = KNOWN.iter().find(|(known, ..)| *known == name)?;
        Some(Self {
            name: (*name).to_owned(),
            main: Endpoint::https(main),
            backup: Some(Endpoint::https(backup)),
        })
    }

    /// The names of all known regions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|(name, ..)| *name)
    }

    /// A host that the user configured, without a backup.
    pub fn custom(name: String, main: Endpoint) -> Self {
        Self {
            name,
            main,
            backup: None,
        }
    }
}

/// Scheme, host and port of a server: an origin, without path, query or credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    origin: String,
    host: String,
    encrypted: bool,
}

/// Why a text is not an [`Endpoint`]. The text itself is not repeated, since a URL
/// may hold credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("is not a URL; write it as https://host or https://host:port")]
    NotAUrl,
    #[error("must start with https:// (or http:// for a loopback address)")]
    Scheme,
    #[error("must not hold a user name or password")]
    Credentials,
    #[error("has port 0, which nothing can listen on")]
    Port,
    #[error("must be only scheme, host and port: the path and query are the service's own")]
    Path,
    #[error(
        "has an impossible host name: at most 253 characters, in parts of 1 to 63 letters, digits, - and _ between dots, without - at the ends of a part"
    )]
    HostName,
}

impl Endpoint {
    fn https(host: &str) -> Self {
        Self {
            origin: format!("https://{host}"),
            host: host.to_owned(),
            encrypted: true,
        }
    }

    /// `https://host[:port]`, without a trailing slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port as in a URL; the port is omitted if it is the scheme's default.
    pub fn authority(&self) -> &str {
        self.origin
            .split_once("://")
            .map_or(self.origin.as_str(), |(_, rest)| rest)
    }

    /// Whether traffic to this endpoint is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whether the host is this machine, by address or as `localhost`.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let url = reqwest::Url::parse(text).map_err(|_| EndpointError::NotAUrl)?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(EndpointError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Path);
        }
        let host = url.host_str().ok_or(EndpointError::NotAUrl)?.to_owned();
        // What TLS and the name servers accept; addresses are exempt.
        if url.domain().is_some() && DnsName::try_from(host.as_str()).is_err() {
            return Err(EndpointError::HostName);
        }
        let origin = match url.port() {
            Some(0) => return Err(EndpointError::Port),
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        Ok(Self {
            origin,
            host,
            encrypted,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_region_has_a_backup_on_another_domain() {
        for name in Region::names() {
            let region = Region::known(name).unwrap();
            assert_ne!(Some(&region.main), region.backup.as_ref(), "{name}");
            assert!(region.main.is_encrypted());
        }
        assert_eq!(Region::known("atlantis"), None);
    }

    #[test]
    fn wherever_regions_are_listed_every_one_is() {
        for (file, text) in [
            ("README.md", include_str!("../../README.md")),
            ("README.zh-CN.md", include_str!("../../README.zh-CN.md")),
            (
                "timpush.example.yml",
                include_str!("../../deploy/timpush.example.yml"),
            ),
            (
                "values.schema.json",
                include_str!("../../deploy/helm/timpush-exporter/values.schema.json"),
            ),
        ] {
            let words: Vec<&str> = text
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .collect();
            for name in Region::names() {
                assert!(words.contains(&name), "{file} does not list {name}");
            }
        }
    }

    #[test]
    fn endpoints_are_origins_and_nothing_else() {
        for (text, expected) in [
            ("https://a.example", Ok("https://a.example")),
            ("https://a.example/", Ok("https://a.example")),
            ("https://a.example:443", Ok("https://a.example")),
            ("http://127.0.0.1:9000", Ok("http://127.0.0.1:9000")),
            ("http://[::1]:9000", Ok("http://[::1]:9000")),
            ("a.example", Err(EndpointError::NotAUrl)),
            ("ftp://a.example", Err(EndpointError::Scheme)),
            ("https://user:pw@a.example", Err(EndpointError::Credentials)),
            ("https://a.example/v4", Err(EndpointError::Path)),
            ("https://a.example/?usersig=x", Err(EndpointError::Path)),
            ("https://a.example.:1", Ok("https://a.example.:1")),
            ("https://_a.under_score", Ok("https://_a.under_score")),
            (
                "https://A.bücher.example",
                Ok("https://a.xn--bcher-kva.example"),
            ),
            ("https://推送.example", Ok("https://xn--jzu200h.example")),
            ("https://a.example..", Err(EndpointError::HostName)),
            ("https://a..example", Err(EndpointError::HostName)),
            ("https://.example", Err(EndpointError::HostName)),
            ("https://-a.example", Err(EndpointError::HostName)),
            ("https://a-.example", Err(EndpointError::HostName)),
            ("https://a!b.example", Err(EndpointError::HostName)),
            ("https://a.1", Err(EndpointError::NotAUrl)),
            ("https://a b.example", Err(EndpointError::NotAUrl)),
        ] {
            let parsed = text.parse::<Endpoint>();
            assert_eq!(
                parsed.as_ref().map(Endpoint::origin),
                expected.as_ref().map(|s| *s),
                "{text}"
            );
        }
    }

    #[test]
    fn names_of_hosts_are_as_long_as_names_can_be() {
        let longest = ["a"; 127].join(".");
        for (host, allowed) in [
            (&*"a".repeat(63), true),
            (&*"a".repeat(64), false),
            (&*longest, true),
            (&*format!("{longest}a"), false),
        ] {
            let parsed = format!("https://{host}").parse::<Endpoint>();
            let expected = if allowed {
                None
            } else {
                Some(EndpointError::HostName)
            };
            assert_eq!(parsed.err(), expected, "{host}");
        }
    }

    #[test]
    fn loopback_is_known_by_address_and_by_name() {
        for (text, loopback) in [
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]", true),
            ("http://localhost:80", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(
                text.parse::<Endpoint>().unwrap().is_loopback(),
                loopback,
                "{text}"
            );
        }
    }
}
