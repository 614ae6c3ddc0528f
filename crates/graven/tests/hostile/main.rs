//! Hostile clients and hostile text against the real binary (T30): every attack is refused within limits, costs bounded
//! memory, writes nothing, and shows nothing that could steer a terminal.

#[cfg(test)]
mod bodies;
#[cfg(test)]
#[path = "../cli/fixture.rs"]
#[expect(dead_code, reason = "the command line's tests use more of it")]
mod fixture;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod site;
#[cfg(test)]
mod terminal;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of load use more of it")]
mod wire;
