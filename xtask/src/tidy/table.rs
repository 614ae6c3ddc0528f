//! Tables in Markdown pages that a check reads as data.

/// The first cells of every table whose header's first cell is `header`, each with its line number, from 1. Back-quotes
/// around a cell are not part of it.
pub(super) fn first_cells(page: &str, header: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut table: Option<bool> = None;
    for (number, line) in page.lines().enumerate() {
        let Some(cell) = first_cell(line) else {
            table = None;
            continue;
        };
        match table {
            None => table = Some(cell.eq_ignore_ascii_case(header)),
            Some(true) if !is_rule(&cell) => found.push((number + 1, cell)),
            Some(_) => {}
        }
    }
    found
}

fn first_cell(line: &str) -> Option<String> {
    let row = line.trim().strip_prefix('|')?;
    let cell = row.split('|').next()?;
    Some(cell.trim().trim_matches('`').to_owned())
}

/// Whether the cell is of the line of dashes below a header.
fn is_rule(cell: &str) -> bool {
    !cell.is_empty() && cell.chars().all(|c| matches!(c, '-' | ':'))
}
