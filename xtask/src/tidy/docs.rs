//! Checks of the pages and of what every file may name.

use std::collections::BTreeSet;

use super::tree::Tree;

/// Where error codes are made.
const CODES_FILE: &str = "crates/append/src/refusal.rs";
/// Where each has its page.
const PAGES_FOLDER: &str = "docs/errors/";

/// Folders that exist on one machine only.
/// Written apart, so that this list is not what it looks for.
const MACHINE_FOLDERS: &[&str] =
    &[concat!("/", "work/"), concat!("/", "tmp/"), concat!("/", "home/"), concat!("/", "root/")];

/// Files that may name such a folder: path, folder, why.
const MACHINE_PATHS_ALLOWED: &[(&str, &str, &str)] = &[];

/// No file names a path of one machine.
pub(super) fn machine_paths(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.all() {
        let allowed = |folder: &str| {
            MACHINE_PATHS_ALLOWED
                .iter()
                .any(|(p, f, _)| *p == path && (f.is_empty() || *f == folder))
        };
        for (number, line) in text.lines().enumerate() {
            let named = MACHINE_FOLDERS.iter().find(|folder| names_folder(line, folder));
            if let Some(folder) = named.filter(|folder| !allowed(folder)) {
                found.push(format!("{path}:{}: names `{folder}`; say it without", number + 1));
            }
        }
    }
    found
}

/// Every Markdown page has exactly one title.
pub(super) fn one_title(tree: &Tree) -> Vec<String> {
    let titles = tree.ending(".md").map(|(path, text)| (path, count_titles(text)));
    let wrong = titles.filter(|(_, count)| *count != 1);
    wrong
        .map(|(path, count)| format!("{path}: {count} titles (`# ...`); have exactly one"))
        .collect()
}

/// Every error code has a page whose title is the code, and every such page has a code.
pub(super) fn error_pages(tree: &Tree) -> Vec<String> {
    let codes = error_codes(tree.text(CODES_FILE).unwrap_or_default());
    if codes.is_empty() {
        return vec![format!("{CODES_FILE}: no error codes found (`Code::Name => \"code\"`)")];
    }
    let mut found = Vec::new();
    let mut paged = BTreeSet::new();
    for (path, text) in tree.ending(".md") {
        let Some(code) = path.strip_prefix(PAGES_FOLDER).and_then(|p| p.strip_suffix(".md")) else {
            continue;
        };
        if !codes.contains(code) {
            found.push(format!("{path}: no such code in {CODES_FILE}"));
        } else if !text.starts_with(&format!("# `{code}`\n")) {
            found.push(format!("{path}:1: the title must be: # `{code}`"));
        }
        paged.insert(code);
    }
    for code in codes.iter().filter(|code| !paged.contains(code.as_str())) {
        found.push(format!("{PAGES_FOLDER}{code}.md: missing"));
    }
    found
}

/// The strings of the match arms `Code::Name => "string"`.
fn error_codes(text: &str) -> BTreeSet<String> {
    let arms = text.lines().filter_map(|line| line.trim().strip_prefix("Code::"));
    let strings = arms.filter_map(|arm| arm.split_once("=> \"")?.1.split_once('"'));
    strings.map(|(code, _)| code.to_owned()).collect()
}

fn count_titles(page: &str) -> usize {
    let mut fenced = false;
    let mut count = 0;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && line.starts_with("# ") {
            count += 1;
        }
    }
    count
}

/// Whether a line names the folder as an absolute path: nothing of a path or a URL stands before it.
fn names_folder(line: &str, folder: &str) -> bool {
    let part_of_path = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')');
    line.match_indices(folder).any(|(at, _)| !line[..at].ends_with(part_of_path))
}
