//! What the measurements of the log share: who appends, where, and what it costs the process.

use append::Batch;
use graven_entry::{AuthMethod, Grade, Name};
use log::{LogHandle, Pending, Writer};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What may go wrong in a measurement.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The allocator that the server has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Clock ticks of a second in `/proc`, on every Linux of today.
const TICKS_PER_S: f64 = 100.0;
/// Who appends.
pub(crate) fn writer() -> Result<Writer, Failure> {
    let auth = AuthMethod::new("token")?;
    Ok(Writer { id: Name::new("bench")?, auth, grade: Grade::Asserted })
}

/// Hands events in. Over a queue's limit a producer waits and tries again, as over HTTP.
pub(crate) fn submit(
    log: &LogHandle,
    writer: &Writer,
    events: impl Fn() -> Vec<Vec<u8>>,
) -> Result<Pending, Failure> {
    loop {
        match log.submit(writer, Batch::of(events())) {
            Err(refusal) if refusal.code == append::Code::Busy => {
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return Ok(other?),
        }
    }
}

/// A directory for one measurement, removed by [`Place::remove`].
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    /// A new directory in `parent`, or where temporary files go.
    pub(crate) fn new(name: &str, parent: Option<String>) -> Result<Place, Failure> {
        let parent = parent.map_or_else(std::env::temp_dir, PathBuf::from);
        let path = parent.join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Place(path))
    }

    /// Removes it with all that is in it.
    pub(crate) fn remove(self) -> Result<(), Failure> {
        Ok(std::fs::remove_dir_all(self.0)?)
    }
}

/// What something took of time and of the process's processors.
pub(crate) struct Cost {
    began: Instant,
    cpu_s: f64,
}

impl Cost {
    /// Begins to count.
    pub(crate) fn begin() -> Result<Cost, Failure> {
        Ok(Cost { began: Instant::now(), cpu_s: cpu_s()? })
    }

    /// Seconds so far.
    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Seconds of processor so far, of all threads.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Failure> {
        Ok(cpu_s()? - self.cpu_s)
    }
}

/// User and system time of this process.
fn cpu_s() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(") ").next().ok_or("no process name in stat")?;
    let ticks = after_name.split(' ').skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? as f64 / TICKS_PER_S)
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
pub(crate) fn print(line: &str) {
    println!("{line}");
}
