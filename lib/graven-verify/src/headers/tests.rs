//! Recognised headers against those that are read.

use graven_entry::{Altered, AuthMethod, Clock, Grade, Header, Name, Time};
use graven_merkle::{Hash, LeafIndex};

use super::Headers;
use crate::fault::Fault;

type Read = Result<(Time, Hash, bool, bool, Option<(Name, u64)>, usize), Fault>;

/// What is said of the entry at `index`.
fn read(headers: &mut Headers<'_>, index: LeafIndex, line: &[u8]) -> Read {
    let (facts, length) = headers.read(index, line)?;
    let name = |(slot, seq): (u32, u64)| (headers.streams.names[slot as usize].clone(), seq);
    let stream = facts.stream.map(name);
    Ok((facts.time, facts.prev, facts.is_own, facts.is_signed, stream, length))
}

/// One that knows every kind of tail must say what one that knows nothing says.
fn check(origin: &Name, known: &mut Headers<'_>, index: LeafIndex, line: &[u8]) -> bool {
    let expected = read(&mut Headers::new(origin), index, line);
    let found = read(known, index, line);
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(line));
    expected.is_ok()
}

fn header(index: u64) -> Header {
    let has_stream = index % 3 == 1;
    let name = |text: &str| Name::new(text).unwrap();
    Header {
        origin: Name::origin("acme.example/prod").unwrap(),
        index: LeafIndex(index),
        time: Time::from_unix_ns(1_795_000_000_000_000_000 + index * 13_123_456_789).unwrap(),
        clock: [Clock::Synced, Clock::Unsynced, Clock::Held][(index / 4 % 3) as usize],
        error_ns: (!index.is_multiple_of(5)).then_some(812_000 * index),
        wall: (index / 4 % 3 == 2).then_some(Time::from_unix_ns(index).unwrap()),
        prev: Hash::new([index as u8; 32]),
        nonce: [index as u8; 16],
        writer: name(["graven", "billing-api", "a"][(index % 3) as usize]),
        auth: AuthMethod::new(["log", "token", "mtls"][(index % 3) as usize]).unwrap(),
        grade: if index.is_multiple_of(2) { Grade::Signed } else { Grade::Imported },
        stream: has_stream.then(|| name(["s", "billing/1"][(index % 2) as usize])),
        seq: has_stream.then_some(index / 3 * 7),
        altered: match index % 4 {
            0 => vec![Altered::Compacted],
            1 => vec![Altered::Compacted, Altered::Sealed],
            _ => Vec::new(),
        },
    }
}

fn line(header: &Header) -> Vec<u8> {
    let mut line = Vec::new();
    header.write_to(&mut line);
    line
}

#[test]
fn recognised_is_read() {
    let origin = &header(0).origin;
    let mut known = Headers::new(origin);
    for index in 0..200 {
        let entry = [line(&header(index)), b"{}\n".to_vec()].concat();
        assert!(check(origin, &mut known, LeafIndex(index), &entry), "header {index}");
    }
    assert!(known.tails.len() > 3, "the tails are remembered");
    // Most are recognised: where a tail was seen and the clock is not held.
    let recognised = (190..200)
        .filter(|index| known.recognise(LeafIndex(*index), &line(&header(*index))).is_some());
    assert!(recognised.count() >= 6);
}

/// Every header with one byte changed, left out or put in.
#[test]
fn near_misses_are_judged_alike() {
    let origin = &header(0).origin;
    for index in [13, 14, 15, 16, 17, 25, 28] {
        let mut known = Headers::new(origin);
        (0..30).for_each(|index| assert!(read_is_good(&mut known, index)));
        let index = LeafIndex(index);
        let line = line(&header(index.0));
        for at in 0..line.len() {
            let (before, after) = line.split_at(at);
            check(origin, &mut known, index, before);
            check(origin, &mut known, index, &[before, &after[1..]].concat());
            for byte in b"\0\n \"01679:=,{}+/AQgwZz-\xff" {
                check(origin, &mut known, index, &[before, &[*byte], &after[1..]].concat());
                check(origin, &mut known, index, &[before, &[*byte], after].concat());
            }
            check(origin, &mut known, index, &[before, &[after[0] ^ 1], &after[1..]].concat());
        }
        check(origin, &mut known, LeafIndex(index.0 + 1), &line);
    }
}

fn read_is_good(known: &mut Headers<'_>, index: u64) -> bool {
    read(known, LeafIndex(index), &line(&header(index))).is_ok()
}

/// Numbers at the edges of what a header may hold.
#[test]
fn integers() {
    let origin = &header(0).origin;
    let mut known = Headers::new(origin);
    let good = Header { error_ns: Some(1), clock: Clock::Synced, wall: None, ..header(13) };
    assert!(read(&mut known, LeafIndex(13), &line(&good)).is_ok());
    let text = String::from_utf8(line(&good)).unwrap();
    for number in
        ["0", "00", "01", "9007199254740991", "9007199254740992", "99999999999999999999", "", "-1"]
    {
        for (from, to) in [
            ("\"seq\":28", format!("\"seq\":{number}")),
            ("\"error_ns\":1,", format!("\"error_ns\":{number},")),
            ("\"index\":13", format!("\"index\":{number}")),
        ] {
            let text = text.replacen(from, &to, 1);
            check(origin, &mut known, LeafIndex(13), text.as_bytes());
            check(origin, &mut known, LeafIndex(9_007_199_254_740_991), text.as_bytes());
        }
    }
}
