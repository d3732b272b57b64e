//! Handing checks over to the workers of a project, at the times of the schedules.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use konductor_queue::{Due, Submission};

use super::Watched;
use crate::arguments::{GlobalArguments, Typed};
use crate::command::hand_over::arguments_of_watch;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::queue_place::QueuePlace;

/// The queues of the projects that are watched.
pub struct Submitting {
    arguments: Vec<String>,
    submitter: String,
    places: BTreeMap<PathBuf, QueuePlace>,
}

impl Submitting {
    /// Reads where the queues are. Nothing is connected.
    ///
    /// # Errors
    /// When a project has no workers, or something was typed that workers have of their own.
    pub fn open(
        watched: &[Watched],
        typed: &Typed,
        global: &GlobalArguments,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let mut places = BTreeMap::new();
        for one in watched {
            if !places.contains_key(&one.folder) {
                places.insert(one.folder.clone(), QueuePlace::open(&one.global, environment)?);
            }
        }
        Ok(Self {
            arguments: arguments_of_watch(typed, global)?,
            submitter: environment.actor(),
            places,
        })
    }

    /// Submits a check of a stack for a time, with the configuration that is there now, unless that was done. Returns the
    /// project too.
    ///
    /// # Errors
    /// When the queue does not answer or refuses.
    pub async fn submit(&self, watched: &Watched, due: Timestamp) -> Result<(Due, &str), CommandError> {
        let place = self
            .places
            .get(&watched.folder)
            .ok_or_else(|| CommandError::message("the project is not watched"))?;
        let submission = Submission {
            project: place.project.clone(),
            configuration: place.configuration()?,
            submitter: self.submitter.clone(),
            most_attempts: place.settings.attempts,
            orders: Vec::new(),
        };
        let due = place
            .queue
            .submit_due(&submission, &watched.stack, &self.arguments, due)
            .await?;
        Ok((due, &place.project))
    }
}
