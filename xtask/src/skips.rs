//! What may be skipped where nothing else may.

/// Skips that pass with `CI=true`: the name before the colon of a `SKIP` line, and why it may be missing there.
const ALLOWED_IN_CI: &[(&str, &str)] = &[
    (
        "deny",
        "cargo-deny takes minutes to build; licences and advisories are checked where it is installed",
    ),
    ("advisories", "their database is on GitHub, which a machine without network does not reach"),
    ("wasm32", "the target may not be installable without network"),
    ("sdk-verify", "needs Node.js, which building and running the server does not"),
    ("t13_power_cut_on_ext4", DEVICE),
    ("t13_control_flushes_that_do_nothing_are_seen", DEVICE),
    ("t14_a_device_that_fails_and_is_sound_again", DEVICE),
    ("t15_system_calls_fail", "needs strace, and a container that lets it trace"),
    ("t16_a_real_disk_is_full", DEVICE),
    ("conformance", "needs Go and its modules, which a machine without network does not have"),
    (
        "conformance-lake",
        "needs Python and DuckDB from PyPI, which a machine without network does not have",
    ),
    (
        "conformance-pg",
        "needs Java, Maven and a driver from its registry, which a machine without network does not have",
    ),
    ("the_jdbc_driver_is_answered", "`cargo xtask conformance` runs it, with the driver"),
    ("psql_is_answered_as_http_is", PSQL),
    ("psql_is_told_of_the_tables", PSQL),
    ("psql_is_refused_what_http_is_refused", PSQL),
    ("psql_sees_what_its_token_may_and_is_told_in_system", PSQL),
    ("psql_comes_by_tls_where_http_does", PSQL),
    ("psql_cancels", PSQL),
    (
        "conformance-sd-jwt",
        "needs Python, Node.js and their packages, which a machine without network does not have",
    ),
    (
        "conformance-otlp",
        "needs Python and a package from PyPI, which a machine without network does not have",
    ),
    ("conformance-axe", "needs Chromium and npm, which a machine without network does not have"),
    ("a_token_has_the_master_key_and_its_secret_and_key_are_rotated", SOFTHSM),
    ("a_master_key_in_clear_comes_into_a_tokens_care", SOFTHSM),
    ("a_token_that_does_not_open_it_is_an_error_that_says_why", SOFTHSM),
    ("an_entry_is_shown_and_verified", BROWSER),
    ("nothing_in_an_event_is_code_or_hides", BROWSER),
    ("nothing_that_anyone_names_is_code_or_hides", BROWSER),
    ("no_lie_about_the_log_is_shown_green", BROWSER),
    ("a_query_is_typed_completed_and_found", BROWSER),
    ("a_query_at_fault_is_pointed_at_and_mended", BROWSER),
    ("facets_and_bars_narrow_the_query", BROWSER),
    ("pages_entries_and_what_comes_are_in_the_address", BROWSER),
    ("what_is_live_rests_while_nobody_looks", BROWSER),
    ("who_may_not_search_sees_entries_as_they_come", BROWSER),
    ("a_resource_is_shown_as_it_was", BROWSER),
    ("a_timeline_is_replayed_in_order", BROWSER),
    ("an_entry_leads_to_what_it_is_about", BROWSER),
    ("new_keys_are_believed_where_the_old_ones_announced_them", BROWSER),
    ("the_badge_warns_where_the_page_came_in_clear", BROWSER),
    ("the_first_event_is_shown_as_it_arrives", BROWSER),
    ("a_sealed_value_is_revealed_for_a_reason", BROWSER),
    ("access_shows_what_the_api_tells_its_reader_and_changes_it", BROWSER),
    ("a_request_is_approved_or_denied_in_the_page", BROWSER),
    ("an_export_is_verified_and_has_the_bytes_of_the_log", BROWSER),
    ("integrity_tells_what_this_reader_may_know", BROWSER),
    ("a_query_is_saved_and_what_it_fired_is_shown", BROWSER),
    ("a_saved_query_is_changed_and_deleted", BROWSER),
    ("queries_that_are_made_already_fill_the_form", BROWSER),
    ("who_may_not_save_queries_is_told_so", BROWSER),
    ("a_passkey_is_made_and_signs_in", BROWSER),
    ("a_view_shows_and_verifies_what_its_link_admits", BROWSER),
    ("a_view_is_drawn_only_in_pages_that_may_embed_it", BROWSER),
];

const BROWSER: &str = "needs Chromium, which a machine may not be able to install";
const DEVICE: &str = "needs root, loop devices and FUSE, which a container may not have";
const PSQL: &str = "needs psql, which a machine may not be able to install";
const SOFTHSM: &str = "needs softhsm2, which a machine may not be able to install";

/// Whether this run may skip only what is on the list.
pub(crate) fn strict() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Prints the list.
pub(crate) fn print_allowed() {
    println!("skips allowed with CI=true:");
    for (name, why) in ALLOWED_IN_CI {
        println!("  {name}: {why}");
    }
}

/// Those of the skips that are not on the list.
pub(crate) fn not_allowed(skips: &[String]) -> Vec<&String> {
    let allowed = |skip: &str| ALLOWED_IN_CI.iter().any(|(name, _)| name_of(skip) == *name);
    skips.iter().filter(|skip| !allowed(skip)).collect()
}

/// The name of what was skipped: what stands before the first colon that ends a word (`a::b: why` is `a::b`).
fn name_of(skip: &str) -> &str {
    skip.split_once(": ").map_or(skip, |(name, _)| name)
}

#[cfg(test)]
mod tests;
