//! Responses given byte by byte, which the simulator cannot send.

use std::io::Write;
use std::sync::Mutex;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::model::reading::Reading;

const GOOD: &[u8] = br#"{"ActionStatus":"OK","ErrorCode":0,"ReadyToSendLoss":[{"ErrCode":"1","ErrCount":5,"ErrInfo":"x"}]}"#;

/// A host that sends the same response to every call.
struct Host {
    client: Client,
    target: Target,
    metrics: Counted,
    /// The head of each request.
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: (JoinSet<()>, JoinSet<()>),
}

impl Host {
    async fn answering(status: &str, headers: &str, body: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut response = format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        response.extend_from_slice(body);
        let mut server = JoinSet::new();
        let seen = Arc::clone(&requests);
        server.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    stream.read_buf(&mut request).await.unwrap();
                }
                seen.lock()
                    .unwrap()
                    .push(String::from_utf8(request).unwrap());
                // The client may have stopped reading.
                let _ = stream.write_all(&response).await;
            }
        });
        let (simulator, client, target, metrics) = lab(|_| Region {
            name: "singapore".to_owned(),
            main: url.parse().unwrap(),
            backup: None,
        })
        .await;
        Self {
            client,
            target,
            metrics,
            requests,
            _tasks: (server, simulator),
        }
    }

    async fn fetch(&self) -> Result<Reading, FetchError> {
        self.client
            .fetch(&self.target, Api::NormalPushLoss, range())
            .await
    }

    fn skew(&self) -> Option<f64> {
        let value = self
            .metrics
            .line(r#"timpush_clock_skew_seconds{region="singapore"}"#)?;
        value.parse().ok()
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn rows(result: &Result<Reading, FetchError>) -> usize {
    match result {
        Ok(Reading::Loss(rows)) => rows.len(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_compressed_body_is_read_although_it_was_not_asked_for() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(GOOD).unwrap();
    for (coding, body) in [
        ("identity", GOOD.to_vec()),
        ("gzip", gzip(GOOD)),
        ("deflate", zlib.finish().unwrap()),
    ] {
        let headers = format!("content-encoding: {coding}\r\n");
        let host = Host::answering("200 OK", &headers, &body).await;
        assert_eq!(rows(&host.fetch().await), 1, "{coding}");
        let requests = host.requests.lock().unwrap();
        assert!(
            requests[0].contains("accept-encoding: identity\r\n"),
            "{requests:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_decoded_is_malformed_and_says_why() {
    for (coding, body, reason) in [
        ("br", GOOD.to_vec(), "in the content coding \"br\""),
        ("gzip", GOOD.to_vec(), "not compressed as"),
        ("deflate", gzip(GOOD), "not compressed as"),
    ] {
        let headers = format!("content-encoding: {coding}\r\n");
        let host = Host::answering("200 OK", &headers, &body).await;
        let error = host.fetch().await.unwrap_err();
        assert_eq!(error.outcome, Outcome::Malformed, "{error}");
        assert!(error.message.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_small_body_that_grows_beyond_the_bound_is_too_large() {
    let bomb = gzip(&vec![b' '; 8 * 1024 * 1024 + 1]);
    assert!(bomb.len() < 64 * 1024);
    let host = Host::answering("200 OK", "content-encoding: gzip\r\n", &bomb).await;
    assert_eq!(host.fetch().await.unwrap_err().outcome, Outcome::TooLarge);
}

#[tokio::test]
async fn a_large_body_says_what_a_small_one_says() {
    let mut body = GOOD.to_vec();
    body.resize(300_000, b' ');
    let host = Host::answering("200 OK", "", &body).await;
    assert_eq!(rows(&host.fetch().await), 1);
}

#[tokio::test]
async fn a_host_that_asks_for_more_time_than_a_pause_is_not_called_again_at_once() {
    for (status, outcome) in [
        ("503 Service Unavailable", Outcome::HttpStatus),
        ("200 OK", Outcome::Transient),
    ] {
        let refusal = br#"{"ActionStatus":"FAIL","ErrorCode":91000}"#;
        let host = Host::answering(status, "retry-after: 30\r\n", refusal).await;
        let error = host.fetch().await.unwrap_err();
        assert_eq!(error.outcome, outcome);
        assert_eq!(error.retry_after, Some(Duration::from_secs(30)));
        assert!(error.message.contains("Retry-After: 30 s"), "{error}");
        assert_eq!(host.requests.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_clock_of_a_gateway_is_not_the_services() {
    const DATE: &str = "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    for (status, body) in [
        ("502 Bad Gateway", &b"<html>"[..]),
        ("200 OK", b"<html>"),
        ("200 OK", b"{}"),
        ("404 Not Found", GOOD),
    ] {
        let host = Host::answering(status, DATE, body).await;
        host.fetch().await.unwrap_err();
        assert_eq!(host.skew(), None, "{status}");
    }
    let refusal = &br#"{"ActionStatus":"FAIL","ErrorCode":90009}"#[..];
    for body in [GOOD, refusal] {
        let host = Host::answering("200 OK", DATE, body).await;
        let _ = host.fetch().await;
        assert!(host.skew().unwrap() > 1e9);
    }
}

#[tokio::test]
async fn the_list_of_tasks_is_asked_for_in_both_spellings_of_its_order_before_it_fails() {
    let body = br#"{"ActionStatus":"FAIL","ErrorCode":90104,"ErrorInfo":"OrderBy"}"#;
    let host = Host::answering("200 OK", "", body).await;
    let error = host.client.scheduled(&host.target, range()).await;
    assert_eq!(error.unwrap_err().code, Some(90104));
    let requests = host.requests.lock().unwrap();
    let orders: Vec<bool> = ["schedat", "schedAt"]
        .iter()
        .zip(requests.iter())
        .map(|(order, request)| {
            let is_list = request.starts_with("POST /v4/timpush/list_sched_task?");
            is_list && request.contains(&format!(r#""OrderBy":"{order}""#))
        })
        .collect();
    assert_eq!((requests.len(), orders), (2, vec![true, true]));
}

#[tokio::test]
async fn tasks_are_asked_about_by_their_ids_and_their_calls_are_not_those_of_polls() {
    let body =
        br#"{"ActionStatus":"OK","ErrorCode":0,"Results":[{"TaskID":"a","ReadyToSendLoss":[]}]}"#;
    let host = Host::answering("200 OK", "", body).await;
    let ids = ["a", "b"].map(|id| id.parse().unwrap());
    let api = Api::AllMemberPushLoss;
    let readings = host.client.tasks(&host.target, api, range(), &ids).await;
    assert_eq!(readings.unwrap().keys().collect::<Vec<_>>(), ["a"]);
    let requests = host.requests.lock().unwrap();
    assert!(requests[0].starts_with("POST /v4/timpush/all_member_push_loss?"));
    assert!(
        requests[0].ends_with(r#""TaskID":["a","b"]}"#),
        "{requests:?}"
    );
    assert_eq!(host.metrics.requests(Outcome::Ok), 0);
}
