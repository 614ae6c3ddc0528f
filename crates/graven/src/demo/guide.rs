//! What to open and what to try while the demo's server runs. Every command works as it is printed.

use std::path::Path;

use serde_json::json;

use super::LOG;
use super::load::Loaded;
use super::place::Place;
use super::program::{Program, quoted};
use super::site::Site;
use super::voice::{Voice, thousands};
use crate::failure::Failure;

/// A thing to try.
struct Try {
    why: &'static str,
    command: String,
}

/// Says where everything is and what can be done with it.
pub(super) fn tell(
    voice: Voice,
    program: &Program,
    place: &Place,
    site: &Site,
    loaded: &Loaded,
) -> Result<(), Failure> {
    let (data, token, url) = (place.data(), place.data().join("admin.token"), &site.url);
    let victim = &loaded.victim;
    voice.title("Open and try");
    if let Some(listen) = site.instead_of {
        voice.say(&format!("{listen} is in use, so the server took another port"));
    }
    voice.fact("server", &format!("{url}/"));
    let fate = if place.is_temporary() {
        "removed when the demo ends; --data DIR keeps it"
    } else {
        "kept"
    };
    voice.fact("folder", &place.folder().display().to_string());
    voice.fact("data", &format!("{} ({fate})", place.short(data)));
    voice.fact("token", &place.short(&token));
    voice.fact("key", &place.short(&place.vkey()));
    voice.fact(
        "entry",
        &format!(
            "{} of {}: {} by {}",
            victim.index,
            thousands(loaded.size),
            victim.action,
            victim.actor
        ),
    );
    let tries = tries(program, place, url, loaded);
    if place.is_temporary() {
        voice.say("in another terminal, from where all paths are short");
        voice.command(&format!("cd {}", quoted(&text(place.folder()))));
    }
    for Try { why, command } in &tries {
        if !why.is_empty() {
            voice.say(why);
        }
        voice.command(command);
    }
    voice.say("follow what comes (ends with Ctrl-C)");
    let from = loaded.last.to_string();
    voice.command(&program.shown(&words(&["tail", "--from", &from], data)));
    voice.json(&json!({
        "step": "serving",
        "url": url,
        "folder": text(place.folder()),
        "data": text(data),
        "token_file": text(&token),
        "vkey_file": text(&place.vkey()),
        "tour": text(place.tour()),
        "log": LOG,
        "events": loaded.events,
        "streams": loaded.streams,
        "size": loaded.size,
        "entry": { "index": victim.index.0, "action": victim.action, "actor": victim.actor },
        "try": tries.iter().map(|one| one.command.as_str()).collect::<Vec<_>>(),
    }))
}

fn tries(program: &Program, place: &Place, url: &str, loaded: &Loaded) -> Vec<Try> {
    let (data, index) = (place.data(), loaded.victim.index.to_string());
    let graven = |why, args: &[&str]| Try { why, command: program.shown(&words(args, data)) };
    let token = quoted(&place.short(&data.join("admin.token")));
    let curl = |why, path: &str| {
        let url = quoted(&format!("{url}{path}"));
        Try { why, command: format!("curl -sSf -H \"Authorization: Bearer $(cat {token})\" {url}") }
    };
    let (proof, entry) =
        (text(&place.tour().join("entry.tlog-proof")), text(&place.tour().join("entry")));
    let vkey = text(&place.vkey());
    let event = r#"{"actor":{"type":"user","id":"me"},"action":"hello.world"}"#;
    let append = program.shown(&words(&["append"], data));
    vec![
        graven("the entry", &["get", &index]),
        curl("the same by HTTP, byte for byte", &format!("/api/v1/logs/{LOG}/entries/{index}")),
        graven(
            "its proof, and that checked offline with nothing but the log's key",
            &["prove", &index, "--output", &proof, "--entry-output", &entry],
        ),
        Try {
            why: "",
            command: program
                .shown(&["verify", &proof, "--entry", &entry, "--vkey", &vkey].map(str::to_owned)),
        },
        curl("the signed checkpoint over the whole log", &format!("/log/{LOG}/checkpoint")),
        graven("every entry, hash and signature, over HTTP", &["verify", url]),
        Try { why: "an event of your own", command: format!("echo '{event}' | {append}") },
    ]
}

/// A command's words, for the demo's data directory.
fn words(args: &[&str], data: &Path) -> Vec<String> {
    let mut words: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
    words.extend(["--data".to_owned(), text(data)]);
    words
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
