//! Connections that are kept for further calls, and how they end.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const API: Api = Api::NormalPushLoss;

/// How a connection ends after a request that gets no response.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It is closed cleanly.
    Close,
    /// It is reset, as by a firewall that has forgotten it.
    Reset,
}

/// A host whose connections each respond to a number of requests and then end. `responses`
/// lists these numbers; the last one applies to all further connections.
async fn host(responses: &'static [usize], end: End) -> (impl Sized, Client, Target, Counted) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        for n in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let count = responses[n.min(responses.len() - 1)];
            connections.spawn(serve(stream, count, end));
        }
    });
    let (simulator, client, target, metrics) = lab(|_| Region {
        name: "singapore".to_owned(),
        main: url.parse().unwrap(),
        backup: None,
    })
    .await;
    ((server, simulator), client, target, metrics)
}

async fn serve(mut stream: TcpStream, count: usize, end: End) {
    let body = r#"{"ActionStatus":"OK","ErrorCode":0}"#;
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..count {
        if read(&mut stream).await {
            stream.write_all(response.as_bytes()).await.unwrap();
        }
    }
    match end {
        // Since the request is unread, the system resets the connection.
        End::Reset => stream.readable().await.unwrap(),
        End::Close => drop(read(&mut stream).await),
    }
}

/// Whether a request arrived.
async fn read(stream: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn a_call_that_is_lost_with_a_kept_connection_is_made_once_more_and_is_no_outcome() {
    for end in [End::Close, End::Reset] {
        let (_tasks, client, target, metrics) = host(&[1], end).await;
        let mut asked = 0;
        // A connection may not return to the pool in time for reuse.
        while metrics.calls().retries(API) == 0 {
            assert!(asked < 1000, "no connection is ever kept");
            client.fetch(&target, API, range()).await.unwrap();
            asked += 1;
        }
        assert_eq!(metrics.calls().retries(API), 1, "{end:?}");
        assert_eq!(metrics.requests(Outcome::Ok), asked, "{end:?}");
        assert_eq!(metrics.requests(Outcome::Connect), 0, "{end:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_lost_with_a_fresh_connection_is_an_outcome_at_once() {
    for end in [End::Close, End::Reset] {
        let (_tasks, client, target, metrics) = host(&[0], end).await;
        let error = client.fetch(&target, API, range()).await.unwrap_err();
        assert_eq!(error.outcome, Outcome::Connect, "{end:?}");
        assert_eq!(metrics.requests(Outcome::Connect), 1, "{end:?}");
        assert_eq!(metrics.calls().retries(API), 0, "{end:?}");
    }
}

#[tokio::test]
async fn a_call_is_not_made_a_third_time() {
    let (_tasks, client, target, metrics) = host(&[1, 0], End::Close).await;
    client.fetch(&target, API, range()).await.unwrap();
    let error = client.fetch(&target, API, range()).await.unwrap_err();
    assert_eq!(error.outcome, Outcome::Connect);
    assert_eq!(metrics.requests(Outcome::Connect), 1);
    assert!(metrics.calls().retries(API) <= 1);
}
