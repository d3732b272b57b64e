//! The other stacks of a project: what they put out, how fresh that is, and what they manage.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use konductor_config::StackOutputs;
use konductor_model::{Diagnostic, Diagnostics, Value, with_causes};
use konductor_state::{Deployment, OpenOptions, Outputs, Snapshot, StackLog, StateError};

use super::{Project, log_name};
use crate::error::CommandError;
use crate::output::Output;
use crate::project::FolderSources;

impl Project {
    /// Names the other stacks of the project that were deployed.
    async fn other_stack_names(&self) -> Result<Vec<String>, CommandError> {
        let mut names = match self.backend()? {
            Some(backend) => {
                konductor_state::backend::stacks(&backend, self.configuration.project_name()).await?
            }
            None => self.stacks_in_files(),
        };
        names.retain(|name| name != self.configuration.stack());
        Ok(names)
    }

    /// Returns the stacks that have a log in a file, in order.
    pub fn stacks_in_files(&self) -> Vec<String> {
        let suffix = if self.simulated { ".simulated.db" } else { ".db" };
        let mut names: Vec<String> = std::fs::read_dir(self.state_folder())
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(suffix).map(str::to_owned))
            .filter(|name| !name.contains('.'))
            .collect();
        names.sort();
        names
    }

    /// Returns how the log of another stack is opened to read it.
    fn other_log(&self, stack: &str) -> Result<(OpenOptions, PathBuf), CommandError> {
        let (options, file) = match self.backend()? {
            Some(backend) => self.shared(stack, backend),
            None => {
                let file = self.state_folder().join(log_name(stack, self.simulated));
                (self.options(stack), file)
            }
        };
        Ok((options.read_only(), file))
    }

    /// Reads the outputs of the stacks that this one reads, and of no other.
    pub async fn other_stacks(&self) -> Result<OtherStacks, CommandError> {
        let mut found = OtherStacks {
            organization: self.configuration.organization().map(str::to_owned),
            project: self.configuration.project_name().to_owned(),
            read: BTreeMap::new(),
        };
        for name in self.configuration.stacks_read() {
            let (options, file) = self.other_log(&name)?;
            let read = async {
                let outputs = StackLog::open(&file, options).await?.outputs().await?;
                // An empty log is one that is being made, or a backend's that has none.
                Ok(Some(outputs).filter(|outputs| outputs.serial > 0))
            };
            let read = match read.await {
                Ok(None) | Err(StateError::NotFound { .. }) => continue,
                Ok(Some(outputs)) => Ok(outputs),
                Err(error) => Err(with_causes(&error)),
            };
            found.read.insert(name, read);
        }
        Ok(found)
    }

    /// Returns what the other stacks of the project recorded, with secrets masked.
    pub async fn other_snapshots(&self) -> Result<Vec<(String, Snapshot)>, CommandError> {
        let mut found = Vec::new();
        for name in self.other_stack_names().await? {
            let (options, file) = self.other_log(&name)?;
            match StackLog::open(&file, options).await {
                // It is being made at this moment.
                Err(StateError::NotFound { .. }) => {}
                opened => found.push((name, opened?.snapshot_masked().await?)),
            }
        }
        Ok(found)
    }

    /// Returns the objects that the other stacks of the project manage: type and identifier.
    pub async fn managed_by_other_stacks(&self) -> Result<BTreeSet<(String, String)>, CommandError> {
        let mut managed = BTreeSet::new();
        for (_, snapshot) in self.other_snapshots().await? {
            for record in snapshot.resources.values() {
                let deposed = record.deposed.iter().map(|deposed| &deposed.object);
                for object in record.object.iter().chain(deposed) {
                    managed.insert((record.urn.resource_type().to_string(), object.id.clone()));
                }
            }
        }
        Ok(managed)
    }
}

/// The outputs of the stacks of the project that a stack reads.
pub struct OtherStacks {
    organization: Option<String>,
    project: String,
    read: BTreeMap<String, Result<Outputs, String>>,
}

impl StackOutputs for OtherStacks {
    fn outputs(&self, organization: &str, project: &str, stack: &str) -> Result<Value, String> {
        let same_organization = self.organization.as_deref().unwrap_or_default() == organization;
        if !same_organization || project != self.project {
            return Err(format!(
                "only stacks of this project can be read: expected `{}`, found `{project}`",
                self.project
            ));
        }
        match self.read.get(stack) {
            Some(Ok(outputs)) => Ok(Value::Map(outputs.values.clone())),
            Some(Err(why)) => Err(why.clone()),
            None => Err(format!("stack `{stack}` was never deployed")),
        }
    }
}

impl OtherStacks {
    /// Tells how fresh what was read is, and warns of what may be about to change.
    pub fn tell(&self, folder: &std::path::Path, output: &Output) {
        let mut warnings = Diagnostics::default();
        for (stack, read) in &self.read {
            let Ok(outputs) = read else { continue };
            let deployment = |found: &Option<Deployment>| {
                found.as_ref().map(|found| {
                    serde_json::json!({
                        "run": found.run, "command": found.command, "time": found.time, "result": found.result,
                    })
                })
            };
            let members = serde_json::json!({
                "read": stack,
                "serial": outputs.serial,
                "confirmed": deployment(&outputs.confirmed),
                "unconfirmed": deployment(&outputs.unconfirmed),
            });
            let text = match &outputs.confirmed {
                Some(confirmed) => format!("Reads {stack} as of {}.", at(confirmed.time)),
                None => format!("Reads {stack}, of which no deployment has succeeded."),
            };
            output.fact("stack-read", &members, &text);
            if let Some(unconfirmed) = &outputs.unconfirmed {
                warnings.push(unconfirmed_outputs(stack, unconfirmed));
            }
        }
        output.diagnostics(&warnings, &FolderSources(folder.to_owned()));
    }
}

fn unconfirmed_outputs(stack: &str, deployment: &Deployment) -> Diagnostic {
    let Deployment { command, .. } = deployment;
    let time = at(deployment.time);
    let warning = match &deployment.result {
        Some(result) => {
            format!("the outputs of `{stack}` may be out of date: its `{command}` of {time} {result}")
        }
        None => format!(
            "the outputs of `{stack}` may be about to change: its `{command}` of {time} has not ended"
        ),
    };
    Diagnostic::warning(warning).help(format!(
        "`konductor history --stack {stack}` shows its runs; what is planned here uses the outputs as they are"
    ))
}

fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
