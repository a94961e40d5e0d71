//! `resolv.conf`: which name servers to query, and which names a short name may stand for.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use resolv_conf::Config;

use crate::files::ReadError;

/// The longest that the name servers may take for a name. Of the bound on a connection, one
/// second is left for the connection itself.
pub(super) const LIMIT: Duration = Duration::from_secs(4);

/// The maximum number of name servers queried, as in the C library; more lines are ignored.
const MAX_SERVERS: usize = 3;

/// The maximum number of domains tried for a short name. Kubernetes allows as many.
const MAX_SEARCH: usize = 32;

/// The content of `resolv.conf`.
pub(super) struct Servers {
    pub(super) all: Vec<Server>,
    /// Why the name server of this machine is queried, if the file names none.
    pub(super) instead: Option<String>,
    pub(super) resolv_conf: String,
    /// Whether to leave out queries for IPv6 addresses.
    pub(super) no_aaaa: bool,
    search: Vec<String>,
    ndots: usize,
}

/// One name server with its sockets.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) address: IpAddr,
    pub(super) resolver: TokioResolver,
}

impl Servers {
    /// Uses every usable line of the file. Without a name server there, or without the file,
    /// the name server of this machine is queried, as in the C library.
    pub(super) fn parse(file: Result<&[u8], &ReadError>, path: &Path, port: u16) -> Self {
        let resolv_conf = path.display().to_string();
        let (config, _) = Config::parse_with_errors(file.unwrap_or_default());
        let mut addresses: Vec<IpAddr> = config
            .nameservers
            .iter()
            .map(IpAddr::from)
            .filter(|address| !is_link_local(*address))
            .take(MAX_SERVERS)
            .collect();
        let instead = addresses.is_empty().then(|| match file {
            Ok(_) if config.nameservers.is_empty() => {
                format!("{resolv_conf} names no name server")
            }
            Ok(_) => {
                format!("{resolv_conf} names only link-local name servers, which are not supported")
            }
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                format!("{resolv_conf} is missing")
            }
            Err(error) => format!("{resolv_conf} cannot be read: {error}"),
        });
        if addresses.is_empty() {
            addresses.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        Self {
            all: addresses
                .into_iter()
                .filter_map(|address| server(address, port, &config))
                .collect(),
            instead,
            resolv_conf,
            no_aaaa: config.no_aaaa,
            search: search(&config),
            ndots: usize::try_from(config.ndots).unwrap_or(usize::MAX),
        }
    }

    /// The absolute names that `host` may stand for, in the order of queries. One of them is
    /// the name itself.
    pub(super) fn candidates(&self, host: &str) -> Vec<String> {
        if host.ends_with('.') {
            return vec![host.to_owned()];
        }
        let itself = format!("{host}.");
        let mut names: Vec<String> = self
            .search
            .iter()
            .map(|domain| format!("{host}.{domain}."))
            .collect();
        let dots = host.bytes().filter(|byte| *byte == b'.').count();
        let place = if dots >= self.ndots { 0 } else { names.len() };
        names.insert(place, itself);
        names
    }
}

/// The domains of the last `search` or `domain` line, else the domain of the machine's own
/// name.
fn search(config: &Config) -> Vec<String> {
    let given = config.get_search().is_some() || config.get_domain().is_some();
    let own = if given {
        None
    } else {
        config.get_system_domain()
    };
    config
        .get_last_search_or_domain()
        .map(String::as_str)
        .chain(own.as_deref())
        .map(|domain| domain.trim_end_matches('.'))
        .filter(|domain| !domain.is_empty())
        .take(MAX_SEARCH)
        .map(str::to_owned)
        .collect()
}

/// Whether an address is valid only together with a network interface, which the resolver
/// does not accept.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// One resolver per server: with several servers in one, a server that refuses would end the
/// query, and an error would not show its server.
fn server(address: IpAddr, port: u16, config: &Config) -> Option<Server> {
    let mut server = if config.use_vc {
        NameServerConfig::tcp(address)
    } else {
        NameServerConfig::udp_and_tcp(address)
    };
    for connection in &mut server.connections {
        connection.port = port;
    }
    let mut builder = TokioResolver::builder_with_config(
        ResolverConfig::from_name_servers(vec![server]),
        TokioRuntimeProvider::default(),
    );
    *builder.options_mut() = options(config.edns0);
    let resolver = builder.build().ok()?;
    Some(Server { address, resolver })
}

fn options(edns0: bool) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = LIMIT;
    options.attempts = 0;
    options.edns0 = edns0;
    options.use_hosts_file = ResolveHosts::Never;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    // Results are cached by the name that was queried.
    options.cache_size = 0;
    options
}
