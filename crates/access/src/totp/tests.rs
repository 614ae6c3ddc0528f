//! Tests of codes, against the vectors of RFC 6238.

use env::SimRandom;

use super::{STEP_NS, TotpSecret};
use crate::principal::PrincipalId;

const NS_PER_S: u64 = 1_000_000_000;

fn rfc_secret() -> TotpSecret {
    let text = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let secret = TotpSecret::from_base32(text).unwrap();
    assert_eq!(secret.to_base32().as_str(), text);
    assert_eq!(&*secret.0, b"12345678901234567890");
    secret
}

#[test]
fn codes_are_those_of_rfc_6238_appendix_b() {
    // The last six of the eight digits that the table has.
    let table = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];
    for (seconds, expected) in table {
        assert_eq!(rfc_secret().code(seconds / 30).as_str(), expected, "{seconds}");
    }
}

#[test]
fn a_code_is_good_for_one_step_before_and_after_and_once() {
    let secret = rfc_secret();
    let now = 1_234_567_890 * NS_PER_S;
    let step = now / STEP_NS;
    let check = |at: u64, last: Option<u64>, is_good: bool| {
        let found = secret.step_of(&secret.code(at), now, last);
        assert_eq!(found, is_good.then_some(at), "{at} after {last:?}");
    };
    for (at, is_good) in
        [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)]
    {
        check(at, None, is_good);
    }
    check(step, Some(step), false);
    check(step - 1, Some(step), false);
    check(step + 1, Some(step), true);
    for bad in ["", "005923", "5924", "00592", "0059244", "005924 ", "００５９２４"] {
        assert_eq!(secret.step_of(bad, now, None), None, "{bad:?}");
    }
}

#[test]
fn a_drawn_secret_is_read_back_from_its_text() {
    let random = SimRandom::new(7);
    for _ in 0..50 {
        let secret = TotpSecret::draw(&random);
        let again = TotpSecret::from_base32(&secret.to_base32()).unwrap();
        assert_eq!(secret.0, again.0);
    }
    for bad in ["", "GEZDGNBVGY3TQOJQ", "gezdgnbvgy3tqojqgezdgnbvgy3tqojq"] {
        assert!(TotpSecret::from_base32(bad).is_none(), "{bad}");
    }
    let uri = rfc_secret().uri(&PrincipalId::new("audrey").unwrap());
    let expected =
        "otpauth://totp/graven:audrey?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=graven";
    assert_eq!(uri.as_str(), expected);
}
