//! `konductor plugin audit`.

use std::collections::BTreeMap;

use konductor_model::PluginGrant;
use konductor_state::PluginUsed;
use konductor_state::usage::RunUsage;

use super::PluginContext;
use crate::error::CommandError;
use crate::plugins::{GrantUse, written_out};
use crate::project::Project;

/// One plugin in the runs that were looked at.
struct Audited {
    newest: PluginUsed,
    runs: usize,
    granted: Option<PluginGrant>,
    used: GrantUse,
}

/// Shows for the stack what each plugin was granted, what it used, and what could be taken away.
pub async fn audit(runs: u64, context: &PluginContext<'_>) -> Result<(), CommandError> {
    crate::project::require(context.folder)?;
    let project = Project::open(context.arguments, context.environment)?;
    let log = project.read_log().await?;
    let usage = log.usage(usize::try_from(runs).unwrap_or(usize::MAX)).await?;
    let audited = collect(&usage);
    if audited.is_empty() {
        context.output.line("no run has used a plugin");
    }
    for (name, plugin) in &audited {
        show(name, plugin, usage.len(), context);
    }
    Ok(())
}

fn collect(usage: &[RunUsage]) -> BTreeMap<String, Audited> {
    let mut oldest_first: Vec<&RunUsage> = usage.iter().collect();
    oldest_first.sort_by_key(|run| run.serial);
    let mut audited: BTreeMap<String, Audited> = BTreeMap::new();
    for run in oldest_first {
        for plugin in &run.run.plugins {
            let entry = audited.entry(plugin.name.clone()).or_insert_with(|| Audited {
                newest: plugin.clone(),
                runs: 0,
                granted: None,
                used: GrantUse::default(),
            });
            entry.runs += 1;
            // The grant that counts is the one it had last.
            entry.granted = plugin.grant();
            entry.newest = plugin.clone();
        }
        for counted in &run.calls {
            if let Some(entry) = audited.get_mut(&counted.call.plugin) {
                entry.used.add_calls(counted);
            }
        }
        for revealed in &run.revealed {
            if let Some(entry) = audited.get_mut(&revealed.plugin) {
                entry.used.add_reveal(revealed.attribute.clone());
            }
        }
    }
    audited
}

fn show(name: &str, plugin: &Audited, runs: usize, context: &PluginContext<'_>) {
    let output = context.output;
    let narrowed = plugin
        .granted
        .as_ref()
        .map(|granted| plugin.used.narrowed(granted));
    let unused = match (&plugin.granted, &narrowed) {
        (Some(granted), Some(narrowed)) => narrowed.differences(granted),
        _ => Vec::new(),
    };
    let members = serde_json::json!({
        "name": name, "version": plugin.newest.version, "digest": plugin.newest.digest,
        "signer": plugin.newest.signer, "runs": plugin.runs, "calls": plugin.used.calls,
        "unanswered": plugin.used.unanswered, "granted": plugin.granted, "used": plugin.used.used,
        "unused": unused, "narrowed": narrowed,
    });
    output.event("plugin-audit", &members);
    let signer = match &plugin.newest.signer {
        Some(signer) => format!("signed by {signer}"),
        None => "nobody's signature was asked for".to_owned(),
    };
    output.line(&format!(
        "{} {}, in {} of {runs} runs; {signer}",
        console::style(name).bold(),
        plugin.newest.version,
        plugin.runs
    ));
    output.line(&format!(
        "  calls     {} answered, {} refused or without an answer",
        plugin.used.calls, plugin.used.unanswered
    ));
    for (id, used) in &plugin.used.used.endpoints {
        let regions: Vec<&str> = used.regions.iter().map(String::as_str).collect();
        let methods: Vec<&str> = used.methods.iter().map(String::as_str).collect();
        output.line(&format!(
            "  used      {id} in {}: {}",
            regions.join(", "),
            methods.join(", ")
        ));
    }
    for attribute in &plugin.used.used.reveal {
        output.line(&format!("  saw       {attribute} as it is"));
    }
    match narrowed {
        None => output.line("  granted   the log does not say"),
        Some(_) if unused.is_empty() => output.line("  granted   nothing that it did not use"),
        Some(narrowed) => {
            output.line("  with what it used alone, its grant would change by");
            for difference in &unused {
                output.line(&format!("    {difference}"));
            }
            output.line("  in konductor.yaml:");
            output.text(&indented(&written_out(name, &narrowed)));
        }
    }
    output.line("");
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
