//! The master key behind a PKCS#11 token: SoftHSM's, which keeps its tokens in files.

use std::process::Command;

use super::fixture::Fixture;

const EVENT: &str =
    r#"{"actor":{"id":"anna"},"action":"pay","target":{"id":"c-42"},"data":{"iban":"DE111"}}"#;
const REVEAL: &[&str] = &["reveal", "1", "/data/iban", "--reason", "ticket 7"];
const WRAPPED: &str = "graven-data/keys/master.wrapped";
const PLAIN: &str = "graven-data/keys/master.key";
/// Where packages put the library.
const MODULES: &[&str] = &[
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// A directory with a seal policy and a token `audit` with two AES keys, `first` and `second`.
struct Hsm {
    fixture: Fixture,
    module: &'static str,
}

impl Hsm {
    /// None, and said so, where SoftHSM is not installed.
    fn new(test: &str) -> Option<Hsm> {
        let module = MODULES.iter().find(|path| std::path::Path::new(path).exists());
        let found = Command::new("softhsm2-util").arg("--version").output().is_ok();
        let (Some(module), true) = (module, found) else {
            println!("SKIP {test}: SoftHSM is missing (apt install softhsm2)");
            return None;
        };
        let hsm = Hsm { fixture: Fixture::empty(), module };
        std::fs::create_dir(hsm.fixture.path("tokens")).unwrap();
        hsm.write_conf("tokens");
        hsm.fixture.write("pin", "4321\n");
        let init = "--init-token --free --label audit --so-pin 12345678 --pin 4321";
        hsm.tool(init);
        for (label, byte) in [("first", 1_u8), ("second", 2)] {
            hsm.fixture.write("aes", [byte; 32]);
            let key = format!("--import aes --aes --token audit --pin 4321 --label {label}");
            hsm.tool(&format!("{key} --id 0{byte}"));
        }
        let policy =
            r#"{"main":{"rules":[{"path":"data.iban","class":"pii","subject":"target.id"}]}}"#;
        hsm.fixture.write("policy.json", policy);
        Some(hsm)
    }

    fn write_conf(&self, tokens: &str) {
        let folder = self.fixture.path(tokens);
        self.fixture.write("conf", format!("directories.tokendir = {}\n", folder.display()));
    }

    fn tool(&self, args: &str) {
        let mut command = Command::new("softhsm2-util");
        command.args(args.split(' ')).env("SOFTHSM2_CONF", self.fixture.path("conf"));
        let output = command.current_dir(self.fixture.path("")).output().unwrap();
        assert!(output.status.success(), "softhsm2-util {args}: {output:?}");
    }

    fn uri(&self, key: &str) -> String {
        let pin = self.fixture.path("pin");
        let (module, pin) = (self.module, pin.display());
        format!("pkcs11:token=audit;object={key}?module-path={module}&pin-source=file:{pin}")
    }

    /// Starts the server with a setting by flag or variable.
    fn serve(&mut self, setting: &str, text: &str) -> String {
        let mut command = self.fixture.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("SOFTHSM2_CONF", self.fixture.path("conf"));
        command.args(["--seal-policy", "policy.json"]);
        let args = if setting.starts_with("--") { &[setting, text][..] } else { &[] };
        if args.is_empty() {
            command.env(setting, text);
        }
        let started = self.fixture.serve_by(command, args);
        started.unwrap_or_else(|(status, said)| panic!("the server ended: {status}: {said}"))
    }

    /// A start that has to end with this exit code and say this, and to leave the file as it was.
    fn check_refused(&self, variables: &[(&str, &str)], exit: i32, says: &[&str]) {
        let conf = self.fixture.path("conf");
        let wrapped = std::fs::read(self.fixture.path(WRAPPED)).ok();
        let conf = [("SOFTHSM2_CONF", conf.to_str().unwrap())];
        let variables = [&conf, variables].concat();
        let ran = self.fixture.run_in(&["serve", "--listen", "127.0.0.1:0"], "", &variables);
        assert_eq!(ran.exit, exit, "{variables:?}: {ran:#?}");
        for said in says {
            assert!(ran.stderr.contains(said), "{variables:?} lacks {said:?}: {ran:#?}");
        }
        assert_eq!(std::fs::read(self.fixture.path(WRAPPED)).ok(), wrapped);
    }

    fn check_reveals(&self) {
        assert_eq!(self.fixture.check(REVEAL, 0, &[], &[]).stdout, "\"DE111\"\n");
    }

    fn lines(&self) -> Vec<String> {
        self.fixture.read(WRAPPED).lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_token_has_the_master_key_and_its_secret_and_key_are_rotated() {
    let name = "a_token_has_the_master_key_and_its_secret_and_key_are_rotated";
    let Some(mut hsm) = Hsm::new(name) else { return };
    let (first, second) = (hsm.uri("first"), hsm.uri("second"));
    hsm.serve("GRAVEN_MASTER_KEY_URI", &first);
    hsm.fixture.check_with(&["append"], EVENT, 0, &[], &[]);
    assert!(!hsm.fixture.path(PLAIN).exists());
    let made = hsm.lines();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].len(), 80, "base64 of a nonce, 32 bytes and a tag");
    hsm.fixture.stop();
    // The same in the secret's place, and nothing is written again.
    hsm.serve("GRAVEN_MASTER_KEY", &first);
    hsm.check_reveals();
    hsm.fixture.stop();
    assert_eq!(hsm.lines(), made);
    // A new secret under another key of the token, beside the one before.
    hsm.fixture.write(WRAPPED, format!("new\n{}\n", made[0]));
    let said = hsm.serve("--master-key-uri", &format!("{second}\n{first}"));
    assert!(said.contains("1 keys are under the new master key"), "{said}");
    hsm.check_reveals();
    hsm.fixture.stop();
    let both = hsm.lines();
    assert_eq!((both.len(), &both[1]), (2, &made[0]));
    // The old ones go.
    hsm.fixture.write(WRAPPED, &both[0]);
    hsm.check_refused(&[("GRAVEN_MASTER_KEY_URI", &first)], 3, &["line 1", "another key"]);
    hsm.serve("GRAVEN_MASTER_KEY_URI", &second);
    hsm.check_reveals();
}

#[test]
fn a_master_key_in_clear_comes_into_a_tokens_care() {
    let Some(mut hsm) = Hsm::new("a_master_key_in_clear_comes_into_a_tokens_care") else { return };
    let uri = hsm.uri("first");
    let plain = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    hsm.serve("GRAVEN_MASTER_KEY", plain);
    hsm.fixture.check_with(&["append"], EVENT, 0, &[], &[]);
    hsm.fixture.stop();
    // What a keyring is under already is not made anew.
    hsm.check_refused(&[("GRAVEN_MASTER_KEY_URI", &uri)], 3, &["master.wrapped"]);
    assert!(!hsm.fixture.path(WRAPPED).exists());
    hsm.fixture.write(WRAPPED, format!("new\n{plain}\n"));
    let said = hsm.serve("GRAVEN_MASTER_KEY_URI", &uri);
    assert!(said.contains("1 keys are under the new master key"), "{said}");
    hsm.check_reveals();
    hsm.fixture.stop();
    let lines = hsm.lines();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.len() == 80), "the clear one is encrypted: {lines:?}");
    hsm.fixture.write(WRAPPED, &lines[0]);
    hsm.serve("GRAVEN_MASTER_KEY_URI", &uri);
    hsm.check_reveals();
}

#[test]
fn a_token_that_does_not_open_it_is_an_error_that_says_why() {
    let name = "a_token_that_does_not_open_it_is_an_error_that_says_why";
    let Some(mut hsm) = Hsm::new(name) else { return };
    let uri = hsm.uri("first");
    hsm.serve("GRAVEN_MASTER_KEY_URI", &uri);
    hsm.fixture.check_with(&["append"], EVENT, 0, &[], &[]);
    hsm.fixture.stop();
    let good = hsm.fixture.read(WRAPPED);
    let check = |uri: &str, says: &[&str]| {
        hsm.check_refused(&[("GRAVEN_MASTER_KEY_URI", uri)], 3, says);
    };
    hsm.fixture.write("pin", "1234");
    check(&uri, &["cannot log in to the token", "PIN"]);
    std::fs::remove_file(hsm.fixture.path("pin")).unwrap();
    check(&uri, &["cannot read the file of the PIN"]);
    hsm.fixture.write("pin", "4321");
    std::fs::create_dir(hsm.fixture.path("none")).unwrap();
    hsm.write_conf("none");
    check(&uri, &["0 tokens fit the URI"]);
    hsm.write_conf("tokens");
    check(&uri.replace("=audit", "=other"), &["0 tokens fit the URI"]);
    check(&uri.replace("=first", "=third"), &["0 AES keys of the token fit the URI"]);
    check(&uri.replace("libsofthsm2", "missing"), &["cannot load the PKCS#11 library"]);
    check(&uri.replace("=first", "=second"), &["line 1", "another key"]);
    for at in [0, 40, 78] {
        let other = if &good[at..=at] == "A" { "B" } else { "A" };
        hsm.fixture.write(WRAPPED, [&good[..at], other, &good[at + 1..]].concat());
        check(&uri, &["line 1 of master.wrapped was changed"]);
    }
    for bad in ["", &good[4..], "old\n", &good.repeat(5)] {
        hsm.fixture.write(WRAPPED, bad);
        check(&uri, &["master.wrapped", "1 to 4 lines"]);
    }
    std::fs::remove_file(hsm.fixture.path(WRAPPED)).unwrap();
    check(&uri, &["cannot read or make the master key", "master.wrapped"]);
    hsm.fixture.write(WRAPPED, &good);
    let both = [("GRAVEN_MASTER_KEY_URI", &*uri), ("GRAVEN_MASTER_KEY", &uri)];
    hsm.check_refused(&both, 2, &["master_key", "master_key_uri"]);
    let with_pin = format!("{uri}&pin-value=4321");
    hsm.check_refused(&[("GRAVEN_MASTER_KEY_URI", &with_pin)], 2, &["pin-source"]);
    hsm.check_refused(&[("GRAVEN_MASTER_KEY", &with_pin)], 3, &["pin-source"]);
    hsm.serve("GRAVEN_MASTER_KEY_URI", &uri);
    hsm.check_reveals();
}
