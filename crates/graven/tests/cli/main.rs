//! The command line end to end: the real binary against a real server in a directory of its own.

#[cfg(test)]
mod access;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod config;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod erasure;
#[cfg(test)]
mod factors;
#[cfg(test)]
mod first_steps;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod help;
#[cfg(test)]
mod hsm;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod pg;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod sealing;
#[cfg(test)]
mod search;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sql;
#[cfg(test)]
mod state;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod tokens;
