//! Text that is code, in everything that anyone can write or name, on every page.

use serde_json::{Value, json};

use super::super::session::World;
use super::chromium::Chromium;
use super::{GREEN, signed_in, world};
use crate::route::Access;
use crate::routes::ROUTES;

/// Text that is code, or draws as other text than it is, where a page takes it for its own.
pub(super) const HOSTILE: [&str; 8] = [
    "<img src=x onerror=hacked=1>",
    "\"><script>hacked=1</script>",
    "'onmouseover='hacked=1",
    "<svg onload=hacked=1>",
    "javascript:hacked=1",
    "{{constructor.constructor('hacked=1')()}}",
    "</textarea><base href=//other.example/>",
    "safe\u{202e}gpj.exe\u{200b}\u{7}",
];

/// A page: its address, what shows the text on it, and what is there once it is shown.
type Page = (String, &'static str, &'static str);

/// The pages that show an event of this text at this index.
fn pages_of(text: &str, index: u64) -> [Page; 8] {
    let named = encoded(text);
    let log = "/ui/logs/main";
    let replayed = "document.querySelector('#now h2')";
    [
        (format!("{log}/{index}"), "#entry", GREEN),
        (format!("{log}?q=index:{index}&open={index}"), "main", GREEN),
        (
            format!("{log}?q={named}"),
            "#q",
            "document.querySelector('#results')?.hasAttribute('aria-busy') === false || document.querySelector('#problem')?.hidden === false",
        ),
        (
            format!("{log}/resource?target={named}%2F{named}"),
            "#states",
            "document.querySelector('#was h2') && document.querySelector('#differs h2')",
        ),
        (format!("{log}/timeline?actor={named}"), "#replay", replayed),
        (format!("{log}/timeline?session={named}"), "#replay", replayed),
        (format!("{log}/timeline?trace={named}"), "#replay", replayed),
        (
            format!("{log}/export?q={named}"),
            "#q",
            "document.querySelector('#export')?.elements.q?.value",
        ),
    ]
}

/// The pages that show what is named after all texts at once.
fn pages_of_all() -> [Page; 4] {
    [
        ("/ui/".to_owned(), "main", "document.querySelector('.card')"),
        ("/ui/logs/main/integrity".to_owned(), "main", GREEN),
        ("/ui/logs/main/queries".to_owned(), "main", "document.querySelector('#saved .card')"),
        (
            "/ui/access".to_owned(),
            "main",
            "document.querySelector('#access > section') && !document.querySelector('#access [aria-busy]')",
        ),
    ]
}

/// A text as a part of an address.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A text as a name can be: printable ASCII without space, quotes, backslash and plus.
fn as_name(text: &str) -> String {
    let is_good = |c: &char| c.is_ascii_graphic() && !"\"\\+".contains(*c);
    text.chars().map(|c| if is_good(&c) { c } else { '/' }).collect()
}

/// A text as a page shows it.
fn drawn(text: &str) -> String {
    text.replace('\u{202e}', "U+202E").replace('\u{200b}', "U+200B").replace('\u{7}', "U+0007")
}

/// Opens a page, and all that it folds; nothing of it may be code. Gives what it shows.
fn check(browser: &mut Chromium, url: &str, (place, until): (&str, &str)) -> String {
    browser.open(url, until);
    browser.evaluate("for (const shut of document.querySelectorAll('details')) shut.open = true");
    let strange = "document.querySelectorAll('main :is(script, img, base, iframe, [onload], [onerror], [onmouseover], [href^=javascript])').length";
    assert_eq!(browser.evaluate(strange), json!(0), "{url}");
    assert_eq!(browser.evaluate("typeof globalThis.hacked"), json!("undefined"), "{url}");
    browser.text(place)
}

/// Names logs' origins, streams, certificates, policies and saved queries after the texts. One query has taken in what it finds,
/// and could not tell it; each stream was forked.
fn name_things(world: &World) {
    let post = |path: &str, body: &Value| {
        let body = body.to_string();
        let reply = world.site.post(path, "application/json", body.as_bytes());
        assert_eq!(reply.status / 100, 2, "{path} {body}: {}", reply.text());
    };
    for (number, text) in HOSTILE.iter().enumerate() {
        let (own, name) = (format!("evil-{number}"), as_name(text));
        post("/api/v1/logs", &json!({"name": own, "origin": format!("x{name}")}));
        post(
            "/api/v1/tokens",
            &json!({"name": own, "role": "reader", "certificate": format!("x:{name}")}),
        );
        let policy = format!(
            "// {text}\nforbid(principal == Principal::\"nobody\", action == Action::\"append\", resource);"
        );
        post(&format!("/api/v1/policies/{own}"), &json!({"text": policy}));
        let query = format!("reason:\"{}\"", text.replace('"', "\\\""));
        let url = format!("https://hooks.example/{name}");
        let body = json!({"query": query, "url": url, "from": 0});
        post(&format!("/api/v1/logs/main/queries/{own}"), &body);
        for (action, status) in [("a", 200), ("b", 409)] {
            let head = json!({"graven": "batch/v1", "events": 1, "stream": name, "first_seq": 0});
            let batch = format!("{head}\n{}\n", json!({"actor": {"id": "x"}, "action": action}));
            let path = "/api/v1/logs/main/events";
            let reply = world.site.post(path, "application/vnd.graven.batch", batch.as_bytes());
            assert_eq!(reply.status, status, "{batch}: {}", reply.text());
        }
    }
}

/// Waits until everything that the log has now can be found.
pub(super) fn wait_indexed(world: &World) {
    let wait = format!("/api/v1/logs/main/search?limit=0&wait={}", world.site.size() - 1);
    assert_eq!(world.site.get(&wait).status, 200);
}

#[test]
fn nothing_in_an_event_is_code_or_hides() {
    let world = world();
    let test = "nothing_in_an_event_is_code_or_hides";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    wait_indexed(&world);
    for (text, index) in HOSTILE.iter().zip(3..) {
        for (path, place, until) in pages_of(text, index) {
            let shown = check(&mut browser, &liar.url(&path), (place, until));
            assert!(place == "#q" || shown.contains(&drawn(text)), "{path}, for {text}: {shown}");
        }
    }
    // Completion, and facets of all of them at once.
    let facets = "document.querySelectorAll('#facets button').length > 20";
    browser.open(&liar.url("/ui/logs/main"), facets);
    browser.press("/");
    browser.type_text("actor:");
    browser.wait("document.querySelectorAll('#completions li').length > 5");
    let strange = "document.querySelectorAll('main :is(script, img, base, iframe)').length";
    assert_eq!(browser.evaluate(strange), json!(0));
    assert_eq!(browser.evaluate("typeof globalThis.hacked"), json!("undefined"));
}

#[test]
fn nothing_that_anyone_names_is_code_or_hides() {
    let world = world();
    let test = "nothing_that_anyone_names_is_code_or_hides";
    let Some((mut browser, liar)) = signed_in(test, &world) else { return };
    name_things(&world);
    wait_indexed(&world);
    let owner = json!({"role": "owner"}).to_string();
    let path = "/api/v1/tokens/audrey/roles";
    assert_eq!(world.site.post(path, "application/json", owner.as_bytes()).status, 200);
    let [overview, integrity, queries, access] = pages_of_all()
        .map(|(path, place, until)| check(&mut browser, &liar.url(&path), (place, until)));
    for (number, text) in HOSTILE.iter().enumerate() {
        let name = as_name(text);
        let pages = [
            (&overview, format!("x{name}")),
            (&integrity, name.clone()),
            (&queries, drawn(&text.replace('"', "\\\""))),
            (&queries, format!("https://hooks.example/{name}")),
            (&access, format!("x:{name}")),
            (&access, drawn(text)),
        ];
        for (shown, expected) in pages {
            assert!(shown.contains(&expected), "{expected} in {shown}");
        }
        let own = format!("/ui/logs/evil-{number}/integrity");
        let shown = check(&mut browser, &liar.url(&own), ("main", GREEN));
        assert!(shown.contains(&format!("x{name}")), "{shown}");
    }
}

/// A page that is added is driven through here, too; `/ui/view`, which is for everyone, has the texts in its own tests.
#[test]
fn every_page_is_on_a_list() {
    let driven: Vec<String> =
        pages_of("x", 1).into_iter().chain(pages_of_all()).map(|(path, ..)| path).collect();
    let fits = |template: &str, path: &str| {
        let path = path.split('?').next().unwrap_or_default();
        let same = |(part, given): (&str, &str)| {
            part == given || part == "{log}" || part == "{index}" && given.parse::<u64>().is_ok()
        };
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(same)
    };
    let pages: Vec<&str> = ROUTES
        .iter()
        .filter(|route| route.access == Access::Page)
        .map(|route| route.path)
        .collect();
    assert!(pages.len() > 8, "{pages:?}");
    for page in pages {
        assert!(driven.iter().any(|path| fits(page, path)), "no text is driven through {page}");
    }
}
