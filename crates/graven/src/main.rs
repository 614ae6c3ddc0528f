//! The graven binary: arguments, configuration, wiring. Each command is a file under `commands/`.

mod args;
mod certificate;
mod commands;
mod config;
mod connect;
mod context;
mod demo;
mod descriptors;
mod exit;
mod failure;
mod files;
mod flags;
mod keyring;
mod output;
mod progress;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::args::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let out = output::Output::new(cli.globals.json);
    let result = context::Context::new(&matches, cli.globals.config.as_deref(), out)
        .and_then(|context| commands::run(&context, cli.command));
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            out.failure(&failure);
            failure.exit.into()
        }
    }
}
