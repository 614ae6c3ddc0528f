//! Shows that each check can fail, on inputs of a few lines; and runs all of them on the checkout.

use std::fmt::Write as _;

use super::tree::Tree;
use super::{CHECKS, crates, docs, mask, source};

/// Runs one check on a few files and compares what it says.
fn check(run: fn(&Tree) -> Vec<String>, files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(run(&Tree::of(files)), expected, "on {files:?}");
}

#[test]
fn the_checkout_is_tidy() {
    let tree = Tree::load(&crate::root_dir()).expect("the checkout can be read");
    let mut report = String::new();
    for check in CHECKS {
        for message in (check.run)(&tree) {
            writeln!(report, "{}: {message}", check.name).expect("a string takes all");
        }
    }
    assert!(report.is_empty(), "not tidy:\n{report}");
}

const ROOT: (&str, &str) = (
    "Cargo.toml",
    "[workspace.dependencies]\nenv = { path = \"crates/env\" }\nlog = { path = \"crates/log\" }\n\
     graven-note = { path = \"lib/graven-note\" }\nclient = { path = \"crates/client\" }\nserde = \"1\"\n",
);

#[test]
fn dependency_table() {
    let user = |path, text| [ROOT, ("lib/graven-note/Cargo.toml", ""), (path, text)];
    let cases: &[(&str, &str, &[&str])] = &[
        ("crates/store/Cargo.toml", "[dependencies]\nenv.workspace = true\nserde = \"1\"", &[]),
        (
            "crates/store/Cargo.toml",
            "[dependencies]\nlog.workspace = true",
            &["crates/store/Cargo.toml: `store` may not use `log`"],
        ),
        (
            "crates/store/Cargo.toml",
            "[dependencies]\ngraven-note.workspace = true",
            &["crates/store/Cargo.toml: `store` may not use `graven-note`"],
        ),
        ("crates/store/Cargo.toml", "[dev-dependencies]\nlog.workspace = true", &[]),
        (
            "crates/env/Cargo.toml",
            "[target.'cfg(unix)'.dependencies]\nx = { path = \"../log\" }",
            &["crates/env/Cargo.toml: `env` may not use `log`"],
        ),
        (
            "lib/graven-entry/Cargo.toml",
            "[build-dependencies]\nenv.workspace = true",
            &["lib/graven-entry/Cargo.toml: `graven-entry` may not use `env`"],
        ),
        ("lib/graven-entry/Cargo.toml", "[dependencies]\ngraven-note.workspace = true", &[]),
        ("crates/append/Cargo.toml", "[dependencies]\ngraven-note.workspace = true", &[]),
        (
            "crates/server/Cargo.toml",
            "[dependencies]\nclient.workspace = true\nlog.workspace = true",
            &["crates/server/Cargo.toml: `server` may not use `client`"],
        ),
        (
            "crates/utils/Cargo.toml",
            "",
            &["crates/utils/Cargo.toml: not in the map of the code; add it to MAY_USE"],
        ),
        ("xtask/Cargo.toml", "[dependencies]\ntoml = \"1\"", &[]),
        (
            "xtask/Cargo.toml",
            "[dependencies]\nenv.workspace = true",
            &["xtask/Cargo.toml: `xtask` may not use `env`"],
        ),
    ];
    for (path, text, expected) in cases {
        check(crates::dependency_table, &user(path, text), expected);
    }
}

#[test]
fn workspace_lints() {
    let wrong = "crates/env/Cargo.toml: add `[lints]` with `workspace = true`";
    let path = "crates/env/Cargo.toml";
    check(crates::workspace_lints, &[(path, "[lints]\nworkspace = true")], &[]);
    check(crates::workspace_lints, &[(path, "[lints]\nworkspace = false")], &[wrong]);
    check(crates::workspace_lints, &[(path, "[package]")], &[wrong]);
}

#[test]
fn architecture() {
    let page = "# A\n\n| crate | does |\n|---|---|\n| `env` | x |\n| `gone` | x |\n\n| word | x |\n|--|\n| y | |\n";
    let files =
        [("ARCHITECTURE.md", page), ("crates/env/Cargo.toml", ""), ("crates/log/Cargo.toml", "")];
    check(
        crates::architecture,
        &files,
        &["ARCHITECTURE.md:6: `gone` is no crate", "ARCHITECTURE.md: no row for the crate `log`"],
    );
    check(crates::architecture, &files[1..], &["ARCHITECTURE.md: missing"]);
}

#[test]
fn dependency_page() {
    let page = "| crate |\n|---|\n| `serde` |\n| `serde` |\n| rand |\n";
    check(
        crates::dependency_page,
        &[ROOT, ("docs/dependencies.md", page)],
        &[
            "docs/dependencies.md:4: a second row for `serde`",
            "docs/dependencies.md:5: `rand` is no dependency",
        ],
    );
    let own = "[dev-dependencies]\nhex = \"1\"\nserde = { workspace = true }";
    check(
        crates::dependency_page,
        &[ROOT, ("docs/dependencies.md", ""), ("lib/graven-note/Cargo.toml", own)],
        &[
            "docs/dependencies.md: no row for the dependency `hex`",
            "docs/dependencies.md: no row for the dependency `serde`",
        ],
    );
}

#[test]
fn module_comments() {
    let wrong = "a.rs:1: start the file with a `//! ` comment";
    check(source::module_comments, &[("a.rs", "//! A noun.\n")], &[]);
    check(source::module_comments, &[("a.rs", "// A noun.\n")], &[wrong]);
    check(source::module_comments, &[("a.rs", "")], &[wrong]);
}

#[test]
fn function_length() {
    let body = |lines: usize| format!("//! A.\n\nfn long() {{\n{}}}\n", "    x();\n".repeat(lines));
    check(source::function_length, &[("a.rs", &body(68))], &[]);
    check(
        source::function_length,
        &[("a.rs", &body(69))],
        &["a.rs:3: `long` has 71 lines of 70; split it"],
    );
    // What only looks like braces and functions is neither.
    let tricky = "fn a() -> [u8; 2] { let _ = \"}\"; let _ = '}'; /* } */ }\nfn b();\n".repeat(80);
    check(source::function_length, &[("a.rs", &tricky)], &[]);
}

#[test]
fn function_length_only_shrinks() {
    let file = |lines: usize| format!("fn long() {{\n{}}}\n", "    x();\n".repeat(lines - 2));
    let listed = [("a.rs", "long", 90)];
    let cases: &[(usize, &[&str])] = &[
        (90, &[]),
        (91, &["a.rs:1: `long` has 91 lines of 90; split it"]),
        (80, &["a.rs: `long` has shrunk to 80 lines; update LONG_FUNCTIONS"]),
    ];
    for (lines, expected) in cases {
        let found = source::long_functions("a.rs", &file(*lines), &listed);
        assert_eq!(found, *expected, "with {lines} lines");
    }
}

#[test]
fn leftover_markers() {
    let cases: &[(&str, &[&str])] = &[
        ("fn a() { todo!() }", &["a.rs:1: `todo!`: write it, or leave it out"]),
        ("\nlet x = dbg!(1);", &["a.rs:2: `dbg!`: take it out"]),
        ("#[ignore]", &["a.rs:1: `#[ignore`: a test runs, or prints `SKIP`, or goes"]),
        ("#[allow(x)]", &["a.rs:1: `#[allow(`: use #[expect(lint, reason = \"...\")]"]),
        ("// FIXME later", &["a.rs:1: `FIXME`: open an issue and name it"]),
        ("let a = \"XXX FIXME todo! dbg!\"; // todo! in a comment is a word", &[]),
        ("let a = r#\"\"todo!\"#; let b = '\"'; // \"", &[]),
    ];
    for (text, expected) in cases {
        check(source::leftover_markers, &[("a.rs", text)], expected);
    }
}

#[test]
fn printing() {
    let text = "fn a() { eprintln!(\"println!\") }";
    let wrong =
        "crates/log/src/a.rs:1: `println!`: only crates/graven and xtask print; return or log it";
    check(source::printing, &[("crates/log/src/a.rs", text)], &[wrong]);
    for path in [
        "crates/graven/src/a.rs",
        "xtask/src/a.rs",
        "lib/x/examples/a.rs",
        "lib/x/benches/a.rs",
        "lib/x/tests/a.rs",
        "lib/x/src/tests.rs",
        "lib/x/src/a_tests.rs",
        "lib/x/build.rs",
    ] {
        check(source::printing, &[(path, text)], &[]);
    }
}

#[test]
fn ascii_code() {
    let text = "// \u{2014}\nlet a = \"\u{2014}\"; let b = '\u{2014}';\nlet \u{e4} = 1;\n";
    check(source::ascii_code, &[("a.rs", text)], &["a.rs:3: `\u{e4}` in code; write it in ASCII"]);
}

#[test]
fn machine_paths() {
    // Folders are written apart, so that this file passes the check that it tests.
    let found =
        |line: u32, folder: &str| vec![format!("a.md:{line}: names `/{folder}/`; say it without")];
    let cases = [
        (format!("cd /{}/main", "work"), found(1, "work")),
        (format!("x\n\"/{}/x\"", "tmp"), found(2, "tmp")),
        (format!("(/{}/.x)", "root"), found(1, "root")),
        (format!("`/{}/me/x`", "home"), found(1, "home")),
        (format!("target/{0}/x $HOME/x https://example.com/{0}/x {{dir}}/{0}/x", "tmp"), vec![]),
    ];
    for (text, expected) in &cases {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(docs::machine_paths, &[("a.md", text)], &expected);
    }
}

#[test]
fn container() {
    let file = |text| {
        [("packaging/Containerfile", text), ("crates/env/Cargo.toml", ""), ("fuzz/Cargo.toml", "")]
    };
    check(crates::container, &file("COPY crates crates\nCOPY fuzz fuzz\n"), &[]);
    check(
        crates::container,
        &file("COPY crates crates\nCOPY fuzz/src fuzz/src\n"),
        &["packaging/Containerfile: add `COPY fuzz fuzz`, which holds a crate"],
    );
}

#[test]
fn one_title() {
    check(docs::one_title, &[("a.md", "# A\n\n## B\n\n```\n# not a title\n```\n")], &[]);
    check(docs::one_title, &[("a.md", "## B\n")], &["a.md: 0 titles (`# ...`); have exactly one"]);
    check(
        docs::one_title,
        &[("a.md", "# A\n# B\n")],
        &["a.md: 2 titles (`# ...`); have exactly one"],
    );
}

#[test]
fn error_pages() {
    let codes = "Code::Busy => \"busy\",\n    Code::Held => \"held\",\n";
    check(
        docs::error_pages,
        &[
            ("crates/append/src/refusal.rs", codes),
            ("docs/errors/busy.md", "# Busy\n"),
            ("docs/errors/gone.md", "# `gone`\n"),
        ],
        &[
            "docs/errors/busy.md:1: the title must be: # `busy`",
            "docs/errors/gone.md: no such code in crates/append/src/refusal.rs",
            "docs/errors/held.md: missing",
        ],
    );
    check(
        docs::error_pages,
        &[],
        &["crates/append/src/refusal.rs: no error codes found (`Code::Name => \"code\"`)"],
    );
}

#[test]
fn masking_keeps_every_line() {
    let text =
        "a // b\n/* c /* d */\n e */ f(\"g\n\\\"h\", r##\"i\"#\n\"##, b'\\'', '\\\\', 'j') 'k: k\n";
    let masked = mask::mask(text);
    assert_eq!(masked.code.lines().count(), text.lines().count());
    let words: String = masked.code.chars().filter(|c| c.is_alphanumeric()).collect();
    assert_eq!(words, "afbkk");
    let comments: String = masked.comments.chars().filter(|c| c.is_alphanumeric()).collect();
    assert_eq!(comments, "bcde");
}
