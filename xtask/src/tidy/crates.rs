//! Checks of the crates: who may use whom, what each manifest and each list of crates must say.

use std::collections::BTreeSet;

use super::manifest::{self, Crate};
use super::table;
use super::tree::Tree;

/// How the server is put into a container.
const CONTAINER: &str = "packaging/Containerfile";

/// What a crate of `crates/` may use.
enum MayUse {
    /// These, where `lib` stands for every crate of `lib/`.
    Only(&'static [&'static str]),
    /// Every crate but these.
    AllBut(&'static [&'static str]),
}

/// The map of the code. `xtask` uses no crate of the project, and a crate of `lib/` only others of `lib/`.
const MAY_USE: &[(&str, MayUse)] = &[
    ("env", MayUse::Only(&[])),
    ("append", MayUse::Only(&["lib"])),
    ("store", MayUse::Only(&["env"])),
    ("log", MayUse::Only(&["append", "store", "env", "lib"])),
    ("access", MayUse::Only(&["store", "env", "lib"])),
    ("index", MayUse::Only(&["log", "env", "lib"])),
    ("sql", MayUse::Only(&["log", "env", "lib"])),
    ("ingest", MayUse::Only(&["append", "env", "lib"])),
    ("capture", MayUse::Only(&["append", "env", "lib"])),
    ("gateway", MayUse::Only(&["append", "env", "lib"])),
    ("detect", MayUse::Only(&["index", "log", "env", "lib"])),
    ("client", MayUse::Only(&["append", "env", "lib"])),
    ("server", MayUse::AllBut(&["client", "graven", "sim"])),
    ("graven", MayUse::AllBut(&["sim"])),
    ("fuzz", MayUse::AllBut(&["client", "graven", "sim"])),
    ("sim", MayUse::Only(&["append", "env", "store", "log", "lib"])),
];

/// No crate uses one that the map does not allow it. Dev-dependencies are exempt: nothing that ships has them.
pub(super) fn dependency_table(tree: &Tree) -> Vec<String> {
    let (crates, mut found) = manifest::crates(tree);
    let ours = manifest::workspace_dependencies(tree);
    let libs: BTreeSet<&str> =
        crates.iter().filter(|c| c.is_lib()).map(|c| c.name.as_str()).collect();
    for user in &crates {
        if !user.is_lib() && user.name != "xtask" && rule_of(user).is_none() {
            found.push(format!("{}: not in the map of the code; add it to MAY_USE", user.path));
            continue;
        }
        for (key, value) in user.dependencies() {
            let named = ours.get(key).cloned().flatten();
            let Some(used) = manifest::own_folder(value).or(named) else { continue };
            if !may_use(user, &used, &libs) {
                found.push(format!("{}: `{}` may not use `{used}`", user.path, user.name));
            }
        }
    }
    found
}

/// Every crate takes the workspace's lints.
pub(super) fn workspace_lints(tree: &Tree) -> Vec<String> {
    let (crates, mut found) = manifest::crates(tree);
    for c in &crates {
        let takes = c.table.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
        if takes != Some(true) {
            found.push(format!("{}: add `[lints]` with `workspace = true`", c.path));
        }
    }
    found
}

/// The container file copies folders name by name; one that holds a crate and is left out breaks its build.
pub(super) fn container(tree: &Tree) -> Vec<String> {
    let copied = tree.text(CONTAINER).unwrap_or_default();
    let manifests = tree.ending("/Cargo.toml").filter_map(|(path, _)| path.split_once('/'));
    let folders: BTreeSet<&str> = manifests.map(|(folder, _)| folder).collect();
    let is_left_out =
        |folder: &&str| !copied.lines().any(|line| line == format!("COPY {folder} {folder}"));
    folders
        .into_iter()
        .filter(is_left_out)
        .map(|folder| format!("{CONTAINER}: add `COPY {folder} {folder}`, which holds a crate"))
        .collect()
}

/// ARCHITECTURE.md has a row for every crate, and for nothing else, in its tables headed `crate`.
pub(super) fn architecture(tree: &Tree) -> Vec<String> {
    const PAGE: &str = "ARCHITECTURE.md";
    let Some(page) = tree.text(PAGE) else { return vec![format!("{PAGE}: missing")] };
    let (crates, _) = manifest::crates(tree);
    let crates: BTreeSet<String> = crates.into_iter().map(|c| c.name).collect();
    compare(PAGE, page, &crates, "is no crate", "no row for the crate")
}

/// docs/dependencies.md has a row for every dependency of the workspace or declared by one crate alone, and for nothing
/// else, in its tables headed `crate`.
pub(super) fn dependency_page(tree: &Tree) -> Vec<String> {
    const PAGE: &str = "docs/dependencies.md";
    let Some(page) = tree.text(PAGE) else { return vec![format!("{PAGE}: missing")] };
    let all = manifest::workspace_dependencies(tree);
    let mut others: BTreeSet<String> =
        all.into_iter().filter(|(_, own)| own.is_none()).map(|(key, _)| key).collect();
    let (crates, _) = manifest::crates(tree);
    for c in &crates {
        for (key, value) in c.dependencies().into_iter().chain(c.dev_dependencies()) {
            let from_workspace = value.get("workspace").is_some();
            if !from_workspace && manifest::own_folder(value).is_none() {
                others.insert(key.to_owned());
            }
        }
    }
    compare(PAGE, page, &others, "is no dependency", "no row for the dependency")
}

/// Compares the tables headed `crate` in a page with what they must name.
fn compare(
    path: &str,
    page: &str,
    wanted: &BTreeSet<String>,
    unknown: &str,
    missing: &str,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut named = BTreeSet::new();
    for (line, cell) in table::first_cells(page, "crate") {
        if !wanted.contains(&cell) {
            found.push(format!("{path}:{line}: `{cell}` {unknown}"));
        } else if !named.insert(cell.clone()) {
            found.push(format!("{path}:{line}: a second row for `{cell}`"));
        }
    }
    found.extend(wanted.difference(&named).map(|name| format!("{path}: {missing} `{name}`")));
    found
}

fn rule_of(user: &Crate) -> Option<&'static MayUse> {
    MAY_USE.iter().find(|(name, _)| *name == user.name).map(|(_, rule)| rule)
}

fn may_use(user: &Crate, used: &str, libs: &BTreeSet<&str>) -> bool {
    let is_lib = libs.contains(used);
    match rule_of(user) {
        _ if user.is_lib() => is_lib,
        Some(MayUse::Only(names)) => names.contains(&used) || (is_lib && names.contains(&"lib")),
        Some(MayUse::AllBut(names)) => used != "xtask" && !names.contains(&used),
        None => false,
    }
}
