//! The web configuration file before the real program: TLS, users, headers, reload.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::lab::{BINARY, Exporter, Lab, SHOP, UNLIMITED, until};
use crate::web_client::{Authority, Client, Pair};

const BOTH: [&rustls::SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

const WITH_TLS: &str = "tls_server_config: {cert_file: server.pem, key_file: server.key";

struct Site {
    lab: Lab,
    ca: Authority,
    pair: Pair,
}

impl Site {
    async fn new() -> Self {
        let ca = Authority::new();
        let site = Self {
            lab: Lab::start(UNLIMITED).await,
            pair: ca.issue("a.example"),
            ca,
        };
        site.put(&site.pair);
        site.lab.write("ca.pem", &site.ca.pem);
        site
    }

    /// Puts a certificate and its key where the server's are.
    fn put(&self, pair: &Pair) {
        self.lab.write("server.pem", &pair.certificate);
        self.lab.write("server.key", &pair.key);
    }

    fn config(&self, web: &str) -> String {
        self.lab.write("web.yml", web);
        let text = format!(
            "listen: 127.0.0.1:0\nweb: {{config_file: web.yml}}\ncalls_per_second: 50\n\
             defaults: {{interval: 1s, timeout: 2s, lag: 10s, step: 1s}}\napps:\n{}",
            Lab::app("shop", SHOP, &self.lab.url)
        );
        let path = self.lab.write("timpush.yml", &text);
        path.to_str().unwrap().to_owned()
    }

    async fn serve(&self, web: &str) -> Exporter {
        let config = self.config(web);
        let arguments = ["run", "--config", &config, "--log-format", "json"];
        Exporter::start(&[&arguments[..], &["--log-level", "debug"]].concat()).await
    }

    fn client(&self, exporter: &Exporter) -> Client {
        Client::tls(&exporter.url, &self.ca, &BOTH, None)
    }
}

fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_versions_from_the_lowest_to_the_highest_are_spoken() {
    let site = Site::new().await;
    for (versions, is_12, is_13) in [
        ("", true, true),
        ("min_version: TLS13", false, true),
        ("max_version: TLS12", true, false),
        ("min_version: TLS12, max_version: TLS12", true, false),
    ] {
        let exporter = site.serve(&format!("{WITH_TLS}, {versions}}}")).await;
        assert!(exporter.url.starts_with("https://"));
        for (version, expected) in [(&TLS12, is_12), (&TLS13, is_13)] {
            let client = Client::tls(&exporter.url, &site.ca, &[version], None);
            let answer = client.get("/metrics").await;
            let seen = answer.as_ref().is_ok_and(|answer| answer.status == 200);
            assert_eq!(seen, expected, "{versions} {version:?} {answer:?}");
            if let Ok(answer) = answer {
                assert!(answer.shows(&site.pair) && answer.text.contains("timpush_build_info"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_wrong_protocol_is_told_or_turned_away_at_once() {
    let site = Site::new().await;
    let secure = site.serve(&format!("{WITH_TLS}}}")).await;
    let answer = Client::plain(&secure.url).get("/metrics").await.unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.text.ends_with("this port speaks HTTPS\n"));

    let plain = site.serve("").await;
    assert!(plain.url.starts_with("http://"));
    let start = Instant::now();
    assert!(site.client(&plain).get("/metrics").await.is_err());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(Client::plain(&plain.url).status("/metrics").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_need_a_right_password_and_health_needs_none() {
    let site = Site::new().await;
    let users = format!(
        "basic_auth_users: {{ann: {}, bob: {}}}",
        hash("apple"),
        hash("berry")
    );
    let exporter = site.serve(&users).await;
    let client = Client::plain(&exporter.url);
    for path in ["/metrics", "/", "/nothing"] {
        let right = if path == "/nothing" { 404 } else { 200 };
        for (user, password, status) in [
            ("ann", "apple", right),
            ("bob", "berry", right),
            ("ann", "berry", 401),
            ("ann", "", 401),
            ("eve", "apple", 401),
            ("", "", 401),
        ] {
            let seen = client.user(user, password).status(path).await;
            assert_eq!(seen, status, "{path} {user} {password}");
        }
        let refused = client.get(path).await.unwrap();
        assert_eq!(refused.status, 401);
        let challenge = "www-authenticate: basic realm=";
        assert!(
            refused.text.to_lowercase().contains(challenge),
            "{}",
            refused.text
        );
        assert!(!refused.text.contains("timpush_"), "{}", refused.text);
    }
    assert_eq!(client.status("/-/healthy").await, 200);
    until("ready", &exporter, async || {
        client.status("/-/ready").await == 200
    })
    .await;
    let healthy = client.user("ann", "wrong").status("/-/healthy").await;
    assert_eq!(healthy, 200);
    // Who has a password may reload from anywhere: ann:apple, passed on by a proxy.
    for (authorization, status) in [("Authorization: Basic YW5uOmFwcGxl\r\n", 200), ("", 401)] {
        let head = format!(
            "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.0.0.1\r\nContent-Length: 0\r\n\
             {authorization}Connection: close\r\n\r\n"
        );
        let answer = client.send(head.as_bytes()).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let target = [
        "GET /-/healthy/../../metrics",
        "GET //-/healthy",
        "GET http://localhost/metrics",
    ];
    for target in target {
        let head = format!("{target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = client.send(head.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 401, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_wait_in_line_and_a_right_password_does_not_wait_behind_them() {
    let site = Site::new().await;
    let costly = bcrypt::hash("berry", 8).unwrap();
    let exporter = site
        .serve(&format!(
            "basic_auth_users: {{ann: {costly}, bob: {costly}}}"
        ))
        .await;
    let client = Client::plain(&exporter.url);
    assert_eq!(client.user("ann", "berry").status("/metrics").await, 200);

    let stop = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(AtomicUsize::new(0));
    let mut attack = JoinSet::new();
    for n in 0..80 {
        let (client, stop, refused) = (client.clone(), Arc::clone(&stop), Arc::clone(&refused));
        attack.spawn(async move {
            let mut guess = 0;
            while !stop.load(Ordering::Relaxed) {
                guess += 1;
                let status = client
                    .user("ann", &format!("{n}-{guess}"))
                    .status("/metrics")
                    .await;
                assert!([0, 401, 429].contains(&status), "{status}");
                if status == 429 {
                    refused.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_millis(50)).await;
                }
            }
        });
    }
    until("refusals", &exporter, async || {
        refused.load(Ordering::Relaxed) > 20
    })
    .await;
    let mut worst = Duration::ZERO;
    for _ in 0..20 {
        let start = Instant::now();
        assert_eq!(client.user("ann", "berry").status("/metrics").await, 200);
        worst = worst.max(start.elapsed());
    }
    assert!(worst < Duration::from_secs(2), "{worst:?}");
    // One whose password is not known yet, from elsewhere.
    let elsewhere = client.from([127, 0, 0, 2]).user("bob", "berry");
    assert_eq!(elsewhere.status("/metrics").await, 200);
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = attack.join_next().await {
        ended.unwrap();
    }
    let mentioned = exporter.log().matches("wrong user or password").count();
    assert_eq!(mentioned, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_takes_as_long_as_a_known_one() {
    let site = Site::new().await;
    let costly = bcrypt::hash("berry", 8).unwrap();
    let exporter = site
        .serve(&format!("basic_auth_users: {{ann: {costly}}}"))
        .await;
    let client = Client::plain(&exporter.url);
    let mut fastest = [Duration::MAX; 2];
    // Other tests keep the processors busy, so the fastest of many counts.
    let is_alike = |fastest: &[Duration; 2]| {
        let [known, unknown] = fastest.map(|time| time.as_secs_f64());
        (0.5..2.0).contains(&(unknown / known))
    };
    for n in 0..200 {
        if n >= 8 && is_alike(&fastest) {
            break;
        }
        for (user, fastest) in ["ann", "eve"].into_iter().zip(&mut fastest) {
            let client = client.user(user, &format!("guess {n}"));
            let start = Instant::now();
            assert_eq!(client.status("/metrics").await, 401);
            *fastest = start.elapsed().min(*fastest);
        }
    }
    assert!(is_alike(&fastest), "{fastest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_headers_and_limit_are_kept() {
    let site = Site::new().await;
    let exporter = site
        .serve(
            "http_server_config: {headers: {X-Frame-Options: deny, Content-Security-Policy: x}}\n\
             rate_limit: {interval: 60s, burst: 2}",
        )
        .await;
    let client = Client::plain(&exporter.url);
    let metrics = client.get("/metrics").await.unwrap();
    assert!(metrics.text.contains("x-frame-options: deny\r\n"));
    assert!(metrics.text.contains("content-security-policy: x\r\n"));
    let page = client.get("/").await.unwrap();
    assert!(
        page.text
            .contains("content-security-policy: default-src 'none'")
    );
    let limited = client.get("/metrics").await.unwrap();
    assert_eq!(limited.status, 429);
    assert!(limited.text.contains("retry-after: "), "{}", limited.text);
    assert_eq!(client.status("/-/healthy").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_knows_port_and_scheme_from_the_configuration() {
    let site = Site::new().await;
    for (web, scheme) in [(format!("{WITH_TLS}}}"), "https"), (String::new(), "http")] {
        let mut exporter = site.serve(&web).await;
        let url = exporter.url.clone();
        let (found, address) = url.split_once("://").unwrap();
        assert_eq!(found, scheme);
        let config = site.config(&web);
        let text = fs::read_to_string(&config).unwrap();
        let listen = text.replace("127.0.0.1:0", address);
        site.lab.write("timpush.yml", &listen);
        let check = |arguments: &[&str]| {
            let mut command = Command::new(BINARY);
            command.arg("healthcheck").args(arguments);
            let folder = site.lab.path("timpush.yml");
            command.current_dir(folder.parent().unwrap());
            command.output().unwrap()
        };
        for arguments in [&["--config", &config][..], &[]] {
            let output = check(arguments);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        }
        assert_eq!(exporter.stop("TERM").await, Some(0));
        let output = check(&[]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let url = format!("cannot reach {scheme}://{address}/-/healthy: ");
        assert!(error.starts_with(&url), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates_are_asked_for_as_the_file_says() {
    let site = Site::new().await;
    let own = site.ca.issue("prometheus.example");
    let other = site.ca.issue("other.example");
    let stranger = Authority::new().issue("prometheus.example");
    let ca = "client_ca_file: ca.pem, client_auth_type";
    for (settings, without, with_own, with_other, with_strangers) in [
        (
            "client_auth_type: NoClientCert".to_owned(),
            true,
            true,
            true,
            true,
        ),
        (
            "client_auth_type: RequestClientCert".to_owned(),
            true,
            true,
            true,
            true,
        ),
        (
            "client_auth_type: RequireAnyClientCert".to_owned(),
            false,
            true,
            true,
            true,
        ),
        (
            format!("{ca}: VerifyClientCertIfGiven"),
            true,
            true,
            true,
            false,
        ),
        (
            format!("{ca}: RequireAndVerifyClientCert"),
            false,
            true,
            true,
            false,
        ),
        (
            format!("{ca}: RequireAndVerifyClientCert, client_allowed_sans: [prometheus.example]"),
            false,
            true,
            false,
            false,
        ),
    ] {
        let exporter = site.serve(&format!("{WITH_TLS}, {settings}}}")).await;
        for version in BOTH {
            for (pair, expected) in [
                (None, without),
                (Some(&own), with_own),
                (Some(&other), with_other),
                (Some(&stranger), with_strangers),
            ] {
                let client = Client::tls(&exporter.url, &site.ca, &[version], pair);
                let seen = client.status("/-/healthy").await == 200;
                assert_eq!(seen, expected, "{settings} {version:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_change_during_traffic_and_bad_ones_change_nothing() {
    let site = Site::new().await;
    let exporter = site.serve(&format!("{WITH_TLS}}}")).await;
    let client = site.client(&exporter);

    let stop = Arc::new(AtomicBool::new(false));
    let scrapes = Arc::new(AtomicUsize::new(0));
    let mut traffic = JoinSet::new();
    for _ in 0..4 {
        let (client, stop, scrapes) = (client.clone(), Arc::clone(&stop), Arc::clone(&scrapes));
        traffic.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(client.get("/metrics").await.unwrap().status, 200);
                scrapes.fetch_add(1, Ordering::Relaxed);
                // Some hundred scrapes a second, and processors for the others' tests.
                sleep(Duration::from_millis(10)).await;
            }
        });
    }
    let shown = async |pair: &Pair| client.get("/metrics").await.unwrap().shows(pair);
    let mut last = site.pair.clone();
    for _ in 0..3 {
        let next = site.ca.issue("a.example");
        // First the one file, then the other: what is between the two is no pair.
        site.lab.write("server.pem", &next.certificate);
        sleep(Duration::from_millis(100)).await;
        site.lab.write("server.key", &next.key);
        until("the new certificate", &exporter, async || {
            shown(&next).await
        })
        .await;
        last = next;
    }
    assert!(!exporter.log().contains("the former settings stay"));

    let warnings = || exporter.log().matches("the former settings stay").count();
    for (n, bad) in [
        Pair {
            certificate: last.certificate.clone(),
            key: site.pair.key.clone(),
        },
        Pair {
            certificate: String::new(),
            key: last.key.clone(),
        },
        Pair {
            certificate: last.certificate.clone(),
            key: "no key".to_owned(),
        },
    ]
    .iter()
    .enumerate()
    {
        site.put(bad);
        until("a warning", &exporter, async || warnings() == n + 1).await;
        sleep(Duration::from_millis(1500)).await;
        assert_eq!(warnings(), n + 1, "once is enough");
        assert!(shown(&last).await);
    }
    fs::remove_file(site.lab.path("server.pem")).unwrap();
    until("a warning", &exporter, async || warnings() == 4).await;
    assert!(shown(&last).await);

    let next = site.ca.issue("a.example");
    site.put(&next);
    until("the new certificate", &exporter, async || {
        shown(&next).await
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = traffic.join_next().await {
        ended.unwrap();
    }
    assert!(scrapes.load(Ordering::Relaxed) > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_change_without_a_restart_and_an_emptied_file_opens_nothing() {
    let site = Site::new().await;
    let users = |password: &str| format!("basic_auth_users: {{ann: {}}}", hash(password));
    let exporter = site.serve(&users("apple")).await;
    let client = Client::plain(&exporter.url);
    let status = async |password| client.user("ann", password).status("/metrics").await;
    assert_eq!(status("apple").await, 200);
    site.lab.write("web.yml", &users("berry"));
    until("the new password", &exporter, async || {
        status("berry").await == 200
    })
    .await;
    assert_eq!(status("apple").await, 401);

    for (text, said) in [
        ("", "would no longer require passwords"),
        ("basic_auth_users: {ann: apple}", "must be a bcrypt hash"),
    ] {
        site.lab.write("web.yml", text);
        until(said, &exporter, async || exporter.log().contains(said)).await;
        assert_eq!(client.status("/metrics").await, 401);
        assert_eq!(status("berry").await, 200);
    }
    // TLS can come without a restart, too.
    site.lab
        .write("web.yml", &format!("{WITH_TLS}}}\n{}", users("berry")));
    let client = site.client(&exporter).user("ann", "berry");
    until("TLS", &exporter, async || {
        client.status("/metrics").await == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_the_web_file_is_in_a_log_or_an_answer() {
    let site = Site::new().await;
    let (password, typed) = ("canary-of-a-password", "canary-of-a-typo");
    let hash = hash(password);
    let exporter = site
        .serve(&format!("{WITH_TLS}}}\nbasic_auth_users: {{ann: {hash}}}"))
        .await;
    let client = site.client(&exporter);
    let mut said = String::new();
    for (user, password) in [("ann", password), ("ann", typed), (typed, typed)] {
        said += &client
            .user(user, password)
            .get("/metrics")
            .await
            .unwrap()
            .text;
    }
    let broken = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n";
    site.lab.write("server.key", broken);
    let refusal = || exporter.log().contains("the former settings stay");
    until("a refusal", &exporter, async || refusal()).await;
    site.lab
        .write("web.yml", &format!("basic_auth_users: {{ann: {hash}x}}"));
    sleep(Duration::from_secs(2)).await;
    said += &check_config(&site.lab.path("timpush.yml")).1;
    said += &exporter.log();
    assert!(said.contains("must be a bcrypt hash"), "{said}");
    let key_line = site.pair.key.lines().nth(1).unwrap();
    for secret in ["canary-of", &hash[7..], key_line, "Y2FuYXJ5"] {
        assert!(!said.contains(secret), "{secret}\n{said}");
    }
}

fn check_config(path: &Path) -> (Option<i32>, String) {
    let output = Command::new(BINARY)
        .args(["check-config", path.to_str().unwrap()])
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn check_config_and_run_refuse_a_bad_web_file_with_all_its_problems() {
    let site = Site::new().await;
    let config = site.config("tls_server_config: {cert_file: gone.pem, min_version: TLS11}");
    let (code, text) = check_config(Path::new(&config));
    assert_eq!(code, Some(64));
    for part in [
        "cert_file: cannot read",
        "key_file: is missing",
        "min_version: is broken",
    ] {
        let starts = text
            .lines()
            .any(|line| line.contains(": web.config_file: ") && line.contains(part));
        assert!(starts, "{part}\n{text}");
    }
    let output = Command::new(BINARY)
        .args(["run", "--config", &config])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));

    let config = site.config(&format!(
        "{WITH_TLS}, client_auth_type: RequestClientCert}}"
    ));
    let (code, text) = check_config(Path::new(&config));
    assert_eq!(code, Some(0));
    assert!(
        text.contains("notice: web.config_file: ") && !text.contains("not yet in effect"),
        "{text}"
    );
}
