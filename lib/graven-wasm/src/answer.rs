//! One request's answer: what was checked, or what is wrong.

use graven_entry::with_causes;
use graven_merkle::TreeSize;
use graven_note::{Checkpoint, TlogProof, VerifierKey};
use graven_verify::{
    Disclosed, EntryVerdict, FaultKind, ProducerSignature, Results, compare_heads,
    open_disclosures, verify_checkpoint, verify_entry, verify_key_changes, verify_results,
};

use crate::json::Object;
use crate::limits::SIZE_MAX;
use crate::request::{Fields, Refused, Trust, bad_argument, proof_malformed};

/// What a checkpoint alone says nothing of.
const ENTRIES: &str = "the entries that its root stands for";
/// What is not known without a policy.
const WITNESSES: &str = "cosignatures: the log's word alone stands for there being one tree";
/// What the log's signature shows.
const SIGNED: &str = "the log's key has signed that tree's root";
/// What a policy that is satisfied shows.
const POLICY: &str = "the policy's witnesses have cosigned it";

/// The answer to a request, whatever it is: an object of JSON with `"ok":true` and what was
/// checked, or with `"ok":false`, `kind`, `index` (or null) and `detail`.
pub fn answer(request: &[u8]) -> Vec<u8> {
    let mut fields = Fields::of(request);
    run(&mut fields).unwrap_or_else(|refused| {
        let index = refused.index.map_or("null".to_owned(), |index| index.to_string());
        Object::new()
            .raw("ok", b"false")
            .text("kind", refused.kind)
            .raw("index", index.as_bytes())
            .text("detail", &refused.detail)
            .end()
    })
}

fn run(fields: &mut Fields<'_>) -> Result<Vec<u8>, Refused> {
    match fields.text("request")? {
        "entry" => entry(fields),
        "checkpoint" => checkpoint(fields),
        "consistency" => consistency(fields),
        "results" => results(fields),
        "keys" => keys(fields),
        other => Err(bad_argument("request", &format!("`{other}` cannot be verified"))),
    }
}

/// Fields: the entry, its tlog-proof, disclosures one a line.
fn entry(fields: &mut Fields<'_>) -> Result<Vec<u8>, Refused> {
    let trust = fields.trust()?;
    let entry = fields.bytes("entry")?;
    let proof = fields.bytes("proof")?;
    let encoded: Vec<&str> = fields.text("disclosures")?.lines().collect();
    let proof = TlogProof::parse(proof).map_err(|error| proof_malformed(with_causes(&error)))?;
    let verdict = verify_entry(entry, &proof, &trust.origin, &trust.keys, trust.policy.as_ref())?;
    check_countable(verdict.checkpoint.size)?;
    let disclosed = open_disclosures(entry, &encoded)?;
    let (name, key) = match &verdict.producer {
        ProducerSignature::None => ("none", ""),
        ProducerSignature::KeyUnknown => ("key_unknown", ""),
        ProducerSignature::Verified { key } => ("verified", key.as_str()),
    };
    let producer = Object::new().text("signature", name).text("key", key).end();
    let answer = good(&entry_checked(&verdict, &disclosed), &verdict.not_checked)
        .number("index", verdict.index.0)
        .text("leaf", &verdict.leaf.to_string())
        .text("time", &verdict.header.time.to_string())
        .raw("checkpoint", &head(&verdict.checkpoint, &proof.checkpoint))
        .list("keysUsed", &verdict.keys_used)
        .raw("producer", &producer)
        .raw_list("opened", &opened(&disclosed))
        .number("withheld", disclosed.withheld as u64);
    Ok(answer.end())
}

/// Fields: the signed note.
fn checkpoint(fields: &mut Fields<'_>) -> Result<Vec<u8>, Refused> {
    let trust = fields.trust()?;
    let note = fields.bytes("checkpoint")?;
    let verdict = verify_checkpoint(note, &trust.origin, &trust.keys, trust.policy.as_ref())?;
    check_countable(verdict.checkpoint.size)?;
    let (accepted, unasked) = by_policy(&trust);
    let checked: Vec<&str> = std::iter::once(SIGNED).chain(accepted).collect();
    let not_checked: Vec<&str> = std::iter::once(ENTRIES).chain(unasked).collect();
    let answer = good(&checked, &not_checked)
        .raw("checkpoint", &head(&verdict.checkpoint, note))
        .list("keysUsed", &verdict.keys_used);
    Ok(answer.end())
}

/// Fields: the older signed note, the newer one, the proof's hashes one a line.
fn consistency(fields: &mut Fields<'_>) -> Result<Vec<u8>, Refused> {
    let trust = fields.trust()?;
    let (old, new) = (fields.bytes("old")?, fields.bytes("new")?);
    let proof = fields.hashes("proof")?;
    let opened = |note| verify_checkpoint(note, &trust.origin, &trust.keys, None);
    let older = opened(old)?.checkpoint;
    let newer =
        verify_checkpoint(new, &trust.origin, &trust.keys, trust.policy.as_ref())?.checkpoint;
    check_countable(older.size.max(newer.size))?;
    compare_heads(&older, &newer, &proof)?;
    let grown = format!(
        "the tree of {} entries begins with the tree of {} entries",
        newer.size, older.size
    );
    let (accepted, unasked) = by_policy(&trust);
    let mut checked = vec![grown.as_str(), "the log's key has signed both"];
    checked.extend(accepted);
    let answer = good(&checked, unasked.as_slice())
        .raw("old", &head(&older, old))
        .raw("new", &head(&newer, new));
    Ok(answer.end())
}

/// Fields: the file.
fn results(fields: &mut Fields<'_>) -> Result<Vec<u8>, Refused> {
    let trust = fields.trust()?;
    let results = Results::parse(fields.bytes("results")?)?;
    let verdict = verify_results(&results, &trust.origin, &trust.keys, trust.policy.as_ref())?;
    let checkpoint = &verdict.checkpoint;
    check_countable(checkpoint.size)?;
    let each = format!("each entry is in the tree of {} entries, at its index", checkpoint.size);
    let mut checked = vec![each.as_str(), SIGNED, "each entry is well formed"];
    checked.extend(verdict.policy.is_some().then_some(POLICY));
    let indexes: Vec<Vec<u8>> =
        results.entries.iter().map(|(index, _)| index.to_string().into_bytes()).collect();
    let answer = good(&checked, &verdict.not_checked)
        .raw_list("indexes", &indexes)
        .raw("checkpoint", &head(checkpoint, &results.checkpoint))
        .list("keysUsed", &verdict.keys_used);
    Ok(answer.end())
}

/// Fields: the file, of entries that change the log's keys.
fn keys(fields: &mut Fields<'_>) -> Result<Vec<u8>, Refused> {
    let trust = fields.trust()?;
    let changes = Results::parse(fields.bytes("results")?)?;
    let policy = trust.policy.as_ref();
    let verdict = verify_key_changes(&changes, &trust.origin, &trust.keys, policy)?;
    let checkpoint = &verdict.results.checkpoint;
    check_countable(checkpoint.size)?;
    let checked = ["a key that was known has signed each new one", SIGNED];
    let vkeys: Vec<String> = verdict.keys.iter().map(VerifierKey::to_string).collect();
    let answer = good(&checked, &verdict.results.not_checked)
        .list("vkeys", &vkeys)
        .raw("checkpoint", &head(checkpoint, &changes.checkpoint))
        .list("keysUsed", &verdict.results.keys_used);
    Ok(answer.end())
}

fn entry_checked(verdict: &EntryVerdict, disclosed: &Disclosed) -> Vec<String> {
    let (index, size) = (verdict.index, verdict.checkpoint.size);
    let in_tree = format!("the entry is in the tree of {size} entries, at index {index}");
    let mut checked = vec![in_tree, SIGNED.into(), "the entry is well formed".into()];
    if verdict.policy.is_some() {
        checked.push(POLICY.into());
    }
    if let ProducerSignature::Verified { .. } = verdict.producer {
        checked.push("the producer has signed the event".into());
    }
    if !disclosed.opened.is_empty() {
        checked.push("the opened values are those that were sealed into the entry".into());
    }
    checked
}

/// Sealed values that disclosures open: path (RFC 6901) and value.
fn opened(disclosed: &Disclosed) -> Vec<Vec<u8>> {
    let opened = disclosed.opened.iter().map(|value| {
        Object::new().text("path", &value.path).raw("value", &value.disclosure.value_json).end()
    });
    opened.collect()
}

/// What to say of witnesses: that they were checked, or that they were not.
fn by_policy(trust: &Trust) -> (Option<&'static str>, Option<&'static str>) {
    if trust.policy.is_some() { (Some(POLICY), None) } else { (None, Some(WITNESSES)) }
}

fn good(checked: &[impl AsRef<str>], not_checked: &[&str]) -> Object {
    Object::new().raw("ok", b"true").list("checked", checked).list("notChecked", not_checked)
}

/// A checkpoint, with the note that it came in: what a caller keeps to compare the next one with.
fn head(checkpoint: &Checkpoint, note: &[u8]) -> Vec<u8> {
    Object::new()
        .text("origin", &checkpoint.origin)
        .number("size", checkpoint.size.0)
        .text("root", &checkpoint.root.to_string())
        .text("note", &String::from_utf8_lossy(note))
        .end()
}

fn check_countable(size: TreeSize) -> Result<(), Refused> {
    if size.0 <= SIZE_MAX {
        return Ok(());
    }
    let detail = format!("the tree has {size} entries; JavaScript counts exactly to {SIZE_MAX}");
    Err(Refused { kind: FaultKind::LimitExceeded.as_str(), index: None, detail })
}
