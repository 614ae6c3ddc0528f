//! The state file: comes back whole, and other bytes are refused.

use super::SEED;
use crate::state::{LogState, NamedKey, decode, encode};
use append::StreamHead;
use graven_entry::Name;
use graven_merkle::leaf_hash;

fn made_state() -> LogState {
    let origin = Name::origin("test.example/log").expect("an origin");
    let mut state = LogState::default();
    for index in 0..70_000_u64 {
        drop(state.skeleton.push(leaf_hash(&index.to_be_bytes())));
    }
    state.last_time_ns = 123;
    state.last_leaf = Some(leaf_hash(&69_999_u64.to_be_bytes()));
    state.seeds.insert(1, SEED);
    let stream = state.stream_mut(&origin, "billing/7f");
    stream.head = StreamHead { next_seq: 3, head: leaf_hash(b"c"), cursor: Some("lsn 9".into()) };
    stream.keys.push(NamedKey { vkey: "k".into(), added_at: 4, ended_at: Some(9) });
    state.stream_mut(&origin, "empty");
    state.keys.push(NamedKey { vkey: "log key".into(), added_at: 0, ended_at: None });
    state.checkpoint = Some("note\n".into());
    state
}

#[test]
fn a_state_comes_back() {
    let state = made_state();
    let back = decode(&encode(&state)).expect("decodes");
    assert_eq!(back.skeleton.root(), state.skeleton.root());
    assert_eq!(back.size(), 70_000);
    assert_eq!((back.last_time_ns, back.prev()), (123, state.prev()));
    assert_eq!((&back.streams, &back.keys), (&state.streams, &state.keys));
    assert_eq!((&back.seeds, &back.checkpoint), (&state.seeds, &state.checkpoint));
    assert_eq!(decode(&encode(&LogState::default())).expect("decodes").size(), 0);
}

/// What is accepted is what would be written: sorted, nothing twice, nothing where there is nothing.
#[test]
fn a_state_has_one_spelling() {
    let bytes = encode(&LogState::default());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(state) = decode(&flipped) {
            assert_eq!(encode(&state), flipped, "bit {bit}");
        }
    }
}

#[test]
fn a_cut_or_longer_state_is_refused() {
    let bytes = encode(&made_state());
    for end in (0..bytes.len()).step_by(7) {
        assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert!(decode(&[bytes, vec![0]].concat()).is_err());
}
