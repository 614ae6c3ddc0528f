//! Tokens at the command line: made, used, refused, listed, revoked; and the admin's end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::fixture::{Fixture, Ran, event};

/// Makes a token and returns it.
fn create(fixture: &Fixture, args: &[&str]) -> String {
    let made = fixture.json(&[&["token", "create"], args].concat(), 0);
    assert_eq!(made["principal"], args[0]);
    made["token"].as_str().unwrap().to_owned()
}

/// Runs a command with a token instead of the admin's.
fn run_as(fixture: &Fixture, token: &str, args: &[&str], exit: i32, stderr: &str) -> Ran {
    let ran = fixture.run_in(args, &event(7), &[("GRAVEN_TOKEN", token)]);
    assert_eq!(ran.exit, exit, "graven {args:?} gave {ran:#?}");
    assert!(ran.stderr.contains(stderr), "graven {args:?} lacks {stderr:?}: {ran:#?}");
    ran
}

#[test]
fn a_writer_appends_and_reads_nothing_and_a_reader_the_other_way() {
    let mut fixture = Fixture::serving();
    let writer = create(&fixture, &["billing-api", "--role", "writer", "--log", "main"]);
    let reader = create(&fixture, &["audrey", "--role", "reader", "--expires", "30d"]);
    run_as(&fixture, &writer, &["append"], 0, "");
    run_as(&fixture, &writer, &["get", "1"], 3, "the right `read_entries`");
    run_as(&fixture, &writer, &["append", "--stream", "billing-api/7f"], 0, "");
    run_as(&fixture, &writer, &["append", "--stream", "audrey/7f"], 3, "the right `read_streams`");
    let got = run_as(&fixture, &reader, &["get", "1"], 0, "");
    assert!(got.stdout.contains("\"writer\":\"billing-api\",\"auth\":\"token\""), "{got:#?}");
    assert!(got.stdout.contains(&event(7)), "{got:#?}");
    run_as(&fixture, &reader, &["append"], 3, "the right `append`");
    run_as(&fixture, &reader, &["export", "--format", "tiles", "--output", "t"], 3, "`export`");
    run_as(&fixture, &reader, &["log", "show", "system"], 1, "no log of this name");
    run_as(&fixture, &reader, &["token", "list"], 3, "the right `grant`");

    let listed = ["audrey", "reader  expires 20", "writer on main", "last used 20", "admin"];
    fixture.check(&["token", "list"], 0, &listed, &[]);
    fixture.check(&["token", "revoke", "audrey"], 0, &["revoked 20"], &[]);
    run_as(&fixture, &reader, &["get", "1"], 3, "not one of this server");
    fixture.check(
        &["token", "create", "audrey", "--role", "reader"],
        2,
        &[],
        &["never used twice"],
    );
    fixture.check(&["token", "create", "x", "--role", "god"], 2, &[], &["possible values: writer"]);
    fixture.check(&["token", "revoke", "nobody"], 1, &[], &["there is no principal nobody"]);

    fixture.stop();
    let told = std::fs::read(fixture.path("graven-data/keys/tokens.key")).unwrap();
    assert_eq!(told.len(), 32);
    let verified = ["verify", "graven-data"];
    fixture.check(&verified, 0, &["main", "system"], &[]);
    fixture.serve(&[]);
    run_as(&fixture, &writer, &["append"], 0, "");
    run_as(&fixture, &reader, &["get", "1"], 3, "not one of this server");
}

#[test]
fn from_the_first_owner_on_the_admin_has_what_it_is_granted() {
    let fixture = Fixture::serving();
    let owner = create(&fixture, &["owner", "--role", "owner"]);
    fixture.check(&["token", "list"], 3, &[], &["the right `grant`"]);
    fixture.check_with(&["append"], &event(1), 1, &[], &["no log of this name"]);
    fixture.check(&["log", "list"], 0, &[], &[]);
    let grant = ["token", "grant", "admin", "--role", "writer"];
    run_as(&fixture, &owner, &grant, 0, "");
    fixture.check_with(&["append"], &event(1), 0, &["1 event"], &[]);
    run_as(&fixture, &owner, &["token", "revoke", "owner"], 3, "no owner without expiry");
    run_as(&fixture, &owner, &["token", "revoke", "admin"], 0, "");
    fixture.check(&["log", "list"], 3, &[], &["not one of this server"]);
}

#[test]
fn without_the_key_of_tokens_there_is_no_start_but_a_new_beginning() {
    let mut fixture = Fixture::serving();
    let owner = create(&fixture, &["owner", "--role", "owner"]);
    fixture.stop();
    std::fs::remove_file(fixture.path("graven-data/keys/tokens.key")).unwrap();
    let refused = ["serve", "--listen", "127.0.0.1:0"];
    fixture.check(&refused, 3, &[], &["tokens.key is missing", "--lost-keys"]);
    fixture.serve(&["--lost-keys"]);
    run_as(&fixture, &owner, &["token", "list"], 3, "not one of this server");
    fixture.check(&["token", "list"], 0, &["owner", "revoked 20"], &[]);
    create(&fixture, &["owner-2", "--role", "owner"]);
    fixture.stop();
    fixture.serve(&[]);
    fixture.check(&["token", "list"], 3, &[], &["the right `grant`"]);
}

/// The status of a request over a connection of its own.
fn status(fixture: &Fixture, headers: &str) -> String {
    let address = fixture.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        format!("GET /api/v1/logs HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn proxies_and_rates_are_settings() {
    let mut fixture = Fixture::empty();
    fixture.serve(&["--proxies", "127.0.0.1", "--requests-per-s", "3"]);
    let token = fixture.read("graven-data/admin.token");
    let good = format!("authorization: Bearer {}\r\n", token.trim());
    let statuses: Vec<String> = (0..40).map(|_| status(&fixture, &good)).collect();
    assert!(statuses.iter().any(|status| status == "429"), "{statuses:?}");
    let forwarded = "authorization: Bearer x\r\nx-forwarded-for: 203.0.113.9\r\n";
    assert_eq!(status(&fixture, forwarded), "401");
    fixture.stop();
    fixture.serve(&[]);
    let size = fixture.json(&["log", "show", "system"], 0)["size"].to_string();
    let tail = ["tail", "--log", "system", "--from", "0", "--count", &size];
    fixture.check(&tail, 0, &["\"ip\":\"203.0.113.9\""], &[]);
}

#[test]
fn tls_is_served_by_a_certificate_of_its_own_or_of_the_operator() {
    let mut fixture = Fixture::empty();
    let said = fixture.serve(&["--tls"]);
    assert!(said.contains("listening on https://127.0.0.1:"), "{said}");
    fixture.check_with(&["append"], &event(1), 0, &["1 event"], &[]);
    let url = fixture.url();
    let token = fixture.read("graven-data/admin.token");
    let as_admin = [("GRAVEN_TOKEN", token.trim()), ("GRAVEN_DATA", "elsewhere")];
    let list = ["log", "list", "--url", &url];
    let unknown = fixture.run_in(&list, "", &as_admin);
    assert_eq!(unknown.exit, 3, "a certificate that nobody vouches for: {unknown:#?}");
    std::fs::copy(fixture.path("graven-data/tls.crt"), fixture.path("its.crt")).unwrap();
    let trusted = fixture.run_in(&[&list[..], &["--tls-ca", "its.crt"]].concat(), "", &as_admin);
    assert_eq!(trusted.exit, 0, "{trusted:#?}");
    let plain = url.replace("https://", "http://");
    let refused = fixture.run_in(&["log", "list", "--url", &plain], "", &as_admin);
    assert_eq!(refused.exit, 3, "plain HTTP is not spoken: {refused:#?}");
    fixture.stop();

    std::fs::copy(fixture.path("graven-data/keys/tls.key"), fixture.path("its.key")).unwrap();
    let own = ["--tls-cert", "its.crt", "--tls-key", "its.key"];
    fixture.serve(&own);
    fixture.check(&["log", "list"], 0, &["main"], &[]);
    fixture.stop();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    for (args, stderr) in [
        (&own[..2], "--tls-cert and --tls-key are of use only together"),
        (&["--tls-cert", "its.key", "--tls-key", "its.key"], "cannot serve TLS"),
        (&["--tls-cert", "its.crt", "--tls-key", "its.crt"], "no private key in PEM form"),
    ] {
        fixture.check(&[&serve[..], args].concat(), 2, &[], &[stderr]);
    }
    let mode = std::fs::metadata(fixture.path("its.key")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
}

/// A certificate of an authority and its key, both in PEM form.
fn certificate(authority: &rcgen::Issuer<'_, rcgen::KeyPair>, name: &str) -> (String, String) {
    let mut params = rcgen::CertificateParams::new([]).unwrap();
    params.subject_alt_names = vec![rcgen::SanType::URI(name.try_into().unwrap())];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// A directory with an authority `ca.pem`, and with certificates of it: `own` of the billing service and `other`.
fn with_certificates() -> Fixture {
    let fixture = Fixture::empty();
    let mut params = rcgen::CertificateParams::new([]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    fixture.write("ca.pem", params.self_signed(&key).unwrap().pem());
    let authority = rcgen::Issuer::new(params, key);
    for (file, name) in [("own", "spiffe://acme/billing"), ("other", "spiffe://acme/other")] {
        let (chain, key) = certificate(&authority, name);
        fixture.write(&format!("{file}.pem"), chain);
        fixture.write(&format!("{file}.key"), key);
    }
    fixture
}

#[test]
fn commands_show_a_client_certificate() {
    let mut fixture = with_certificates();
    fixture.serve(&["--tls", "--tls-client-ca", "ca.pem"]);
    let bind = ["--role", "writer", "--certificate", "spiffe://acme/billing"];
    fixture.check(&[&["token", "create", "billing"][..], &bind].concat(), 0, &[], &[]);
    let own = ["--client-cert", "own.pem", "--client-key", "own.key"];
    fixture.check_with(&[&["append"][..], &own].concat(), &event(1), 0, &["1 event"], &[]);
    fixture.check(&["get", "1"], 0, &[r#""writer":"billing","auth":"mtls""#], &[]);
    // Not the admin's token beside it, which could read.
    fixture.check(&[&["get", "1"][..], &own].concat(), 3, &[], &["`read_entries`"]);
    let paths = [("GRAVEN_CLIENT_CERT", "own.pem"), ("GRAVEN_CLIENT_KEY", "own.key")];
    assert_eq!(fixture.run_in(&["append"], &event(2), &paths).exit, 0);
    let token = fixture.read("graven-data/admin.token");
    let with_token = [&paths[..], &[("GRAVEN_TOKEN", token.trim())]].concat();
    assert_eq!(fixture.run_in(&["get", "1"], "", &with_token).exit, 0, "a token decides");
    let url = fixture.url().replace("https://", "http://");
    let plain = ["--client-cert", "own.pem", "--client-key", "own.key", "--url", &url];
    for (args, exit, stderr) in [
        (&["--client-cert", "own.pem"][..], 2, "are of use only together"),
        (&["--client-key", "own.key"], 2, "are of use only together"),
        (&["--client-cert", "none.pem", "--client-key", "own.key"], 3, "none.pem"),
        (
            &["--client-cert", "own.pem", "--client-key", "other.key"],
            2,
            "certificate cannot be used",
        ),
        (&["--client-cert", "own.key", "--client-key", "own.key"], 2, "certificate cannot be used"),
        (&["--client-cert", "own.pem", "--client-key", "own.pem"], 2, "no private key in PEM form"),
        (&["--client-cert", "other.pem", "--client-key", "other.key"], 3, "nobody's here"),
        (&plain, 2, "https:// alone"),
    ] {
        fixture.check(&[&["log", "list"][..], args].concat(), exit, &[], &[stderr]);
    }
}
