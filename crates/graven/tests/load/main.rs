//! The real binary under load: twice what it can take, thousands of idle clients, clients that crawl, readers that stop.
//!
//! Small by default; `GRAVEN_LOAD_FULL=1` makes it last (`cargo xtask test --all`). Times are reported, never asserted.

#[cfg(test)]
#[path = "../cli/fixture.rs"]
#[expect(dead_code, reason = "the command line's tests use more of it")]
mod fixture;
#[cfg(test)]
mod idle;
#[cfg(test)]
#[path = "../hostile/memory.rs"]
#[expect(dead_code, reason = "the hostile clients use more of it")]
mod memory;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod producer;
#[cfg(test)]
mod slow;
#[cfg(test)]
#[path = "../hostile/wire.rs"]
#[expect(dead_code, reason = "the hostile clients use more of it")]
mod wire;
