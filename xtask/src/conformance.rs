//! Our formats, checked by implementations that are not ours.
//!
//! Parts: a verifier on Go's `x/mod/sumdb` and Tessera's `fsck` on the logs of `../shared/vectors/tlog`; Torchwood's
//! `litewitness` as a witness; a live server under all three; what it discloses, opened by other RFC 9901 implementations; the columns'
//! Parquet files and what the web UI exports under DuckDB; metrics under OpenTelemetry's messages; PostgreSQL's JDBC driver; the pages of the
//! web UI under axe-core; and the libraries' own tests against other Rust implementations. The Go programs are built on demand into `target/conformance` with the versions of
//! `xtask/conformance/go/go.mod`.

mod files;
pub(crate) mod http;
mod kit;
mod lake;
mod live;
mod npm;
mod oracles;
mod otlp;
mod pages;
mod pg;
mod python;
mod report;
mod sd_jwt;
mod vectors;
mod verifiers;
mod witness;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::stage::{self, Stages};
use crate::totals::Totals;

use kit::Kit;
use report::Report;

pub(crate) use pages::screenshots;

/// Runs every part and prints the totals last; whether all is well.
pub(crate) fn run(root: &Path) -> Result<bool, String> {
    let stages = Stages::new(root)?;
    let mut report = Report { verbose: true, ..Report::default() };
    oracles::run(root, &stages, &mut report)?;
    if let Some(kit) = Kit::prepare(root, &stages, &mut report)? {
        vectors::run(&kit, &mut report)?;
        witness::run(&kit, &mut report)?;
        live::run(&kit, &mut report)?;
        sd_jwt::run(&kit, &mut report)?;
        otlp::run(&kit, &mut report)?;
        lake::run(&kit, &mut report, lake::ALWAYS)?;
        lake::exported(&kit, &mut report)?;
        pg::run(&kit, &mut report)?;
    }
    let mut build = Command::new("cargo");
    build.args(["build", "--package", "graven"]).current_dir(root);
    if stages.run("build graven", &mut build)?.good {
        pages::run(root, &stages, &mut report)?;
    } else {
        report.check("graven builds", Err("see above".to_owned()));
    }
    let totals = report.into_totals();
    println!("{}", totals.line());
    Ok(totals.failed == 0)
}

/// Has the engines that are dear to fetch read the columns' files, for `cargo xtask test --all`.
pub(crate) fn lake_by_others(root: &Path) -> Result<(), String> {
    let stages = Stages::new(root)?;
    let mut report = Report { verbose: true, ..Report::default() };
    if let Some(kit) = Kit::prepare(root, &stages, &mut report)? {
        lake::run(&kit, &mut report, lake::RARELY)?;
    }
    let totals = report.into_totals();
    println!("{}", totals.line());
    if totals.failed == 0 { Ok(()) } else { Err("the engines do not agree".to_owned()) }
}

/// Runs the parts that take seconds, for `cargo xtask test`.
pub(crate) fn quick(root: &Path, stages: &Stages) -> Result<Totals, String> {
    let started = Instant::now();
    let mut report = Report::default();
    if let Some(kit) = Kit::prepare(root, stages, &mut report)? {
        vectors::run(&kit, &mut report)?;
    }
    let totals = report.into_totals();
    println!("conformance: {}", totals.line());
    stage::report("conformance", if totals.failed == 0 { "ok" } else { "FAILED" }, started);
    Ok(totals)
}

#[cfg(test)]
mod tests;
