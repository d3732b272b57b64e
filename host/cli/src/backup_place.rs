//! Places for backups, as they are named on the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use konductor_state::backup::{BackupFolder, BackupPlace};

use crate::environment::Environment;
use crate::error::CommandError;
use crate::state_place::StatePlace;

/// Reads a place: a folder, `s3://…` or `postgresql://…`.
///
/// # Errors
/// When it is none of these, or holds a credential.
pub fn backup_place(address: &str, environment: &Environment) -> Result<Arc<dyn BackupPlace>, CommandError> {
    let unknown = || {
        CommandError::message(format!("`{address}` is no place for backups"))
            .help("name a folder, `s3://BUCKET/PREFIX?region=REGION` or `postgresql://USER@HOST/DATABASE`")
    };
    if ["s3://", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| address.starts_with(scheme))
    {
        let place = StatePlace::of_address(address, false, environment)?;
        return place.of_backups()?.ok_or_else(unknown);
    }
    if address.is_empty() || address.contains("://") {
        return Err(unknown());
    }
    let folder = std::path::absolute(Path::new(address)).unwrap_or_else(|_| PathBuf::from(address));
    Ok(Arc::new(BackupFolder::new(folder)))
}
