//! What the company's things look like at the moment, so that `before` of a change is the `after`
//! of the last one.

use super::company::{FEATURES, PEOPLE, SERVICES, SUPPLIERS};
use super::prng::Prng;

pub(super) struct Deployment {
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) replicas: u64,
    /// Until then a rollout is under way and nobody else starts one.
    pub(super) busy_until_ns: u64,
}

pub(super) struct World {
    /// Percent of customers who see each feature.
    pub(super) rollouts: [u64; FEATURES.len()],
    pub(super) deployments: [Deployment; SERVICES.len()],
    /// Account of each supplier, by the number that its IBAN is made of.
    pub(super) accounts: [u64; SUPPLIERS.len()],
    /// Until then nobody by chance changes the account that a forged letter is about.
    pub(super) forgery_until_ns: u64,
    /// Monthly pay of each person, in hundredths.
    pub(super) salaries_cents: [u64; PEOPLE.len()],
    /// From when the leaver is no longer at work.
    pub(super) left_ns: u64,
    /// Numbers that only count up.
    pub(super) invoice: u64,
    pub(super) ticket: u64,
    pub(super) build: u64,
}

impl World {
    pub(super) fn new(rng: &mut Prng) -> Self {
        Self {
            rollouts: std::array::from_fn(|_| rng.below(11) * 10),
            deployments: std::array::from_fn(|_| Deployment {
                minor: rng.range(4, 60),
                patch: rng.below(9),
                replicas: rng.range(2, 9),
                busy_until_ns: 0,
            }),
            accounts: std::array::from_fn(|_| rng.below(1 << 40)),
            salaries_cents: std::array::from_fn(|_| rng.range(280, 920) * 1_000),
            forgery_until_ns: 0,
            left_ns: u64::MAX,
            invoice: 48_211,
            ticket: 310_877,
            build: 9_014,
        }
    }
}
