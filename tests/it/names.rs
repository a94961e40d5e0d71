//! Host names are resolved as the system's own resolver would.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType::{self, A, AAAA};
use tempfile::TempDir;
use timpush_exporter::push_api::names::{Names, Paths};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::lab::{Exporter, Lab, PATIENCE, SHOP, UNLIMITED};
use crate::name_server::{NameServer, Say, parsed};

/// The system's two files, made up.
struct Files {
    folder: TempDir,
    port: u16,
}

impl Files {
    fn new(hosts: &str, resolv_conf: &str, port: u16) -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
            port,
        };
        fs::write(files.hosts(), hosts).unwrap();
        fs::write(files.resolv_conf(), resolv_conf).unwrap();
        files
    }

    fn hosts(&self) -> PathBuf {
        self.folder.path().join("hosts")
    }

    fn resolv_conf(&self) -> PathBuf {
        self.folder.path().join("resolv.conf")
    }

    fn names(&self) -> Names {
        Names::reading(Paths {
            hosts: self.hosts(),
            resolv_conf: self.resolv_conf(),
            port: self.port,
        })
    }

    /// The addresses of `host`, or the error with the folder's name taken out.
    async fn resolve(&self, host: &str) -> String {
        self.shown(self.names().addresses(host).await)
    }

    fn shown<E: ToString>(&self, result: Result<Vec<IpAddr>, E>) -> String {
        let folder = format!("{}/", self.folder.path().display());
        match result {
            Ok(addresses) => addresses
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string().replace(&folder, ""),
        }
    }
}

fn none(_: &str, _: RecordType) -> Say {
    Say::Nothing
}

/// More addresses than are kept.
const NINE: [&str; 9] = [
    "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8",
    "10.0.0.9",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_behaviour_of_a_name_server_has_its_addresses_or_a_sentence() {
    let both = || Say::addresses(&["2001:db8::1", "10.0.0.1", "10.0.0.2"]);
    let code = |code| (Say::Code(code), Say::Code(code));
    let same = |say: Say| (say.clone(), say);
    let cases = [
        (same(both()), "10.0.0.1 10.0.0.2 2001:db8::1"),
        ((both(), Say::addresses(&[])), "10.0.0.1 10.0.0.2"),
        ((Say::addresses(&[]), both()), "2001:db8::1"),
        ((both(), Say::Nothing), "10.0.0.1 10.0.0.2"),
        ((Say::Nothing, both()), "2001:db8::1"),
        (
            (both(), Say::Code(ResponseCode::ServFail)),
            "10.0.0.1 10.0.0.2",
        ),
        (
            (both(), Say::Code(ResponseCode::NXDomain)),
            "10.0.0.1 10.0.0.2",
        ),
        (
            (Say::addresses(&NINE), Say::addresses(&["2001:db8::1"])),
            "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8 2001:db8::1",
        ),
        (
            same(Say::Alias("other.example.", parsed(&["10.0.0.3"]))),
            "10.0.0.3",
        ),
        (same(Say::Truncated(parsed(&["10.0.0.4"]))), "10.0.0.4"),
        (
            same(Say::addresses(&[])),
            "cannot resolve api.example: the name server 127.0.0.1 reports neither an IPv4 nor an IPv6 address for it; \
             check the name",
        ),
        (
            code(ResponseCode::NXDomain),
            "cannot resolve api.example: the name server 127.0.0.1 reports that the name does not exist (NXDOMAIN); \
             check the name and resolv.conf",
        ),
        (
            (Say::Code(ResponseCode::NXDomain), Say::Nothing),
            "cannot resolve api.example: the name server 127.0.0.1 reports that the name does not exist (NXDOMAIN); \
             check the name and resolv.conf",
        ),
        (
            code(ResponseCode::ServFail),
            "cannot resolve api.example: the name server 127.0.0.1 failed to answer (SERVFAIL); check resolv.conf and \
             the firewall",
        ),
        (
            code(ResponseCode::Refused),
            "cannot resolve api.example: the name server 127.0.0.1 refused the query (REFUSED); check resolv.conf and \
             the firewall",
        ),
        (
            code(ResponseCode::NotImp),
            "cannot resolve api.example: the name server 127.0.0.1 responded with the error code 4; check resolv.conf \
             and the firewall",
        ),
        (
            same(Say::Garbage),
            "cannot resolve api.example: the name server 127.0.0.1 sent an unusable response; check resolv.conf and \
             the firewall",
        ),
        (
            same(Say::Nothing),
            "cannot resolve api.example: no name server responded within 4 s (asked 127.0.0.1); check resolv.conf and \
             the firewall",
        ),
    ];
    let mut running = JoinSet::new();
    for ((four, six), expected) in cases {
        running.spawn(async move {
            let what = format!("A: {four:?}, AAAA: {six:?}");
            let say = move |_: &str, kind| if kind == A { four.clone() } else { six.clone() };
            let server = NameServer::start(say).await;
            let files = Files::new("", "nameserver 127.0.0.1", server.address.port());
            assert_eq!(files.resolve("api.example").await, expected, "{what}");
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}

/// A query without a response is sent four times until the time is over.
#[tokio::test(flavor = "multi_thread")]
async fn one_familys_silence_does_not_hold_up_the_other() {
    for (silent, expected) in [(A, "2001:db8::1"), (AAAA, "10.0.0.1")] {
        // Names that do not exist come first, as in Kubernetes.
        let server = NameServer::start(move |name, kind| match name {
            _ if kind == silent => Say::Nothing,
            "api.example." => Say::addresses(&["10.0.0.1", "2001:db8::1"]),
            _ => Say::Code(ResponseCode::NXDomain),
        })
        .await;
        let files = Files::new(
            "",
            "nameserver 127.0.0.1\noptions ndots:5\nsearch a b c",
            server.address.port(),
        );
        assert_eq!(files.resolve("api.example").await, expected);
        let sent = server.asked(silent);
        let sent = sent.iter().filter(|name| *name == "api.example.").count();
        assert!(sent < 4, "{silent}: {sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_name_server_is_asked_when_one_fails_but_not_when_it_decides() {
    let second = |kind: RecordType| match kind {
        A => Say::addresses(&["10.0.0.2"]),
        _ => Say::addresses(&[]),
    };
    for (first, decides) in [
        (Say::Nothing, false),
        (Say::Garbage, false),
        (Say::Code(ResponseCode::Refused), false),
        (Say::Code(ResponseCode::ServFail), false),
        (Say::Code(ResponseCode::NXDomain), true),
    ] {
        let what = format!("{first:?}");
        let one = NameServer::start(move |_, _| first.clone()).await;
        let port = one.address.port();
        let two = NameServer::at(([127, 0, 0, 2], port).into(), move |_, kind| second(kind)).await;
        let files = Files::new("", "nameserver 127.0.0.1\nnameserver 127.0.0.2", port);
        let resolved = files.resolve("api.example").await;
        assert_eq!(resolved != "10.0.0.2", decides, "{what}: {resolved}");
        assert_eq!(two.asked(A).is_empty(), decides, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_names_every_name_server_that_was_asked() {
    let one = NameServer::start(none).await;
    let port = one.address.port();
    let _two = NameServer::at(([127, 0, 0, 2], port).into(), |_, _| {
        Say::Code(ResponseCode::Refused)
    })
    .await;
    let files = Files::new(
        "",
        "nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n",
        port,
    );
    assert_eq!(
        files.resolve("api.example").await,
        "cannot resolve api.example: the name server 127.0.0.1 did not respond, 127.0.0.2 refused the query (REFUSED), \
         127.0.0.3 did not respond; check resolv.conf and the firewall"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn search_domains_are_tried_by_the_number_of_dots() {
    let server = NameServer::start(|_, _| Say::Code(ResponseCode::NXDomain)).await;
    for (resolv_conf, host, expected) in [
        ("", "api.example", "api.example."),
        (
            "search corp lab.",
            "api.example",
            "api.example. api.example.corp. api.example.lab.",
        ),
        ("search corp lab.", "api.example.", "api.example."),
        ("search corp lab.", "api", "api.corp. api.lab. api."),
        (
            "search corp\noptions ndots:2",
            "api.example",
            "api.example.corp. api.example.",
        ),
        ("search corp\noptions ndots:0", "api", "api. api.corp."),
        ("search corp\ndomain lab", "api", "api.lab. api."),
        ("domain lab\nsearch corp", "api", "api.corp. api."),
        ("search .", "api", "api."),
        (
            "search corp",
            "under_score._a.b-c",
            "under_score._a.b-c. under_score._a.b-c.corp.",
        ),
    ] {
        let files = Files::new(
            "",
            &format!("nameserver 127.0.0.1\n{resolv_conf}\n"),
            server.address.port(),
        );
        let before = server.asked(A).len();
        files.resolve(host).await;
        let asked = server.asked(A)[before..].join(" ");
        // Without a line, the machine's own domain is the one that is tried.
        let asked = if resolv_conf.is_empty() {
            asked.split(' ').next().unwrap().to_owned()
        } else {
            asked
        };
        assert_eq!(asked, expected, "{host} with {resolv_conf}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_unusable_line_leaves_the_rest_of_resolv_conf_in_use() {
    let server = NameServer::start(|_, _| Say::addresses(&["10.0.0.1"])).await;
    for line in [
        "nameserver 10.0.0.300",
        "nameserver",
        "nameserver fe80::1%eth0",
        "nameserver fe80::1",
        "options unknown ndots:x timeout:-1 edns0",
        "search -- a..b \u{fffd}",
        "sortlist 1/2/3",
        "nonsense",
        "; comment",
        "\tnameserver\t127.0.0.1\t# trailing comment\r",
    ] {
        let files = Files::new(
            "",
            &format!("{line}\nnameserver 127.0.0.1 ; comment\r\n"),
            server.address.port(),
        );
        assert_eq!(files.resolve("api.example").await, "10.0.0.1", "{line}");
    }
}

/// What becomes of `resolv.conf`.
fn spoil(path: &Path, how: &str) {
    fs::remove_file(path).unwrap();
    match how {
        "missing" => {}
        "empty" => fs::write(path, "").unwrap(),
        "a directory" => fs::create_dir(path).unwrap(),
        "too large" => fs::write(path, "#".repeat(100_000)).unwrap(),
        text => fs::write(path, text).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_usable_resolv_conf_the_machines_own_name_server_is_asked() {
    let server = NameServer::start(|_, kind| match kind {
        A => Say::addresses(&["10.0.0.1"]),
        _ => Say::addresses(&[]),
    })
    .await;
    let silent = NameServer::start(none).await;
    let mut running = JoinSet::new();
    for (how, since) in [
        ("missing", "resolv.conf is missing"),
        ("empty", "resolv.conf names no name server"),
        (
            "a directory",
            "resolv.conf cannot be read: it is a directory, not a regular file",
        ),
        (
            "too large",
            "resolv.conf cannot be read: it is larger than 64 KiB",
        ),
        (
            "nameserver fe80::1%eth0",
            "resolv.conf names only link-local name servers, which are not supported",
        ),
    ] {
        let (port, silent) = (server.address.port(), silent.address.port());
        running.spawn(async move {
            let files = Files::new("", "", port);
            spoil(&files.resolv_conf(), how);
            assert_eq!(files.resolve("api.example").await, "10.0.0.1", "{how}");
            let files = Files::new("", "", silent);
            spoil(&files.resolv_conf(), how);
            assert_eq!(
                files.resolve("api.example").await,
                format!(
                    "cannot resolve api.example: no name server responded within 4 s (asked 127.0.0.1), since {since}; \
                     check resolv.conf and the firewall"
                )
            );
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_the_hosts_file_and_of_this_machine_need_no_name_server() {
    let server = NameServer::start(none).await;
    for how in ["missing", "empty", "a directory", "nameserver 127.0.0.1"] {
        let files = Files::new(
            "10.0.0.7 pinned.example other # comment\r\n",
            "",
            server.address.port(),
        );
        spoil(&files.resolv_conf(), how);
        for (host, expected) in [
            ("pinned.example", "10.0.0.7"),
            ("PINNED.example.", "10.0.0.7"),
            ("other", "10.0.0.7"),
            ("localhost", "127.0.0.1 ::1"),
            ("localhost.", "127.0.0.1 ::1"),
            ("app.localhost", "127.0.0.1 ::1"),
            (
                "api.invalid",
                "cannot resolve api.invalid: no such name exists (RFC 6761, RFC 7686); check the name",
            ),
            ("10.0.0.8", "10.0.0.8"),
            ("2001:db8::8", "2001:db8::8"),
        ] {
            assert_eq!(files.resolve(host).await, expected, "{host}, {how}");
        }
    }
    assert_eq!(server.asked(A), [""; 0]);
    assert_eq!(server.asked(AAAA), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosts_file_that_cannot_be_used_is_named_when_the_name_is_not_found() {
    let server = NameServer::start(|_, _| Say::Code(ResponseCode::NXDomain)).await;
    let files = Files::new("", "nameserver 127.0.0.1", server.address.port());
    let line = "10.0.0.7 pinned.example\n";
    fs::write(files.hosts(), line.repeat((1 << 20) / line.len() + 1)).unwrap();
    assert_eq!(
        files.resolve("pinned.example").await,
        "cannot resolve pinned.example: the name server 127.0.0.1 reports that the name does not exist (NXDOMAIN); \
         check the name and resolv.conf; hosts was not used: it is larger than 1024 KiB"
    );
    fs::remove_file(files.hosts()).unwrap();
    let missing = files.resolve("pinned.example").await;
    assert!(!missing.contains("hosts"), "{missing}");
}

/// Resolves until it comes out as `expected`.
async fn until(files: &Files, names: &Names, expected: &str) {
    let start = Instant::now();
    loop {
        let resolved = files.shown(names.addresses("api.example").await);
        if resolved == expected {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{resolved}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_the_files_are_seen_without_a_restart() {
    let server = NameServer::start(|_, kind| match kind {
        A => Say::addresses(&["10.0.0.1"]),
        _ => Say::addresses(&[]),
    })
    .await;
    let files = Files::new("10.0.0.7 api.example\n", "", server.address.port());
    let names = files.names();
    until(&files, &names, "10.0.0.7").await;
    fs::write(files.hosts(), "").unwrap();
    until(&files, &names, "10.0.0.1").await;
    fs::write(files.hosts(), "10.0.0.8 api.example\n").unwrap();
    until(&files, &names, "10.0.0.8").await;
    fs::write(files.hosts(), "").unwrap();
    fs::write(files.resolv_conf(), "nameserver 127.0.0.9").unwrap();
    until(
        &files,
        &names,
        "cannot resolve api.example: no name server responded within 4 s (asked 127.0.0.9); check resolv.conf and the \
         firewall",
    )
    .await;
    fs::write(files.resolv_conf(), "nameserver 127.0.0.1").unwrap();
    until(&files, &names, "10.0.0.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_ask_once_and_what_is_found_is_kept_for_its_ttl() {
    let server = NameServer::start(|name, kind| match kind {
        A if name == "short.example." => Say::Addresses(parsed(&["10.0.0.1"]), 1),
        A => Say::Addresses(parsed(&["10.0.0.1"]), 3600),
        _ => Say::addresses(&[]),
    })
    .await;
    let files = Files::new("", "nameserver 127.0.0.1", server.address.port());
    let names = files.names();
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let names = names.clone();
        callers.spawn(async move { names.addresses("long.example").await.unwrap() });
    }
    for addresses in callers.join_all().await {
        assert_eq!(addresses, parsed(&["10.0.0.1"]));
    }
    let start = Instant::now();
    while server
        .asked(A)
        .iter()
        .filter(|name| *name == "short.example.")
        .count()
        < 3
    {
        names.addresses("short.example").await.unwrap();
        names.addresses("long.example").await.unwrap();
        assert!(start.elapsed() < PATIENCE, "{:?}", server.asked(A));
        sleep(Duration::from_millis(100)).await;
    }
    let long = server
        .asked(A)
        .iter()
        .filter(|name| *name == "long.example.")
        .count();
    assert_eq!(long, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_shared_by_those_who_wait_and_soon_forgotten() {
    let well = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&well);
    let server = NameServer::start(move |_, kind| match (kind, seen.load(Ordering::Relaxed)) {
        (_, false) => Say::Code(ResponseCode::NXDomain),
        (A, true) => Say::addresses(&["10.0.0.1"]),
        _ => Say::addresses(&[]),
    })
    .await;
    let files = Files::new("", "nameserver 127.0.0.1\nsearch .", server.address.port());
    let names = files.names();
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let names = names.clone();
        callers.spawn(async move { names.addresses("api.example").await.unwrap_err() });
    }
    assert_eq!(callers.join_all().await.len(), 1000);
    // One, or a few more on a machine so busy that the failure is forgotten meanwhile.
    let asked = server.asked(A).len();
    assert!(asked < 100, "{asked}");
    well.store(true, Ordering::Relaxed);
    until(&files, &names, "10.0.0.1").await;
}

/// Set where this program runs as the inner part of a test.
const INSIDE: &str = "TIMPUSH_TEST_NAMESPACE";

/// Runs the test `name` of this program again, in namespaces of its own: as root there,
/// with nothing but the loopback interface and these two files.
fn in_namespaces(name: &str, hosts: &str, resolv_conf: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("hosts"), hosts).unwrap();
    fs::write(path("resolv.conf"), resolv_conf).unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "--mount", "sh", "-euc"])
        .arg(
            "ip link set lo up\nfor file in hosts resolv.conf; do mount --bind \"$1/$file\" \"/etc/$file\"; done\n\
             exec \"$2\" --ignored --exact --nocapture \"$3\"",
        )
        .arg("sh")
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, "1")
        .output()
        .expect("unshare is installed");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn port_of(lab: &Lab) -> u16 {
    let (_, port) = lab.url.rsplit_once(':').unwrap();
    port.parse().unwrap()
}

/// Polls the simulator under these names until both APIs of each target are up.
async fn are_polled(lab: &Lab, hosts: &[&str]) {
    let port = port_of(lab);
    let regions: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(n, host)| format!("{{name: r{n}, url: \"http://{host}:{port}\", insecure: true}}"))
        .collect();
    let config = lab.write(
        "timpush.yml",
        &format!(
            "listen: 127.0.0.1:0\napps:\n  - {{name: shop, sdk_app_id: {SHOP}, identifier: administrator, \
             secret_key_file: shop.key, regions: [{}]}}\n",
            regions.join(", ")
        ),
    );
    let exporter = Exporter::run(&config).await;
    exporter
        .until("the first success of every target", |metrics| {
            let up = metrics.series("timpush_target_up", &[]);
            up.len() == 2 * hosts.len() && up.iter().all(|(_, value)| *value > 0.0)
        })
        .await;
}

/// The host aliases of Kubernetes in a network without DNS.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs unshare"]
async fn the_program_polls_a_host_of_the_hosts_file_without_any_name_server() {
    if std::env::var_os(INSIDE).is_some() {
        are_polled(
            &Lab::start(UNLIMITED).await,
            &["pinned.example", "under_score.example"],
        )
        .await;
        return;
    }
    let name = "names::the_program_polls_a_host_of_the_hosts_file_without_any_name_server";
    let hosts = "127.0.0.1 localhost\n127.0.0.1 pinned.example under_score.example # hostAliases\n";
    for resolv_conf in ["", "nameserver 10.0.0.2\n"] {
        in_namespaces(name, hosts, resolv_conf);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs unshare"]
async fn the_program_polls_a_host_whose_name_server_never_responds_for_ipv6() {
    if std::env::var_os(INSIDE).is_some() {
        let _server = NameServer::at(([127, 0, 0, 1], 53).into(), |name, kind| {
            match (name.ends_with("cluster.local."), kind) {
                (_, AAAA) => Say::Nothing,
                (true, _) => Say::Code(ResponseCode::NXDomain),
                _ => Say::addresses(&["127.0.0.1"]),
            }
        })
        .await;
        are_polled(
            &Lab::start(UNLIMITED).await,
            &["api.example", "under_score.example"],
        )
        .await;
        return;
    }
    in_namespaces(
        "names::the_program_polls_a_host_whose_name_server_never_responds_for_ipv6",
        "",
        "nameserver 127.0.0.3\nnameserver 127.0.0.1\noptions ndots:5\nsearch a.svc.cluster.local svc.cluster.local \
             cluster.local\n",
    );
}

/// Lets connections to `address` hang, as behind a firewall that drops packets: the queue
/// of those that nobody accepts is full.
async fn drop_packets_to(address: SocketAddr) -> impl Drop {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address).unwrap();
    let mut held = JoinSet::new();
    let listener = socket.listen(0).unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = timeout(Duration::from_secs(1), TcpStream::connect(address)).await {
        queue.push(stream.unwrap());
    }
    held.spawn(async move {
        let _held = (listener, queue);
        std::future::pending::<()>().await;
    });
    held
}

/// Serves what listens at the same port of 127.0.0.1 at `::1`, too.
async fn serve_at_ipv6(port: u16) -> impl Drop {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, port))
        .await
        .unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut streams = JoinSet::new();
        loop {
            let (mut outer, _) = listener.accept().await.unwrap();
            streams.spawn(async move {
                let mut inner = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    serving
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs unshare"]
async fn the_program_polls_a_host_of_which_one_address_drops_packets() {
    if std::env::var_os(INSIDE).is_some() {
        let lab = Lab::start(UNLIMITED).await;
        let _deaf = drop_packets_to(([127, 0, 0, 5], port_of(&lab)).into()).await;
        let _serving = serve_at_ipv6(port_of(&lab)).await;
        are_polled(&lab, &["other-family.example", "same-family.example"]).await;
        return;
    }
    in_namespaces(
        "names::the_program_polls_a_host_of_which_one_address_drops_packets",
        "127.0.0.5 other-family.example same-family.example\n::1 other-family.example\n127.0.0.1 same-family.example\n",
        "",
    );
}
