//! When there is a bar, and where it stands.

use super::{CATCHING_ENTRIES_MIN, Turn, turn};

#[test]
fn a_bar_is_there_from_far_behind_until_nothing_is_left() {
    let many = CATCHING_ENTRIES_MIN;
    for (total, left, expected) in [
        (None, 0, Turn::Stay),
        (None, many - 1, Turn::Stay),
        (None, many, Turn::Begin(many)),
        (Some(many), many - 5, Turn::At(5)),
        // The log grew meanwhile.
        (Some(many), many + 5, Turn::At(0)),
        (Some(many), 1, Turn::At(many - 1)),
        (Some(many), 0, Turn::End),
    ] {
        assert_eq!(turn(total, left), expected, "{total:?} {left}");
    }
}
