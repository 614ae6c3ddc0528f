//! `graven config`: the settings and their reference page.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::config::{Settings, Source, reference};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven config`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ConfigCommand {
    /// Print every setting, its value and where it comes from
    Check {
        /// The configuration file [default: that of --config, or graven.toml]
        file: Option<PathBuf>,
    },
    /// Print the reference page of all settings
    Reference,
}

/// Runs `graven config`.
pub(crate) fn run(context: &Context, args: ConfigArgs) -> Result<Exit, Failure> {
    match args.command {
        ConfigCommand::Check { file } => check(context, file.as_deref())?,
        ConfigCommand::Reference => context.out.data(reference().as_bytes())?,
    }
    Ok(Exit::Good)
}

fn check(context: &Context, file: Option<&Path>) -> Result<(), Failure> {
    let with_file;
    let settings = match file {
        Some(file) => {
            with_file = context.settings.with_file(file)?;
            &with_file
        }
        None => &context.settings,
    };
    if context.out.json { print_json(context, settings) } else { print_text(context, settings) }
}

fn print_json(context: &Context, settings: &Settings) -> Result<(), Failure> {
    let rows = settings.all().map(|(setting, value)| {
        let shown = match value.source {
            Source::Unset => Value::Null,
            _ => value.shown(setting).into(),
        };
        json!({ "key": setting.key, "value": shown, "source": value.source.to_string() })
    });
    context.out.json(&json!({ "ok": true, "settings": rows.collect::<Vec<_>>() }))
}

fn print_text(context: &Context, settings: &Settings) -> Result<(), Failure> {
    let rows: Vec<_> = settings
        .all()
        .map(|(setting, value)| (setting.key, value.shown(setting), value.source.to_string()))
        .collect();
    let width =
        |column: fn(&(&str, &str, String)) -> usize| rows.iter().map(column).max().unwrap_or(0);
    let (key_width, value_width) = (width(|row| row.0.len()), width(|row| row.1.len()));
    for (key, value, source) in &rows {
        context.out.line(format!("{key:key_width$}  {value:value_width$}  {source}"))?;
    }
    Ok(())
}
