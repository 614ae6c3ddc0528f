//! One slot: a subject's key and id under the master key, or what is left of it once it is destroyed.
//!
//! Bytes 0..4 magic `GRKY`, 4 version 1, 5 state (1 live, 2 destroyed), 6 flags (bit 0: legal hold), 7 zero, 8..16 generation,
//! 16..32 key id; in a live slot 32..40 the master key's id, 40..56 where the subject is found, 56..68 nonce, 68..356
//! encrypted data key (32), length of the subject's id (1), the id padded with zeros (255), 356..372 tag; zeros; 508..512
//! CRC32C of everything before. Bytes 0..56 are bound to the encryption.

use env::Random;
use zeroize::{Zeroize, Zeroizing};

use super::KeyId;
use crate::master::{MasterKey, NONCE_BYTES, TAG_BYTES};
use crate::sealed_limits::SUBJECT_BYTES_MAX;

/// Bytes of a slot, a whole sector of any device.
pub(super) const SLOT_BYTES: usize = 512;

const MAGIC: [u8; 4] = *b"GRKY";
const VERSION: u8 = 1;
const STATE_LIVE: u8 = 1;
const STATE_DESTROYED: u8 = 2;
const FLAG_HELD: u8 = 1;
const BOUND_BYTES: usize = 56;
const SECRET: std::ops::Range<usize> = 68..356;
const USED_BYTES: usize = SECRET.end + TAG_BYTES;
const CHECKED_BYTES: usize = 508;
const KEY_BYTES: usize = 32;

/// What a slot says of itself without any key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) generation: u64,
    pub(super) key: KeyId,
    pub(super) state: State,
}

/// Whether the key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Live {
        /// Which master key it is under.
        master: [u8; 8],
        /// Where its subject is found.
        lookup: [u8; 16],
        /// Under legal hold: not to be destroyed.
        is_held: bool,
    },
    Destroyed,
}

/// What a live slot keeps secret.
pub(super) struct Secret {
    pub(super) data_key: Zeroizing<[u8; KEY_BYTES]>,
    pub(super) subject: Zeroizing<String>,
}

/// One copy of a slot as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// Never written.
    Blank,
    /// As it was written.
    Whole(Facts),
    /// Neither.
    Broken,
}

impl Facts {
    /// Under legal hold.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.state, State::Live { is_held: true, .. })
    }

    /// Live, and wrapped under another master key than this.
    pub(super) fn is_under_another(&self, id: [u8; 8]) -> bool {
        matches!(self.state, State::Live { master, .. } if master != id)
    }
}

/// Reads one copy.
pub(super) fn read(slot: &[u8; SLOT_BYTES]) -> Copy {
    if slot.iter().all(|byte| *byte == 0) {
        return Copy::Blank;
    }
    let is_whole = slot[..4] == MAGIC
        && slot[4] == VERSION
        && slot[CHECKED_BYTES..] == crc32c::crc32c(&slot[..CHECKED_BYTES]).to_be_bytes();
    let state = match slot[5] {
        STATE_LIVE => State::Live {
            master: field(slot, 32),
            lookup: field(slot, 40),
            is_held: slot[6] & FLAG_HELD != 0,
        },
        STATE_DESTROYED => State::Destroyed,
        _ => return Copy::Broken,
    };
    if !is_whole {
        return Copy::Broken;
    }
    let generation = u64::from_be_bytes(field(slot, 8));
    Copy::Whole(Facts { generation, key: KeyId(field(slot, 16)), state })
}

/// A live slot, its secret under `master` with a fresh nonce.
pub(super) fn write_live(
    (generation, key, is_held): (u64, KeyId, bool),
    secret: &Secret,
    master: &MasterKey,
    random: &dyn Random,
) -> [u8; SLOT_BYTES] {
    let mut slot = head(STATE_LIVE, generation, key);
    slot[6] = if is_held { FLAG_HELD } else { 0 };
    slot[32..40].copy_from_slice(&master.id());
    slot[40..BOUND_BYTES].copy_from_slice(&master.lookup(&secret.subject));
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce);
    slot[BOUND_BYTES..SECRET.start].copy_from_slice(&nonce);
    let (bound, rest) = slot.split_at_mut(BOUND_BYTES);
    let plain = &mut rest[NONCE_BYTES..NONCE_BYTES + SECRET.len()];
    plain[..KEY_BYTES].copy_from_slice(&*secret.data_key);
    plain[KEY_BYTES] = secret.subject.len() as u8;
    plain[KEY_BYTES + 1..][..secret.subject.len()].copy_from_slice(secret.subject.as_bytes());
    let tag = master.wrap(&nonce, bound, plain);
    slot[SECRET.end..USED_BYTES].copy_from_slice(&tag);
    finish(slot)
}

/// What is left of a destroyed key: its id, so that it is known to be gone rather than lost.
pub(super) fn write_destroyed(generation: u64, key: KeyId) -> [u8; SLOT_BYTES] {
    finish(head(STATE_DESTROYED, generation, key))
}

/// Opens a whole, live slot; `None` where it was not written under this master key.
pub(super) fn open(slot: &[u8; SLOT_BYTES], master: &MasterKey) -> Option<Secret> {
    let mut plain = Zeroizing::new([0; SECRET.end - SECRET.start]);
    plain.copy_from_slice(&slot[SECRET]);
    let nonce = field(slot, BOUND_BYTES);
    let tag = field(slot, SECRET.end);
    if !master.unwrap(&nonce, &slot[..BOUND_BYTES], &mut *plain, &tag) {
        return None;
    }
    let mut data_key = Zeroizing::new([0; KEY_BYTES]);
    data_key.copy_from_slice(&plain[..KEY_BYTES]);
    let len = usize::from(plain[KEY_BYTES]).min(SUBJECT_BYTES_MAX);
    let subject = String::from_utf8(plain[KEY_BYTES + 1..][..len].to_vec());
    let subject = subject.map_err(|error| error.into_bytes().zeroize()).ok()?;
    Some(Secret { data_key, subject: Zeroizing::new(subject) })
}

fn head(state: u8, generation: u64, key: KeyId) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..4].copy_from_slice(&MAGIC);
    slot[4] = VERSION;
    slot[5] = state;
    slot[8..16].copy_from_slice(&generation.to_be_bytes());
    slot[16..32].copy_from_slice(&key.0);
    slot
}

fn finish(mut slot: [u8; SLOT_BYTES]) -> [u8; SLOT_BYTES] {
    let crc = crc32c::crc32c(&slot[..CHECKED_BYTES]);
    slot[CHECKED_BYTES..].copy_from_slice(&crc.to_be_bytes());
    slot
}

/// The `N` bytes at `at`, which lie within a slot.
fn field<const N: usize>(slot: &[u8; SLOT_BYTES], at: usize) -> [u8; N] {
    *slot[at..].first_chunk().expect("every field lies within the slot")
}
