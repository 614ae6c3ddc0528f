//! Flags that several commands have.

use clap::Args;

/// `--log`, of every command for one log. As all settings, it is read through the matches, so that its source is known.
#[derive(Debug, Args)]
pub(crate) struct LogArg {
    /// The log [env: GRAVEN_LOG] [default: main]
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
}

/// `--vkey`, of every command that checks what it reads.
#[derive(Debug, Args)]
pub(crate) struct KeyArg {
    /// The log's verifier key, or a file of its keys, got elsewhere than from the server [env: GRAVEN_VKEY]
    #[arg(long, value_name = "KEY|FILE")]
    vkey: Option<String>,
}
