//! Packages in the form of OPA's bundles: a compressed tar archive with files in Rego and data.
//!
//! What is read here was admitted before, and may be hostile all the same: it stays in memory, and sizes and counts have
//! limits. What OPA puts beside policies (`.manifest`, `.signatures.json`, compiled forms) is passed over.

use std::collections::BTreeMap;
use std::path::Path;

use konductor_archive::{Archive, Limits};
use konductor_model::policy::PackageSetting;
use konductor_state::policy::BundleUsed;

use super::{PackageError, ReadFile, SIZE_LIMIT, files_in_folder, is_part, where_it_is};

/// How much may come out of an archive: the files of a package, and what else OPA puts there.
const ARCHIVE_LIMITS: Limits = Limits {
    bytes: 4 * SIZE_LIMIT,
    entries: 8192,
};
/// What makes an archive a change to another one, which is nothing by itself.
const DELTA: &str = "patch.json";

/// A package that was packed, and may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// What is recorded of it.
    pub bundle: BundleUsed,
    /// What is in it.
    pub content: PackedContent,
}

/// The forms in which a package is packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackedContent {
    /// A compressed tar archive.
    Archive(Vec<u8>),
    /// Files by their paths.
    Files(Vec<(String, Vec<u8>)>),
}

/// Packs the folder of a package: policies, their tests and data, and nothing else. The same files make the same bytes.
///
/// # Errors
/// Everything that is wrong with its files.
pub fn pack(setting: &PackageSetting) -> Result<Vec<u8>, Vec<PackageError>> {
    let folder = where_it_is(setting);
    let unpackable = |path: &Path, problem: String| {
        vec![PackageError::Unpackable {
            path: path.to_owned(),
            problem,
        }]
    };
    let mut archive = Archive::default();
    for file in files_in_folder(setting)? {
        let added = archive.add(file.relative.as_str(), file.text);
        added.map_err(|error| unpackable(&folder.join(&file.relative), error.to_string()))?;
    }
    archive
        .write("", 0)
        .map_err(|error| unpackable(&folder, konductor_model::with_causes(&error)))
}

/// Returns the files of a package that was packed.
pub(super) fn files(setting: &PackageSetting, packed: &Packed) -> Result<Vec<ReadFile>, PackageError> {
    let source = &packed.bundle.source;
    let malformed = |problem: String| PackageError::Packed {
        name: setting.name.clone(),
        place: setting.place.clone(),
        source_text: source.clone(),
        problem,
    };
    let found: BTreeMap<String, Vec<u8>> = match &packed.content {
        PackedContent::Archive(bytes) => {
            let files = konductor_archive::read(bytes, ARCHIVE_LIMITS);
            let files = files.map_err(|error| malformed(error.to_string()))?;
            files.into_iter().map(|(path, file)| (path, file.bytes)).collect()
        }
        PackedContent::Files(files) => {
            let mut found = BTreeMap::new();
            for (path, bytes) in files {
                let path = konductor_archive::inside(path).map_err(|error| malformed(error.to_string()))?;
                if found.insert(path.clone(), bytes.clone()).is_some() {
                    return Err(malformed(format!("it has `{path}` twice")));
                }
            }
            found
        }
    };
    if found.contains_key(DELTA) {
        return Err(malformed(format!(
            "it has `{DELTA}`, so it is a change to another bundle and no bundle of its own"
        )));
    }
    let mut size: u64 = 0;
    let mut files = Vec::new();
    for (relative, bytes) in found {
        if !is_part(Path::new(&relative)) {
            continue;
        }
        size = size.saturating_add(bytes.len() as u64);
        if size > SIZE_LIMIT {
            return Err(malformed(format!(
                "it holds more than {SIZE_LIMIT} bytes of policies and data; take apart what is in it"
            )));
        }
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| malformed(format!("its file `{relative}` is not UTF-8")))?;
        files.push(ReadFile {
            shown: format!("{}/{relative}", setting.name),
            relative,
            text,
        });
    }
    Ok(files)
}
