//! T14: writes or flushes fail with EIO, then the device is sound again (Rebello et al., USENIX ATC 2020).

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use super::device::{Broken, Device, missing};
use super::dice::{Dice, size};
use super::trial::Trial;

const DEVICE_BYTES: u64 = 256 << 20;
/// Failures of one device.
const FAILURES_A_DEVICE: u64 = 2;
/// An ext4 without a journal of its own stays writable after a failed flush: the next start then meets the very page
/// cache that may show what the device never got.
const WITHOUT_JOURNAL: [&str; 2] = ["-O", "^has_journal"];

/// The last file of a journal.
fn last_journal_file(data: &Path) -> PathBuf {
    let listed = std::fs::read_dir(data.join("journal")).unwrap();
    let files = listed.map(|entry| entry.unwrap().path());
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|text| text == "journal");
    files.filter(is_journal).max().expect("a journal has a file")
}

/// The device breaks in the middle of a load; sound again, nothing is missing. `remount` takes the page cache away.
fn check(dice: &mut Dice, broken: Broken, mkfs: &[&str], remount: bool) {
    let context = format!("{broken:?} fail, mkfs {mkfs:?}, remount {remount}");
    let device = Device::new(DEVICE_BYTES, mkfs, broken);
    let mut trial = Trial::on(&device.mount_point().join("data"), dice, 20_000);
    for _ in 0..FAILURES_A_DEVICE {
        let mut ended = None;
        let loaded = trial.load(|scene| {
            scene.dice.wait_ms(20, 300);
            device.set_broken(true);
            ended = Some(scene.fixture.ended());
        });
        device.set_broken(false);
        let (status, said) = ended.expect("the server has ended");
        assert_eq!(status.signal(), Some(libc_abort()), "{context}: {status}: {said}");
        assert!(said.contains("can no longer be sure"), "{context}: {said}");
        if remount {
            device.remount();
        }
        let last = last_journal_file(&trial.data);
        let looked = loaded.and_then(|()| trial.look());
        looked.unwrap_or_else(|violation| panic!("{context}, {}: {violation}", trial.told()));
        assert_ne!(last_journal_file(&trial.data), last, "{context}: it was not copied forward");
    }
    println!("t14: {context}: {FAILURES_A_DEVICE} failures, {}", trial.told());
}

/// What `abort` ends a process with.
fn libc_abort() -> i32 {
    rustix::process::Signal::ABORT.as_raw()
}

#[test]
fn t14_a_device_that_fails_and_is_sound_again() {
    if let Some(why) = missing() {
        println!("SKIP t14_a_device_that_fails_and_is_sound_again: {why}");
        return;
    }
    let mut dice = Dice::of_row("t14");
    for _ in 0..size(1, 8) {
        for broken in [Broken::Writes, Broken::Flushes] {
            check(&mut dice, broken, &WITHOUT_JOURNAL, false);
            check(&mut dice, broken, &[], true);
        }
    }
}
