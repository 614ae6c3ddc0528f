//! Graven itself as a program: the tour runs it as a user would, and prints how to.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;

/// This program's file, and how it is called by somebody who stands in `folder`.
#[derive(Debug)]
pub(super) struct Program {
    file: PathBuf,
    word: String,
    folder: PathBuf,
}

/// What a command answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its exit code; `None` where a signal ended it.
    pub(super) exit: Option<i32>,
    /// Its JSON document; null where there was none.
    pub(super) json: Value,
    /// The last thing it said to people.
    pub(super) said: String,
}

impl Program {
    /// The program that runs, to be called from `folder`.
    pub(super) fn this(folder: &Path) -> Result<Program, Failure> {
        let file = std::env::current_exe().map_err(|error| {
            Failure::new(Exit::Unreachable, format!("cannot find this program's file: {error}"))
        })?;
        let word = word_of(&file, folder);
        Ok(Program { file, word, folder: folder.to_owned() })
    }

    /// A command as it is typed into a shell in the folder.
    pub(super) fn shown(&self, args: &[String]) -> String {
        let short = |word: &String| {
            let inside = Path::new(word).strip_prefix(&self.folder).ok();
            inside.map_or_else(|| word.clone(), |inside| inside.display().to_string())
        };
        let words = std::iter::once(self.word.clone()).chain(args.iter().map(short));
        words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
    }

    /// Runs a command with `--json`, away from settings of the environment.
    pub(super) fn run(&self, args: &[String], folder: &Path) -> Result<Answer, Failure> {
        let mut command = Command::new(&self.file);
        let names = std::env::vars_os().map(|(name, _)| name);
        for name in names.filter(|name| is_setting(name)) {
            command.env_remove(name);
        }
        let output = command
            .args(args)
            .arg("--json")
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Failure::file("run", &self.file, &error))?;
        let said = String::from_utf8_lossy(&output.stderr);
        Ok(Answer {
            exit: output.status.code(),
            json: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            said: said.trim().lines().next_back().unwrap_or_default().to_owned(),
        })
    }
}

/// A word for a shell: as it is, or in single quotes.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=@%,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn is_setting(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("GRAVEN_")
}

/// `graven` where the shell finds this file by that name, else its path, as short as it can be in `folder`.
fn word_of(file: &Path, folder: &Path) -> String {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut all = std::env::split_paths(&paths).map(|folder| folder.join("graven"));
    let same = |path: &Path| path.canonicalize().ok() == file.canonicalize().ok();
    if all.find(|path| path.is_file()).is_some_and(|path| same(&path)) {
        return "graven".to_owned();
    }
    // A bare file name would be looked for on the PATH.
    let inside = file.strip_prefix(folder).ok().filter(|path| path.components().count() > 1);
    inside.unwrap_or(file).display().to_string()
}
