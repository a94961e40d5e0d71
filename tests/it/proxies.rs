//! Calls through a proxy, and what is said when that fails.

use std::process::Command;

use serde_json::json;
use timpush_exporter::simulator::Scenario;

use crate::lab::{BINARY, Exporter, Lab, SHOP, UNLIMITED, free_port, get};
use crate::tunnel::{Proxy, TlsFront, self_signed};

/// Made up. A part of it is in no other text.
const PASSWORD: &str = "canary-7f3a-plumage";

/// Exit code and all output of the program with these variables of a proxy and no others.
fn output(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    for name in ["HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = command
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!text.contains("canary"), "{text}");
    (output.status.code(), text)
}

/// A simulator behind TLS, with a configuration that trusts its certificate.
pub(crate) async fn encrypted(keys: &str) -> (Lab, TlsFront, String) {
    let lab = Lab::start(UNLIMITED).await;
    let (ca, shown) = self_signed(|_| ());
    lab.write("ca.pem", &ca);
    let front = TlsFront::start(&lab.url, shown, rustls::ALL_VERSIONS).await;
    let config = config(&lab, keys, &front.url);
    (lab, front, config)
}

pub(crate) fn config(lab: &Lab, keys: &str, url: &str) -> String {
    let text = format!(
        "{keys}\nlisten: 127.0.0.1:0\ncalls_per_second: 50\nca_file: ca.pem\ndefaults: {{interval: 1s, timeout: 3s}}\napps:\n{}",
        Lab::app("shop", SHOP, url)
    );
    let path = lab.write("timpush.yml", &text);
    path.to_str().unwrap().to_owned()
}

/// Exit code and output of one question.
pub(crate) async fn query(config: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let now = jiff::Timestamp::now().as_second();
    let (from, to) = ((now - 7200).to_string(), (now - 3600).to_string());
    let (config, variables): (_, Vec<(String, String)>) = (
        config.to_owned(),
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    );
    tokio::task::spawn_blocking(move || {
        let arguments = [
            "query", "--config", &config, "--app", "shop", "--from", &from, "--to", &to,
        ];
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        output(&arguments, &variables)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_through_the_proxy_of_the_configuration_or_the_environment() {
    let (lab, front, config) = encrypted("").await;
    let host = front.url.strip_prefix("https://").unwrap();
    let (asked, basic) = (
        format!("CONNECT {host} HTTP/1.1\r\n"),
        "Basic dXNlcjpjYW5hcnk=",
    );
    for (in_file, name) in [
        (true, ""),
        (false, "HTTPS_PROXY"),
        (false, "https_proxy"),
        (false, "TIMPUSH_PROXY_URL"),
    ] {
        let proxy = Proxy::start("200 OK").await;
        let url = format!("http://user:canary@{}", proxy.address);
        let (config, variables) = if in_file {
            let keys = format!("proxy_url: {url}");
            (self::config(&lab, &keys, &front.url), vec![])
        } else {
            (config.clone(), vec![(name, url.as_str())])
        };
        let (code, text) = query(&config, &variables).await;
        assert_eq!(code, Some(0), "{text}");
        let heads = proxy.heads();
        assert!(heads[0].starts_with(&asked), "{heads:?}");
        let authorization = format!("proxy-authorization: {}", basic.to_lowercase());
        assert!(
            heads[0].to_lowercase().contains(&authorization),
            "{heads:?}"
        );
        // An exception, and a plain call.
        let exception = [
            variables.clone(),
            vec![("NO_PROXY", "a.example, LOCALHOST")],
        ]
        .concat();
        assert_eq!(query(&config, &exception).await.0, Some(0));
        let keys = format!("proxy_url: {url}");
        let plain = self::config(&lab, &keys, &lab.url);
        assert_eq!(query(&plain, &variables).await.0, Some(0));
        assert_eq!(proxy.heads().len(), heads.len());
        self::config(&lab, "", &front.url);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_names_the_proxy_in_effect_and_its_place_without_credentials() {
    let lab = Lab::start(UNLIMITED).await;
    lab.write("ca.pem", &self_signed(|_| ()).0);
    let path = config(&lab, "", "https://localhost:1");
    let url = "http://user:canary@proxy.example:3128";
    let check = ["check-config", &path];
    for (variables, expected) in [
        (
            &[("HTTPS_PROXY", url)][..],
            "proxy for https calls: http://proxy.example:3128 (HTTPS_PROXY)\n",
        ),
        (
            &[("https_proxy", url), ("no_proxy", "a.example")],
            "proxy for https calls but for NO_PROXY: http://proxy.example:3128 (https_proxy)\n",
        ),
        (
            &[("TIMPUSH_PROXY_URL", url)],
            "proxy for https calls: http://proxy.example:3128 (proxy_url)\n",
        ),
        (
            &[("ALL_PROXY", url)],
            "notice: ALL_PROXY: this environment variable is not used; give the proxy as proxy_url or HTTPS_PROXY\n",
        ),
    ] {
        let (code, text) = output(&check, variables);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(expected), "{text}");
    }
    assert!(!output(&check, &[]).1.contains("proxy"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_cannot_work_is_refused_by_the_check_and_at_start() {
    let lab = Lab::start(UNLIMITED).await;
    lab.write("ca.pem", &self_signed(|_| ()).0);
    let path = config(&lab, "", "https://localhost:1");
    let form = "must be http(s)://[user:password@]host[:port]";
    for (name, url, problem) in [
        (
            "HTTPS_PROXY",
            "socks5://user:canary@proxy.example",
            "names a SOCKS proxy",
        ),
        (
            "https_proxy",
            "socks5h://user:canary@proxy.example",
            "names a SOCKS proxy",
        ),
        ("HTTPS_PROXY", "http://user:can#ary@proxy.example", form),
        ("HTTPS_PROXY", "http://proxy.example:no-canary", form),
        ("TIMPUSH_PROXY_URL", "quic://canary.example", form),
    ] {
        let origin = if name == "TIMPUSH_PROXY_URL" {
            "proxy_url"
        } else {
            name
        };
        for arguments in [
            &["check-config", &path][..],
            &["run", "--config", &path],
            &[
                "query", "--config", &path, "--app", "shop", "--from", "1", "--to", "2",
            ],
        ] {
            let (code, text) = output(arguments, &[(name, url)]);
            assert_eq!(code, Some(64), "{arguments:?}: {text}");
            let expected = format!("{origin}: {problem}");
            assert!(text.contains(&expected), "{arguments:?}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_password_from_the_environment_is_in_no_log_page_or_metric() {
    let lab = Lab::start(UNLIMITED).await;
    lab.write("ca.pem", &self_signed(|_| ()).0);
    let config = config(&lab, "", &lab.url);
    let echo = json!({"rules": [{"fault": {"error": {"code": 91000, "info": format!("refused {PASSWORD} and dXNlcjpjYW5hcnktN2YzYS1wbHVtYWdl")}}}]});
    lab.simulator
        .set_scenario(Scenario::from_json(&echo.to_string()).unwrap());
    let url = format!("http://user:{PASSWORD}@proxy.example:3128");
    let arguments = ["run", "--config", &config, "--log-level", "trace"];
    let exporter = Exporter::start_with(&arguments, &[("HTTPS_PROXY", &url)]).await;
    let metrics = exporter
        .until("the echo", |_| exporter.log().contains("91000"))
        .await;
    let mut shown = vec![metrics.0, exporter.log(), exporter.output()];
    for path in ["/", "/api/v1/targets"] {
        shown.push(get(&format!("{}{path}", exporter.url)).await.1);
    }
    for text in shown {
        assert!(
            !text.contains("canary") && !text.contains("dXNlcjpj"),
            "{text}"
        );
    }
    assert!(exporter.log().contains("[redacted]"), "{}", exporter.log());
    let told = "https calls go through the proxy http://proxy.example:3128 (HTTPS_PROXY)";
    assert!(exporter.log().contains(told), "{}", exporter.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_opens_no_tunnel_is_named_with_what_it_said_and_what_to_do() {
    let (_lab, front, config) = encrypted("").await;
    let host = front.url.strip_prefix("https://").unwrap();
    for (status, happened, advice) in [
        (
            "407 Proxy Authentication Required",
            "refused a tunnel to HOST with HTTP status 407",
            "give the proxy a user and password that it accepts",
        ),
        (
            "403 Forbidden",
            "refused a tunnel to HOST with HTTP status 403",
            "let the proxy allow CONNECT to the host's port, or name the host in NO_PROXY",
        ),
        (
            "502 Bad Gateway",
            "refused a tunnel to HOST with HTTP status 502",
            "the proxy cannot reach the host",
        ),
        (
            "418 Canary",
            "refused a tunnel to HOST with HTTP status 418",
            "check that this is an HTTP proxy that allows CONNECT",
        ),
        (
            "",
            "closed the connection instead of opening a tunnel to HOST",
            "check that this is an HTTP proxy that allows CONNECT",
        ),
    ] {
        let proxy = Proxy::start(status).await;
        let url = format!("http://user:canary@{}", proxy.address);
        let (code, text) = query(&config, &[("HTTPS_PROXY", &url)]).await;
        let happened = happened.replace("HOST", host);
        let expected = format!(
            "shop/lab: connect: the proxy http://{} (HTTPS_PROXY) {happened}; {advice}",
            proxy.address
        );
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&expected), "{text}\n{expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_proxy_is_named_and_not_the_host_behind_it() {
    let (_lab, front, config) = encrypted("").await;
    let dead = format!("127.0.0.1:{}", free_port());
    let not_a_proxy = front.url.replace("https://", "http://user:canary@");
    for (url, expected) in [
        (
            format!("http://user:canary@{dead}"),
            format!("connect: cannot connect to the proxy http://{dead} (HTTPS_PROXY): Connection refused (os error 111); check that the proxy runs"),
        ),
        (
            "http://user:canary@proxy.invalid:3128".to_owned(),
            "connect: cannot connect to the proxy http://proxy.invalid:3128 (HTTPS_PROXY): cannot resolve ".to_owned(),
        ),
        // TLS is spoken where plain HTTP is expected.
        (
            not_a_proxy,
            "opened no tunnel to localhost".to_owned(),
        ),
    ] {
        let (code, text) = query(&config, &[("HTTPS_PROXY", &url)]).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&expected), "{text}\n{expected}");
        let host = format!("to {}", front.url.replace("https://", ""));
        let names_host = text.replace(&format!("tunnel {host}"), "").contains(&host);
        assert!(!names_host, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_proxy_is_told_from_tls_with_the_host_behind_it() {
    let (lab, front, config) = encrypted("").await;
    let untrusted = self_signed(|_| ()).1;
    let proxy = Proxy::start("200 OK").await;
    // A proxy that is reached by TLS, with a certificate that nobody trusts.
    let plain = format!("http://{}", proxy.address);
    let encrypted = TlsFront::start(&plain, untrusted, rustls::ALL_VERSIONS).await;
    let (code, text) = query(&config, &[("HTTPS_PROXY", &encrypted.url)]).await;
    let expected = format!(
        "tls: no trusted TLS connection to the proxy {} (HTTPS_PROXY): its certificate is self-signed",
        encrypted.url
    );
    assert!(code == Some(1) && text.contains(&expected), "{text}");
    let trusted = self_signed(|_| ());
    let both = format!(
        "{}{}",
        std::fs::read_to_string(lab.path("ca.pem")).unwrap(),
        trusted.0
    );
    lab.write("ca.pem", &both);
    let encrypted = TlsFront::start(&plain, trusted.1, rustls::ALL_VERSIONS).await;
    let (code, text) = query(&config, &[("HTTPS_PROXY", &encrypted.url)]).await;
    assert_eq!(code, Some(0), "{text}");
    // Behind the proxy.
    lab.write("ca.pem", &self_signed(|_| ()).0);
    let (_, text) = query(&config, &[("HTTPS_PROXY", &plain)]).await;
    let expected = format!(
        "tls: no trusted TLS connection to {} through the proxy {plain} (HTTPS_PROXY): its certificate is self-signed; if this is the server",
        front.url.replace("https://", "")
    );
    assert!(text.contains(&expected), "{text}");
}
