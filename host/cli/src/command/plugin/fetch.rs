//! `konductor plugin fetch`.

use konductor_model::Diagnostics;
use konductor_registry::AdmittedPlugin;

use super::PluginContext;
use crate::error::CommandError;
use crate::plugins::requirement;

/// Fetches plugins into the cache and checks them as a run would, so that a later run needs no network.
pub async fn fetch(names: &[String], context: &PluginContext<'_>) -> Result<(), CommandError> {
    let loader = context.loader()?.asking_for_signatures();
    let mut problems = Diagnostics::default();
    for name in context.wanted(names, &loader)? {
        let requirement = requirement(&name, context.configuration.as_ref());
        match loader.fetch(&name, requirement, true).await {
            Ok(fetched) => match loader.judge(&name, fetched, true) {
                Ok(admitted) => tell(&name, &admitted, context),
                Err(error) => problems.extend(error.diagnostics),
            },
            Err(error) => problems.extend(error.diagnostics),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.into())
    }
}

fn tell(name: &str, admitted: &AdmittedPlugin, context: &PluginContext<'_>) {
    let fetched = admitted.fetched();
    let version = fetched.version.as_ref().map(ToString::to_string);
    let members = serde_json::json!({
        "name": name, "version": version, "digest": fetched.digest, "place": fetched.place,
        "source": fetched.source.to_string(), "signer": admitted.signer(),
    });
    let text = format!(
        "{name:<12} {:<10} {}  {}",
        version.unwrap_or_default(),
        fetched.digest,
        fetched.place
    );
    context.output.fact("plugin-fetched", &members, &text);
}
