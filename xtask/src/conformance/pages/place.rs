//! What the pages show: the demo's company, on a server of its own, and somebody who signs in to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::chromium::Chromium;
use crate::conformance::{http, live, witness};

/// How much of the company's month.
const EVENTS: &str = "3000";
const WHO: &str = "audrey";

/// The server and what there is on it; it ends with this.
pub(super) struct Place {
    /// Its address as browsers have it, without a slash at the end.
    pub(super) base: String,
    /// The index of an entry with changes.
    pub(super) entry: u64,
    /// A view link.
    pub(super) view: String,
    process: Child,
    admin: String,
    _folder: TempDir,
}

impl Place {
    pub(super) fn start(root: &Path) -> Result<Place, String> {
        let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
        let data = folder.path().join("demo");
        let program = root.join("target/debug/graven");
        let mut demo = Command::new(&program);
        demo.args(["demo", "--once", "--listen", "127.0.0.1:0", "--events", EVENTS, "--data"]);
        let made = demo.arg(&data).output();
        let made = made.map_err(|e| format!("cannot run {}: {e}", program.display()))?;
        if !made.status.success() {
            return Err(format!("the demo: {}", String::from_utf8_lossy(&made.stderr)));
        }
        // Passkeys are bound to a name and a port.
        let address = witness::free_address()?;
        let base = address.replace("127.0.0.1", "http://localhost");
        let mut serve = Command::new(&program);
        serve.args(["serve", "--listen", &address, "--public-url", &base]);
        serve.args(["--webhook-networks", "127.0.0.0/8"]);
        serve.args(["--view-origins", &base, "--data"]).arg(&data);
        let process = witness::spawn(&mut serve)?;
        let (entry, view, admin) = (0, String::new(), String::new());
        // Made here, so that the process is killed where something does not come.
        let mut place = Place { base, entry, view, process, admin, _folder: folder };
        let token = || live::line_of(&data.join("admin.token"));
        place.admin = witness::wait_until("admin.token", token)?;
        witness::wait_until("graven serve", || place.ask("GET", "/readyz", &Value::Null).ok())?;
        place.furnish()?;
        Ok(place)
    }

    /// Finds an entry, makes people and a view.
    fn furnish(&mut self) -> Result<(), String> {
        let found = witness::wait_until("an entry with changes", || {
            let found = self.ask(
                "GET",
                "/api/v1/logs/main/search?q=changes:*&limit=1&wait=3000",
                &Value::Null,
            );
            found.ok()?["results"][0]["index"].as_u64()
        })?;
        self.entry = found;
        let view = json!({"field": "actor.type", "value": "user", "title": "Your activity"});
        let token = |made: &Value| made["token"].as_str().unwrap_or_default().to_owned();
        let portal = self.ask(
            "POST",
            "/api/v1/tokens",
            &json!({"name": "portal", "role": "reader", "expires_s": 2_592_000}),
        )?;
        let made = self.ask_as(&token(&portal), "POST", "/api/v1/logs/main/views", &view)?;
        self.view = token(&made);
        self.ask(
            "POST",
            "/api/v1/tokens",
            &json!({"name": "billing-api", "role": "writer", "log": "main"}),
        )?;
        let who = self.ask("POST", "/api/v1/tokens", &json!({"name": WHO, "role": "auditor"}))?;
        // Once there is an owner, the admin's token is one among others.
        let path = format!("/api/v1/tokens/{WHO}/roles");
        self.ask("POST", &path, &json!({"role": "owner"}))?;
        self.admin = token(&who);
        self.watch()
    }

    /// Saves queries: one that is told, one whose receiver is gone, and one that looks at the server.
    fn watch(&self) -> Result<(), String> {
        let hook = receiver()?;
        for (name, query, when, to) in [
            ("denied", "outcome:denied", "each", "hooks"),
            ("many-failures", "outcome:failure", "at least 5 in 24h", "gone"),
            ("disk", "", "disk under 5G", "hooks"),
        ] {
            let body =
                json!({"query": query, "when": when, "url": format!("{hook}/{to}"), "from": 0});
            self.ask("POST", &format!("/api/v1/logs/main/queries/{name}"), &body)?;
        }
        let is_told =
            |one: &Value| one["delivered"].as_u64() > Some(0) || one["dead"].as_u64() > Some(0);
        witness::wait_until("what the queries find to be told", || {
            let listed = self.ask("GET", "/api/v1/logs/main/queries", &Value::Null).ok()?;
            let told = listed["queries"].as_array()?.iter().filter(|one| is_told(one)).count();
            (told > 1).then_some(())
        })
    }

    /// Makes a passkey by the token, and signs in with it.
    pub(super) fn sign_in(&self, browser: &mut Chromium) {
        browser.add_authenticator();
        browser.open(&format!("{}/ui/", self.base), super::SIGN_IN.drawn);
        let bearer = format!("Bearer {}", self.admin);
        let factors = format!("/api/v1/tokens/{WHO}/factors");
        let enrol = format!(
            "(async () => {{ const send = async (path, body) => (await fetch(path, {{method: 'POST', \
             headers: {{authorization: {bearer:?}, 'content-type': 'application/json'}}, body: JSON.stringify(body)}})).json(); \
             const {{ makePasskey }} = await import(new URL('passkey.js', document.querySelector('script[type=module]').src)); \
             const {{ publicKey }} = await send({factors:?}, {{kind: 'passkey'}}); \
             await send({factors:?} + '/finish', {{passkey: await makePasskey(publicKey)}}); \
             document.querySelector('#by-passkey').click(); }})()"
        );
        browser.evaluate(&enrol);
        browser.wait("document.querySelector('#sign-out')");
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.ask_as(&self.admin, method, path, body)
    }

    fn ask_as(&self, token: &str, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let url = format!("{}{path}", self.base.replace("localhost", "127.0.0.1"));
        let answer = http::send(method, &url, &headers, body.to_string().as_bytes())?;
        if answer.status >= 300 {
            return Err(format!("{method} {path} answers {}: {}", answer.status, answer.body));
        }
        // `/readyz` answers in words.
        Ok(serde_json::from_str(&answer.body).unwrap_or_default())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        self.process.kill().unwrap_or_default();
        self.process.wait().map(drop).unwrap_or_default();
    }
}

/// Where webhooks arrive, except at `/gone`. It ends with the program.
fn receiver() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| format!("no free port: {e}"))?;
    let address = listener.local_addr().map_err(|e| format!("no address: {e}"))?;
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // What goes wrong here is a webhook that did not arrive, which the server tries again.
            drop(take(&client));
        }
    });
    Ok(format!("http://{address}"))
}

/// Reads a webhook, all of it, and answers.
fn take(client: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    for line in reader.by_ref().lines() {
        match line?.to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap_or_default(),
            Some(_) => {}
            None => break,
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let status = if first.starts_with("POST /gone") { 410 } else { 200 };
    let mut client = client;
    write!(client, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}
