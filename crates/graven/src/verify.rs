//! Verification: reads what a target holds and hands it to `graven-verify`, which alone judges.

mod bundles;
mod check;
mod data;
mod drive;
mod ndjson;
mod proof;
mod remember;
mod resume;
mod source;
mod target;
mod told;
mod verdict;

use std::path::Path;

use client::Client;

use crate::context::Context;
use crate::failure::Failure;
use bundles::{Bundles, Place};
use check::{Outside, check_log};
use ndjson::Ndjson;
use source::{ReadFault, Source};

pub(crate) use bundles::CHECKPOINT_BYTES_MAX;
pub(crate) use check::{Asked, Sink};
pub(crate) use data::check_data;
pub(crate) use proof::{ProofFiles, check_evidence, check_proof, check_results};
pub(crate) use remember::Memory;
pub(crate) use target::Target;
pub(crate) use verdict::{LogReport, Verdict};

/// Verifies an NDJSON export.
pub(crate) fn check_export(
    context: &Context,
    path: &Path,
    asked: &Asked,
    memory: Option<&mut Memory>,
) -> Result<LogReport, Failure> {
    check_opened(context, None, Ndjson::open(path), asked, memory)
}

/// Verifies a directory of tiles.
pub(crate) fn check_tiles(
    context: &Context,
    path: &Path,
    asked: &Asked,
    memory: Option<&mut Memory>,
) -> Result<LogReport, Failure> {
    let opened = Bundles::open(Place::Folder(path.to_owned()));
    check_opened(context, None, opened, asked, memory)
}

/// Verifies one log of a server.
pub(crate) fn check_server(
    context: &Context,
    client: Client,
    log: &str,
    asked: &Asked,
    memory: Option<&mut Memory>,
) -> Result<LogReport, Failure> {
    let place = Place::Server { client: Box::new(client), log: log.to_owned() };
    check_opened(context, Some(log), Bundles::open(place), asked, memory)
}

/// Verifies one log of a server and hands what was read to `sink`; gives the checkpoint that covers it.
pub(crate) fn check_into(
    context: &Context,
    client: Client,
    log: &str,
    asked: &Asked,
    sink: &mut dyn Sink,
) -> Result<(LogReport, Vec<u8>), Failure> {
    let place = Place::Server { client: Box::new(client), log: log.to_owned() };
    let name = Some(log.to_owned());
    match Bundles::open(place) {
        Ok(source) => {
            let outside = Outside { memory: None, sink: Some(sink) };
            let report = check_log(context, name, &source, asked, outside)?;
            Ok((report, source.checkpoint().unwrap_or_default().to_vec()))
        }
        Err(fault) => {
            let fault = Some(fault.finding()?);
            Ok((LogReport { log: name, fault, ..LogReport::default() }, Vec::new()))
        }
    }
}

fn check_opened<S: Source>(
    context: &Context,
    log: Option<&str>,
    opened: Result<S, ReadFault>,
    asked: &Asked,
    memory: Option<&mut Memory>,
) -> Result<LogReport, Failure> {
    let log = log.map(str::to_owned);
    match opened {
        Ok(source) => check_log(context, log, &source, asked, Outside { memory, sink: None }),
        Err(fault) => {
            let fault = Some(fault.finding()?);
            Ok(LogReport { log, fault, ..LogReport::default() })
        }
    }
}
