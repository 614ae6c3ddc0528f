//! Tests of `stream`.

use super::*;
use crate::fixtures::{EVENTS, ORIGIN, STREAM, name};

/// Values computed with another implementation of SHA-256 from the text of the specification.
#[test]
fn known_chain() {
    let heads = [
        "6R6pEjpABOhmk9eJwzpf8unWcP6sBaKEoWil7FLpNRw=",
        "tYkUV+M/z/RdB+Olq8h3QFwTG+LtTvFXDBbRl6xuNYI=",
        "9CiOp8fx+IEhFWvDaRzHn6YiNsJghB3Z+Vpm3+FLtfs=",
    ];
    let mut head = chain_start(&name(ORIGIN), &name(STREAM));
    assert_eq!(head.to_string(), "zksWIpB7CAxSgQhWbnvt7NWv/PgXFPMiZJhNCXIb9/U=");
    assert_eq!(event_hash(EVENTS[0]).to_string(), "Mx0GpPT18Evd5ANgYIWu8rZqavffYp16lPjtDBIem2o=");
    for (event, expected) in EVENTS.into_iter().zip(heads) {
        head = chain_next(&head, &event_hash(event));
        assert_eq!(head.to_string(), expected);
    }
}

#[test]
fn the_chain_depends_on_all_of_it() {
    let start = chain_start(&name(ORIGIN), &name(STREAM));
    assert_ne!(start, chain_start(&name(STREAM), &name(ORIGIN)));
    assert_ne!(start, chain_start(&name(ORIGIN), &name("billing-api/7e")));
    let [first, second, _] = EVENTS.map(event_hash);
    let in_order = chain_next(&chain_next(&start, &first), &second);
    let swapped = chain_next(&chain_next(&start, &second), &first);
    assert_ne!(in_order, swapped);
}
