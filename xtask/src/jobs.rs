//! How much at once.

/// `GRAVEN_JOBS`, or the number of cores.
pub(crate) fn jobs() -> Result<usize, String> {
    match std::env::var("GRAVEN_JOBS") {
        Ok(text) => match text.parse() {
            Ok(jobs) if jobs > 0 => Ok(jobs),
            _ => Err(format!("GRAVEN_JOBS is `{text}`; set a number from 1, or leave it out")),
        },
        Err(_) => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}
