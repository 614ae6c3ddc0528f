//! The parsers of this crate for the fuzz targets: each panics where what is accepted does not print back.
//!
//! Checksums are made to fit first, or nothing would get past them.

use std::path::Path;

use crate::local::field;
use crate::local::fuzzing::{envelope, file_header};
use crate::segments::state as state_file;
use crate::vault;

/// A frame's envelope, a journal file's header, a state, a vault object: as the first byte says.
pub fn small_file(bytes: &[u8]) -> bool {
    let Some((which, bytes)) = bytes.split_first() else { return false };
    let mut bytes = bytes.to_vec();
    let again = match which % 4 {
        0 => envelope(&mut bytes),
        1 => file_header(&mut bytes),
        2 => {
            fix(&mut bytes, 28, &[]);
            let size = bytes.get(12..20).map_or(0, |size| u64::from_be_bytes(field(size, 0)));
            let state = state_file::decode(Path::new("state"), size, &bytes);
            state.ok().map(|state| state_file::encode(size, &state))
        }
        _ => {
            fix(&mut bytes, 20, b"object");
            let object = vault::decode(Path::new("object"), "object", &bytes);
            object.ok().map(|object| vault::encode("object", &object))
        }
    };
    again.is_some_and(|again| {
        assert!(bytes.starts_with(&again));
        true
    })
}

/// One of each that is accepted.
pub fn small_files() -> Vec<Vec<u8>> {
    let [envelope, header] = crate::local::fuzzing::seeds();
    let with = |which, bytes: Vec<u8>| [vec![which], bytes].concat();
    vec![
        with(0, envelope),
        with(1, header),
        with(2, state_file::encode(7, b"a state")),
        with(3, vault::encode("object", b"an object")),
    ]
}

/// Writes the CRC32C of the first `at` bytes, of `name` and of what follows the checksum to `at`.
fn fix(bytes: &mut [u8], at: usize, name: &[u8]) {
    if let Some((frame, rest)) = bytes.split_at_mut_checked(at)
        && let Some((place, rest)) = rest.split_at_mut_checked(4)
    {
        let crc = crc32c::crc32c_append(crc32c::crc32c(frame), name);
        place.copy_from_slice(&crc32c::crc32c_append(crc, rest).to_be_bytes());
    }
}
