//! A name server that says what a test wants, over UDP and TCP at one port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// What it says to a query.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Nothing,
    Code(ResponseCode),
    /// The addresses of the family that was asked for, with a TTL in seconds.
    Addresses(Vec<IpAddr>, u32),
    /// The same under another name, and the alias that leads there.
    Alias(&'static str, Vec<IpAddr>),
    /// Over UDP, that TCP must be used; there, the addresses.
    Truncated(Vec<IpAddr>),
    Garbage,
}

impl Say {
    pub(crate) fn addresses(addresses: &[&str]) -> Self {
        Self::Addresses(parsed(addresses), 3600)
    }
}

pub(crate) fn parsed(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|a| a.parse().unwrap()).collect()
}

type Behaviour = dyn Fn(&str, RecordType) -> Say + Send + Sync;

pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, RecordType)>>>,
    _task: JoinSet<()>,
}

impl NameServer {
    /// At a free port of 127.0.0.1.
    pub(crate) async fn start(
        say: impl Fn(&str, RecordType) -> Say + Send + Sync + 'static,
    ) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), say).await
    }

    /// Port 0 means a free one.
    pub(crate) async fn at(
        address: SocketAddr,
        say: impl Fn(&str, RecordType) -> Say + Send + Sync + 'static,
    ) -> Self {
        let (udp, tcp) = loop {
            let tcp = TcpListener::bind(address).await.unwrap();
            // Somebody else may have the same number for UDP.
            match UdpSocket::bind(tcp.local_addr().unwrap()).await {
                Ok(udp) => break (udp, tcp),
                Err(error) => assert_eq!(address.port(), 0, "{error}"),
            }
        };
        let address = tcp.local_addr().unwrap();
        let asked = Arc::default();
        let served = Served {
            say: Box::new(say),
            asked: Arc::clone(&asked),
        };
        let mut task = JoinSet::new();
        task.spawn(async move {
            tokio::join!(served.udp(udp), served.tcp(tcp));
        });
        Self {
            address,
            asked,
            _task: task,
        }
    }

    /// The names that were asked for, with repetitions.
    pub(crate) fn asked(&self, kind: RecordType) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|(_, asked)| *asked == kind)
            .map(|(name, _)| name.clone())
            .collect()
    }
}

struct Served {
    say: Box<Behaviour>,
    asked: Arc<Mutex<Vec<(String, RecordType)>>>,
}

impl Served {
    async fn udp(&self, socket: UdpSocket) {
        let mut buffer = [0; 2048];
        loop {
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
                continue;
            };
            if let Some(response) = self.response(&buffer[..length], true) {
                let _ = socket.send_to(&response, from).await;
            }
        }
    }

    async fn tcp(&self, listener: TcpListener) {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                let _ = self.stream(stream).await;
            }
        }
    }

    /// One query of one connection.
    async fn stream(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut query = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut query).await?;
        if let Some(response) = self.response(&query, false) {
            stream
                .write_u16(u16::try_from(response.len()).unwrap())
                .await?;
            stream.write_all(&response).await?;
        }
        Ok(())
    }

    fn response(&self, query: &[u8], udp: bool) -> Option<Vec<u8>> {
        let mut message = Message::from_vec(query).unwrap().into_response();
        let query = message.queries.first().unwrap();
        let (name, kind) = (query.name().clone(), query.query_type());
        let text = name.to_ascii();
        self.asked.lock().unwrap().push((text.clone(), kind));
        let family = |name: &Name, addresses: Vec<IpAddr>, ttl| -> Vec<Record> {
            addresses
                .into_iter()
                .map(RData::from)
                .filter(|data| data.record_type() == kind)
                .map(|data| Record::from_rdata(name.clone(), ttl, data))
                .collect()
        };
        match (self.say)(&text, kind) {
            Say::Nothing => return None,
            Say::Garbage => return Some([&query_id(&message)[..], b"\xff\xff garbage"].concat()),
            Say::Code(code) => message.metadata.response_code = code,
            Say::Addresses(addresses, ttl) => {
                message.insert_answers(family(&name, addresses, ttl));
            }
            Say::Alias(other, addresses) => {
                let other = Name::from_ascii(other).unwrap();
                let alias = RData::CNAME(CNAME(other.clone()));
                message.add_answer(Record::from_rdata(name, 3600, alias));
                message.add_answers(family(&other, addresses, 3600));
            }
            Say::Truncated(_) if udp => message.metadata.truncation = true,
            Say::Truncated(addresses) => {
                message.insert_answers(family(&name, addresses, 3600));
            }
        }
        Some(message.to_vec().unwrap())
    }
}

fn query_id(message: &Message) -> [u8; 2] {
    message.metadata.id.to_be_bytes()
}
