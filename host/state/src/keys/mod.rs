//! The keys of a stack: data keys that encrypt, and what they are wrapped for.
//!
//! A *data key* encrypts entries and secrets. It is never stored: a [`KeyRing`] holds it wrapped by every
//! [`KeyProvider`] of the project, any of which opens it, and the older data keys sealed under it. The ring stands in
//! clear beside what it protects: in every segment of a backend or a backup, and in the file of a log. So whatever
//! carries the log carries its keys, and rotating them rewrites nothing.

pub(crate) mod data_key;
mod file;
mod inspection;
pub mod provider;
pub mod ring;
mod rotation;
mod stack_keys;

pub(crate) use file::{
    EncryptedFile, TABLES as ENCRYPTED_TABLES, encrypt_rows, install, install_plain, new_index,
};
pub use inspection::{OrderVerified, StoredKeys, stored_keys, verify_order};
pub use provider::{KeyName, KeyProvider, KeyProviderError};
pub use ring::KeyRing;
pub use rotation::{KeysRotated, RotationMade};
pub(crate) use stack_keys::KeySource;
pub use stack_keys::StackKeys;
