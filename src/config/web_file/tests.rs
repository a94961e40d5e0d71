use std::os::unix::fs::PermissionsExt;

use super::*;
use rcgen::{CertificateParams, CertifiedKey, KeyPair, generate_simple_self_signed};
use tempfile::TempDir;

/// bcrypt of made-up passwords.
const HASH: &str = "$2y$04$DqvYPiVu7YHb6sBDdoYi9OMJxDDkGgpRA2KtFs6rYqJk6ZU1VvG2K";

struct Folder(TempDir);

impl Folder {
    /// With a certificate `a.pem`, its key `a.key`, and another key `b.key`.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        folder.write("a.pem", &cert.pem());
        folder.write("a.key", &signing_key.serialize_pem());
        folder.write("b.key", &KeyPair::generate().unwrap().serialize_pem());
        folder.write("empty.pem", "no certificate\n");
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    }

    /// The problems or the notices of a file with this text.
    fn load(&self, text: &str) -> (String, Option<WebFile>) {
        self.write("web.yml", text);
        self.said()
    }

    /// The same for the file as it is.
    fn said(&self) -> (String, Option<WebFile>) {
        let path = self.0.path().join("web.yml");
        let directory = format!("{}/", self.0.path().display());
        match load(&path).result {
            Ok(file) => (file.notices.join("\n").replace(&directory, ""), Some(file)),
            Err(problems) => (problems.bare().replace(&directory, ""), None),
        }
    }
}

#[test]
fn secrets_that_every_user_can_read_are_a_notice() {
    let folder = Folder::new();
    let public =
        "every user of this machine can read; run chmod o-r on it, or mount it with mode 0440";
    let users = format!("basic_auth_users: {{ann: {HASH}}}");
    let key = std::fs::read_to_string(folder.0.path().join("a.key")).unwrap();
    let inline = serde_json::json!({"tls_server_config": {"cert_file": "a.pem", "key": key}});
    for (file, text, notice) in [
        (
            "a.key",
            tls(""),
            format!("web.yml: tls_server_config.key_file: names a file that {public}"),
        ),
        (
            "web.yml",
            users,
            format!("web.yml: basic_auth_users: are in a file that {public}"),
        ),
        (
            "web.yml",
            inline.to_string(),
            format!("web.yml: tls_server_config.key: is in a file that {public}"),
        ),
        ("web.yml", tls(""), String::new()),
        ("a.pem", tls(""), String::new()),
    ] {
        folder.write("web.yml", &text);
        let path = folder.0.path().join(file);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(folder.said().0, notice, "{text}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    }
}

/// A table with a certificate and these keys.
fn tls(more: &str) -> String {
    format!("tls_server_config: {{cert_file: a.pem, key_file: a.key, {more}}}")
}

#[test]
fn files_of_other_exporters_are_accepted() {
    let folder = Folder::new();
    for text in [
        "",
        "# nothing\n",
        "{}",
        "tls_server_config: {}",
        "tls_server_config:\nhttp_server_config:\nrate_limit:\n",
        &tls(""),
        &tls("min_version: TLS12, max_version: TLS13"),
        &tls("min_version: TLS13"),
        &tls("max_version: TLS12"),
        &tls("client_auth_type: NoClientCert"),
        &tls("client_auth_type: RequireAndVerifyClientCert, client_ca_file: a.pem"),
        &tls("client_auth_type: VerifyClientCertIfGiven, client_ca_file: a.pem"),
        &tls(
            "client_auth_type: RequireAndVerifyClientCert, client_ca_file: a.pem, client_allowed_sans: [a.example]",
        ),
        &tls("prefer_server_cipher_suites: false, curve_preferences: [CurveP256, X25519]"),
        &tls("cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]"),
        "http_server_config: {http2: false}",
        "http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: '', Strict-Transport-Security: max-age=31536000}}",
        &format!("basic_auth_users:\n  ann: {HASH}\n  'Bob B.': {HASH}\n"),
        "rate_limit: {interval: 100ms, burst: 20}",
        "rate_limit: {interval: 0}",
    ] {
        let (said, file) = folder.load(text);
        assert!(file.is_some() && said.is_empty(), "{text}\n{said}");
    }
}

#[test]
fn what_is_bad_is_refused_with_its_path_and_what_to_do() {
    let folder = Folder::new();
    let data = include_str!("../../../tests/data/web_file_problems.txt");
    for row in data.split("\n\n").skip(1) {
        let mut lines = row.trim_end().lines();
        let text = match lines.next().unwrap().split_once(' ').unwrap() {
            ("file", text) => text.to_owned(),
            ("tls", more) => tls(more),
            (other, _) => panic!("{other} is not a kind of row"),
        };
        let expected: Vec<&str> = lines.map(|line| &line["=> ".len()..]).collect();
        let (said, file) = folder.load(&text);
        assert!(file.is_none(), "{text}");
        assert_eq!(said, expected.join("\n"), "{text}");
    }
}

#[test]
fn what_has_no_effect_here_is_a_notice() {
    let folder = Folder::new();
    for (text, notice) in [
        (
            "http_server_config: {http2: true}".to_owned(),
            "web.yml: http_server_config.http2: has no effect: HTTP/1.1 is spoken, which every scraper speaks",
        ),
        (
            tls("client_auth_type: RequireAnyClientCert"),
            "web.yml: tls_server_config.client_auth_type: accepts certificates that anyone can make; RequireAndVerifyClientCert is what keeps strangers out",
        ),
        (
            tls(
                "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
            ),
            "web.yml: tls_server_config.cipher_suites: names weak ones that are not in this program's TLS library; they are left out",
        ),
        (
            tls("curve_preferences: [X25519, CurveP521]"),
            "web.yml: tls_server_config.curve_preferences: CurveP521 is not in this program's TLS library and is left out",
        ),
    ] {
        let (said, file) = folder.load(&text);
        assert!(file.is_some(), "{said}");
        assert_eq!(said, notice);
    }
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = "
        tls_server_config: {cert_file: gone.pem, key_file: gone.key, min_version: x, max_version: y,
          client_auth_type: z, cipher_suites: [a], curve_preferences: [b]}
        http_server_config: {http2: 1, headers: {A: b}}
        basic_auth_users: {ann: a, bob: b}
        rate_limit: {interval: x}
        unknown: 1
    ";
    let (said, _) = Folder::new().load(text);
    assert_eq!(said.lines().count(), 13, "{said}");
}

#[test]
fn no_problem_shows_a_secret() {
    let folder = Folder::new();
    let canary = "c4narySecret";
    folder.write(
        "bad.key",
        &format!("-----BEGIN PRIVATE KEY-----\n{canary}\n-----END PRIVATE KEY-----\n"),
    );
    folder.write("worse.key", &format!("{canary}\n"));
    for text in [
        format!("basic_auth_users: {{ann: {canary}}}"),
        format!("basic_auth_users: {{ann: [{canary}]}}"),
        format!("basic_auth_users: {canary}"),
        format!("basic_auth_users: {{ann: $2y$04$DqvYPiVu7YHb6sBDdoYi9O{canary}}}"),
        format!("basic_auth_users: {{'$2y$04${canary}': ann}}"),
        format!("basic_auth_users:{{ann:{canary}}}"),
        format!("basic_auth_users: {{ann: '{canary}"),
        format!("tls_server_config: {{cert_file: a.pem, key: {canary}}}"),
        format!("tls_server_config: {{cert_file: a.pem, key: [{canary}]}}"),
        "tls_server_config: {cert_file: a.pem, key_file: bad.key}".to_owned(),
        "tls_server_config: {cert_file: a.pem, key_file: worse.key}".to_owned(),
        format!(
            "tls_server_config: {{cert_file: a.pem, key: '-----BEGIN PRIVATE KEY-----\n\n{canary}\n\n-----END PRIVATE KEY-----'}}"
        ),
    ] {
        let (said, file) = folder.load(&text);
        assert!(file.is_none(), "{text}");
        assert!(!said.contains(canary), "{text}\n{said}");
    }
}

#[test]
fn certificates_may_stand_in_the_file_itself() {
    let folder = Folder::new();
    let indented = |name: &str| {
        let text = std::fs::read_to_string(folder.0.path().join(name)).unwrap();
        text.replace('\n', "\n    ")
    };
    let text = format!(
        "tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n  client_ca: |\n    {}\n  client_auth_type: RequireAndVerifyClientCert\n",
        indented("a.pem"),
        indented("a.key"),
        indented("a.pem")
    );
    let (said, file) = folder.load(&text);
    assert!(file.is_some_and(|file| file.tls.is_some()), "{said}");
}

#[test]
fn all_files_are_named_even_if_the_result_is_bad() {
    let folder = Folder::new();
    folder.write(
        "web.yml",
        &tls("client_ca_file: sub/ca.pem, client_auth_type: x"),
    );
    let loaded = load(&folder.0.path().join("web.yml"));
    let names = ["web.yml", "a.pem", "a.key", "sub/ca.pem"];
    assert_eq!(loaded.files, names.map(|name| folder.0.path().join(name)));
    assert!(loaded.result.is_err());
}

#[test]
fn hashes_of_all_tools_are_accepted() {
    let rest = HASH.strip_prefix("$2y$").unwrap();
    for kind in ["2a", "2b", "2x", "2y"] {
        assert!(
            PasswordHash::new(&format!("${kind}${rest}")).is_some(),
            "{kind}"
        );
    }
    for text in [
        "",
        "$2y$",
        "$1$abc$def",
        "$2y$04$short",
        &HASH[1..],
        &HASH[..59],
    ] {
        assert!(PasswordHash::new(text).is_none(), "{text}");
    }
    // One of jBCrypt's published vectors.
    let text = "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
    let hash = PasswordHash::new(text).unwrap();
    assert!(hash.is_of(b"a") && !hash.is_of(b"b") && hash.cost() == 6);
}

#[test]
fn several_roots_may_stand_in_one_file() {
    let folder = Folder::new();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    folder.write(
        "ca.pem",
        &format!("# two roots\n{}\n{}", ca.pem(), ca.pem()),
    );
    let (said, file) = folder.load(&tls(
        "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem",
    ));
    assert!(file.is_some(), "{said}");
}
