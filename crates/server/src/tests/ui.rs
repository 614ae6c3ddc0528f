//! The web UI's pages and files, as they go over the wire.

use std::io::Read as _;

use flate2::read::GzDecoder;

use super::EVENT;
use super::session::World;
use super::site::{Ask, Reply, Site};

/// Pages for whoever is known.
const PAGES: [&str; 9] = [
    "/ui/",
    "/ui/logs/main",
    "/ui/logs/main/0",
    "/ui/logs/main/resource?target=invoice/7",
    "/ui/logs/main/timeline?actor=42",
    "/ui/logs/main/queries",
    "/ui/logs/main/integrity",
    "/ui/logs/main/export",
    "/ui/access",
];
/// The most that a page, with all that it loads, may send; the verifier comes beside that where something is verified.
const PAGE_BYTES_MAX: usize = 48_000;
/// The most that the verifier may send, in brotli, which browsers take by TLS and on loopback.
const VERIFIER_BYTES_MAX: usize = 101_000;

fn check_page(reply: &Reply, status: u16, expected: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(reply.text().contains(expected), "{expected} in {}", reply.text());
    let policy = reply.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    for inline in ["<style", "style=", "javascript:", " on", "http://", "https://"] {
        let markup = reply.text().replace("http://127.0.0.1:7070", "");
        let inside = markup.split('<').filter_map(|tag| tag.split('>').next());
        let found: Vec<&str> = inside.filter(|tag| format!("<{tag}").contains(inline)).collect();
        assert!(found.is_empty(), "{inline}: {found:?}");
    }
}

#[test]
fn pages_are_for_those_who_are_known() {
    let site = Site::start();
    site.append(EVENT);
    for path in PAGES {
        check_page(&site.ask(&Ask::get(path).anonymous()), 401, "id=\"by-code\"");
        let bad = Ask::get(path).anonymous().with("cookie", "graven_session=nonsense");
        check_page(&site.ask(&bad), 401, "id=\"by-code\"");
        check_page(&site.get(path), 200, "id=\"sign-out\"");
    }
    for path in ["/ui/logs/other", "/ui/logs/main/x", "/ui/logs/main/-1", "/ui/logs/Main/0"] {
        check_page(&site.get(path), 404, "Nothing here");
    }
    assert_eq!(site.ask(&Ask::get("/ui/other").anonymous()).status, 401);
    let writer = br#"{"name":"w","role":"writer","log":"main"}"#;
    let token = site.post("/api/v1/tokens", "application/json", writer).json()["token"].clone();
    let bearer = format!("Bearer {}", token.as_str().expect("a token"));
    let ask = Ask::get("/ui/logs/system").anonymous().with("authorization", &bearer);
    check_page(&site.ask(&ask), 404, "Nothing here");
    let overview = Ask::get("/ui/").anonymous().with("authorization", &bearer);
    assert!(!site.ask(&overview).text().contains("/ui/logs/system"));
}

#[test]
fn a_session_of_another_sites_page_sees_nothing() {
    let world = World::new(&[]);
    let person = world.person_with_app("audrey", "auditor");
    let browser = world.browser(&person);
    let own = Ask::get("/ui/logs/main").with("sec-fetch-site", "none");
    check_page(&world.ask(&browser, own), 200, "audrey");
    let foreign = Ask::get("/ui/logs/main").with("sec-fetch-site", "cross-site");
    check_page(&world.ask(&browser, foreign), 401, "id=\"by-code\"");
}

#[test]
fn a_new_server_says_how_the_first_event_comes() {
    let site = Site::start();
    check_page(&site.get("/ui/"), 200, "data-from=\"1\"");
    site.append(EVENT);
    assert!(!site.get("/ui/").text().contains("first-run"));
}

/// The addresses of files that a text names.
fn files_in(text: &str) -> Vec<String> {
    let quoted = text.split('"').filter(|part| part.starts_with("/ui/assets/"));
    quoted.map(str::to_owned).collect()
}

/// The files that a module imports, beside it.
fn imports_of(href: &str, module: &str) -> Vec<String> {
    let folder = &href[..=href.rfind('/').expect("a folder")];
    let quoted = module.split('\'').filter(|part| part.starts_with("./"));
    quoted.map(|name| format!("{folder}{}", &name[2..])).collect()
}

/// A file of the UI, and how many bytes it sends to who takes gzip.
fn load(site: &Site, href: &str) -> (Reply, usize) {
    let plain = site.ask(&Ask::get(href).anonymous());
    assert_eq!(plain.status, 200, "{href}");
    let cache = plain.header("cache-control");
    assert_eq!(cache, Some("public, max-age=31536000, immutable"), "{href}");
    let ask = Ask::get(href).anonymous().with("accept-encoding", "br;q=0, gzip");
    let gzipped = site.ask(&ask);
    assert_eq!(gzipped.header("content-encoding"), Some("gzip"), "{href}");
    let mut bytes = Vec::new();
    GzDecoder::new(&*gzipped.body).read_to_end(&mut bytes).expect("gzip");
    assert!(bytes == plain.body, "{href}");
    let both = site.ask(&Ask::get(href).anonymous().with("accept-encoding", "gzip, br"));
    let is_verifier = plain.header("content-type") == Some("application/wasm");
    let coding = if is_verifier { "br" } else { "gzip" };
    assert_eq!(both.header("content-encoding"), Some(coding), "{href}");
    (plain, both.body.len())
}

#[test]
fn pages_load_files_that_are_there_and_little_in_all() {
    let site = Site::start();
    for path in PAGES {
        let page = site.get(path);
        let mut wanted = files_in(&page.text());
        let mut total_bytes = page.body.len();
        let mut at = 0;
        while let Some(href) = wanted.get(at).cloned() {
            at += 1;
            let (file, sent_bytes) = load(&site, &href);
            let media_type = file.header("content-type").expect("a type");
            if media_type == "application/wasm" {
                assert!(sent_bytes <= VERIFIER_BYTES_MAX, "{sent_bytes}");
                continue;
            }
            total_bytes += sent_bytes;
            let is_script = media_type.starts_with("text/javascript");
            let imports = if is_script { imports_of(&href, &file.text()) } else { Vec::new() };
            let new: Vec<String> =
                imports.into_iter().filter(|href| !wanted.contains(href)).collect();
            wanted.extend(new);
        }
        assert!(wanted.len() > 3, "{wanted:?}");
        assert!(total_bytes <= PAGE_BYTES_MAX, "{path}: {total_bytes} bytes");
        println!("{path}: {} files, {total_bytes} bytes without the verifier", wanted.len());
    }
}

#[test]
fn files_of_another_version_are_not_there() {
    let site = Site::start();
    let href = files_in(&site.get("/ui/").text()).remove(0);
    let version = href.split('/').nth(3).expect("a version");
    for path in [
        href.replace(version, "0000000000000000"),
        format!("/ui/assets/{version}/other.js"),
        format!("/ui/assets/{version}/..%2Fui.rs"),
    ] {
        let reply = site.ask(&Ask::get(&path).anonymous());
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (404, Some("not_found")),
            "{path}"
        );
    }
}
