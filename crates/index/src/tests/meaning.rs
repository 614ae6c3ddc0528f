//! What queries mean, by the evaluator.

use graven_entry::Entry;

use super::made::entry;
use crate::Doc;
use crate::query::{matches, parse};

const EVENT: &str = r#"{"id":"0193b2c4-aa","time":"2026-11-20T22:55:01.120Z","actor":{"type":"user","id":"alice","name":"Alice Smith"},"action":"invoice.update","target":[{"type":"invoice","id":"42"},{"type":"customer","id":7}],"outcome":"failure","reason":"The customer's card, declined","changes":{"amount":{"before":100,"after":1e3},"iban":{"_sd":["X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"]}},"context":{"ip":"10.1.2.3","trace_id":"4bf9"},"data":{"n":[1,"x",[2.50]],"due":"2026-12-01T00:00:00+01:00","flag":true,"none":null,"own.key":"v"},"own":{"k":"z"}}"#;

/// Queries, one a line, that find the event.
const MEANT: &str = r#"actor:alice
action:invoice.*
action:*.update
action:invoice.?pdate
target:invoice/42
target:42
target:customer/7
target.id:7
target:inv*
changes.amount.after>999
changes.amount.after:1000
changes.amount.after:1e3
changes.amount.after:[1000 TO 1000]
changes.amount.before:"100" OR changes.amount.before:100
ip:10.0.0.0/8
ip:10.1.2.3
ip:::ffff:10.1.2.3
ip:"10.1.2.3"
ip>10.1.2.2
ip<192.168.0.0
until:2026-11-21
time:2026-11-20
time:2026-11
-since:2026-11-20T22:55:02Z
customer
CARD
"card declined"
"s card"
declin*
smith
4bf9
invoice.update
0193b2c4-aa
id:0193b2c4-aa
data.n:2.5
data.n:x
data.n>2
data.due<2026-12-01
data.due:2026-11-30..2026-12-01
data.flag:true
data.none:null
data.none:*
changes.iban:*
event.own.k:z
data.own.key:v
index:4
seq:2
stream:web/1
writer:web
grade:asserted
auth:token
received:2026-09
(nothing OR actor:alice) -actor:bob
since:26h"#;

/// Queries, one a line, that find the event not.
const NOT_MEANT: &str = r#"actor:Alice
actor:al
action:invoice
target:4
target:customer/42
changes.amount.after>1000
changes.amount.before:"100"
ip:10.1.2.4
ip:11.0.0.0/8
ip>10.1.2.3
since:2026-11-21
until:2026-11-20
declin
"declined card"
nothing
lice
data.n:"1"
data.none:"null"
changes.iban._sd:*
X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0
stream:web
received:2026-11
data.flag:false
time:2026-11-21
seq>2
data.due>=2026-12-01
NOT *
since:25h"#;

#[test]
fn a_query_means() {
    let bytes = entry(4, EVENT);
    let doc = Doc::new(&Entry::parse(&bytes).unwrap());
    let now_ns = 1_795_305_600_000_000_000; // 2026-11-22T00:00:00Z
    let check = |text: &str, expected: bool| {
        let ast = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(matches(&doc, &ast, now_ns), expected, "{text}");
    };
    check("", true);
    MEANT.lines().for_each(|text| check(text, true));
    NOT_MEANT.lines().for_each(|text| check(text, false));
}
