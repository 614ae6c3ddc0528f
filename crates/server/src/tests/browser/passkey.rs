//! Passkeys, by an authenticator of the browser's own.

use std::net::TcpListener;

use access::Role;

use super::chromium::Chromium;
use super::liar::Liar;
use super::{Demands, GREEN, press, sign_in, skip, world_with};

#[test]
fn a_passkey_is_made_and_signs_in() {
    let Some(mut browser) = Chromium::start() else {
        skip("a_passkey_is_made_and_signs_in");
        return;
    };
    // Passkeys are bound to a name and a port, so the port comes first.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let base = format!("http://localhost:{port}");
    let world = world_with(Demands { public: Some(base.clone()), ..Demands::default() });
    let _liar = Liar::at(listener, world.site.addr);
    browser.add_authenticator();
    let entry = format!("{base}/ui/logs/main/1");
    sign_in(&mut browser, &world, Role::Reader, (&entry, GREEN));
    browser.open(&format!("{base}/ui/access"), "document.querySelector('#access table')");
    press(&mut browser, "Add a passkey");
    browser.wait("document.querySelector('#access').innerText.includes('The passkey is added')");
    browser.wait(
        "[...document.querySelectorAll('#access td')].some((one) => one.innerText === 'Passkey')",
    );
    press(&mut browser, "Sign out");
    browser.wait("document.querySelector('#by-passkey')");
    browser.open(&format!("{base}/ui/logs/main/2"), "document.querySelector('#by-passkey')");
    browser.evaluate("import(document.querySelector('script[type=module]').src)");
    press(&mut browser, "Sign in with a passkey");
    browser.wait(GREEN);
    browser.open(&format!("{base}/ui/access"), "document.querySelector('#access dl')");
    let shown = browser.text("#access");
    assert!(shown.contains("a passkey"), "{shown}");
}
