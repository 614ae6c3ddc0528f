//! Explore in a browser: typing, completing, narrowing, paging, following, opening.

use serde_json::{Value, json};

use super::super::session::World;
use super::chromium::Chromium;
use super::{GREEN, signed_in};

/// Events of the world, one each hour from this day on.
const EVENTS: u64 = 120;
const PAGE: &str = "/ui/logs/main";

/// A log with events of two actors and two outcomes over five days.
fn world() -> World {
    let world = World::new(&[]);
    let events: String = (0..EVENTS)
        .map(|n| {
            let (day, hour) = (1 + n / 24, n % 24);
            let actor = if n.is_multiple_of(3) { "bob" } else { "alice" };
            let outcome = if n.is_multiple_of(4) { "failure" } else { "success" };
            json!({"time": format!("2026-11-{day:02}T{hour:02}:30:00Z"), "actor": {"type": "user", "id": actor},
                "action": "invoice.update", "target": {"type": "invoice", "id": n.to_string()}, "outcome": outcome})
            .to_string()
                + "\n"
        })
        .collect();
    let path = "/api/v1/logs/main/events";
    let reply = world.site.post(path, "application/x-ndjson", events.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    found(&world, "");
    world
}

/// How many entries the index finds, once it has all.
fn found(world: &World, query: &str) -> u64 {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let wait = world.site.size() - 1;
    let path = format!("/api/v1/logs/main/search?q={encoded}&limit=0&wait={wait}");
    world.site.get(&path).json()["total"].as_u64().expect("a total")
}

/// Waits until the page shows what a query finds: its total, and the query in its address.
fn check_shown(browser: &mut Chromium, world: &World, query: &str) {
    let words = match found(world, query) {
        1 => "1 entry".to_owned(),
        total => format!("{total} entries"),
    };
    browser.wait(&format!(
        "(new URLSearchParams(location.search).get('q') ?? '') === {query:?} && \
         document.querySelector('#summary strong')?.textContent === {words:?} && \
         !document.querySelector('#results').hasAttribute('aria-busy') && \
         !document.querySelector('#facets').hasAttribute('aria-busy')"
    ));
    assert_eq!(browser.evaluate("document.querySelector('#q').value"), json!(query));
}

/// The indexes of the rows that are shown.
fn rows(browser: &mut Chromium) -> Vec<u64> {
    let script = "[...document.querySelectorAll('#results .number a')].map((one) => Number(one.dataset.index))";
    let rows: Value = browser.evaluate(script);
    rows.as_array().expect("rows").iter().filter_map(Value::as_u64).collect()
}

#[test]
fn a_query_is_typed_completed_and_found() {
    let world = world();
    let test = "a_query_is_typed_completed_and_found";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    browser.open(&liar.url(PAGE), "document.querySelector('#results .number')");
    check_shown(&mut browser, &world, "");
    assert_eq!(rows(&mut browser).len(), 50);
    let offered = |first: &str| {
        format!(
            "document.querySelector('#completions:not([hidden]) li')?.textContent === {first:?}"
        )
    };
    browser.press("/");
    browser.type_text("acto");
    browser.wait(&offered("actor"));
    browser.press("ArrowDown");
    browser.press("Enter");
    assert_eq!(browser.evaluate("document.querySelector('#q').value"), json!("actor:"));
    browser.wait(&offered("alice"));
    browser.type_text("b");
    browser.wait(&offered("bob"));
    browser.press("ArrowDown");
    browser.press("Enter");
    assert_eq!(browser.evaluate("document.querySelector('#q').value"), json!("actor:bob "));
    browser.type_text("target.id:117");
    browser.press("Enter");
    check_shown(&mut browser, &world, "actor:bob target.id:117");
    assert_eq!(rows(&mut browser), [118]);
    // A query that finds nothing says what could be left out.
    browser.press("Escape");
    browser.press("/");
    browser.type_text("actor:alice target.id:117");
    browser.press("Enter");
    check_shown(&mut browser, &world, "actor:alice target.id:117");
    browser.click("#results button", "without target.id:117");
    check_shown(&mut browser, &world, "actor:alice");
    for (way, query) in [
        ("back", "actor:alice target.id:117"),
        ("back", "actor:bob target.id:117"),
        ("back", ""),
        ("forward", "actor:bob target.id:117"),
    ] {
        browser.evaluate(&format!("history.{way}()"));
        check_shown(&mut browser, &world, query);
    }
}

#[test]
fn a_query_at_fault_is_pointed_at_and_mended() {
    let world = world();
    let test = "a_query_at_fault_is_pointed_at_and_mended";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    browser.open(&liar.url(PAGE), "document.querySelector('#results .number')");
    browser.press("/");
    browser.type_text("\"\u{e9}\u{e9}\" OR actr:alice");
    browser.press("Enter");
    browser.wait("document.querySelector('#problem mark')");
    assert_eq!(browser.text("#problem mark"), "actr");
    assert!(browser.text("#problem").contains("column 9"), "{}", browser.text("#problem"));
    assert_eq!(browser.evaluate("document.querySelector('#q').ariaInvalid"), json!("true"));
    browser.click("#problem button", "Use actor");
    check_shown(&mut browser, &world, "\"\u{e9}\u{e9}\" OR actor:alice");
    browser
        .open(&liar.url("/ui/logs/main?q=time%3Esoon"), "document.querySelector('#problem mark')");
    assert_eq!(browser.text("#problem mark"), "soon");
}

#[test]
fn facets_and_bars_narrow_the_query() {
    let world = world();
    let test = "facets_and_bars_narrow_the_query";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    browser.open(&liar.url(PAGE), "document.querySelector('#facets button')");
    let value = "#facets button[aria-pressed]";
    browser.click(value, "failure");
    check_shown(&mut browser, &world, "outcome:failure");
    assert_eq!(browser.text("#facets [aria-pressed='true']").lines().next(), Some("failure"));
    browser.click(value, "bob");
    check_shown(&mut browser, &world, "outcome:failure actor:bob");
    browser.click(value, "failure");
    check_shown(&mut browser, &world, "actor:bob");
    browser.evaluate("document.querySelector('[aria-label=\"Leave out bob\"]').click()");
    check_shown(&mut browser, &world, "-actor:bob");
    browser.click("[data-span]", "Day");
    check_shown(&mut browser, &world, "-actor:bob since:24h");
    browser.click("[data-span]", "All");
    check_shown(&mut browser, &world, "-actor:bob");
    // From a moment to another, in the browser's zone.
    browser.evaluate(
        "(() => { const form = document.querySelector('#between form'); form.elements.since.value = '2026-11-02T00:00:00'; \
         form.elements.until.value = '2026-11-03T06:00:00'; form.requestSubmit(); })()",
    );
    let ends = browser.evaluate(
        "['2026-11-02T00:00:00', '2026-11-03T06:00:00'].map((end) => new Date(end).toISOString().replace('.000Z', 'Z'))",
    );
    let [since, until] = [0, 1].map(|end| ends[end].as_str().expect("a time").to_owned());
    check_shown(&mut browser, &world, &format!("-actor:bob since:{since} until:{until}"));
    // An alternative stays one when something is added to it.
    browser.open(
        &liar.url("/ui/logs/main?q=actor:bob+OR+outcome:failure"),
        "document.querySelector('#facets button')",
    );
    browser.click(value, "failure");
    check_shown(&mut browser, &world, "(actor:bob OR outcome:failure) outcome:failure");

    // Without the log's own first entry, which is of today.
    let page = liar.url("/ui/logs/main?q=action:invoice.update");
    browser.open(&page, "document.querySelector('.histogram .bar')");
    browser.drag(".histogram", (0.01, 0.49));
    browser.wait("location.search.includes('since')");
    let brushed = browser.evaluate("new URLSearchParams(location.search).get('q')");
    let brushed = brushed.as_str().expect("a query").to_owned();
    check_shown(&mut browser, &world, &brushed);
    let total = found(&world, &brushed);
    assert!((EVENTS / 4..EVENTS * 3 / 4).contains(&total), "{brushed} finds {total}");
    // With keys: the first bar, and the one after it.
    browser.evaluate("document.querySelector('.histogram').focus()");
    for key in ["ArrowRight", "Shift+ArrowRight"] {
        browser.press(key);
    }
    let says = browser.text(".says");
    browser.press("Enter");
    browser.wait(&format!("new URLSearchParams(location.search).get('q') !== {brushed:?}"));
    let keyed = browser.evaluate("new URLSearchParams(location.search).get('q')");
    let keyed = keyed.as_str().expect("a query").to_owned();
    check_shown(&mut browser, &world, &keyed);
    let total = found(&world, &keyed);
    assert!(total > 0 && says.ends_with(&format!(": {total}")), "{says}, {keyed} finds {total}");
}

#[test]
fn pages_entries_and_what_comes_are_in_the_address() {
    let world = world();
    let test = "pages_entries_and_what_comes_are_in_the_address";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    browser.open(
        &liar.url("/ui/logs/main?q=action:invoice.*"),
        "document.querySelector('#results .number')",
    );
    let first = rows(&mut browser);
    let export = browser.evaluate("document.querySelector('nav a[href*=\"/export\"]').search");
    assert_eq!(export, json!("?q=action%3Ainvoice.*"));
    browser.click("#results .pages button", "Older");
    browser.wait("location.search.includes('cursor') && !document.querySelector('#results').hasAttribute('aria-busy')");
    let second = rows(&mut browser);
    assert_eq!((first[0], second[0]), (EVENTS, EVENTS - 50));
    browser.reload("document.querySelector('#results .number') && document.querySelector('.bar') && document.querySelector('.facet')");
    assert_eq!(rows(&mut browser), second);
    browser.click("#results .pages button", "Newer");
    browser.wait("!location.search.includes('cursor') && !document.querySelector('#results').hasAttribute('aria-busy')");
    assert_eq!(rows(&mut browser), first);

    browser.press("j");
    browser.press("j");
    browser.press("Enter");
    browser.wait(GREEN);
    browser.wait(&format!("location.search.includes('open={}')", first[1]));
    browser.reload(GREEN);
    assert!(browser.text(".open-entry .entry-head").contains(&format!("Entry {}", first[1])));
    browser.press("Escape");
    browser.wait("!document.querySelector('.open-entry') && !location.search.includes('open')");
    // Single keys can be turned off, and stay off.
    browser.click(".keys input", "");
    browser.reload("document.querySelector('#results .number')");
    browser.press("j");
    assert_eq!(browser.evaluate("document.activeElement.tagName"), json!("BODY"));
    browser.click(".keys input", "");
    browser.press("j");
    assert_eq!(
        browser.evaluate("document.activeElement.dataset.index"),
        json!(first[0].to_string())
    );
    browser.open(
        &liar.url("/ui/logs/main?q=outcome:failure&open=3"),
        "document.querySelector('#away .notice')",
    );
    assert_eq!(
        browser.evaluate("document.querySelector('#away a').getAttribute('href')"),
        json!("/ui/logs/main/3")
    );

    browser.open(
        &liar.url("/ui/logs/main?q=actor:carol"),
        "document.querySelector('#results .empty')",
    );
    browser.press("l");
    browser.wait("location.search.includes('live') && document.querySelector('#came')?.textContent.includes('live')");
    for actor in ["dave", "carol", "carol"] {
        world.site.append(&json!({"actor": {"id": actor}, "action": "x"}).to_string());
    }
    browser.wait("document.querySelector('#came').textContent.includes('2 since')");
    assert_eq!(rows(&mut browser), [EVENTS + 3, EVENTS + 2]);
    let summary = browser.text("#summary");
    assert!(summary.starts_with("0 entries"), "{summary}");
}

/// Waits until so many tails are open on the server.
fn wait_tails(world: &World, count: u32) {
    let row = format!("\ngraven_http_tails {count}\n");
    for _ in 0..600 {
        if world.site.get("/metrics").text().contains(&row) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("there never were {count} tails");
}

#[test]
fn what_is_live_rests_while_nobody_looks() {
    let world = world();
    let test = "what_is_live_rests_while_nobody_looks";
    let Some((mut browser, _liar)) = signed_in(test, &world) else { return };
    // Without the proxy, which would keep the connection.
    let page = format!("http://{}{PAGE}?q=actor:carol&live=1", world.site.addr);
    browser.open(&page, "document.querySelector('#came')?.textContent.includes('live')");
    wait_tails(&world, 1);
    let event = json!({"actor": {"id": "carol"}, "action": "x"}).to_string();
    let first = world.site.append(&event);
    browser.wait("document.querySelector('#came').textContent.includes('1 since')");
    browser.hide();
    wait_tails(&world, 0);
    let (second, third) = (world.site.append(&event), world.site.append(&event));
    assert_eq!(rows(&mut browser), [first], "nothing comes while it rests");
    browser.show();
    browser.wait("document.querySelector('#came').textContent.includes('3 since')");
    assert_eq!(rows(&mut browser), [third, second, first], "nothing is left out, nothing twice");
    wait_tails(&world, 1);
}

#[test]
fn who_may_not_search_sees_entries_as_they_come() {
    let world = world();
    let test = "who_may_not_search_sees_entries_as_they_come";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    // An index cannot be asked for how a text ends.
    let text = r#"forbid(principal in Role::"auditor", action == Action::"read_entries", resource == Log::"main")
        when { context.event.outcome like "*ure" };"#;
    let policy = json!({ "text": text }).to_string();
    let set = world.site.post("/api/v1/policies/x", "application/json", policy.as_bytes());
    assert_eq!(set.status, 200, "{}", set.text());
    let newest = "document.querySelector('#results .number a')?.dataset.index";
    browser.open(&liar.url(PAGE), &format!("{newest} === '{EVENTS}'"));
    assert!(browser.text("#problem").contains("an index cannot be asked"));
    // Event n is entry n + 1; every fourth is a failure.
    let expected: Vec<u64> = (71..=EVENTS).rev().filter(|index| index % 4 != 1).collect();
    assert_eq!(rows(&mut browser), expected);
    for outcome in ["failure", "success"] {
        let event = json!({"actor": {"id": "a"}, "action": "x", "outcome": outcome});
        world.site.append(&event.to_string());
    }
    browser.wait(&format!("{newest} === '{}'", EVENTS + 2));
    assert_eq!(rows(&mut browser)[1], EVENTS);
}
