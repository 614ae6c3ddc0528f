//! `graven sql`: what a statement gives over a log's tables.

use serde_json::{Map, Value};

use super::search::word;
use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::flags::LogArg;

/// Arguments of `graven sql`.
#[derive(Debug, clap::Args)]
pub(crate) struct SqlArgs {
    /// One statement that reads, as docs/sql.md has it: 'SELECT action, count(*) FROM events GROUP BY 1'
    query: String,
    /// How rows are printed; `--json` is `--format json`
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Wait until all that the log has now is in the tables
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    log: LogArg,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// In columns, for reading
    Table,
    /// RFC 4180 with the columns' names first; null is empty
    Csv,
    /// The server's answer
    Json,
    /// A JSON object a row
    Ndjson,
}

/// Prints the rows.
pub(crate) fn run(context: &Context, args: &SqlArgs) -> Result<Exit, Failure> {
    let connection = connect::log(context)?;
    let size = connection.client.log(&connection.log)?.size.0;
    let wait = args.wait.then(|| size.saturating_sub(1));
    let answer = connection.client.sql(&connection.log, &args.query, wait)?;
    let through = answer["indexed_through"].as_u64().unwrap_or_default();
    if through < size {
        context.out.note(format!("asked of {through} of {size}: later entries are not in it yet"));
    }
    let list = |key: &str| answer[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let (columns, rows) = (list("columns"), list("rows"));
    let format = if context.out.json { Format::Json } else { args.format };
    match format {
        Format::Json => context.out.json(&answer)?,
        Format::Ndjson => {
            let names = distinct_names(columns)?;
            for row in rows {
                let values = row.as_array().into_iter().flatten().cloned();
                let object: Map<String, Value> = names.iter().cloned().zip(values).collect();
                context.out.line(Value::Object(object))?;
            }
        }
        Format::Csv => {
            context.out.line(csv_line(columns.iter().map(|column| &column["name"])))?;
            for row in rows {
                context.out.line(csv_line(row.as_array().into_iter().flatten()))?;
            }
        }
        Format::Table => {
            for line in table(columns, rows) {
                context.out.line(line)?;
            }
        }
    }
    Ok(Exit::Good)
}

/// The columns' names; an object has each once.
fn distinct_names(columns: &[Value]) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let name = plain(&column["name"]);
        if names.contains(&name) {
            let message = format!(
                "two columns are called `{name}`, and an object can have one; rename one with AS"
            );
            return Err(Failure::usage(message));
        }
        names.push(name);
    }
    Ok(names)
}

/// A value as it stands in a file: texts as they are, null as nothing, all else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn csv_line<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    let field = |value: &Value| {
        let text = plain(value);
        // An empty text is quoted, so that it is told from null.
        let is_plain =
            !text.contains(['"', ',', '\n', '\r']) && (value.is_null() || !text.is_empty());
        if is_plain { text } else { format!("\"{}\"", text.replace('"', "\"\"")) }
    };
    values.map(field).collect::<Vec<_>>().join(",")
}

/// Lines of equal columns; numbers stand to the right.
fn table(columns: &[Value], rows: &[Value]) -> Vec<String> {
    let header: Vec<String> = columns.iter().map(|column| word(&column["name"])).collect();
    let cells = rows.iter().map(|row| row.as_array().into_iter().flatten().map(word).collect());
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(cells).collect();
    let width = |place: usize| {
        lines.iter().filter_map(|line| line.get(place)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns.len()).map(|place| width(place).unwrap_or(0)).collect();
    let is_number = |place: usize| {
        columns
            .get(place)
            .is_some_and(|column| matches!(column["type"].as_str(), Some("bigint" | "double")))
    };
    let line = |cells: &Vec<String>| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(place, (cell, width))| {
            if is_number(place) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect()
}
