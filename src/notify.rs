//! Notifications for a service manager over the socket in `NOTIFY_SOCKET`, in systemd's protocol.
//! Without that variable, none are sent.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::sleep;
use tracing::warn;

/// The maximum length of the status, in characters: it is shown on one line.
const LONGEST_STATUS: usize = 400;

/// How often a message is tried while the manager's queue is full, and the pause between two tries.
/// The message about a start or a reload must arrive, so up to five seconds are acceptable.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// The service manager that started the process, if it wants notifications.
pub struct Manager {
    /// Absent if there is no manager.
    told_at: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
    /// Whether a message could not be sent, which is logged once.
    failed: AtomicBool,
}

impl Manager {
    /// The manager that the environment names.
    pub fn from_environment() -> Self {
        Self::of(|name| env::var_os(name), process::id())
    }

    /// `own` is this process's ID.
    fn of(variable: impl Fn(&str) -> Option<OsString>, own: u32) -> Self {
        let address = variable("NOTIFY_SOCKET").filter(|address| !address.is_empty());
        let told_at = address.and_then(|address| match socket(&address) {
            Ok(told_at) => Some(told_at),
            Err(error) => {
                warn!("cannot use NOTIFY_SOCKET: {error}");
                None
            }
        });
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        // A setting for the parent process does not apply to this process.
        let is_meant = number("WATCHDOG_PID").is_none_or(|meant| meant == u64::from(own));
        let watchdog = number("WATCHDOG_USEC").filter(|within| *within > 0 && is_meant);
        Self {
            told_at,
            watchdog: watchdog.map(Duration::from_micros),
            failed: AtomicBool::new(false),
        }
    }

    /// Whether there is a manager to notify.
    pub fn listens(&self) -> bool {
        self.told_at.is_some()
    }

    /// The watchdog's interval: how often the manager expects to hear that the program is alive.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Reports that the program works, after a start or after a reload.
    pub async fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={}", line(status)))
            .await;
    }

    /// Reports that a reload has begun; [`Self::ready`] ends it.
    pub async fn reloading(&self) {
        // The manager compares this time with the time of its request.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"))
            .await;
    }

    /// Reports that the program is stopping on request.
    pub async fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping").await;
    }

    /// Reports the status text for people.
    pub async fn status(&self, status: &str) {
        self.tell(&format!("STATUS={}", line(status))).await;
    }

    /// Reports that the program is alive.
    pub async fn alive(&self) {
        self.tell("WATCHDOG=1").await;
    }

    async fn tell(&self, message: &str) {
        let Some((socket, address)) = &self.told_at else {
            return;
        };
        let mut result = Ok(0);
        for _ in 0..TRIES {
            // Resolved by name each time: a restarted manager has another socket.
            result = socket.send_to_addr(message.as_bytes(), address);
            match &result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(PAUSE).await,
                _ => break,
            }
        }
        if let Err(error) = result
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            warn!("cannot tell the service manager how the program is: {error}");
        }
    }
}

/// A socket that never blocks, and the address to send to.
fn socket(address: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(address)?,
        _ => {
            return Err(io::Error::other(
                "it is neither a path nor an abstract name",
            ));
        }
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// One line: a line break would begin another assignment.
fn line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(LONGEST_STATUS).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Manager {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Manager::of(variable, 7)
    }

    #[test]
    fn an_address_is_a_path_or_an_abstract_name() {
        let long = format!("/{}", "x".repeat(200));
        for (address, is_one) in [
            ("/run/systemd/notify", true),
            ("@abstract/name", true),
            ("", false),
            ("relative", false),
            ("vsock:2:1234", false),
            (&long, false),
        ] {
            let manager = of(&[("NOTIFY_SOCKET", address)]);
            assert_eq!(manager.listens(), is_one, "{address}");
        }
        assert!(!of(&[]).listens());
    }

    #[test]
    fn the_watchdog_is_that_of_this_process_alone() {
        let within = |variables: &[_]| of(variables).watchdog().map(|it| it.as_micros());
        assert_eq!(within(&[]), None);
        assert_eq!(within(&[("WATCHDOG_USEC", "0")]), None);
        assert_eq!(within(&[("WATCHDOG_USEC", "soon")]), None);
        let half = ("WATCHDOG_USEC", "500000");
        assert_eq!(within(&[half]), Some(500_000));
        assert_eq!(within(&[half, ("WATCHDOG_PID", "7")]), Some(500_000));
        assert_eq!(within(&[half, ("WATCHDOG_PID", "8")]), None);
    }

    #[test]
    fn a_status_assigns_nothing_else() {
        assert_eq!(line("bad file\nREADY=1"), "bad file READY=1");
        assert_eq!(line(&"é".repeat(1000)).chars().count(), LONGEST_STATUS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_holds_nobody_up_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let manager = of(&[("NOTIFY_SOCKET", path.to_str().unwrap())]);
        let mut sent = 0;
        while !manager.failed.load(Ordering::Relaxed) {
            manager.alive().await;
            sent += 1;
        }
        // Only the message that did not fit is missing.
        listener.set_nonblocking(true).unwrap();
        let mut buffer = [0; 100];
        let mut received = 0;
        while let Ok(length) = listener.recv(&mut buffer) {
            assert_eq!(&buffer[..length], b"WATCHDOG=1");
            received += 1;
        }
        assert_eq!(received, sent - 1);
        manager.ready("serving").await;
        let length = listener.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1\nSTATUS=serving");
    }
}
