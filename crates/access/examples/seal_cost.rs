//! What sealing and opening a field costs on one core, in time of the processor and without the disk.
//!
//! `cargo xtask bench access` runs it. The least of several rounds counts: other work on the machine only adds. Prints one line of
//! JSON: nanoseconds of each step, and of all of sealing as a server does it, event by event.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use access::{
    ClosedValue, Keyring, MasterKey, MasterKeys, SealPlan, SealRules, SubjectKeys, ToClose, close,
    detect,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use env::{Random, SimDisk, SystemRandom};
use graven_entry::{Outline, SealedEvent, check_event, match_disclosures, open_matches};
use rustix::time::{ClockId, clock_gettime};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENT: &[u8] = br#"{"id":"0193b2c4","actor":{"type":"user","id":"u-7"},"action":"invoice.update","target":{"type":"invoice","id":"42"},"outcome":"success","changes":{"iban":{"before":"DE02120300000000202051","after":"DE02500105170137075030"},"amount":{"before":100,"after":900}},"context":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}}"#;
const RULES: &[u8] = br#"[{"path":"changes.iban","class":"pii","subject":"target.id"}]"#;
const ORIGIN: &str = "acme.example/prod";
/// Fields that the rules seal in the event.
const FIELDS: u64 = 2;
const EVENTS: u64 = 5_000;
const ROUNDS: u32 = 15;

fn main() -> Result<(), Box<dyn Error>> {
    let disk = SimDisk::new(1);
    disk.create_mount("/data");
    let masters = MasterKeys::one(MasterKey::new(&[7; 32]));
    let path = Path::new("/data/keyring");
    let (keyring, _) = Keyring::open(&disk, Arc::new(SystemRandom), path, masters)?;
    let rules = SealRules::parse(RULES)?;
    let find =
        |event: &Outline<'_>| SealPlan::of(event, "invoice.update", &rules).expect("the rules fit");
    let outline = Outline::of(EVENT);
    let plan = find(&outline);
    let place = |event: &Outline<'_>, plan: &SealPlan| {
        let salts: Vec<String> = plan.values.iter().map(|_| salt()).collect();
        plan.apply(event, |_| String::new(), &salts).expect("the values are there")
    };
    let sealed = place(&outline, &plan);
    let key = || keyring.keys_for(&["42"]).expect("the keyring works").remove(0);
    let keys = key();
    let closed = encrypt(&keys, &plan, &sealed);
    let open = || {
        let read = ClosedValue::parse(&closed[0]).expect("it was written so");
        let keys = keyring.keys(read.key).expect("the key lives");
        read.open(&keys, ORIGIN).expect("it opens")
    };
    let seal = || {
        let outline = Outline::of(EVENT);
        let plan = find(&outline);
        let sealed = place(&outline, &plan);
        encrypt(&key(), &plan, &sealed)
    };
    let check = || {
        let facts = check_event(&sealed.event).expect("an event");
        let matches = match_disclosures(&facts.digests, &sealed.disclosures).expect("they match");
        assert!(matches.withheld.is_empty());
        open_matches(&sealed.event, &facts.digests, &matches).expect("it opens")
    };
    let figures = [
        ("find", least(FIELDS, || find(&Outline::of(EVENT)))),
        ("place", least(FIELDS, || place(&outline, &plan))),
        ("key", least(FIELDS, key)),
        ("encrypt", least(FIELDS, || encrypt(&keys, &plan, &sealed))),
        ("seal", least(FIELDS, seal)),
        ("check", least(FIELDS, check)),
        ("open", least(1, open)),
        ("detect", least(1, || detect(EVENT))),
    ];
    let figures: Vec<String> = figures.map(|(name, ns)| format!("\"{name}_ns\":{ns}")).into();
    writeln!(std::io::stdout(), "{{{}}}", figures.join(","))?;
    Ok(())
}

/// The values of an event, as their vault keeps them.
fn encrypt(keys: &SubjectKeys, plan: &SealPlan, sealed: &SealedEvent) -> Vec<Vec<u8>> {
    let values = plan.values.iter().zip(&sealed.disclosures).zip(&sealed.digests);
    let closed = values.map(|((value, disclosure), digest)| {
        let (path, class) = (&value.path, value.class);
        close(keys, &ToClose { origin: ORIGIN, path, class, disclosure, digest }, &SystemRandom)
    });
    closed.collect::<Result<_, _>>().expect("the labels are short")
}

fn salt() -> String {
    let mut salt = [0; 16];
    SystemRandom.fill(&mut salt);
    URL_SAFE_NO_PAD.encode(salt)
}

/// Nanoseconds of the processor for one field, the least of the rounds.
fn least<T>(fields: u64, work: impl Fn() -> T) -> u64 {
    let round = |_| {
        let started_ns = cpu_ns();
        for _ in 0..EVENTS {
            std::hint::black_box(work());
        }
        (cpu_ns() - started_ns) / (EVENTS * fields)
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}

fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}
