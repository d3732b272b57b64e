//! What other stacks read of a stack: its outputs, and how fresh they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use konductor_model::Value;
use rusqlite::Connection;

use crate::entry::{Entry, RunFinished, RunStarted};
use crate::error::StateError;
use crate::history::{self, LoggedEntry};
use crate::rows;
use crate::schema::{self, Place};
use crate::sealing::Reading;
use crate::sqlite::StackLog;

/// The commands whose runs decide what the outputs are.
const DEPLOYING: [&str; 4] = ["run", "apply", "destroy", "rollback"];
/// How many entries are searched first, from the end; then twice as many, and so on.
const WINDOW: u64 = 256;

/// A stack's outputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outputs {
    /// The outputs, with secrets opened.
    pub values: BTreeMap<String, Value>,
    /// The entry of the log that they were read after.
    pub serial: u64,
    /// The newest deployment that succeeded: they were right then. None where no deployment ever did.
    pub confirmed: Option<Deployment>,
    /// The newest deployment after that, which did not succeed or has not ended: they may be about to change, or
    /// describe only a part of what there is.
    pub unconfirmed: Option<Deployment>,
}

/// A run that deploys, as the log tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// The run.
    pub run: String,
    /// The command.
    pub command: String,
    /// When it ended, or began where it has not ended, by the clock of the machine that wrote it.
    pub time: Timestamp,
    /// How it ended; none when its process died or is still at work.
    pub result: Option<String>,
}

impl StackLog {
    /// Returns the stack's outputs and how fresh they are. It reads no resource, and of the log only its end, back to the
    /// newest deployment that succeeded.
    ///
    /// # Errors
    /// When the log cannot be read, or holds an output that is secret and cannot be opened.
    pub async fn outputs(&self) -> Result<Outputs, StateError> {
        let sealer = self.sealer();
        self.read(move |connection, place| {
            let reading = Reading::Opened(sealer.as_deref());
            let snapshot = rows::snapshot_without_resources(connection, place, reading)?;
            let (confirmed, unconfirmed) = deployments(connection, place)?;
            Ok(Outputs {
                values: snapshot.outputs,
                serial: snapshot.serial,
                confirmed,
                unconfirmed,
            })
        })
        .await
    }
}

/// Returns the newest deployment that succeeded and the newest one after it.
fn deployments(
    connection: &Connection,
    place: &Place,
) -> Result<(Option<Deployment>, Option<Deployment>), StateError> {
    let end = schema::head(connection, place.path())?.serial;
    let mut window = WINDOW;
    loop {
        let first = end.saturating_sub(window).saturating_add(1).max(1);
        let entries = history::read_where(
            connection,
            place,
            &format!(
                "serial >= {first} AND (instr(body, '\"entry\":\"run-started\"') > 0 OR instr(body, '\"entry\":\"run-finished\"') > 0)"
            ),
            Reading::Masked,
        )?;
        let found = newest(entries);
        // A run whose beginning is not in the window has an unknown command.
        if found.0.is_some() || first == 1 {
            return Ok(found);
        }
        window = window.saturating_mul(2);
    }
}

fn newest(entries: Vec<LoggedEntry>) -> (Option<Deployment>, Option<Deployment>) {
    let mut confirmed = None;
    let mut unconfirmed: Option<Deployment> = None;
    let mut under_way: BTreeMap<String, String> = BTreeMap::new();
    for LoggedEntry { time, entry, .. } in entries {
        match entry {
            Entry::RunStarted(RunStarted { run, command, .. }) if DEPLOYING.contains(&command.as_str()) => {
                under_way.insert(run.clone(), command.clone());
                unconfirmed = Some(Deployment {
                    run,
                    command,
                    time,
                    result: None,
                });
            }
            Entry::RunFinished(RunFinished { run, result, .. }) => {
                let Some(command) = under_way.remove(&run) else {
                    continue;
                };
                let succeeded = result == "succeeded";
                let ended = Deployment {
                    run,
                    command,
                    time,
                    result: Some(result),
                };
                if succeeded {
                    confirmed = Some(ended);
                    unconfirmed = None;
                } else {
                    unconfirmed = Some(ended);
                }
            }
            _ => {}
        }
    }
    (confirmed, unconfirmed)
}
