//! `graven version`.

use serde_json::json;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Prints the version.
pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if context.out.json {
        context.out.json(&json!({ "name": "graven", "version": version }))?;
    } else {
        context.out.line(format!("graven {version}"))?;
    }
    Ok(Exit::Good)
}
