//! What sealing and opening a field costs on one core, without the disk.
//!
//! `cargo xtask bench sealing` prints the least of several rounds: other work on the machine only adds.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use access::{
    ClosedValue, Keyring, MasterKey, MasterKeys, SealPlan, SealRules, ToClose, close, detect,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use env::{Random, SimDisk, SystemRandom};

const EVENT: &[u8] = br#"{"id":"0193b2c4","actor":{"type":"user","id":"u-7"},"action":"invoice.update","target":{"type":"invoice","id":"42"},"outcome":"success","changes":{"iban":{"before":"DE02120300000000202051","after":"DE02500105170137075030"},"amount":{"before":100,"after":900}},"context":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}}"#;
const RULES: &[u8] = br#"[{"path":"changes.iban","class":"pii","subject":"target.id"}]"#;
const ORIGIN: &str = "acme.example/prod";
const FIELDS: u32 = 2;
const EVENTS: u32 = 5_000;
const ROUNDS: u32 = 15;

fn main() -> Result<(), Box<dyn Error>> {
    let disk = SimDisk::new(1);
    disk.create_mount("/data");
    let masters = MasterKeys::one(MasterKey::new(&[7; 32]));
    let path = Path::new("/data/keyring");
    let (keyring, _) = Keyring::open(&disk, Arc::new(SystemRandom), path, masters)?;
    let rules = SealRules::parse(RULES)?;
    let salt = || -> String {
        let mut salt = [0; 16];
        SystemRandom.fill(&mut salt);
        URL_SAFE_NO_PAD.encode(salt)
    };
    let plan = SealPlan::of(EVENT, "invoice.update", &rules)?;
    let apply = || plan.apply(EVENT, |_| String::new(), &[salt(), salt()]);
    let sealed = apply()?;
    let keys = keyring.keys_for(&["42"])?;
    let encrypt = |at: usize| {
        let (value, disclosure) = (&plan.values[at], &sealed.disclosures[at]);
        let (path, class) = (&value.path, value.class);
        close(&keys[0], &ToClose { origin: ORIGIN, path, class, disclosure }, &SystemRandom)
    };
    let closed = encrypt(0)?;
    let open = || {
        let read = ClosedValue::parse(&closed)?;
        let keys = keyring.keys(read.key).expect("the key lives");
        read.open(&keys, ORIGIN)
    };
    let mut out = std::io::stdout();
    let mut tell = |what: &str, ns: u128| writeln!(out, "{what:<52} {ns:>6} ns a field");
    let find = least(FIELDS, || SealPlan::of(EVENT, "invoice.update", &rules).is_ok());
    let place = least(FIELDS, || apply().is_ok());
    let key = least(FIELDS, || keyring.keys_for(&["42"]).is_ok());
    let crypt = least(FIELDS, || encrypt(0).is_ok() && encrypt(1).is_ok());
    tell("find the fields by rules", find)?;
    tell("salts, disclosures, digests, the new event", place)?;
    tell("the subject's key, unlocked before", key)?;
    tell("encrypt", crypt)?;
    tell("sealing, all of these", find + place + key + crypt)?;
    tell("open one again", least(1, || open().is_ok()))?;
    tell("look for sensitive forms (a whole event)", least(1, || detect(EVENT).is_empty()))?;
    Ok(())
}

/// Nanoseconds of one field, the least of the rounds.
fn least(fields: u32, mut work: impl FnMut() -> bool) -> u128 {
    let round = |_| {
        let start = Instant::now();
        let is_good = (0..EVENTS).all(|_| work());
        assert!(is_good, "what is measured has to work");
        start.elapsed().as_nanos() / u128::from(EVENTS * fields)
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}
