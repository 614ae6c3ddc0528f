//! The master key behind a PKCS#11 token: an AES key that never leaves it encrypts what the keyring is wrapped under.
//!
//! The token is asked at a start alone. What is in its care are 32 random bytes, the master secret, which lie encrypted by it in the
//! file `master.wrapped`; once decrypted they are used as those of `master.key` are (ADR 0005).

mod uri;

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Answer, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use env::{Disk, Random};
use zeroize::Zeroizing;

use super::{MasterKey, MasterKeyError, MasterKeys, NONCE_BYTES, TAG_BYTES, read_text, write_text};
use crate::sealed_limits::MASTER_KEYS_MAX;
pub use uri::{TokenKeyUri, UriError};

/// Name of the file in the keys' directory.
const FILE_NAME: &str = "master.wrapped";
/// A line of it that a start replaces by a new secret.
const NEW: &str = "new";
/// What the encryption is bound to.
const BOUND: &[u8] = b"graven/master/pkcs11/v1";
const SECRET_BYTES: usize = 32;
const WRAPPED_BYTES: usize = NONCE_BYTES + SECRET_BYTES + TAG_BYTES;

/// Why a token does not give the master key.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The library, the token or the key in it said no.
    #[error("cannot {what}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// What it answered.
        #[source]
        source: Box<Answer>,
    },
    /// There is not exactly one.
    #[error("{found} {what} fit the URI; exactly one has to")]
    Found {
        /// How many.
        found: usize,
        /// Tokens or keys.
        what: &'static str,
    },
    /// The file of the PIN cannot be read.
    #[error("cannot read the file of the PIN")]
    Pin(#[source] io::Error),
    /// No key of a token opens a line of the file.
    #[error(
        "line {number} of {FILE_NAME} was changed, or written under another key than those that the master key's URIs name"
    )]
    Foreign {
        /// Which line, from 1, empty ones not counted.
        number: usize,
        /// What the last of them answered.
        #[source]
        source: Option<Box<Answer>>,
    },
}

/// The tokens' keys that were asked for. What stands first here is given back first.
struct Tokens {
    keys: Vec<TokenKey>,
    libraries: Vec<Library>,
}

/// An open session with a token, logged in, and the AES key in it.
struct TokenKey {
    session: Session,
    key: ObjectHandle,
}

/// A library at work. It is told of the end, since some run threads of their own.
struct Library(Pkcs11);

impl Drop for Library {
    fn drop(&mut self) {
        // Another URI's path may have led to the same library, which then has been told; no other answer changes anything.
        drop(self.0.clone().finalize());
    }
}

impl MasterKeys {
    /// Reads `master.wrapped` in `keys_dir` by the keys of tokens that `uris` name, the one in force first; a first start makes it.
    /// Lines that are not encrypted yet are from then on, by the first: new ones, and those of a `master.key`.
    ///
    /// A crash leaves the file as it was or as it is to be; nothing is wrapped under a secret before it lies there.
    pub fn from_tokens(
        disk: &dyn Disk,
        random: &dyn Random,
        (uris, keys_dir): (&[TokenKeyUri], &Path),
        may_be_new: bool,
    ) -> Result<MasterKeys, MasterKeyError> {
        let tokens = Tokens::open(disk, uris)?;
        let path = keys_dir.join(FILE_NAME);
        let text = match read_text(disk, &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_be_new => {
                Zeroizing::new(NEW.to_owned())
            }
            other => other.map_err(|source| MasterKeyError::Io { path: path.clone(), source })?,
        };
        let (keys, after) = read_lines(&text, &tokens, random, &path)?;
        if after.lines().ne(lines(&text)) {
            write_text(disk, keys_dir, FILE_NAME, &after)
                .map_err(|source| MasterKeyError::Io { path: path.clone(), source })?;
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or(MasterKeyError::WrappedForm { path })?;
        Ok(MasterKeys { current, older: keys.collect() })
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The keys of the file's lines, and its text with all of them encrypted.
fn read_lines(
    text: &str,
    tokens: &Tokens,
    random: &dyn Random,
    path: &Path,
) -> Result<(Vec<MasterKey>, String), MasterKeyError> {
    let bad = || MasterKeyError::WrappedForm { path: path.to_owned() };
    let (mut keys, mut after) = (Vec::new(), String::new());
    for (line, number) in lines(text).zip(1..) {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        let mut bytes = Zeroizing::new(Vec::new());
        if line == NEW {
            random.fill(&mut *secret);
        } else {
            *bytes = STANDARD.decode(line).map_err(|_| bad())?;
        }
        match bytes.len() {
            0 => {}
            // As it stands in `master.key`: the way from there to a token.
            SECRET_BYTES => secret.copy_from_slice(&bytes),
            WRAPPED_BYTES => secret = tokens.unwrap(&bytes, number)?,
            _ => return Err(bad()),
        }
        if bytes.len() == WRAPPED_BYTES {
            after.push_str(line);
        } else {
            after.push_str(&STANDARD.encode(tokens.wrap(&secret, random)?));
        }
        after.push('\n');
        keys.push(MasterKey::new(&secret));
    }
    if keys.len() > MASTER_KEYS_MAX { Err(bad()) } else { Ok((keys, after)) }
}

impl Tokens {
    fn open(disk: &dyn Disk, uris: &[TokenKeyUri]) -> Result<Tokens, TokenError> {
        let mut tokens = Tokens { keys: Vec::new(), libraries: Vec::new() };
        for uri in uris {
            let library = Pkcs11::new(&uri.module).map_err(refused("load the PKCS#11 library"))?;
            match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
                // By the URI before this one.
                Err(Answer::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
                other => other.map_err(refused("start the PKCS#11 library"))?,
            }
            tokens.libraries.push(Library(library.clone()));
            tokens.keys.push(TokenKey::open(disk, &library, uri)?);
        }
        Ok(tokens)
    }

    fn wrap(
        &self,
        secret: &[u8; SECRET_BYTES],
        random: &dyn Random,
    ) -> Result<Vec<u8>, TokenError> {
        let what = "encrypt by the token's key (AES-GCM)";
        let none = TokenError::Found { found: 0, what: "keys of tokens" };
        self.keys.first().ok_or(none)?.wrap(secret, random).map_err(refused(what))
    }

    fn unwrap(
        &self,
        wrapped: &[u8],
        number: usize,
    ) -> Result<Zeroizing<[u8; SECRET_BYTES]>, TokenError> {
        let mut last = None;
        for token in &self.keys {
            match token.unwrap(wrapped) {
                Ok(secret) => return Ok(secret),
                Err(answer) => last = Some(Box::new(answer)),
            }
        }
        Err(TokenError::Foreign { number, source: last })
    }
}

impl TokenKey {
    fn open(disk: &dyn Disk, library: &Pkcs11, uri: &TokenKeyUri) -> Result<TokenKey, TokenError> {
        let slot = find_slot(library, uri)?;
        let session =
            library.open_ro_session(slot).map_err(refused("open a session with the token"))?;
        let pin = read_text(disk, &uri.pin_file).map_err(TokenError::Pin)?;
        let pin = AuthPin::new(pin.trim().to_owned().into());
        match session.login(UserType::User, Some(&pin)) {
            // By the URI before this one, for another key of the token.
            Err(Answer::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            other => other.map_err(refused("log in to the token"))?,
        }
        let mut wanted =
            vec![Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES)];
        wanted.extend(uri.object.clone().map(|label| Attribute::Label(label.into_bytes())));
        wanted.extend(uri.id.clone().map(Attribute::Id));
        let keys =
            session.find_objects(&wanted).map_err(refused("look for the key in the token"))?;
        match keys.as_slice() {
            [key] => Ok(TokenKey { session, key: *key }),
            keys => Err(TokenError::Found { found: keys.len(), what: "AES keys of the token" }),
        }
    }

    fn wrap(
        &self,
        secret: &[u8; SECRET_BYTES],
        random: &dyn Random,
    ) -> cryptoki::error::Result<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);
        let sealed = gcm(nonce, |by| self.session.encrypt(by, self.key, secret))?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn unwrap(&self, wrapped: &[u8]) -> cryptoki::error::Result<Zeroizing<[u8; SECRET_BYTES]>> {
        let (nonce, sealed) = wrapped.split_first_chunk().ok_or(Answer::InvalidValue)?;
        let opened =
            gcm(*nonce, |by| self.session.decrypt(by, self.key, sealed)).map(Zeroizing::new)?;
        Ok(Zeroizing::new(opened.as_slice().try_into()?))
    }
}

fn gcm<T>(
    mut nonce: [u8; NONCE_BYTES],
    work: impl FnOnce(&Mechanism<'_>) -> cryptoki::error::Result<T>,
) -> cryptoki::error::Result<T> {
    let params = GcmParams::new(&mut nonce, BOUND, (8 * TAG_BYTES as u64).into())?;
    work(&Mechanism::AesGcm(params))
}

/// The one token that the URI names.
fn find_slot(library: &Pkcs11, uri: &TokenKeyUri) -> Result<Slot, TokenError> {
    let slots = library.get_slots_with_token().map_err(refused("list the tokens"))?;
    let mut fitting = Vec::new();
    for slot in slots {
        let token = library.get_token_info(slot).map_err(refused("ask a token who it is"))?;
        let is_it = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found.trim_end())
        };
        if token.token_initialized()
            && is_it(&uri.token, token.label())
            && is_it(&uri.serial, token.serial_number())
        {
            fitting.push(slot);
        }
    }
    match fitting.as_slice() {
        [slot] => Ok(*slot),
        slots => Err(TokenError::Found { found: slots.len(), what: "tokens" }),
    }
}

fn refused(what: &'static str) -> impl FnOnce(Answer) -> TokenError {
    move |source| TokenError::Refused { what, source: Box::new(source) }
}
