//! Problem documents (RFC 9457) read as refusals.

use append::{Code, Refusal};
use serde_json::Value;

use crate::limits::QUOTE_CHARS_MAX;

/// The refusal that a problem document states; `Err` says why the body is none.
pub(crate) fn parse(
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
) -> Result<Refusal, String> {
    let document: Value = serde_json::from_slice(body)
        .map_err(|_| format!("status {status}, and no problem document: {}", quote(body)))?;
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let number = |key: &str| document.get(key).and_then(Value::as_u64);
    let code = text("code")
        .and_then(Code::parse)
        .ok_or_else(|| format!("status {status}, and no known code: {}", quote(body)))?;
    let detail = text("detail").or_else(|| text("title")).unwrap_or("no detail given");
    let mut refusal = Refusal::new(code, detail);
    refusal.event = number("event").and_then(|event| usize::try_from(event).ok());
    refusal.field = text("field").map(str::to_owned);
    refusal.position = number("position").and_then(|position| usize::try_from(position).ok());
    refusal.next_seq = number("next_seq");
    refusal.retry_after_s = retry_after.and_then(|seconds| seconds.trim().parse().ok());
    Ok(refusal)
}

/// The start of a foreign body, fit for an error message.
pub(crate) fn quote(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let start: String = text.chars().take(QUOTE_CHARS_MAX).collect();
    format!("{start:?}")
}
