//! Nonces that blind leaves, made from a segment's random seed (design §3).
//!
//! `nonce(i) = AES-128(seed, i as 16 big-endian bytes)`: one block each, so that a sealed bundle can leave the nonces
//! out and a reader who has the segment makes them again. Whoever has only hashes learns nothing: the seed stands in the
//! frame and in the segment's header, not in any tile or proof.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block};
use graven_merkle::LeafIndex;

/// A segment's nonce seed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct NonceSeed(pub(crate) [u8; 16]);

impl std::fmt::Debug for NonceSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NonceSeed(..)")
    }
}

/// The seed with its key schedule.
#[derive(Clone)]
pub(crate) struct NonceMaker {
    cipher: Aes128,
}

impl NonceMaker {
    /// Prepares the key schedule.
    pub(crate) fn new(seed: NonceSeed) -> Self {
        NonceMaker { cipher: Aes128::new(&seed.0.into()) }
    }

    /// The nonce of the entry at `index`.
    pub(crate) fn nonce(&self, index: LeafIndex) -> [u8; 16] {
        let mut block = counter(index.0);
        self.cipher.encrypt_block(&mut block);
        block.into()
    }

    /// The nonces of so many entries from `first` on: together they take a fraction of what each takes alone.
    pub(crate) fn nonces(&self, first: LeafIndex, count: usize) -> Vec<[u8; 16]> {
        let mut blocks: Vec<_> = (first.0..).take(count).map(counter).collect();
        self.cipher.encrypt_blocks(&mut blocks);
        blocks.into_iter().map(Into::into).collect()
    }
}

fn counter(index: u64) -> Block {
    let mut block = [0u8; 16];
    block[8..].copy_from_slice(&index.to_be_bytes());
    block.into()
}
