//! What the checks read in `Cargo.toml` files.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::tree::Tree;

/// A crate of the project.
pub(super) struct Crate {
    /// Its folder's last part: the name that the dependency table and ARCHITECTURE.md use.
    pub(super) name: String,
    /// Its manifest's path.
    pub(super) path: String,
    /// The manifest.
    pub(super) table: Table,
}

impl Crate {
    /// Whether it is one of the published, pure crates.
    pub(super) fn is_lib(&self) -> bool {
        self.path.starts_with("lib/")
    }

    /// The dependencies that the built crate has: normal and build ones, for every target. Key and value as written.
    pub(super) fn dependencies(&self) -> Vec<(&str, &Value)> {
        let mut found = dependencies_in(&self.table, &["dependencies", "build-dependencies"]);
        for (_, target) in self.table.get("target").and_then(Value::as_table).into_iter().flatten()
        {
            if let Some(table) = target.as_table() {
                found.extend(dependencies_in(table, &["dependencies", "build-dependencies"]));
            }
        }
        found
    }

    /// Those that only its tests, examples and benches have.
    pub(super) fn dev_dependencies(&self) -> Vec<(&str, &Value)> {
        dependencies_in(&self.table, &["dev-dependencies"])
    }
}

/// Every crate: those of `lib/` and `crates/`, and `xtask`. A manifest that cannot be read is a message.
pub(super) fn crates(tree: &Tree) -> (Vec<Crate>, Vec<String>) {
    let mut crates = Vec::new();
    let mut broken = Vec::new();
    for (path, text) in tree.ending("/Cargo.toml") {
        let Some(name) = crate_name(path) else { continue };
        match text.parse::<Table>() {
            Ok(table) => crates.push(Crate { name: name.to_owned(), path: path.to_owned(), table }),
            Err(error) => broken.push(format!("{path}: {}", error.message())),
        }
    }
    (crates, broken)
}

/// The root manifest's `[workspace.dependencies]`: the folder name of each crate of ours, none for others'.
pub(super) fn workspace_dependencies(tree: &Tree) -> BTreeMap<String, Option<String>> {
    let root = tree.text("Cargo.toml").and_then(|text| text.parse::<Table>().ok());
    let table = root
        .as_ref()
        .and_then(|root| root.get("workspace")?.get("dependencies")?.as_table())
        .cloned()
        .unwrap_or_default();
    table.into_iter().map(|(key, value)| (key, own_folder(&value))).collect()
}

/// The folder name of the crate of ours that a dependency's `path` names.
pub(super) fn own_folder(value: &Value) -> Option<String> {
    let path = value.get("path")?.as_str()?;
    path.rsplit('/').find(|part| !part.is_empty()).map(str::to_owned)
}

fn crate_name(path: &str) -> Option<&str> {
    let folder = path.strip_suffix("/Cargo.toml")?;
    match folder.split_once('/') {
        Some(("lib" | "crates", name)) if !name.contains('/') => Some(name),
        None if matches!(folder, "fuzz" | "xtask") => Some(folder),
        _ => None,
    }
}

fn dependencies_in<'a>(table: &'a Table, sections: &[&str]) -> Vec<(&'a str, &'a Value)> {
    let tables = sections.iter().filter_map(|&section| table.get(section)?.as_table());
    tables.flatten().map(|(key, value)| (key.as_str(), value)).collect()
}
