//! Grants for the plugins of a run: decided for all of them, asked about where a person is there, and written into
//! the lock file when the person says yes. Nothing but a person's answer or `plugin lock --approve` approves.

use std::collections::BTreeMap;
use std::path::Path;

use konductor_config::{Configuration, GrantSetting};
use konductor_model::grant::GrantDifference;
use konductor_model::{Diagnostic, Diagnostics, PluginGrant};
use konductor_registry::lock_file::LOCK_FILE;
use konductor_registry::{Approval, Digest, LockFile, LockedPlugin, Policies};

use super::grant_decision::{GrantDecision, GrantQuestion, GrantedBy, decide, not_approved};
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
                let asked = !loader.is_locked() && ask(&loaded.name, &differences, output)?;
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
        approved: entry
            // An approval is for the bytes that were locked with it: others must be approved anew.
            .filter(|entry| entry.digest == loaded.fetched().digest)
            .and_then(|entry| entry.approval.as_ref())
            .map(|approval| &approval.grant),
        trusted: loaded.is_trusted(),
    }
}

/// Shows what a plugin asks for and asks a person. Where nobody can be asked the answer is no.
pub fn ask(name: &str, differences: &[GrantDifference], output: &Output) -> Result<bool, CommandError> {
    if !prompt::somebody_is_there(output) {
        return Ok(false);
    }
    output.line(&format!("Plugin {} asks for:", console::style(name).bold()));
    for difference in differences {
        let line = format!("  {difference}");
        let line = if difference.added {
            console::style(line).green()
        } else {
            console::style(line).red()
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
        entry.approval = Some(Approval {
            manifest: manifest_digest(loaded),
            grant: grant.clone(),
        });
        lock.plugins.insert(loaded.name.clone(), entry);
    }
    Ok(lock.write(&path)?)
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

/// Returns the digest of what an approval is given for. A plugin that was not packed has no text of its own.
pub fn manifest_digest(loaded: &LoadedPlugin) -> Digest {
    loaded.fetched().manifest_text_digest.unwrap_or_else(|| {
        let text = serde_json::to_vec(loaded.plugin.manifest()).unwrap_or_default();
        Digest::of(&text)
    })
}
