//! The seed of a row, what follows from it, and the row's size.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A sequence that follows from its seed (SplitMix64; Steele, Lea, Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of a row: the seed of `GRAVEN_FIRE_SEED`, or one that no run had before. It is printed.
    pub(crate) fn of_row(row: &str) -> Dice {
        let seed = match std::env::var("GRAVEN_FIRE_SEED") {
            Ok(text) => text.parse().expect("GRAVEN_FIRE_SEED is a number"),
            Err(_) => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_nanos() as u64)
            }
        };
        println!("{row}: GRAVEN_FIRE_SEED={seed}");
        Dice(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From `first` to `last`, both included.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.roll() % (last - first + 1)
    }

    /// Once in so many.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.roll().is_multiple_of(times)
    }

    /// A moment within these milliseconds.
    pub(crate) fn wait_ms(&mut self, first: u64, last: u64) {
        std::thread::sleep(Duration::from_micros(self.between(first * 1_000, last * 1_000)));
    }

    /// Dice of their own for someone else.
    pub(crate) fn split(&mut self) -> Dice {
        Dice(self.roll())
    }
}

/// Whether every row runs in its full size.
pub(crate) fn is_full() -> bool {
    std::env::var_os("GRAVEN_FIRE_FULL").is_some_and(|value| value == "1")
}

/// The size of a row.
pub(crate) fn size(small: u64, full: u64) -> u64 {
    if is_full() { full } else { small }
}
