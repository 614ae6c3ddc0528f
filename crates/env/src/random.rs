//! Random bytes: the kernel's, or a seed's.

use std::cell::RefCell;
use std::sync::Mutex;

use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use chacha20::{ChaCha20, Key, Nonce};
use zeroize::Zeroize as _;

/// Bytes that a thread makes of one key of the kernel's: those of some 100 sealed values.
pub(crate) const POOL_BYTES: usize = 4096;

/// From this size on bytes may be a key's, and come from the kernel alone.
pub(crate) const KEY_BYTES_MIN: usize = 32;

/// The only door to random bytes.
pub trait Random: Send + Sync {
    /// Fills `buf` with random bytes.
    fn fill(&self, buf: &mut [u8]);
}

/// The kernel's random source, fit for keys, salts and nonces.
///
/// What is shorter than a key of ours (salts, nonces, seeds of nonces, names) each thread takes out of a pool of its own, since
/// asking the kernel each time costs more than sealing a value does. A pool is the ChaCha20 keystream (RFC 8439) of a key
/// that the kernel gave for this pool and that is wiped when it is full. That is as good: it is how the kernel makes its own
/// bytes, and a byte is handed out once and wiped in the pool by that. Whoever reads this memory later finds nothing that was
/// drawn, and whoever reads it now finds the keys themselves beside what is yet to be drawn. It would not be as good in a process that goes on
/// twice from one memory. This one never forks, and a running machine that is copied is a second signer of the same
/// logs, which is worse than its nonces.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buf: &mut [u8]) {
        if buf.len() < KEY_BYTES_MIN {
            POOL.with_borrow_mut(|pool| pool.take(buf));
        } else {
            ask_kernel(buf);
        }
    }
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], at: POOL_BYTES }) };
}

/// Random bytes that one thread has not used yet.
pub(crate) struct Pool {
    pub(crate) bytes: [u8; POOL_BYTES],
    /// What stands before was handed out.
    pub(crate) at: usize,
}

impl Pool {
    pub(crate) fn take(&mut self, buf: &mut [u8]) {
        if POOL_BYTES - self.at < buf.len() {
            self.fill();
        }
        let taken = &mut self.bytes[self.at..self.at + buf.len()];
        buf.copy_from_slice(taken);
        taken.zeroize();
        self.at += buf.len();
    }

    fn fill(&mut self) {
        let mut key = Key::default();
        ask_kernel(&mut key);
        self.bytes.zeroize();
        // No key comes twice, so the nonce need not differ. The cipher wipes its own copy.
        ChaCha20::new(&key, &Nonce::default()).apply_keystream(&mut self.bytes);
        key.zeroize();
        self.at = 0;
    }
}

fn ask_kernel(buf: &mut [u8]) {
    getrandom::fill(buf).expect("the kernel's random source answers once it has been seeded");
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
