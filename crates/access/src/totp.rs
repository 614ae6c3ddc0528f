//! Time-based one-time codes (RFC 6238): SHA-1, six digits, 30 seconds, as every authenticator app has them.

use env::Random;
use ring::hmac;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::principal::PrincipalId;

const SECRET_BYTES: usize = 20;
const STEP_NS: u64 = 30 * 1_000_000_000;
const DIGITS: usize = 6;
/// The alphabet of RFC 4648 section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What an app and the server share.
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl TotpSecret {
    /// Draws a secret.
    pub fn draw(random: &dyn Random) -> TotpSecret {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        random.fill(bytes.as_mut());
        TotpSecret(bytes)
    }

    /// The secret in base32, as people type it and as it is sealed.
    pub fn to_base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SECRET_BYTES / 5 * 8));
        for group in self.0.chunks(5) {
            let bits = group.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                text.push(char::from(BASE32[(bits >> (place * 5)) as usize & 31]));
            }
        }
        text
    }

    /// Reads [`TotpSecret::to_base32`].
    pub fn from_base32(text: &str) -> Option<TotpSecret> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        if text.len() != SECRET_BYTES / 5 * 8 {
            return None;
        }
        for (group, out) in text.as_bytes().chunks(8).zip(bytes.chunks_mut(5)) {
            let mut bits = 0u64;
            for digit in group {
                bits = bits << 5 | BASE32.iter().position(|other| other == digit)? as u64;
            }
            out.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        Some(TotpSecret(bytes))
    }

    /// What an app reads, mostly as a QR code.
    pub fn uri(&self, principal: &PrincipalId) -> Zeroizing<String> {
        let secret = self.to_base32();
        Zeroizing::new(format!(
            "otpauth://totp/graven:{principal}?secret={}&issuer=graven",
            secret.as_str()
        ))
    }

    /// The step whose code this is: that of now, or one beside it, and later than the last one that was used.
    pub fn step_of(&self, code: &str, now_ns: u64, last: Option<u64>) -> Option<u64> {
        let now = now_ns / STEP_NS;
        let mut found = None;
        // All three are computed, so that the time tells nothing of which one it was.
        for step in [now.saturating_sub(1), now, now.saturating_add(1)] {
            let is_same: bool = self.code(step).as_bytes().ct_eq(code.as_bytes()).into();
            if is_same && last.is_none_or(|last| step > last) {
                found = found.or(Some(step));
            }
        }
        found
    }

    /// The code of a step (RFC 4226 section 5.3).
    fn code(&self, step: u64) -> Zeroizing<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.as_ref());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[tag.len() - 1] & 15);
        let word =
            tag[offset..offset + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let number = (word & 0x7fff_ffff) % 10u32.pow(DIGITS as u32);
        Zeroizing::new(format!("{number:0DIGITS$}"))
    }
}

#[cfg(test)]
mod tests;
