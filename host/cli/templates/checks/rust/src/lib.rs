//! {{name}}: checks of every plan, which a package of policies names.

use konductor_sdk_compliance::checks::{Action, Checks, Document, Finding};

/// Returns the plugin.
pub fn checks() -> Checks {
    Checks::new("{{name}}", env!("CARGO_PKG_VERSION"))
        .description("Checks of every plan")
        .check("owner", owner)
        .check("deletion", deletion)
}

konductor_sdk_compliance::export_checks!(checks);

/// Everything has somebody who answers for it.
fn owner(document: &Document) -> Vec<Finding> {
    let without = document.resources().filter(|resource| resource.metadata("owner").is_none());
    without
        .map(|resource| Finding::deny(format!("nobody owns {}", resource.name())).resource(resource))
        .collect()
}

/// What goes is told, and nothing follows.
fn deletion(document: &Document) -> Vec<Finding> {
    let deleted = document.changes().filter(|resource| resource.action() == Action::Delete);
    deleted
        .map(|resource| Finding::warn(format!("{} is deleted", resource.name())).resource(resource))
        .collect()
}
