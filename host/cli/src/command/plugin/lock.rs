//! `konductor plugin lock`.

use konductor_model::{Diagnostics, PluginGrant};
use konductor_registry::LockFile;
use konductor_registry::lock_file::LOCK_FILE;

use super::PluginContext;
use crate::arguments::LockArguments;
use crate::error::CommandError;
use crate::plugins::{GrantDecision, LoadedPlugin, approval, ask, decide, locked, question, requirement};
use crate::prompt::somebody_is_there;

/// Writes the exact versions, digests and signers of a project's plugins, and with --approve what they may do.
pub async fn lock(arguments: &LockArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let configuration = context.project()?;
    let loader = context.loader()?.unlocked().asking_for_signatures();
    let path = context.folder.join(LOCK_FILE);
    let before = LockFile::read(&path)?.unwrap_or_default();
    let mut after = before.clone();
    let mut names = context.wanted(&arguments.names, &loader)?;
    names.extend(arguments.update.iter().cloned());
    names.sort();
    names.dedup();
    if arguments.names.is_empty() {
        // What the project no longer asks for is no longer locked.
        after.plugins.retain(|name, _| names.contains(name));
    }
    let mut problems = Diagnostics::default();
    for name in &names {
        let requirement = requirement(name, Some(configuration));
        let keep = before.plugins.contains_key(name) && !arguments.update.contains(name);
        let fetched = match loader.fetch(name, requirement, keep).await {
            Ok(fetched) => fetched,
            Err(error) => {
                problems.extend(error.diagnostics);
                continue;
            }
        };
        let loaded = match loader.admit(name, fetched, keep).await {
            Ok(loaded) => loaded,
            Err(error) => {
                problems.extend(error.diagnostics);
                continue;
            }
        };
        let mut entry = locked(&loaded);
        // It stays to be shown beside what is asked for now, and is good for the bytes it names alone.
        entry.approval = before
            .plugins
            .get(name)
            .and_then(|before| before.approval.clone());
        after.plugins.insert(name.clone(), entry);
        if arguments.approve {
            approve(&loaded, &mut after, arguments.yes, context)?;
        }
        let requested = PluginGrant::requested_by(loaded.plugin.manifest());
        let question = question(&loaded, &requested, Some(&after), configuration);
        tell(
            &loaded,
            before.plugins.get(name) != after.plugins.get(name),
            matches!(decide(&question), GrantDecision::Granted(..)),
            context,
        );
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let changed = before != after || !path.exists();
    if changed && !arguments.dry_run {
        after.write(&path)?;
    }
    let members = serde_json::json!({
        "file": path, "plugins": after.plugins.len(), "changed": changed, "written": changed && !arguments.dry_run,
    });
    let text = match (changed, arguments.dry_run) {
        (false, _) => format!("{} is up to date", path.display()),
        (true, true) => format!("{} would change; nothing was written", path.display()),
        (true, false) => format!("wrote {}; keep it in version control", path.display()),
    };
    context.output.fact("lock-written", &members, &text);
    Ok(())
}

/// Records an approval of everything that a plugin asks for, if it needs one and somebody gives it.
fn approve(
    loaded: &LoadedPlugin,
    lock: &mut LockFile,
    yes: bool,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    let requested = PluginGrant::requested_by(loaded.plugin.manifest());
    let configuration = context.project()?;
    let question = question(loaded, &requested, Some(lock), configuration);
    let GrantDecision::NeedsApproval(differences) = decide(&question) else {
        return Ok(());
    };
    if !yes && !somebody_is_there(context.output) {
        return Err(CommandError::message(format!(
            "plugin `{}` asks for something that must be approved, and there is no terminal to ask on",
            loaded.name
        ))
        .help("run this on a terminal, or pass --yes and review konductor.lock before it is merged"));
    }
    if yes || ask(&question, &differences, context.output)? {
        let approval = approval(loaded, requested);
        if let Some(entry) = lock.plugins.get_mut(&loaded.name) {
            entry.approval = Some(approval);
        }
        let members = serde_json::json!({ "name": loaded.name, "differences": differences });
        context.output.fact(
            "plugin-approved",
            &members,
            &format!("approved what {} asks for", loaded.name),
        );
    }
    Ok(())
}

fn tell(loaded: &LoadedPlugin, changed: bool, granted: bool, context: &PluginContext<'_>) {
    let manifest = loaded.plugin.manifest();
    let members = serde_json::json!({
        "name": loaded.name, "version": manifest.version, "digest": loaded.fetched().digest,
        "source": loaded.fetched().source.to_string(), "signer": loaded.signer(), "changed": changed,
        "granted": granted,
    });
    let text = format!(
        "{} {:<12} {:<10} {}  {}{}",
        if changed { "+" } else { " " },
        loaded.name,
        manifest.version.to_string(),
        loaded.fetched().digest,
        loaded.fetched().source,
        if granted {
            String::new()
        } else {
            format!(
                "\n  what {name} asks for must be approved before it runs: konductor plugin lock --approve {name}",
                name = loaded.name
            )
        }
    );
    context.output.fact("plugin-locked", &members, &text);
}
