//! Numbers out of what was measured.

use serde_json::Value;

/// A member of a line of JSON that is a number.
pub(super) fn number(value: &Value, pointer: &str) -> Result<f64, String> {
    value.pointer(pointer).and_then(Value::as_f64).ok_or_else(|| format!("no number at {pointer}"))
}

/// The median; the measurements must not be none.
pub(super) fn median(mut values: Vec<f64>) -> Result<f64, String> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().ok_or_else(|| "nothing was measured".to_owned())
}
