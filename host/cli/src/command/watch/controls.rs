//! Whether the resources of a stack, as they are, still satisfy the controls of its frameworks. What differs from the last
//! time goes into the log, and so to every other watcher; who is told gets what is new to them.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::future::join_all;
use konductor_alert::Message;
use konductor_compliance::{News, Standing};
use konductor_config::DriftSettings;
use konductor_config::drift::AlertSettings;
use konductor_engine::DriftReport;
use konductor_model::compliance::CheckSeverity;
use konductor_model::with_causes;
use konductor_state::compliance::{ComplianceChecked, ComplianceTold};
use konductor_state::{Entry, EntryQuery, Journal, StackLog, StateError};

use super::{Watch, Watched};
use crate::error::CommandError;
use crate::policy::document_as_it_is;
use crate::render::controls::{document, render};
use crate::session::Session;

/// How many entries are read at once.
const PAGE: usize = 1_000;
/// How many former standings are kept: between a check and its alert, other watchers may check.
const FORMER: usize = 16;

/// What the watch knows of the stacks from their logs.
#[derive(Default)]
pub struct Known(Mutex<BTreeMap<(PathBuf, String), Followed>>);

/// What the log of a stack says of its controls, as far as it was read.
#[derive(Clone, Default)]
struct Followed {
    /// The last entry that was read, with its hash: a log that was brought back from a backup is read anew.
    serial: u64,
    hash: String,
    standing: Arc<Standing>,
    /// The last standings by their digests, the newest last.
    former: VecDeque<(String, Arc<Standing>)>,
    /// How the stack stood when an alert was told last.
    told: BTreeMap<String, Arc<Standing>>,
}

/// What a check of the controls came to.
pub struct Looked {
    /// What was written into the log.
    pub checked: ComplianceChecked,
    /// What came, what went.
    pub news: News,
    due: Vec<Due>,
}

/// Something that somebody is to be told.
struct Due {
    alert: AlertSettings,
    message: Message,
}

/// Assesses the resources of a stack as the check for drift found them, and records what differs from the last time. None
/// where the stack is and was held to nothing.
pub async fn look(
    watch: &Watch<'_>,
    watched: &Watched,
    session: &Session,
    settings: &DriftSettings,
    report: &DriftReport,
) -> Result<Option<Looked>, CommandError> {
    let log = session.project().read_log().await?;
    let followed = watch.controls.read(watched, &log).await?;
    let before = &followed.standing;
    let compliance = session.site_packages().compliance();
    if compliance.is_none() && before.is_empty() {
        return Ok(None);
    }
    let since = Instant::now();
    let (now, plugin) = match compliance {
        Some(compliance) => {
            let document = document_as_it_is(session, report).await?.to_json().to_string();
            let standing = compliance.standing(&document, session.run()).await?;
            (Arc::new(standing), compliance.plugin_digest().to_owned())
        }
        // The stack is held to nothing any more, so all that was found is gone.
        None => (Arc::default(), String::new()),
    };
    let checked = ComplianceChecked {
        run: session.run().to_owned(),
        plugin,
        milliseconds: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        ..ComplianceChecked::default()
    };
    let entries = before.entries_to(&now, checked);
    let Some(Entry::ComplianceChecked(checked)) = entries.last().cloned() else {
        return Err(CommandError::message(
            "the controls of the stack were not recorded",
        ));
    };
    session.journal().append(entries).await?;
    let mut due = Vec::new();
    for alert in &settings.alerts {
        let least = severity(&alert.severity);
        let nothing = Arc::default();
        let told = followed.told.get(&alert.name).unwrap_or(&nothing);
        let news = now.news_since(told, least);
        if !news.is_empty() {
            due.push(Due {
                alert: alert.clone(),
                message: message(session, &news, &checked),
            });
        }
    }
    Ok(Some(Looked {
        news: now.news_since(before, CheckSeverity::Low),
        checked,
        due,
    }))
}

/// Tells it, to all at once, and writes it into the log. Who cannot be told is told with what came since after the next check.
/// The stack's lock is not held meanwhile.
pub async fn tell(
    watch: &Watch<'_>,
    journal: &dyn Journal,
    looked: &Looked,
) -> Result<Vec<ComplianceTold>, CommandError> {
    let due = &looked.due;
    let telling = due
        .iter()
        .map(|due| konductor_alert::tell(&due.alert.target, &due.message, &watch.network));
    let sent = join_all(telling).await;
    let told: Vec<ComplianceTold> = due
        .iter()
        .zip(sent)
        .map(|(due, sent)| ComplianceTold {
            run: looked.checked.run.clone(),
            alert: due.alert.name.clone(),
            digest: looked.checked.digest.clone(),
            error: sent.err().map(|error| with_causes(&error)),
        })
        .collect();
    let entries = told.iter().cloned().map(Entry::ComplianceTold).collect();
    journal.append(entries).await?;
    Ok(told)
}

impl Known {
    /// Reads what came into the log of a stack since the last time, whoever wrote it.
    async fn read(&self, watched: &Watched, log: &StackLog) -> Result<Followed, StateError> {
        let key = (watched.folder.clone(), watched.stack.clone());
        let all = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all().get(&key).cloned();
        let followed = known.unwrap_or_default().follow(log).await?;
        all().insert(key, followed.clone());
        Ok(followed)
    }
}

impl Followed {
    async fn follow(mut self, log: &StackLog) -> Result<Self, StateError> {
        let mut query = EntryQuery {
            from: self.serial,
            limit: PAGE,
            ..EntryQuery::default()
        };
        loop {
            let entries = log.entries(query.clone()).await?;
            let is_first = query.from == self.serial && self.serial > 0;
            if is_first && entries.first().map(|logged| &logged.hash) != Some(&self.hash) {
                // It is another log than the one that was read.
                self = Self::default();
                query.from = 0;
                continue;
            }
            for logged in entries.iter().skip(usize::from(is_first)) {
                self.take(&logged.entry);
                self.serial = logged.serial;
                self.hash.clone_from(&logged.hash);
            }
            match entries.last() {
                Some(last) if entries.len() == PAGE => query.from = last.serial + 1,
                _ => return Ok(self),
            }
        }
    }

    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::ControlFinding(_) => Arc::make_mut(&mut self.standing).apply(entry),
            Entry::ComplianceChecked(checked) => {
                Arc::make_mut(&mut self.standing).apply(entry);
                self.former
                    .push_back((checked.digest.clone(), Arc::clone(&self.standing)));
                if self.former.len() > FORMER {
                    self.former.pop_front();
                }
            }
            Entry::ComplianceTold(told) if told.error.is_none() => {
                let mut former = self.former.iter().rev();
                if let Some((_, standing)) = former.find(|(digest, _)| *digest == told.digest) {
                    self.told.insert(told.alert.clone(), Arc::clone(standing));
                }
            }
            _ => {}
        }
    }
}

fn severity(word: &str) -> CheckSeverity {
    let all = [
        CheckSeverity::Low,
        CheckSeverity::Medium,
        CheckSeverity::High,
        CheckSeverity::Critical,
    ];
    let mut all = all.into_iter();
    all.find(|severity| severity.word() == word)
        .unwrap_or(CheckSeverity::Low)
}

fn message(session: &Session, news: &News, checked: &ComplianceChecked) -> Message {
    let configuration = &session.project().configuration;
    let mut parts = Vec::new();
    for (count, words) in [
        (news.found.len(), "new"),
        (news.gone.len(), "gone"),
        (news.waivers.len(), "waivers that end"),
        (news.frameworks.len(), "frameworks that changed"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    let title = format!("Controls of {}: {}", session.project().title(), parts.join(", "));
    let mut document = document(news, checked);
    if let Some(members) = document.as_object_mut() {
        members.insert("event".to_owned(), "controls".into());
        members.insert("title".to_owned(), title.clone().into());
        members.insert("project".to_owned(), configuration.project_name().into());
        members.insert("stack".to_owned(), configuration.stack().into());
    }
    Message {
        title,
        text: render(news),
        document,
    }
}
