//! `konductor.lock`, as somebody wrote it: the bytes as they are, and what they say of plugins and packages under a right checksum.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use konductor_registry::lock_file::{LockError, LockFile, LockedPackage, LockedPlugin};
use libfuzzer_sys::fuzz_target;

/// What can be in the file beside its checksum, which no random change hits.
#[derive(serde::Deserialize)]
struct Body {
    plugins: BTreeMap<String, LockedPlugin>,
    #[serde(default)]
    packages: BTreeMap<String, LockedPackage>,
}

fn parse(bytes: &[u8]) -> Result<LockFile, LockError> {
    LockFile::parse(bytes, Path::new("konductor.lock"))
}

fuzz_target!(|data: &[u8]| {
    match parse(data) {
        Ok(lock) => {
            let text = lock.to_text().expect("what was read is written");
            let read = String::from_utf8_lossy(data).replace("\r\n", "\n");
            assert_eq!(text, read, "two ways of writing one lock");
        }
        Err(error) => assert!(error.to_string().contains("konductor.lock"), "{error}"),
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(body) = toml::from_str::<Body>(text) {
        let lock = LockFile {
            plugins: body.plugins,
            packages: body.packages,
        };
        let written = lock.to_text().expect("a lock is written");
        match parse(written.as_bytes()) {
            Ok(again) => assert_eq!(again, lock, "a lock changes on its way through its file"),
            Err(LockError::Name { .. } | LockError::TooLarge { .. }) => {}
            Err(error) => panic!("what was written is refused: {error}"),
        }
    }
});
