//! The gate: who asks, and whether they may. The server asks it in one place only.
//!
//! It owns the directory of principals, which the `system` logs hold: they are read through at start, and what changes is
//! appended there before it counts.

mod by_issuer;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use access::{
    Account, Asked, AuthFailure, ChangeError, Class, Credential, Decision, Directory, PrincipalId,
    Privilege, Proof, RateLimits, Rates, RelyingParty, ReplayError, Right, Scoped, SealPolicy,
    Slice, Source, Standing, Strength, Throttle, Token, TokenHash, TokenId, TokenKey, ViewLink,
};
use append::{Code, Refusal};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use env::{Clock, Disk, OpenMode, Random};
use graven_entry::{AuthMethod, Entry, Grade, Time};
use graven_merkle::{Frontier, Hash, LeafIndex, leaf_hash};
use log::{Cell, Env, LogHandle, ReadError, Writer};
use zeroize::Zeroizing;

use crate::limits::LAST_USED_NS;
use crate::oidc::{Oidc, OidcError, OidcOptions};
use crate::peer::Peer;
use crate::sign_in::SignIn;
use crate::tls::ClientCertificate;

/// The file of the key under which tokens are hashed, among the signing keys.
const KEY_FILE: &str = "tokens.key";
/// How whoever brings a token stands in headers and records.
const TOKEN: &str = "token";

/// What a gate is opened with.
#[derive(Clone, Debug)]
pub struct GateOptions {
    /// The text of `admin.token`.
    pub admin_token: String,
    /// Where the key lies under which tokens are hashed; made where no token needs it yet.
    pub keys_dir: PathBuf,
    /// What one principal may send.
    pub rates: RateLimits,
    /// A missing key is lost: every token ends, and the admin has every right again.
    pub lost_keys: bool,
    /// What needs a second person.
    pub four_eyes: BTreeSet<Privilege>,
    /// Whose tokens are believed beside our own.
    pub oidc: Option<OidcOptions>,
    /// What needs strong authentication.
    pub strong_auth: BTreeSet<Privilege>,
    /// The address that browsers know, for which passkeys are made.
    pub public: Option<RelyingParty>,
    /// Browsers come over TLS, so that a cookie may say so.
    pub is_secure: bool,
    /// What is sealed.
    pub seal_policy: SealPolicy,
    /// Origins whose pages may embed views.
    pub view_origins: Vec<String>,
}

impl GateOptions {
    /// The defaults: no rates, nothing that needs a second person.
    pub fn new(admin_token: String, keys_dir: PathBuf) -> GateOptions {
        GateOptions {
            admin_token,
            keys_dir,
            rates: RateLimits::default(),
            lost_keys: false,
            four_eyes: BTreeSet::new(),
            oidc: None,
            strong_auth: BTreeSet::new(),
            public: None,
            is_secure: false,
            seal_policy: SealPolicy::default(),
            view_origins: Vec::new(),
        }
    }
}

/// Why a gate cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// An issuer cannot be believed like this.
    #[error("cannot take tokens of an issuer")]
    Oidc(#[from] OidcError),
    /// What needs a second person, what is sealed, or that a key is lost, cannot be recorded.
    #[error("cannot record how access stands")]
    Record(#[source] Box<Refusal>),
    /// The key file cannot be read or made.
    #[error("cannot use the key of tokens {}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The key file is not there, and there are tokens.
    #[error("the key of tokens {} is missing: put it back, or is --keys another directory? If it is lost, start with --lost-keys: every token ends, and admin.token has every right again", .0.display())]
    KeyMissing(PathBuf),
    /// A log of the server's own cannot be read.
    #[error("cannot read log {log}")]
    Read {
        /// The log.
        log: String,
        /// The cause.
        source: Box<ReadError>,
    },
    /// A log of the server's own does not say who may do what.
    #[error("entry {index} of log {log} cannot be taken in")]
    Replay {
        /// The log.
        log: String,
        /// The entry.
        index: LeafIndex,
        /// The cause.
        source: ReplayError,
    },
    /// A log of the server's own is not what its root says: nobody is let in on its word.
    #[error("the entries of log {log} are not those of its root; run `graven verify`")]
    Changed {
        /// The log.
        log: String,
    },
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    /// Its id in the directory.
    pub(crate) id: PrincipalId,
    /// How it was authenticated: `auth` in those headers.
    pub(crate) method: &'static str,
    /// How it stands in the headers of the entries that it writes.
    pub(crate) writer: Writer,
    /// Whether this is its first use for a while, which is recorded.
    pub(crate) is_login: bool,
    /// How well.
    pub(crate) strength: Strength,
    /// When what it proved itself with ends, where the directory does not say so.
    pub(crate) until: Option<Time>,
    /// The view link that it came by, which is all that it may do.
    pub(crate) view: Option<Arc<ViewLink>>,
}

/// A log-in that failed: the refusal tells the client less than the record does.
pub(crate) struct BadLogin {
    pub(crate) refusal: Refusal,
    pub(crate) claimed: Option<PrincipalId>,
    pub(crate) why: &'static str,
}

impl BadLogin {
    pub(crate) fn new(
        refusal: Refusal,
        claimed: Option<PrincipalId>,
        why: &'static str,
    ) -> Box<BadLogin> {
        Box::new(BadLogin { refusal, claimed, why })
    }
}

/// Decides who asks and what they may do.
pub struct Gate {
    standing: RwLock<Standing>,
    key: TokenKey,
    admin: TokenHash,
    throttle: Mutex<Throttle>,
    /// Second factors and sessions.
    pub(crate) sign_in: SignIn,
    rates: Mutex<Rates>,
    oidc: Option<Oidc>,
    /// When the newest token that was seen of each of an issuer's principals was issued, in seconds.
    newest_s: Mutex<HashMap<PrincipalId, u64>>,
    /// How many texts were hashed as tokens, for the test that each costs one.
    #[cfg(test)]
    hashed: std::sync::atomic::AtomicU64,
    /// Origins whose pages may embed views.
    pub(crate) view_origins: Vec<String>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Held from the check of a change until it is in the directory, so that two cannot both be the first.
    changing: tokio::sync::Mutex<()>,
}

impl Gate {
    /// Reads the cell's `system` logs through. Blocks for as long as that takes.
    pub fn open(cell: &Cell, env: &Env, options: &GateOptions) -> Result<Gate, GateError> {
        let mut standing = Standing::default();
        for log in cell.system_logs() {
            replay(&log, &mut standing)?;
        }
        let path = options.keys_dir.join(KEY_FILE);
        let failed = |source| GateError::Key { path: path.clone(), source };
        let key = match read_key(&*env.disk, &path).map_err(failed)? {
            Some(key) => key,
            None if standing.directory.has_tokens() && !options.lost_keys => {
                return Err(GateError::KeyMissing(path));
            }
            None => {
                if standing.directory.has_tokens() {
                    record(cell, &mut standing, Directory::plan_lost_key())?;
                }
                make_key(env, &options.keys_dir, &path).map_err(failed)?
            }
        };
        if let Some(event) = standing.approvals.plan_needed(&options.four_eyes) {
            record(cell, &mut standing, event)?;
        }
        if let Some(event) = standing.factors.plan_demanded(&options.strong_auth) {
            record(cell, &mut standing, event)?;
        }
        for event in standing.sealing.plan(&options.seal_policy) {
            record(cell, &mut standing, event)?;
        }
        let client = options.oidc.as_ref().and_then(|oidc| oidc.client.as_ref());
        if client.is_some() && options.public.is_none() {
            return Err(OidcError::PublicUrl.into());
        }
        let key = TokenKey::new(&key);
        let random = &*env.random;
        Ok(Gate {
            sign_in: SignIn::new(random, options.public.clone(), options.is_secure),
            standing: RwLock::new(standing),
            admin: key.hash(options.admin_token.as_bytes()),
            key,
            throttle: Mutex::default(),
            rates: Mutex::new(Rates::new(options.rates)),
            oidc: options.oidc.as_ref().map(Oidc::new).transpose()?,
            newest_s: Mutex::default(),
            #[cfg(test)]
            hashed: std::sync::atomic::AtomicU64::new(0),
            view_origins: options.view_origins.clone(),
            clock: Arc::clone(&env.clock),
            random: Arc::clone(&env.random),
            changing: tokio::sync::Mutex::new(()),
        })
    }

    /// Who sent this request from this address. A token decides where there is one, good or bad: whoever sends it means to be
    /// its principal. Then a session, then the connection's certificate.
    pub(crate) fn authenticate(
        &self,
        parts: &Parts,
        address: IpAddr,
    ) -> Result<Principal, Box<BadLogin>> {
        if let Some(cookie) = self.sign_in.cookie(&parts.headers) {
            return self.by_cookie(parts, cookie);
        }
        let peer = parts.extensions.get::<Peer>();
        let certificate = peer.and_then(|peer| peer.certificate.as_deref());
        let certificate =
            certificate.filter(|_| !parts.headers.contains_key(header::AUTHORIZATION));
        if let Some(certificate) = certificate {
            return self.by_certificate(certificate).map_err(|(claimed, why)| {
                let detail = "the client certificate is nobody's here; ask an owner to bind it";
                BadLogin::new(unauthenticated(detail), claimed, why)
            });
        }
        let token = bearer(&parts.headers).map_err(|detail| {
            BadLogin::new(unauthenticated(detail), None, "no credential of its form")
        })?;
        if ViewLink::is_meant(token) {
            return self.by_view(token);
        }
        self.by_token(token, address)
    }

    /// Whether a request brings anything that could say who asks.
    pub(crate) fn is_brought(&self, parts: &Parts) -> bool {
        let peer = parts.extensions.get::<Peer>();
        parts.headers.contains_key(header::AUTHORIZATION)
            || self.sign_in.cookie(&parts.headers).is_some()
            || peer.is_some_and(|peer| peer.certificate.is_some())
    }

    /// Whether tokens of an issuer are believed.
    pub(crate) fn has_issuer(&self) -> bool {
        self.oidc.is_some()
    }

    /// Whose token this is.
    pub(crate) fn by_token(
        &self,
        token: &[u8],
        address: IpAddr,
    ) -> Result<Principal, Box<BadLogin>> {
        let bad = BadLogin::new;
        // Hashed before anything is looked up, so that a known id and an unknown one take the same time.
        let hash = self.hash(token);
        let claimed = self.claimed(token, &hash);
        let source = Source::new(address, claimed.clone());
        if let Err(refusal) = self.check_source(&source) {
            return Err(bad(refusal, claimed, "locked out"));
        }
        match self.known(token, &hash) {
            Ok(principal) => {
                lock(&self.throttle).succeeded(&source);
                Ok(principal)
            }
            Err(failure) => {
                self.count_failure(source, address);
                let (claimed, why) = told(failure);
                let detail = "the bearer token is not one of this server; check GRAVEN_TOKEN";
                Err(bad(unauthenticated(detail), claimed, why))
            }
        }
    }

    fn hash(&self, token: &[u8]) -> TokenHash {
        #[cfg(test)]
        self.hashed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.key.hash(token)
    }

    /// How many texts were hashed as tokens.
    #[cfg(test)]
    pub(crate) fn hashes(&self) -> u64 {
        self.hashed.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Refuses a source that failed too often.
    fn check_source(&self, source: &Source) -> Result<(), Refusal> {
        lock(&self.throttle).check(source, self.clock.boot_ns()).map_err(|wait_s| {
            let detail =
                "too many bad credentials came from your address; wait, then use a good one";
            Refusal::new(Code::Busy, detail).retry_after(wait_s)
        })
    }

    fn count_failure(&self, source: Source, address: IpAddr) {
        if lock(&self.throttle).failed(source, self.clock.boot_ns()) {
            tracing::warn!(%address, "too many bad credentials: locked out for a while");
        }
    }

    /// Whose token this is or claims to be.
    fn claimed(&self, token: &[u8], hash: &TokenHash) -> Option<PrincipalId> {
        if self.admin.matches(hash) {
            return Some(PrincipalId::admin());
        }
        TokenId::of(token).and_then(|id| self.standing().directory.owner_of(&id).cloned())
    }

    fn known(&self, token: &[u8], hash: &TokenHash) -> Result<Principal, AuthFailure> {
        let now = self.now();
        let standing = self.standing();
        let directory = &standing.directory;
        let account = if self.admin.matches(hash) {
            directory.admin().map_err(AuthFailure::Revoked)?
        } else {
            directory.authenticate(token, hash, now)?
        };
        let id = account.id.clone();
        drop(standing);
        Ok(self.known_as(id, TOKEN, Strength::Single))
    }

    /// Whose certificate this is. There is nothing to guess in one, so nobody is locked out for bad ones.
    fn by_certificate(
        &self,
        certificate: &ClientCertificate,
    ) -> Result<Principal, (Option<PrincipalId>, &'static str)> {
        let now = self.now();
        if !certificate.is_good(now) {
            return Err((None, "certificate expired or not yet valid"));
        }
        let standing = self.standing();
        let account = standing.directory.of_certificate(&certificate.names, now);
        let id = account.map(|account| account.id.clone()).map_err(|failure| match failure {
            AuthFailure::Unknown => (None, "unknown certificate"),
            failure => told(failure),
        })?;
        drop(standing);
        Ok(self.known_as(id, "mtls", Strength::Strong))
    }

    /// Whose right a view link narrows. There is nothing to guess in one, so nobody is locked out for bad ones.
    fn by_view(&self, text: &[u8]) -> Result<Principal, Box<BadLogin>> {
        let bad = |detail, claimed, why| BadLogin::new(unauthenticated(detail), claimed, why);
        let link = ViewLink::open(text, &self.key).ok_or_else(|| {
            bad("this is no view link of this server", None, "no view link of ours")
        })?;
        let ended = "the view link has ended; load the page that it came from again";
        let (id, now) = (link.principal.clone(), self.now());
        if link.expires <= now {
            return Err(bad(ended, Some(id), "view link expired"));
        }
        if !self.standing().directory.is_good(&id, now) {
            return Err(bad(ended, Some(id), "revoked or expired"));
        }
        let (until, view) = (Some(link.expires), Some(Arc::new(link)));
        Ok(Principal { until, view, ..self.known_as(id, "view", Strength::Single) })
    }

    /// The text of a view link.
    pub(crate) fn sign_view(&self, link: &ViewLink) -> String {
        link.sign(&self.key)
    }

    /// A principal that proved itself by this method, so well.
    pub(crate) fn known_as(
        &self,
        id: PrincipalId,
        method: &'static str,
        strength: Strength,
    ) -> Principal {
        let is_login = self.is_login(&id);
        let auth = AuthMethod::new(method).expect("words of lower-case letters name a method");
        let writer = Writer { id: id.name().clone(), auth, grade: Grade::Asserted };
        Principal { id, method, writer, is_login, strength, until: None, view: None }
    }

    /// Takes in that a principal asks for something, and says whether it is its first use for a while.
    fn is_login(&self, id: &PrincipalId) -> bool {
        let now = self.now();
        let last = self.standing().directory.account(id.as_str()).and_then(|one| one.last_used);
        last.is_none_or(|last| now.unix_ns().saturating_sub(last.unix_ns()) > LAST_USED_NS)
            && self.write().directory.used(id, now)
    }

    /// Refuses who proved too little for a right that is privileged.
    pub(crate) fn check_strength(&self, strength: Strength, right: Right) -> Result<(), Refusal> {
        match Privilege::of(right) {
            None => Ok(()),
            privilege => self.check_privilege(strength, privilege),
        }
    }

    /// Refuses who proved too little for something privileged, of this kind where that is known.
    pub(crate) fn check_privilege(
        &self,
        strength: Strength,
        privilege: Option<Privilege>,
    ) -> Result<(), Refusal> {
        let forbidden =
            |detail: String| Err(Refusal::new(Code::Forbidden, detail).in_field("authorization"));
        if strength == Strength::Weak {
            let detail = "this needs a stronger log-in; sign in at the issuer with a second factor";
            return forbidden(detail.to_owned());
        }
        let demanded = privilege.filter(|one| self.standing().factors.demanded().contains(one));
        match demanded {
            Some(privilege) if strength < Strength::Strong => forbidden(format!(
                "`{privilege}` needs strong authentication here: a session with a second factor, a client certificate, or an issuer's token that says so"
            )),
            _ => Ok(()),
        }
    }

    /// Whether the principal may do what is asked. `is_public` says whether anyone may know that the log exists.
    pub(crate) fn authorise(
        &self,
        id: &PrincipalId,
        asked: &Asked<'_>,
        is_public: bool,
    ) -> Result<(), Refusal> {
        match self.standing().decide(id, asked, self.now()) {
            Decision::Allowed => Ok(()),
            Decision::Narrowed => {
                let right = asked.right.as_str();
                Err(narrowed(&format!("a policy of this server forbids `{right}` here")))
            }
            Decision::Hidden if !is_public => Err(no_such_log()),
            Decision::Hidden | Decision::Forbidden => {
                let right = asked.right.as_str();
                let detail = format!(
                    "this needs the right `{right}`; ask an owner of the server for a role that has it"
                );
                Err(Refusal::new(Code::Forbidden, detail))
            }
        }
    }

    /// Whether the principal may open sealed values of this class.
    pub(crate) fn may_reveal(&self, id: &PrincipalId, log: &str, class: Class) -> bool {
        self.standing().directory.may_reveal(id, log, class, self.now())
    }

    /// Whether the principal may append to a stream.
    pub(crate) fn check_stream(&self, id: &PrincipalId, stream: &str) -> Result<(), Refusal> {
        if self.standing().directory.may_use_stream(id, stream) {
            return Ok(());
        }
        let detail = format!("the stream is another principal's; yours are `{id}` and `{id}/…`");
        Err(Refusal::new(Code::Forbidden, detail).in_field("stream"))
    }

    /// Takes in a request against the principal's rates.
    pub(crate) fn check_rate(&self, id: &PrincipalId) -> Result<(), Refusal> {
        lock(&self.rates).request(id, self.clock.boot_ns()).map_err(|wait_s| {
            let detail = "you are over your rate of requests or bytes; slow down";
            Refusal::new(Code::Busy, detail).retry_after(wait_s)
        })
    }

    /// Bytes of one body that a principal may send.
    pub(crate) fn body_bytes_max(&self) -> Option<usize> {
        lock(&self.rates).body_bytes_max()
    }

    /// Takes in a body against the principal's rates.
    pub(crate) fn charge_bytes(&self, id: &PrincipalId, bytes: usize) {
        lock(&self.rates).bytes(id, bytes, self.clock.boot_ns());
    }

    /// Makes a change: its entries are permanent when this returns, and count.
    pub(crate) async fn change(
        &self,
        cell: &Cell,
        plan: impl FnOnce(&Standing) -> Result<Vec<Vec<u8>>, Refusal>,
    ) -> Result<(), Refusal> {
        self.change_with(cell, |standing, _| Ok((plan(standing)?, ()))).await
    }

    /// The same of a change that has an answer of its own, and depends on the time.
    pub(crate) async fn change_with<T>(
        &self,
        cell: &Cell,
        plan: impl FnOnce(&Standing, Time) -> Result<(Vec<Vec<u8>>, T), Refusal>,
    ) -> Result<T, Refusal> {
        let _changing = self.changing.lock().await;
        let (events, answer) = plan(&self.standing(), self.now())?;
        if events.is_empty() {
            return Ok(answer);
        }
        let appended = cell.record(events.clone())?.await?;
        let mut standing = self.write();
        for (event, receipt) in events.iter().zip(&appended.receipts) {
            let time: Time = receipt.time.parse().unwrap_or(Time::MIN);
            standing.apply(time, event).map_err(|error| {
                Refusal::new(Code::Unavailable, format!("recorded, and not understood: {error}"))
            })?;
        }
        Ok(answer)
    }

    /// What is said where the task of a change ended without its answer.
    pub(crate) fn broke_off(error: &tokio::task::JoinError) -> Refusal {
        tracing::error!(%error, "a change of access broke off");
        Refusal::new(Code::Unavailable, "the server failed at this change; see its own log")
    }

    /// A new token, and how it is kept.
    pub(crate) fn draw(&self, expires: Option<Time>) -> (Token, Credential) {
        let token = Token::draw(&*self.random);
        let hash = self.key.hash(token.text.as_bytes());
        let credential = Credential { proof: Proof::Token(token.id.clone(), hash), expires };
        (token, credential)
    }

    /// The secret of a saved query's webhook.
    pub(crate) fn webhook_secret(&self, salt: &str) -> Zeroizing<[u8; 32]> {
        self.key.webhook_secret(salt)
    }

    /// The clock since boot.
    pub(crate) fn boot_ns(&self) -> u64 {
        self.clock.boot_ns()
    }

    /// Whose tokens are believed beside our own.
    pub(crate) fn oidc(&self) -> Option<&Oidc> {
        self.oidc.as_ref()
    }

    /// Where salts come from.
    pub(crate) fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// A log's audit policy, where it ever had one.
    pub(crate) fn scope(&self, log: &str) -> Option<Arc<Scoped>> {
        self.standing().scopes.of(log).cloned()
    }

    /// What policies say of a principal's right on a log, event by event.
    pub(crate) fn slice(&self, id: &PrincipalId, right: Right, log: &str) -> Slice {
        self.standing().slice(id, right, Some(log))
    }

    /// Everything as it stands.
    pub(crate) fn standing(&self) -> RwLockReadGuard<'_, Standing> {
        self.standing.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Standing> {
        self.standing.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// One principal as it stands.
    pub(crate) fn account(&self, id: &PrincipalId) -> Result<Account, Refusal> {
        let account = self.standing().directory.account(id.as_str()).cloned();
        account.ok_or_else(|| refused(&ChangeError::Unknown(id.clone())))
    }

    /// The wall clock's time.
    pub(crate) fn now(&self) -> Time {
        Time::from_unix_ns(self.clock.wall_ns()).unwrap_or(Time::MAX)
    }
}

/// The refusal where a role gives a right and a policy forbids it.
pub(crate) fn narrowed(what: &str) -> Refusal {
    Refusal::new(Code::Forbidden, format!("{what}; ask an owner of the server"))
}

/// The refusal for a log that is not there, or not to be known.
pub(crate) fn no_such_log() -> Refusal {
    Refusal::new(Code::NotFound, "no log of this name; `GET /api/v1/logs` lists them")
        .in_field("log")
}

/// Takes in every entry of a log, and makes sure that they are those of its root.
fn replay(log: &LogHandle, standing: &mut Standing) -> Result<(), GateError> {
    let info = log.info();
    let entries = (0..info.size.0).map(|index| log.entry(LeafIndex(index)));
    replay_entries(info.name.as_str(), entries, &info.root, standing)
}

fn replay_entries(
    log: &str,
    entries: impl Iterator<Item = Result<Vec<u8>, ReadError>>,
    root: &Hash,
    standing: &mut Standing,
) -> Result<(), GateError> {
    let name = || log.to_owned();
    let changed = || GateError::Changed { log: name() };
    let mut frontier = Frontier::new();
    for (index, entry) in (0..).map(LeafIndex).zip(entries) {
        let entry =
            entry.map_err(|source| GateError::Read { log: name(), source: Box::new(source) })?;
        frontier.push(leaf_hash(&entry));
        let entry = Entry::parse(&entry).map_err(|_| changed())?;
        standing.apply(entry.header.time, entry.event).map_err(|source| GateError::Replay {
            log: name(),
            index,
            source,
        })?;
    }
    if frontier.root() == *root { Ok(()) } else { Err(changed()) }
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 §2.1; the scheme's case is free).
fn bearer(headers: &HeaderMap) -> Result<&[u8], &'static str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or("no credential; send `Authorization: Bearer <token>`")?;
    if values.next().is_some() {
        return Err("more than one Authorization header; send exactly one");
    }
    match value.as_bytes().split_at_checked(7) {
        // An empty token is none, even on a server whose own were empty by mistake.
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case(b"bearer ") && !token.trim_ascii().is_empty() =>
        {
            Ok(token.trim_ascii())
        }
        _ => Err("unknown credential; send `Authorization: Bearer <token>`"),
    }
}

/// What the record tells of a failed log-in, and the client is not told: whose credential it was, and what is wrong.
fn told(failure: AuthFailure) -> (Option<PrincipalId>, &'static str) {
    match failure {
        AuthFailure::Unknown => (None, "unknown token"),
        AuthFailure::WrongSecret(id) => (Some(id), "wrong secret"),
        AuthFailure::Revoked(id) => (Some(id), "revoked"),
        AuthFailure::Expired(id) => (Some(id), "expired"),
    }
}

pub(crate) fn unauthenticated(detail: &str) -> Refusal {
    Refusal::new(Code::Unauthenticated, detail).in_field("authorization")
}

pub(crate) fn refused(error: &ChangeError) -> Refusal {
    let (code, field) = match error {
        ChangeError::Exists(_) => (Code::Exists, "name"),
        ChangeError::Bound(_) => (Code::Exists, "certificate"),
        ChangeError::Unknown(_) => (Code::NotFound, "principal"),
        ChangeError::Done(_) => (Code::Exists, "principal"),
        ChangeError::OfIssuer(_) => (Code::Forbidden, "principal"),
        ChangeError::NoRole => (Code::Forbidden, "authorization"),
        ChangeError::LastOwner => (Code::Forbidden, "principal"),
        ChangeError::OwnerOfLog => (Code::BadJson, "log"),
        ChangeError::ClassOfRole => (Code::BadJson, "class"),
        ChangeError::Limit(_) => (Code::Forbidden, "principal"),
    };
    Refusal::new(code, error.to_string()).in_field(field)
}

/// Records how access stands from this start on. Said of a lost key, a crash before the new one is there finds no token that
/// would need it.
fn record(cell: &Cell, standing: &mut Standing, event: Vec<u8>) -> Result<(), GateError> {
    let failed = |refusal| GateError::Record(Box::new(refusal));
    let appended = cell.record(vec![event.clone()]).map_err(failed)?.wait().map_err(failed)?;
    let receipt = appended.receipts.first();
    let time = receipt.and_then(|receipt| receipt.time.parse().ok()).unwrap_or(Time::MIN);
    standing.apply(time, &event).map_err(|error| {
        failed(Refusal::new(Code::Unavailable, format!("recorded, and not understood: {error}")))
    })
}

fn read_key(disk: &dyn Disk, path: &Path) -> std::io::Result<Option<[u8; 32]>> {
    let mut key = [0; 32];
    match disk.open(path, OpenMode::Read) {
        Ok(file) => file.read_exact_at(&mut key, 0).map(|()| Some(key)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Draws a key and writes it under another name first: a crash leaves no key or all of it.
fn make_key(env: &Env, dir: &Path, path: &Path) -> std::io::Result<[u8; 32]> {
    let disk: &dyn Disk = &*env.disk;
    let mut key = [0; 32];
    env.random.fill(&mut key);
    let draft = dir.join(format!("{KEY_FILE}.new"));
    match disk.remove(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.open(&draft, OpenMode::CreateNew)?;
    disk.set_mode(&draft, 0o600)?;
    file.write_at(&key, 0)?;
    file.sync_all()?;
    disk.rename(&draft, path)?;
    disk.sync_dir(dir)?;
    Ok(key)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "tests/gate.rs"]
mod tests;
