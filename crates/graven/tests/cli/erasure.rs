//! An erased subject, looked for in every file of a real server's data directory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use graven_entry::Disclosure;
use serde_json::Value;

use super::fixture::Fixture;

const POLICY: &str = r#"{"main":{"rules":[
    {"path":"data.*","class":"phi","subject":"actor.id"},
    {"path":"actor.id","class":"pseudonym"}]}}"#;
/// One value that says who it is, and one of few that there are.
const EVENT: &str = r#"{"actor":{"id":"anna@example.org"},"action":"lab.result","data":{"iban":"DE89370400440532013000","hiv":"positive"}}"#;
const OTHER: &str =
    r#"{"actor":{"id":"bert@example.org"},"action":"lab.result","data":{"hiv":"negative"}}"#;
const SUBJECT: &str = "anna@example.org";
const SERVE: [&str; 2] = ["--seal-policy", "policy.json"];

/// A server with an entry about each of two subjects, at 1 and 2.
fn sealed() -> Fixture {
    let mut fixture = Fixture::empty();
    fixture.write("policy.json", POLICY);
    fixture.serve(&SERVE);
    fixture.check_with(&["append"], &format!("{EVENT}\n{OTHER}\n"), 0, &["2 events"], &[]);
    fixture
}

/// The value at a path, and what opens it.
fn reveal(fixture: &Fixture, path: &str) -> (Value, Disclosure, String) {
    let answer = fixture.json(&["reveal", "1", path, "--reason", "ticket 7"], 0);
    let encoded = answer["disclosure"].as_str().unwrap().to_owned();
    (answer["value"].clone(), Disclosure::parse(&encoded).unwrap(), encoded)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The files below the data directory that hold these bytes, as they are, in hex or in base64 at any of its three offsets.
fn holding(fixture: &Fixture, secret: &[u8]) -> Vec<PathBuf> {
    let mut needles = vec![secret.to_vec()];
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    needles.extend([hex.to_ascii_uppercase().into_bytes(), hex.into_bytes()]);
    for offset in 0..3 {
        // Characters that no byte beside the secret has a part in.
        let padded = [&vec![0; offset][..], secret].concat();
        let whole = padded.len() / 3 * 3;
        for text in [STANDARD.encode(&padded[..whole]), URL_SAFE_NO_PAD.encode(&padded[..whole])] {
            needles.push(text.into_bytes()[offset.div_ceil(3) * 4..].to_vec());
        }
    }
    let data = fixture.path("graven-data");
    let derived = data.join("derived");
    let holds = |path: &PathBuf| {
        let bytes = match std::fs::read(path) {
            // The index lets go of files while it is looked at.
            Err(error) if error.kind() == ErrorKind::NotFound && path.starts_with(&derived) => {
                return false;
            }
            read => read.unwrap(),
        };
        let has = |needle: &Vec<u8>| bytes.windows(needle.len()).any(|part| part == needle);
        needles.iter().any(has)
    };
    let found = files(&data).into_iter().filter(holds);
    found.map(|path| path.strip_prefix(&data).unwrap().to_owned()).collect()
}

/// The wrapped key of the subject's slot, and the ciphertext of the disclosure with this digest, as they stand on the disk.
fn traces(fixture: &Fixture, key: &str, digest: &str) -> (Vec<u8>, Vec<u8>) {
    let key: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&key[2 * at..2 * at + 2], 16).unwrap()).collect();
    let after = |bytes: &[u8], mark: &[u8], skip: usize| {
        let at = bytes.windows(mark.len()).position(|part| part == mark)?;
        Some(bytes[at + mark.len() + skip..][..32].to_vec())
    };
    let keyring = std::fs::read(fixture.path("graven-data/keyring")).unwrap();
    let wrapped = after(&keyring, &key, 36).expect("its slot");
    let digest = URL_SAFE_NO_PAD.decode(digest).unwrap();
    let mark = [&[1], &key[..], &digest].concat();
    let journal = files(&fixture.path("graven-data/journal"));
    let mut bytes = journal.iter().map(|path| std::fs::read(path).unwrap());
    let closed = bytes.find_map(|bytes| after(&bytes, &mark, 14));
    (wrapped, closed.expect("its ciphertext is in the journal"))
}

#[test]
fn of_an_erased_subject_no_file_holds_value_salt_or_key() {
    let mut fixture = sealed();
    let reason = ["--reason", "request 12"];
    let shown = fixture.json(&[&["subject", "show", SUBJECT], &reason[..]].concat(), 0);
    let entry =
        fixture.check(&["get", "1"], 0, &[shown["pseudonym"].as_str().unwrap()], &[]).stdout;
    let opened = ["/data/iban", "/data/hiv"].map(|path| reveal(&fixture, path));
    assert_eq!(opened[1].0, "positive");
    let keyring = std::fs::read(fixture.path("graven-data/keyring")).unwrap();
    let digest = graven_entry::disclosure_digest(&opened[0].2);
    let (wrapped, ciphertext) = traces(&fixture, shown["key"].as_str().unwrap(), &digest);
    // What is looked for can be found while it is there.
    assert_eq!(holding(&fixture, &wrapped), [PathBuf::from("keyring")]);
    assert_ne!(holding(&fixture, &ciphertext), [] as [PathBuf; 0]);
    fixture.write(
        "graven-data/derived-note",
        format!("x{}", STANDARD.encode("DE89370400440532013000")),
    );
    assert_eq!(holding(&fixture, b"DE89370400440532013000"), [PathBuf::from("derived-note")]);
    std::fs::remove_file(fixture.path("graven-data/derived-note")).unwrap();

    let erase = [&["subject", "erase", SUBJECT], &reason[..]].concat();
    let said = [
        "erased: key ",
        "2 sealed values",
        "revealed before, 2 times, to admin",
        "copies of the keyring",
    ];
    fixture.check(&erase, 0, &said, &[]);
    fixture.check(&erase, 0, &["erased before"], &[]);
    fixture.check(&["reveal", "1", "/data/hiv", "--reason", "t"], 1, &[], &["no sealed value"]);
    fixture.check(&["reveal", "2", "/data/hiv", "--reason", "t"], 0, &["negative"], &[]);
    fixture.stop();

    for (value, disclosure, encoded) in &opened {
        // Without the salt a guess is one of 2^128, however few values there are.
        for secret in [value.as_str().unwrap(), &disclosure.salt, encoded] {
            assert_eq!(holding(&fixture, secret.as_bytes()), [] as [PathBuf; 0], "{secret}");
        }
    }
    assert_eq!(holding(&fixture, SUBJECT.as_bytes()), [] as [PathBuf; 0]);
    assert_eq!(holding(&fixture, &wrapped), [] as [PathBuf; 0]);
    // Ciphertext without its key may stand in the journal until its file is used again, and nowhere else.
    let left = holding(&fixture, &ciphertext);
    assert!(left.iter().all(|path| path.starts_with("journal")), "{left:?}");
    fixture.check(&["verify", "graven-data"], 0, &["main", "system"], &[]);

    // An old keyring that is put back brings nothing back.
    std::fs::write(fixture.path("graven-data/keyring"), keyring).unwrap();
    assert!(fixture.serve(&SERVE).contains("1 keys of erased subjects were destroyed again"));
    fixture.check(&["reveal", "1", "/data/hiv", "--reason", "t"], 1, &[], &["no sealed value"]);
    fixture.check(
        &[&["subject", "show", SUBJECT], &reason[..]].concat(),
        1,
        &[],
        &["no key of that subject"],
    );
    assert_eq!(holding(&fixture, &wrapped), [] as [PathBuf; 0]);
    assert_eq!(fixture.check(&["get", "1"], 0, &[], &[]).stdout, entry);
    fixture.check(&["reveal", "2", "/data/hiv", "--reason", "t"], 0, &["negative"], &[]);
}

#[test]
fn a_hold_keeps_a_subject_and_says_so() {
    let fixture = sealed();
    let subject = |what, id, exit, stdout: &[&str], stderr: &[&str]| {
        fixture.check(&["subject", what, id, "--reason", "case 17"], exit, stdout, stderr);
    };
    subject("hold", SUBJECT, 0, &["p_", "under legal hold"], &[]);
    subject("erase", SUBJECT, 2, &[], &["under legal hold"]);
    subject("release", SUBJECT, 0, &["p_", "!under legal hold"], &[]);
    subject("erase", SUBJECT, 0, &["erased: "], &[]);
    subject("erase", "nobody", 1, &[], &["no key of that subject"]);
    subject("hold", "nobody", 1, &[], &["no key of that subject"]);
    let size = fixture.json(&["log", "show", "system"], 0)["size"].to_string();
    let tail = ["tail", "--log", "system", "--from", "0", "--count", &size];
    let told =
        [r#""op":"set""#, r#""op":"blocked""#, r#""op":"release""#, "case 17", "!anna", "!nobody"];
    fixture.check(&tail, 0, &told, &[]);
}

#[test]
fn a_subject_is_searched_for_by_its_id_until_it_is_erased() {
    let fixture = sealed();
    let of = |id| ["search", "*", "--wait", "--subject", id, "--reason", "ticket 9"];
    let found = fixture.json(&of(SUBJECT), 0);
    assert_eq!(found["total"], 1, "{found}");
    assert_eq!(found["results"][0]["index"], 1, "{found}");
    fixture.check(&of("nobody"), 1, &[], &["no key of that subject"]);
    fixture.check(&["search", "*", "--subject", SUBJECT], 2, &[], &["--reason"]);
    let size = fixture.json(&["log", "show", "system"], 0)["size"].to_string();
    let tail = ["tail", "--log", "system", "--from", "0", "--count", &size];
    fixture.check(&tail, 0, &["ticket 9", "!anna"], &[]);
    let proved = [&of(SUBJECT)[..], &["--prove", "--output", "found"]].concat();
    fixture.check(&proved, 0, &[], &["each result is proved to be in the log"]);
    let vkey = fixture.read("graven-data/logs/main/vkey");
    let verify = ["verify", "found", "--vkey", vkey.trim()];
    fixture.check(&verify, 0, &["checked      1 entry", "is in the log"], &[]);
    fixture.check(&["subject", "erase", SUBJECT, "--reason", "request 12"], 0, &["erased"], &[]);
    fixture.check(&of(SUBJECT), 1, &[], &["no key of that subject"]);
}

#[test]
fn a_keyring_of_before_brings_no_erased_subject_back() {
    let mut fixture = sealed();
    fixture.check(
        &["backup", "copy", "--keyring", "copy.keys"],
        0,
        &[],
        &["holds 2 keys", "stays openable"],
    );
    assert!(!fixture.path("copy/keyring").exists(), "the backup of the data has no keys");
    fixture.write("other", "x");
    for (file, why) in [
        ("graven-data/copy.keys", "apart"),
        ("copy/vault/copy.keys", "apart"),
        ("copy/copy.keys", "apart"),
        ("other", "no copy of a keyring"),
    ] {
        std::fs::create_dir_all(fixture.path("copy/vault")).unwrap();
        fixture.check(&["backup", "copy2", "--keyring", file], 2, &[], &[why]);
        assert!(!fixture.path("copy2").exists(), "refused before anything is copied");
    }
    let told = fixture.json(&["backup", "--keyring", "copy.keys"], 0);
    assert_eq!(told["keyring"]["keys"], 2, "an older copy is replaced: {told}");
    let erase = ["subject", "erase", SUBJECT, "--reason", "request 12"];
    fixture.check(&erase, 0, &["erased: key "], &[]);
    fixture.check(&["restore", "--keyring", "copy.keys"], 2, &[], &["has a keyring"]);
    fixture.stop();

    std::fs::remove_file(fixture.path("graven-data/keyring")).unwrap();
    fixture.check(&["restore", "--keyring", "other"], 1, &[], &["not a keyring"]);
    fixture.check(&["restore", "--keyring", "copy.keys"], 0, &[], &["destroys again"]);
    let said = fixture.serve(&SERVE);
    assert!(said.contains("1 keys of erased subjects were destroyed again"), "{said}");
    let show = |subject| ["subject", "show", subject, "--reason", "t"];
    fixture.check(&show(SUBJECT), 1, &[], &["no key of that subject"]);
    fixture.check(&show("bert@example.org"), 0, &["p_"], &[]);
    fixture.check(&["reveal", "2", "/data/hiv", "--reason", "t"], 0, &["negative"], &[]);
    fixture.stop();
}

#[test]
fn a_backup_of_before_with_its_keyring_opens_what_it_held() {
    let mut fixture = sealed();
    // Stopped, so that a signed checkpoint covers the last entry: what has ended signs no more.
    fixture.stop();
    fixture.check(&["backup", "copy", "--keyring", "copy.keys"], 0, &[], &[]);
    let restore = ["restore", "copy", "--keyring", "copy.keys", "--data", "new"];
    let told = fixture.json(&restore, 0);
    assert_eq!((&told["keyring"]["keys"], &told["ended"]), (&2.into(), &true.into()), "{told}");
    std::fs::create_dir(fixture.path("new/keys")).unwrap();
    for key in ["master.key", "main.keys", "system.keys", "identity.key", "tokens.key"] {
        let from = fixture.path("graven-data/keys").join(key);
        std::fs::copy(from, fixture.path("new/keys").join(key)).unwrap();
    }
    std::fs::rename(fixture.path("new"), fixture.path("graven-data.new")).unwrap();
    std::fs::rename(fixture.path("graven-data"), fixture.path("old")).unwrap();
    std::fs::rename(fixture.path("graven-data.new"), fixture.path("graven-data")).unwrap();
    fixture.serve(&SERVE);
    for (index, value) in [("1", "positive"), ("2", "negative")] {
        fixture.check(&["reveal", index, "/data/hiv", "--reason", "t"], 0, &[value], &[]);
    }
    fixture.stop();
}
