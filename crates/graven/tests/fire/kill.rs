//! T12: `kill -9` at any moment, in the middle of concurrent requests and of starts.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sim::Violation;

use super::device::wait_until;
use super::dice::{Dice, size};
use super::trial::{Trial, copy_all};

/// Kills on one data directory.
const KILLS_A_DIRECTORY: u64 = 20;
/// Kills on one data directory that is unloaded each time: it grows by a hundred megabytes.
const KILLS_WHILE_UNLOADING: u64 = 3;
/// Kills of starts before the first that is left alone.
const KILLED_FIRST_STARTS: u64 = 3;

/// Patience with a load that is to fill the journal.
const FILL_MAX: Duration = Duration::from_mins(2);

/// Starts the server and kills it, perhaps before it listens.
fn kill_start(trial: &mut Trial) {
    let mut child = trial.command().stderr(Stdio::null()).spawn().unwrap();
    trial.dice.wait_ms(1, 150);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Everything that unloading makes: parts, states, vault objects, complete or not.
fn unloaded(data: &Path) -> Vec<PathBuf> {
    let folders = ["logs/main", "logs/main/segments", "vault/main"];
    let listed = folders.iter().flat_map(|folder| std::fs::read_dir(data.join(folder)));
    let mut paths: Vec<_> = listed.flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The look after a kill, and perhaps after a killed start.
fn look(trial: &mut Trial, killed: Result<(), Violation>, kill: u64) {
    if trial.dice.once_in(4) {
        kill_start(trial);
    }
    let looked = killed.and_then(|()| trial.look());
    looked.unwrap_or_else(|violation| panic!("kill {kill}, {}: {violation}", trial.told()));
}

#[test]
fn t12_kill_at_any_moment() {
    let mut dice = Dice::of_row("t12");
    for _ in 0..size(1, 10) {
        let folder = tempfile::TempDir::new().unwrap();
        let mut trial = Trial::on(&folder.path().join("data"), &mut dice, 20_000);
        for _ in 0..KILLED_FIRST_STARTS {
            kill_start(&mut trial);
        }
        for kill in 0..KILLS_A_DIRECTORY {
            let killed = trial.load(|scene| {
                scene.dice.wait_ms(5, 200);
                scene.fixture.kill();
            });
            look(&mut trial, killed, kill);
        }
        println!("t12: {KILLS_A_DIRECTORY} kills, {}", trial.told());
    }
}

#[test]
fn t12_kill_while_the_journal_is_unloaded() {
    let mut dice = Dice::of_row("t12 unloading");
    for _ in 0..size(1, 7) {
        let folder = tempfile::TempDir::new().unwrap();
        let data = folder.path().join("data");
        let mut trial = Trial::on(&data, &mut dice, 3_000_000);
        for kill in 0..KILLS_WHILE_UNLOADING {
            let before = unloaded(&data);
            let killed = trial.load(|scene| {
                // Not before something of an unloading is there, and then in the middle of the rest.
                let since = Instant::now();
                while unloaded(&data) == before && since.elapsed() < FILL_MAX {
                    scene.dice.wait_ms(0, 4);
                }
                assert_ne!(unloaded(&data), before, "nothing was unloaded: this shows nothing");
                scene.dice.wait_ms(0, 150);
                scene.fixture.kill();
            });
            look(&mut trial, killed, kill);
        }
        println!("t12: {KILLS_WHILE_UNLOADING} kills while unloading, {}", trial.told());
    }
}

/// The control: where an older copy is put in the place of what a kill left, the look has to see it.
#[test]
fn t12_control_lost_entries_are_seen() {
    let mut dice = Dice::of_row("t12 control");
    let folder = tempfile::TempDir::new().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    let mut trial = Trial::on(&data, &mut dice, 20_000);
    let kill_under_load = |trial: &mut Trial| {
        let killed = trial.load(|scene| {
            // New ones: what is sent again may have been in the log, and so in the copy, before its receipt came.
            let next = scene.outside.next();
            wait_until("events are acknowledged", || scene.outside.acked_from(next) > 20);
            scene.fixture.kill();
        });
        killed.unwrap_or_else(|violation| panic!("{}: {violation}", trial.told()));
    };
    kill_under_load(&mut trial);
    copy_all(&data, &copy);
    kill_under_load(&mut trial);
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&copy, &data).unwrap();
    let violation = trial.look().expect_err("acknowledged entries are gone");
    println!("t12 control: {violation}");
}
