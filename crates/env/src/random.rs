//! Random bytes: the kernel's, or a seed's.

use std::sync::Mutex;

/// The only door to random bytes.
pub trait Random: Send + Sync {
    /// Fills `buf` with random bytes.
    fn fill(&self, buf: &mut [u8]);
}

/// The kernel's random source, fit for keys, salts and nonces.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buf: &mut [u8]) {
        getrandom::fill(buf).expect("the kernel's random source answers once it has been seeded");
    }
}

/// Random bytes of a seed: the same seed gives the same bytes. Never for keys.
#[derive(Debug)]
pub struct SimRandom {
    state: Mutex<SplitMix>,
}

impl SimRandom {
    /// A source that repeats itself for the same seed.
    pub fn new(seed: u64) -> Self {
        SimRandom { state: Mutex::new(SplitMix::new(seed)) }
    }

    /// The next 64 bits, for tests that draw numbers.
    pub fn next_u64(&self) -> u64 {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next()
    }
}

impl Random for SimRandom {
    fn fill(&self, buf: &mut [u8]) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in buf.chunks_mut(8) {
            let bytes = state.next().to_be_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, and good enough to draw faults from.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    pub(crate) fn new(seed: u64) -> Self {
        SplitMix(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 for a limit of 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.next() % limit }
    }
}
