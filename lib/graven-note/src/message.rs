//! The messages that cosignatures sign (C2SP `tlog-cosignature`).

use graven_merkle::{Hash, LeafIndex};

use crate::key::KeyName;
use crate::limits::COSIGNED_ORIGIN_BYTES_MAX;

/// `uint8 label[12]` of `cosigned_message`.
const SUBTREE_LABEL: &[u8; 12] = b"subtree/v1\n\0";

/// What an ML-DSA-44 cosignature signs: `cosigned_message`.
pub(crate) struct SubtreeMessage<'a> {
    /// The cosigner's key name.
    pub(crate) cosigner: &'a KeyName,
    /// POSIX seconds; 0 states consistency only, and must be 0 unless `start` is 0.
    pub(crate) timestamp_s: u64,
    /// The log's origin.
    pub(crate) origin: &'a str,
    /// The first leaf of the subtree.
    pub(crate) start: LeafIndex,
    /// The leaf after the last one of the subtree.
    pub(crate) end: LeafIndex,
    /// The subtree's root hash.
    pub(crate) hash: &'a Hash,
}

impl SubtreeMessage<'_> {
    /// The bytes to sign; `None` where the origin does not fit its one length byte.
    pub(crate) fn to_bytes(&self) -> Option<Vec<u8>> {
        if self.origin.is_empty() || self.origin.len() > COSIGNED_ORIGIN_BYTES_MAX {
            return None;
        }
        let mut message = SUBTREE_LABEL.to_vec();
        push_opaque(&mut message, self.cosigner.as_str())?;
        message.extend(self.timestamp_s.to_be_bytes());
        push_opaque(&mut message, self.origin)?;
        message.extend(self.start.0.to_be_bytes());
        message.extend(self.end.0.to_be_bytes());
        message.extend(self.hash.as_bytes());
        Some(message)
    }
}

/// What an Ed25519 cosignature signs: two lines and the checkpoint's text.
pub(crate) fn cosignature_v1(timestamp_s: u64, checkpoint_text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {timestamp_s}\n{checkpoint_text}").into_bytes()
}

/// `opaque text<1..2^8-1>` in the presentation language of RFC 8446 §3.4.
fn push_opaque(message: &mut Vec<u8>, text: &str) -> Option<()> {
    message.push(u8::try_from(text.len()).ok()?);
    message.extend(text.as_bytes());
    Some(())
}
