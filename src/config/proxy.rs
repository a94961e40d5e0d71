//! The proxy for https calls: `proxy_url`, or else the one from the environment.

mod exceptions;

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use zeroize::Zeroizing;

use super::findings::Findings;
use super::read::Read;
use exceptions::Exceptions;

/// The key of the configuration.
const KEY: &str = "proxy_url";

/// Variables that name a proxy for https calls. The first non-empty one applies.
const PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];

/// Variables that name hosts to be called without the proxy. The first non-empty one applies.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Variables that other programs use, but not this one.
const UNUSED: [&str; 2] = ["ALL_PROXY", "all_proxy"];

const FORM: &str = "must be http(s)://[user:password@]host[:port]; percent-encode special characters in user and password";

/// A proxy for https calls. Its URL may contain a password, so it cannot be printed; its
/// [`Display`](fmt::Display) form is `http://host:port (proxy_url)`, with the place that names it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Zeroizing<String>,
    /// Scheme, host and port.
    address: String,
    origin: &'static str,
    exceptions: Exceptions,
}

impl Proxy {
    /// The URL with the password.
    pub(crate) fn expose(&self) -> &str {
        &self.url
    }

    /// What must not be shown: the credentials in each form that a proxy could echo.
    pub(crate) fn secrets(&self) -> Vec<Zeroizing<String>> {
        let Ok(url) = Url::parse(&self.url) else {
            return Vec::new();
        };
        let decoded = |text: &str| {
            let bytes = Zeroizing::new(percent_decode_str(text).collect::<Vec<u8>>());
            Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
        };
        let user = decoded(url.username());
        let Some(password) = url.password() else {
            // A user name without a password may be a token.
            return [user].into_iter().filter(|user| !user.is_empty()).collect();
        };
        let password = decoded(password);
        let pair = Zeroizing::new(format!("{}:{}", *user, *password));
        let header = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
        let raw = Zeroizing::new(url.password().unwrap_or_default().to_owned());
        vec![pair, password, raw, header]
    }

    /// Whether calls to `url` use the proxy: https calls, except to exempt hosts.
    pub fn is_for(&self, url: &Url) -> bool {
        url.scheme() == "https"
            && url
                .host_str()
                .zip(url.port_or_known_default())
                .is_some_and(|(host, port)| !self.exceptions.contain(host, port))
    }

    /// Whether some hosts may be called without the proxy.
    pub fn has_exceptions(&self) -> bool {
        !self.exceptions.is_empty()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.origin)
    }
}

/// The variables that this module reads.
pub(super) fn variables() -> impl Iterator<Item = &'static str> {
    [PROXY, EXCEPTIONS, UNUSED].into_iter().flatten()
}

/// The proxy in effect. If the configuration names one, the environment is ignored except for
/// exempt hosts.
pub(super) fn read(
    given: Read<&str>,
    env: &BTreeMap<String, String>,
    findings: &Findings,
) -> Read<Proxy> {
    let first = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| {
            let text = env.get(name).filter(|text| !text.is_empty())?;
            Some((name, text.as_str()))
        })
    };
    let named = match given {
        Read::Given(text) => Some((KEY, text)),
        Read::Refused => return Read::Refused,
        Read::Absent => first(PROXY),
    };
    let Some((origin, text)) = named else {
        if let Some((name, _)) = first(UNUSED) {
            findings.notice(
                name,
                "this environment variable is not used; give the proxy as proxy_url or HTTPS_PROXY",
            );
        }
        return Read::Absent;
    };
    match parse(text) {
        Ok((url, address)) => Read::Given(Proxy {
            url,
            address,
            origin,
            exceptions: Exceptions::new(first(EXCEPTIONS).map_or("", |(_, list)| list)),
        }),
        Err(problem) => {
            findings.refuse(origin, problem);
            Read::Refused
        }
    }
}

/// The URL, with `http://` added if it has no scheme, and its address.
fn parse(text: &str) -> Result<(Zeroizing<String>, String), &'static str> {
    let text = text.trim();
    let scheme = if text.contains("://") { "" } else { "http://" };
    let text = Zeroizing::new(format!("{scheme}{text}"));
    let url = Url::parse(&text).map_err(|_| FORM)?;
    if text.contains(char::REPLACEMENT_CHARACTER) {
        // From a variable that is not UTF-8.
        return Err(FORM);
    }
    if url.scheme().starts_with("socks") {
        return Err("names a SOCKS proxy, which is not supported; use an HTTP proxy");
    }
    let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let (true, true, Some(host), Some(port)) = (
        matches!(url.scheme(), "http" | "https"),
        is_origin,
        url.host_str(),
        url.port_or_known_default(),
    ) else {
        return Err(FORM);
    };
    let address = format!("{}://{host}:{port}", url.scheme());
    Ok((Zeroizing::new(url.into()), address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The proxy as displayed, or the problem or notice.
    fn shown(given: Option<&str>, env: &BTreeMap<String, String>) -> String {
        let findings = Findings::default();
        let given = given.map_or(Read::Absent, Read::Given);
        let read = read(given, env, &findings);
        match (read, findings.finish()) {
            (Read::Given(proxy), Ok(_)) => proxy.to_string(),
            (Read::Absent, Ok(notices)) => notices.join("\n"),
            (Read::Refused, Err(problems)) => problems.bare(),
            _ => panic!("a reading that does not go with its findings"),
        }
    }

    #[test]
    fn a_proxy_is_shown_without_its_credentials_and_with_its_port() {
        for (text, address) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("http://proxy.example", "http://proxy.example:80"),
            ("https://proxy.example/", "https://proxy.example:443"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            (" 10.0.0.1:8080\n", "http://10.0.0.1:8080"),
            ("user:canary@proxy.example:1", "http://proxy.example:1"),
            ("HTTP://u:canary@[::1]:3128", "http://[::1]:3128"),
        ] {
            let expected = format!("{address} (proxy_url)");
            assert_eq!(shown(Some(text), &env(&[])), expected, "{text}");
            let expected = format!("{address} (HTTPS_PROXY)");
            let variables = env(&[("HTTPS_PROXY", text), ("ALL_PROXY", "x")]);
            assert_eq!(shown(None, &variables), expected, "{text}");
        }
    }

    #[test]
    fn the_configuration_goes_before_the_environment_and_an_empty_variable_is_none() {
        let all = env(&[
            ("HTTPS_PROXY", "http://upper"),
            ("https_proxy", "http://lower"),
        ]);
        let lower = env(&[("HTTPS_PROXY", ""), ("https_proxy", "http://lower")]);
        let broken = env(&[("HTTPS_PROXY", "socks5://x")]);
        for (given, env, expected) in [
            (Some("http://key"), &all, "http://key:80 (proxy_url)"),
            (Some("http://key"), &broken, "http://key:80 (proxy_url)"),
            (None, &all, "http://upper:80 (HTTPS_PROXY)"),
            (None, &lower, "http://lower:80 (https_proxy)"),
        ] {
            assert_eq!(shown(given, env), expected);
        }
        let none = env(&[
            ("HTTPS_PROXY", ""),
            ("HTTP_PROXY", "http://other"),
            ("NO_PROXY", "*"),
        ]);
        assert_eq!(shown(None, &none), "");
    }

    #[test]
    fn a_proxy_that_cannot_work_is_refused_by_the_name_of_its_place_and_not_repeated() {
        for (text, problem) in [
            (
                "socks5://u:canary@proxy.example",
                "names a SOCKS proxy, which is not supported; use an HTTP proxy",
            ),
            (
                "socks5h://canary.example:1080",
                "names a SOCKS proxy, which is not supported; use an HTTP proxy",
            ),
            ("ftp://canary.example", FORM),
            ("http://", FORM),
            ("http://canary.example:port", FORM),
            ("http://canary.example/path", FORM),
            ("http://u:can#ary@proxy.example", FORM),
            ("http://u:canary@ proxy", FORM),
            ("http://user:canary\u{fffd}@proxy.example", FORM),
        ] {
            let expected = format!("proxy_url: {problem}");
            assert_eq!(shown(Some(text), &env(&[])), expected, "{text}");
            for name in PROXY {
                let expected = format!("{name}: {problem}");
                assert_eq!(shown(None, &env(&[(name, text)])), expected, "{text}");
            }
        }
        let expected = "all_proxy: this environment variable is not used; give the proxy as proxy_url or HTTPS_PROXY";
        assert_eq!(shown(None, &env(&[("all_proxy", "socks5://x")])), expected);
    }

    #[test]
    fn the_credentials_are_secrets_in_every_form() {
        for (text, secrets) in [
            ("http://proxy.example", &[][..]),
            ("http://token@proxy.example", &["token"]),
            (
                "http://us%65r:pa%40ss@proxy.example",
                &["user:pa@ss", "pa@ss", "pa%40ss", "dXNlcjpwYUBzcw=="],
            ),
        ] {
            let given = Read::Given(text);
            let proxy = read(given, &env(&[]), &Findings::default());
            let found = proxy.given().unwrap().secrets();
            let found: Vec<&str> = found.iter().map(|secret| secret.as_str()).collect();
            assert_eq!(found, secrets, "{text}");
        }
    }
}
