//! graven-verify for WebAssembly: bytes in, a verdict in JSON out.
//!
//! The page, or whoever else runs the module, asks for room ([`graven_request`]), writes a request
//! into it, has it answered ([`graven_answer`]) and reads the answer before the next request. A
//! request is fields, each with its length before it as four bytes, big-endian: what to verify
//! (`entry`, `checkpoint`, `consistency`, `results`, `keys`), the log's origin, verifier keys one a
//! line, a tlog-policy or nothing, then what is to be verified. `sdk/verify/index.js` writes them.
//!
//! Every judgement is graven-verify's. A panic, which only a mistake of ours could cause, traps; the
//! module must not be used after that.

#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod limits;

mod answer;
mod json;
mod request;

pub use answer::answer;

use std::sync::{Mutex, MutexGuard, PoisonError};

use limits::REQUEST_BYTES_MAX;

/// One request and its answer at a time: a module runs on one thread.
struct Buffers {
    request: Vec<u8>,
    answer: Vec<u8>,
}

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers { request: Vec::new(), answer: Vec::new() });

fn buffers() -> MutexGuard<'static, Buffers> {
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for a request of this size; null where it is over [`REQUEST_BYTES_MAX`].
///
/// It is good until [`graven_answer`] is called.
#[expect(unsafe_code, reason = "an export needs its name; no other symbol starts with graven_")]
#[unsafe(no_mangle)]
pub extern "C" fn graven_request(size_bytes: usize) -> *mut u8 {
    if size_bytes > REQUEST_BYTES_MAX {
        return std::ptr::null_mut();
    }
    let mut buffers = buffers();
    buffers.answer = Vec::new();
    buffers.request = vec![0; size_bytes];
    buffers.request.as_mut_ptr()
}

/// Answers the request that stands in the room: where the answer, JSON in UTF-8, begins.
///
/// It is good until the next call of [`graven_request`].
#[expect(unsafe_code, reason = "an export needs its name; no other symbol starts with graven_")]
#[unsafe(no_mangle)]
pub extern "C" fn graven_answer() -> *const u8 {
    let mut buffers = buffers();
    let request = std::mem::take(&mut buffers.request);
    buffers.answer = answer(&request);
    buffers.answer.as_ptr()
}

/// How many bytes the answer has.
#[expect(unsafe_code, reason = "an export needs its name; no other symbol starts with graven_")]
#[unsafe(no_mangle)]
pub extern "C" fn graven_answer_size() -> usize {
    buffers().answer.len()
}
