//! The contract is a golden file, and says what the router does.

use std::collections::BTreeSet;
use std::path::Path;

use super::site::{Ask, Site};
use crate::openapi::text;
use crate::route::Method;
use crate::routes::{ROUTES, openapi};

#[test]
fn the_contract_is_the_golden_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("GRAVEN_BLESS").is_some() {
        std::fs::write(&path, text(&ROUTES)).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text(&ROUTES), "the API changed; GRAVEN_BLESS=1 rewrites {}", path.display());
}

#[test]
fn every_route_is_in_the_contract_and_every_path_of_it_is_routed() {
    let document = openapi();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    let routed: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|route| {
            let method = match route.method {
                Method::Get => "GET",
                Method::Post => "POST",
                Method::Delete => "DELETE",
            };
            (method.to_owned(), route.path.replace("{*", "{"))
        })
        .collect();
    assert_eq!(documented, routed);
    assert_eq!(documented.len(), ROUTES.len(), "no route stands twice");
    let site = Site::start();
    for (method, path) in &documented {
        let path = path.replace("{log}", "main").replace("{index}", "0").replace("{stream}", "s");
        let path = path.replace("{tile}", "000").replace("{code}", "busy").replace("{digest}", "0");
        if path.ends_with("/tail") {
            continue;
        }
        let reply = site.ask(&Ask { method, ..Ask::get(&path) });
        let is_routed = reply.status != 405 && !reply.text().contains("\"field\":\"path\"");
        assert!(is_routed, "{method} {path} -> {}", reply.text());
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = openapi();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = text(&ROUTES);
    let mut references = 0;
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
        references += 1;
    }
    assert!(references > 10);
    let served = Site::start().get("/api/v1/openapi.json");
    assert_eq!(served.text(), text);
}
