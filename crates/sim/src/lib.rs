//! The whole log under a simulated disk and clock: one seed, one run, one trace.
//!
//! A [`World`] is a machine; cells are started on it with [`log::Pace::ByHand`], so that nothing happens but what the one
//! driving thread asked for and waited for: the order of calls to the disk is then fixed although a cell has threads. A
//! [`History`] is what everyone outside was told; the checker compares it with what a start finds. The rows and
//! invariants are those of `docs/reliability.md`; `tests/` has a named test for each row and each mutant.

pub mod campaign;
pub mod limits;
pub mod offline;
pub mod seam;
pub mod world;

mod check;
mod client;
mod history;
mod run;

pub use check::{check_cell, check_cell_anew, check_offline};
pub use client::{Client, Step, writer};
pub use history::{History, Outcome, ReadLog, Sent, Violation, event};
pub use run::{RunFailure, RunOptions, RunReport, run, run_on};
pub use seam::{Call, Late, Lie, Seam, Target};
pub use world::{End, World};
