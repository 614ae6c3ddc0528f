//! The figures as a page shows them, as JSON has them, and put into a page.

use serde_json::{Value, json};

use super::line::{Goal, Line};
use super::machine::Machine;
use super::size::Size;

/// What stands after a table in a page.
const END: &str = "<!-- end -->";

/// What stands before the table of a bench.
fn begin(bench: &str) -> String {
    format!("<!-- begin: written by `cargo xtask bench {bench} --write` -->")
}

/// The heads of the columns.
const HEADS: [&str; 8] =
    ["row", "figure", "graven", "beside", "it has", "ratio", "asked", "reached"];

/// Machine, table and notes, as Markdown that can be read in a terminal.
pub(super) fn text(machine: &Machine, size: Size, lines: &[Line]) -> String {
    let mut text = format!("{}\n", machine.text());
    if size != Size::Full {
        text += &format!("\nSize {}: too small for figures to be quoted.\n", size.name());
    }
    let mut rows = vec![HEADS.map(str::to_owned)];
    rows.extend(lines.iter().map(cells));
    text += &format!("\n{}", aligned(&rows));
    let notes: Vec<String> = lines.iter().flat_map(notes).collect();
    if !notes.is_empty() {
        text += &format!("\n{}", notes.concat());
    }
    text
}

/// The same as JSON.
pub(super) fn json(bench: &str, machine: &Machine, size: Size, lines: &[Line]) -> Value {
    let lines: Vec<Value> = lines.iter().map(Line::json).collect();
    json!({ "bench": bench, "size": size.name(), "machine": machine.json(), "lines": lines })
}

/// The page with the text between the markers of a bench.
pub(super) fn fill(page: &str, bench: &str, text: &str) -> Result<String, String> {
    let begin = begin(bench);
    let missing =
        || format!("the page has no place for the table: `{begin}`, and below it `{END}`");
    let (before, rest) = page.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n\n{}\n\n{END}{after}", text.trim()))
}

fn cells(line: &Line) -> [String; 8] {
    let value = |measured: &Result<f64, String>| match measured {
        Ok(value) => format!("{} {}", number(*value), line.unit),
        Err(_) => "not measured".to_owned(),
    };
    let asked = match line.goal {
        Goal::AtLeast(least) => format!("≥ {least}"),
        Goal::AtMost(most) => format!("≤ {most}"),
        Goal::Reported => String::new(),
    };
    let reached = match line.reached() {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    };
    [
        line.row.to_owned(),
        line.figure.clone(),
        value(&line.ours),
        line.beside.clone(),
        value(&line.other),
        line.ratio().map(|ratio| format!("{ratio:.3}")).unwrap_or_default(),
        asked,
        reached.to_owned(),
    ]
}

fn notes(line: &Line) -> Vec<String> {
    let missing = line.missing().map(|why| format!("not measured: {why}"));
    let notes = missing.iter().chain(&line.notes);
    notes.map(|note| format!("* {}, {}: {note}\n", line.row, line.figure)).collect()
}

/// A number with three digits that count, and its thousands apart.
pub(super) fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        let decimals = if value.abs() < 1.0 {
            3
        } else if value.abs() < 10.0 {
            2
        } else {
            1
        };
        return format!("{value:.decimals$}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A Markdown table whose columns are aligned for a terminal too.
fn aligned(rows: &[[String; 8]]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let line = |cells: &[String; 8]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!(" {cell:<width$} |"));
        format!("|{}\n", padded.collect::<String>())
    };
    let rule: String = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2))).collect();
    let mut text = String::new();
    for (place, row) in rows.iter().enumerate() {
        text += &line(row);
        if place == 0 {
            text += &format!("|{rule}\n");
        }
    }
    text
}
