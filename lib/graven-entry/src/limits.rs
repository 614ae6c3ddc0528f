//! Every limit of an entry in one place. They are part of the format: what one log takes today,
//! every log takes tomorrow.

/// Bytes of a whole entry, line feeds counted: what the C2SP bundle's 16-bit length can say.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Bytes of a header line, its line feed counted.
pub const HEADER_BYTES_MAX: usize = 2_048;

/// Bytes of an event line as stored, its line feed counted.
pub const EVENT_BYTES_MAX: usize = 57_344;

/// Bytes of an attestation, its line feeds counted.
pub const ATTESTATION_BYTES_MAX: usize = 6_143;

/// Bytes that [`check_event`](crate::check_event) looks at: an event as its producer sent it, with
/// the white space that compaction may still take away.
pub const EVENT_INPUT_BYTES_MAX: usize = 1_048_576;

/// Bytes of a name: origin, stream, writer or key.
pub const NAME_BYTES_MAX: usize = 255;

/// Bytes of a log's name.
pub const LOG_NAME_BYTES_MAX: usize = 63;

/// Bytes of the word that says how a writer was authenticated.
pub const AUTH_BYTES_MAX: usize = 32;

/// Objects and arrays that may be open at once in an event; the event itself is the first.
pub const DEPTH_MAX: usize = 64;

/// Keys of one object that are compared one by one; beyond, they go into an ordered set, so that
/// an object of 10,000 keys does not cost 50 million comparisons.
pub const KEYS_LINEAR_MAX: usize = 16;

/// Bytes of the path that an [`EventError`](crate::EventError) shows; what is longer is cut.
pub const ERROR_PATH_BYTES_MAX: usize = 512;

/// The largest integer of a header, 2⁵³ − 1: the largest that every JSON reader keeps exactly.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Event hashes that an [`Extra`](crate::Extra) may carry: one attestation covers at most one
/// request of 10,000 events.
pub const FOLLOWING_HASHES_MAX: usize = 9_999;

/// Bytes of a disclosure in its encoded form: a sealed value is no larger than an event.
pub const DISCLOSURE_BYTES_MAX: usize = 81_920;

/// Characters of a salt: 22 of base64url carry 132 bits, the least number that holds 128.
pub const SALT_CHARS_MIN: usize = 22;

const _: () = assert!(
    HEADER_BYTES_MAX + EVENT_BYTES_MAX + ATTESTATION_BYTES_MAX == ENTRY_BYTES_MAX,
    "the three parts fill an entry exactly"
);
const _: () = assert!(EVENT_INPUT_BYTES_MAX < u32::MAX as usize, "positions fit 32 bits");
