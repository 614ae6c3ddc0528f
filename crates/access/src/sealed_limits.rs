//! Every limit of the keyring and of sealed values, in one place.

/// Bytes of a subject's id: what one slot of the keyring holds.
pub const SUBJECT_BYTES_MAX: usize = 255;

/// Slots of a keyring, those of destroyed keys counted: its file has then 4 GiB.
pub const KEYRING_SLOTS_MAX: usize = 1 << 22;

/// Groups of eight slots that a full keyring grows by: 128 KiB. Tests grow often.
pub const KEYRING_GROWTH_GROUPS: u64 = if cfg!(test) { 1 } else { 16 };

/// Groups that a start reads at once.
pub const KEYRING_READ_GROUPS: u64 = 128;

/// Reads of one group of a keyring that is copied while it is written.
pub const KEYRING_COPY_READS_MAX: usize = 8;

/// Unlocked subjects' keys that stay in memory, so that a busy subject's is not unwrapped again for each batch.
pub const SUBJECT_KEYS_CACHED_MAX: usize = 1_024;

/// Master keys at once: the one in force, and older ones that a rotation still needs.
pub const MASTER_KEYS_MAX: usize = 4;

/// Bytes of a file, variable or credential that holds master keys.
pub const MASTER_TEXT_BYTES_MAX: usize = 4_096;

/// Bytes of a sealed value's class and path together: what two bytes can say.
pub const LABEL_BYTES_MAX: usize = 65_535;

/// Values of one event that rules may seal or replace.
pub const SEALED_VALUES_MAX: usize = 1_000;

/// Bytes of one log's part of a seal policy, without white space: its entry holds the one before and the one after.
pub const SEAL_RULES_BYTES_MAX: usize = 24 << 10;

/// Rules of one log.
pub const SEAL_RULES_MAX: usize = 1_000;

/// Steps of a rule's path: the levels that an event may have.
pub const SEAL_RULE_TOKENS_MAX: usize = 64;
