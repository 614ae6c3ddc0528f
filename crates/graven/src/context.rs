//! What every command is given: settings and where to write.

use std::path::Path;

use clap::ArgMatches;

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
    /// Settings are read from the command line, the environment and the file that the command line names, if it does.
    pub(crate) fn new(
        matches: &ArgMatches,
        file: Option<&Path>,
        out: Output,
    ) -> Result<Context, Failure> {
        Ok(Context { settings: Settings::load(matches, file)?, out })
    }
}
