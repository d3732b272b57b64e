//! Grants for the plugins of a run: decided for all of them, asked about where a person is there, and written into
//! the lock file when the person says yes. Nothing but a person's answer or `plugin lock --approve` approves.

use std::collections::BTreeMap;
use std::path::Path;

use konductor_config::{Configuration, GrantSetting};
use konductor_model::grant::GrantDifference;
use konductor_model::{Diagnostic, Diagnostics, PluginGrant};
use konductor_registry::lock_file::LOCK_FILE;
use konductor_registry::{Approval, Digest, LockFile, LockedPlugin, Policies};

use super::grant_decision::{GrantDecision, GrantQuestion, GrantedBy, decide, not_approved, to_approve};
use super::loader::{LoadedPlugin, PluginLoader, requirement};
use crate::error::CommandError;
use crate::output::Output;
use crate::prompt;

/// What a plugin was granted in this run.
#[derive(Debug, Clone, PartialEq)]
pub struct Granted {
    /// What it may do.
    pub grant: PluginGrant,
    /// Who said so.
    pub by: GrantedBy,
}

/// Decides for every plugin. What must be approved first is asked about on a terminal, else it is an error for all
/// of them at once.
pub fn grants(
    plugins: &[LoadedPlugin],
    loader: &PluginLoader,
    folder: &Path,
    configuration: &Configuration,
    output: &Output,
) -> Result<BTreeMap<String, Granted>, CommandError> {
    let mut granted = BTreeMap::new();
    let mut refused = Diagnostics::default();
    for loaded in plugins {
        let requested = PluginGrant::requested_by(loaded.plugin.manifest());
        let question = question(loaded, &requested, loader.lock(), configuration);
        let forbidden = loader.policies().requested_denied();
        if let (Some(GrantSetting::Requested), Some(refusal)) = (question.written, forbidden) {
            refused.push(Diagnostic::error(format!("plugin `{}`: {refusal}", loaded.name)));
            continue;
        }
        match decide(&question) {
            GrantDecision::Granted(grant, by) => {
                granted.insert(loaded.name.clone(), Granted { grant, by });
            }
            GrantDecision::NeedsApproval(differences) => {
                let asked = !loader.is_locked() && ask(&question, &differences, output)?;
                if asked {
                    record(folder, &[(loaded, requested.clone())])?;
                    let by = GrantedBy::Approval;
                    granted.insert(loaded.name.clone(), Granted { grant: requested, by });
                } else {
                    refused.push(not_approved(&question, &differences));
                }
            }
        }
    }
    if !refused.is_empty() {
        return Err(refused.into());
    }
    for loaded in plugins {
        if let Some(granted) = granted.get_mut(&loaded.name) {
            limit(loaded, granted, loader.policies());
        }
    }
    Ok(granted)
}

/// Takes away what a policy does not let through, whoever granted it.
fn limit(loaded: &LoadedPlugin, granted: &mut Granted, policies: &Policies) {
    let endpoints = &loaded.plugin.manifest().endpoints;
    let services = endpoints
        .iter()
        .map(|endpoint| (endpoint.id.clone(), endpoint.service.clone()))
        .collect();
    let (limited, refusals) = policies.limit_grant(&loaded.name, &granted.grant, &services);
    for refusal in refusals {
        tracing::warn!("{refusal}");
    }
    granted.grant = limited;
}

/// Puts the question of one plugin's grant together.
pub fn question<'a>(
    loaded: &'a LoadedPlugin,
    requested: &'a PluginGrant,
    lock: Option<&'a LockFile>,
    configuration: &'a Configuration,
) -> GrantQuestion<'a> {
    let entry = lock.and_then(|lock| lock.plugins.get(&loaded.name));
    GrantQuestion {
        name: &loaded.name,
        requested,
        written: requirement(&loaded.name, Some(configuration))
            .and_then(|requirement| requirement.grant.as_ref())
            .map(|written| &written.grant),
        approved: entry.and_then(|entry| entry.approval.as_ref()),
        digest: loaded.fetched().digest,
        trusted: loaded.is_trusted(),
    }
}

/// Shows what a plugin asks for, as differences from what was last approved, and asks a person. Where nobody can be
/// asked the answer is no.
pub fn ask(
    question: &GrantQuestion<'_>,
    differences: &[GrantDifference],
    output: &Output,
) -> Result<bool, CommandError> {
    let name = question.name;
    if !prompt::somebody_is_there(output) {
        return Ok(false);
    }
    let changed = question
        .approved
        .is_some_and(|approved| approved.digest != question.digest);
    let says = if changed {
        "was changed since it was approved:"
    } else {
        "asks for:"
    };
    output.line(&format!("Plugin {} {says}", console::style(name).bold()));
    for (added, line) in to_approve(question, differences) {
        let line = console::style(format!("  {line}"));
        let line = match added {
            Some(true) => line.green(),
            Some(false) => line.red(),
            None => line,
        };
        output.line(&line.to_string());
    }
    prompt::ask(&format!("Grant this to {name}, and write it into {LOCK_FILE}?"))
}

/// Writes approvals into the lock file.
pub fn record(folder: &Path, approved: &[(&LoadedPlugin, PluginGrant)]) -> Result<(), CommandError> {
    let path = folder.join(LOCK_FILE);
    let mut lock = LockFile::read(&path)?.unwrap_or_default();
    for (loaded, grant) in approved {
        let mut entry = locked(loaded);
        entry.approval = Some(approval(loaded, grant.clone()));
        lock.plugins.insert(loaded.name.clone(), entry);
    }
    Ok(lock.write(&path)?)
}

/// Returns an approval of a grant for a plugin's bytes and no others.
pub fn approval(loaded: &LoadedPlugin, grant: PluginGrant) -> Approval {
    Approval {
        digest: loaded.fetched().digest,
        manifest: manifest_digest(loaded),
        grant,
    }
}

/// Returns the lock file's entry for a plugin, without an approval.
pub fn locked(loaded: &LoadedPlugin) -> LockedPlugin {
    LockedPlugin::new(
        &loaded.name,
        loaded.fetched(),
        loaded.plugin.manifest().version.clone(),
        loaded.signer().map(str::to_owned),
    )
}

/// Returns the digest of what is shown of a plugin. One that was not packed has no text of its own.
fn manifest_digest(loaded: &LoadedPlugin) -> Digest {
    loaded.fetched().manifest_text_digest.unwrap_or_else(|| {
        let text = serde_json::to_vec(loaded.plugin.manifest()).unwrap_or_default();
        Digest::of(&text)
    })
}
