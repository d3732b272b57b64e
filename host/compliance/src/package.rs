//! Packages of policies, read from their folders and from what was packed, or with the plugin whose checks they are.

mod packed;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use konductor_model::policy::{CheckPlugin, PackagePlace, PackageSetting, PolicyFile, PolicyPackage};
use konductor_state::policy::BundleUsed;
use sha2::{Digest as _, Sha256};

pub use packed::{Packed, PackedContent, pack};

/// The largest package, in bytes of all its files.
const SIZE_LIMIT: u64 = 8 * 1024 * 1024;
/// How deep folders may be nested in a package.
const DEPTH_LIMIT: usize = 16;
/// What the name of a file in Rego ends with.
const REGO_SUFFIX: &str = ".rego";
/// What the name of a file with tests ends with.
const TEST_SUFFIX: &str = "_test.rego";

/// A package with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedPackage {
    /// What the site says about it.
    pub setting: PackageSetting,
    /// Its files, as an evaluator takes them; none where its rules are a plugin.
    pub package: PolicyPackage,
    /// The SHA-256 of its files with their names, tests aside, or of its plugin, in hexadecimal.
    pub digest: String,
    /// What it was packed in; none for a folder.
    pub bundle: Option<BundleUsed>,
}

/// Says why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file or folder cannot be read.
    #[error("{place}: package `{name}`: cannot read {}", path.display())]
    Unreadable {
        /// The package.
        name: String,
        /// Where it is configured.
        place: String,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no policy in it.
    #[error(
        "{place}: package `{name}`: there is no policy in {}; a policy is a file whose name ends in `.rego`", path.display()
    )]
    Empty {
        /// The package.
        name: String,
        /// Where it is configured.
        place: String,
        /// Its folder, or where it came from.
        path: PathBuf,
    },
    /// It is larger than a package may be.
    #[error("{place}: package `{name}`: {} holds {what}; take apart what is in it", path.display())]
    TooLarge {
        /// The package.
        name: String,
        /// Where it is configured.
        place: String,
        /// Its folder, or where it came from.
        path: PathBuf,
        /// Too much of what.
        what: String,
    },
    /// What was packed cannot be read.
    #[error("{place}: package `{name}` from {source_text} cannot be read: {problem}; have it packed again")]
    Packed {
        /// The package.
        name: String,
        /// Where it is configured.
        place: String,
        /// Where it came from.
        source_text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A folder cannot be packed.
    #[error("{} cannot be packed: {problem}", path.display())]
    Unpackable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// A file with data is wrong.
    #[error("{path}: {problem}")]
    Data {
        /// The file, with line and column where they are known.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The plugin whose checks it is was not loaded.
    #[error("{place}: package `{name}`: the plugin `{plugin}` is not loaded")]
    NotLoaded {
        /// The package.
        name: String,
        /// Where it is configured.
        place: String,
        /// The plugin.
        plugin: String,
    },
    /// The plugin whose checks it is has other bytes than the setting says.
    #[error(
        "{place}: package `{name}`: the plugin `{plugin}` has the digest sha256:{found}, and sha256:{wanted} is asked for; have the one that is asked for locked, or correct `digest`"
    )]
    OtherBytes {
        /// The package.
        name: String,
        /// Where it is configured.
        place: String,
        /// The plugin.
        plugin: String,
        /// The digest it has.
        found: String,
        /// The digest it must have.
        wanted: String,
    },
    /// Two packages have one name.
    #[error("{place}: there is a package `{name}` already, at {other}; give this one another name")]
    Duplicate {
        /// The name.
        name: String,
        /// Where the second is configured.
        place: String,
        /// Where the first is.
        other: String,
    },
}

/// Reads packages, from their folders or from what was packed; with tests where they are wanted. `plugins` has the
/// digests, in hexadecimal, of the plugins whose checks are packages.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn load(
    packages: impl IntoIterator<Item = (PackageSetting, Option<Packed>)>,
    with_tests: bool,
    plugins: &BTreeMap<String, String>,
) -> Result<Vec<LoadedPackage>, Vec<PackageError>> {
    let mut loaded: Vec<LoadedPackage> = Vec::new();
    let mut errors = Vec::new();
    for (setting, packed) in packages {
        if let Some(first) = loaded.iter().find(|other| other.setting.name == setting.name) {
            errors.push(PackageError::Duplicate {
                name: setting.name.clone(),
                place: setting.place.clone(),
                other: first.setting.place.clone(),
            });
            continue;
        }
        match load_one(setting, packed, with_tests, plugins) {
            Ok(package) => loaded.push(package),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() {
        Ok(loaded)
    } else {
        Err(errors)
    }
}

/// Adds data from files in JSON and YAML, and from all such files in folders, to a package: below the names of the
/// folders in them.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn add_data_of(package: &mut LoadedPackage, paths: &[PathBuf]) -> Result<(), Vec<PackageError>> {
    let mut data = match std::mem::take(&mut package.package.data) {
        serde_json::Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    let mut errors = Vec::new();
    for path in paths {
        let mut walk = Walk {
            setting: &package.setting,
            files: BTreeSet::new(),
            size: 0,
            takes: is_data,
        };
        let base = if path.is_dir() {
            if let Err(error) = walk.folder(path, 0) {
                errors.push(error);
            }
            path.as_path()
        } else {
            walk.files.insert(path.clone());
            path.parent().unwrap_or(path)
        };
        for file in &walk.files {
            let added = match fs::read_to_string(file) {
                Err(source) => Err(unreadable(&package.setting, file, source)),
                Ok(text) => {
                    let relative = file.strip_prefix(base).unwrap_or(file);
                    add_data(&mut data, file, relative, &text, true)
                }
            };
            errors.extend(added.err());
        }
    }
    package.package.data = serde_json::Value::Object(data);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// A file of a package, wherever it came from.
struct ReadFile {
    /// Its path in the package, with slashes.
    relative: String,
    /// What messages call it.
    shown: String,
    text: String,
}

/// Returns the package that is the checks of a plugin, which was found under its name.
fn of_plugin(
    setting: PackageSetting,
    plugin: CheckPlugin,
    plugins: &BTreeMap<String, String>,
) -> Result<LoadedPackage, PackageError> {
    let (name, place) = (setting.name.clone(), setting.place.clone());
    let Some(found) = plugins.get(&plugin.name) else {
        let plugin = plugin.name;
        return Err(PackageError::NotLoaded { name, place, plugin });
    };
    if let Some(wanted) = plugin.digest.filter(|wanted| wanted != found) {
        return Err(PackageError::OtherBytes {
            name,
            place,
            plugin: plugin.name,
            found: found.clone(),
            wanted,
        });
    }
    Ok(LoadedPackage {
        package: PolicyPackage {
            name,
            ..PolicyPackage::default()
        },
        digest: found.clone(),
        bundle: None,
        setting,
    })
}

fn load_one(
    setting: PackageSetting,
    packed: Option<Packed>,
    with_tests: bool,
    plugins: &BTreeMap<String, String>,
) -> Result<LoadedPackage, Vec<PackageError>> {
    if let Some(plugin) = setting.plugin().cloned() {
        return of_plugin(setting, plugin, plugins).map_err(|error| vec![error]);
    }
    let (files, bundle) = match packed {
        Some(packed) => {
            let files = packed::files(&setting, &packed).map_err(|error| vec![error])?;
            (files, Some(packed.bundle))
        }
        None => (files_in_folder(&setting)?, None),
    };
    let mut digest = Sha256::new();
    let mut package = PolicyPackage {
        name: setting.name.clone(),
        rego: setting.rego,
        namespaces: setting.namespaces.clone(),
        files: Vec::new(),
        data: serde_json::Value::Null,
    };
    let mut data = serde_json::Map::new();
    let mut errors = Vec::new();
    for file in files {
        let is_test = file.relative.ends_with(TEST_SUFFIX);
        if !is_test {
            for part in [file.relative.as_bytes(), file.text.as_bytes()] {
                digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                digest.update(part);
            }
        }
        if file.relative.ends_with(REGO_SUFFIX) {
            if !is_test || with_tests {
                package.files.push(PolicyFile {
                    path: file.shown,
                    text: file.text,
                });
            }
            continue;
        }
        let (shown, relative) = (Path::new(&file.shown), Path::new(&file.relative));
        if let Err(error) = add_data(&mut data, shown, relative, &file.text, with_tests) {
            errors.push(error);
        }
    }
    if package.files.is_empty() && errors.is_empty() {
        errors.push(PackageError::Empty {
            name: setting.name.clone(),
            place: setting.place.clone(),
            path: where_it_is(&setting),
        });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if !data.is_empty() {
        package.data = serde_json::Value::Object(data);
    }
    Ok(LoadedPackage {
        package,
        digest: hex::encode(digest.finalize()),
        bundle,
        setting,
    })
}

/// Returns the files of a package that is a folder.
fn files_in_folder(setting: &PackageSetting) -> Result<Vec<ReadFile>, Vec<PackageError>> {
    let folder = where_it_is(setting);
    let mut walk = Walk {
        setting,
        files: BTreeSet::new(),
        size: 0,
        takes: is_part,
    };
    walk.folder(&folder, 0).map_err(|error| vec![error])?;
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for path in &walk.files {
        match fs::read_to_string(path) {
            Ok(text) => {
                let relative = path.strip_prefix(&folder).unwrap_or(path);
                files.push(ReadFile {
                    relative: relative.to_string_lossy().into_owned(),
                    shown: shown(path),
                    text,
                });
            }
            Err(source) => errors.push(unreadable(setting, path, source)),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

/// Returns the folder of a package, or where else it is.
fn where_it_is(setting: &PackageSetting) -> PathBuf {
    match &setting.found {
        PackagePlace::Directory(folder) => folder.clone(),
        PackagePlace::Bundle(source) => PathBuf::from(source),
        PackagePlace::Plugin(plugin) => PathBuf::from(&plugin.name),
    }
}

/// The files of a package, being found.
struct Walk<'s> {
    setting: &'s PackageSetting,
    files: BTreeSet<PathBuf>,
    size: u64,
    takes: fn(&Path) -> bool,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), PackageError> {
        if depth > DEPTH_LIMIT {
            return Err(self.too_large(format!("folders more than {DEPTH_LIMIT} deep")));
        }
        let entries = fs::read_dir(folder).map_err(|source| unreadable(self.setting, folder, source))?;
        for entry in entries {
            let path = entry
                .map_err(|source| unreadable(self.setting, folder, source))?
                .path();
            let kind = fs::metadata(&path).map_err(|source| unreadable(self.setting, &path, source))?;
            if kind.is_dir() {
                self.folder(&path, depth + 1)?;
            } else if (self.takes)(&path) {
                self.size = self.size.saturating_add(kind.len());
                if self.size > SIZE_LIMIT {
                    return Err(self.too_large(format!("more than {SIZE_LIMIT} bytes")));
                }
                self.files.insert(path);
            }
        }
        Ok(())
    }

    fn too_large(&self, what: String) -> PackageError {
        PackageError::TooLarge {
            name: self.setting.name.clone(),
            place: self.setting.place.clone(),
            path: where_it_is(self.setting),
            what,
        }
    }
}

fn unreadable(setting: &PackageSetting, path: &Path, source: std::io::Error) -> PackageError {
    PackageError::Unreadable {
        name: setting.name.clone(),
        place: setting.place.clone(),
        path: path.to_owned(),
        source,
    }
}

/// Tells whether a file belongs to a package: policies, and data as bundles of OPA have it.
fn is_part(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| {
        name.ends_with(REGO_SUFFIX) || matches!(name.as_ref(), "data.json" | "data.yaml" | "data.yml")
    })
}

/// Tells whether a file can hold data, whatever its name.
fn is_data(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy());
    extension.is_some_and(|extension| matches!(extension.as_ref(), "json" | "yaml" | "yml"))
}

/// Returns how a file is called in messages.
fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.display().to_string()
}

/// Puts a file with data where its folder says: `network/data.json` is below `data.network`. Tests that were written for
/// OPA may have more behind it in the file, which OPA does not read.
fn add_data(
    data: &mut serde_json::Map<String, serde_json::Value>,
    path: &Path,
    relative: &Path,
    text: &str,
    for_tests: bool,
) -> Result<(), PackageError> {
    let problem = |place: String, problem: String| PackageError::Data { path: place, problem };
    let value: serde_json::Value = if path.extension().is_some_and(|extension| extension == "json") {
        let read = if for_tests {
            let mut documents = serde_json::Deserializer::from_str(text).into_iter();
            documents.next().unwrap_or(Ok(serde_json::Value::Null))
        } else {
            serde_json::from_str(text)
        };
        read.map_err(|error| {
            let place = format!("{}:{}:{}", shown(path), error.line(), error.column());
            problem(place, format!("not JSON: {error}"))
        })?
    } else {
        serde_saphyr::from_str(text).map_err(|error| {
            let place = match error.location() {
                Some(at) => format!("{}:{}:{}", shown(path), at.line(), at.column()),
                None => shown(path),
            };
            problem(place, format!("not YAML: {}", error.without_snippet()))
        })?
    };
    let mut nested = value;
    let folders: Vec<String> = relative
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    for folder in folders.iter().rev() {
        let mut around = serde_json::Map::new();
        around.insert(folder.clone(), nested);
        nested = serde_json::Value::Object(around);
    }
    let serde_json::Value::Object(members) = nested else {
        return Err(problem(shown(path), "expected an object at the top".to_owned()));
    };
    merge(data, members).map_err(|at| {
        problem(
            shown(path),
            format!("`data.{at}` is set by another file, too; leave one of them"),
        )
    })
}

fn merge(
    into: &mut serde_json::Map<String, serde_json::Value>,
    from: serde_json::Map<String, serde_json::Value>,
) -> Result<(), String> {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(serde_json::Value::Object(there)), serde_json::Value::Object(members)) => {
                merge(there, members).map_err(|at| format!("{name}.{at}"))?;
            }
            (Some(_), _) => return Err(name),
            (None, value) => {
                into.insert(name, value);
            }
        }
    }
    Ok(())
}
