//! The real binary under real faults: killed, cut off from its power, out of disk and descriptors, tampered with.
//!
//! Rows of `docs/reliability.md`. Each prints its seed; `GRAVEN_FIRE_SEED` takes a given one, and `GRAVEN_FIRE_FULL=1` runs
//! every row in its full size.

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod device;
#[cfg(test)]
mod dice;
#[cfg(test)]
mod fds;
#[cfg(test)]
#[path = "../cli/fixture.rs"]
mod fixture;
#[cfg(test)]
mod flush;
#[cfg(test)]
mod full;
#[cfg(test)]
mod http;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod power;
#[cfg(test)]
mod producer;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod two;
