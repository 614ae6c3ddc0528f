//! T16: a real ext4 of 64 MB that fills up, at many levels, while events come in.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::device::{missing, run, wait_until};
use super::dice::{Dice, size};
use super::fixture::Fixture;
use super::http::{Address, Connection};
use super::producer::{Kind, Producer};
use super::trial::{Scene, Trial};

const DISK_BYTES: u64 = 64 << 20;
/// Appends are refused while less is free.
const RESERVE_BYTES: u64 = 16 << 20;

/// A small disk of its own: a file, a loop device, ext4.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn new() -> SmallDisk {
        let disk = SmallDisk { folder: tempfile::TempDir::new().unwrap() };
        let image = disk.folder.path().join("image");
        fs::File::create_new(&image).unwrap().set_len(DISK_BYTES).unwrap();
        fs::create_dir(disk.mount_point()).unwrap();
        // Nothing is kept back for root, who runs this: what is free is free for the server.
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image));
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(disk.mount_point()));
        disk
    }

    fn mount_point(&self) -> PathBuf {
        self.folder.path().join("mnt")
    }

    fn free_bytes(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.mount_point()).unwrap();
        stat.f_bavail * stat.f_frsize
    }

    fn ballast(&self) -> PathBuf {
        self.mount_point().join("ballast")
    }

    /// Someone else's file takes all but so many bytes.
    fn fill(&self, free_bytes: u64) {
        let file = fs::File::create(self.ballast()).unwrap();
        let take = || {
            let size_bytes = self.free_bytes().saturating_sub(free_bytes).max(1);
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size_bytes)
        };
        // The log writes meanwhile: what was free may be so no more.
        wait_until("the ballast fits", || take().is_ok());
    }

    fn give_space_back(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.mount_point()).status());
    }
}

/// Whether appends are taken.
fn is_ready(address: &Address) -> bool {
    let answer = Connection::open(address).and_then(|mut connection| connection.get("/readyz"));
    answer.unwrap().status == 200
}

/// While nothing is taken: 507 with Retry-After, entries and proofs are served.
fn check_full(fixture: &Fixture, address: &Address, context: &str) {
    let mut connection = Connection::open(address).unwrap();
    let event = r#"{"id":"one-too-many","actor":{},"action":"a.b"}"#;
    let path = "/api/v1/logs/main/events";
    let refused = connection.post(path, "application/json", event.as_bytes()).unwrap();
    assert_eq!(refused.status, 507, "{context}: {refused:?}");
    assert!(refused.header("retry-after").is_some(), "{context}: {refused:?}");
    let problem: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(problem["code"], "disk_full", "{context}");
    check_reads(fixture, address, context);
}

/// Entries are served with proofs that hold.
fn check_reads(fixture: &Fixture, address: &Address, context: &str) {
    let url = address.url();
    let run = |args: &[&str]| {
        let args = [args, &["--url", &url]].concat();
        let ran = fixture.run_in(&args, "", &[("GRAVEN_TOKEN", &address.token)]);
        assert_eq!(ran.exit, 0, "{context}: {args:?}: {ran:?}");
        ran.stdout
    };
    let shown: Value = serde_json::from_str(&run(&["log", "show", "--json"])).unwrap();
    let size = shown["size"].as_u64().unwrap();
    for index in [0, size / 2, size - 1] {
        // `get` checks the proof against the keys that it is given.
        let vkey = shown["vkeys"][0].as_str().unwrap();
        run(&["get", &index.to_string(), "--vkey", vkey]);
    }
}

/// One disk that is filled up to this level while it is written to; then it is full at a start.
fn check(dice: &mut Dice, free_bytes: u64) {
    let context = format!("{free_bytes} bytes free");
    let disk = SmallDisk::new();
    let data = disk.mount_point().join("data");
    let mut trial = Trial::on(&data, dice, 200_000);
    let mut late = Producer::new(Kind::Lines, dice.split(), 1);
    let loaded = trial.load(|Scene { fixture, dice, address, outside }| {
        dice.wait_ms(10, 200);
        disk.fill(free_bytes);
        wait_until("the disk is full", || !is_ready(address));
        check_full(fixture, address, &context);
        disk.give_space_back();
        wait_until("there is space again", || is_ready(address));
        let demanded = late.demand(address, outside);
        demanded.unwrap_or_else(|violation| panic!("{context}: {violation}"));
        fixture.stop();
    });
    let looked = loaded.and_then(|()| trial.look());
    looked.unwrap_or_else(|violation| panic!("{context}, {}: {violation}", trial.told()));
    disk.fill(free_bytes);
    let address = trial.start();
    let address = address.unwrap_or_else(|ended| panic!("{context}, a full start: {ended:?}"));
    wait_until("the disk is full", || !is_ready(&address) || free_bytes > RESERVE_BYTES);
    check_reads(&trial.fixture, &address, &context);
    trial.fixture.stop();
    disk.give_space_back();
    trial.look().unwrap_or_else(|violation| panic!("{context}, full at a start: {violation}"));
    println!("t16: {context}: {}", trial.told());
}

#[test]
fn t16_a_real_disk_is_full() {
    if let Some(why) = missing() {
        println!("SKIP t16_a_real_disk_is_full: {why}");
        return;
    }
    let mut dice = Dice::of_row("t16");
    let levels = size(4, 20);
    for level in 0..levels {
        // From nothing to more than the reserve, so that the last levels are filled by the log itself.
        check(&mut dice, level * (RESERVE_BYTES + (3 << 20)) / (levels - 1));
    }
}
