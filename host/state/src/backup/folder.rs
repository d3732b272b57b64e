//! Backups in a folder: a file for every part.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::backend::BackendError;
use crate::backup::BackupPlace;
use crate::schema::{StackIdentity, open_private};

/// How the file of a part ends.
const SUFFIX: &str = ".part";
/// How the file of a part begins that is not yet whole.
const UNFINISHED: &str = ".new-";
/// After so long nobody is still writing a part.
const ABANDONED: Duration = Duration::from_secs(3_600);

/// Backups below one folder. It has to exist, so that a disk that is not mounted is noticed.
#[derive(Debug, Clone)]
pub struct BackupFolder {
    title: Arc<str>,
    folder: PathBuf,
}

impl BackupFolder {
    /// Takes over the folder. Nothing is looked at yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self {
            title: folder.display().to_string().into(),
            folder,
        }
    }

    fn of_stack(&self, stack: &StackIdentity) -> PathBuf {
        self.folder.join(&stack.project).join(&stack.stack)
    }

    fn failed(&self, doing: &str, path: &Path, error: &std::io::Error) -> BackendError {
        BackendError::Refused {
            place: Arc::clone(&self.title),
            reason: format!("could not {doing} {}: {error}", path.display()),
            advice: "check the folder's permissions and the room on its disk".to_owned(),
        }
    }

    fn require(&self) -> Result<(), BackendError> {
        if self.folder.is_dir() {
            return Ok(());
        }
        Err(BackendError::Refused {
            place: Arc::clone(&self.title),
            reason: "there is no such folder".to_owned(),
            advice: "mount the disk it is on, or make it".to_owned(),
        })
    }

    fn names(&self, stack: &StackIdentity) -> Result<Vec<u64>, BackendError> {
        self.require()?;
        let folder = self.of_stack(stack);
        let found = match std::fs::read_dir(&folder) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("list", &folder, &error)),
        };
        let mut names = Vec::new();
        for entry in found {
            let entry = entry.map_err(|error| self.failed("list", &folder, &error))?;
            let name = entry.file_name();
            if let Some(number) = name
                .to_str()
                .and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok())
            {
                names.push(number);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn store(&self, stack: &StackIdentity, name: u64, body: &[u8]) -> Result<bool, BackendError> {
        self.require()?;
        let folder = self.of_stack(stack);
        make_private(&folder).map_err(|error| self.failed("make", &folder, &error))?;
        let target = folder.join(file_name(name));
        if target.exists() {
            return Ok(false);
        }
        remove_abandoned(&folder);
        let unfinished = folder.join(format!("{UNFINISHED}{}", uuid::Uuid::new_v4()));
        let stored = write_durably(&unfinished, body).and_then(|()| name_once(&unfinished, &target));
        let _ = std::fs::remove_file(&unfinished);
        let is_new = stored.map_err(|error| self.failed("write", &target, &error))?;
        // The name has to survive a loss of power too.
        std::fs::File::open(&folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| self.failed("write", &folder, &error))?;
        Ok(is_new)
    }
}

fn file_name(name: u64) -> String {
    format!("{name:020}{SUFFIX}")
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write_durably(path: &Path, body: &[u8]) -> std::io::Result<()> {
    let mut file = open_private(path)?;
    file.write_all(body)?;
    file.sync_all()
}

/// Gives a whole file its name, which one of many writers gets.
fn name_once(from: &Path, to: &Path) -> std::io::Result<bool> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        // A file system without hard links: of two writers at the same moment the last one's part stays. Both are parts
        // that continue the same log from the same entry.
        Err(_) if to.exists() => Ok(false),
        Err(_) => std::fs::rename(from, to).map(|()| true),
    }
}

/// Removes what writers left that were killed.
fn remove_abandoned(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        let written = entry.metadata().and_then(|found| found.modified());
        let age = written
            .ok()
            .and_then(|written| SystemTime::now().duration_since(written).ok());
        if age.is_some_and(|age| age > ABANDONED) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[async_trait]
impl BackupPlace for BackupFolder {
    fn title(&self) -> &str {
        &self.title
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, BackendError> {
        self.require()?;
        let folder = self.folder.join(project);
        let found = match std::fs::read_dir(&folder) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("list", &folder, &error)),
        };
        let names = found
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut stacks = Vec::new();
        for stack in names {
            let identity = StackIdentity {
                project: project.to_owned(),
                stack,
            };
            if folder.join(&identity.stack).is_dir() && !self.names(&identity)?.is_empty() {
                stacks.push(identity.stack);
            }
        }
        stacks.sort();
        Ok(stacks)
    }

    async fn list(&self, stack: &StackIdentity, after: u64, most: usize) -> Result<Vec<u64>, BackendError> {
        let names = self.names(stack)?.into_iter();
        Ok(names.filter(|name| *name > after).take(most).collect())
    }

    async fn get(&self, stack: &StackIdentity, name: u64) -> Result<Option<Vec<u8>>, BackendError> {
        self.require()?;
        let path = self.of_stack(stack).join(file_name(name));
        match std::fs::read(&path) {
            Ok(body) => Ok(Some(body)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", &path, &error)),
        }
    }

    async fn put(&self, stack: &StackIdentity, name: u64, body: &[u8]) -> Result<bool, BackendError> {
        self.store(stack, name, body)
    }
}
