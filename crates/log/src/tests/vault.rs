//! How sidecars are shared out among objects.

use crate::vault::ranges;

/// Sidecars by index and size, entries from 10 to 20, objects of 100 bytes.
fn check(sizes: &[(u64, usize)], expected: &[(u64, u64)]) {
    assert_eq!(ranges(sizes.iter().copied(), 10, 20, 100), expected, "{sizes:?}");
}

#[test]
fn objects_are_filled_and_never_split_an_entry() {
    check(&[], &[(10, 20)]);
    check(&[(12, 100)], &[(10, 20)]);
    check(&[(12, 50), (13, 50), (19, 1)], &[(10, 19), (19, 20)]);
    check(&[(12, 99), (13, 2), (14, 98), (15, 1)], &[(10, 13), (13, 15), (15, 20)]);
    // What belongs to one entry stays together, however large.
    check(&[(12, 60), (12, 60), (12, 60), (13, 1)], &[(10, 13), (13, 20)]);
    check(&[(10, 500), (11, 500)], &[(10, 11), (11, 20)]);
}
