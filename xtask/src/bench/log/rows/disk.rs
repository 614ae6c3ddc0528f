//! Bytes on disk of sealed entries, beside the events as NDJSON.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::log::kit::Kit;
use crate::bench::log::line::{Goal, Line, Measured};
use crate::bench::log::number::number;

/// What makes a record of another log one of our events.
const WRAP: [&str; 2] =
    [r#"{"actor":{"type":"service","id":"import"},"action":"cloudtrail.record","data":"#, "}"];
/// Entries of a sealed segment and of a bundle.
const SEGMENT_ENTRIES: u64 = 65_536;
const BUNDLE_ENTRIES: usize = 256;

/// Measures both corpora.
pub(super) fn disk(kit: &mut Kit) -> Result<Vec<Line>, String> {
    Ok(vec![cloudtrail(kit)?, demo(kit)?])
}

/// Real CloudTrail records, from the data beside the checkout.
fn cloudtrail(kit: &Kit) -> Result<Line, String> {
    let figure = "bytes on disk an entry, CloudTrail";
    let beside = "its record as NDJSON";
    let folder = kit.root.parent().map(|above| above.join("shared/data/cloudtrail"));
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        let why: Measured = Err("../shared/data/cloudtrail is not there".to_owned());
        return Ok(Line { ours: why.clone(), ..Line::new(figure, "B", 0.0, beside, why) });
    };
    let records = records(&folder)?;
    if records.len() <= BUNDLE_ENTRIES {
        return Err(format!(
            "{} records are too few: they would repeat in a bundle",
            records.len()
        ));
    }
    let events: Vec<String> =
        records.iter().map(|record| format!("{}{record}{}\n", WRAP[0], WRAP[1])).collect();
    let file = kit.dir().join("cloudtrail.ndjson");
    std::fs::write(&file, events.concat()).map_err(|e| format!("cannot write events: {e}"))?;
    let sealed = Sealed::measure(kit, &file)?;
    let wrap_bytes = (WRAP[0].len() + WRAP[1].len()) as f64;
    let line = Line::new(figure, "B", sealed.disk, beside, Ok(sealed.raw - wrap_bytes));
    let note = format!(
        "{} records again and again, none twice in a bundle, each as `data` of an event; the NDJSON is without that wrapping",
        records.len()
    );
    Ok(line.asked(Goal::AtMost(0.115)).note(note).note(sealed.note()))
}

/// The demo company's events.
fn demo(kit: &Kit) -> Result<Line, String> {
    let file: PathBuf = kit.dir().join("demo.ndjson");
    let events = kit.counts.segments * SEGMENT_ENTRIES;
    kit.run("demo_events", kit.example("demo_events").arg(events.to_string()).arg(&file))?;
    let sealed = Sealed::measure(kit, &file)?;
    let line = Line::new(
        "bytes on disk an entry, demo events",
        "B",
        sealed.disk,
        "its event as NDJSON",
        Ok(sealed.raw),
    );
    Ok(line.asked(Goal::AtMost(0.30)).note(sealed.note()))
}

/// Bytes an entry.
struct Sealed {
    entries: f64,
    /// Of every file of the log.
    disk: f64,
    /// Of the events handed in, with their line ends.
    raw: f64,
}

impl Sealed {
    fn measure(kit: &Kit, file: &Path) -> Result<Sealed, String> {
        let mut command = kit.example("disk_bytes");
        command.arg(file).arg(kit.counts.segments.to_string()).arg(kit.dir());
        let value = kit.run_json("disk_bytes", &mut command)?;
        let entries = number(&value, "/entries")?;
        let disk = number(&value, "/disk_bytes")? / entries;
        Ok(Sealed { entries, disk, raw: number(&value, "/raw_bytes")? / entries })
    }

    fn note(&self) -> String {
        format!(
            "{:.0} entries, all in sealed segments; tree, index, state and metadata count",
            self.entries
        )
    }
}

/// Every record of the folder's files, as compact JSON, in the order of the files' names.
fn records(folder: &Path) -> Result<Vec<String>, String> {
    let broken = |e: &dyn std::fmt::Display| format!("cannot read {}: {e}", folder.display());
    let listed = std::fs::read_dir(folder).map_err(|e| broken(&e))?;
    let mut paths: Vec<PathBuf> = listed.flatten().map(|file| file.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let mut records = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|e| broken(&e))?;
        let trail: Value = serde_json::from_str(&text).map_err(|e| broken(&e))?;
        let list = trail.get("Records").and_then(Value::as_array).into_iter().flatten();
        records.extend(list.map(Value::to_string));
    }
    Ok(records)
}
