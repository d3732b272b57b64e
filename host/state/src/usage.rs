//! What the plugins of a stack used in its last runs: the calls, the reveals, and the grants they had.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::entry::{CloudCall, Entry, RevealedSecret, RunStarted};
use crate::error::StateError;
use crate::history::{EntryQuery, LoggedEntry};
use crate::sqlite::StackLog;

/// How many entries are read at once.
const PAGE: usize = 1000;

/// One run, and what its plugins used.
#[derive(Debug, Clone, PartialEq)]
pub struct RunUsage {
    /// The position of the run's first entry.
    pub serial: u64,
    /// When it began.
    pub time: Timestamp,
    /// The run, with its plugins and what each was granted.
    pub run: RunStarted,
    /// The calls, equal ones counted, in a stable order.
    pub calls: Vec<CallCount>,
    /// The secrets that plugins saw as they are, each once.
    pub revealed: Vec<RevealedSecret>,
}

/// Calls that differ in nothing but resource, path and time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallCount {
    /// What they have in common.
    pub call: CallKind,
    /// How many there were.
    pub count: u64,
    /// How many of them were refused by the host or got no answer.
    pub unanswered: u64,
    /// How many secrets they carried in all.
    pub secrets: u64,
}

/// What calls are counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKind {
    /// The plugin, by its name in the project.
    pub plugin: String,
    /// The endpoint identifier.
    pub endpoint: String,
    /// The cloud's name of the service; empty where the log does not say.
    pub service: String,
    /// The region it was signed for.
    pub region: String,
    /// The method.
    pub method: String,
    /// The API operation, where it can be told.
    pub operation: Option<String>,
    /// The host it went to.
    pub host: String,
    /// The account whose credentials signed it, where that is known.
    pub account: Option<String>,
    /// The module whose credentials signed it.
    pub credentials: Option<String>,
}

impl From<&CloudCall> for CallKind {
    fn from(call: &CloudCall) -> Self {
        Self {
            plugin: call.plugin.clone(),
            endpoint: call.endpoint.clone(),
            service: call.service.clone(),
            region: call.region.clone(),
            method: call.method.clone(),
            operation: call.operation.clone(),
            host: call.host.clone(),
            account: call.account.clone(),
            credentials: call.credentials.clone(),
        }
    }
}

/// Collects runs from entries in the order of the log. What stands before the first run belongs to none and is
/// passed over.
#[derive(Debug, Default)]
struct Collector {
    runs: Vec<RunUsage>,
    counts: BTreeMap<CallKind, CallCount>,
}

impl Collector {
    fn take(&mut self, logged: &LoggedEntry) {
        match &logged.entry {
            Entry::RunStarted(run) => {
                self.close();
                self.runs.push(RunUsage {
                    serial: logged.serial,
                    time: logged.time,
                    run: run.clone(),
                    calls: Vec::new(),
                    revealed: Vec::new(),
                });
            }
            Entry::CloudCall(call) if !self.runs.is_empty() => {
                let kind = CallKind::from(call);
                let count = self.counts.entry(kind.clone()).or_insert(CallCount {
                    call: kind,
                    count: 0,
                    unanswered: 0,
                    secrets: 0,
                });
                count.count += 1;
                count.unanswered += u64::from(call.status.is_none());
                count.secrets += u64::from(call.secrets);
            }
            Entry::SecretRevealed(revealed) => {
                if let Some(run) = self.runs.last_mut()
                    && !run.revealed.contains(revealed)
                {
                    run.revealed.push(revealed.clone());
                }
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        if let Some(run) = self.runs.last_mut() {
            run.calls = std::mem::take(&mut self.counts).into_values().collect();
        }
    }
}

/// Returns the runs in a part of a log, oldest first, with what each used. The entries stand in the order of the log.
pub fn of_entries<'e>(entries: impl IntoIterator<Item = &'e LoggedEntry>) -> Vec<RunUsage> {
    let mut collector = Collector::default();
    for logged in entries {
        collector.take(logged);
    }
    collector.close();
    collector.runs
}

impl StackLog {
    /// Returns the last runs, oldest first, with what each used. Calls carry no run: those between the beginning of
    /// a run and that of the next are its own, which the stack's lock makes true.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn usage(&self, last_runs: usize) -> Result<Vec<RunUsage>, StateError> {
        let mut before = None;
        let mut from = 1;
        let mut seen = 0;
        // Backwards to the beginning of the oldest run that is asked for, and from there forwards.
        'backwards: while seen < last_runs {
            let page = self
                .entries(EntryQuery {
                    to: before,
                    limit: PAGE,
                    newest_first: true,
                    ..EntryQuery::default()
                })
                .await?;
            let Some(oldest) = page.last().map(|logged| logged.serial) else {
                break;
            };
            for logged in page {
                if matches!(logged.entry, Entry::RunStarted(_)) {
                    seen += 1;
                    from = logged.serial;
                    if seen == last_runs {
                        break 'backwards;
                    }
                }
            }
            if oldest <= 1 {
                break;
            }
            before = Some(oldest - 1);
        }
        if seen == 0 {
            return Ok(Vec::new());
        }
        let mut collector = Collector::default();
        loop {
            let page = self
                .entries(EntryQuery {
                    from,
                    limit: PAGE,
                    ..EntryQuery::default()
                })
                .await?;
            page.iter().for_each(|logged| collector.take(logged));
            match page.last() {
                Some(last) if page.len() == PAGE => from = last.serial + 1,
                _ => break,
            }
        }
        collector.close();
        Ok(collector.runs)
    }
}
