//! Tests of the settings.

use std::collections::BTreeMap;
use std::path::Path;

use clap::CommandFactory as _;

use super::{Kind, SETTINGS, Setting, Source, parse_file, reference, resolve};
use crate::args::Cli;

fn check_file(text: &str, expected: Result<&[(&str, &str)], &str>) {
    let found = parse_file(Path::new("graven.toml"), text.as_bytes());
    match (found, expected) {
        (Ok(found), Ok(expected)) => {
            let found: Vec<_> = found.iter().map(|(key, text)| (*key, text.as_str())).collect();
            assert_eq!(found, expected, "file {text:?}");
        }
        (Err(failure), Err(snippet)) => {
            assert!(failure.message.contains(snippet), "{:?} lacks {snippet:?}", failure.message);
        }
        (found, expected) => panic!("file {text:?} gave {found:?}, expected {expected:?}"),
    }
}

#[test]
fn files_are_read_strictly() {
    check_file("", Ok(&[]));
    check_file("data = \"d\"\nlisten = \"[::1]:1\"\n", Ok(&[("data", "d"), ("listen", "[::1]:1")]));
    check_file("requests_per_s = 20\n", Ok(&[("requests_per_s", "20")]));
    check_file("insecure_listen = true\n", Ok(&[("insecure_listen", "true")]));
    check_file(
        "# hello\n\nlissten = \"x\"\n",
        Err("line 3: unknown key `lissten`; did you mean `listen`?"),
    );
    check_file("zebra_crossing = 1\n", Err("`graven config reference` lists all keys"));
    check_file("data = 7\n", Err("`data` is a TOML integer; write it in quotes"));
    check_file("insecure_listen = \"yes\"\n", Err("is neither true nor false"));
    check_file("data = \n", Err("graven.toml: "));
    check_file("data = \"a\"\ndata = \"b\"\n", Err("duplicate key"));
    check_file("[server]\nlisten = \"a\"\n", Err("unknown key `server`"));
}

#[test]
fn flag_before_environment_before_file_before_default() {
    let one = |text: &str| BTreeMap::from([("log", text.to_owned())]);
    let none = BTreeMap::new();
    let path = Path::new("f");
    let rows = [
        (one("a"), one("b"), one("c"), "a", Source::Flag),
        (none.clone(), one("b"), one("c"), "b", Source::Environment),
        (none.clone(), none.clone(), one("c"), "c", Source::File(path.into())),
        (none.clone(), none.clone(), none.clone(), "main", Source::Default),
    ];
    for (flags, environment, file, text, source) in rows {
        let settings = resolve(flags, environment, &file, path);
        let value = settings.get("log").expect("log is a setting");
        assert_eq!((value.text.as_str(), &value.source), (text, &source));
    }
}

#[test]
fn every_default_has_the_form_of_its_kind() {
    for setting in SETTINGS {
        if let Some(default) = setting.default {
            assert_eq!(super::check::kind(setting.kind, default), Ok(()), "{}", setting.key);
        }
    }
}

#[test]
fn values_of_the_wrong_form_are_refused() {
    let rows = [
        ("listen", "localhost:7070"),
        ("listen", "127.0.0.1"),
        ("url", "ftp://x"),
        ("log", "Main"),
        ("log", ""),
        ("trace_format", "xml"),
        ("search", "true"),
        ("insecure_listen", "1"),
        ("proxies", "10.0.0.1,proxy"),
        ("proxies", ""),
        ("requests_per_s", "0"),
        ("requests_per_s", "-1"),
        ("bytes_per_s", "4294967296"),
        ("master_key_uri", "pkcs11:token=t;object=o?module-path=/m&pin-value=1"),
        ("data", ""),
    ];
    for (key, text) in rows {
        let flags = BTreeMap::from([(
            SETTINGS.iter().find(|s| s.key == key).unwrap().key,
            text.to_owned(),
        )]);
        let settings = resolve(flags, BTreeMap::new(), &BTreeMap::new(), Path::new("f"));
        let failure = settings.check().expect_err(key);
        assert!(failure.message.contains(&key.replace('_', "-")), "{}", failure.message);
    }
}

#[test]
fn a_secret_is_never_shown() {
    let uri = "pkcs11:token=t;object=o?module-path=/m&pin-source=/p&pin-value=s3cret";
    let flags =
        BTreeMap::from([("token", "s3cret".to_owned()), ("master_key_uri", uri.to_owned())]);
    let settings = resolve(flags, BTreeMap::new(), &BTreeMap::new(), Path::new("f"));
    for (setting, value) in settings.all() {
        assert!(!value.shown(setting).contains("s3cret"));
    }
    let failure = settings.check().expect_err("a PIN in a URI is refused");
    assert!(!failure.message.contains("s3cret"), "{}", failure.message);
    assert!(SETTINGS.iter().filter(|setting| setting.is_secret).all(|s| s.default.is_none()));
}

/// `GRAVEN_BLESS=1` writes the page anew.
#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = reference();
    if std::env::var_os("GRAVEN_BLESS").is_some() {
        std::fs::write(&path, &page).expect("docs/ is there");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        found, page,
        "docs/configuration.md is old; run with GRAVEN_BLESS=1 to write it anew"
    );
}

/// The arguments of this id, each with the name of its command.
fn arguments<'a>(command: &'a clap::Command, id: &str) -> Vec<(&'a str, &'a clap::Arg)> {
    let own = command.get_arguments().filter(|argument| argument.get_id() == id);
    let mut found: Vec<_> = own.map(|argument| (command.get_name(), argument)).collect();
    found.extend(command.get_subcommands().flat_map(|inner| arguments(inner, id)));
    found
}

/// A flag of each command that the setting is for, which names the variable; a secret has none.
fn check_flags(cli: &clap::Command, setting: &Setting) {
    let found = arguments(cli, setting.key);
    assert_eq!(found.is_empty(), setting.is_secret, "{}: {found:?}", setting.key);
    for (command, argument) in found.iter().copied() {
        assert_eq!(argument.get_long(), Some(setting.flag().as_str()), "{command}");
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let variable = format!("[env: {}]", setting.variable());
        // A setting that is taken from the command's line alone, as its help says; and a flag that is no setting.
        let is_other = [("verify", "log"), ("timeline", "trace")].contains(&(command, setting.key));
        let is_named = help.contains(&variable) || is_other;
        assert!(is_named, "{command} --{}: {help}", setting.flag());
    }
    let is_everywhere = found.iter().any(|(_, argument)| argument.is_global_set());
    for command in setting.used_by.split(", ").filter(|word| !word.contains(' ')) {
        let has_it = found.iter().any(|(other, _)| *other == command);
        assert!(has_it || is_everywhere || setting.is_secret, "{command} lacks {}", setting.key);
    }
}

#[test]
fn every_setting_has_its_flag_its_variable_its_key_and_its_lines_on_the_page() {
    let mut cli = Cli::command();
    cli.build();
    let page = reference();
    for setting in SETTINGS {
        check_flags(&cli, setting);
        let part = page.split("\n## ").find(|part| part.starts_with(&format!("`{}`", setting.key)));
        let part = part.unwrap_or_else(|| panic!("{} is not on the page", setting.key));
        let flag =
            if setting.is_secret { "none".into() } else { format!("`--{}`", setting.flag()) };
        for line in [
            format!("| flag | {flag} |"),
            format!("| environment | `{}` |", setting.variable()),
            format!("| used by | {} |", setting.used_by),
        ] {
            assert!(part.lines().any(|other| other == line), "{} lacks {line}", setting.key);
        }
        assert!(setting.help.ends_with('.'), "{}", setting.key);
        check_key(setting);
    }
}

/// Its key in a file gives it a value.
fn check_key(setting: &Setting) {
    let text = sample(setting.kind);
    let literal = match setting.kind {
        Kind::Number | Kind::Switch => text.to_owned(),
        _ => format!("{text:?}"),
    };
    let file = parse_file(Path::new("f"), format!("{} = {literal}", setting.key).as_bytes());
    let file = file.unwrap_or_else(|failure| panic!("{}", failure.message));
    let settings = resolve(BTreeMap::new(), BTreeMap::new(), &file, Path::new("f"));
    assert_eq!(settings.given(setting.key), Some(text));
    settings.check().unwrap_or_else(|failure| panic!("{}", failure.message));
}

/// A value that is good for its kind and no default.
fn sample(kind: Kind) -> &'static str {
    match kind {
        Kind::Path | Kind::Secret | Kind::Text | Kind::VerifierKey => "x",
        Kind::Url | Kind::PublicUrl => "https://audit.example.com",
        Kind::Origins => "https://app.example.com,http://localhost:3000",
        Kind::Address => "127.0.0.1:1",
        Kind::LogName => "billing",
        Kind::Addresses => "10.0.0.1",
        Kind::Number => "7",
        Kind::Switch => "true",
        Kind::OnOff => "off",
        Kind::Networks => "10.1.0.0/16",
        Kind::Privileges => "grant,key",
        Kind::TokenKeys => "pkcs11:token=t;object=o?module-path=/m&pin-source=/p",
        Kind::Filter => "debug",
        Kind::TraceFormat => "json",
    }
}
