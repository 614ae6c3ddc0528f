//! Checks of the Rust sources.

use super::mask::mask;
use super::tree::Tree;
use crate::limits::FUNCTION_LINES_MAX;

/// Functions that are longer than a screen and were so when the rule came: path, name, lines. They may shrink, and
/// then their line here shrinks with them; none is ever added.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

/// Every source file starts with the sentence that says what it is.
pub(super) fn module_comments(tree: &Tree) -> Vec<String> {
    let bare = tree.ending(".rs").filter(|(_, text)| !text.starts_with("//! "));
    bare.map(|(path, _)| format!("{path}:1: start the file with a `//! ` comment")).collect()
}

/// No function is longer than a screen, those of the list excepted, which may only shrink.
pub(super) fn function_length(tree: &Tree) -> Vec<String> {
    tree.ending(".rs").flat_map(|(path, text)| long_functions(path, text, LONG_FUNCTIONS)).collect()
}

/// Nothing is left over: no marker for later, no skipped test, no silenced lint.
pub(super) fn leftover_markers(tree: &Tree) -> Vec<String> {
    const IN_CODE: &[(&str, &str)] = &[
        ("todo!", "write it, or leave it out"),
        ("unimplemented!", "write it, or leave it out"),
        ("dbg!", "take it out"),
        ("#[ignore", "a test runs, or prints `SKIP`, or goes"),
        ("#[allow(", "use #[expect(lint, reason = \"...\")]"),
        ("#![allow(", "use #![expect(lint, reason = \"...\")]"),
    ];
    const IN_COMMENTS: &[(&str, &str)] =
        &[("FIXME", "open an issue and name it"), ("XXX", "open an issue and name it")];
    let mut found = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let masked = mask(text);
        found.extend(marked(path, &masked.code, IN_CODE));
        found.extend(marked(path, &masked.comments, IN_COMMENTS));
    }
    found
}

/// Only the binary, the tasks, build scripts, examples, benches and tests print.
pub(super) fn printing(tree: &Tree) -> Vec<String> {
    const PRINTS: &[(&str, &str)] = &[
        ("println!", "only crates/graven and xtask print; return or log it"),
        ("print!", "only crates/graven and xtask print; return or log it"),
    ];
    let silent = tree.ending(".rs").filter(|(path, _)| !may_print(path));
    silent.flat_map(|(path, text)| marked(path, &mask(text).code, PRINTS)).collect()
}

/// Code is ASCII; strings and comments need not be.
pub(super) fn ascii_code(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.ending(".rs") {
        for (number, line) in mask(text).code.lines().enumerate() {
            if let Some(c) = line.chars().find(|c| !c.is_ascii()) {
                found.push(format!("{path}:{}: `{c}` in code; write it in ASCII", number + 1));
            }
        }
    }
    found
}

/// The functions of one file that are longer than allowed, and the list's entries for it that are out of date.
pub(super) fn long_functions(
    path: &str,
    text: &str,
    allowed: &[(&str, &str, usize)],
) -> Vec<String> {
    let mut found = Vec::new();
    let functions = functions(&mask(text).code);
    for (line, name, lines) in &functions {
        let listed = allowed.iter().find(|(p, n, _)| *p == path && n == name);
        let limit = listed.map_or(FUNCTION_LINES_MAX, |entry| entry.2);
        if *lines > limit {
            found.push(format!("{path}:{line}: `{name}` has {lines} lines of {limit}; split it"));
        }
    }
    for (_, name, limit) in allowed.iter().filter(|(p, _, _)| *p == path) {
        let now = functions.iter().find(|(_, n, _)| n == name).map_or(0, |entry| entry.2);
        if now < *limit {
            found
                .push(format!("{path}: `{name}` has shrunk to {now} lines; update LONG_FUNCTIONS"));
        }
    }
    found
}

/// Every function with a body: line of its `fn`, name, number of lines.
fn functions(code: &str) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(offset) = code[from..].find("fn ") {
        let at = from + offset;
        from = at + "fn ".len();
        let in_word = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let name: String =
            code[from..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if in_word || name.is_empty() {
            continue;
        }
        if let Some(end) = body_end(&code[from..]) {
            let line = 1 + newlines(&code[..at]);
            found.push((line, name, 1 + newlines(&code[at..from + end])));
        }
    }
    found
}

/// Where the body of the function ends whose text follows its `fn`; none for a declaration without a body.
fn body_end(code: &str) -> Option<usize> {
    let mut braces = 0usize;
    let mut brackets = 0usize;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return None,
            '{' => braces += 1,
            '}' if braces <= 1 => return Some(at),
            '}' => braces -= 1,
            _ => {}
        }
    }
    None
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|&b| b == b'\n').count()
}

/// A message for each line of a view that holds one of the markers as a word of its own; the first marker counts.
fn marked(path: &str, view: &str, markers: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in view.lines().enumerate() {
        if let Some((marker, fix)) = markers.iter().find(|(marker, _)| has_word(line, marker)) {
            found.push(format!("{path}:{}: `{marker}`: {fix}", number + 1));
        }
    }
    found
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    // `eprintln!` prints as `println!` does.
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].strip_suffix('e').unwrap_or(&line[..at]);
        let after = &line[at + word.len()..];
        let whole_after = !word.ends_with(part_of_word) || !after.starts_with(part_of_word);
        !before.ends_with(part_of_word) && whole_after
    })
}

fn may_print(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let folder = |folder: &str| path.contains(&format!("/{folder}/"));
    path.starts_with("crates/graven/")
        || path.starts_with("xtask/")
        || ["examples", "benches", "tests", "fuzz"].into_iter().any(folder)
        || matches!(name, "build.rs" | "tests.rs")
        || name.ends_with("_tests.rs")
}
