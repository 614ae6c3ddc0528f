//! Tests of `causes`.

use std::error::Error;
use std::fmt;

use super::with_causes;

#[derive(Debug)]
struct Said(&'static str, Option<Box<Said>>);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Said {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|inner| inner as &dyn Error)
    }
}

fn check(chain: &[&'static str], expected: &str) {
    let made = chain.iter().rev().fold(None, |inner, words| Some(Box::new(Said(words, inner))));
    assert_eq!(with_causes(&*made.unwrap()), expected);
}

#[test]
fn causes_follow_each_other() {
    check(&["cannot read"], "cannot read");
    check(&["cannot read", "no such file"], "cannot read: no such file");
    check(&["a", "b", "c"], "a: b: c");
    check(&["cannot read: no such file", "no such file"], "cannot read: no such file");
    check(&["a", "b", "b", "c"], "a: b: c");
}
