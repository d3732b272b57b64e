//! One record for every call, also for those that were refused or abandoned.

use async_trait::async_trait;
use konductor_model::cloud::{CloudRequest, SendError};
use tokio::time::Instant;

/// The longest text, in characters, that a record takes over from a guest.
const LONGEST_TEXT: usize = 1024;

/// What is kept about one call. It holds no header, query value, body or credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The plugin.
    pub plugin: String,
    /// What it was made for.
    pub resource: String,
    /// The endpoint identifier.
    pub endpoint: String,
    /// The region it was signed for; empty when it was refused before that was known.
    pub region: String,
    /// The method.
    pub method: String,
    /// The host it went to; empty when it was refused before that was known.
    pub host: String,
    /// The path, without the query.
    pub path: String,
    /// The API operation, where it can be told (`DescribeVpcs`).
    pub operation: Option<String>,
    /// The status; none when there was no answer.
    pub status: Option<u16>,
    /// The cloud's request identifier.
    pub request_id: Option<String>,
    /// How often it was sent.
    pub attempts: u32,
    /// How many sealed secrets the host placed in it.
    pub secrets: u32,
    /// How long it took in all, waiting included.
    pub milliseconds: u64,
    /// Why it was refused or failed.
    pub error: Option<String>,
}

/// Why calls cannot be recorded, and so are not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct AuditUnavailable {
    /// What happened and what to do.
    pub reason: String,
}

/// Room for one record. It is taken before a call is made, so that no call goes unrecorded.
pub struct AuditPermit(Box<dyn FnOnce(CallRecord) + Send>);

impl AuditPermit {
    /// Makes a permit of what takes the record. It is called at most once, also while a call is being dropped, and
    /// must not block.
    pub fn new(record: impl FnOnce(CallRecord) + Send + 'static) -> Self {
        Self(Box::new(record))
    }
}

impl std::fmt::Debug for AuditPermit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditPermit").finish_non_exhaustive()
    }
}

/// Receives the records.
#[async_trait]
pub trait AuditSink: Send + Sync {
    /// Waits until there is room for one more record.
    ///
    /// # Errors
    /// When records can no longer be written. The call is then refused: what is not on record does not happen.
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable>;
}

/// A call under way. It is recorded when it is finished, and also when its future is dropped before that.
pub(crate) struct PendingCall {
    permit: Option<AuditPermit>,
    began: Instant,
    record: Option<CallRecord>,
    attempts: u32,
}

impl PendingCall {
    /// Begins a call.
    pub(crate) fn begin(permit: AuditPermit, plugin: &str, resource: &str, request: &CloudRequest) -> Self {
        let record = CallRecord {
            plugin: plugin.to_owned(),
            resource: printable(resource),
            endpoint: printable(&request.endpoint),
            region: String::new(),
            method: printable(&request.method),
            host: String::new(),
            path: printable(request.path.split(['?', '#']).next().unwrap_or_default()),
            operation: None,
            status: None,
            request_id: None,
            attempts: 0,
            secrets: 0,
            milliseconds: 0,
            error: None,
        };
        Self {
            permit: Some(permit),
            began: Instant::now(),
            record: Some(record),
            attempts: 0,
        }
    }

    /// Says where it goes.
    pub(crate) fn addressed(&mut self, region: &str, host: &str, operation: Option<String>) {
        if let Some(record) = &mut self.record {
            region.clone_into(&mut record.region);
            host.clone_into(&mut record.host);
            record.operation = operation;
        }
    }

    /// Says how many secrets were placed in it.
    pub(crate) fn placed(&mut self, secrets: u32) {
        if let Some(record) = &mut self.record {
            record.secrets = secrets;
        }
    }

    /// Counts one sending.
    pub(crate) fn sent(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
    }

    /// Returns how often it was sent.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Takes over what an answer says.
    pub(crate) fn answered(&mut self, status: u16, request_id: Option<String>) {
        if let Some(record) = &mut self.record {
            record.status = Some(status);
            if request_id.is_some() {
                record.request_id = request_id;
            }
        }
    }

    /// Records how it ended.
    pub(crate) fn finish(mut self, error: Option<&SendError>) {
        self.write(error.map(|error| {
            // What the last failure was, not what an earlier attempt answered.
            printable(&error.to_string())
        }));
    }

    fn write(&mut self, error: Option<String>) {
        if let Some(mut record) = self.record.take() {
            record.attempts = self.attempts;
            record.milliseconds = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            record.error = error;
            if let Some(AuditPermit(take)) = self.permit.take() {
                take(record);
            }
        }
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if self.record.is_some() {
            let outcome = if self.attempts == 0 {
                "nothing was sent"
            } else {
                "its effect is not known"
            };
            self.write(Some(format!("abandoned: the caller stopped waiting; {outcome}")));
        }
    }
}

/// Returns a text of bounded length with control characters escaped, and those that change what others look like, so
/// that a guest can neither forge log lines nor write on a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut result = String::new();
    for character in text.chars().take(LONGEST_TEXT) {
        if character.is_control() || is_deceptive(character) {
            result.extend(character.escape_default());
        } else {
            result.push(character);
        }
    }
    if text.chars().nth(LONGEST_TEXT).is_some() {
        result.push('…');
    }
    result
}

/// Says whether a character is invisible or turns the direction of what follows.
fn is_deceptive(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}
