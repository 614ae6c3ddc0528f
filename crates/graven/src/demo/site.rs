//! The demo's server: the one of `graven serve`, on a thread of its own.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use env::{Random, SystemRandom};
use log::{Cell, Env};
use server::{BindError, Finders, GateOptions, Server, ServerOptions};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::stop::Stop;
use crate::commands::serve::gate;
use crate::config::Settings;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// Bytes of randomness in the token.
const TOKEN_RANDOM_BYTES: usize = 32;

/// A running server.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// Its address.
    pub(super) url: String,
    /// The address that was asked for, where another had to be taken.
    pub(super) instead_of: Option<SocketAddr>,
    runtime: &'a Runtime,
    serving: JoinHandle<io::Result<()>>,
    url_file: PathBuf,
}

/// The address to listen on. The demo's token travels in the clear, so other machines are not to reach it.
pub(super) fn listen_address(settings: &Settings) -> Result<SocketAddr, Failure> {
    let text = settings.text("listen");
    let address: SocketAddr =
        text.parse().map_err(|error| Failure::usage(format!("--listen {text}: {error}")))?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let message =
        format!("{address} can be reached from other machines; the demo listens on loopback only");
    Err(Failure::usage(message).hint("Use `graven serve` for anything else."))
}

impl<'a> Site<'a> {
    /// Serves the cell, and writes token and address where other commands look for them.
    pub(super) fn open(
        runtime: &'a Runtime,
        cell: &Cell,
        listen: SocketAddr,
        data: &Path,
        stop: &Stop,
    ) -> Result<Site<'a>, Failure> {
        let token = new_token();
        let token_file = data.join("admin.token");
        files::create_secret(&token_file, format!("{token}\n").as_bytes())
            .map_err(|error| Failure::file("create", &token_file, &error))?;
        let gate = gate(cell, &Env::real(), GateOptions::new(token.clone(), data.join("keys")))?;
        let finders = Finders::start(&data.join("derived"), Arc::new(|_, _| {}));
        let finders =
            finders.map_err(|error| Failure::caused(Exit::Unreachable, "cannot start", &error))?;
        let finders = Some(Arc::new(finders));
        let bind = |listen| {
            let options = ServerOptions { finders: finders.clone(), ..ServerOptions::new(listen) };
            Server::bind(cell.clone(), Arc::clone(&gate), options)
        };
        let failed = |error: BindError| Failure::caused(Exit::Unreachable, "cannot start", &error);
        let (server, instead_of) = match bind(listen) {
            Err(error) if error.source.kind() == io::ErrorKind::AddrInUse => {
                (bind(SocketAddr::new(listen.ip(), 0)).map_err(failed)?, Some(listen))
            }
            other => (other.map_err(failed)?, None),
        };
        let url = format!("http://{}", server.local_addr());
        let url_file = data.join("server.url");
        files::write(&url_file, format!("{url}\n").as_bytes())?;
        let stop = stop.clone();
        let serving = runtime.spawn(async move { server.run(stop.wait()).await });
        Ok(Site { url, instead_of, runtime, serving, url_file })
    }

    /// Waits until the end is asked for.
    pub(super) fn wait(&self, stop: &Stop) {
        self.runtime.block_on(stop.wait());
    }

    /// Answers what is in flight and ends.
    pub(super) fn close(self, stop: &Stop) -> Result<(), Failure> {
        stop.ask();
        let failed =
            |why: String| Failure::new(Exit::Unreachable, format!("the server stopped: {why}"));
        let ended = self.runtime.block_on(self.serving);
        drop(fs::remove_file(&self.url_file));
        ended.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
    }
}

fn new_token() -> String {
    let mut bytes = [0; TOKEN_RANDOM_BYTES];
    SystemRandom.fill(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("graven_{hex}")
}
