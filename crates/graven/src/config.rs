//! Settings: each has a key in `graven.toml`, a variable of the environment and, where it is no secret, a flag.
//!
//! A flag goes before the environment, that before the file, that before the default.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::failure::Failure;
use crate::files;

mod check;
mod reference;
mod table;

pub(crate) use reference::reference;
use table::Kind;
pub(crate) use table::{SETTINGS, Setting};

/// The configuration file that is read where none is named.
pub(crate) const FILE_DEFAULT: &str = "graven.toml";

/// Bytes of a configuration file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Flag,
    Environment,
    File(PathBuf),
    Default,
    Unset,
}

/// A setting's value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// Empty where unset.
    pub(crate) text: String,
    pub(crate) source: Source,
}

/// All settings of one command.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, Value>,
    /// The layers above the file, kept so that another file can be put under them.
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<&'static str, String>,
}

impl Settings {
    /// The settings by flags, environment and file. The file is `file`, else that of `GRAVEN_CONFIG`, else
    /// `graven.toml` in the working directory if there is one.
    pub(crate) fn load(matches: &ArgMatches, file: Option<&Path>) -> Result<Settings, Failure> {
        let flags = flags_of(matches);
        let from_environment = std::env::var_os("GRAVEN_CONFIG").map(PathBuf::from);
        let named = file.map(Path::to_path_buf).or(from_environment);
        let is_named = named.is_some();
        let path = named.unwrap_or_else(|| PathBuf::from(FILE_DEFAULT));
        let text = if is_named {
            Some(files::read(&path, FILE_BYTES_MAX)?)
        } else {
            files::read_if_there(&path, FILE_BYTES_MAX)?
        };
        let in_file = match text {
            Some(bytes) => parse_file(&path, &bytes)?,
            None => BTreeMap::new(),
        };
        let settings = resolve(flags, environment()?, &in_file, &path);
        settings.check()?;
        Ok(settings)
    }

    /// The same flags and environment over another file.
    pub(crate) fn with_file(&self, path: &Path) -> Result<Settings, Failure> {
        let in_file = parse_file(path, &files::read(path, FILE_BYTES_MAX)?)?;
        let settings = resolve(self.flags.clone(), self.environment.clone(), &in_file, path);
        settings.check()?;
        Ok(settings)
    }

    /// A setting that has a default or was given; empty where unset.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.get(key).map(|value| value.text.as_str()).unwrap_or_default()
    }

    /// A setting that was given by someone.
    pub(crate) fn given(&self, key: &str) -> Option<&str> {
        let value = self.get(key)?;
        let is_given = !matches!(value.source, Source::Default | Source::Unset);
        is_given.then_some(value.text.as_str())
    }

    /// A setting that was given on this command line, and not as a habit by environment or file.
    pub(crate) fn flag(&self, key: &str) -> Option<&str> {
        let value = self.get(key)?;
        (value.source == Source::Flag).then_some(value.text.as_str())
    }

    /// A switch.
    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.text(key) == "true"
    }

    /// A path.
    pub(crate) fn path(&self, key: &str) -> PathBuf {
        PathBuf::from(self.text(key))
    }

    /// A path that was given.
    pub(crate) fn given_path(&self, key: &str) -> Option<PathBuf> {
        self.given(key).map(PathBuf::from)
    }

    /// Every setting with its value, in the table's order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static Setting, &Value)> {
        SETTINGS.iter().filter_map(|setting| Some((setting, self.get(setting.key)?)))
    }

    fn get(&self, key: &str) -> Option<&Value> {
        let value = self.values.get(key);
        debug_assert!(value.is_some(), "setting {key} stands in the table");
        value
    }

    /// Every value has the form of its kind.
    fn check(&self) -> Result<(), Failure> {
        for (setting, value) in self.all().filter(|(_, value)| value.source != Source::Unset) {
            check::kind(setting.kind, &value.text).map_err(|why| {
                let name = value.source.name_of(setting);
                Failure::usage(format!("{name} is `{}`: {why}", value.shown(setting)))
            })?;
        }
        Ok(())
    }
}

impl Value {
    /// The value as it may be shown: a secret is not, nor what is no URI of a token's key, since a PIN may stand in it.
    pub(crate) fn shown(&self, setting: &Setting) -> &str {
        let is_secret = setting.is_secret
            || (setting.kind == Kind::TokenKeys && check::kind(setting.kind, &self.text).is_err());
        if is_secret && !self.text.is_empty() { "(hidden)" } else { &self.text }
    }
}

impl Source {
    /// How the user knows the setting from there.
    fn name_of(&self, setting: &Setting) -> String {
        match self {
            Source::Flag => format!("--{}", setting.flag()),
            Source::Environment => setting.variable(),
            Source::File(path) => format!("`{}` in {}", setting.key, path.display()),
            Source::Default | Source::Unset => setting.key.to_owned(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag => f.write_str("flag"),
            Source::Environment => f.write_str("environment"),
            Source::File(path) => path.display().fmt(f),
            Source::Default => f.write_str("default"),
            Source::Unset => f.write_str("unset"),
        }
    }
}

/// The settings among the flags of the command line: an argument with the id of a setting is that setting.
fn flags_of(matches: &ArgMatches) -> BTreeMap<&'static str, String> {
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    let mut flags = BTreeMap::new();
    for setting in SETTINGS {
        let is_there = innermost.try_contains_id(setting.key).unwrap_or(false);
        if !is_there || innermost.value_source(setting.key) != Some(ValueSource::CommandLine) {
            continue;
        }
        let raw = innermost.get_raw(setting.key).and_then(|mut values| values.next());
        let text = raw.map(|raw| raw.to_string_lossy().into_owned());
        flags
            .insert(setting.key, text.filter(|text| !text.is_empty()).unwrap_or("true".to_owned()));
    }
    flags
}

fn environment() -> Result<BTreeMap<&'static str, String>, Failure> {
    let mut found = BTreeMap::new();
    for setting in SETTINGS {
        let variable = setting.variable();
        match std::env::var(&variable) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => drop(found.insert(setting.key, text)),
            Err(std::env::VarError::NotPresent) => {}
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Failure::usage(format!("{variable} is not UTF-8")));
            }
        }
    }
    Ok(found)
}

/// The keys and values of a configuration file; unknown keys and values of another kind are errors.
pub(crate) fn parse_file(
    path: &Path,
    bytes: &[u8],
) -> Result<BTreeMap<&'static str, String>, Failure> {
    let fail = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = std::str::from_utf8(bytes).map_err(|error| fail(error.to_string()))?;
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| fail(error.to_string()))?;
    let mut found = BTreeMap::new();
    for (key, value) in &table {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).ok_or_else(|| {
            let line = line_of(text, key);
            fail(format!("line {line}: unknown key `{key}`{}", check::suggestion(key)))
        })?;
        let text = check::toml_text(setting.kind, value)
            .map_err(|why| fail(format!("line {}: `{key}` {why}", line_of(text, key))))?;
        found.insert(setting.key, text);
    }
    Ok(found)
}

fn resolve(
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<&'static str, String>,
    in_file: &BTreeMap<&'static str, String>,
    path: &Path,
) -> Settings {
    let value_of = |setting: &Setting| {
        let layers = [
            (flags.get(setting.key), Source::Flag),
            (environment.get(setting.key), Source::Environment),
            (in_file.get(setting.key), Source::File(path.to_owned())),
        ];
        let given = layers.into_iter().find_map(|(text, source)| Some((text?.clone(), source)));
        let (text, source) = given.unwrap_or_else(|| match setting.default {
            Some(default) => (default.to_owned(), Source::Default),
            None => (String::new(), Source::Unset),
        });
        (setting.key, Value { text, source })
    };
    let values = SETTINGS.iter().map(value_of).collect();
    Settings { values, flags, environment }
}

/// The line of the file, from 1, on which the key stands.
fn line_of(text: &str, key: &str) -> usize {
    let is_it = |line: &str| {
        let line = line.trim_start().trim_start_matches(['[', '"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    };
    text.lines().position(is_it).map_or(1, |line| line + 1)
}

#[cfg(test)]
mod tests;
