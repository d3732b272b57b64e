//! Policies over plugins: each is judged by what is known of it before anything but its manifest is asked of it.

use konductor_compliance::{Judgement, LoadedPackage, Overrides, decide};
use konductor_model::policy::PolicyTask;
use konductor_sandbox::Plugin;
use serde_json::{Value as Json, json};

use super::apply;
use super::not_overridden;
use crate::error::CommandError;
use crate::plugins::LoadedPlugin;

/// The word for what is judged.
pub const OPERATION: &str = "load";
/// The version of the document.
const FORMAT: u32 = 1;

/// Lets packages judge a plugin.
pub async fn judge_load(
    judge: Plugin,
    packages: &[LoadedPackage],
    overridden: &[String],
    plugin: &LoadedPlugin,
) -> Result<Judgement, CommandError> {
    let of_these = |given: &&String| {
        let name = given.split('=').next().unwrap_or_default().trim();
        packages.iter().any(|package| package.setting.name == name)
    };
    let overridden: Vec<String> = overridden.iter().filter(of_these).cloned().collect();
    let overrides = Overrides::read(&overridden, packages).map_err(not_overridden)?;
    let document = document(plugin).to_string();
    let answers = apply(judge, PolicyTask::Evaluate, packages, Some(&document)).await;
    Ok(decide("", OPERATION, &document, packages, answers, &overrides))
}

/// Makes the document that `docs/policy-load.schema.json` describes.
fn document(plugin: &LoadedPlugin) -> Json {
    let fetched = plugin.fetched();
    let manifest = plugin.plugin.manifest();
    let mut known = json!({
        "konductor": { "format": FORMAT, "version": env!("CARGO_PKG_VERSION"), "operation": OPERATION },
        "plugin": {
            "name": plugin.name,
            "digest": format!("sha256:{}", fetched.digest.hex()),
            "source": fetched.source.to_string(),
            "place": fetched.place,
            "bundled": plugin.is_trusted(),
            "imports": fetched.imports,
            "manifest": manifest,
        },
    });
    // In Rego `not` holds for what is not there, and does not for null.
    let members = known.get_mut("plugin").and_then(Json::as_object_mut);
    if let (Some(signer), Some(members)) = (plugin.signer(), members) {
        members.insert("signer".to_owned(), json!(signer));
    }
    known
}
