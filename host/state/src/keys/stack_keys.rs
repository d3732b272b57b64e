//! The data keys of a stack as a process has them: which rings it saw, and which keys it could open.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::secret::SealError;
use konductor_model::{Sealer, SecretText};
use zeroize::Zeroizing;

use crate::backend::remote::runtime;
use crate::error::StateError;
use crate::keys::data_key::DataKey;
use crate::keys::provider::{KeyName, KeyProvider, KeyProviderError};
use crate::keys::ring::{self, FORMAT, KeyRing, Wrapped};
use crate::schema::StackIdentity;

/// What a secret that a data key sealed starts with; then comes the name of the key.
const VERSION: &str = "v2:";

/// The place that secrets are sealed for: they move with their resource.
const SECRET: &[u8] = b"konductor: secret";

/// The provider whose data keys the project's own sealer opens.
const AGE: &str = "age";

/// The keys of one stack. Clones of the pointer share what was opened, so a key management service is asked once.
pub struct StackKeys {
    stack: StackIdentity,
    providers: Vec<Arc<dyn KeyProvider>>,
    sealer: Option<Arc<dyn Sealer>>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The newest ring that is stored somewhere.
    ring: Option<KeyRing>,
    /// Those before it: who is not in the newest may be in one of them.
    superseded: Vec<KeyRing>,
    /// One that was made here and is stored nowhere yet.
    staged: Option<KeyRing>,
    keys: BTreeMap<String, Arc<DataKey>>,
    /// Why the current key of a ring could not be opened, so that nobody waits for the same answer again.
    failed: BTreeMap<String, String>,
}

/// Where the keys of a log come from, once it is known whose it is.
#[derive(Clone, Default)]
pub(crate) struct KeySource {
    pub(crate) sealer: Option<Arc<dyn Sealer>>,
    pub(crate) made: Arc<OnceLock<Arc<StackKeys>>>,
}

impl KeySource {
    /// Returns the keys of a stack: always the same ones, for a source is of one log.
    pub(crate) fn of(&self, stack: &StackIdentity) -> Arc<StackKeys> {
        let made = || StackKeys::new(stack.clone(), self.sealer.clone(), Vec::new());
        Arc::clone(self.made.get_or_init(made))
    }

    /// Takes over keys that were made already.
    pub(crate) fn of_made(&self, keys: Arc<StackKeys>) {
        let _ = self.made.set(keys);
    }
}

impl Known {
    /// Makes a ring that is stored the newest one. One that was made here and is stored nowhere was too late.
    fn adopt(&mut self, ring: &KeyRing) {
        self.staged = None;
        let before = self.ring.replace(ring.clone());
        self.superseded.extend(before);
    }
}

impl std::fmt::Debug for StackKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = self.known();
        f.debug_struct("StackKeys")
            .field("stack", &self.stack)
            .field("ring", &known.ring.as_ref().map(KeyRing::current))
            .field("opened", &known.keys.len())
            .finish_non_exhaustive()
    }
}

impl StackKeys {
    /// Takes over what may open and wrap the keys of a stack. The sealer opens data keys that are wrapped with age, and
    /// seals what is sealed where there is no data key.
    pub fn new(
        stack: StackIdentity,
        sealer: Option<Arc<dyn Sealer>>,
        providers: Vec<Arc<dyn KeyProvider>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            stack,
            providers,
            sealer,
            known: Mutex::default(),
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whose keys they are.
    pub fn stack(&self) -> &StackIdentity {
        &self.stack
    }

    /// Returns the newest ring that was seen.
    pub fn ring(&self) -> Option<KeyRing> {
        self.known().ring.clone()
    }

    /// Returns what the next ring is wrapped for.
    pub fn configured(&self) -> Vec<KeyName> {
        self.providers
            .iter()
            .map(|provider| provider.name().clone())
            .collect()
    }

    /// Tells whether the project names keys that can only wrap a data key.
    pub(crate) fn needs_data_key(&self) -> bool {
        self.providers
            .iter()
            .any(|provider| provider.name().provider != AGE)
    }

    /// Makes the first ring where the stack has none and needs one: to encrypt as a whole, or because the project names
    /// keys that can only wrap a data key. It is stored with what is written next.
    pub(crate) fn make_first(&self, encrypted: bool) -> Result<(), StateError> {
        let wanted = self.needs_data_key() || (encrypted && !self.providers.is_empty());
        if wanted && self.ring_to_write().is_none() {
            self.stage()?;
        }
        Ok(())
    }

    /// Takes notice of a ring that stands beside what was read. Tells whether it is newer than what was known.
    ///
    /// # Errors
    /// When it is of a newer version, or is not of the same line of rings.
    pub(crate) fn note(&self, ring: &KeyRing) -> Result<bool, StateError> {
        if ring.ring > FORMAT {
            return Err(StateError::KeysReplaced {
                stack: self.stack.to_string(),
                what: format!(
                    "they are kept in form {} and this version reads {FORMAT}; use the newer version of Konductor",
                    ring.ring
                ),
            });
        }
        let mut known = self.known();
        let Some(newest) = known.ring.clone() else {
            known.adopt(ring);
            return Ok(true);
        };
        if newest.current == ring.current {
            return Ok(false);
        }
        if newest.generation < ring.generation && ring.holds(&newest.current) {
            known.adopt(ring);
            return Ok(true);
        }
        if ring.generation < newest.generation && newest.holds(&ring.current) {
            if !known.superseded.iter().any(|known| known.current == ring.current) {
                known.superseded.push(ring.clone());
                known.superseded.sort_by_key(|ring| ring.generation);
            }
            return Ok(false);
        }
        Err(StateError::KeysReplaced {
            stack: self.stack.to_string(),
            what: format!(
                "data key {} does not follow data key {}, which this machine knows",
                ring.current, newest.current
            ),
        })
    }

    /// Returns the ring to write beside what is stored next.
    pub(crate) fn ring_to_write(&self) -> Option<KeyRing> {
        let known = self.known();
        known.staged.clone().or_else(|| known.ring.clone())
    }

    /// The staged ring is stored now.
    pub(crate) fn publish(&self) {
        let mut known = self.known();
        if let Some(staged) = known.staged.take() {
            let before = known.ring.replace(staged);
            known.superseded.extend(before);
        }
    }

    /// A ring that was made here is given up.
    pub(crate) fn unstage(&self) {
        self.known().staged = None;
    }

    /// Tells whether a data key leads somewhere that is stored or about to be.
    pub(crate) fn stands(&self, key: &str) -> bool {
        let known = self.known();
        let ring = known.staged.as_ref().or(known.ring.as_ref());
        ring.is_some_and(|ring| ring.holds(key))
    }

    /// Makes the next ring, with a new data key, wrapped for what the project names. It counts once it is stored. It may
    /// wait for key management services: never call it where that is forbidden.
    ///
    /// # Errors
    /// When a key of the stack cannot be opened or wrapped.
    pub(crate) fn stage(&self) -> Result<KeyRing, StateError> {
        let failed = |what: &str| StateError::NoDataKey {
            stack: self.stack.to_string(),
            what: what.to_owned(),
        };
        if self.providers.is_empty() {
            return Err(failed(
                "there is nothing to wrap a data key for: name `recipients`, `passphrase`, `aws_kms` or `vault` under \
                 `secrets` in konductor.yaml",
            ));
        }
        let before = self.ring();
        let older = match &before {
            Some(ring) => {
                let mut keys = Vec::new();
                for older in ring.older() {
                    keys.push(self.key(older)?);
                }
                keys.push(self.key(ring.current())?);
                keys
            }
            None => Vec::new(),
        };
        let key = DataKey::generate().ok_or_else(|| failed("the system gives no random numbers"))?;
        let content = ring::content(&self.stack, &key).ok_or_else(|| failed("a key could not be written"))?;
        let mut wrapped: Vec<Wrapped> = Vec::new();
        let mut refused = Vec::new();
        for provider in &self.providers {
            let (asked, stack, content) = (Arc::clone(provider), self.stack.clone(), content.clone());
            match wait(async move { asked.wrap(&stack, &content).await })? {
                Ok(text) => wrapped.push(Wrapped {
                    by: provider.name().clone(),
                    text,
                }),
                Err(error) => refused.push(format!("{}: {error}", provider.name())),
            }
        }
        if !refused.is_empty() {
            return Err(failed(&format!(
                "a data key could not be wrapped for every key of the project: {}",
                refused.join("; ")
            )));
        }
        let sealed: Option<Vec<_>> = older.iter().map(|older| ring::seal_older(&key, older)).collect();
        let ring = KeyRing {
            ring: FORMAT,
            generation: before.map_or(0, |ring| ring.generation) + 1,
            current: key.name().to_owned(),
            wrapped,
            older: sealed.ok_or_else(|| failed("a key could not be sealed"))?,
        };
        let mut known = self.known();
        known.keys.insert(key.name().to_owned(), Arc::new(key));
        known.staged = Some(ring.clone());
        Ok(ring)
    }

    /// Returns a data key that was opened before.
    fn opened(&self, name: &str) -> Option<Arc<DataKey>> {
        self.known().keys.get(name).cloned()
    }

    /// Returns a data key, and opens it where that was not done. It may wait for a key management service: never call it
    /// where that is forbidden.
    ///
    /// # Errors
    /// When no ring leads to it, or none of the keys at hand opens the ring.
    pub(crate) fn key(&self, name: &str) -> Result<Arc<DataKey>, StateError> {
        if let Some(key) = self.opened(name) {
            return Ok(key);
        }
        let rings: Vec<KeyRing> = {
            let known = self.known();
            let all = known
                .staged
                .iter()
                .chain(&known.ring)
                .chain(known.superseded.iter().rev());
            all.filter(|ring| ring.holds(name)).cloned().collect()
        };
        let mut reasons = Vec::new();
        for ring in &rings {
            match self.unlock(ring) {
                Ok(()) => {
                    if let Some(key) = self.opened(name) {
                        return Ok(key);
                    }
                }
                Err(reason) => reasons.push((ring, reason)),
            }
        }
        let missing = |what: String| StateError::KeyMissing {
            stack: self.stack.to_string(),
            key: name.to_owned(),
            what,
        };
        Err(match reasons.into_iter().next() {
            Some((_, reason)) => missing(reason),
            None => missing("it is wrapped nowhere in what was read".to_owned()),
        })
    }

    /// Opens the data keys of a ring; or says what would open them.
    fn unlock(&self, ring: &KeyRing) -> Result<(), String> {
        if let Some(reason) = self.known().failed.get(&ring.current) {
            return Err(reason.clone());
        }
        let mut reasons = Vec::new();
        for wrapped in &ring.wrapped {
            let opened = self
                .unwrap(wrapped)
                .and_then(|content| ring::key_of(&self.stack, &ring.current, &content));
            match opened {
                Ok(key) => {
                    let mut opened = vec![key];
                    for older in &ring.older {
                        let current = opened
                            .first()
                            .and_then(|current| ring::open_older(current, older));
                        match current {
                            Some(key) => opened.push(key),
                            None => return Err(format!("data key {} in its ring was changed", older.key)),
                        }
                    }
                    let mut known = self.known();
                    for key in opened {
                        known.keys.insert(key.name().to_owned(), Arc::new(key));
                    }
                    return Ok(());
                }
                Err(reason) => reasons.push(format!("{} ({reason})", wrapped.by)),
            }
        }
        let advice: Vec<&str> = ring
            .wrapped_for()
            .map(KeyName::advice)
            .fold(Vec::new(), |mut all, one| {
                if !all.contains(&one) {
                    all.push(one);
                }
                all
            });
        let reason = format!(
            "it opens with any of: {}; {}",
            reasons.join(", "),
            advice.join("; or ")
        );
        self.known().failed.insert(ring.current.clone(), reason.clone());
        Err(reason)
    }

    fn unwrap(&self, wrapped: &Wrapped) -> Result<SecretText, String> {
        let mut reason = None;
        for provider in self
            .providers
            .iter()
            .filter(|provider| *provider.name() == wrapped.by)
        {
            let (asked, stack, text) = (Arc::clone(provider), self.stack.clone(), wrapped.text.clone());
            let answer = wait(async move { asked.unwrap(&stack, &text).await });
            match answer.unwrap_or_else(|error| {
                Err(KeyProviderError {
                    reason: error.to_string(),
                })
            }) {
                Ok(content) => return Ok(content),
                Err(error) => reason = Some(error.reason),
            }
        }
        // Whoever has an identity can open what is wrapped for it, whatever the project names by now.
        if wrapped.by.provider == AGE
            && let Some(sealer) = &self.sealer
        {
            let opened = sealer.open(&wrapped.text).map_err(|error| error.reason)?;
            return std::str::from_utf8(&opened)
                .map(SecretText::new)
                .map_err(|_| "what it unwraps is no data key".to_owned());
        }
        Err(reason.unwrap_or_else(|| "konductor.yaml does not name it".to_owned()))
    }

    /// Opens the data key that encrypts now, where there is one, so that sealing needs to wait for nobody.
    ///
    /// # Errors
    /// When none of the keys at hand opens it.
    pub(crate) fn unlock_current(&self) -> Result<(), StateError> {
        match self.ring_to_write() {
            Some(ring) => self.key(&ring.current).map(drop),
            None => Ok(()),
        }
    }

    /// Tells whether sealing has to wait for nobody: there is no data key, it is open, or it cannot be opened.
    pub(crate) fn is_ready(&self) -> bool {
        let known = self.known();
        match known.staged.as_ref().or(known.ring.as_ref()) {
            None => true,
            Some(ring) => known.keys.contains_key(&ring.current) || known.failed.contains_key(&ring.current),
        }
    }

    /// Returns the data key that encrypts now, if it is open.
    pub(crate) fn current(&self) -> Option<Arc<DataKey>> {
        let known = self.known();
        let ring = known.staged.as_ref().or(known.ring.as_ref())?;
        known.keys.get(&ring.current).cloned()
    }

    /// Returns what seals and opens secrets; none when there is neither a data key nor a sealer.
    pub(crate) fn sealer(self: &Arc<Self>) -> Option<Arc<dyn Sealer>> {
        if self.ring_to_write().is_none() && self.sealer.is_none() {
            return None;
        }
        Some(Arc::clone(self) as Arc<dyn Sealer>)
    }

    /// Returns the sealer of the project, for what was sealed before there was a data key.
    pub(crate) fn own_sealer(&self) -> Option<&Arc<dyn Sealer>> {
        self.sealer.as_ref()
    }
}

impl Sealer for StackKeys {
    fn seal(&self, plain: &[u8]) -> Result<String, SealError> {
        let fail = |reason: &str| SealError {
            reason: reason.to_owned(),
        };
        let Some(ring) = self.ring_to_write() else {
            return match &self.sealer {
                Some(sealer) => sealer.seal(plain),
                None => Err(fail("there is no key to seal it with")),
            };
        };
        let key = self.opened(&ring.current).ok_or_else(|| SealError {
            reason: match self.known().failed.get(&ring.current) {
                Some(reason) => format!("data key {} is not open: {reason}", ring.current),
                None => format!("data key {} is not open", ring.current),
            },
        })?;
        let sealed = key.seal(SECRET, plain).map_err(|_| fail("encrypting failed"))?;
        Ok(format!("{VERSION}{}:{}", key.name(), STANDARD.encode(sealed)))
    }

    fn open(&self, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let Some(rest) = sealed.strip_prefix(VERSION) else {
            return match &self.sealer {
                Some(sealer) => sealer.open(sealed),
                None => Err(SealError {
                    reason: "it is sealed with age and there is no identity; name the file in KONDUCTOR_IDENTITY_FILE"
                        .to_owned(),
                }),
            };
        };
        let damaged = || SealError {
            reason: "the text was damaged".to_owned(),
        };
        let (name, text) = rest.split_once(':').ok_or_else(damaged)?;
        let key = self.key(name).map_err(|error| SealError {
            reason: error.to_string(),
        })?;
        let bytes = STANDARD.decode(text).map_err(|_| damaged())?;
        key.open(SECRET, &bytes).map_err(|_| damaged())
    }
}

/// Waits for an answer. The waiting is done by a thread of its own, because the caller's may be one of a runtime, which
/// must not wait for another; it happens once for each data key.
fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, StateError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    runtime()?.spawn(async move {
        let _ = sender.send(work.await);
    });
    let waiting = std::thread::spawn(move || receiver.blocking_recv());
    match waiting.join() {
        Ok(Ok(answer)) => Ok(answer),
        _ => Err(StateError::Closed),
    }
}

#[cfg(test)]
mod tests;
