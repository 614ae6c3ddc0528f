//! What the command line shows of hostile text: a terminal gets nothing that could steer it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::site::Site;

/// Valid in JSON as they are: delete, C1 controls, overrides of the reading direction, invisible characters.
const STEERING: &str = "\u{7f}\u{9b}2J\u{85}\u{202e}evil\u{2066}\u{200b}\u{2028}\u{feff}\u{e0041}";

/// A pseudo-terminal: what reads it, and what a child writes to.
fn terminal() -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (File::from(master), slave)
}

/// Runs a command with standard output or standard error, or both, on a terminal: what it showed there.
fn shown(mut command: Command, on: &str) -> String {
    let (mut master, slave) = terminal();
    let to =
        |is_it: bool| if is_it { Stdio::from(slave.try_clone().unwrap()) } else { Stdio::null() };
    command.stdin(Stdio::null()).stdout(to(on.contains('o'))).stderr(to(on.contains('e')));
    command.env("NO_COLOR", "1").env("TERM", "xterm");
    let mut child = command.spawn().unwrap();
    // The command holds copies of the terminal too: reading ends when nobody has it any more.
    drop((command, slave));
    let mut bytes = Vec::new();
    // A terminal that nobody has open any more reads as EIO.
    drop(master.read_to_end(&mut bytes));
    child.wait().unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn steers(c: char) -> bool {
    let harmless = matches!(c, '\n' | '\r' | '\t');
    let invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    !harmless && (c.is_control() || invisible)
}

fn check(what: &str, shown: &str, expected: &str) {
    assert!(shown.contains(expected), "{what} lacks {expected:?}: {shown:?}");
    let bad: Vec<char> = shown.chars().filter(|c| steers(*c)).collect();
    assert!(bad.is_empty(), "{what} shows {bad:?}: {shown:?}");
}

/// Events that hold what may stand in JSON as it is: shown escaped on a terminal, and as they are in a file.
#[test]
fn entries_are_shown_escaped() {
    let site = Site::start();
    let event =
        format!(r#"{{"actor":{{"id":"{STEERING}"}},"action":"a.b","x":"\u001b[2J\u202e"}}"#);
    let reply = site.append(event.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let index = (site.size() - 1).to_string();
    let graven = |args: &[&str]| site.fixture.command(args);
    for (args, expected) in [
        (vec!["get", &index], "\\u{202e}evil"),
        (vec!["get", &index, "--json"], "\\u{202e}evil"),
        (vec!["tail", "--from", &index, "--count", "1"], "\\u{202e}evil"),
        (vec!["tail", "--from", &index, "--count", "1", "--json"], "\\u{202e}evil"),
        (vec!["log", "list"], "main"),
        (vec!["log", "show", "--json"], "main"),
        (vec!["verify", "graven-data", "--json"], "\"ok\":true"),
    ] {
        check(&format!("graven {args:?}"), &shown(graven(&args), "o"), expected);
    }
    let piped = site.fixture.run_with(&["get", &index], "");
    assert!(piped.stdout.contains(STEERING), "what is not a terminal gets the bytes");
}

/// Errors that repeat what was given, on standard error.
#[test]
fn errors_are_shown_escaped() {
    let site = Site::start();
    let hostile = "\u{1b}]0;owned\u{7}\u{202e}";
    std::fs::write(site.fixture.path("bad.ndjson"), format!("{{\"{STEERING}\":1}}\n")).unwrap();
    std::fs::write(site.fixture.path("hostile.toml"), format!("\"{STEERING}\" = 1\n")).unwrap();
    for args in [
        vec!["get", "1", "--log", hostile],
        vec!["log", "create", hostile],
        vec!["log", "create", "x", "--origin", hostile],
        vec!["log", "show", hostile],
        vec!["verify", hostile],
        vec!["verify", "bad.ndjson"],
        vec!["append", hostile],
        vec!["append", "bad.ndjson"],
        vec!["get", "1", "--url", hostile],
        vec!["get", "1", "--vkey", hostile],
        vec!["--config", "hostile.toml", "version"],
    ] {
        check(&format!("graven {args:?}"), &shown(site.fixture.command(&args), "oe"), "rror:");
    }
}

/// A server that lies: names of logs, problems and entries that would steer the terminal of whoever asks.
#[test]
fn answers_of_a_hostile_server_are_shown_escaped() {
    let site = Site::start();
    let hostile = "\\u001b]0;owned\\u0007\\u202e";
    let log = format!(
        r#"{{"name":"{hostile}","origin":"{hostile}","public":true,"size":1,"root":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","created":"{hostile}","vkeys":["{hostile}"]}}"#
    );
    let problem = format!(
        r#"{{"title":"{hostile}","status":400,"code":"bad_json","detail":"{hostile}","field":"{hostile}"}}"#
    );
    let raw = "{\"a\":\"\u{1b}[2J\u{202e}\"}\n\u{9b}31m";
    for (what, args, answer) in [
        ("names of logs", vec!["log", "list"], json("200 OK", &format!("{{\"logs\":[{log}]}}"))),
        ("one log", vec!["log", "show"], json("200 OK", &log)),
        ("a problem", vec!["get", "0"], json("400 Bad Request", &problem)),
        (
            "an unknown code",
            vec!["get", "0"],
            json("400 Bad Request", &problem.replace("bad_json", hostile)),
        ),
        ("no JSON", vec!["log", "list"], json("200 OK", raw)),
        ("an entry", vec!["get", "0"], json("200 OK", raw)),
        ("a checkpoint", vec!["verify"], json("200 OK", raw)),
        ("no HTTP", vec!["get", "0"], format!("\u{1b}[2J{raw}")),
    ] {
        let (url, server) = answering(answer);
        let mut args = args;
        if args == ["verify"] {
            args.push(&url);
        } else {
            args.extend(["--url", &url]);
        }
        let shown = shown(site.fixture.command(&args), "o");
        let errors = crate::terminal::shown(site.fixture.command(&args), "e");
        check(what, &shown, "");
        check(what, &without_progress(&errors), "");
        assert!(!(shown + &errors).is_empty(), "{what}: something is said");
        drop(server);
    }
}

/// A progress bar hides the cursor, draws its line again and clears it: those are ours.
fn without_progress(text: &str) -> String {
    ["\u{1b}[?25l", "\u{1b}[?25h", "\u{1b}[2K", "\u{1b}[1A", "\u{1b}[1B"]
        .iter()
        .fold(text.to_owned(), |text, own| text.replace(own, ""))
}

fn json(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A server that answers everything in this way until the process ends: its URL, and its thread.
fn answering(answer: String) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = stream;
            drop(stream.read(&mut [0; 16 * 1024]));
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    (url, thread)
}
