//! The command line: commands, and what all of them take.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    access, append, asof, backup, blame, blob, completions, config, diff, disclose, export, get,
    history, key, log, man, prove, query, replay, restore, reveal, search, serve, sql, subject,
    tail, timeline, token, verify,
};
use crate::demo;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "graven",
    version,
    about = "An audit-log server whose history can be proved",
    long_about = "An audit-log server whose history can be proved.\n\nEvents are appended to logs; each gets a number \
                  that never changes, and a receipt that anyone can verify who holds the log's public key.",
    after_help = "Exit codes: 0 good; 1 verification failed or not found; 2 usage; 3 cannot reach or read.\n\
                  Settings: `graven config reference` lists them; each is a flag, a GRAVEN_… variable or a key in \
                  graven.toml.",
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Print JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Read settings from this file [env: GRAVEN_CONFIG] [default: graven.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The data directory [env: GRAVEN_DATA] [default: ./graven-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// The server [env: GRAVEN_URL] [default: server.url in the data directory, or http://127.0.0.1:7070]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Trust the server by these certificates in PEM form [env: GRAVEN_TLS_CA]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) tls_ca: Option<String>,
    /// Show the server this chain of certificates in PEM form, one's own first [env: GRAVEN_CLIENT_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) client_cert: Option<String>,
    /// The private key of --client-cert in PEM form [env: GRAVEN_CLIENT_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) client_key: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server; the first start makes the data directory, its keys and the admin token
    Serve(Box<serve::ServeArgs>),
    /// Show a company's month of events, and how tampering with it is detected
    Demo(demo::DemoArgs),
    /// Create, list and show logs
    Log(log::LogArgs),
    /// Append events, one JSON object a line, from files or standard input
    Append(append::AppendArgs),
    /// Print the entry at an index
    Get(get::GetArgs),
    /// Write the proof that an entry is in the log, a .tlog-proof
    Prove(prove::ProveArgs),
    /// Check a data directory, a server, an export or a proof: every hash, tile, signature and chain
    Verify(verify::VerifyArgs),
    /// Write a log out in a form that can be verified without the server
    Export(export::ExportArgs),
    /// Print what a query finds in a log, newest first
    Search(search::SearchArgs),
    /// Print what a SQL statement gives over a log's tables
    Sql(sql::SqlArgs),
    /// Print the entries that name a resource, and what each did to it
    History(history::HistoryArgs),
    /// Print the state of a resource at a moment
    #[command(name = "asof")]
    AsOf(asof::AsOfArgs),
    /// Print in what a resource differs between two moments
    Diff(diff::DiffArgs),
    /// Print who last set each field of a resource
    Blame(blame::BlameArgs),
    /// Print what an actor did, or what happened in a session or a trace, oldest first
    Timeline(timeline::TimelineArgs),
    /// Send what a query finds once more, in order and at its pace, marked as a replay
    Replay(replay::ReplayArgs),
    /// Save queries that a webhook tells of, and see how they go
    Query(query::QueryArgs),
    /// Print entries as they are appended
    Tail(tail::TailArgs),
    /// List, rotate and add keys
    Key(key::KeyArgs),
    /// Make, list and revoke tokens, and say what each may do
    Token(token::TokenArgs),
    /// What a log takes of which events, and policies that narrow what roles give
    Access(access::AccessArgs),
    /// Print one sealed value of an entry; who asked and why stands in the log `system` before
    Reveal(reveal::RevealArgs),
    /// Write an entry with its proof and chosen sealed values open, for `graven verify`
    Disclose(disclose::DiscloseArgs),
    /// Hand in a payload too big for an event, and read it back
    Blob(blob::BlobArgs),
    /// Erase whom sealed values are about, hold that off, or find its pseudonym
    Subject(subject::SubjectArgs),
    /// Copy a data directory while it is in use, and verify the copy
    Backup(backup::BackupArgs),
    /// Put a backup back in place
    Restore(restore::RestoreArgs),
    /// Check the settings, or print their reference page
    Config(config::ConfigArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write all pages into a directory
    Man(man::ManArgs),
    /// Print the version
    Version,
}
