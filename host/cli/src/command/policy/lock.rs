//! `konductor policy lock` and `konductor policy fetch`.

use konductor_model::Diagnostics;
use konductor_registry::local::bundle_path;
use konductor_registry::lock_file::LOCK_FILE;
use konductor_registry::policy::{RequiredBundle, SitePackage};
use konductor_registry::{AdmittedBundle, LockFile, LockedPackage};

use super::pack::as_file;
use crate::arguments::{PolicyFetchArguments, PolicyLockArguments};
use crate::command::plugin::PluginContext;
use crate::error::CommandError;
use crate::plugins::PluginLoader;

/// Writes what the project's packages are and who signed them into the lock file.
pub async fn lock(arguments: &PolicyLockArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    context.project()?;
    let loader = context.loader()?.unlocked().asking_for_signatures();
    let path = context.folder.join(LOCK_FILE);
    let before = LockFile::read(&path)?.unwrap_or_default();
    let mut after = before.clone();
    let all: Vec<(SitePackage, RequiredBundle)> = packed(&loader)
        .into_iter()
        .filter(|(_, required)| required.is_locked)
        .collect();
    let mut names = arguments.names.clone();
    names.extend(arguments.update.iter().cloned());
    let chosen = chosen(&all, &names)?;
    if names.is_empty() {
        // What the project no longer asks for is no longer locked.
        let is_named = |name: &String| all.iter().any(|(package, _)| package.setting.name == *name);
        after.packages.retain(|name, _| is_named(name));
    }
    let mut problems = Diagnostics::default();
    for (package, required) in chosen {
        let name = &package.setting.name;
        let keep = !arguments.update.contains(name);
        match loader.admit_package(package, required, keep).await {
            Ok(admitted) => {
                after.packages.insert(name.clone(), LockedPackage::new(&admitted));
                let changed = before.packages.get(name) != after.packages.get(name);
                tell("policy-locked", package, &admitted, Some(changed), context);
            }
            Err(error) => problems.extend(error.diagnostics),
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let changed = before != after;
    if changed && !arguments.dry_run {
        after.write(&path)?;
    }
    let members = serde_json::json!({
        "file": path, "plugins": after.plugins.len(), "packages": after.packages.len(), "changed": changed,
        "written": changed && !arguments.dry_run,
    });
    let text = match (changed, arguments.dry_run) {
        (false, _) => format!("{} is up to date", path.display()),
        (true, true) => format!("{} would change; nothing was written", path.display()),
        (true, false) => format!("wrote {}; keep it in version control", path.display()),
    };
    context.output.fact("lock-written", &members, &text);
    Ok(())
}

/// Fetches packages into the cache and checks them as a run would, so that a later run needs no network; into a folder,
/// too, to carry them over.
pub async fn fetch(
    arguments: &PolicyFetchArguments,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    let loader = context.loader()?.asking_for_signatures();
    let all = packed(&loader);
    let mut problems = Diagnostics::default();
    for (package, required) in chosen(&all, &arguments.names)? {
        match loader.admit_package(package, required, true).await {
            Ok(admitted) => {
                if let Some(folder) = &arguments.output {
                    save(&context.folder.join(folder), required, &admitted)?;
                }
                tell("policy-fetched", package, &admitted, None, context);
            }
            Err(error) => problems.extend(error.diagnostics),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.into())
    }
}

/// Returns the packages that are no folders.
fn packed(loader: &PluginLoader) -> Vec<(SitePackage, RequiredBundle)> {
    let packages = loader.policies().packages();
    packages
        .filter_map(|package| Some((package.clone(), package.bundle.clone()?)))
        .collect()
}

/// Returns the packages with some names, or all of them where none is named.
fn chosen<'p>(
    all: &'p [(SitePackage, RequiredBundle)],
    names: &[String],
) -> Result<Vec<&'p (SitePackage, RequiredBundle)>, CommandError> {
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let find = |name: &String| {
        let found = all.iter().find(|(package, _)| package.setting.name == *name);
        found.ok_or_else(|| {
            CommandError::message(format!("there is no package `{name}` here that comes from a `source`"))
                .help("`konductor policy list` shows the packages; what is in a folder is neither fetched nor locked")
        })
    };
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    names.iter().map(find).collect()
}

/// Writes a package and its signatures into a folder, under the name that it was signed as.
fn save(
    folder: &std::path::Path,
    required: &RequiredBundle,
    admitted: &AdmittedBundle,
) -> Result<(), CommandError> {
    let name = &required.package;
    let Some((file, bytes)) = as_file(folder, name, admitted.content()) else {
        return Err(CommandError::message(format!(
            "package `{name}` was pushed as single files, and its signature is about their list in the registry: it cannot \
             become one file"
        ))
        .help("publish it as one with `konductor policy publish`"));
    };
    std::fs::create_dir_all(folder).map_err(|error| CommandError::file("make", folder, error))?;
    crate::atomic_file::write(&file, &bytes)?;
    for (number, signature) in admitted.fetched().signatures.iter().enumerate() {
        crate::atomic_file::write(&bundle_path(&file, number), signature)?;
    }
    Ok(())
}

fn tell(
    event: &'static str,
    package: &SitePackage,
    admitted: &AdmittedBundle,
    changed: Option<bool>,
    context: &PluginContext<'_>,
) {
    let (name, fetched) = (&package.setting.name, admitted.fetched());
    let mut members = serde_json::json!({
        "name": name, "source": fetched.source().to_string(), "digest": fetched.digest(),
        "manifest_digest": fetched.manifest_digest(), "signer": admitted.signer(),
    });
    if let (Some(changed), Some(members)) = (changed, members.as_object_mut()) {
        members.insert("changed".to_owned(), changed.into());
    }
    let sign = if changed == Some(true) { "+" } else { " " };
    let text = format!("{sign} {name:<20} {}  {}", fetched.digest(), fetched.source());
    context.output.fact(event, &members, &text);
}
