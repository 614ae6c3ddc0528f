//! Verifies with our library that a witness has cosigned a checkpoint.
//!
//! `cosigned FILE VKEY`: the file holds the signed checkpoint with the witness's signature lines, the key is the
//! witness's. Prints the cosignature's time, or why it does not hold. `cargo xtask conformance` runs it.

#![expect(clippy::print_stdout, reason = "an example reports to the person who runs it")]

use std::process::ExitCode;

use graven_note::{Checkpoint, Note, VerifierKey};

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let mut args = std::env::args().skip(1);
    let (Some(file), Some(vkey)) = (args.next(), args.next()) else {
        return Err("usage: cosigned FILE VKEY".to_owned());
    };
    let bytes = std::fs::read(&file).map_err(|e| format!("cannot read {file}: {e}"))?;
    let key: VerifierKey = vkey.parse().map_err(|e| format!("key {vkey}: {e}"))?;
    let note = Note::parse(&bytes).map_err(|e| format!("note: {e}"))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|e| format!("checkpoint: {e}"))?;
    let verified = note.verify(&[key]).map_err(|e| format!("signature: {e}"))?;
    let time = verified.first().and_then(|cosignature| cosignature.timestamp_s);
    let time = time.filter(|&time_s| time_s > 0).ok_or("the cosignature has no time")?;
    Ok(format!("size {} cosigned at {time}", checkpoint.size.0))
}
