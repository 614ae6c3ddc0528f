//! The language of searches.

use index::query::parse;

use super::bytes_of;

/// What reads prints, and reads again as the same.
pub(super) fn query(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(ast) = parse(text) else { return false };
    let printed = ast.to_string();
    // Escapes may make it longer than a query may be.
    assert!(
        printed.len() > index::limits::QUERY_BYTES_MAX || parse(&printed).as_ref() == Ok(&ast),
        "{printed}"
    );
    true
}

pub(super) fn queries() -> Vec<Vec<u8>> {
    bytes_of(&[
        "actor:alice action:invoice.* target:customer/42 outcome:failure changes.amount.after>1000 context.ip:10.0.0.0/8 since:24h until:2026-11-20 \"free text\"",
        "(a OR -b AND NOT \"c d\") \\-x \\AND received:2026-11 index:5..9 seq:{1 TO *]",
        "\"data.odd key\":\"\" ip:[::1 TO 2001:db8::1] data.n:007 data.n:1e2 \u{fc}ber*",
    ])
}
