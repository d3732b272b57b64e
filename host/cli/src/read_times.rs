//! The file that says when each object was last read. It can be deleted: then everything is read again.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use konductor_engine::ReadTimes;

use crate::project::Project;

/// How long it is kept when an object was last read.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

fn file(project: &Project) -> PathBuf {
    project.log_file().with_extension("read-times")
}

/// Reads when each object was last read; of a file that is not there nothing is known.
pub fn load(project: &Project) -> ReadTimes {
    ReadTimes::from_bytes(&std::fs::read(file(project)).unwrap_or_default())
}

/// Keeps when each object was last read. Without it the next run reads more than it would have to.
pub fn keep(project: &Project, times: &ReadTimes) {
    let since = SystemTime::now()
        .checked_sub(KEPT)
        .unwrap_or(SystemTime::UNIX_EPOCH);
    // Where the state is kept elsewhere there may be no folder yet.
    let _ = std::fs::create_dir_all(project.state_folder());
    if let Err(error) = crate::atomic_file::write(&file(project), &times.to_bytes(since)) {
        tracing::warn!(error = %error.diagnostics, "when objects were read could not be kept");
    }
}
