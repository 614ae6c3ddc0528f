//! How a server listens, and what it is given to answer with.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::find::Finders;
use crate::lakes::Lakes;
use crate::limits::ServerLimits;
use crate::sealing::Sealing;
use crate::tls::Tls;
use crate::webhook::Networks;

/// How a server listens.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What it allows itself and its clients.
    pub limits: ServerLimits,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// Reads go on where a full disk leaves no room to record them.
    pub reads_unrecorded: bool,
    /// Connections are TLS; without it plain HTTP.
    pub tls: Option<Tls>,
    /// What opens and erases sealed values; without it there are none to open.
    pub sealing: Option<Arc<Sealing>>,
    /// What finds entries; without it there is no search.
    pub finders: Option<Arc<Finders>>,
    /// What answers SQL; without it there is none.
    pub lakes: Option<Arc<Lakes>>,
    /// Networks that are not public and that webhooks may reach.
    pub webhook_networks: Networks,
    /// The base address of a collector that is told the metrics by OTLP; without it nobody is.
    pub collector: Option<String>,
    /// The folder of what is derived from logs; without it saved queries look again from their last firing on at each start.
    pub derived: Option<PathBuf>,
    /// Where clients of PostgreSQL's protocol are answered, by the lakes; without it nowhere.
    pub pg_listen: Option<SocketAddr>,
}

impl ServerOptions {
    /// The defaults for an address.
    pub fn new(listen: SocketAddr) -> ServerOptions {
        let (limits, proxies) = (ServerLimits::default(), Vec::new());
        let (tls, sealing, finders, lakes, derived) = (None, None, None, None, None);
        let collector = None;
        let (reads_unrecorded, webhook_networks) = (false, Networks::default());
        ServerOptions {
            listen,
            limits,
            proxies,
            reads_unrecorded,
            tls,
            sealing,
            finders,
            lakes,
            webhook_networks,
            collector,
            derived,
            pg_listen: None,
        }
    }
}
