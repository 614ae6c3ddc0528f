//! Every limit of access in one place. Each says what happens beyond it.

/// Bytes of a principal's id; longer ones are refused.
pub const PRINCIPAL_ID_BYTES_MAX: usize = 63;
/// Bytes of a name in a client certificate; longer ones are nobody's.
pub const CERTIFICATE_NAME_BYTES_MAX: usize = 255;
/// Principals that were ever made, as no id is used twice; another is refused.
pub const PRINCIPALS_MAX: usize = 100_000;
/// Grants that one principal holds; another is refused.
pub const GRANTS_PER_PRINCIPAL_MAX: usize = 64;

/// Bytes of a log's audit policy without white space: its entry holds the one before and the one after, and an event is
/// at most 57,344 bytes.
pub const AUDIT_POLICY_BYTES_MAX: usize = 24 * 1024;
/// Rules of an audit policy, those of its catalogue counted; more are refused.
pub const AUDIT_RULES_MAX: usize = 500;

/// Policies that there are; another is refused.
pub const POLICIES_MAX: usize = 256;
/// Bytes of a policy's id; longer ones are refused.
pub const POLICY_ID_BYTES_MAX: usize = 63;
/// Bytes of a policy's text: its entry holds the one before and the one after.
pub const POLICY_TEXT_BYTES_MAX: usize = 8 * 1024;
/// What policies say of a principal's right on a log, kept for so many of these; the rest is found out again.
pub const POLICY_SLICES_MAX: usize = 8_192;
/// Bytes of a text by which a policy may hide entries from a search; with a longer one there is no search. An index cuts values, and
/// a text that is shorter than that is the same in both.
pub const HIDDEN_TEXT_BYTES_MAX: usize = 255;

/// Saved queries of all logs; another is refused.
pub const QUERIES_MAX: usize = 64;
/// Bytes of a saved query's name; longer ones are refused.
pub const QUERY_NAME_BYTES_MAX: usize = 63;
/// Bytes of its text; longer ones are refused.
pub const QUERY_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Bytes of the address of its webhook; longer ones are refused.
pub const QUERY_URL_BYTES_MAX: usize = 2_048;
/// Entries that a condition counts to: their times are kept. More are refused.
pub const WHEN_COUNT_MAX: u64 = 10_000;
/// Seconds that a condition looks back, 31 days; more are refused.
pub const WHEN_S_MAX: u64 = 31 * 86_400;
/// Entries that a firing names; of more the newest.
pub const FIRING_INDEXES_MAX: usize = 64;
/// Firings of one query that were given up and are remembered; `system` has them all.
pub const DEAD_LETTERS_MAX: usize = 16;

/// How long a request for a second person stands, approved or not: one day.
pub const APPROVAL_NS: u64 = 86_400 * 1_000_000_000;
/// Requests that one principal may have open; another is refused.
pub const APPROVALS_OPEN_MAX: usize = 32;
/// Bytes of the words that say what a request is for.
pub const APPROVAL_WHAT_BYTES_MAX: usize = 12 * 1024;

/// Failed log-ins of one source that cost it nothing: more than a broken script makes before someone looks, and next to
/// none against 256 random bits.
pub const FAILURES_FREE: u32 = 100;
/// Longest time for which a source is locked out: each failure beyond the free ones doubles it, from one second.
pub const LOCKOUT_S_MAX: u32 = 900;
/// Time after its last failure at which a source's failures are forgotten.
pub const FAILURES_KEPT_NS: u64 = 3_600 * 1_000_000_000;
/// Sources whose failures are remembered. Beyond, those that count no longer are forgotten, and if that makes no room, all.
pub const SOURCES_MAX: usize = 65_536;

/// Second factors that one principal has; another is refused.
pub const FACTORS_PER_PRINCIPAL_MAX: usize = 8;
/// Wrong codes of one principal, from wherever they come, that cost nothing. A code has six digits, and three of a million are
/// good: with the lockouts that follow, and [`FAILURES_KEPT_NS`], a guesser who has the token gets some 200 tries a day.
pub const CODES_FREE: u32 = 5;
/// Time in which a TOTP secret has to be confirmed by its first code.
pub const TOTP_CONFIRM_NS: u64 = 600 * 1_000_000_000;
/// Bytes of a passkey's id, as WebAuthn Level 2 section 4 has it.
pub const PASSKEY_ID_BYTES_MAX: usize = 1_023;
/// Time in which a passkey has to answer a challenge.
pub const CHALLENGE_NS: u64 = 300 * 1_000_000_000;
/// Challenges that wait; another is refused.
pub const CHALLENGES_MAX: usize = 4_096;
/// Of these, from one address; the oldest goes for another.
pub const CHALLENGES_PER_SOURCE_MAX: usize = 16;
/// Time without a request after which a session ends.
pub const SESSION_IDLE_NS: u64 = 1_800 * 1_000_000_000;
/// Time after which a session ends, whatever is asked.
pub const SESSION_NS: u64 = 12 * 3_600 * 1_000_000_000;
/// Sessions of one principal; the one that was unused the longest goes for another.
pub const SESSIONS_PER_PRINCIPAL_MAX: usize = 8;
/// Sessions of all; another is refused.
pub const SESSIONS_MAX: usize = 16_384;

const _: () = assert!(
    FAILURES_KEPT_NS > LOCKOUT_S_MAX as u64 * 1_000_000_000,
    "a lockout outlasts no memory of its cause"
);

/// How long a view link is good, in seconds: as long as a session; a longer one is refused.
pub const VIEW_S_MAX: u64 = 12 * 3_600;
/// The same where nobody says.
pub const VIEW_S_DEFAULT: u64 = 900;
/// Bytes of the field that a view link names; longer ones are refused.
pub const VIEW_FIELD_BYTES_MAX: usize = 255;
/// Bytes of its value: no more than an index tells apart.
pub const VIEW_VALUE_BYTES_MAX: usize = 255;
/// Bytes of what its page is headed with.
pub const VIEW_TITLE_BYTES_MAX: usize = 80;
/// Bytes of a variable of its page's looks.
pub const VIEW_THEME_VALUE_BYTES_MAX: usize = 64;
