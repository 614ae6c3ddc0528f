//! The server's memory, as the kernel tells it.

use std::fs;

/// A process whose memory is watched.
pub(crate) struct Memory {
    pid: u32,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Memory {
        Memory { pid }
    }

    /// Resident bytes now.
    pub(crate) fn now_bytes(&self) -> u64 {
        self.read("VmRSS:")
    }

    /// The most resident bytes since the process began, or since the last [`Memory::forget_peak`].
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.read("VmHWM:")
    }

    /// Begins a new peak (proc(5), `clear_refs`).
    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5").unwrap();
    }

    fn read(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of proc(5)");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }
}
