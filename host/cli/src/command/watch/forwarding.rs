//! After a check, what it wrote into the log goes to the receivers of the site, what it told and whom included. A receiver
//! that is away stops nothing: it gets what it missed after the next check, and once more when the watch ends.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use futures::future::join_all;

use super::{Watch, Watched};
use crate::command::audit::Forwarding;
use crate::error::CommandError;
use crate::project::{FolderSources, Project};

/// The stacks of which a receiver has not got all.
#[derive(Default)]
pub struct Behind(Mutex<BTreeSet<(PathBuf, String)>>);

impl Behind {
    fn note(&self, watched: &Watched, is_behind: bool) {
        let key = (watched.folder.clone(), watched.stack.clone());
        let mut behind = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_behind {
            behind.insert(key);
        } else {
            behind.remove(&key);
        }
    }

    fn has(&self, watched: &Watched) -> bool {
        let key = (watched.folder.clone(), watched.stack.clone());
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&key)
    }
}

/// Delivers what the receivers of a stack have not got yet. That they do not answer is told and no failure of the check.
pub async fn forward(watch: &Watch<'_>, watched: &Watched) {
    let is_behind = match deliver(watch, watched).await {
        Ok(is_complete) => !is_complete,
        Err(error) => {
            let sources = FolderSources(watched.folder.clone());
            watch.output.diagnostics(&error.diagnostics, &sources);
            true
        }
    };
    watch.behind.note(watched, is_behind);
}

/// Tries once more where a receiver has not got all.
pub async fn forward_the_rest(watch: &Watch<'_>, all: &[Watched]) {
    let behind = all.iter().filter(|watched| watch.behind.has(watched));
    join_all(behind.map(|watched| forward(watch, watched))).await;
}

async fn deliver(watch: &Watch<'_>, watched: &Watched) -> Result<bool, CommandError> {
    let project = Project::open(&watched.global, watch.environment)?;
    // What a simulated cloud answered is no evidence.
    if project.simulated || project.read_log_if_any().await?.is_none() {
        return Ok(true);
    }
    let forwarding = Forwarding::of(&project, watch.environment, watch.output)?;
    let log = project.open_log().await?;
    Ok(forwarding.after_run(&log).await)
}
