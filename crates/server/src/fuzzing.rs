//! The readers of bodies for the fuzz targets: each panics where a property fails.

use std::io::Read as _;

use append::BATCH_EVENTS_MAX;
use axum::body::Body;
use axum::http::HeaderMap;
use flate2::read::MultiGzDecoder;

use crate::batch;
use crate::body::{self, BodyShape, Budget, Encoding};
use crate::limits::{SIDECARS_MAX, ServerLimits};

/// A body of the batch media type: its events are its lines, in order, and nothing is left over.
pub fn batch(bytes: &[u8]) -> bool {
    let Ok(batch) = batch::parse(bytes) else { return false };
    assert!((1..=BATCH_EVENTS_MAX).contains(&batch.events.len()));
    assert!(batch.sidecars.len() <= SIDECARS_MAX);
    let lines: Vec<&[u8]> = bytes.trim_ascii_end().split(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 1 + batch.events.len() + batch.sidecars.len());
    assert!(lines[1..].iter().zip(&batch.events).all(|(line, event)| line == event));
    true
}

/// A body as it arrives, in pieces: what is read is what it decodes to, within its limits.
pub fn body(bytes: &[u8]) -> bool {
    let Some((first, bytes)) = bytes.split_first() else { return false };
    let encoding = if first % 2 == 0 { Encoding::Gzip } else { Encoding::Identity };
    let bytes_max = 1 << (first >> 4);
    let lines_max = (first & 2 == 0).then_some(8);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime without threads needs nothing");
    let budget = Budget::new(1 << 16);
    let read = runtime.block_on(body::read(
        &mut Body::from(bytes.to_vec()),
        &HeaderMap::new(),
        BodyShape { encoding, bytes_max, lines_max },
        &ServerLimits::default(),
        budget.share(),
    ));
    let Ok(read) = read else { return false };
    assert!(read.bytes.len() <= bytes_max);
    assert_eq!(budget.bytes(), read.bytes.len(), "what is held is counted");
    let mut expected = Vec::new();
    match encoding {
        Encoding::Identity => expected.extend_from_slice(bytes),
        Encoding::Gzip => {
            let whole = MultiGzDecoder::new(bytes).read_to_end(&mut expected);
            whole.expect("what was read whole is whole");
        }
    }
    assert_eq!(read.bytes, expected);
    true
}
