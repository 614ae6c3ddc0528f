//! Views by a link: alone, and in the midst of another product.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::json;

use super::chromium::Chromium;
use super::liar::Liar;
use super::{Demands, GREEN, HOSTILE, RED, World, skip, world_with};

/// A world with entries of two tenants, and hostile text in both.
fn world(view_origins: Vec<String>) -> World {
    let world = world_with(Demands { view_origins, ..Demands::default() });
    for tenant in ["acme", "other"] {
        for text in HOSTILE {
            let event = json!({
                "actor": {"type": "user", "id": text, "name": text, "session": "s-1"}, "action": format!("{tenant}.{text}"),
                "target": {"type": text, "id": text}, "context": {"tenant": tenant, "ip": text},
            });
            world.site.append(&event.to_string());
        }
    }
    let last = world.site.size() - 1;
    let found = world.site.get(&format!("/api/v1/logs/main/search?limit=0&wait={last}"));
    assert_eq!(found.status, 200, "{}", found.text());
    world
}

/// The path of a link to what is acme's, made by somebody who reads.
fn link(world: &World) -> String {
    let made = json!({"name": "portal", "role": "reader"}).to_string();
    let made = world.site.post("/api/v1/tokens", "application/json", made.as_bytes());
    let bearer = format!("Bearer {}", made.json()["token"].as_str().expect("a token"));
    let body = json!({
        "field": "context.tenant", "value": "acme", "title": format!("Activity of acme {}", HOSTILE[0]),
        "theme": {"accent": "rgb(10, 20, 30)"},
    });
    let body = body.to_string();
    let ask = super::super::site::Ask::post(
        "/api/v1/logs/main/views",
        "application/json",
        body.as_bytes(),
    );
    let made = world.site.ask(&ask.anonymous().with("authorization", &bearer));
    made.json()["path"].as_str().expect("a path").to_owned()
}

#[test]
fn a_view_shows_and_verifies_what_its_link_admits() {
    let Some(mut browser) = Chromium::start() else {
        skip("a_view_shows_and_verifies_what_its_link_admits");
        return;
    };
    let world = world(Vec::new());
    let liar = Liar::before(world.site.addr);
    let path = link(&world);
    let rows = format!("document.querySelectorAll('[data-index]').length === {}", HOSTILE.len());
    browser.open(&liar.url(&path), &rows);
    let shown = browser.text("#view");
    assert!(
        shown.contains(&format!("Activity of acme {}", HOSTILE[0])) && !shown.contains("other.{{"),
        "{shown}"
    );
    let accent = "getComputedStyle(document.querySelector('.primary')).backgroundColor";
    assert_eq!(browser.evaluate(accent), json!("rgb(10, 20, 30)"));
    for number in 0..HOSTILE.len() {
        let press = format!("document.querySelectorAll('[data-index]')[{number}].click()");
        browser.evaluate(&press);
        browser.wait(GREEN);
        browser.wait("!document.querySelector('.open-entry a[href^=\"/\"], .around')");
        let strange = "document.querySelectorAll('main :is(script, img, base, iframe, [onload], [onerror])').length";
        assert_eq!(browser.evaluate(strange), json!(0));
        browser.evaluate(&press);
    }
    assert_eq!(browser.evaluate("typeof globalThis.hacked"), json!("undefined"));
    liar.tell(Some(Box::new(|path, body| {
        if path.contains("/entries/") { body.replacen("acme", "evil", 1) } else { body }
    })));
    browser.evaluate("document.querySelector('[data-index]').click()");
    browser.wait(RED);
    liar.tell(None);
    browser.open("about:blank", "true");
    browser.open(&liar.url("/ui/view#graven_view_AAAA"), "document.querySelector('.notice.bad')");
    assert!(browser.text("#view").contains("no view link of this server"));
}

/// A page of another origin, with this frame in it.
fn product(listener: TcpListener, frame: String) {
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = [0; 4096];
            drop(client.read(&mut head));
            let body =
                format!("<!doctype html><title>product</title><iframe src=\"{frame}\"></iframe>");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n";
            drop(write!(client, "{head}content-length: {}\r\n\r\n{body}", body.len()));
        }
    });
}

#[test]
fn a_view_is_drawn_only_in_pages_that_may_embed_it() {
    let Some(mut browser) = Chromium::start() else {
        skip("a_view_is_drawn_only_in_pages_that_may_embed_it");
        return;
    };
    let [allowed, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let origin =
        |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("it is bound"));
    let (allowed_origin, other_origin) = (origin(&allowed), origin(&other));
    let world = world(vec![allowed_origin.clone()]);
    let frame = format!("http://{}{}", world.site.addr, link(&world));
    product(allowed, frame.clone());
    product(other, frame);
    let search = format!("http://{}/api/v1/logs/main/search", world.site.addr);
    browser.open(&other_origin, "document.querySelector('iframe')");
    // Its stylesheet would be asked for before the frame, and so the page, is complete.
    browser.wait("document.readyState === 'complete'");
    assert!(browser.asked.iter().any(|url| url.ends_with("/ui/view")), "{:?}", browser.asked);
    assert!(!browser.asked.iter().any(|url| url.contains("/ui/assets/")), "{:?}", browser.asked);
    browser.open(&allowed_origin, "document.querySelector('iframe')");
    for _ in 0..600 {
        browser.evaluate("new Promise((done) => setTimeout(done, 50))");
        if browser.asked.iter().any(|url| url.starts_with(&search)) {
            return;
        }
    }
    panic!("the frame was not drawn: {:?}", browser.asked);
}
