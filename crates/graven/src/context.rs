//! What every command is given: settings and where to write.

use clap::ArgMatches;

use crate::args::Cli;
use crate::config::Settings;
use crate::failure::Failure;
use crate::output::Output;

/// The surroundings of one command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) out: Output,
}

impl Context {
    pub(crate) fn new(matches: &ArgMatches, cli: &Cli, out: Output) -> Result<Context, Failure> {
        let file = cli.globals.config.as_deref();
        Ok(Context { settings: Settings::load(matches, file)?, out })
    }
}
