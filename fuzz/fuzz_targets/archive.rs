//! A compressed tar archive, as somebody packed it: the bytes as they are, and the bytes as what was compressed.
#![no_main]

use std::io::Write as _;

use konductor_archive::{Archive, Limits, inside, read};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    entries: 64,
};

/// Whatever is read stays below the top, within the limits, and is the same when it is written and read again.
fn check(bytes: &[u8]) {
    let Ok(files) = read(bytes, LIMITS) else {
        return;
    };
    assert!(files.len() <= LIMITS.entries);
    let size: usize = files.values().map(|file| file.bytes.len()).sum();
    assert!(size as u64 <= LIMITS.bytes);
    let mut archive = Archive::default();
    for (path, file) in &files {
        assert_eq!(
            inside(path).as_ref().ok(),
            Some(path),
            "a path is not as it was read"
        );
        assert!(
            path.split('/').all(|part| !matches!(part, "" | "." | "..")),
            "{path}"
        );
        let added = match file.executable {
            true => archive.add_executable(path.as_str(), file.bytes.as_slice()),
            false => archive.add(path.as_str(), file.bytes.as_slice()),
        };
        added.expect("what was read is written");
    }
    let written = archive.write("", 0).expect("what was read is written");
    let room = Limits {
        bytes: 4 * LIMITS.bytes,
        entries: LIMITS.entries,
    };
    assert_eq!(
        read(&written, room).ok(),
        Some(files),
        "an archive changes on its way"
    );
}

fuzz_target!(|data: &[u8]| {
    check(data);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(data).expect("memory takes it");
    check(&gzip.finish().expect("memory takes it"));
});
