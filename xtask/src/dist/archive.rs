//! A tar archive that depends on nothing but its content: no times, owners or permissions of the machine, no order
//! of its file system.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, Result, ensure};
use flate2::{Compression, GzBuilder};

/// Files by their paths in the archive.
#[derive(Default)]
pub struct Archive {
    files: BTreeMap<String, File>,
}

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it can be run.
    pub executable: bool,
}

impl Archive {
    /// Adds a file that is read.
    ///
    /// # Errors
    /// When the path is taken, or leads out of the folder that the archive is unpacked in.
    pub fn add(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.put(path.into(), bytes.into(), false)
    }

    /// Adds a file that is run.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn add_executable(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.put(path.into(), bytes.into(), true)
    }

    fn put(&mut self, path: String, bytes: Vec<u8>, executable: bool) -> Result<()> {
        ensure!(
            path.split('/').all(|part| !matches!(part, "" | "." | "..")),
            "`{path}` is no path for an archive"
        );
        let file = File { bytes, executable };
        ensure!(
            self.files.insert(path.clone(), file).is_none(),
            "the archive has `{path}` already"
        );
        Ok(())
    }

    /// Writes everything below one top folder, as a compressed tar archive. `time` is the modification time of
    /// every file, in seconds since 1970.
    ///
    /// # Errors
    /// When a path is too long for the format.
    pub fn write(&self, top: &str, time: u64) -> Result<Vec<u8>> {
        // No name and no time in the gzip header either; the system is the one the builder writes by default: unknown.
        let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        let mut tar = tar::Builder::new(gzip);
        for (path, file) in &self.files {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(file.bytes.len() as u64);
            header.set_mode(if file.executable { 0o755 } else { 0o644 });
            header.set_uid(0);
            header.set_gid(0);
            header.set_username("root")?;
            header.set_groupname("root")?;
            header.set_mtime(time);
            tar.append_data(&mut header, format!("{top}/{path}"), file.bytes.as_slice())
                .with_context(|| format!("adding {path} to the archive"))?;
        }
        let mut gzip = tar.into_inner().context("ending the archive")?;
        gzip.flush()?;
        gzip.finish().context("compressing the archive")
    }
}

/// Reads the files of a compressed tar archive, by their paths.
///
/// # Errors
/// When it is none.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, File>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    let mut files = BTreeMap::new();
    for entry in archive.entries().context("reading the archive")? {
        let mut entry = entry.context("reading the archive")?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let executable = entry.header().mode()? & 0o111 != 0;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).with_context(|| format!("reading {path}"))?;
        files.insert(path, File { bytes, executable });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let files = read(&archive(&[0, 1, 2]).write("top", 7).unwrap()).unwrap();
        let program = File {
            bytes: b"program".to_vec(),
            executable: true,
        };
        assert_eq!(files.get("top/bin/konductor"), Some(&program));
        assert_eq!(files.len(), 3);
    }

    #[test]
    fn a_path_that_leads_out_or_is_taken_is_refused() {
        let mut archive = archive(&[0]);
        for path in ["/etc/passwd", "../x", "a/../../x", "a//b", "", "bin/konductor"] {
            assert!(archive.add(path, "x").is_err(), "{path}");
        }
    }
}
