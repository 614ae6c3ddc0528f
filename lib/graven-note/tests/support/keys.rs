//! Keys of fixed seeds, so that a failure repeats.

use graven_note::{Algorithm, SigningKey};

/// The origin of the log in these tests.
pub(crate) const ORIGIN: &str = "example.com/log";

/// The key of this name whose seed is 32 times `seed`.
pub(crate) fn key(name: &str, algorithm: Algorithm, seed: u8) -> SigningKey {
    SigningKey::from_seed(name.parse().expect("test's key name"), algorithm, [seed; 32])
}

/// The log's Ed25519 key.
pub(crate) fn log() -> SigningKey {
    key(ORIGIN, Algorithm::Ed25519, 1)
}

/// A witness's Ed25519 key.
pub(crate) fn witness() -> SigningKey {
    key("witness.example/w1", Algorithm::Ed25519Cosignature, 2)
}

/// A witness's ML-DSA-44 key.
pub(crate) fn witness_pq() -> SigningKey {
    key("witness.example/pq", Algorithm::MlDsa44, 3)
}
