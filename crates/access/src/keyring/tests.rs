//! The keyring under a simulated disk: no key is lost, no destroyed key comes back, whatever the disk does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use env::{Disk, Fault, FaultKind, On, SimDisk, SimRandom};
use hmac::Mac;

use super::copy::{BlockBytes, read_group};
use super::{KeyId, Keyring, KeyringCounts, KeyringError, KeyringReport, copy_keyring, slot_file};
use crate::master::{MasterKey, MasterKeys};

const PATH: &str = "/data/keyring";

fn new_disk(seed: u64, is_direct: bool) -> SimDisk {
    let disk = SimDisk::new(seed);
    disk.create_mount("/data");
    disk.set_direct(is_direct);
    disk
}

/// The master key of this number, and the ones before it.
fn masters(newest: u8) -> MasterKeys {
    let key = |number: u8| MasterKey::new(&[number; 32]);
    MasterKeys { current: key(newest), older: (1..newest).rev().map(key).collect() }
}

fn try_open(disk: &SimDisk, newest: u8) -> Result<(Keyring, KeyringReport), KeyringError> {
    let random = Arc::new(SimRandom::new(disk.operations()));
    Keyring::open(disk, random, Path::new(PATH), masters(newest))
}

fn open(disk: &SimDisk) -> Keyring {
    try_open(disk, 1).unwrap().0
}

/// Tells one data key from another.
fn mark(keyring: &Keyring, key: KeyId) -> Result<[u8; 32], KeyringError> {
    let mut mac = keyring.keys(key)?.pseudonym.clone();
    mac.update(b"mark");
    Ok(mac.finalize().into_bytes().into())
}

fn one(keyring: &Keyring, subject: &str) -> KeyId {
    keyring.keys_for(&[subject]).unwrap()[0].id()
}

/// What the keyring has acknowledged.
#[derive(Clone, Default)]
struct Known {
    keys: BTreeMap<String, (KeyId, [u8; 32])>,
    held: BTreeSet<KeyId>,
    destroyed: BTreeSet<KeyId>,
    /// Destroyed slots and their encrypted bytes, which the disk must not hold any more.
    wiped: Vec<(u64, Vec<u8>)>,
    /// What an operation that was cut off may have changed.
    doubtful: Option<KeyId>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Create { first: usize, count: usize },
    Hold(usize),
    Destroy(usize),
    Again(usize),
    Reopen { newest: u8 },
}

/// More keys than a fresh file has room for, so that it grows.
const STEPS: [Step; 8] = [
    Step::Create { first: 0, count: 3 },
    Step::Destroy(1),
    Step::Create { first: 1, count: 12 },
    Step::Hold(2),
    Step::Create { first: 13, count: 9 },
    Step::Again(2),
    Step::Reopen { newest: 2 },
    Step::Destroy(0),
];

fn subject(number: usize) -> String {
    format!("subject-{number}@example.org")
}

impl Known {
    /// Takes one step; an error is one of the disk.
    fn step(
        &mut self,
        disk: &SimDisk,
        keyring: &mut Keyring,
        step: Step,
    ) -> Result<(), KeyringError> {
        match step {
            Step::Create { first, count } => {
                let subjects: Vec<String> = (first..first + count).map(subject).collect();
                let names: Vec<&str> = subjects.iter().map(String::as_str).collect();
                let keys = keyring.keys_for(&names)?;
                for (subject, keys) in subjects.into_iter().zip(keys) {
                    let mark = mark(keyring, keys.id())?;
                    self.keys.insert(subject, (keys.id(), mark));
                }
            }
            Step::Hold(number) => {
                let key = self.doubt(number);
                keyring.set_held(key, true)?;
                self.held.insert(key);
            }
            Step::Destroy(number) => {
                self.destroy(disk, number, |key| keyring.destroy(key).map(drop))?;
            }
            Step::Again(number) => {
                self.destroy(disk, number, |key| keyring.destroy_again([key, key]).map(drop))?;
            }
            Step::Reopen { newest } => *keyring = try_open(disk, newest)?.0,
        }
        self.doubtful = None;
        Ok(())
    }

    fn doubt(&mut self, number: usize) -> KeyId {
        let (key, _) = self.keys[&subject(number)];
        self.doubtful = Some(key);
        key
    }

    fn destroy(
        &mut self,
        disk: &SimDisk,
        number: usize,
        destroy: impl FnOnce(KeyId) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        let key = self.doubt(number);
        let bytes = disk.file_bytes(Path::new(PATH))?;
        let slot = (0..bytes.len() as u64 / 1024).find(|slot| {
            let at = slot_file::slot_at(*slot, 0) as usize;
            bytes[at + 16..at + 32] == key.0
        });
        let slot = slot.expect("the key has a slot");
        let at = slot_file::slot_at(slot, 0) as usize;
        let secret = bytes[at + 68..at + 372].to_vec();
        destroy(key)?;
        self.keys.remove(&subject(number));
        self.held.remove(&key);
        self.destroyed.insert(key);
        self.wiped.push((slot, secret));
        Ok(())
    }

    /// Everything acknowledged is there, and nothing destroyed is.
    fn check(&self, disk: &SimDisk, context: &str) {
        let (keyring, _) = try_open(disk, 2).unwrap_or_else(|e| panic!("{context}: {e}"));
        for (subject, (key, before)) in &self.keys {
            if Some(*key) == self.doubtful {
                // Held or not, destroyed or not; but if it is there, it is what it was.
                let now = mark(&keyring, *key);
                let gone = matches!(now, Err(KeyringError::Destroyed { .. }));
                assert!(gone || now.as_ref().ok() == Some(before), "{context}: {now:?}");
                continue;
            }
            assert_eq!(keyring.find(subject), Some(*key), "{context}: {subject}");
            assert_eq!(&mark(&keyring, *key).unwrap(), before, "{context}: {subject}");
            assert_eq!(&**keyring.subject(*key).unwrap(), subject, "{context}");
            assert_eq!(keyring.is_held(*key).unwrap(), self.held.contains(key), "{context}");
        }
        for key in &self.destroyed {
            let gone = mark(&keyring, *key);
            assert!(matches!(gone, Err(KeyringError::Destroyed { .. })), "{context}: {gone:?}");
        }
        let bytes = disk.file_bytes(Path::new(PATH)).unwrap();
        for (slot, secret) in &self.wiped {
            // Any 16 bytes of it would be too much.
            let copies = [0, 1].map(|copy| slot_file::slot_at(*slot, copy) as usize + 68);
            let left = copies.iter().any(|at| {
                let now = bytes[*at..*at + secret.len()].chunks(16);
                now.zip(secret.chunks(16)).any(|(now, before)| now == before)
            });
            assert!(!left, "{context}: a destroyed key is still on the disk");
        }
        let counts = keyring.counts();
        assert!(counts.live + 1 >= self.keys.len() as u64, "{context}: {counts:?}");
        one(&keyring, "someone new");
    }
}

/// Runs the steps until the disk fails; what was acknowledged until then.
fn run(disk: &SimDisk) -> (Known, bool) {
    let mut known = Known::default();
    let Ok((mut keyring, _)) = try_open(disk, 1) else { return (known, false) };
    for step in STEPS {
        if known.step(disk, &mut keyring, step).is_err() {
            return (known, false);
        }
    }
    (known, true)
}

fn calls(is_direct: bool) -> u64 {
    let disk = new_disk(0, is_direct);
    let (known, done) = run(&disk);
    assert!(done);
    known.check(&disk, "no fault");
    disk.operations()
}

#[test]
fn a_crash_at_every_call_loses_no_key_and_brings_none_back() {
    for is_direct in [true, false] {
        for call in 0..calls(is_direct) {
            for round in 0..4 {
                let seed = call * 4 + round;
                let disk = new_disk(seed, is_direct);
                disk.fail(Fault {
                    on: On::Any,
                    after: call,
                    forever: false,
                    kind: FaultKind::Halt,
                });
                let (known, _) = run(&disk);
                disk.crash();
                disk.heal();
                known.check(&disk, &format!("seed {seed}, direct {is_direct}, call {call}"));
            }
        }
    }
}

#[test]
fn a_failed_call_stops_the_keyring_and_loses_no_key() {
    let failures = [FaultKind::Io { persisted: true }, FaultKind::Io { persisted: false }];
    for is_direct in [true, false] {
        for call in 0..calls(is_direct) {
            for kind in failures.clone() {
                let context = format!("direct {is_direct}, call {call}, {kind:?}");
                let disk = new_disk(call, is_direct);
                disk.fail(Fault { on: On::Any, after: call, forever: false, kind });
                let (known, _) = run(&disk);
                // The process ends; the machine goes on, and with it a page cache that may be wrong.
                disk.restart();
                disk.heal();
                known.check(&disk, &context);
                disk.crash();
                known.check(&disk, &context);
            }
        }
    }
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let disk = new_disk(1, true);
    let keyring = open(&disk);
    let key = one(&keyring, "a");
    let kind = FaultKind::Io { persisted: false };
    disk.fail(Fault { on: On::Write, after: 1, forever: false, kind });
    assert!(matches!(keyring.destroy(key), Err(KeyringError::Io(_))));
    assert!(matches!(keyring.destroy(key), Err(KeyringError::Stopped)));
    assert!(matches!(keyring.keys_for(&["b"]), Err(KeyringError::Stopped)));
}

#[test]
fn a_flush_that_failed_is_not_believed_after_a_restart() {
    let disk = new_disk(1, false);
    let keyring = open(&disk);
    let key = one(&keyring, "a");
    let at = slot_file::slot_at(0, 1) as usize + 68;
    let secret = |disk: &SimDisk| disk.file_bytes(Path::new(PATH)).unwrap()[at..at + 304].to_vec();
    let before = secret(&disk);
    let kind = FaultKind::Io { persisted: false };
    disk.fail(Fault { on: On::Sync, after: 1, forever: false, kind });
    assert!(matches!(keyring.destroy(key), Err(KeyringError::Io(_))));
    disk.restart();
    // The page cache shows the second copy destroyed; the device still has it.
    assert_ne!(secret(&disk), before);
    assert_eq!(try_open(&disk, 1).unwrap().1.mended, 1);
    disk.crash();
    assert_ne!(secret(&disk), before);
}

#[test]
fn a_full_disk_refuses_new_keys_and_nothing_else() {
    let disk = new_disk(1, true);
    let keyring = open(&disk);
    let key = one(&keyring, "a");
    disk.set_capacity_bytes(Some(disk.used_bytes() + 5_000));
    let many: Vec<String> = (0..200).map(subject).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(keyring.keys_for(&many), Err(KeyringError::Full { .. })));
    assert!(keyring.find(many[0]).is_none());
    one(&keyring, "there is room for one");
    assert!(keyring.destroy(key).unwrap());
    disk.set_capacity_bytes(None);
    assert_eq!(keyring.keys_for(&many).unwrap().len(), 200);
}

#[test]
fn damage_of_one_copy_is_mended_and_of_both_is_told() {
    let disk = new_disk(1, true);
    let keyring = open(&disk);
    let key = one(&keyring, "a");
    let before = mark(&keyring, key).unwrap();
    let bit = |copy: u64, bit: u64| slot_file::slot_at(0, copy) * 8 + bit;
    for at in 0..512 * 8 {
        for copy in 0..2 {
            disk.flip(Path::new(PATH), bit(copy, at)).unwrap();
            let (keyring, report) = try_open(&disk, 1).unwrap();
            assert_eq!(report.mended, 1, "bit {at} of copy {copy}");
            assert_eq!(mark(&keyring, key).unwrap(), before);
            assert_eq!(try_open(&disk, 1).unwrap().1.mended, 0);
        }
    }
    for copy in 0..2 {
        disk.flip(Path::new(PATH), bit(copy, 999)).unwrap();
    }
    let told = try_open(&disk, 1).map(|_| ());
    assert!(matches!(told, Err(KeyringError::Corrupt { offset_bytes: 4096, .. })), "{told:?}");
}

#[test]
fn a_foreign_file_is_refused() {
    for (bytes, what) in [(&b""[..], "empty"), (b"GRVNKEYS", "short"), (&[0; 9000], "zeros")] {
        let disk = new_disk(1, true);
        disk.put_file(Path::new(PATH), bytes).unwrap();
        let told = try_open(&disk, 1).map(|_| ());
        assert!(matches!(told, Err(KeyringError::NotAKeyring { .. })), "{what}: {told:?}");
    }
}

#[test]
fn the_file_does_not_tell_whom_it_is_about() {
    let disk = new_disk(1, true);
    let keyring = open(&disk);
    one(&keyring, "anna.schmidt@example.org");
    one(&keyring, "b");
    let bytes = disk.file_bytes(Path::new(PATH)).unwrap();
    assert!(!bytes.windows(6).any(|part| part == b"schmid"));
    // Both ids give slots of one length, zero behind it.
    for slot in bytes[4096..4096 + 1024].chunks(512) {
        assert!(slot[372..508].iter().all(|byte| *byte == 0));
        assert!(slot[356..372].iter().any(|byte| *byte != 0));
    }
}

#[test]
fn a_subject_who_returns_gets_a_new_key() {
    let disk = new_disk(1, true);
    let keyring = open(&disk);
    let first = one(&keyring, "a");
    assert_eq!(one(&keyring, "a"), first);
    assert!(keyring.destroy(first).unwrap());
    assert!(!keyring.destroy(first).unwrap(), "it is gone already");
    assert_eq!(keyring.find("a"), None);
    let second = one(&keyring, "a");
    assert_ne!(first, second);
    assert!(matches!(keyring.keys(first), Err(KeyringError::Destroyed { .. })));
    let never = KeyId([9; 16]);
    assert!(matches!(keyring.keys(never), Err(KeyringError::NoSuchKey { .. })));
    assert_eq!(keyring.counts(), KeyringCounts { live: 1, held: 0, destroyed: 1 });
}

#[test]
fn a_keyring_that_was_put_back_brings_nobody_back() {
    let disk = new_disk(1, true);
    let keyring = open(&disk);
    let (erased, kept) = (one(&keyring, "a"), one(&keyring, "b"));
    keyring.set_held(erased, true).unwrap();
    let old = disk.file_bytes(Path::new(PATH)).unwrap();
    keyring.set_held(erased, false).unwrap();
    keyring.destroy(erased).unwrap();
    disk.put_file(Path::new(PATH), &old).unwrap();
    let keyring = open(&disk);
    assert!(keyring.keys(erased).is_ok(), "the old file has it, even under hold");
    assert_eq!(keyring.destroy_again([erased, KeyId([7; 16])]).unwrap(), 1);
    assert!(matches!(keyring.keys(erased), Err(KeyringError::Destroyed { .. })));
    assert!(keyring.keys(kept).is_ok());
    assert_eq!(keyring.destroy_again([erased]).unwrap(), 0);
}

#[test]
fn a_hold_blocks_destruction_until_it_is_released() {
    let disk = new_disk(1, true);
    let key = one(&open(&disk), "a");
    open(&disk).set_held(key, true).unwrap();
    let keyring = open(&disk);
    assert!(matches!(keyring.destroy(key), Err(KeyringError::Held { .. })));
    assert!(keyring.keys(key).is_ok());
    assert_eq!(keyring.counts(), KeyringCounts { live: 1, held: 1, destroyed: 0 });
    keyring.set_held(key, false).unwrap();
    assert!(keyring.destroy(key).unwrap());
}

#[test]
fn rotation_wraps_again_and_the_old_master_key_is_not_needed() {
    let disk = new_disk(1, true);
    let (keyring, report) = try_open(&disk, 1).unwrap();
    assert_eq!(report, KeyringReport { created: true, mended: 0, rewrapped: 0 });
    let (held, other) = (one(&keyring, "a"), one(&keyring, "b"));
    keyring.set_held(held, true).unwrap();
    let marks = [mark(&keyring, held).unwrap(), mark(&keyring, other).unwrap()];
    let (_, report) = try_open(&disk, 2).unwrap();
    assert_eq!(report, KeyringReport { created: false, mended: 0, rewrapped: 2 });
    let open_with = |number| {
        let masters = MasterKeys::one(MasterKey::new(&[number; 32]));
        Keyring::open(&disk, Arc::new(SimRandom::new(5)), Path::new(PATH), masters)
    };
    let (keyring, _) = open_with(2).unwrap();
    assert_eq!([mark(&keyring, held).unwrap(), mark(&keyring, other).unwrap()], marks);
    assert_eq!(keyring.find("a"), Some(held));
    assert!(keyring.is_held(held).unwrap());
    assert!(matches!(open_with(1), Err(KeyringError::UnknownMaster { .. })));
}

#[test]
fn ids_that_fit_no_slot_are_refused() {
    let disk = new_disk(1, true);
    let keyring = open(&disk);
    let longest = "x".repeat(255);
    let key = one(&keyring, &longest);
    assert_eq!(*keyring.subject(key).unwrap(), longest);
    for id in [String::new(), "x".repeat(256)] {
        let refused = keyring.keys_for(&["fine", &id]);
        assert!(matches!(refused, Err(KeyringError::Subject { .. })), "{refused:?}");
    }
    assert_eq!(keyring.find("fine"), None, "all or nothing");
}

/// A keyring of 20 subjects, the first destroyed, the second held, and what it says of the others.
fn filled(disk: &SimDisk) -> Vec<(String, KeyId)> {
    let keyring = open(disk);
    let keys: Vec<_> = (0..20).map(|n| (subject(n), one(&keyring, &subject(n)))).collect();
    keyring.destroy(keys[0].1).unwrap();
    keyring.set_held(keys[1].1, true).unwrap();
    keys
}

#[test]
fn a_copy_is_the_keyring_whatever_one_copy_of_a_slot_suffered() {
    let (copy, told) = (Path::new("/data/copy"), KeyringCounts { live: 19, held: 1, destroyed: 1 });
    let bits = [0, 511 * 8].into_iter().flat_map(|bit| [(0, bit), (1, bit)]);
    for (damaged, bit) in bits {
        for slot in [0, 7, 19, 20] {
            let disk = new_disk(1, true);
            let keys = filled(&disk);
            disk.flip(Path::new(PATH), slot_file::slot_at(slot, damaged) * 8 + bit).unwrap();
            // In a slot that nobody has, only the first write of its first copy can be torn.
            if (slot, damaged) == (20, 1) {
                let refused = copy_keyring(&disk, Path::new(PATH), copy);
                assert!(matches!(refused, Err(KeyringError::Corrupt { .. })), "{refused:?}");
                continue;
            }
            assert_eq!(copy_keyring(&disk, Path::new(PATH), copy).unwrap(), told);
            disk.rename(copy, Path::new(PATH)).unwrap();
            let (keyring, report) = try_open(&disk, 1).unwrap();
            assert_eq!((report.mended, keyring.counts()), (0, told), "slot {slot}");
            for (subject, key) in &keys[1..] {
                assert_eq!(keyring.find(subject), Some(*key));
            }
            assert!(matches!(keyring.keys(keys[0].1), Err(KeyringError::Destroyed { .. })));
        }
    }
}

#[test]
fn a_slot_that_is_written_while_it_is_copied_is_read_again() {
    let disk = new_disk(1, true);
    filled(&disk);
    let bytes = disk.file_bytes(Path::new(PATH)).unwrap();
    let check = |torn: usize, expected: bool| {
        let mut reads = 0;
        let group = read_group(0, Path::new(PATH), |copy, block: &mut BlockBytes| {
            let at = slot_file::slot_at(0, copy) as usize;
            block.copy_from_slice(&bytes[at..at + 4_096]);
            block[100] ^= u8::from(reads < torn);
            reads += 1;
            Ok(())
        });
        assert_eq!(group.is_ok(), expected, "{torn} torn reads of a block");
    };
    check(0, true);
    check(1, true);
    // Both copies of the slot, once, and then for ever.
    check(2, true);
    check(usize::MAX, false);
}

#[test]
fn a_copy_replaces_nothing_and_copies_nothing_else() {
    let disk = new_disk(1, true);
    filled(&disk);
    let told = copy_keyring(&disk, Path::new(PATH), Path::new(PATH));
    assert!(matches!(told, Err(KeyringError::Io(_))), "{told:?}");
    disk.put_file(Path::new("/data/other"), &[1; 9_000]).unwrap();
    let told = copy_keyring(&disk, Path::new("/data/other"), Path::new("/data/copy"));
    assert!(matches!(told, Err(KeyringError::NotAKeyring { .. })), "{told:?}");
    disk.set_capacity_bytes(Some(disk.used_bytes() + 100));
    let told = copy_keyring(&disk, Path::new(PATH), Path::new("/data/copy"));
    assert!(matches!(told, Err(KeyringError::Full { .. })), "{told:?}");
}
