//! T18: file descriptors and memory run out.

use std::net::TcpStream;
use std::process::ExitStatus;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::device::wait_until;
use super::dice::{Dice, size};
use super::fixture::Fixture;
use super::http::{Address, Connection};
use super::trial::Trial;

/// A limit that leaves room for fewer connections than the row opens.
const FEW_FILES: [&str; 3] = ["sh", "-c", r#"ulimit -n 400; exec "$0" "$@""#];
/// A limit that leaves no room for the log itself.
const TOO_FEW_FILES: [&str; 3] = ["sh", "-c", r#"ulimit -n 64; exec "$0" "$@""#];
/// Allocators that ask for address space as they need it, not gigabytes ahead.
const NOTHING_AHEAD: [&str; 3] = ["env", "MIMALLOC_ARENA_RESERVE=0", "MALLOC_ARENA_MAX=1"];
/// Address space that a running server may still take: less than the load needs.
const HEADROOM_BYTES: u64 = 1 << 20;
/// Times that memory runs out on one data directory.
const ENDS_A_DIRECTORY: u64 = 2;
/// Connections that say nothing.
const IDLE: usize = 300;
/// Requests of three megabytes: the journal goes on into new files while no connection is to be had.
const BODIES: usize = 6;
const BODY_EVENTS: usize = 60;
const EVENT_BYTES: usize = 50_000;

fn body() -> Vec<u8> {
    let event = format!(r#"{{"actor":{{}},"action":"a.b","x":"{}"}}"#, "y".repeat(EVENT_BYTES));
    vec![event; BODY_EVENTS].join("\n").into_bytes()
}

fn append(connection: &mut Connection, body: &[u8]) -> Result<u16, String> {
    let answer = connection.post("/api/v1/logs/main/events", "application/x-ndjson", body);
    answer.map(|answer| answer.status).map_err(|error| error.to_string())
}

/// What a new connection gets for an event.
fn status_of_new(address: &Address) -> Result<u16, String> {
    let mut connection = Connection::open(address).map_err(|error| error.to_string())?;
    append(&mut connection, br#"{"actor":{},"action":"a.b"}"#)
}

fn serve(fixture: &mut Fixture, runner: &[&str]) -> Result<Address, (ExitStatus, String)> {
    let command = fixture.command_by(runner, &["serve", "--listen", "127.0.0.1:0"]);
    let said = fixture.serve_by(command, &[])?;
    Ok(Address::of(&said, &fixture.path("graven-data")))
}

/// Whether a server's last word is that it got no memory: its own allocator is told so, or the log is, by the kernel.
fn wants_memory(line: &str) -> bool {
    line.contains("memory allocation")
        || (line.contains("the log stops") && line.contains("Cannot allocate memory"))
}

/// Limits a running process to the address space that it has now and the headroom, whatever its machine made of its start.
fn leave_little_memory(pid: u32) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let size_kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    let most = Some(size_kib * 1024 + HEADROOM_BYTES);
    let pid = Pid::from_raw(pid.cast_signed());
    prlimit(pid, Resource::As, Rlimit { current: most, maximum: most }).unwrap();
}

#[test]
fn t18_descriptors_run_out() {
    let mut fixture = Fixture::empty();
    let address = serve(&mut fixture, &FEW_FILES).unwrap();
    let mut old = Connection::open(&address).unwrap();
    assert_eq!(append(&mut old, &body()), Ok(200));
    let idle: Vec<_> = (0..IDLE).map_while(|_| TcpStream::connect(&address.host).ok()).collect();
    // Who is here already is served, and the log opens the files that it needs.
    for number in 1..BODIES {
        assert_eq!(append(&mut old, &body()), Ok(200), "request {number}");
    }
    let refused = status_of_new(&address);
    assert!(refused != Ok(200), "{} connections were opened and none refused", idle.len());
    println!("t18: {} idle connections, one more gets {refused:?}", idle.len());
    drop(idle);
    wait_until("new connections are served again", || status_of_new(&address) == Ok(200));
    fixture.stop();
    let verdict = fixture.json(&["verify", "graven-data", "--log", "main"], 0);
    let size = verdict["size"].as_u64().unwrap();
    assert!(size > (BODIES * BODY_EVENTS) as u64, "{verdict}");

    let (status, said) = serve(&mut fixture, &TOO_FEW_FILES).expect_err("the log has not enough");
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("may open 64 files") && said.contains("ulimit -n"), "{said}");
}

/// Memory that is not to be had ends the process; the next start, with memory enough, has everything.
#[test]
fn t18_memory_runs_out() {
    let mut dice = Dice::of_row("t18 memory");
    for _ in 0..size(1, 10) {
        let folder = tempfile::TempDir::new().unwrap();
        let mut trial = Trial::on(&folder.path().join("data"), &mut dice, 6_000_000);
        for number in 0..ENDS_A_DIRECTORY {
            let mut ended = None;
            trial.runner = NOTHING_AHEAD.map(str::to_owned).to_vec();
            let loaded = trial.load(|scene| {
                leave_little_memory(scene.fixture.server_pid());
                ended = Some(scene.fixture.ended());
            });
            let (status, said) = ended.unwrap_or_else(|| panic!("no server: {loaded:?}"));
            assert!(said.lines().any(wants_memory), "{status}: {said}");
            trial.runner.clear();
            let looked = loaded.and_then(|()| trial.look());
            looked.unwrap_or_else(|violation| panic!("{number}, {}: {violation}", trial.told()));
        }
        println!("t18: {ENDS_A_DIRECTORY} times out of memory, {}", trial.told());
    }
}
