//! `graven completions`: a script for a shell.

use clap::Command;
use clap_complete::Shell;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script for the whole command line.
pub(crate) fn run(
    context: &Context,
    args: &CompletionsArgs,
    mut whole: Command,
) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut whole, "graven", &mut script);
    context.out.data(&script)?;
    Ok(Exit::Good)
}
