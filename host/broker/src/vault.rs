//! Keeps a plugin's secrets on this side: the guest holds tokens, the vault knows what they stand for.
//!
//! A token is `konductor-sealed-` and 26 letters and digits. It survives JSON, XML, forms and URLs unchanged, says nothing
//! about the value but its equality with another of the same vault, and means nothing to any other vault.
//!
//! What is not covered: a plugin that may guess a value can have its guess sealed and compare the tokens, so a
//! secret that is easy to guess is no secret to it; and a text below [`SHORTEST_ECHO`] or above [`LONGEST_ECHO`]
//! bytes, a number or a boolean is not looked for in the cloud's answers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use konductor_model::{MASK, SecretText, SecretVault, TOKEN_PREFIX, Value};
use memchr::memmem;
use zeroize::Zeroizing;

use crate::echo::Echoes;

pub use crate::echo::{LONGEST_ECHO, SHORTEST_ECHO};

/// The length of every token, in bytes.
pub const TOKEN_LENGTH: usize = TOKEN_PREFIX.len() + DIGITS;

/// Characters after the prefix, of 5 bits each: 130 bits, so that two values never meet in one token.
const DIGITS: usize = 26;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// How many values a vault keeps at most. A guest can have values sealed by answering with secrets.
pub const MOST_VALUES: usize = 100_000;

/// How many bytes of values a vault keeps at most.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The secrets of one plugin in one run.
pub struct Vault {
    key: Zeroizing<[u8; 32]>,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    values: HashMap<String, Sealed>,
    bytes: usize,
    echoes: Echoes,
}

/// A value that a token stands for. Texts and bytes are wiped when the vault is dropped; what stands inside
/// lists and maps is not.
#[derive(Clone)]
pub(crate) enum Sealed {
    Text(SecretText),
    Bytes(Zeroizing<Vec<u8>>),
    Other(Value),
}

impl Sealed {
    fn new(value: &Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(SecretText::new(text.as_str())),
            Value::Bytes(bytes) => Self::Bytes(Zeroizing::new(bytes.clone())),
            other => Self::Other(other.clone()),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::Text(text.reveal().to_owned()),
            Self::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Self::Other(value) => value.clone(),
        }
    }

    /// Returns the value as it is written inside a longer text: a list or map as JSON, bytes as base64.
    pub(crate) fn written(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Text(text) => text.reveal().to_owned(),
            Self::Bytes(bytes) => base64(bytes),
            Self::Other(Value::Null) => String::new(),
            Self::Other(value) => json(value).to_string(),
        })
    }

    /// Returns the value as JSON. Bytes are base64, as the clouds' own protocols write them.
    pub(crate) fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.reveal().into(),
            Self::Bytes(bytes) => base64(bytes).into(),
            Self::Other(value) => json(value),
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Default for Vault {
    fn default() -> Self {
        Self::new()
    }
}

impl Vault {
    /// Makes an empty vault with a key of its own: the same value has another token in another vault.
    pub fn new() -> Self {
        Self {
            key: Zeroizing::new(rand::random()),
            state: RwLock::default(),
        }
    }

    /// Returns what a token stands for; none when this vault did not make it.
    pub(crate) fn sealed(&self, token: &str) -> Option<Sealed> {
        self.read().values.get(token).cloned()
    }

    /// Replaces every written form of every sealed text in an answer by its token. Tells whether there was one.
    pub(crate) fn seal_echoes(&self, body: Vec<u8>) -> (Vec<u8>, bool) {
        match self.read().echoes.replaced(&body, None) {
            Some(replaced) => (replaced, true),
            None => (body, false),
        }
    }

    /// Replaces every written form of every sealed text in a text by its token.
    pub(crate) fn seal_text(&self, text: &str) -> String {
        match self.read().echoes.replaced(text.as_bytes(), None) {
            Some(replaced) => String::from_utf8_lossy(&replaced).into_owned(),
            None => text.to_owned(),
        }
    }

    fn token(&self, value: &Value) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        feed(&mut hasher, value);
        let hash = hasher.finalize();
        let digits = hash
            .as_bytes()
            .iter()
            .take(DIGITS)
            .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
        TOKEN_PREFIX
            .bytes()
            .chain(digits.copied())
            .map(char::from)
            .collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretVault for Vault {
    /// Returns the token that stands for a value. When the vault is full (see [`MOST_VALUES`] and [`MOST_BYTES`])
    /// a new value's token stands for nothing, and a request that holds it is refused.
    fn seal(&self, value: &Value) -> String {
        let value = value.reveal();
        let token = self.token(value);
        if self.read().values.contains_key(&token) {
            return token;
        }
        let size = size(value);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.values.len() >= MOST_VALUES || state.bytes.saturating_add(size) > MOST_BYTES {
            tracing::warn!(
                "a plugin has more than {MOST_VALUES} secrets or {MOST_BYTES} bytes of them; the next ones cannot be used"
            );
            return token;
        }
        state.bytes = state.bytes.saturating_add(size);
        state.values.insert(token.clone(), Sealed::new(value));
        match value {
            Value::Text(text) => state.echoes.add(text.as_bytes(), &token),
            Value::Bytes(bytes) => state.echoes.add(bytes, &token),
            _ => {}
        }
        drop(state);
        // A text inside may come back alone: it gets a token of its own.
        match value {
            Value::List(items) => items.iter().for_each(|item| self.seal_inner(item)),
            Value::Map(items) => items.values().for_each(|item| self.seal_inner(item)),
            _ => {}
        }
        token
    }

    fn open(&self, text: &str) -> Option<Value> {
        let state = self.read();
        if let Some(sealed) = state.values.get(text) {
            return Some(sealed.value());
        }
        let mut opened = String::new();
        let mut rest = 0;
        for start in tokens(text.as_bytes()) {
            let end = start.saturating_add(TOKEN_LENGTH);
            let Some(sealed) = text.get(start..end).and_then(|token| state.values.get(token)) else {
                continue;
            };
            opened.push_str(text.get(rest..start).unwrap_or_default());
            opened.push_str(&sealed.written());
            rest = end;
        }
        if rest == 0 {
            return None;
        }
        opened.push_str(text.get(rest..).unwrap_or_default());
        Some(Value::Text(opened))
    }

    fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let without_echoes = self.read().echoes.replaced(text.as_bytes(), Some(MASK));
        let text = match without_echoes {
            Some(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
            None => Cow::Borrowed(text),
        };
        let mut masked = String::new();
        let mut rest = 0;
        for start in tokens(text.as_bytes()) {
            masked.push_str(text.get(rest..start).unwrap_or_default());
            masked.push_str(MASK);
            rest = start.saturating_add(TOKEN_LENGTH);
        }
        if rest == 0 {
            return text;
        }
        masked.push_str(text.get(rest..).unwrap_or_default());
        Cow::Owned(masked)
    }
}

impl Vault {
    fn seal_inner(&self, value: &Value) {
        if !matches!(
            value.reveal(),
            Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Number(_) | Value::Unknown
        ) {
            self.seal(value);
        }
    }
}

/// Returns where tokens begin, this vault's or another's.
pub(crate) fn tokens(text: &[u8]) -> impl Iterator<Item = usize> {
    memmem::find_iter(text, TOKEN_PREFIX).filter(|start| {
        let digits = start.saturating_add(TOKEN_PREFIX.len());
        text.get(digits..digits.saturating_add(DIGITS))
            .is_some_and(|digits| digits.iter().all(|digit| ALPHABET.contains(digit)))
    })
}

/// Feeds a value so that no two different values feed the same bytes.
fn feed(hasher: &mut blake3::Hasher, value: &Value) {
    let mut piece = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]);
        hasher.update(&bytes.len().to_le_bytes());
        hasher.update(bytes);
    };
    match value {
        Value::Null => piece(0, &[]),
        Value::Boolean(boolean) => piece(1, &[u8::from(*boolean)]),
        Value::Integer(integer) => piece(2, &integer.to_le_bytes()),
        Value::Number(number) => piece(3, number.as_str().as_bytes()),
        Value::Text(text) => piece(4, text.as_bytes()),
        Value::Bytes(bytes) => piece(5, bytes),
        Value::List(items) => {
            piece(6, &items.len().to_le_bytes());
            items.iter().for_each(|item| feed(hasher, item));
        }
        Value::Map(items) => {
            piece(7, &items.len().to_le_bytes());
            for (name, item) in items {
                hasher.update(&name.len().to_le_bytes());
                hasher.update(name.as_bytes());
                feed(hasher, item);
            }
        }
        Value::Unknown => piece(8, &[]),
        Value::Secret(inner) => {
            piece(9, &[]);
            feed(hasher, inner);
        }
        Value::Reference(reference) => piece(10, reference.to_string().as_bytes()),
    }
}

/// Returns about how many bytes a value takes.
fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Number(number) => number.as_str().len(),
        Value::Secret(inner) => size(inner),
        Value::List(items) => items
            .iter()
            .fold(16, |sum: usize, item| sum.saturating_add(size(item))),
        Value::Map(items) => items.iter().fold(16, |sum: usize, (name, item)| {
            sum.saturating_add(name.len()).saturating_add(size(item))
        }),
        _ => 16,
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Boolean(boolean) => (*boolean).into(),
        Value::Integer(integer) => (*integer).into(),
        // A number that JSON cannot hold stays the text it is.
        Value::Number(number) => {
            serde_json::from_str(number.as_str()).unwrap_or_else(|_| number.as_str().into())
        }
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => base64(bytes).into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(items) => serde_json::Value::Object(
            items
                .iter()
                .map(|(name, item)| (name.clone(), json(item)))
                .collect(),
        ),
        Value::Secret(inner) => json(inner),
        // A sealed value is known: the sandbox seals nothing else.
        Value::Null | Value::Unknown | Value::Reference(_) => serde_json::Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_of_fixed_length_and_of_letters_digits_and_hyphens() {
        let vault = Vault::new();
        for value in [
            Value::from(""),
            Value::from("x".repeat(10_000)),
            Value::from(5432),
        ] {
            let token = vault.seal(&value);
            assert_eq!(token.len(), TOKEN_LENGTH);
            assert!(token.starts_with(TOKEN_PREFIX));
            assert!(
                token
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            );
            assert_eq!(tokens(token.as_bytes()).collect::<Vec<_>>(), [0]);
        }
    }

    #[test]
    fn what_is_not_text_comes_back_with_its_type() {
        let vault = Vault::new();
        for value in [
            Value::Integer(5432),
            Value::Boolean(true),
            Value::Null,
            konductor_model::Number::parse("3.25").unwrap(),
            Value::Bytes(vec![0, 159, 146, 150]),
            Value::from(vec!["planted-one", "planted-two"]),
            Value::from([("password", Value::from("planted-inner").into_secret())]),
        ] {
            let token = vault.seal(&value.clone().into_secret());
            assert_eq!(vault.open(&token), Some(value));
        }
        assert_ne!(vault.seal(&Value::Integer(5)), vault.seal(&"5".into()));
    }

    #[test]
    fn a_text_with_tokens_inside_opens_to_the_composed_text() {
        let vault = Vault::new();
        let (user, port) = (
            vault.seal(&"planted-user".into()),
            vault.seal(&Value::Integer(5432)),
        );
        assert_eq!(
            vault.open(&format!("postgres://{user}@db:{port}/x")),
            Some("postgres://planted-user@db:5432/x".into())
        );
        assert_eq!(vault.open("nothing sealed"), None);
    }

    #[test]
    fn a_token_of_one_vault_means_nothing_to_another() {
        let (one, other) = (Vault::new(), Vault::new());
        let token = one.seal(&"planted-password".into());
        assert_ne!(other.seal(&"planted-password".into()), token);
        assert_eq!(other.open(&token), None);
        assert_eq!(other.open(&format!("a {token} b")), None);
    }

    #[test]
    fn what_is_sealed_is_never_shown() {
        let vault = Vault::new();
        let token = vault.seal(&"planted-password".into());
        assert!(!format!("{vault:?}{token}").contains("planted"));
    }

    #[test]
    fn a_text_for_people_shows_neither_tokens_nor_what_they_stand_for() {
        let (vault, other) = (Vault::new(), Vault::new());
        let token = vault.seal(&"planted \"password\"".into());
        let foreign = other.seal(&"planted".into());
        let text = format!("a {token} b {foreign} c planted \"password\" d planted \\\"password\\\" e");
        assert_eq!(vault.mask(&text), "a (secret) b (secret) c (secret) d (secret) e");
        assert!(matches!(vault.mask("nothing sealed"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_full_vault_answers_with_tokens_that_open_to_nothing() {
        let vault = Vault::new();
        let large = vault.seal(&"x".repeat(MOST_BYTES).into());
        assert!(vault.open(&large).is_some());
        let late = vault.seal(&"planted-password".into());
        assert_eq!(vault.open(&late), None);
    }

    #[test]
    fn a_guest_cannot_fill_the_host_with_small_secrets() {
        let vault = Vault::new();
        for number in 0..MOST_VALUES {
            vault.seal(&Value::Integer(i64::try_from(number).unwrap()));
        }
        let late = vault.seal(&Value::Integer(-1));
        assert_eq!(vault.open(&late), None);
        let known = vault.seal(&Value::Integer(0));
        assert_eq!(
            vault.open(&known),
            Some(Value::Integer(0)),
            "what it has it keeps"
        );
    }

    #[test]
    fn texts_inside_a_sealed_map_are_found_alone() {
        let vault = Vault::new();
        vault.seal(&Value::from([("password", "planted-inner")]));
        let (body, changed) = vault.seal_echoes(b"<p>planted-inner</p>".to_vec());
        assert!(changed);
        let token = vault.seal(&"planted-inner".into());
        assert_eq!(String::from_utf8(body).unwrap(), format!("<p>{token}</p>"));
    }

    fn some_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
            prop::collection::vec(any::<u8>(), 0..6).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("[a-c]{0,2}", inner, 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn tokens_are_equal_exactly_when_values_are(a in some_value(), b in some_value()) {
            let vault = Vault::new();
            prop_assert_eq!(vault.seal(&a) == vault.seal(&b), a == b);
        }

        #[test]
        fn every_value_opens_to_itself(value in some_value()) {
            let vault = Vault::new();
            let token = vault.seal(&value);
            prop_assert_eq!(vault.open(&token), Some(value));
        }
    }
}
