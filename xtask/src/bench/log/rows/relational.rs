//! Single appends beside a PostgreSQL table with a hash-chain trigger.

use crate::bench::log::kit::Kit;
use crate::bench::log::line::{Goal, Line};
use crate::bench::log::load::Load;
use crate::bench::log::number::median;
use crate::bench::log::postgres::{Postgres, Script};

/// Clients at once, ours and the rival's.
const CLIENTS: u64 = 64;

/// The audit table as it is commonly built: each row's hash covers the one before, so each insert waits for the last.
const SCHEMA: &str = "
CREATE TABLE chain_head (only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one), hash bytea NOT NULL);
INSERT INTO chain_head (hash) VALUES (sha256(''));
CREATE TABLE audit (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time timestamptz NOT NULL DEFAULT clock_timestamp(),
  event jsonb NOT NULL, prev bytea NOT NULL, hash bytea NOT NULL);
CREATE TABLE plain (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time timestamptz NOT NULL DEFAULT clock_timestamp(),
  event jsonb NOT NULL);
CREATE FUNCTION chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT hash INTO NEW.prev FROM chain_head FOR UPDATE;
  NEW.hash := sha256(NEW.prev || convert_to(NEW.event::text, 'UTF8'));
  UPDATE chain_head SET hash = NEW.hash;
  RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION chain();
";

/// Whether every row has another one before it: that it is a chain which was measured.
const IS_CHAIN: &str = "SELECT count(*) > 0 AND count(*) = count(DISTINCT prev) FROM audit";

/// Measures both in turns.
pub(super) fn postgres(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let ours = kit.serve(&kit.folder("beside-postgres")?)?;
    let rival = Postgres::start(kit)?;
    if let Ok(rival) = &rival {
        rival.sql(kit, SCHEMA)?;
    }
    let event = sample_event();
    let script = |sql| Script { sql, event: &event, clients: CLIENTS, seconds: kit.counts.rival_s };
    let (mut own, mut chained, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..kit.counts.rounds as u64 {
        let events = kit.counts.single_events;
        let load = Load { events, first: round * events, connections: CLIENTS, batch: 1 };
        own.push(kit.load(&ours, "/api/v1/logs/main/events", load)?.per_s);
        if let Ok(rival) = &rival {
            let chain = script("INSERT INTO audit (event) VALUES (:event);\n");
            chained.push(rival.per_s(kit, &chain)?);
            let free = script("INSERT INTO plain (event) VALUES (:event);\n");
            plain.push(rival.per_s(kit, &free)?);
        }
    }
    let own = median(own)?;
    if let Ok(rival) = &rival
        && rival.sql(kit, IS_CHAIN)? != "t"
    {
        return Err("the table that was measured is no chain".to_owned());
    }
    let why = rival.err();
    let measured = |rates: Vec<f64>| why.clone().map_or_else(|| median(rates), Err);
    let figure = "appends over HTTP, 64 connections";
    let beside = "PostgreSQL, hash-chain trigger, 64 clients";
    let chained = Line::new(figure, "/s", own, beside, measured(chained));
    let plain = Line::new(figure, "/s", own, "PostgreSQL, plain table", measured(plain));
    let note = "jsonb column, fsync and synchronous_commit on, pgbench with prepared statements, one event's bytes again and again";
    Ok(vec![chained.asked(Goal::AtLeast(20.0)).note(note), plain])
}

/// An event of the same form and length as those that the load generator sends.
fn sample_event() -> String {
    let head = r#"{"id":"00000000000000000000","actor":{"type":"user","id":"u0"},"action":"row.update","data":""#;
    let filler = (head.len()..448).map(|at| char::from(b'a' + (at * 7 % 256 % 26) as u8));
    format!("{head}{}\"}}", filler.collect::<String>())
}
