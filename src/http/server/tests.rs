use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as Blocking};

use axum::body::Body;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::Notify;

use super::progress::SharedBody;
use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

async fn start(router: Router) -> (Server, SocketAddr) {
    let (server, address, _) = counted(router).await;
    (server, address)
}

async fn counted(router: Router) -> (Server, SocketAddr, ConnectionCounts) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let counts = ConnectionCounts::new().unwrap();
    let front = Arc::new(Front::open());
    let server = Server::start(listener, router, front, counts.clone()).unwrap();
    (server, address, counts)
}

fn router() -> Router {
    Router::new()
        .route("/", get(async || "page"))
        .route("/-/healthy", get(async || "healthy"))
        .route("/-/reload", post(async || "reloaded"))
}

/// The whole response to a request with this head, which lacks only its end.
async fn ask(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.unwrap().unwrap();
    answer
}

async fn status(address: SocketAddr, head: &str) -> String {
    let answer = ask(address, head).await;
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// The test's runtime has one thread, which is blocked meanwhile.
#[tokio::test]
async fn health_is_told_while_all_threads_of_the_program_are_busy() {
    let (_server, address) = start(router()).await;
    let mut stream = Blocking::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
}

/// Requests here block their threads, as a bug would.
#[tokio::test]
async fn a_pulse_is_felt_while_threads_are_free_and_not_while_all_are_held() {
    let held = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let respond = async move || {
        tell.send(()).unwrap();
        let _ = wait.lock().unwrap().recv();
        "late"
    };
    let (server, address) = start(router().route("/held", get(respond))).await;
    let pulse = server.pulse();
    timeout(PATIENCE, pulse.felt()).await.unwrap();
    let mut clients = JoinSet::new();
    // Each from a different network, with one turn each; some may queue behind a request that
    // blocks its thread.
    for network in 1..=10 * held {
        clients.spawn(async move {
            let socket = TcpSocket::new_v4().unwrap();
            let network = u8::try_from(network % 250).unwrap();
            socket.bind(([127, network, 0, 1], 0).into()).unwrap();
            let mut stream = socket.connect(address).await.unwrap();
            stream
                .write_all(b"GET /held HTTP/1.0\r\n\r\n")
                .await
                .unwrap();
            let mut answer = String::new();
            let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
            read.unwrap().unwrap();
            answer
        });
        let _ = timeout(SWEEP, told.recv()).await;
        if timeout(SWEEP, pulse.felt()).await.is_err() {
            break;
        }
    }
    assert!(timeout(SWEEP, pulse.felt()).await.is_err());
    drop(go);
    timeout(PATIENCE, pulse.felt()).await.unwrap();
    while let Some(answer) = clients.join_next().await {
        assert!(answer.unwrap().ends_with("late"));
    }
    // A server that has ended has no pulse.
    server.stop(PATIENCE).await;
    assert!(timeout(SWEEP, pulse.felt()).await.is_err());
}

#[tokio::test]
async fn a_request_without_one_host_is_refused() {
    let (_server, address) = start(router()).await;
    for (request, expected) in [
        ("GET /-/healthy HTTP/1.1\r\n", "400"),
        ("GET /-/healthy HTTP/1.1\r\nHost: a\r\nHost: a\r\n", "400"),
        ("GET /-/healthy HTTP/1.1\r\nHost: a b\r\n", "400"),
        ("GET http://a/-/healthy HTTP/1.1\r\n", "400"),
        ("GET /-/healthy HTTP/1.0\r\n", "200"),
        ("GET /-/healthy HTTP/1.1\r\nHost:\r\n", "200"),
        ("GET /-/healthy HTTP/1.1\r\nHost: a\r\n", "200"),
    ] {
        assert_eq!(status(address, request).await, expected, "{request}");
    }
}

#[tokio::test]
async fn a_page_cannot_read_by_a_name_of_its_own_what_listens_on_loopback() {
    let (_server, address) = start(router()).await;
    for (target, host, expected) in [
        ("/", "attacker.example:10898", "421"),
        ("/metrics", "attacker.example", "421"),
        ("http://attacker.example/", "localhost", "421"),
        ("/-/healthy", "attacker.example", "200"),
        ("/", "localhost:10898", "200"),
        ("/", "127.0.0.1", "200"),
        ("/", "10.0.0.1:10898", "200"),
        ("http://localhost/", "attacker.example", "200"),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n");
        assert_eq!(status(address, &request).await, expected, "{request}");
    }
    let request = "GET / HTTP/1.1\r\nHost: attacker.example\r\n";
    assert!(ask(address, request).await.contains("must set Host"));
}

#[tokio::test]
async fn what_listens_on_all_addresses_may_have_any_name() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let counts = ConnectionCounts::new().unwrap();
    let _server = Server::start(listener, router(), Arc::new(Front::open()), counts).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: exporter.example\r\n";
    assert_eq!(status(([127, 0, 0, 1], port).into(), request).await, "200");
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_not_waited_for() {
    let (_server, address) = start(router()).await;
    for length in ["1", "99999999999"] {
        let request = format!(
            "POST /-/reload HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
        read.expect("the connection ends").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

const LARGE: usize = 14 << 20;

/// One body of 14 MB for all.
struct Large(Bytes);

impl SharedBody for Large {
    fn id(&self) -> (usize, u8) {
        (self.0.as_ptr().addr(), 0)
    }

    fn piece(&self, index: usize) -> Option<Bytes> {
        (index == 0).then(|| self.0.clone())
    }
}

#[tokio::test]
async fn many_may_be_slow_with_the_same_large_body() {
    let body = Bytes::from(vec![b'x'; LARGE]);
    let respond = async move || {
        let mut response = Response::new(Body::from(body.clone()));
        let shared: Arc<dyn SharedBody> = Arc::new(Large(body));
        response.extensions_mut().insert(shared);
        response
    };
    let (_server, address, counts) = counted(Router::new().route("/", get(respond))).await;
    let mut readers = JoinSet::new();
    for _ in 0..64 {
        readers.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            // Long enough for some sweeps.
            tokio::time::sleep(4 * SWEEP).await;
            let mut buffer = vec![0; 1 << 16];
            let mut sum = 0;
            loop {
                match stream.read(&mut buffer).await.unwrap() {
                    0 => break sum,
                    bytes => sum += bytes,
                }
            }
        });
    }
    while let Some(sum) = readers.join_next().await {
        assert!(sum.unwrap() > LARGE);
    }
    assert_eq!(Closed::ALL.map(|reason| counts.closed(reason)), [0; 5]);
}

#[tokio::test]
async fn the_end_waits_for_responses_under_way_and_for_nobody_else() {
    let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&asked), Arc::clone(&go));
    let respond = async move || {
        tell.notify_one();
        wait.notified().await;
        "late"
    };
    let router = router().route("/late", get(respond));
    let (server, address) = start(router).await;
    let _fresh = TcpStream::connect(address).await.unwrap();
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let late = async { ask(address, "GET /late HTTP/1.1\r\nHost: localhost\r\n").await };
    let stop = async {
        asked.notified().await;
        let stop = timeout(2 * PATIENCE, server.stop(PATIENCE));
        let go = async {
            // Connections that wait for a request end first.
            let mut rest = Vec::new();
            let read = timeout(PATIENCE, half.read_to_end(&mut rest)).await;
            let _ = read.expect("the connection ends");
            go.notify_one();
        };
        tokio::join!(stop, go).0.expect("the server ends")
    };
    let (answer, all_ended) = tokio::join!(late, stop);
    assert!(answer.ends_with("late"), "{answer}");
    assert!(all_ended);
}

#[tokio::test]
async fn the_end_cuts_off_what_takes_too_long() {
    let asked = Arc::new(Notify::new());
    let tell = Arc::clone(&asked);
    let respond = async move || {
        tell.notify_one();
        std::future::pending::<&str>().await
    };
    let (server, address) = start(Router::new().route("/", get(respond))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    asked.notified().await;
    assert!(!server.stop(Duration::from_millis(10)).await);
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    assert!(read.expect("the connection ends").is_err() || rest.is_empty());
}
