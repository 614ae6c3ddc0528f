//! One figure beside its limit: a line of the table.

use serde_json::{Value, json};

/// What is asked of a figure divided by what it stands beside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// It is only reported.
    Reported,
}

/// A measurement, or why there is none.
pub(super) type Measured = Result<f64, String>;

/// One figure beside its limit or rival.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The row that it belongs to.
    pub(super) row: &'static str,
    /// What was measured.
    pub(super) figure: String,
    /// The unit of both measurements.
    pub(super) unit: &'static str,
    /// The log's.
    pub(super) ours: Measured,
    /// What it stands beside.
    pub(super) beside: String,
    /// The other's.
    pub(super) other: Measured,
    /// What is asked of the ratio.
    pub(super) goal: Goal,
    /// What a reader must know to believe it.
    pub(super) notes: Vec<String>,
}

impl Line {
    /// A line without notes, of a row that is named later.
    pub(super) fn new(
        figure: impl Into<String>,
        unit: &'static str,
        ours: f64,
        beside: impl Into<String>,
        other: Measured,
    ) -> Line {
        Line {
            row: "",
            figure: figure.into(),
            unit,
            ours: Ok(ours),
            beside: beside.into(),
            other,
            goal: Goal::Reported,
            notes: Vec::new(),
        }
    }

    /// The line of a measurement that broke.
    pub(super) fn broken(figure: &str, why: &str) -> Line {
        let why = format!("failed: {why}");
        Line { ours: Err(why.clone()), ..Line::new(figure, "", 0.0, "", Err(why)) }
    }

    /// The same of a row.
    pub(super) fn of_row(self, row: &'static str) -> Line {
        Line { row, ..self }
    }

    /// The same with a goal.
    pub(super) fn asked(self, goal: Goal) -> Line {
        Line { goal, ..self }
    }

    /// The same of a limit that nothing can beat. Where it was beaten others took its time, and it was not measured.
    pub(super) fn of_limit(mut self) -> Line {
        let beaten = self.ratio().is_some_and(|ratio| match self.goal {
            Goal::AtLeast(_) => ratio > 1.0,
            Goal::AtMost(_) => ratio < 1.0,
            Goal::Reported => false,
        });
        if let (true, Ok(limit)) = (beaten, &self.other) {
            let why = format!(
                "the limit came out at {limit:.0} {}, which cannot be beaten: the machine is too busy to tell",
                self.unit
            );
            self.other = Err(why);
        }
        self
    }

    /// The same with one more note.
    pub(super) fn note(mut self, note: impl Into<String>) -> Line {
        self.notes.push(note.into());
        self
    }

    /// Ours divided by the other; none where one is missing.
    pub(super) fn ratio(&self) -> Option<f64> {
        match (&self.ours, &self.other) {
            (Ok(ours), Ok(other)) if *other > 0.0 => Some(ours / other),
            _ => None,
        }
    }

    /// Whether the goal is reached; none where nothing is asked or nothing was measured.
    pub(super) fn reached(&self) -> Option<bool> {
        let ratio = self.ratio()?;
        match self.goal {
            Goal::AtLeast(least) => Some(ratio >= least),
            Goal::AtMost(most) => Some(ratio <= most),
            Goal::Reported => None,
        }
    }

    /// Why something was not measured.
    pub(super) fn missing(&self) -> Option<&str> {
        self.ours.as_ref().err().or(self.other.as_ref().err()).map(String::as_str)
    }

    /// The line as JSON.
    pub(super) fn json(&self) -> Value {
        let goal = match self.goal {
            Goal::AtLeast(least) => json!({ "at_least": least }),
            Goal::AtMost(most) => json!({ "at_most": most }),
            Goal::Reported => Value::Null,
        };
        json!({
            "row": self.row,
            "figure": self.figure,
            "unit": self.unit,
            "ours": self.ours.as_ref().ok(),
            "beside": self.beside,
            "other": self.other.as_ref().ok(),
            "ratio": self.ratio(),
            "goal": goal,
            "reached": self.reached(),
            "not_measured": self.missing(),
            "notes": self.notes,
        })
    }
}
