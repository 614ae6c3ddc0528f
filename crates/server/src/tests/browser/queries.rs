//! The page of saved queries in a browser, and the way there from Explore.

use access::Role;
use serde_json::{Value, json};

use super::super::queries::{Does, Receiver, listed, wait_until};
use super::super::session::World;
use super::chromium::Chromium;
use super::{GREEN, press, signed_in, signed_in_as};

const PAGE: &str = "/ui/logs/main/queries";
/// True once the list is read.
const READ: &str =
    "document.querySelector('#saved section') && !document.querySelector('#saved [aria-busy]')";

/// Appends an event, and gives its index.
fn append(world: &World, outcome: &str) -> u64 {
    let event = json!({"actor": {"id": "alice"}, "action": "door.open", "outcome": outcome});
    world.site.append(&event.to_string())
}

/// Fills fields of the form.
fn fill(browser: &mut Chromium, fields: &Value) {
    let set = "Object.assign(document.querySelector('#save').elements[name], { value })";
    browser.evaluate(&format!("for (const [name, value] of Object.entries({fields})) {set}"));
}

/// What stands in the fields of the form.
fn filled(browser: &mut Chromium) -> Value {
    let value = "Object.fromEntries(['name', 'query', 'when'].map((name) => [name, document.querySelector('#save').elements[name].value]))";
    browser.evaluate(value)
}

/// Waits until the list says something.
fn wait_said(browser: &mut Chromium, text: &str) {
    browser.wait(&format!("document.querySelector('#saved').innerText.includes({text:?})"));
}

#[test]
fn a_query_is_saved_and_what_it_fired_is_shown() {
    let world = World::new(&[]);
    append(&world, "failure");
    let test = "a_query_is_saved_and_what_it_fired_is_shown";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    // The test's own webhook, the first firing, the second one.
    let receiver = Receiver::start(&[Does::Answer(200), Does::Answer(200), Does::Answer(410)]);
    browser.open(&liar.url(PAGE), READ);
    wait_said(&mut browser, "None is saved for this log");
    let way = "document.querySelector('#summary .save')";
    browser.open(&liar.url("/ui/logs/main?q=outcome:failure"), way);
    browser.click("#summary .save", "Save this query");
    browser.wait("document.querySelector('#save')?.elements.query?.value === 'outcome:failure'");
    fill(&mut browser, &json!({"name": "failures", "url": receiver.url}));
    press(&mut browser, "Save it");
    browser.wait("document.querySelector('#saved .notice code')");
    let secret = browser.text("#saved .notice code");
    press(&mut browser, "Send a test");
    wait_said(&mut browser, "The test of failures arrived");
    assert_eq!(receiver.next().signatures(&secret), 1, "what is shown is its secret");

    let told = append(&world, "failure");
    wait_until(&world.site, "failures", |one| one["delivered"] == 1);
    let given_up = append(&world, "failure");
    wait_until(&world.site, "failures", |one| one["dead"] == 1);
    let last = world.site.cell.log("system").expect("the server's own log").info().size.0 - 1;
    let wait = format!("/api/v1/logs/system/search?limit=0&wait={last}");
    assert_eq!(world.site.get(&wait).status, 200);
    browser.open(&liar.url(PAGE), READ);
    let shown = browser.text("#saved .card");
    for text in [
        "failures",
        "outcome:failure",
        "each",
        &receiver.url,
        "audrey",
        "1 told, 1 given up",
        "every entry",
    ] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    let rows = browser.evaluate(
        "[...document.querySelectorAll('#saved .card > table tbody tr')].map((row) => \
         [row.querySelector('a').getAttribute('href'), row.children[3].innerText])",
    );
    let entry = |index: u64| format!("/ui/logs/main/{index}");
    let expected = json!([[entry(given_up), "given up it answered 410"], [entry(told), "told"]]);
    assert_eq!(rows, expected);
    assert_eq!(
        browser.evaluate("document.querySelectorAll('#saved details tbody tr').length"),
        json!(1)
    );
    browser.click("#saved a[href^='/ui/logs/system/']", "system");
    browser.wait(GREEN);
    assert!(browser.text("#entry h1").contains("graven.query.fired"));
}

#[test]
fn a_saved_query_is_changed_and_deleted() {
    let world = World::new(&[]);
    append(&world, "failure");
    let test = "a_saved_query_is_changed_and_deleted";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    let receiver = Receiver::start(&[]);
    let body = json!({"query": "outcome:failure", "url": receiver.url}).to_string();
    let path = "/api/v1/logs/main/queries/failures";
    assert_eq!(world.site.post(path, "application/json", body.as_bytes()).status, 200);
    browser.open(&liar.url(PAGE), READ);
    press(&mut browser, "Change \u{2026}");
    let there = json!({"name": "failures", "query": "outcome:failure", "when": "each"});
    assert_eq!(filled(&mut browser), there);
    fill(&mut browser, &json!({"when": "often"}));
    press(&mut browser, "Save it");
    wait_said(&mut browser, "`often` is no condition");
    fill(&mut browser, &json!({"when": "at least 2 in 10m"}));
    press(&mut browser, "Save it");
    wait_said(&mut browser, "at least 2 in 10m");
    assert_eq!(listed(&world.site, "failures")["when"], "at least 2 in 600s");
    browser.evaluate("window.confirm = () => false");
    press(&mut browser, "Delete \u{2026}");
    browser.evaluate("window.confirm = () => true");
    press(&mut browser, "Delete \u{2026}");
    wait_said(&mut browser, "None is saved for this log");
    assert_eq!(listed(&world.site, "failures"), Value::Null);
}

#[test]
fn queries_that_are_made_already_fill_the_form() {
    let world = World::new(&[]);
    append(&world, "failure");
    let test = "queries_that_are_made_already_fill_the_form";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    browser.open(&liar.url(PAGE), READ);
    press(&mut browser, "disk");
    let disk = json!({"name": "disk", "query": "", "when": "disk under 5G"});
    assert_eq!(filled(&mut browser), disk);
    browser.click(".made a", "outside-hours");
    browser.wait("location.pathname.includes('system') && document.querySelector('#save')?.elements.query?.value.startsWith('action:graven.grant OR ')");
    assert_eq!(filled(&mut browser)["when"], "outside 07:00-19:00 mon-fri");
}

#[test]
fn who_may_not_save_queries_is_told_so() {
    let world = World::new(&[]);
    append(&world, "failure");
    let test = "who_may_not_save_queries_is_told_so";
    let Some((mut browser, liar)) = signed_in_as(test, &world, Role::Reader) else { return };
    browser.open(&liar.url(PAGE), READ);
    wait_said(&mut browser, "needs the right `manage_queries`");
    assert_eq!(browser.evaluate("document.querySelector('form')"), Value::Null);
}
