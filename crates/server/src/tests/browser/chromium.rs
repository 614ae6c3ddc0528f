//! A browser without a window, which the tasks use too: driven by the DevTools protocol over its pipe: JSON texts, each ended by a zero byte.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The names under which Chromium is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// Longest wait for an answer; what takes longer has hung.
const ANSWER_WAIT_MAX: Duration = Duration::from_mins(2);
/// How long a page is given to come to what is expected of it, in milliseconds.
const PAGE_WAIT_MS: u64 = 60_000;

/// Codes of keys that are no characters (`KeyboardEvent.keyCode`).
const KEY_CODES: [(&str, u32); 8] = [
    ("Tab", 9),
    ("Enter", 13),
    ("Escape", 27),
    ("End", 35),
    ("Home", 36),
    ("ArrowLeft", 37),
    ("ArrowRight", 39),
    ("ArrowDown", 40),
];

/// A running browser with one page; ends when dropped.
pub(super) struct Chromium {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    session: String,
    last_id: u64,
    /// Addresses that pages have asked for.
    pub(super) asked: Vec<String>,
    _profile: TempDir,
}

impl Chromium {
    /// The browser, where one is installed.
    pub(super) fn start() -> Option<Chromium> {
        let name = NAMES.into_iter().find(|name| {
            let tried = Command::new(name)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            tried.is_ok_and(|status| status.success())
        })?;
        let profile = TempDir::new().expect("a folder for the profile");
        // The browser reads requests from descriptor 3 and answers on 4; a shell can say so without unsafe code.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", name])
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"])
            .arg("--window-size=1280,900")
            .arg("--host-resolver-rules=MAP plain.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let (sender, answers) = channel();
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        // Ends with the browser, whose going away closes the pipe.
        std::thread::spawn(move || {
            for text in output.split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice::<Value>(&text) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let requests = child.stdin.take().expect("its input is piped");
        let (session, asked) = (String::new(), Vec::new());
        let mut browser =
            Chromium { child, requests, answers, session, last_id: 0, asked, _profile: profile };
        let target = browser.ask("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.ask("Target.attachToTarget", &attach);
        attached["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        browser.ask("Page.enable", &json!({}));
        browser.ask("Network.enable", &json!({}));
        Some(browser)
    }

    /// Opens an address and waits until the expression, put to the page again and again, is true.
    pub(super) fn open(&mut self, url: &str, until: &str) {
        self.ask("Page.navigate", &json!({"url": url}));
        self.wait(until);
    }

    /// Loads the page again and waits as [`Chromium::open`] does, in the new one.
    pub(super) fn reload(&mut self, until: &str) {
        self.evaluate("globalThis.isOld = true");
        self.ask("Page.reload", &json!({}));
        self.wait(&format!("!globalThis.isOld && ({until})"));
    }

    /// Waits until the expression is true in whatever page is there then.
    pub(super) fn wait(&mut self, until: &str) {
        let script = format!(
            "new Promise((done) => {{ const end = Date.now() + {PAGE_WAIT_MS}; \
             const look = () => ({until}) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 20); look(); }})"
        );
        // A page that goes away takes its promise with it: then the next page is asked.
        for _ in 0..10 {
            let answer = self.evaluate(&script);
            if answer == json!(true) {
                return;
            }
            if answer == json!(false) {
                let page = self.evaluate("document.body.innerText");
                panic!("never true: {until}, in a page that says {page}");
            }
        }
        panic!("no page stayed for long enough to see whether {until}");
    }

    /// The value of an expression in the page, once its promise holds; null where the page went away.
    pub(super) fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.ask("Runtime.evaluate", &params);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Puts another page in front of this one, which is hidden from now on.
    pub(super) fn hide(&mut self) {
        // Pages are made by the browser, not by a page.
        let session = std::mem::take(&mut self.session);
        self.ask("Target.createTarget", &json!({"url": "about:blank"}));
        self.session = session;
        self.wait("document.hidden");
    }

    /// Brings this page to the front again.
    pub(super) fn show(&mut self) {
        self.ask("Page.bringToFront", &json!({}));
        self.wait("!document.hidden");
    }

    /// From now on the browser has an authenticator that makes passkeys and asks nobody.
    pub(super) fn add_authenticator(&mut self) {
        self.ask("WebAuthn.enable", &json!({}));
        let options = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true,
            "automaticPresenceSimulation": true,
        });
        self.ask("WebAuthn.addVirtualAuthenticator", &json!({"options": options}));
    }

    /// The text of the first element that a selector finds.
    pub(super) fn text(&mut self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector({selector:?})?.innerText"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Presses a key by its name in `KeyboardEvent.key`, after `Shift+` with Shift held.
    pub(super) fn press(&mut self, name: &str) {
        let (key, modifiers) = name.strip_prefix("Shift+").map_or((name, 0), |key| (key, 8));
        let text = match key {
            "Enter" => "\r",
            one if one.chars().count() == 1 => one,
            _ => "",
        };
        let code = KEY_CODES.iter().find(|(other, _)| *other == key).map_or(0, |(_, code)| *code);
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({"type": kind, "key": key, "text": text, "modifiers": modifiers,
                "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code});
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types a text, key by key.
    pub(super) fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            self.press(&character.to_string());
        }
    }

    /// Clicks on the first element that a selector finds and that holds a text.
    pub(super) fn click(&mut self, selector: &str, text: &str) {
        let clicked = self.evaluate(&format!(
            "(() => {{ const found = [...document.querySelectorAll({selector:?})].find((one) => one.textContent.includes({text:?})); \
             found?.click(); return Boolean(found); }})()"
        ));
        assert_eq!(clicked, json!(true), "no {selector} with {text}");
    }

    /// Drags over an element from one part of its width to another, both from 0 to 1.
    pub(super) fn drag(&mut self, selector: &str, (from, to): (f64, f64)) {
        let edges = self.evaluate(&format!(
            "(() => {{ const found = document.querySelector({selector:?}); found.scrollIntoView(); \
             const {{ left, top, width, height }} = found.getBoundingClientRect(); return [left, top + height / 2, width]; }})()"
        ));
        let [left, y, width] = [0, 1, 2].map(|at| edges[at].as_f64().expect("a number"));
        for (kind, part) in [("mousePressed", from), ("mouseMoved", to), ("mouseReleased", to)] {
            let event = json!({"type": kind, "x": left + part * width, "y": y, "button": "left",
                "buttons": 1, "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", &event);
        }
    }

    /// Sends a request and waits for its answer: the result, or null where it says that there is none.
    pub(super) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.last_id += 1;
        let mut request = json!({"id": self.last_id, "method": method, "params": params});
        if !self.session.is_empty() {
            request["sessionId"] = json!(self.session);
        }
        let mut bytes = request.to_string().into_bytes();
        bytes.push(0);
        self.requests.write_all(&bytes).expect("the browser reads");
        loop {
            let message = self.answers.recv_timeout(ANSWER_WAIT_MAX);
            let message = message.unwrap_or_else(|error| panic!("{method}: {error}"));
            if message["method"] == "Network.requestWillBeSent" {
                let url = message["params"]["request"]["url"].as_str().expect("an address");
                self.asked.push(url.to_owned());
            }
            if message["id"] == self.last_id {
                // A page that goes away takes what was asked of it along.
                let is_lost = method == "Runtime.evaluate";
                assert!(is_lost || message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
