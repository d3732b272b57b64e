//! `konductor policy pack` and `konductor policy publish`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use konductor_compliance::package::{self, Packed, PackedContent};
use konductor_model::policy::PackagePlace;
use konductor_model::{Diagnostic, Diagnostics, with_causes};
use konductor_registry::local::own_name;
use konductor_registry::registry::read_bundle_file;
use konductor_registry::{BundleContent, BundleSource, Digest, FetchedBundle, LocalPath, OciReference};
use konductor_state::policy::BundleUsed;

use super::setting_here;
use crate::arguments::{PolicyPackArguments, PolicyPublishArguments, RegoChoice};
use crate::command::plugin::PluginContext;
use crate::error::CommandError;

/// Puts the policies of a folder, their tests and their data into one file.
pub fn pack(arguments: &PolicyPackArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let folder = context.folder.join(&arguments.folder);
    let archive = packed(&folder)?;
    let target = match &arguments.output {
        Some(output) => context.folder.join(output),
        None => context.folder.join(format!("{}.tar.gz", name_of(&folder)?)),
    };
    crate::atomic_file::write(&target, &archive)?;
    let digest = Digest::of(&archive);
    let members = serde_json::json!({
        "folder": folder, "file": target, "digest": digest, "bytes": archive.len(),
    });
    let text = format!("packed {} into {}\n{digest}", folder.display(), target.display());
    context.output.fact("policy-packed", &members, &text);
    Ok(())
}

/// Pushes a packed package, or a folder, and the signatures beside it to an OCI registry.
pub async fn publish(
    arguments: &PolicyPublishArguments,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    let reference: OciReference = arguments.reference.parse()?;
    if reference.digest.is_some() || reference.tag.is_none() {
        return Err(CommandError::message(format!(
            "`{}` does not say under which tag the package is to be found",
            arguments.reference
        ))
        .help("write it as oci://HOST/PATH:TAG; the digest comes of what is pushed"));
    }
    let path = context.folder.join(&arguments.path);
    let (name, archive, mut signatures) = if path.is_dir() {
        (name_of(&path)?, packed(&path)?, Vec::new())
    } else {
        let fetched = read_file(&path, context)?;
        let archive = fetched.signed_bytes().to_vec();
        // What cannot be read is of use to nobody, and its tag would be taken for good.
        check(&path, &archive)?;
        (own_name(&path), archive, fetched.signatures)
    };
    if !arguments.bundle.is_empty() {
        signatures = context.read_all(&arguments.bundle)?;
    }
    let digest = Digest::of(&archive);
    if arguments.dry_run {
        let members = serde_json::json!({
            "name": name, "digest": digest, "reference": reference.to_string(), "signatures": signatures.len(),
            "pushed": false,
        });
        let text = format!(
            "would push {name} ({digest}) with {} signatures to {reference}",
            signatures.len()
        );
        context.output.fact("policy-published", &members, &text);
        return Ok(());
    }
    let published = context
        .registry()?
        .publish_policies(&name, &archive, &signatures, &reference)
        .await
        .map_err(|error| CommandError::message(with_causes(&error)))?;
    let members = serde_json::json!({
        "name": name, "digest": digest, "reference": reference.to_string(),
        "manifest_digest": published.manifest_digest, "signatures": published.bundles, "pushed": true,
    });
    let text = format!(
        "pushed {name} with {} signatures to {reference}\n{digest}  the package, for `digest`\n{}  its OCI manifest, for \
         `source: {reference}@…`",
        published.bundles, published.manifest_digest
    );
    context.output.fact("policy-published", &members, &text);
    Ok(())
}

/// Reads a packed file with the signatures beside it.
pub fn read_file(path: &Path, context: &PluginContext<'_>) -> Result<FetchedBundle, CommandError> {
    let local = LocalPath::new(&path.display().to_string(), context.folder);
    read_bundle_file(&own_name(path), &local).map_err(|error| {
        CommandError::message(with_causes(&error)).help("name a file that `konductor policy pack` wrote")
    })
}

/// Packs a folder, and sees that what comes of it can be read.
fn packed(folder: &Path) -> Result<Vec<u8>, CommandError> {
    let found = PackagePlace::Directory(folder.to_owned());
    let setting = setting_here(name_of(folder)?, found, RegoChoice::V1, &[]);
    let archive = package::pack(&setting).map_err(told)?;
    check(folder, &archive)?;
    Ok(archive)
}

/// Sees that a packed package can be read.
fn check(path: &Path, archive: &[u8]) -> Result<(), CommandError> {
    let shown = path.display().to_string();
    let setting = setting_here(
        own_name(path),
        PackagePlace::Bundle(shown.clone()),
        RegoChoice::V1,
        &[],
    );
    let packed = Packed {
        bundle: BundleUsed {
            source: shown,
            digest: Digest::of(archive).to_string(),
            signer: None,
        },
        content: PackedContent::Archive(archive.to_vec()),
    };
    package::load([(setting, Some(packed))], true, &BTreeMap::new())
        .map(drop)
        .map_err(told)
}

#[allow(clippy::needless_pass_by_value, reason = "as `map_err` hands them on")]
fn told(errors: Vec<konductor_compliance::PackageError>) -> CommandError {
    let told = errors.iter().map(|error| Diagnostic::error(with_causes(error)));
    Diagnostics(told.collect()).into()
}

/// Returns the name of a folder, which the package is called by.
fn name_of(folder: &Path) -> Result<String, CommandError> {
    let real = std::fs::canonicalize(folder).map_err(|error| CommandError::file("read", folder, error))?;
    let name = real.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| {
        CommandError::message(format!("{} has no name to call the package by", folder.display()))
    })
}

/// Returns where an admitted package is written to, and its bytes; none where it was pushed as single files.
pub fn as_file(folder: &Path, name: &str, content: &BundleContent) -> Option<(PathBuf, Vec<u8>)> {
    match content {
        BundleContent::Archive(bytes) => Some((folder.join(format!("{name}.tar.gz")), bytes.clone())),
        BundleContent::Files { .. } => None,
    }
}

/// Returns the source that a text names: a packed file or an address in a registry.
pub fn source(text: &str, context: &PluginContext<'_>) -> Result<BundleSource, CommandError> {
    Ok(BundleSource::parse(text, context.folder)?)
}
