//! Creating logs. The order, and what a crash leaves: keys first, then the directory with its meta file, then entry 0 through
//! the journal, then the note in `system`. Before the meta file there is no log; after it the next start writes entry 0.

use crate::inbox::Work;
use crate::inner::{Creator, Inner, NewLog, SYSTEM_LOG};
use crate::keys::{LogKeys, write_keys};
use crate::limits::LOGS_MAX;
use crate::meta::{META_FILE, Meta, VKEY_FILE, VKEYS_FILE};
use crate::own;
use crate::recover::{OpenError, shared_log};
use crate::shared::LogShared;
use crate::state::LogState;
use crate::sync::wait_for;
use append::{Appended, Code, Refusal};
use graven_entry::{LogName, Name, with_causes};
use graven_note::VerifierKey;
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError};
use store::StoreError;
use tokio::sync::oneshot;

/// The log that the first start makes for events.
pub(crate) const MAIN_LOG: &str = "main";

impl Creator {
    /// Creates a log and waits until it is permanent.
    pub(crate) fn create(
        &mut self,
        inner: &Inner,
        name: &LogName,
        new: &NewLog,
    ) -> Result<Arc<LogShared>, Refusal> {
        Creator::check(inner, name, new)?;
        let (meta, keys) = Creator::draw(inner, name, new)?;
        self.write_files(inner, &meta, &keys).map_err(|error| write_refusal(inner, &error))?;
        let log = self.share(&meta, keys);
        open(inner, &log, &meta.opening)?;
        note_created(inner, &log);
        Ok(log)
    }

    fn check(inner: &Inner, name: &LogName, new: &NewLog) -> Result<(), Refusal> {
        inner.check_open()?;
        inner.room.check()?;
        let exists = |what: String| Refusal::new(Code::Exists, what);
        if inner.registry.get(name.as_str()).is_some() {
            return Err(
                exists(format!("log {name} exists; names are never used twice")).in_field("name")
            );
        }
        if inner.registry.len() >= LOGS_MAX {
            let detail =
                format!("this server has {LOGS_MAX} logs, its limit; start another server");
            return Err(Refusal::new(Code::Busy, detail).retry_after(3_600));
        }
        let taken = |log: &Arc<LogShared>| Some(&log.origin) == new.origin.as_ref();
        if let Some(log) = inner.registry.all().iter().find(|log| taken(log)) {
            let detail = format!(
                "origin {} is the one of log {}; every log needs its own",
                log.origin, log.name
            );
            return Err(exists(detail).in_field("origin"));
        }
        Ok(())
    }

    fn draw(inner: &Inner, name: &LogName, new: &NewLog) -> Result<(Meta, LogKeys), Refusal> {
        let unusable = |why: String| Refusal::new(Code::BadEvent, why).in_field("origin");
        let random = &*inner.env.random;
        // The default origin of `system` needs its key, and the key its name: draw the key under a stand-in name first.
        let mut keys = LogKeys::generate("graven/new", random).map_err(unusable)?;
        let origin = match &new.origin {
            Some(origin) => origin.clone(),
            None => default_origin(inner, name, &keys)
                .ok_or_else(|| unusable(format!("no default origin for log {name}")))?,
        };
        keys = keys.renamed(origin.as_str()).map_err(unusable)?;
        let vkeys: Vec<String> = keys.vkeys().iter().map(VerifierKey::to_string).collect();
        let opening = own::log_opened(
            name.as_str(),
            origin.as_str(),
            &vkeys,
            new.public,
            new.succeeds.as_ref(),
        );
        let opening = String::from_utf8(opening).expect("own events are UTF-8");
        Ok((Meta { name: name.clone(), origin, public: new.public, opening }, keys))
    }

    fn write_files(&self, inner: &Inner, meta: &Meta, keys: &LogKeys) -> Result<(), StoreError> {
        let name = meta.name.as_str();
        write_keys(&*inner.env.disk, &self.keys_dir, name, &[keys])
            .map_err(|error| StoreError::Io(std::io::Error::other(error)))?;
        self.store.create_log_dir(name)?;
        let vkeys: Vec<String> = keys.vkeys().iter().map(VerifierKey::to_string).collect();
        self.store.write_file(name, VKEY_FILE, format!("{}\n", vkeys[0]).as_bytes())?;
        self.store.write_file(name, VKEYS_FILE, format!("{}\n", vkeys.join("\n")).as_bytes())?;
        self.store.write_file(name, META_FILE, meta.to_text().as_bytes())
    }

    fn share(&mut self, meta: &Meta, keys: LogKeys) -> Arc<LogShared> {
        let no = self.next_no;
        self.next_no += 1;
        let (state, parts) = (LogState::default(), Vec::new());
        Arc::new(shared_log(no, meta, state, parts, vec![keys], &self.limits))
    }
}

/// Writes entry 0 and lets the log be seen.
fn open(inner: &Inner, log: &Arc<LogShared>, opening: &str) -> Result<(), Refusal> {
    inner.inbox.push(Work::Register { log: Arc::clone(log) });
    append_own(inner, log, vec![opening.as_bytes().to_vec()])?;
    inner.registry.insert(Arc::clone(log));
    Ok(())
}

/// Notes a new log in `system`. It is on its way when this returns; the minute's roots name the log as well.
fn note_created(inner: &Inner, log: &Arc<LogShared>) {
    let Some(system) = inner.system() else { return };
    let head = log.head();
    let event =
        own::log_noted("create", log.name.as_str(), log.origin.as_str(), head.size, &head.root);
    if inner.pace.is_by_clock() {
        inner.inbox.push(Work::Own { log: system, events: vec![event], reply: None });
    } else {
        // Its outcome is no more the caller's business than by the clock; only the order of calls to the disk is fixed.
        drop(append_own(inner, &system, vec![event]));
    }
}

/// Appends entries of the log's own and waits until they are permanent.
pub(crate) fn append_own(
    inner: &Inner,
    log: &Arc<LogShared>,
    events: Vec<Vec<u8>>,
) -> Result<Appended, Refusal> {
    let (reply, answer) = oneshot::channel();
    inner.inbox.push(Work::Own { log: Arc::clone(log), events, reply: Some(reply) });
    wait_for(answer).unwrap_or_else(|_| {
        let why = inner.poison.reason().unwrap_or("the server is stopping");
        Err(Refusal::new(Code::Unavailable, why))
    })
}

/// `graven/<32 hex digits>/<log>`: the digits are of the first key of `system`, so that no two installations share one.
fn default_origin(inner: &Inner, name: &LogName, new_keys: &LogKeys) -> Option<Name> {
    let key = match inner.registry.get(SYSTEM_LOG) {
        None => new_keys.ed25519.verifier().public_key().to_vec(),
        Some(system) => {
            let first = system.state().keys.first()?.vkey.clone();
            first.parse::<VerifierKey>().ok()?.public_key().to_vec()
        }
    };
    let digest = Sha256::digest(&key);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Name::origin(&format!("graven/{hex}/{name}")).ok()
}

fn write_refusal(inner: &Inner, error: &StoreError) -> Refusal {
    if let StoreError::Full { .. } = error {
        inner.room.set_disk_full(true);
        return Refusal::new(Code::DiskFull, "the disk is full: the log was not created")
            .retry_after(30);
    }
    let fatal = inner.poison.fatal(format!("creating a log failed: {}", with_causes(error)));
    Refusal::new(Code::Unavailable, fatal.0)
}

/// The logs that every server has.
pub(crate) struct FirstLogs {
    pub(crate) main_origin: Option<Name>,
}

impl FirstLogs {
    /// Finishes creations that a crash cut off, and creates what is missing. Returns whether anything was.
    pub(crate) fn ensure(
        &self,
        inner: &Inner,
        unopened: &[(Arc<LogShared>, String)],
    ) -> Result<bool, OpenError> {
        let mut made = false;
        for (log, opening) in unopened.iter().filter(|(log, _)| log.ended().is_none()) {
            let event = vec![opening.as_bytes().to_vec()];
            append_own(inner, log, event)
                .map_err(|refusal| create_error(log.name.as_str(), &refusal))?;
            note_created(inner, log);
        }
        if inner.system().is_none() {
            made = true;
            FirstLogs::create(inner, &next_name(inner, SYSTEM_LOG), NewLog::default())?;
        }
        if inner.registry.get(MAIN_LOG).is_none() {
            made = true;
            let new = NewLog { origin: self.main_origin.clone(), ..NewLog::default() };
            FirstLogs::create(inner, MAIN_LOG, new)?;
        }
        Ok(made)
    }

    /// The log that the server writes its own notes to.
    pub(crate) fn system(inner: &Inner) -> Result<Arc<LogShared>, OpenError> {
        let missing =
            || OpenError::Create { log: SYSTEM_LOG.to_owned(), why: "it is not there".to_owned() };
        inner.system().ok_or_else(missing)
    }

    fn create(inner: &Inner, name: &str, mut new: NewLog) -> Result<(), OpenError> {
        let log_name = LogName::new(name)
            .map_err(|error| OpenError::Create { log: name.to_owned(), why: error.to_string() })?;
        let ended = inner.registry.get(SYSTEM_LOG).filter(|_| name != MAIN_LOG);
        new.succeeds = ended.map(|ended| succession(&ended));
        let mut creator = inner.creator.lock().unwrap_or_else(PoisonError::into_inner);
        creator.create(inner, &log_name, &new).map_err(|refusal| create_error(name, &refusal))?;
        Ok(())
    }
}

fn create_error(name: &str, refusal: &Refusal) -> OpenError {
    OpenError::Create { log: name.to_owned(), why: refusal.detail.clone() }
}

/// What a successor says of an ended log.
pub(crate) fn succession(ended: &LogShared) -> own::Succession {
    let head = ended.head();
    let signed = ended.signer().last.clone();
    own::Succession {
        origin: ended.origin.to_string(),
        size: head.size,
        root: head.root,
        checkpoint: signed.map(|signed| signed.note.clone()),
        reason: ended.ended().unwrap_or_default(),
    }
}

/// `name`, or `name-2`, `name-3`, … where the ones before have ended.
pub(crate) fn next_name(inner: &Inner, name: &str) -> String {
    let mut candidate = name.to_owned();
    for number in 2..=LOGS_MAX {
        if inner.registry.get(&candidate).is_none() {
            break;
        }
        candidate = format!("{name}-{number}");
    }
    candidate
}
