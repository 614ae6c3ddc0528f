//! The pages Access, Export and Integrity.

use std::collections::BTreeSet;

use access::{Privilege, Role};
use graven_note::VerifierKey;
use graven_verify::{Results, verify_results};
use serde_json::json;
use tempfile::TempDir;

use super::{Demands, GREEN, RED, press, signed_in_as, world, world_with};
use crate::tests::site::Ask;

/// Opens the page of Access and waits until all of its parts are read.
const READ: &str =
    "document.querySelector('#access > section') && !document.querySelector('#access [aria-busy]')";

#[test]
fn access_shows_what_the_api_tells_its_reader_and_changes_it() {
    let test = "access_shows_what_the_api_tells_its_reader_and_changes_it";
    let world = world();
    let Some((mut browser, liar)) = signed_in_as(test, &world, Role::Auditor) else { return };
    browser.open(&liar.url("/ui/access"), READ);
    let shown = browser.text("#access");
    for text in ["audrey", "Authenticator app", "auditor", "needs the right `grant`", "No policy"] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    let give = json!({"role": "owner"}).to_string();
    let given = world.site.post("/api/v1/tokens/audrey/roles", "application/json", give.as_bytes());
    assert_eq!(given.status, 200, "{}", given.text());
    browser.open(&liar.url("/ui/access"), READ);
    browser.evaluate(
        "(() => { const form = [...document.querySelectorAll('#access form')].find((one) => one.elements.days); \
         form.elements.name.value = 'billing-api'; form.elements.role.value = 'writer'; form.requestSubmit(); })()",
    );
    browser.wait("document.querySelector('.notice.good code')");
    let token = browser.text(".notice.good code");
    let bearer = format!("Bearer {token}");
    let who =
        world.site.ask(&Ask::get("/api/v1/session").anonymous().with("authorization", &bearer));
    assert_eq!(who.json()["principal"], "billing-api", "the token that is shown is one");
    browser.evaluate("window.confirm = () => true");
    browser.wait(
        "[...document.querySelectorAll('tr')].some((row) => row.innerText.includes('billing-api'))",
    );
    browser.evaluate(
        "[...document.querySelectorAll('tr')].find((row) => row.innerText.includes('billing-api')).querySelector('button').click()",
    );
    browser.wait("document.querySelector('#access').innerText.includes('billing-api is revoked')");
    let who =
        world.site.ask(&Ask::get("/api/v1/session").anonymous().with("authorization", &bearer));
    assert_eq!(who.status, 401);
}

#[test]
fn a_request_is_approved_or_denied_in_the_page() {
    let test = "a_request_is_approved_or_denied_in_the_page";
    let four_eyes = BTreeSet::from([Privilege::Key]);
    let world = world_with(Demands { four_eyes, ..Demands::default() });
    let Some((mut browser, liar)) = signed_in_as(test, &world, Role::Auditor) else { return };
    let give = json!({"role": "operator"}).to_string();
    let given = world.site.post("/api/v1/tokens/audrey/roles", "application/json", give.as_bytes());
    assert_eq!(given.status, 200, "{}", given.text());
    let opal = format!("Bearer {}", world.person("opal", "operator").token);
    let rotate = || {
        let body = br#"{"rotate":true}"#;
        let ask = Ask::post("/api/v1/logs/main/keys", "application/json", body).anonymous();
        world.site.ask(&ask.with("authorization", &opal)).status
    };
    assert_eq!(rotate(), 403);
    browser.open(&liar.url("/ui/access"), READ);
    press(&mut browser, "Approve");
    browser.wait("document.querySelector('#access').innerText.includes('approved by audrey')");
    assert_eq!((rotate(), rotate()), (200, 403), "once");
    browser.open(&liar.url("/ui/access"), READ);
    press(&mut browser, "Deny");
    browser.wait("document.querySelector('#access').innerText.includes('Nothing waits for you')");
    let left =
        world.site.ask(&Ask::get("/api/v1/approvals").anonymous().with("authorization", &opal));
    assert_eq!(left.json()["approvals"], json!([]));
}

#[test]
fn an_export_is_verified_and_has_the_bytes_of_the_log() {
    let test = "an_export_is_verified_and_has_the_bytes_of_the_log";
    let world = world();
    let Some((mut browser, liar)) = signed_in_as(test, &world, Role::Reader) else { return };
    let many = 300;
    for number in 0..many {
        world.site.append(&format!(
            r#"{{"actor":{{"id":"m"}},"action":"=many","data":{{"n":{number}.50,"big":9007199254740993}}}}"#
        ));
    }
    let found = format!("/api/v1/logs/main/search?limit=0&wait={}", world.site.size() - 1);
    assert_eq!(world.site.get(&found).status, 200);
    let folder = TempDir::new().expect("a folder for what is saved");
    let to = json!({"behavior": "allow", "downloadPath": folder.path()});
    browser.ask("Browser.setDownloadBehavior", &to);
    for (format, names) in [
        ("proofs", &["main-1-of-2.results.ndjson", "main-2-of-2.results.ndjson"][..]),
        ("ndjson", &["main.ndjson"]),
        ("csv", &["main.csv"]),
        ("parquet", &["main.parquet"]),
    ] {
        let page = format!("/ui/logs/main/export?q=actor:m&format={format}");
        browser.open(&liar.url(&page), "document.querySelector('#export')?.elements.q?.value");
        browser.evaluate("document.querySelector('#export').requestSubmit()");
        browser.wait("document.querySelector('.files')");
        assert!(browser.text("#made").contains("300 entries, all verified"), "{format}");
        browser.evaluate("document.querySelectorAll('.files a').forEach((link) => link.click())");
        let files: Vec<Vec<u8>> =
            names.iter().map(|name| chromium_file(&folder.path().join(name))).collect();
        check_files(&world, format, &files, many);
    }
    liar.tell(Some(Box::new(|path, body| {
        if path.contains("/search") { body.replacen("n\\\":1.50", "n\\\":7.50", 1) } else { body }
    })));
    browser.evaluate("document.querySelector('#export').requestSubmit()");
    browser.wait(RED);
    assert_eq!(browser.evaluate("document.querySelectorAll('.files').length"), json!(0));
}

/// The bytes of a file that a browser saves, once all of it is there.
fn chromium_file(path: &std::path::Path) -> Vec<u8> {
    for _ in 0..600 {
        if let Ok(bytes) = std::fs::read(path) {
            return bytes;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{} was not saved", path.display());
}

fn check_files(world: &super::World, format: &str, files: &[Vec<u8>], many: u64) {
    if format == "parquet" {
        // What is in it, DuckDB reads (`cargo xtask conformance`).
        let [file] = files else { panic!("{} files", files.len()) };
        assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"), "{} bytes", file.len());
        return;
    }
    let files: Vec<&str> =
        files.iter().map(|file| std::str::from_utf8(file).expect("a text")).collect();
    let log = world.site.cell.log("main").expect("the log that every server has");
    let entry = |index: u64| {
        String::from_utf8(log.entry(graven_merkle::LeafIndex(index)).expect("an entry"))
            .expect("entries are UTF-8")
    };
    let first = world.site.size() - many;
    match format {
        "proofs" => {
            let info = log.info();
            let keys: Vec<VerifierKey> =
                info.vkeys.iter().map(|key| key.parse().expect("a key")).collect();
            let sizes = files.iter().map(|file| {
                let read = Results::parse(file.as_bytes()).expect("a result file");
                let verified = verify_results(&read, &info.origin, &keys, None);
                verified.expect("it verifies outside of the browser").entries
            });
            assert_eq!(sizes.sum::<usize>() as u64, many);
        }
        "ndjson" => {
            let lines: Vec<&str> = files[0].lines().collect();
            assert_eq!(lines.len() as u64, many);
            for (line, index) in lines.iter().zip(first..) {
                let text = entry(index);
                let (header, event) = text.trim_end().split_once('\n').expect("two lines");
                assert_eq!(
                    *line,
                    format!("{{\"index\":{index},\"header\":{header},\"event\":{event}}}")
                );
            }
        }
        _ => {
            let rows: Vec<&str> = files[0].split("\r\n").collect();
            assert_eq!(rows.len() as u64, many + 2, "a head, and the end of the last row");
            assert!(rows[1].starts_with(&format!("{first},")), "{}", rows[1]);
            assert!(rows[1].contains(",'=many,"), "no formula: {}", rows[1]);
            assert!(rows[1].contains("9007199254740993"), "{}", rows[1]);
        }
    }
}

#[test]
fn integrity_tells_what_this_reader_may_know() {
    let test = "integrity_tells_what_this_reader_may_know";
    let world = world();
    let Some((mut browser, liar)) = signed_in_as(test, &world, Role::Reader) else { return };
    browser.open(&liar.url("/ui/logs/main/integrity"), GREEN);
    let shown = browser.text("#integrity");
    assert!(shown.contains("Auditors and operators see the server's clock"), "{shown}");
    let give = json!({"role": "auditor"}).to_string();
    let given = world.site.post("/api/v1/tokens/audrey/roles", "application/json", give.as_bytes());
    assert_eq!(given.status, 200, "{}", given.text());
    let found = format!("/api/v1/logs/main/search?limit=0&wait={}", world.site.size() - 1);
    assert_eq!(world.site.get(&found).status, 200);
    browser.open(&liar.url("/ui/logs/main/integrity"), GREEN);
    let shown = browser.text("#integrity");
    for text in ["Free on disk", "Days to full", "None: no source has said", "None has cosigned"] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    assert!(
        browser.evaluate("document.querySelectorAll('.growth rect').length").as_u64() > Some(0)
    );
}
