//! The table of roles and rights, written out a second time.

use super::{Reach, Right, Role};

/// One row a right: `x` has it, `o` for own streams, `.` has it not; in the order of [`Role::ALL`].
const TABLE: [(&str, &str); 17] = [
    ("append", "x....."),
    ("read_entries", ".xx..."),
    ("export", "..x..."),
    ("read_proofs", ".xx..."),
    ("read_streams", "oxx..."),
    ("list_logs", "xxxxxx"),
    ("create_log", "....x."),
    ("manage_keys", "....x."),
    ("read_policy", "..x.xx"),
    ("manage_policy", "....x."),
    ("manage_queries", "..x..."),
    ("read_metrics", "..x.x."),
    ("grant", ".....x"),
    ("reveal", "...x.."),
    ("find_subject", "...x.."),
    ("erase", "....x."),
    ("hold", ".....x"),
];

#[test]
fn every_role_has_the_rights_of_its_column_and_no_other() {
    for (right, (name, row)) in Right::ALL.into_iter().zip(TABLE) {
        assert_eq!(right.as_str(), name);
        for (role, mark) in Role::ALL.into_iter().zip(row.chars()) {
            let expected = match mark {
                'x' => Reach::Whole,
                'o' => Reach::OwnStreams,
                _ => Reach::Nothing,
            };
            assert_eq!(role.reach(right), expected, "{role} {name}");
        }
    }
}

#[test]
fn names_are_read_back() {
    for role in Role::ALL {
        assert_eq!(Role::parse(role.as_str()), Some(role));
    }
    for right in Right::ALL {
        assert_eq!(Right::parse(right.as_str()), Some(right));
    }
    for bad in ["", "Owner", "admin", "owner "] {
        assert_eq!(Role::parse(bad), None, "{bad:?}");
    }
}
