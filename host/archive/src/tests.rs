#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    entries: 100,
};

fn archive(order: &[usize]) -> Archive {
    let files = [
        ("bin/konductor", "program", true),
        ("share/doc/README.md", "text", false),
        ("share/man/man1/konductor.1", "manual", false),
    ];
    let mut archive = Archive::default();
    for at in order {
        let (path, bytes, executable) = files[*at];
        archive.put(path.to_owned(), bytes.into(), executable).unwrap();
    }
    archive
}

/// Compresses an archive that the library would not write: each entry with the name as it is.
fn raw(entries: &[(&[u8], tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&plain(entries)).unwrap();
    gzip.finish().unwrap()
}

fn plain(entries: &[(&[u8], tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn file(name: &[u8]) -> Vec<u8> {
    raw(&[(name, tar::EntryType::Regular, b"text")])
}

#[test]
fn the_order_in_which_files_are_added_does_not_show() {
    let one = archive(&[0, 1, 2]).write("konductor-1", 1_000_000).unwrap();
    let other = archive(&[2, 0, 1]).write("konductor-1", 1_000_000).unwrap();
    assert_eq!(one, other);
    assert_ne!(one, archive(&[0, 1]).write("konductor-1", 1_000_000).unwrap());
}

#[test]
fn nothing_of_the_machine_is_in_a_header() {
    let bytes = archive(&[1, 0, 2]).write("top", 1_000_000).unwrap();
    // The gzip header: no flags, no time, best compression, unknown system.
    assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    let mut read = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    let mut seen = Vec::new();
    for entry in read.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.mtime().unwrap(), 1_000_000);
        seen.push((
            entry.path().unwrap().display().to_string(),
            header.mode().unwrap(),
        ));
    }
    let wanted = [
        ("top/bin/konductor", 0o755),
        ("top/share/doc/README.md", 0o644),
        ("top/share/man/man1/konductor.1", 0o644),
    ];
    assert_eq!(seen, wanted.map(|(path, mode)| (path.to_owned(), mode)));
}

#[test]
fn what_is_written_is_read_back() {
    let bytes = archive(&[0, 1, 2]).write("top", 7).unwrap();
    let files = read(&bytes, LIMITS).unwrap();
    let program = File {
        bytes: b"program".to_vec(),
        executable: true,
    };
    assert_eq!(files.get("top/bin/konductor"), Some(&program));
    assert_eq!(files.len(), 3);
}

#[test]
fn a_path_that_leads_out_or_is_taken_is_not_written() {
    let mut archive = archive(&[0]);
    for path in ["/etc/passwd", "../x", "a/../../x", "a//b", "", "bin/konductor"] {
        assert!(archive.add(path, "x").is_err(), "{path}");
    }
}

#[test]
fn paths_as_other_tools_write_them_are_below_the_top() {
    let bytes = raw(&[
        (b"./", tar::EntryType::Directory, b""),
        (b"/policies/", tar::EntryType::Directory, b""),
        (b"/policies/a.rego", tar::EntryType::Regular, b"one"),
        (b"./data.json", tar::EntryType::Regular, b"{}"),
        (b".manifest", tar::EntryType::Regular, b"{}"),
    ]);
    let files = read(&bytes, LIMITS).unwrap();
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(paths, [".manifest", "data.json", "policies/a.rego"]);
}

#[test]
fn a_path_that_leads_out_is_refused() {
    for name in [
        &b"../a"[..],
        b"a/../../b",
        b"/../a",
        b"//etc/passwd",
        b"a/./b",
        b"a//b",
        b"..",
        b"",
        b"/",
        b"a\\..\\b",
        b"a\nb",
        b".//a",
    ] {
        let error = read(&file(name), LIMITS).unwrap_err();
        assert!(matches!(error, ReadError::Path { .. }), "{name:?}: {error}");
    }
    let error = read(&file(b"\xff\xfe.rego"), LIMITS).unwrap_err().to_string();
    assert!(error.contains("not UTF-8"), "{error}");
}

#[test]
fn links_devices_and_whatever_else_is_no_file_are_refused() {
    for kind in [
        tar::EntryType::Symlink,
        tar::EntryType::Link,
        tar::EntryType::Char,
        tar::EntryType::Block,
        tar::EntryType::Fifo,
        tar::EntryType::Continuous,
        tar::EntryType::GNUSparse,
        tar::EntryType::new(b'Z'),
    ] {
        let error = read(&raw(&[(b"a.rego", kind, b"")]), LIMITS).unwrap_err();
        let refused = matches!(error, ReadError::Kind { .. } | ReadError::Malformed { .. });
        assert!(refused, "{kind:?}: {error}");
    }
}

#[test]
fn one_path_with_two_files_is_refused_however_it_is_written() {
    let regular = tar::EntryType::Regular;
    let bytes = raw(&[(b"a.rego", regular, b"one"), (b"/a.rego", regular, b"two")]);
    let error = read(&bytes, LIMITS).unwrap_err();
    assert!(matches!(error, ReadError::Duplicate(_)), "{error}");
}

#[test]
fn what_unpacks_to_more_than_it_may_is_refused_before_it_is_there() {
    // 64 MiB of nothing in a few KiB.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    let mut header = tar::Header::new_ustar();
    header.set_path("a.rego").unwrap();
    header.set_size(1 << 26);
    header.set_mode(0o644);
    header.set_cksum();
    gzip.write_all(header.as_bytes()).unwrap();
    let block = vec![0; 1 << 20];
    for _ in 0..64 {
        gzip.write_all(&block).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 1 << 17, "{}", bomb.len());
    let error = read(&bomb, LIMITS).unwrap_err();
    assert!(
        matches!(error, ReadError::TooLarge { limit: 1_048_576 }),
        "{error}"
    );
    // Behind the end of the archive it counts, too.
    let mut behind = plain(&[(b"a.rego", tar::EntryType::Regular, b"x")]);
    behind.resize(4 << 20, 0);
    let error = read(&compressed(&behind), LIMITS).unwrap_err();
    assert!(matches!(error, ReadError::TooLarge { .. }), "{error}");
}

#[test]
fn more_entries_than_may_be_are_refused() {
    let names: Vec<String> = (0..=LIMITS.entries).map(|number| format!("{number}/")).collect();
    let entries: Vec<(&[u8], tar::EntryType, &[u8])> = names
        .iter()
        .map(|name| (name.as_bytes(), tar::EntryType::Directory, &b""[..]))
        .collect();
    let error = read(&raw(&entries), LIMITS).unwrap_err();
    assert!(matches!(error, ReadError::TooMany { limit: 100 }), "{error}");
}

#[test]
fn an_archive_that_is_cut_off_or_goes_on_is_refused() {
    let whole = archive(&[0, 1, 2]).write("", 0).unwrap();
    for length in 0..whole.len() {
        assert!(read(&whole[..length], LIMITS).is_err(), "{length}");
    }
    let mut longer = whole.clone();
    longer.extend_from_slice(b"more");
    assert!(read(&longer, LIMITS).is_err());
    // A file that is shorter than its header says, in a stream that is whole.
    let plain = plain(&[(b"a.rego", tar::EntryType::Regular, &[b'x'; 600])]);
    assert!(read(&compressed(&plain[..512 + 512]), LIMITS).is_err());
    let mut followed = plain;
    followed.extend_from_slice(b"hidden");
    let error = read(&compressed(&followed), LIMITS).unwrap_err();
    assert!(matches!(error, ReadError::Trailing), "{error}");
}

#[test]
fn a_change_of_any_byte_gives_an_error_or_the_same_files() {
    let whole = archive(&[0, 1, 2]).write("", 0).unwrap();
    let files = read(&whole, LIMITS).unwrap();
    for position in 0..whole.len() {
        let mut changed = whole.clone();
        changed[position] ^= 1;
        if let Ok(found) = read(&changed, LIMITS) {
            assert_eq!(found, files, "byte {position}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_packed_comes_back(files in proptest::collection::btree_map(
        "[a-z.]{1,12}(/[a-zé]{1,60}){0,4}",
        (proptest::collection::vec(any::<u8>(), 0..2000), any::<bool>()),
        0..12,
    )) {
        let mut archive = Archive::default();
        let mut expected = BTreeMap::new();
        for (path, (bytes, executable)) in files {
            if archive.put(path.clone(), bytes.clone(), executable).is_ok() {
                expected.insert(path, File { bytes, executable });
            }
        }
        let bytes = archive.write("", 0).unwrap();
        prop_assert_eq!(&bytes, &archive.write("", 0).unwrap());
        prop_assert_eq!(read(&bytes, LIMITS).unwrap(), expected);
    }

    #[test]
    fn whatever_bytes_there_are_an_answer_comes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = read(&bytes, LIMITS);
        let _ = read(&compressed(&bytes), LIMITS);
    }
}
