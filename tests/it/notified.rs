//! What a service manager hears from the program, over a socket like systemd's.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram as Blocking};
use std::process::Command;

use rustix::time::{ClockId, clock_gettime};
use timpush_exporter::simulator::Scenario;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::lab::{BINARY, Exporter, Lab, PATIENCE, SHOP, UNLIMITED, http};

const WATCHDOG: &str = "WATCHDOG=1";

/// The manager's end.
struct Manager(UnixDatagram);

impl Manager {
    fn at(address: &SocketAddr) -> Self {
        let socket = Blocking::bind_addr(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self(UnixDatagram::from_std(socket).unwrap())
    }

    async fn hears(&self) -> String {
        let mut buffer = [0; 4096];
        let length = timeout(PATIENCE, self.0.recv(&mut buffer)).await;
        let length = length.expect("nothing is said").unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The next message that is not only about the watchdog or the status.
    async fn hears_news(&self) -> String {
        let heard = async {
            loop {
                let said = self.hears().await;
                if said != WATCHDOG && !said.starts_with("STATUS=") {
                    break said;
                }
            }
        };
        timeout(PATIENCE, heard).await.expect("there is no news")
    }

    async fn until(&self, expected: impl Fn(&str) -> bool) {
        let heard = async { while !expected(&self.hears().await) {} };
        timeout(PATIENCE, heard).await.expect("it is never said");
    }

    /// What else was said.
    fn rest(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let mut rest = Vec::new();
        while let Ok(length) = self.0.try_recv(&mut buffer) {
            rest.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        rest
    }
}

fn config(lab: &Lab, more: &str) -> std::path::PathBuf {
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\n{more}\n\
         defaults: {{interval: 1s, lag: 10s, step: 1s}}\napps:\n{}",
        Lab::app("shop", SHOP, &lab.url)
    );
    lab.write("timpush.yml", &text)
}

async fn run(config: &std::path::Path, variables: &[(&str, &str)]) -> Exporter {
    let mut command = Command::new(BINARY);
    command.args(["run", "--log-format", "json", "--config"]);
    Exporter::spawn(command.arg(config).envs(variables.iter().copied())).await
}

fn monotonic_micros() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

/// A reload that began after `asked`: when it did, and the message that ends it.
async fn reload(manager: &Manager, asked: i64) -> String {
    let began = manager.hears_news().await;
    let micros = began.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    let micros: i64 = micros.expect(&began).parse().unwrap();
    assert!((asked..=monotonic_micros()).contains(&micros), "{began}");
    manager.hears_news().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_hears_of_start_reload_life_and_end() {
    let lab = Lab::start(UNLIMITED).await;
    let path = lab.path("notify");
    let manager = Manager::at(&SocketAddr::from_pathname(&path).unwrap());
    let socket = path.to_str().unwrap();
    let variables = [("NOTIFY_SOCKET", socket), ("WATCHDOG_USEC", "200000")];
    let mut exporter = run(&config(&lab, ""), &variables).await;
    let serving = format!("serving on {}: 1 target", exporter.url);
    let said = manager.hears().await;
    assert_eq!(said, format!("READY=1\nSTATUS={serving}, 1 not polled yet"));
    for _ in 0..2 {
        manager.until(|said| said == WATCHDOG).await;
    }
    let polled = format!("STATUS={serving}");
    manager.until(|said| said == polled).await;

    let asked = monotonic_micros();
    exporter.signal("HUP");
    let said = reload(&manager, asked).await;
    assert_eq!(said, format!("READY=1\nSTATUS={serving}"));

    config(&lab, "nonsense: 1");
    let asked = monotonic_micros();
    let response = http().post(format!("{}/-/reload", exporter.url)).send();
    assert_eq!(response.await.unwrap().status(), 400);
    let said = reload(&manager, asked).await;
    let refused = "; the latest reload was refused, see the log";
    assert_eq!(said, format!("READY=1\nSTATUS={serving}{refused}"));
    manager.until(|said| said == WATCHDOG).await;

    let scenario = r#"{"rules": [{"fault": {"error": {"code": 90045}}}]}"#;
    let scenario = Scenario::from_json(scenario).unwrap();
    lab.simulator.set_scenario(scenario);
    let failing = format!("STATUS={serving}, 1 failing{refused}");
    manager.until(|said| said == failing).await;

    assert_eq!(exporter.stop("TERM").await, Some(0));
    assert_eq!(manager.hears_news().await, "STOPPING=1\nSTATUS=stopping");
    let rest = manager.rest();
    assert!(rest.iter().all(|said| said == WATCHDOG), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abstract_socket_is_as_good_and_a_watchdog_of_another_is_not_fed() {
    let lab = Lab::start(UNLIMITED).await;
    let name = format!("timpush-test-{}", std::process::id());
    let manager = Manager::at(&SocketAddr::from_abstract_name(&name).unwrap());
    let variables = [
        ("NOTIFY_SOCKET", &*format!("@{name}")),
        ("WATCHDOG_USEC", "20000"),
        ("WATCHDOG_PID", "1"),
    ];
    let mut exporter = run(&config(&lab, ""), &variables).await;
    let said = manager.hears().await;
    assert!(said.starts_with("READY=1\n"), "{said}");
    exporter
        .until("a poll", |metrics| {
            metrics.sum("timpush_target_up", &[]) == Some(2.0)
        })
        .await;
    assert_eq!(exporter.stop("INT").await, Some(0));
    let said = manager.hears().await;
    assert!(said.starts_with("STOPPING=1\n"), "{said}");
    assert_eq!(manager.rest(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_cannot_be_told_is_named_once_and_keeps_nothing_from_working() {
    let lab = Lab::start(UNLIMITED).await;
    for (socket, told) in [
        ("/nowhere/at/all", "cannot tell the service manager"),
        ("nonsense", "cannot use NOTIFY_SOCKET"),
    ] {
        let variables = [("NOTIFY_SOCKET", socket), ("WATCHDOG_USEC", "20000")];
        let mut exporter = run(&config(&lab, ""), &variables).await;
        exporter
            .until("a poll", |metrics| {
                metrics.sum("timpush_target_up", &[]) == Some(2.0)
            })
            .await;
        assert_eq!(exporter.stop("TERM").await, Some(0));
        let log = exporter.log();
        assert_eq!(log.matches(told).count(), 1, "{log}");
    }
}
