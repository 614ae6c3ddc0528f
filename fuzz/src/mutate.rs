//! Blind mutations from a seed, for the quick run without an engine.

/// Marsaglia's xorshift: a seed gives one sequence, everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number from 0 to `limit` - 1; 0 where `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit.max(1)
    }
}

/// Bytes that mean something to one of the parsers.
const TELLING: &[u8] =
    b"\"\\{}[],: \n\r\t0123456789-+.eEu_abdfx/=\x00\x01\x1f\x7f\x80\xc3\xed\xf0\xff";

/// One to four changes of a seed: a byte set, flipped, inserted or removed, the end cut off, a piece
/// of it or of another seed put in.
pub fn mutate(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(out.len());
        let byte = TELLING[random.below(TELLING.len())];
        match random.below(8) {
            0 if !out.is_empty() => out[at] = byte,
            1 if !out.is_empty() => out[at] ^= 1 << random.below(8),
            2 => out.insert(at, byte),
            3 if !out.is_empty() => drop(out.remove(at)),
            4 => out.truncate(out.len() - random.below(out.len().min(64))),
            5 => splice(&mut out, other, random),
            _ => {
                let own = out.clone();
                splice(&mut out, &own, random);
            }
        }
    }
    out
}

/// Puts a piece of `source` somewhere.
fn splice(out: &mut Vec<u8>, source: &[u8], random: &mut Random) {
    let from = random.below(source.len());
    let end = (from + random.below(48)).min(source.len());
    let place = random.below(out.len());
    out.splice(place..place, source[from..end].iter().copied());
}
