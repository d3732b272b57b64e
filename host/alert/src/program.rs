//! A program that is told: the document on its standard input, no shell between.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::{AlertError, Message};

/// How much of what a failed program says is kept, in characters.
const KEPT: usize = 500;

/// Runs a program to its end.
pub(crate) async fn run(run: &[String], message: &Message) -> Result<(), AlertError> {
    let Some((program, arguments)) = run.split_first() else {
        return Err(AlertError::Address {
            reason: "no program is named".to_owned(),
        });
    };
    let failed = |reason: String| AlertError::Program {
        program: program.clone(),
        reason,
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // One that hangs ends with the deadline.
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read is no failure; how it ends says whether it did its work.
        let _ = input
            .write_all(format!("{}\n", message.document).as_bytes())
            .await;
    }
    let ended = child
        .wait_with_output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if ended.status.success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&ended.stderr)
        .trim()
        .chars()
        .take(KEPT)
        .collect();
    Err(failed(format!("{}: {said}", ended.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            title: "drift".to_owned(),
            text: String::new(),
            document: serde_json::json!({ "stack": "dev" }),
        }
    }

    #[tokio::test]
    async fn a_program_reads_the_document_and_no_shell_reads_its_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("$(told)");
        let words = ["tee".to_owned(), file.display().to_string()];
        run(&words, &message()).await.unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "{\"stack\":\"dev\"}\n");
    }

    #[tokio::test]
    async fn a_program_that_fails_is_told_with_what_it_said() {
        let words = ["sh", "-c", "echo out of paper >&2; exit 3"].map(str::to_owned);
        let error = run(&words, &message()).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3: out of paper"), "{error}");
        let missing = run(&["no-such-program-4711".to_owned()], &message()).await;
        assert!(missing.is_err());
    }
}
