//! A data key: 32 random bytes that encrypt with AES-256-GCM.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

/// The length of a data key.
const KEY: usize = 32;
/// The length of the nonce that stands before what is encrypted.
const NONCE: usize = 12;

/// What is encrypted was changed, moved to another place, or is of another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

/// A data key. It is wiped from memory when it is dropped, and shows nothing but its name.
pub(crate) struct DataKey {
    name: String,
    bytes: Zeroizing<[u8; KEY]>,
    cipher: RandomizedNonceKey,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataKey({})", self.name)
    }
}

impl DataKey {
    /// Makes a new one; none when the system gives no random numbers.
    pub(crate) fn generate() -> Option<Self> {
        let mut bytes = Zeroizing::new([0; KEY]);
        rand::fill(&mut *bytes).ok()?;
        Self::of_bytes(&*bytes)
    }

    /// Takes over bytes; none when they are not as many as a key has.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: Zeroizing<[u8; KEY]> = Zeroizing::new(bytes.try_into().ok()?);
        let derived = |what: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*bytes), what);
        // The name is one of the key's own bytes, so that no other key can be given out for it.
        let name = derived(b"konductor: name of a data key");
        let name = name.as_ref().get(..8).map(hex::encode)?;
        let cipher = derived(b"konductor: encryption with a data key");
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, cipher.as_ref()).ok()?;
        Some(Self { name, bytes, cipher })
    }

    /// Returns what tells it from other keys; it says nothing about the key.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the key itself, to be wrapped.
    pub(crate) fn bytes(&self) -> &[u8] {
        &*self.bytes
    }

    /// Encrypts, bound to a place: what is moved elsewhere does not open.
    pub(crate) fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, NotAuthentic> {
        let mut body = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
        body.extend_from_slice(plain);
        let nonce = self
            .cipher
            .seal_in_place_append_tag(Aad::from(place), &mut body)
            .map_err(|_| NotAuthentic)?;
        let mut sealed = Vec::with_capacity(NONCE + body.len());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Decrypts what was sealed for the same place.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        let (nonce, body) = sealed.split_at_checked(NONCE).ok_or(NotAuthentic)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotAuthentic)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .cipher
            .open_in_place(nonce, Aad::from(place), &mut body)
            .map_err(|_| NotAuthentic)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_sealed_opens_with_the_same_key_at_the_same_place_and_nowhere_else(
            plain in prop::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let (key, other) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
            let sealed = key.seal(b"here", &plain).unwrap();
            prop_assert_eq!(&**key.open(b"here", &sealed).unwrap(), &plain[..]);
            prop_assert_eq!(key.open(b"there", &sealed), Err(NotAuthentic));
            prop_assert_eq!(other.open(b"here", &sealed), Err(NotAuthentic));
            let mut changed = sealed.clone();
            changed[at.index(sealed.len())] ^= 1 << bit;
            prop_assert_eq!(key.open(b"here", &changed), Err(NotAuthentic));
            prop_assert_eq!(key.open(b"here", &sealed[..sealed.len() - 1]), Err(NotAuthentic));
            prop_assert_ne!(key.seal(b"here", &plain).unwrap(), sealed);
        }
    }

    #[test]
    fn the_name_of_a_key_is_its_own_and_nothing_shows_the_key() {
        let key = DataKey::generate().unwrap();
        let again = DataKey::of_bytes(key.bytes()).unwrap();
        assert_eq!(key.name(), again.name());
        assert_ne!(key.name(), DataKey::generate().unwrap().name());
        assert!(!hex::encode(key.bytes()).contains(key.name()));
        assert_eq!(format!("{key:?}"), format!("DataKey({})", key.name()));
        assert!(DataKey::of_bytes(b"short").is_none());
    }
}
