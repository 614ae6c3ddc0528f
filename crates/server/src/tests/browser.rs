//! The web UI in a browser: what it shows, and that no lie about the log gets past its badge.

mod chromium;
mod corpus;
mod desk;
mod explore;
mod history;
mod liar;
mod passkey;
mod queries;
mod viewer;

use std::sync::{Arc, Mutex};

use access::Role;
use chromium::Chromium;
use corpus::{HOSTILE, wait_indexed};
use liar::{Liar, Lie};
use serde_json::json;

use super::session::World;
use super::site::Demands;

const GREEN: &str = "document.querySelector('.badge')?.dataset.state === 'good'";
const RED: &str = "document.querySelector('.badge')?.dataset.state === 'bad'";

/// A browser that has signed in as an auditor and verified entry 1, behind a proxy that does not lie yet; none where no browser
/// is installed.
fn signed_in(test: &str, world: &World) -> Option<(Chromium, Liar)> {
    signed_in_as(test, world, Role::Auditor)
}

/// The same, as somebody with this role.
fn signed_in_as(test: &str, world: &World, role: Role) -> Option<(Chromium, Liar)> {
    let (mut browser, liar) = started(test, world)?;
    sign_in(&mut browser, world, role, (&liar.url("/ui/logs/main/1"), GREEN));
    Some((browser, liar))
}

/// An auditor on a page of a host, until something holds there.
fn signed_in_at(
    test: &str,
    world: &World,
    (host, path): (&str, &str),
    until: &str,
) -> Option<(Chromium, Liar)> {
    let (mut browser, liar) = started(test, world)?;
    let page = liar.url(path).replace("127.0.0.1", host);
    sign_in(&mut browser, world, Role::Auditor, (&page, until));
    Some((browser, liar))
}

fn started(test: &str, world: &World) -> Option<(Chromium, Liar)> {
    let Some(browser) = Chromium::start() else {
        skip(test);
        return None;
    };
    Some((browser, Liar::before(world.site.addr)))
}

/// Signs somebody with this role in by a code, on a page that is shown then until something holds there.
fn sign_in(browser: &mut Chromium, world: &World, role: Role, (page, until): (&str, &str)) {
    let person = world.person_with_app("audrey", role.as_str());
    browser.open(page, "document.querySelector('#by-code')");
    let code = world.next_code(&person);
    // The module must be there before the form is sent.
    let fill = format!(
        "(async () => {{ await import(document.querySelector('script[type=module]').src); \
         const form = document.querySelector('#by-code'); form.elements.token.value = {:?}; \
         form.elements.totp.value = {code:?}; form.requestSubmit(); }})()",
        person.token
    );
    browser.evaluate(&fill);
    browser.wait(until);
}

/// Presses the button of this text.
fn press(browser: &mut Chromium, text: &str) {
    let find = format!(
        "[...document.querySelectorAll('button')].find((one) => one.innerText === {text:?})"
    );
    browser.wait(&format!("{find} && !{find}.disabled"));
    browser.evaluate(&format!("{find}.click()"));
}

fn skip(test: &str) {
    println!("SKIP {test}: no browser, install chromium");
    let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/src/skips.rs");
    let allowed =
        std::fs::read_to_string(table).is_ok_and(|table| table.contains(&format!("\"{test}\"")));
    assert!(!strict || allowed, "{test} may not be skipped where CI=true");
}

/// A world whose log `main` has some entries; those from 3 on are hostile, one in each field.
fn world() -> World {
    world_with(Demands::default())
}

fn world_with(demands: Demands) -> World {
    let world = World::with(demands);
    for amount in 1..3 {
        let event = json!({
            "actor": {"type": "user", "id": "42", "name": "Ada"}, "action": "invoice.update",
            "target": {"type": "invoice", "id": "7"}, "outcome": "success",
            "changes": {"amount": {"before": 100, "after": amount}, "memo": {"before": "", "after": ""}, "note": {"before": "due in May", "after": "due in June"}},
        });
        world.site.append(&event.to_string());
    }
    for text in HOSTILE {
        let event = json!({
            "id": text, "time": text, "actor": {"type": text, "id": text, "name": text, "session": text, text: text},
            "action": text, "target": [{"type": text, "id": text}], "outcome": "success", "reason": text,
            "changes": {text: {"before": text, "after": [text]}}, "context": {"ip": text, "trace_id": text, text: {text: text}},
            "data": {text: [text, {text: text}]},
        });
        world.site.append(&event.to_string());
    }
    world
}

#[test]
fn an_entry_is_shown_and_verified() {
    let world = world();
    let Some((mut browser, liar)) = signed_in("an_entry_is_shown_and_verified", &world) else {
        return;
    };
    assert!(browser.text(".badge").contains("Verified in your browser"));
    assert!(browser.text(".badge").contains("First look"));
    assert_eq!(browser.evaluate("document.querySelector('.badge .warn')"), json!(null));
    let shown = browser.text("#entry");
    let memo = "[...document.querySelectorAll('.changes tr')].find((row) => row.innerText.startsWith('memo')).innerText";
    assert_eq!(browser.evaluate(memo), json!("memo\tempty text\tempty text"));
    for text in ["invoice.update", "Ada", "success", "due in May", "due in June", "hashed with"] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    let same = "it is the same tree that this browser saw last";
    browser.open(&liar.url("/ui/logs/main/2"), GREEN);
    assert!(browser.text(".badge").contains("Compared with"));
    assert!(browser.text(".badge").contains(same), "{}", browser.text(".badge"));
    world.site.append(super::EVENT);
    browser.open(&liar.url("/ui/logs/main/2"), GREEN);
    assert!(browser.text(".badge").contains("begins with the tree"));
    assert!(!browser.text(".badge").contains(same));
    browser.open(&liar.url("/ui/logs/main/integrity"), GREEN);
    browser
        .open(&liar.url("/ui/"), "document.querySelector('main')?.innerText.includes('last saw')");
    browser.open(&liar.url("/ui/logs/main/99"), "document.querySelector('#entry .notice.bad')");
    assert!(browser.asked.len() > 20, "{:?}", browser.asked);
    let elsewhere: Vec<&String> =
        browser.asked.iter().filter(|url| !url.starts_with(&liar.url("/"))).collect();
    assert!(elsewhere.is_empty(), "asked of another host: {elsewhere:?}");
}

/// The lies: a name, what becomes of which answer, and the kind in which the badge is red.
fn lies(older_proof: &str) -> Vec<(&'static str, Lie, &'static str)> {
    fn on(end: &'static str, change: impl Fn(String) -> String + Send + Sync + 'static) -> Lie {
        Box::new(move |path, body| if path.ends_with(end) { change(body) } else { body })
    }
    fn swap(end: &'static str, from: &'static str, to: &'static str) -> Lie {
        on(end, move |body| {
            assert!(body.contains(from), "{from} in {body}");
            body.replacen(from, to, 1)
        })
    }
    let older = older_proof.to_owned();
    vec![
        ("another action", swap("/entries/1", "invoice.update", "invoice.delete"), "leaf_mismatch"),
        (
            "another writer",
            swap("/entries/1", "\"auth\":\"token\"", "\"auth\":\"mtls\""),
            "leaf_mismatch",
        ),
        ("a byte more", on("/entries/1", |body| body + "\n"), "leaf_mismatch"),
        ("no entry", on("/entries/1", |_| String::new()), "leaf_mismatch"),
        ("another index in the proof", swap("/proof", "\nindex 1\n", "\nindex 2\n"), "wrong_index"),
        ("a hash of the proof", on("/proof", other_hash), "leaf_mismatch"),
        ("no proof", on("/proof", |_| String::new()), "proof_malformed"),
        ("another size", on("/proof", other_size), "signature_bad"),
        ("no signature of the log", on("/proof", unsigned), "key_unknown"),
        ("an older tree", on("/proof", move |_| older.clone()), "rollback"),
    ]
}

/// The proof with its first hash changed.
fn other_hash(proof: String) -> String {
    let at = proof.find("\nindex 1\n").expect("its index") + "\nindex 1\n".len();
    let other = if proof[at..].starts_with('A') { "B" } else { "A" };
    [&proof[..at], other, &proof[at + 1..]].concat()
}

/// The proof whose checkpoint states one entry more than was signed.
fn other_size(proof: String) -> String {
    let (head, note) = proof.split_once("\n\n").expect("an empty line before the checkpoint");
    let mut lines: Vec<String> = note.split('\n').map(str::to_owned).collect();
    lines[1] = (lines[1].parse::<u64>().expect("a size") + 1).to_string();
    format!("{head}\n\n{}", lines.join("\n"))
}

/// The proof whose checkpoint is signed under another name.
fn unsigned(proof: String) -> String {
    proof.replace("\n\u{2014} ", "\n\u{2014} x")
}

#[test]
fn no_lie_about_the_log_is_shown_green() {
    let world = world();
    let older = world.site.get("/api/v1/logs/main/entries/1/proof").text();
    world.site.append(super::EVENT);
    let test = "no_lie_about_the_log_is_shown_green";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    let page = liar.url("/ui/logs/main/1");
    for (name, lie, kind) in lies(&older) {
        liar.tell(Some(lie));
        browser.open(&page, RED);
        let found = browser.evaluate("document.querySelector('.badge').dataset.kind");
        assert_eq!(found, json!(kind), "{name}: {}", browser.text(".badge"));
        assert!(!browser.text("h1").contains("invoice"), "{name}: it is dressed up as an entry");
        liar.tell(None);
        browser.open(&page, GREEN);
    }
    // The log grows, and the server lies about how.
    world.site.append(super::EVENT);
    let shown = Arc::new(Mutex::new(0));
    let count = Arc::clone(&shown);
    liar.tell(Some(Box::new(move |path, body| {
        if !path.contains("/consistency") {
            return body;
        }
        *count.lock().expect("nobody panics here") += 1;
        let at = body.find("[\"").expect("a hash") + 2;
        [&body[..at], if body[at..].starts_with('A') { "B" } else { "A" }, &body[at + 1..]].concat()
    })));
    browser.open(&page, RED);
    assert_eq!(*shown.lock().expect("nobody panics here"), 1, "it was asked how it grew");
    liar.tell(None);
    browser.open(&page, GREEN);
}

#[test]
fn new_keys_are_believed_where_the_old_ones_announced_them() {
    let world = world();
    let test = "new_keys_are_believed_where_the_old_ones_announced_them";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    let rotate = || {
        let path = "/api/v1/logs/main/keys";
        let reply = world.site.post(path, "application/json", br#"{"rotate":true}"#);
        assert_eq!(reply.status, 200, "{}", reply.text());
        wait_indexed(&world);
    };
    let (page, announced) = (liar.url("/ui/logs/main/1"), "has signed those that the log has now");
    rotate();
    // An announcement without its signature, and none at all.
    let lies = [("\\\"signature\\\"", "\\\"signaturx\\\""), ("{\"index\":", "{\"no\":")];
    for (from, to) in lies {
        liar.tell(Some(Box::new(move |path, body| {
            if !path.contains("graven.key") {
                return body;
            }
            assert!(body.contains(from), "{from} in {body}");
            body.replace(from, to)
        })));
        browser.open(&page, RED);
        let kind = browser.evaluate("document.querySelector('.badge').dataset.kind");
        assert_eq!(kind, json!("key_unknown"), "{}", browser.text(".badge"));
    }
    liar.tell(None);
    browser.open(&page, GREEN);
    assert!(browser.text(".badge").contains(announced), "{}", browser.text(".badge"));
    // From then on the new ones are known; and the next ones are found where results are verified, too.
    browser.open(&page, GREEN);
    assert!(!browser.text(".badge").contains(announced), "{}", browser.text(".badge"));
    rotate();
    let export = liar.url("/ui/logs/main/export?q=actor:42&format=csv");
    browser.open(&export, "document.querySelector('#export')?.elements.q.value");
    browser.evaluate("document.querySelector('#export').requestSubmit()");
    browser.wait(GREEN);
    assert!(browser.text(".badge").contains(announced), "{}", browser.text(".badge"));
}

#[test]
fn the_badge_warns_where_the_page_came_in_clear() {
    let world = world();
    let test = "the_badge_warns_where_the_page_came_in_clear";
    let page = ("plain.example", "/ui/logs/main/1");
    let Some((mut browser, _liar)) = signed_in_at(test, &world, page, GREEN) else { return };
    assert!(browser.text(".badge .warn").contains("over plain HTTP from another machine"));
}

#[test]
fn the_first_event_is_shown_as_it_arrives() {
    let world = World::new(&[]);
    let (test, page) = ("the_first_event_is_shown_as_it_arrives", ("127.0.0.1", "/ui/"));
    let waits = "document.querySelector('#arrival')";
    let Some((mut browser, liar)) = signed_in_at(test, &world, page, waits) else { return };
    let command = format!("graven append --url {}", liar.url(""));
    browser.wait(&format!("document.querySelector('.commands').innerText.includes({command:?})"));
    assert!(!browser.text("#arrival").contains("It is in"));
    world.site.append(super::EVENT);
    browser.wait("document.querySelector('#arrival a')");
    assert!(browser.text("#arrival").contains("invoice.update is entry 1"));
    browser.click("#arrival a", "1");
    browser.wait(GREEN);
}

#[test]
fn a_sealed_value_is_revealed_for_a_reason() {
    let world = World::new(&[]);
    world.site.append(
        r#"{"actor":{"id":"a"},"action":"pay","target":{"id":"c-42"},"data":{"iban":"DE111"}}"#,
    );
    let test = "a_sealed_value_is_revealed_for_a_reason";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    let reveal = |browser: &mut Chromium, result: &str| {
        browser.evaluate(
            "(() => { const form = document.querySelector('.reveal'); form.elements.path.value = '/data/iban'; \
             form.elements.reason.value = 'ticket 7'; form.nextElementSibling.replaceChildren(); form.requestSubmit(); })()",
        );
        browser.wait(&format!("document.querySelector('.opened .{result}')"));
        browser.text(".opened")
    };
    assert!(!browser.text("#entry").contains("DE111"));
    let refused = reveal(&mut browser, "bad");
    assert!(!refused.contains("DE111"), "{refused}");
    let role = json!({"role": "revealer"}).to_string();
    let given = world.site.post("/api/v1/tokens/audrey/roles", "application/json", role.as_bytes());
    assert_eq!(given.status, 200, "{}", given.text());
    let shown = reveal(&mut browser, "good");
    assert!(shown.contains("/data/iban DE111 is what was sealed"), "{shown}");
    // A server that gives another value is found out.
    let lie = |path: &str, body: String| {
        if !path.ends_with("/reveal") {
            return body;
        }
        let at = body.find("\"disclosure\":\"").expect("a disclosure") + 20;
        let other = if body[at..].starts_with('A') { "B" } else { "A" };
        [&body[..at], other, &body[at + 1..]].concat()
    };
    liar.tell(Some(Box::new(lie)));
    let found_out = reveal(&mut browser, "bad");
    assert!(found_out.contains("not what was sealed"), "{found_out}");
}
