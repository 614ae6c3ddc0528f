//! T15: system calls of the real binary fail or take long, by strace. Short writes are not among them: strace can return
//! a smaller number, but cannot make the kernel write less.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::device::{is_installed, is_success};
use super::dice::{Dice, size};
use super::trial::Trial;

/// What happens to which call of a thread, from one of the calls in the range on: early ones belong to the start.
const INJECTIONS: [(&str, u64, u64); 8] = [
    ("pwrite64:error=EIO", 1, 12),
    ("pwrite64:error=EIO", 16, 60),
    ("pwrite64:error=ENOSPC", 1, 12),
    ("pwrite64:error=ENOSPC", 16, 60),
    ("fsync:error=EIO", 1, 8),
    ("rename:error=EIO", 1, 1),
    ("pwrite64:delay_exit=20000", 1, 40),
    ("fsync:delay_enter=50000", 1, 4),
];

/// Patience with a fault that may never be met: there may be fewer calls.
const MEET_MAX: Duration = Duration::from_secs(4);

/// Why the row cannot run here.
fn missing() -> Option<&'static str> {
    if !is_installed("strace") {
        return Some("strace is missing, apt install strace");
    }
    let traced = is_success(Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]));
    (!traced).then_some("strace may not trace, let the machine or container allow ptrace")
}

/// Calls meet the fault under load; gives how many did.
fn check(dice: &mut Dice, (injection, first, last): (&str, u64, u64)) -> usize {
    let folder = tempfile::TempDir::new().unwrap();
    let mut trial = Trial::on(&folder.path().join("data"), dice, 20_000);
    trial.look().unwrap_or_else(|violation| panic!("{injection}: {violation}"));
    let when = trial.dice.between(first, last);
    let trace = folder.path().join("trace");
    let call = injection.split(':').next().expect("it names a call");
    let words = format!(
        "strace -D -f -qq -o {} -e trace={call} -e inject={injection}:when={when}+",
        trace.display()
    );
    trial.runner = words.split(' ').map(str::to_owned).collect();
    let loaded = trial.load_or_end(|scene| {
        let since = Instant::now();
        while met(&trace) == 0 && since.elapsed() < MEET_MAX {
            scene.dice.wait_ms(1, 10);
        }
        // Long enough for a server that goes on regardless to acknowledge what is not there.
        scene.dice.wait_ms(100, 400);
        scene.fixture.kill();
    });
    trial.runner.clear();
    let looked = loaded.and_then(|()| trial.look());
    looked.unwrap_or_else(|violation| panic!("{injection}, {}: {violation}", trial.told()));
    let met = met(&trace);
    println!("t15: {injection} from call {when}: met {met} times, {}", trial.told());
    met
}

/// The calls of a trace that met the fault.
fn met(trace: &Path) -> usize {
    let traced = fs::read_to_string(trace).unwrap_or_default();
    let is_met = |line: &&str| line.contains("INJECTED") || line.contains("DELAYED");
    traced.lines().filter(is_met).count()
}

#[test]
fn t15_system_calls_fail() {
    if let Some(why) = missing() {
        println!("SKIP t15_system_calls_fail: {why}");
        return;
    }
    let mut dice = Dice::of_row("t15");
    for _ in 0..size(1, 10) {
        let met = INJECTIONS.map(|injection| check(&mut dice, injection));
        let cases = met.iter().filter(|met| **met > 0).count();
        assert!(cases >= INJECTIONS.len() / 2, "only {cases} kinds of fault were met: {met:?}");
    }
}
