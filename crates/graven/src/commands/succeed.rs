//! `graven log succeed`: a log that had to end goes on under a new origin.

use log::{Cell, CellOptions, Env};
use serde_json::json;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven log succeed`.
#[derive(Debug, clap::Args)]
pub(crate) struct SucceedArgs {
    /// The log that has ended
    name: String,
}

/// Opens the data directory, creates the successor and closes it again. The successor's first entry names the ended
/// log, the best checkpoint known of it, and why it ended.
pub(crate) fn run(context: &Context, args: &SucceedArgs) -> Result<Exit, Failure> {
    let settings = &context.settings;
    let data = settings.path("data");
    let mut options = CellOptions::new(&data);
    options.guard = settings.given_path("guard");
    options.keys_dir = settings.given_path("keys");
    let (cell, _) = Cell::open(Env::real(), options)
        .map_err(|error| super::serve::open_failure(&data, &error))?;
    let result = succeed(&cell, &args.name);
    cell.stop();
    let info = result?;
    if context.out.json {
        let (name, origin) = (info.name.as_str(), info.origin.as_str());
        context.out.json(&json!({ "name": name, "origin": origin, "vkeys": info.vkeys }))?;
    } else {
        context.out.line(format!("{} goes on as {}: {}", args.name, info.name, info.origin))?;
    }
    Ok(Exit::Good)
}

fn succeed(cell: &Cell, name: &str) -> Result<log::LogInfo, Failure> {
    let log = cell.log(name).ok_or_else(|| Failure::bad(format!("there is no log {name}")))?;
    log.succeed()
        .map(|successor| successor.info())
        .map_err(|refusal| Failure::usage(refusal.detail))
}
