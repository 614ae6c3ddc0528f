//! A load of appends over HTTP, and what came of it.

use serde_json::Value;

use super::number::number;

/// Appends to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Events in all.
    pub(super) events: u64,
    /// The first one's number: those of one log must not repeat, or they are the same event.
    pub(super) first: u64,
    /// Connections that send at once.
    pub(super) connections: u64,
    /// Events of one request.
    pub(super) batch: u64,
}

/// What came of a load.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    /// Events a second.
    pub(super) per_s: f64,
    /// Median time of a request, in microseconds.
    pub(super) p50_us: f64,
    /// The 99th percentile.
    pub(super) p99_us: f64,
    /// Share of the time in which the generator used its core: near 1, it is the bound.
    pub(super) load_busy: f64,
    /// Cores that the server used on average.
    pub(super) server_busy: f64,
    /// Microseconds of processor time that the server used for an event.
    pub(super) server_us: f64,
    /// Answers 429, after each of which a request was sent again.
    pub(super) busy_answers: f64,
    /// Seconds after the start when each tenth of the events was answered.
    pub(super) marks_s: Vec<f64>,
}

impl Loaded {
    /// Reads the generator's line, given the server's processor time meanwhile.
    pub(super) fn parse(line: &Value, server_cpu_s: f64) -> Result<Loaded, String> {
        let elapsed_s = number(line, "/elapsed_s")?;
        let marks = line.pointer("/marks_s").and_then(Value::as_array);
        let marks_s: Option<Vec<f64>> =
            marks.map(|marks| marks.iter().filter_map(Value::as_f64).collect());
        Ok(Loaded {
            per_s: number(line, "/per_s")?,
            p50_us: number(line, "/p50_us")?,
            p99_us: number(line, "/p99_us")?,
            load_busy: number(line, "/cpu_s")? / elapsed_s,
            server_busy: server_cpu_s / elapsed_s,
            server_us: server_cpu_s * 1e6 / number(line, "/events")?,
            busy_answers: number(line, "/busy")?,
            marks_s: marks_s.ok_or("no marks")?,
        })
    }

    /// Who was the bound, for a note.
    pub(super) fn bound(&self) -> String {
        let busy = match self.busy_answers {
            0.0 => String::new(),
            answers => format!(", {answers} answers 429"),
        };
        format!(
            "server {:.0} % of a core ({:.1} µs an event), load {:.0} %{busy}",
            self.server_busy * 100.0,
            self.server_us,
            self.load_busy * 100.0
        )
    }
}
