//! A search that takes too long is given up.

use std::time::Duration;

use append::Code;

use super::within;

#[test]
fn a_search_that_is_late_is_refused() {
    let limit = Duration::from_millis(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let refusal = runtime.block_on(within(limit, std::future::pending::<()>())).unwrap_err();
    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::QueryLimit, Some("q")));
    assert!(refusal.detail.contains("1 ms"), "{refusal}");
    assert_eq!(runtime.block_on(within(limit, std::future::ready(7))), Ok(7));
}
