//! What a hostile client does, one test each: other scrapers are served, polling goes on, and
//! memory is bounded. `tests/bench/attacks` measures the same at full size.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::lab::{Exporter, Lab, PATIENCE, SHOP, UNLIMITED, until};
use crate::web_client::Client;

/// The cap on open connections is 512.
const OVER_THE_CAP: usize = 700;

/// With a debug build and all connections full.
const MOST_MEMORY: u64 = 128 << 20;

/// A scrape that takes longer than this has failed for its server.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Polls every second.
struct Site {
    lab: Lab,
    exporter: Exporter,
    client: Client,
}

impl Site {
    async fn new() -> Self {
        let lab = Lab::start(UNLIMITED).await;
        let text = format!(
            "listen: 127.0.0.1:0\ncalls_per_second: 50\n\
             defaults: {{interval: 1s, timeout: 2s, lag: 10s, step: 1s}}\napps:\n{}",
            Lab::app("shop", SHOP, &lab.url)
        );
        let exporter = Exporter::run(&lab.write("timpush.yml", &text)).await;
        let client = Client::plain(&exporter.url);
        Self {
            lab,
            exporter,
            client,
        }
    }

    /// Scrapes for a while from the attackers' address and from another, and checks that
    /// all is well with scrapes and polls.
    async fn is_well_for(&self, length: Duration) {
        let start = Instant::now();
        let calls = self.lab.simulator.calls().len();
        while start.elapsed() < length {
            for address in [[127, 0, 0, 1], [127, 0, 0, 2]] {
                let answer =
                    timeout(SCRAPE_TIMEOUT, self.client.from(address).get("/metrics")).await;
                let answer = answer.expect("a scrape in time").expect("an answer");
                assert_eq!(answer.status, 200);
                assert!(answer.text.contains("timpush_target_up"), "{}", answer.text);
            }
            sleep(Duration::from_millis(100)).await;
        }
        // Each poll asks at least two APIs.
        let calls = self.lab.simulator.calls().len() - calls;
        let due = 2 * usize::try_from(start.elapsed().as_secs()).unwrap();
        assert!(calls + 2 >= due, "{calls} calls in place of {due}");
        let memory = self.exporter.peak_memory();
        assert!(memory < MOST_MEMORY, "{memory}");
    }

    async fn crowd(&self, size: usize, first: &[u8]) -> Vec<TcpStream> {
        let mut crowd = Vec::new();
        for _ in 0..size {
            let mut stream = self.client.connect().await.unwrap();
            // It may have had to give way already.
            let _ = stream.write_all(first).await;
            crowd.push(stream);
        }
        crowd
    }
}

/// How many of the connections are still open.
fn open(crowd: &mut [TcpStream]) -> usize {
    let mut open = 0;
    for stream in crowd {
        let mut buffer = [0; 4096];
        loop {
            match stream.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    open += 1;
                    break;
                }
                Err(_) => break,
            }
        }
    }
    open
}

#[tokio::test(flavor = "multi_thread")]
async fn half_requests_end_however_they_drip_and_nobody_waits_for_them() {
    let site = Site::new().await;
    let mut crowd = site
        .crowd(400, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n")
        .await;
    sleep(Duration::from_millis(200)).await;
    assert_eq!(open(&mut crowd), 400);
    let start = Instant::now();
    while open(&mut crowd) > 0 {
        for stream in &mut crowd {
            let _ = stream.write_all(b"X: y\r\n").await;
        }
        site.is_well_for(Duration::from_secs(1)).await;
        assert!(start.elapsed() < Duration::from_secs(25), "still open");
    }
    assert!(
        start.elapsed() > Duration::from_secs(5),
        "a slow client is no attack"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_over_the_cap_give_way_to_new_ones() {
    let site = Site::new().await;
    let mut crowd = site.crowd(OVER_THE_CAP, b"").await;
    let mut left = OVER_THE_CAP;
    until("fewer connections", &site.exporter, async || {
        left = open(&mut crowd);
        left <= 512
    })
    .await;
    assert!((400..=512).contains(&left), "{left}");
    assert!(
        open(&mut crowd[..OVER_THE_CAP - 512]) < 20,
        "the oldest go first"
    );
    site.is_well_for(Duration::from_secs(2)).await;
    let said = site.exporter.log().matches("too many connections").count();
    assert_eq!(said, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_was_served_before_is_not_disturbed_by_a_crowd_from_elsewhere() {
    let site = Site::new().await;
    let mut scraper = site.client.from([127, 0, 0, 2]).connect().await.unwrap();
    let mut buffer = vec![0; 1 << 20];
    for _ in 0..3 {
        let crowd = site
            .crowd(OVER_THE_CAP, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        scraper
            .write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        let read = timeout(PATIENCE, scraper.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200 OK\r\n"));
        drop(crowd);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_requests_are_refused_with_their_status() {
    let site = Site::new().await;
    let fields = |n: usize, size: usize| format!("X: {}\r\n", "y".repeat(size)).repeat(n);
    for (what, request, statuses) in [
        (
            "a large field",
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", fields(1, 20_000)),
            &[431][..],
        ),
        (
            "many fields",
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", fields(100, 1)),
            &[431],
        ),
        (
            "an endless head",
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}", fields(3_000, 300)),
            &[431, 0],
        ),
        (
            "a long path",
            format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "y".repeat(20_000)),
            &[414, 431],
        ),
        (
            "a large body",
            "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n".to_owned(),
            &[405],
        ),
        (
            "a large body in chunks",
            format!(
                "POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                format!("400\r\n{}\r\n", "y".repeat(1024)).repeat(32)
            ),
            &[405],
        ),
        (
            "a small body",
            "POST /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\ny"
                .to_owned(),
            &[405],
        ),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\ny"
                .to_owned(),
            &[400],
        ),
        (
            "nonsense",
            "\x16\x03\x01 nonsense\r\n\r\n".to_owned(),
            &[400],
        ),
    ] {
        let answer = site.client.send(request.as_bytes()).await;
        // A client that is still sending when it is refused may see nothing but a reset.
        let status = answer.map_or(0, |answer| answer.status);
        assert!(statuses.contains(&status), "{what}: {status}");
    }
    site.is_well_for(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_take_no_answer_are_left() {
    let site = Site::new().await;
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(400);
    let mut readers = JoinSet::new();
    for _ in 0..60 {
        let mut stream = site.client.connect().await.unwrap();
        let request = request.clone();
        readers.spawn(async move {
            let sent = async {
                // Until both sides' buffers are full, and then for as long as it takes.
                while stream.write_all(&request).await.is_ok() {}
            };
            timeout(PATIENCE, sent).await.expect("the connection ends");
        });
    }
    site.is_well_for(Duration::from_secs(3)).await;
    let start = Instant::now();
    while let Some(ended) = readers.join_next().await {
        ended.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_requests_leaves_polls_and_scrapes_alive() {
    let site = Site::new().await;
    let mut flood = JoinSet::new();
    for n in 0..64 {
        let mut stream = site.client.connect().await.unwrap();
        flood.spawn(async move {
            // Every second one sends its requests in one go.
            let request =
                b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1 + 19 * (n % 2));
            let mut buffer = vec![0; 1 << 16];
            while stream.write_all(&request).await.is_ok() {
                let _ = stream.read(&mut buffer).await;
            }
        });
    }
    site.is_well_for(Duration::from_secs(4)).await;
    flood.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_does_not_delay_the_end() {
    let mut site = Site::new().await;
    let mut crowd = site.crowd(100, b"GET / HTTP/1.1\r\nHost:").await;
    crowd.extend(site.crowd(100, b"").await);
    crowd.extend(
        site.crowd(100, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await,
    );
    let start = Instant::now();
    assert_eq!(site.exporter.stop("TERM").await, Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(6),
        "{:?}",
        start.elapsed()
    );
    drop(crowd);
}
