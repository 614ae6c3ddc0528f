//! `graven man`: manual pages from the command line's own description.

use std::fs;
use std::path::PathBuf;

use clap::Command;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Write the pages of all commands into this directory
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Prints `graven.1` of the whole command line, or writes all pages.
pub(crate) fn run(context: &Context, args: &ManArgs, whole: Command) -> Result<Exit, Failure> {
    let Some(folder) = &args.output else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(whole).render(&mut page);
        rendered.map_err(|error| Failure::new(Exit::Unreachable, error))?;
        context.out.data(&page)?;
        return Ok(Exit::Good);
    };
    fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    clap_mangen::generate_to(whole, folder)
        .map_err(|error| Failure::file("write pages into", folder, &error))?;
    context.out.note(format!("wrote the pages into {}", folder.display()));
    Ok(Exit::Good)
}
