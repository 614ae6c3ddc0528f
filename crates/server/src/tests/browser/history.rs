//! A resource's states and a timeline's replay in a browser, and the ways there from an entry.

use serde_json::json;

use super::super::session::World;
use super::chromium::Chromium;
use super::{GREEN, signed_in};

/// A log with the life of an invoice, from entry 1 on; two of its entries are of one session, two of one trace.
fn world() -> World {
    let world = World::new(&[]);
    let told = [
        (
            "alice",
            "invoice.create",
            "success",
            json!({"amount": {"after": 100.50}, "status": {"after": "open"}}),
        ),
        ("bob", "invoice.update", "denied", json!({"amount": {"before": 100.50, "after": 1}})),
        (
            "carol",
            "invoice.update",
            "success",
            json!({"amount": {"before": 100.50, "after": 900}, "note": {"after": "paid twice"}}),
        ),
        (
            "alice",
            "invoice.close",
            "success",
            json!({"status": {"before": "open", "after": "closed"}}),
        ),
    ];
    for (actor, action, outcome, changes) in told {
        let event = json!({"actor": {"type": "user", "id": actor, "session": format!("s-{actor}")}, "action": action,
            "target": {"type": "invoice", "id": "7"}, "outcome": outcome, "changes": changes,
            "context": {"trace_id": if outcome == "denied" { "t-1" } else { "t-2" }}});
        // As its producer writes it: a number keeps its text.
        world.site.append(&event.to_string().replace("100.5", "100.50"));
    }
    let wait = format!("/api/v1/logs/main/search?limit=0&wait={}", world.site.size() - 1);
    assert_eq!(world.site.get(&wait).status, 200);
    world
}

/// Waits until an element holds a text.
fn wait_text(browser: &mut Chromium, selector: &str, text: &str) {
    browser.wait(&format!("document.querySelector({selector:?})?.innerText.includes({text:?})"));
}

#[test]
fn a_resource_is_shown_as_it_was() {
    let world = world();
    let Some((mut browser, liar)) = signed_in("a_resource_is_shown_as_it_was", &world) else {
        return;
    };
    browser.open(&liar.url("/ui/logs/main/resource"), "document.querySelector('.empty')");
    browser.evaluate("document.querySelector('[name=target]').focus()");
    browser.type_text("invoice/7");
    browser.press("Enter");
    wait_text(&mut browser, "#was", "closed");
    let was = browser.text("#was");
    for text in ["As of entry 4", "exists", "900", "paid twice", "carol", "asserted"] {
        assert!(was.contains(text), "{text} in {was}");
    }
    wait_text(&mut browser, "#differs", "From entry 3 to 4");
    // One version back, by the slider's key: the denied change before it is listed, and changes nothing.
    browser.evaluate("document.querySelector('#at').focus()");
    browser.press("ArrowLeft");
    wait_text(&mut browser, "#was", "As of entry 3");
    assert!(browser.text("#was").contains("open") && !browser.text("#was").contains("closed"));
    browser.wait("location.search.includes('at=3')");
    assert!(browser.text(".versions").contains("denied"));
    // Any two: from the first to the last.
    browser.click("tr:first-child [name=a]", "");
    browser.click("tr:last-child [name=at]", "");
    wait_text(&mut browser, "#differs", "From entry 1 to 4");
    assert_eq!(browser.evaluate("location.search"), json!("?target=invoice%2F7&at=4&a=1"));
    let differs = browser.text("#differs .changes");
    for text in ["100.50", "900", "paid twice", "closed"] {
        assert!(differs.contains(text), "{text} in {differs}");
    }
    browser.evaluate("document.querySelector('#differs details').open = true");
    let back = browser.text("#differs details");
    assert!(back.contains("{\"amount\": 100.50, \"status\": \"open\"}"), "{back}");
    assert!(back.contains("To take away: note"), "{back}");
    browser.evaluate("history.back()");
    wait_text(&mut browser, "#differs", "From entry 1 to 3");
    browser.open(
        &liar.url("/ui/logs/main/resource?target=none/1"),
        "document.querySelector('#states .empty')",
    );
}

#[test]
fn a_timeline_is_replayed_in_order() {
    let world = world();
    let Some((mut browser, liar)) = signed_in("a_timeline_is_replayed_in_order", &world) else {
        return;
    };
    browser.open(&liar.url("/ui/logs/main/timeline"), "document.querySelector('.empty')");
    browser.evaluate("document.querySelector('[name=trace]').focus()");
    browser.type_text("t-2");
    browser.press("Enter");
    wait_text(&mut browser, "#now", "invoice.create");
    assert!(browser.text("#where-says").contains("1 of 3"));
    browser.evaluate("document.activeElement.blur()");
    browser.press("j");
    wait_text(&mut browser, "#now", "carol");
    browser.press("k");
    wait_text(&mut browser, "#now", "invoice.create");
    assert!(browser.evaluate("location.search").as_str().expect("a text").contains("at=1"));
    browser.evaluate("document.querySelector('#speed').value = 'max'");
    browser.press(" ");
    wait_text(&mut browser, "#now", "invoice.close");
    browser.wait("document.querySelector('#play').textContent === 'Play'");
    let indexes = "[...document.querySelectorAll('#replay .number a')].map((one) => one.dataset.index).join()";
    assert_eq!(browser.evaluate(indexes), json!("4,3,1"));
    // The address says where it stands.
    browser.reload("document.querySelector('#now')?.innerText.includes('invoice.close')");
    browser.press("+");
    assert!(browser.evaluate("location.search").as_str().expect("a text").contains("speed=1000"));
}

#[test]
fn an_entry_leads_to_what_it_is_about() {
    let world = world();
    let Some((mut browser, liar)) = signed_in("an_entry_leads_to_what_it_is_about", &world) else {
        return;
    };
    let entry = liar.url("/ui/logs/main/4");
    browser.open(&entry, GREEN);
    let lists = browser.evaluate("document.querySelectorAll('.around').length");
    assert_eq!(lists, json!(2), "session and trace");
    browser.evaluate("for (const list of document.querySelectorAll('.around')) list.open = true");
    browser.wait("document.querySelectorAll('.around .entries').length === 2");
    let rows = "[...document.querySelectorAll('.around')].map((list) => [...list.querySelectorAll('.number a')].map((one) => one.dataset.index).join()).join(' ')";
    assert_eq!(browser.evaluate(rows), json!("1 3,1"));
    for (way, expected) in [
        (".facts .lead[href*='actor=alice']", "#now h2"),
        (".facts .lead[href*='target=invoice%2F7']", "#was h2"),
        (".around .lead[href*='trace=t-2']", "#now h2"),
    ] {
        browser.open(&entry, GREEN);
        browser.click(way, "");
        browser.wait(&format!("document.querySelector({expected:?})"));
    }
}
