//! Every limit of this crate. A larger input is refused by name, never truncated.

use graven_merkle::PROOF_HASHES_MAX;

/// The longest key name, in bytes: `opaque cosigner_name<1..2^8-1>` (C2SP `tlog-cosignature`).
pub const KEY_NAME_BYTES_MAX: usize = 255;

/// The longest origin that an ML-DSA-44 cosignature can name, in bytes: `opaque
/// log_origin<1..2^8-1>` (C2SP `tlog-cosignature`).
pub const COSIGNED_ORIGIN_BYTES_MAX: usize = 255;

/// The largest signed note, in bytes, signatures included.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// The most signature lines of one note. C2SP `signed-note` asks for at least 16.
pub const SIGNATURES_MAX: usize = 100;

/// The largest timestamp of a cosignature, in POSIX seconds: 2⁶³ − 1 (C2SP `tlog-cosignature`).
pub const TIMESTAMP_S_MAX: u64 = (1 << 63) - 1;

/// The largest `extra` of a tlog-proof, in bytes before base64.
pub const EXTRA_BYTES_MAX: usize = 1 << 20;

/// The largest tlog-proof, in bytes: its note, its `extra` in base64, and its hash lines.
pub const PROOF_BYTES_MAX: usize =
    NOTE_BYTES_MAX + EXTRA_BYTES_MAX.div_ceil(3) * 4 + PROOF_HEAD_BYTES_MAX;

/// The largest body of an `add-checkpoint` request, in bytes: a note and its hash lines.
pub const ADD_CHECKPOINT_BYTES_MAX: usize = NOTE_BYTES_MAX + PROOF_HEAD_BYTES_MAX;

/// The largest policy, in bytes. An ML-DSA-44 verifier key is about 1.8 kB of it.
pub const POLICY_BYTES_MAX: usize = 1 << 20;

/// The most logs of a policy. C2SP `tlog-policy` asks for at least 32.
pub const POLICY_LOGS_MAX: usize = 128;

/// The most witnesses of a policy. C2SP `tlog-policy` asks for at least 32.
pub const POLICY_WITNESSES_MAX: usize = 128;

/// The most groups of a policy. C2SP `tlog-policy` asks for at least 32.
pub const POLICY_GROUPS_MAX: usize = 128;

/// The most that stands before a note beside `extra`: hash lines of 45 bytes and a few short lines.
const PROOF_HEAD_BYTES_MAX: usize = PROOF_HASHES_MAX * 45 + 128;
