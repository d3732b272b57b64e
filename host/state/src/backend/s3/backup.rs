//! Backups in a bucket: an object for every part, beside the logs and apart from them.

use async_trait::async_trait;

use super::{Made, S3, numbered};
use crate::backend::BackendError;
use crate::backup::BackupPlace;
use crate::schema::StackIdentity;

impl S3 {
    fn backup(&self, stack: &StackIdentity) -> String {
        format!("{}{}/backup/", self.project(&stack.project), stack.stack)
    }
}

#[async_trait]
impl BackupPlace for S3 {
    fn title(&self) -> &str {
        &self.title
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, BackendError> {
        let mut stacks = Vec::new();
        for stack in self.folders(&self.project(project)).await? {
            let identity = StackIdentity {
                project: project.to_owned(),
                stack,
            };
            if !self.list(&identity, 0, 1).await?.is_empty() {
                stacks.push(identity.stack);
            }
        }
        stacks.sort();
        Ok(stacks)
    }

    async fn list(&self, stack: &StackIdentity, after: u64, most: usize) -> Result<Vec<u64>, BackendError> {
        let prefix = self.backup(stack);
        let after = numbered(&prefix, after);
        let most = most.min(1000).to_string();
        let page = self
            .page(&prefix, &[("start-after", &after), ("max-keys", &most)])
            .await?;
        page.keys.iter().map(|key| self.number(key)).collect()
    }

    async fn get(&self, stack: &StackIdentity, name: u64) -> Result<Option<Vec<u8>>, BackendError> {
        let found = self.object(&numbered(&self.backup(stack), name)).await?;
        Ok(found.map(|found| found.body))
    }

    async fn put(&self, stack: &StackIdentity, name: u64, body: &[u8]) -> Result<bool, BackendError> {
        let made = self
            .make(&numbered(&self.backup(stack), name), body.to_vec())
            .await?;
        Ok(made == Made::Yes)
    }
}
