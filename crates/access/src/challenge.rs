//! Challenges that passkeys have yet to answer: each once, by whom and for what it was made, within its time.

use std::collections::HashMap;

use env::Random;

use crate::limits::{CHALLENGE_NS, CHALLENGES_MAX, CHALLENGES_PER_SOURCE_MAX};
use crate::principal::PrincipalId;
use crate::throttle::Source;

/// A challenge's bytes.
pub type Challenge = [u8; 32];

/// The challenges that wait.
#[derive(Debug, Default)]
pub struct Challenges {
    open: HashMap<Challenge, Open>,
}

#[derive(Debug)]
struct Open {
    source: Source,
    /// Who registers a passkey; nobody yet where somebody signs in.
    registers: Option<PrincipalId>,
    made_ns: u64,
}

impl Challenges {
    /// Draws a challenge for somebody who registers a passkey, or for whoever signs in. `None` where too many wait.
    pub fn draw(
        &mut self,
        random: &dyn Random,
        source: Source,
        registers: Option<PrincipalId>,
        now_ns: u64,
    ) -> Option<Challenge> {
        self.open.retain(|_, open| now_ns.saturating_sub(open.made_ns) < CHALLENGE_NS);
        let of_source = self.open.iter().filter(|(_, open)| open.source == source);
        let of_source: Vec<_> =
            of_source.map(|(challenge, open)| (open.made_ns, *challenge)).collect();
        if of_source.len() >= CHALLENGES_PER_SOURCE_MAX
            && let Some((_, oldest)) = of_source.iter().min()
        {
            self.open.remove(oldest);
        }
        if self.open.len() >= CHALLENGES_MAX {
            return None;
        }
        let mut challenge = [0; 32];
        random.fill(&mut challenge);
        self.open.insert(challenge, Open { source, registers, made_ns: now_ns });
        Some(challenge)
    }

    /// Takes a challenge away, and says whether it was there for this purpose and is still good.
    pub fn take(&mut self, challenge: &[u8], registers: Option<&PrincipalId>, now_ns: u64) -> bool {
        let open = self.open.remove(challenge);
        open.is_some_and(|open| {
            open.registers.as_ref() == registers
                && now_ns.saturating_sub(open.made_ns) < CHALLENGE_NS
        })
    }
}

#[cfg(test)]
mod tests;
