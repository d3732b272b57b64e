//! The policies that plugins are held to: the machine's, those named on the command line, the organization's and the
//! project's. Every one of them must allow what is done.

use std::path::Path;

use konductor_config::Configuration;
use konductor_config::inputs::PROJECT_FILE;
use konductor_model::{Diagnostic, Diagnostics};
use konductor_registry::policy::{Policies, PolicyErrors, SitePolicy};

use crate::arguments::GlobalArguments;
use crate::error::CommandError;
use crate::project::Project;

/// The machine's policy. Its place is fixed: what could be moved by a variable would bind nobody.
pub const MACHINE_POLICY: &str = "/etc/konductor/policy.yaml";

/// Reads those that hold for a project.
///
/// # Errors
/// When one of them is wrong.
pub fn of_project(project: &Project) -> Result<Policies, CommandError> {
    read(&project.folder, &project.arguments, Some(&project.configuration))
}

/// Reads all of them. One that cannot be read stops everything; everything that is wrong is said at once.
pub fn read(
    folder: &Path,
    arguments: &GlobalArguments,
    configuration: Option<&Configuration>,
) -> Result<Policies, CommandError> {
    let mut policies = Vec::new();
    let mut diagnostics = Diagnostics::default();
    let mut take = |read: Result<SitePolicy, PolicyErrors>| match read {
        Ok(policy) => policies.push(policy),
        Err(errors) => diagnostics.extend(
            errors
                .problems
                .into_iter()
                .map(|problem| Diagnostic::error(format!("{}: {}", problem.place, problem.problem))),
        ),
    };
    let machine = Path::new(MACHINE_POLICY);
    // Only a file that is certainly not there is no policy: one that cannot be looked at may forbid something.
    let is_absent = matches!(std::fs::symlink_metadata(machine),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound);
    if !is_absent {
        take(SitePolicy::read(machine));
    }
    for file in &arguments.policy {
        take(SitePolicy::read(file));
    }
    if let Some(configuration) = configuration {
        for (index, (value, origin)) in configuration.policies().iter().enumerate() {
            let place = |path: &konductor_model::Path| {
                configuration
                    .locate_policy(index, path)
                    .unwrap_or_else(|| origin.clone())
                    .to_string()
            };
            let read = SitePolicy::from_value(value, folder, &place);
            // The lock file is the project's: it does not choose a release of what somebody else demands.
            take(if *origin.file == *PROJECT_FILE {
                read.map(SitePolicy::of_project)
            } else {
                read
            });
        }
    }
    if diagnostics.has_errors() {
        Err(diagnostics.into())
    } else {
        Ok(Policies(policies))
    }
}
