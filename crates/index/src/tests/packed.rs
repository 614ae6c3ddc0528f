//! Ids that are packed come back, keep their order, and begin as their texts do.

use super::made::Random;
use crate::packed::{FORMS, pack};

fn hex(random: &mut Random, digits: usize) -> String {
    (0..digits).map(|_| char::from(b"0123456789abcdef"[random.below(16)])).collect()
}

fn uuid(hex: &str) -> String {
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[test]
fn what_is_packed_comes_back_in_its_order() {
    for seed in 0..200 {
        let mut random = Random(seed);
        for digits in [16, 32, 40, 64, 0] {
            let make = |random: &mut Random| match digits {
                0 => uuid(&hex(random, 32)),
                _ => hex(random, digits),
            };
            let (one, other) = (make(&mut random), make(&mut random));
            let (form, packed) = pack(&one).unwrap_or_else(|| panic!("seed {seed}: {one}"));
            let (other_form, other_packed) = pack(&other).unwrap();
            assert_eq!(form, other_form);
            assert_eq!(form.unpack(&packed).as_deref(), Some(&*one), "seed {seed}");
            assert_eq!(packed.cmp(&other_packed), one.cmp(&other), "seed {seed}: {one} {other}");
            assert!(packed.len() * 3 <= one.len() * 2 + 2, "{packed}");
            for end in 0..=one.len() {
                let (text, begin) = (&one[..end], form.begin(&one[..end]).unwrap());
                for (id, packed) in [(&one, &packed), (&other, &other_packed)] {
                    assert_eq!(**id >= *text, *packed >= begin, "seed {seed}: {id} from {text} on");
                }
            }
        }
    }
}

#[test]
fn what_is_no_such_id_is_not_packed() {
    let id = "0193b2c4-7a1b-7c3d-8e4f-5a6b7c8d9e0f";
    assert!(pack(id).is_some());
    for text in [
        "",
        "0123456789abcde",
        "0123456789ABCDEF",
        "0123456789abcdeg",
        "0193b2c4-7a1b-7c3d-8e4f-5a6b7c8d9e0F",
        "0193b2c47a1b-7c3d-8e4f-5a6b7c8d9e0f1",
        "0193b2c4-7a1b-7c3d-8e4f-5a6b7c8d9e-f",
        "0193b2c4_7a1b_7c3d_8e4f_5a6b7c8d9e0f",
    ] {
        assert_eq!(pack(text), None, "{text}");
    }
    for form in FORMS {
        assert_eq!(form.begin("0x"), None);
        assert_eq!(form.begin(&"0".repeat(65)), None);
        assert_eq!(form.unpack("!"), None);
        assert_eq!(form.unpack("a"), None);
    }
}
