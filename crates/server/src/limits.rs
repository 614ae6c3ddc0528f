//! Every limit of the HTTP surface in one place: the constants, and the set that a server runs with.

use append::BATCH_BYTES_MAX;
use std::thread::available_parallelism;
use std::time::Duration;

/// Connections that are served at once; one more is told so and closed.
pub const CONNECTIONS_MAX: usize = 12_288;
/// Connections over the limit that are told so at once; beyond, they are only closed.
pub const REFUSALS_AT_ONCE_MAX: usize = 64;
/// The pending connections that the kernel keeps for us.
pub const BACKLOG_CONNECTIONS: i32 = 1_024;
/// Requests that are worked on at once; one more is answered with `busy`.
pub const REQUESTS_MAX: usize = 16_384;
/// Requests that one HTTP/2 connection may have open.
pub const H2_STREAMS_MAX: u32 = 256;
/// Bytes of a request's headers, names and values counted, target and query included.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Bytes of headers beyond which the connection's own parser gives up, without a problem document.
pub const HEADER_BYTES_PARSED_MAX: usize = 64 * 1024;
/// Bytes that one connection reads ahead.
pub const CONNECTION_BUFFER_BYTES_MAX: usize = HEADER_BYTES_PARSED_MAX;
/// Bytes of a query string.
pub const QUERY_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a batch's body after decompression (design §8).
pub const BODY_BYTES_MAX: usize = BATCH_BYTES_MAX;
/// Bytes of a batch's body as it arrives: a little more than decoded, for what gzip cannot shrink.
pub const BODY_WIRE_BYTES_MAX: usize = BATCH_BYTES_MAX + 64 * 1024;
/// Pieces in which a body may arrive: a chunk of one byte costs as much work as one of thousands.
pub const BODY_PIECES_MAX: usize = 256 * 1024;
/// Bytes of a body that asks for something other than an append.
pub const BODY_SMALL_BYTES_MAX: usize = 64 * 1024;
/// Bytes that all bodies being read may hold together.
pub const BODIES_BYTES_MAX: usize = 512 * 1024 * 1024;
/// How many times larger than its compressed form a body may become…
pub const INFLATE_RATIO_MAX: usize = 200;
/// … once it has become this large; below, the body limit alone is guard enough.
pub const INFLATE_FREE_BYTES: usize = 1024 * 1024;
/// Compressed bytes that may arrive before what they decode to must make up three quarters of them: empty gzip members are
/// much work for nothing.
pub const INFLATE_HOLLOW_BYTES: usize = 256 * 1024;
/// Compressed bytes that are inflated before other requests get their turn.
pub const INFLATE_STEP_BYTES: usize = 4 * 1024;
/// Sidecars of one batch.
pub const SIDECARS_MAX: usize = 40_000;
/// Bytes of a body that are checked on the thread that reads the request; more go to a blocking
/// thread.
pub const INLINE_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a refused body that are still read, so that its sender gets to read the answer.
pub const DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Logs or streams in one page of a list.
pub const LIST_ITEMS_MAX: usize = 1_000;
/// Entries that a tail reads at a time.
pub const TAIL_ENTRIES_PER_READ: u64 = 64;
/// Bytes after which a tail's read ends, whatever is left of its entries.
pub const TAIL_BYTES_PER_READ: usize = 256 * 1024;
/// Entries that a tail leaves out, by its query or by policies, before it says how far it is; its readers resume from there.
pub const TAIL_LEFT_OUT_MAX: u64 = 1_024;
/// Pieces that wait for one slow reader of a tail.
pub const TAIL_QUEUE_ITEMS: usize = 2;
/// Results of one page of a search; more are refused (`query_limit`).
pub const SEARCH_RESULTS_MAX: u64 = 256;
/// Results of a page where the request does not say.
pub const SEARCH_RESULTS_DEFAULT: u64 = 100;
/// Clients of PostgreSQL's protocol at once; one more is told so. As many as PostgreSQL takes by itself.
pub const PG_CONNECTIONS_MAX: usize = 100;
/// Bytes of the message with which such a client begins, as PostgreSQL has it.
pub const PG_STARTUP_BYTES_MAX: usize = 10_000;
/// Bytes of one message: a statement with its parameters.
pub const PG_MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Bytes that one such connection reads ahead.
pub const PG_BUFFER_BYTES: usize = 8 * 1024;
/// Statements that one such client may have prepared.
pub const PG_STATEMENTS_MAX: usize = 512;
/// Portals that it may have open.
pub const PG_PORTALS_MAX: usize = 16;
/// Bytes of the statements and the portals' answers that it holds open, and of the answers to the statements of one message.
pub const PG_HELD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of a problem document that such a client is told of.
pub const PG_PROBLEM_BYTES_MAX: usize = 64 * 1024;
/// Time for one message: the query, and that the client takes its rows.
pub const PG_MESSAGE_TIME: Duration = Duration::from_mins(3);
/// Time for which such a client may be silent.
pub const PG_IDLE: Duration = Duration::from_hours(1);

/// Bytes of client text that one line of the server's own log shows.
pub const LOGGED_BYTES_MAX: usize = 256;

/// Names of a client's certificate that are looked at.
pub const CERTIFICATE_NAMES_MAX: usize = 16;
/// How long a client's certificate is taken for good after it was checked: one minute.
pub const CERTIFICATE_RECHECK_NS: u64 = 60 * 1_000_000_000;
/// Bytes of an issuer's token; longer ones are refused. A header could hold twice as many.
pub const JWT_BYTES_MAX: usize = 8 * 1024;
/// Bytes of an issuer's document.
pub const ISSUER_DOCUMENT_BYTES_MAX: u64 = 256 * 1024;
/// Time for one of an issuer's documents to arrive.
pub const ISSUER_FETCH: Duration = Duration::from_secs(5);
/// Codes that are exchanged at the issuer at once; one more is answered with `busy`.
pub const ISSUER_EXCHANGES_MAX: usize = 32;
/// Keys of an issuer; further ones are left out.
pub const ISSUER_KEYS_MAX: usize = 64;
/// How long an issuer is not asked again, whether it answered or not: one minute.
pub const ISSUER_RETRY_NS: u64 = 60 * 1_000_000_000;
/// After how long an issuer's keys are asked for anew: one hour. A key that it took back counts no longer than that, ...
pub const ISSUER_KEYS_AGE_NS: u64 = 3_600 * 1_000_000_000;
/// ... unless the issuer does not answer: then one day.
pub const ISSUER_KEYS_KEPT_NS: u64 = 86_400 * 1_000_000_000;
/// How far an issuer's clock may be from ours.
pub const CLOCK_SKEW_S: u64 = 60;
/// Bytes of a subject's name.
pub const CLAIM_BYTES_MAX: usize = 255;
/// Roles that claims may give.
pub const ISSUER_ROLES_MAX: usize = 64;
/// Addresses in `X-Forwarded-For` that are looked at.
pub const FORWARDED_MAX: usize = 16;
/// Bytes of the header `Graven-Reason`, and of the reason of an erasure or a reveal.
pub const REASON_BYTES_MAX: usize = 1_024;
/// Bytes of a blob, where the operator sets no other limit; at most [`BODY_BYTES_MAX`].
pub const BLOB_BYTES_MAX_DEFAULT: usize = 8 * 1024 * 1024;
/// Characters of a blob's media type.
pub const MEDIA_TYPE_BYTES_MAX: usize = 255;
/// Principals that an erasure names as having had values of its subject revealed; further ones are only counted.
pub const REVEALED_TO_MAX: usize = 64;
/// Erasures that are remembered, so that one asked for again is told apart from one of nobody; the oldest is forgotten.
pub const ERASURES_REMEMBERED_MAX: usize = 1_024;
/// How long after its last use a credential's next one is recorded as a log-in: one hour.
pub const LAST_USED_NS: u64 = 3_600 * 1_000_000_000;
/// How often accesses are written into `system`.
pub const RECORD_EVERY: Duration = Duration::from_millis(500);
/// Kinds of access (by principal, action, log, …) that wait to be written; over that, reads are refused with `busy`.
pub const RECORDS_MAX: usize = 4_096;
/// Ranges of indexes in one entry; further ones begin another.
pub const RECORD_RANGES_MAX: usize = 256;
/// Queries in one entry; further ones begin another.
pub const RECORD_QUERIES_MAX: usize = 16;
/// Bytes of a query that its record tells; the rest is cut off.
pub const RECORD_QUERY_BYTES_MAX: usize = 1_024;
/// Entries that are handed to the log at once.
pub const RECORD_ENTRIES_PER_BATCH: usize = 256;

/// How often what audit policies left out, and what looked sensitive and was let pass, is written into `system`.
pub const COUNTS_EVERY: Duration = Duration::from_mins(1);
/// Kinds of what is counted there (such as log, version and rule) that wait to be written; further ones are counted as one.
pub const COUNTS_KINDS_MAX: usize = 4_096;
/// Places of one log at which something looked sensitive that one entry tells apart; further ones are counted as one.
pub const FINDINGS_ROWS_MAX: usize = 60;
/// Bytes of the path of such a place; what is longer is cut.
pub const FINDING_PATH_BYTES_MAX: usize = 128;

/// Entries that a saved query looks at before others get their turn.
pub const WATCH_ENTRIES_PER_READ: u64 = 1_024;
/// How often a saved query writes down where it is: after a crash it looks again at no more than came in such a time.
pub const WATCH_PLACE_EVERY: Duration = Duration::from_secs(10);
/// How long a saved query that cannot go on waits before it tries again.
pub const WATCH_RETRY: Duration = Duration::from_secs(5);
/// Webhooks that are sent at once; further ones wait.
pub const WEBHOOKS_AT_ONCE: usize = 8;
/// Longest time between two attempts at a webhook.
pub const WEBHOOK_PAUSE_MAX: Duration = Duration::from_mins(10);
/// Bytes of the entries that a webhook shows; of further ones it tells the indexes.
pub const WEBHOOK_ENTRIES_BYTES_MAX: usize = 256 * 1024;
/// How long a webhook is also signed with the secret before: one day.
pub const WEBHOOK_OLD_SECRET_NS: u64 = 86_400 * 1_000_000_000;
/// Networks that webhooks may be let reach; more are refused.
pub const WEBHOOK_NETWORKS_MAX: usize = 64;

/// What a server runs with; [`ServerLimits::default`] holds the constants above.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Connections that are served at once.
    pub connections_max: usize,
    /// Requests that are worked on at once.
    pub requests_max: usize,
    /// Bytes that all bodies being read may hold together.
    pub bodies_bytes_max: usize,
    /// Bytes of a blob.
    pub blob_bytes_max: usize,
    /// Time for a whole head to arrive, and for which a kept-alive connection may be idle.
    pub header_read: Duration,
    /// Longest pause within a body.
    pub body_idle: Duration,
    /// Time for a whole body to arrive.
    pub body_total: Duration,
    /// Time for which a client may take nothing of what is sent to it.
    pub write_stall: Duration,
    /// Time for which the rest of a refused body is read.
    pub drain: Duration,
    /// Tail streams that are open at once.
    pub tail_streams_max: usize,
    /// Tail streams that one principal may have open at once.
    pub principal_tails_max: usize,
    /// Time for which a tail waits for its reader before it ends.
    pub tail_stall: Duration,
    /// Pause after which a silent tail sends a comment.
    pub tail_heartbeat: Duration,
    /// Reads of the log's files that run at once.
    pub blocking_reads_max: usize,
    /// Large batches of events that are checked at once; others wait their turn.
    pub batch_checks_max: usize,
    /// Searches that run at once; one more is answered with `busy`.
    pub searches_max: usize,
    /// Time for a search; one that takes longer is refused (`query_limit`), and keeps its place until it ends.
    pub search_time: Duration,
    /// Time for which a search waits until what it is to find can be found, or the index is open.
    pub search_wait: Duration,
    /// Time for a webhook's receiver to answer.
    pub webhook_time: Duration,
    /// Time between the first two attempts at a webhook; each further one is twice as long, up to [`WEBHOOK_PAUSE_MAX`].
    pub webhook_pause: Duration,
    /// Attempts at a webhook, after which it is given up. With the others' defaults: about two days.
    pub webhook_attempts_max: u32,
    /// How often the server is measured for saved queries that ask that.
    pub watch_every: Duration,
    /// Time for a collector of metrics to answer.
    pub telemetry_time: Duration,
    /// How often a collector is told the metrics.
    pub telemetry_every: Duration,
    /// Time for which a stopping server waits for what is in flight.
    pub shutdown: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            connections_max: CONNECTIONS_MAX,
            requests_max: REQUESTS_MAX,
            bodies_bytes_max: BODIES_BYTES_MAX,
            blob_bytes_max: BLOB_BYTES_MAX_DEFAULT,
            header_read: Duration::from_mins(1),
            body_idle: Duration::from_secs(30),
            body_total: Duration::from_mins(5),
            write_stall: Duration::from_mins(1),
            drain: Duration::from_secs(10),
            tail_streams_max: 1_024,
            principal_tails_max: 64,
            tail_stall: Duration::from_secs(15),
            tail_heartbeat: Duration::from_secs(15),
            blocking_reads_max: 64,
            // As many as compute, and as many again that wait for a disk where values are sealed.
            batch_checks_max: 2 * available_parallelism().map_or(2, usize::from),
            searches_max: 8,
            search_time: Duration::from_secs(10),
            search_wait: Duration::from_secs(10),
            webhook_time: Duration::from_secs(10),
            webhook_pause: Duration::from_secs(1),
            webhook_attempts_max: 300,
            watch_every: Duration::from_secs(10),
            telemetry_time: Duration::from_secs(10),
            telemetry_every: Duration::from_mins(1),
            shutdown: Duration::from_secs(20),
        }
    }
}

const _: () = assert!(HEADER_BYTES_MAX < HEADER_BYTES_PARSED_MAX, "ours must refuse first");
const _: () = assert!(BODY_BYTES_MAX <= BODY_WIRE_BYTES_MAX, "a plain body must fit the wire");
