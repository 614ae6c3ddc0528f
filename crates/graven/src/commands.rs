//! The commands, one a file. Each has its arguments and a `run`.

pub(crate) mod access;
pub(crate) mod append;
pub(crate) mod asof;
pub(crate) mod backup;
pub(crate) mod blame;
pub(crate) mod blob;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod diff;
pub(crate) mod disclose;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod key;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod prove;
pub(crate) mod query;
pub(crate) mod replay;
mod resource;
pub(crate) mod restore;
pub(crate) mod reveal;
mod sealing;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod sql;
pub(crate) mod subject;
pub(crate) mod succeed;
pub(crate) mod tail;
pub(crate) mod timeline;
pub(crate) mod token;
pub(crate) mod verify;
pub(crate) mod version;

use clap::CommandFactory;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::demo;
use crate::exit::Exit;
use crate::failure::Failure;

/// Runs a command.
pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Serve(args) => serve::run(context, &args),
        Command::Demo(args) => demo::run(context, &args),
        Command::Log(args) => log::run(context, args),
        Command::Append(args) => append::run(context, &args),
        Command::Get(args) => get::run(context, &args),
        Command::Prove(args) => prove::run(context, &args),
        Command::Verify(args) => verify::run(context, &args),
        Command::Export(args) => export::run(context, &args),
        Command::Search(args) => search::run(context, &args),
        Command::Sql(args) => sql::run(context, &args),
        Command::History(args) => history::run(context, &args),
        Command::AsOf(args) => asof::run(context, &args),
        Command::Diff(args) => diff::run(context, &args),
        Command::Blame(args) => blame::run(context, &args),
        Command::Timeline(args) => timeline::run(context, &args),
        Command::Replay(args) => replay::run(context, &args),
        Command::Query(args) => query::run(context, args),
        Command::Tail(args) => tail::run(context, &args),
        Command::Key(args) => key::run(context, args),
        Command::Token(args) => token::run(context, args),
        Command::Access(args) => access::run(context, args),
        Command::Reveal(args) => reveal::run(context, &args),
        Command::Disclose(args) => disclose::run(context, &args),
        Command::Blob(args) => blob::run(context, &args),
        Command::Subject(args) => subject::run(context, args),
        Command::Backup(args) => backup::run(context, &args),
        Command::Restore(args) => restore::run(context, &args),
        Command::Config(args) => config::run(context, args),
        Command::Completions(args) => completions::run(context, &args, Cli::command()),
        Command::Man(args) => man::run(context, &args, Cli::command()),
        Command::Version => version::run(context),
    }
}
