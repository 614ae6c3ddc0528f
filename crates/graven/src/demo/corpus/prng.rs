//! The corpus's random numbers: xoshiro256++ seeded through splitmix64. Integers only, so that one
//! seed gives the same bytes on every machine.

/// How many ranks [`Prng::rank`] can tell apart.
pub(super) const RANKS_MAX: usize = 4_096;

/// Running sums of 1/rank in millionths: one table serves every list up to [`RANKS_MAX`] long.
static HARMONIC_SUMS: [u32; RANKS_MAX] = harmonic_sums();

pub(super) struct Prng {
    state: [u64; 4],
}

impl Prng {
    pub(super) fn new(seed: u64) -> Self {
        let mut state = [0; 4];
        let mut word = seed;
        for slot in &mut state {
            word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
            *slot = mix(word);
        }
        Self { state }
    }

    pub(super) fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number below `limit`, or 0 where `limit` is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// A number from `min` to `max`, both included.
    pub(super) fn range(&mut self, min: u64, max: u64) -> u64 {
        min + self.below(max - min + 1)
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// An index below `count` (at most [`RANKS_MAX`]) by Zipf's law: index k as often as 1/(k+1).
    pub(super) fn rank(&mut self, count: usize) -> usize {
        let sums = &HARMONIC_SUMS[..count];
        let draw = self.below(u64::from(sums[count - 1])) as u32;
        sums.partition_point(|sum| *sum <= draw)
    }

    /// An item by Zipf's law: the first ones far more often than the last.
    pub(super) fn pick_ranked<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.rank(items.len())]
    }

    /// An item by the weight that stands beside it.
    pub(super) fn pick_weighted<T: Copy>(&mut self, items: &[(u64, T)]) -> T {
        let mut draw = self.below(items.iter().map(|(weight, _)| weight).sum());
        for (weight, item) in items {
            if draw < *weight {
                return *item;
            }
            draw -= weight;
        }
        items[0].1
    }
}

/// Scatters a word: splitmix64's finaliser. Also derives ids that must stay the same for one thing.
pub(super) const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

const fn harmonic_sums() -> [u32; RANKS_MAX] {
    let mut sums = [0; RANKS_MAX];
    let mut total = 0;
    let mut index = 0;
    while index < RANKS_MAX {
        total += 1_000_000 / (index as u32 + 1);
        sums[index] = total;
        index += 1;
    }
    sums
}
