//! Reads the recorded objects as they are, many at a time, and says what differs.

mod pace;
mod read_times;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use konductor_model::attribute_diff::differences;
use konductor_model::provider::{ObjectState, Provider, ProviderResult, ReadRequest};
use konductor_model::{Diagnostics, Disposition, Failure, ResourceSchema, Urn, Value};
use konductor_state::record::ResourceRecord;
use tokio::task::JoinSet;

pub use read_times::{ReadTimes, Reading};

use crate::apply::RetryPolicy;
use crate::desired::Providers;
use crate::error::EngineError;
use crate::event::{Event, Observer};
use crate::identifiers::{Identifiers, managed_twice};
use crate::plan::{Drift, PlannedChange};
use crate::records::{Kind, Recorded, Records};
use crate::reference::with_marks_of;
use crate::schema_version;
use crate::subject::{SchemaCache, Subject};
use pace::{Ended, Pace};

/// How many objects one call reads at most.
const BATCH: usize = 100;

/// What a refresh needs besides the records.
pub(crate) struct Refresh<'e> {
    pub(crate) plugins: &'e dyn Providers,
    pub(crate) schemas: &'e SchemaCache,
    pub(crate) observer: &'e dyn Observer,
    pub(crate) retry: RetryPolicy,
    /// How many calls at a time.
    pub(crate) parallelism: usize,
    pub(crate) read_times: &'e ReadTimes,
}

/// What a refresh found.
#[derive(Debug, Default)]
pub(crate) struct Refreshed {
    /// The objects that are not as they are recorded.
    pub(crate) drift: Vec<Drift>,
    /// The objects that were seen not long ago and were not read now.
    pub(crate) unread: HashSet<Urn>,
}

/// What one plugin has to read.
struct Lane<'r> {
    provider: Arc<dyn Provider>,
    groups: VecDeque<Group<'r>>,
    /// What was refused or failed for now, and has waited.
    again: VecDeque<Job>,
    /// How many jobs are read now, or wait to be.
    open: usize,
}

/// The objects of one kind that are to be read.
struct Group<'r> {
    schema: Arc<ResourceSchema>,
    urns: std::vec::IntoIter<&'r Urn>,
}

/// One call.
struct Job {
    schema: Arc<ResourceSchema>,
    records: Vec<ResourceRecord>,
    attempt: u32,
}

/// What a task of the refresh ended with.
enum Turn {
    /// A call was answered.
    Read {
        lane: usize,
        job: Job,
        answers: Vec<ProviderResult<Option<ObjectState>>>,
    },
    /// A job has waited and can be done again.
    Waited { lane: usize, job: Job },
}

impl Lane<'_> {
    fn has_work(&self) -> bool {
        !self.again.is_empty() || !self.groups.is_empty()
    }

    /// Takes what to read next. A type that reads many objects in one call gets many; of any other each object is a
    /// call, so that they are read side by side.
    fn take(&mut self, records: &Records) -> Option<Job> {
        if let Some(job) = self.again.pop_front() {
            return Some(job);
        }
        let group = self.groups.front_mut()?;
        let size = if group.schema.batch_read { BATCH } else { 1 };
        let job = Job {
            schema: group.schema.clone(),
            records: group
                .urns
                .by_ref()
                .take(size)
                .filter_map(|urn| records.get(urn))
                .collect(),
            attempt: 1,
        };
        if group.urns.len() == 0 {
            self.groups.pop_front();
        }
        Some(job)
    }
}

impl Refresh<'_> {
    /// Returns the objects that are not as they are recorded. Also where the cloud is not asked, objects that an older
    /// version of a plugin stored are rewritten. With `only`, no other object is read.
    pub(crate) async fn drift(
        &self,
        recorded: &Recorded,
        reading: Reading,
        only: Option<&HashSet<Urn>>,
    ) -> Result<Refreshed, EngineError> {
        let records = &recorded.records;
        let mut diagnostics = Diagnostics::default();
        let mut priors = BTreeMap::new();
        let mut lanes: BTreeMap<&str, Lane<'_>> = BTreeMap::new();
        let mut unread = HashSet::new();
        let mut objects = 0;
        for (kind, urns) in records.by_kind() {
            let plugin = kind.plugin.name.as_str();
            let Some(provider) = self.plugins.provider(plugin) else {
                // A plan that needs the plugin says so; what is merely recorded can wait.
                continue;
            };
            if kind.schema_version.is_none() && !kind.deposed {
                continue;
            }
            let schema = match self
                .schemas
                .get(plugin, provider.as_ref(), &kind.resource_type)
                .await
            {
                Ok(schema) => schema,
                Err(failure) => {
                    diagnostics.extend(failure.to_diagnostics(&kind.resource_type));
                    continue;
                }
            };
            if kind.deposed {
                check_superseded(records, kind, &urns, provider.as_ref(), &schema, &mut diagnostics);
            }
            if kind
                .schema_version
                .is_some_and(|version| version != schema.version)
            {
                self.rewrite(
                    records,
                    &urns,
                    provider.as_ref(),
                    &schema,
                    &mut priors,
                    &mut diagnostics,
                )
                .await;
            }
            if kind.schema_version.is_none() {
                continue;
            }
            let urns = self.to_read(records, urns, reading, only, &mut unread);
            if urns.is_empty() {
                continue;
            }
            objects += urns.len();
            let lane = lanes.entry(plugin).or_insert_with(|| Lane {
                provider,
                groups: VecDeque::new(),
                again: VecDeque::new(),
                open: 0,
            });
            lane.groups.push_back(Group {
                schema,
                urns: urns.into_iter(),
            });
        }
        // What cannot be understood is told before anything is asked of the cloud.
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        if reading != Reading::Nothing {
            self.observer.event(Event::RefreshStarted { objects });
        }
        let mut found = Found {
            drift: Vec::new(),
            diagnostics,
            priors,
            owners: None,
        };
        let lanes = lanes.into_values().collect();
        self.read(records, lanes, objects, &mut found).await?;
        let Found {
            mut drift,
            diagnostics,
            priors,
            ..
        } = found;
        // What was rewritten and does not differ otherwise is recorded in its new form.
        drift.extend(priors.into_iter().map(|(urn, object)| {
            Drift {
                plugin: records
                    .get(&urn)
                    .and_then(|record| self.plugins.plugin_reference(&record.plugin.name)),
                urn,
                object: Some(object),
                changes: Vec::new(),
            }
        }));
        drift.sort_by(|a, b| a.urn.cmp(&b.urn));
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        Ok(Refreshed { drift, unread })
    }

    /// Leaves out what need not be read.
    fn to_read<'r>(
        &self,
        records: &Records,
        urns: Vec<&'r Urn>,
        reading: Reading,
        only: Option<&HashSet<Urn>>,
        unread: &mut HashSet<Urn>,
    ) -> Vec<&'r Urn> {
        if let Some(only) = only {
            return urns.into_iter().filter(|urn| only.contains(*urn)).collect();
        }
        match reading {
            Reading::All => urns,
            Reading::Nothing => Vec::new(),
            Reading::OlderThan(age) => {
                let mut old = Vec::new();
                for urn in urns {
                    let object = records.get(urn).and_then(|record| record.object);
                    if object.is_some_and(|object| self.read_times.within(urn, &object.id, age)) {
                        unread.insert(urn.clone());
                    } else {
                        old.push(urn);
                    }
                }
                old
            }
        }
    }

    /// Rewrites objects that another version of the plugin stored.
    async fn rewrite(
        &self,
        records: &Records,
        urns: &[&Urn],
        provider: &dyn Provider,
        schema: &ResourceSchema,
        priors: &mut BTreeMap<Urn, ObjectState>,
        diagnostics: &mut Diagnostics,
    ) {
        for urn in urns {
            let Some(record) = records.get(urn) else { continue };
            let Some(object) = &record.object else { continue };
            let upgraded = schema_version::upgraded(
                provider,
                schema,
                &record.urn,
                &record.plugin.name,
                &record.plugin,
                object,
            );
            match upgraded.await {
                Ok(Some(object)) => {
                    priors.insert(record.urn, object);
                }
                Ok(None) => {}
                Err(failure) => diagnostics.extend(failure.to_diagnostics(record.urn.name())),
            }
        }
    }

    /// Reads everything, as many at a time as each plugin's cloud bears.
    async fn read(
        &self,
        records: &Records,
        mut lanes: Vec<Lane<'_>>,
        objects: usize,
        found: &mut Found,
    ) -> Result<(), EngineError> {
        let mut pace = Pace::new(lanes.len(), self.parallelism);
        let mut running: JoinSet<Turn> = JoinSet::new();
        let mut done = 0;
        loop {
            while let Some(index) = pace.next(|index| lanes.get(index).is_some_and(Lane::has_work)) {
                let Some(lane) = lanes.get_mut(index) else { break };
                let Some(job) = lane.take(records).filter(|job| !job.records.is_empty()) else {
                    pace.ended(index, Ended::Answered);
                    continue;
                };
                lane.open += 1;
                let provider = lane.provider.clone();
                let requests = job
                    .records
                    .iter()
                    .filter_map(|record| {
                        Some(request(
                            record,
                            found.priors.get(&record.urn).or(record.object.as_ref())?,
                        ))
                    })
                    .collect();
                let batch = job.schema.batch_read;
                let resource_type = job.schema.resource_type.clone();
                running.spawn(async move {
                    // It waits for the rate limit here, where it holds no instance.
                    let admitted = provider.admit(&resource_type).await;
                    let provider = admitted.as_deref().unwrap_or(provider.as_ref());
                    let answers = read_once(provider, requests, batch).await;
                    Turn::Read {
                        lane: index,
                        job,
                        answers,
                    }
                });
            }
            let Some(event) = running.join_next().await else {
                return Ok(());
            };
            let index = match event? {
                Turn::Waited { lane: index, job } => {
                    if let Some(lane) = lanes.get_mut(index) {
                        lane.again.push_back(job);
                    }
                    index
                }
                Turn::Read { lane, job, answers } => {
                    let refused = answers
                        .iter()
                        .any(|answer| matches!(answer, Err(failure) if failure.disposition == Disposition::Throttled));
                    pace.ended(lane, if refused { Ended::Refused } else { Ended::Answered });
                    let mut again = Vec::new();
                    let (schema, attempt) = (job.schema, job.attempt);
                    for (record, answer) in job.records.into_iter().zip(answers) {
                        let transient = matches!(&answer, Err(failure) if failure.disposition.is_transient());
                        if transient && attempt < self.retry.attempts {
                            again.push(record);
                            continue;
                        }
                        done += 1;
                        self.compare(records, &schema, &record, answer, found);
                    }
                    self.observer
                        .event(Event::RefreshProgress { read: done, objects });
                    if !again.is_empty() {
                        let wait: Duration = self.retry.wait(attempt);
                        let job = Job {
                            schema,
                            records: again,
                            attempt: attempt + 1,
                        };
                        // What waits takes nobody's place.
                        running.spawn(async move {
                            tokio::time::sleep(wait).await;
                            Turn::Waited { lane, job }
                        });
                        if let Some(lane) = lanes.get_mut(lane) {
                            lane.open += 1;
                        }
                    }
                    lane
                }
            };
            if let Some(lane) = lanes.get_mut(index) {
                lane.open = lane.open.saturating_sub(1);
                if lane.open == 0 && !lane.has_work() {
                    pace.finish(index);
                }
            }
        }
    }

    fn compare(
        &self,
        records: &Records,
        schema: &ResourceSchema,
        record: &ResourceRecord,
        answer: ProviderResult<Option<ObjectState>>,
        found: &mut Found,
    ) {
        let urn = &record.urn;
        let Some(recorded) = found.priors.get(urn).or(record.object.as_ref()).cloned() else {
            return;
        };
        let object = match answer {
            Ok(object) => object,
            Err(failure) if failure.disposition == Disposition::NotFound => None,
            Err(failure) => {
                found.diagnostics.extend(failure.to_diagnostics(urn.name()));
                return;
            }
        };
        let object = match object {
            None => None,
            Some(object) if let Some(owner) = found.owner(records, record, &recorded, &object) => {
                let failure = managed_twice(&record.plugin.name, urn, &object.id, &owner);
                found.diagnostics.extend(failure.to_diagnostics(urn.name()));
                return;
            }
            Some(object) => Some(self.complete(schema, record, &recorded, object)),
        };
        if let Some(object) = &object {
            self.read_times.seen(urn, &object.id);
        }
        let null = Value::Null;
        let now = object.as_ref().map_or(&null, |object| &object.attributes);
        let changes: Vec<PlannedChange> = if object.is_some() {
            differences(&recorded.attributes, now)
                .into_iter()
                .map(|change| PlannedChange::new(change, &recorded.attributes, now))
                .collect()
        } else {
            Vec::new()
        };
        if object.is_some() && changes.is_empty() {
            return;
        }
        self.observer.event(Event::DriftFound {
            urn: urn.clone(),
            gone: object.is_none(),
            attributes: changes.iter().map(|change| change.at.to_string()).collect(),
        });
        let rewritten = found.priors.remove(urn).is_some();
        found.drift.push(Drift {
            plugin: self
                .plugins
                .plugin_reference(&record.plugin.name)
                .filter(|_| rewritten),
            urn: urn.clone(),
            object,
            changes,
        });
    }

    /// Keeps what the cloud never gives back, and the marks.
    fn complete(
        &self,
        schema: &ResourceSchema,
        record: &ResourceRecord,
        recorded: &ObjectState,
        object: ObjectState,
    ) -> ObjectState {
        let Some(provider) = self.plugins.provider(&record.plugin.name) else {
            return object;
        };
        let subject = Subject {
            provider: provider.as_ref(),
            schema,
            urn: &record.urn,
            options: &record.options,
            origin: None,
            verify_determinism: false,
        };
        let mut object = object;
        if let Value::Map(map) = &mut object.attributes {
            for (name, _) in schema
                .attributes
                .iter()
                .filter(|(_, attribute)| attribute.write_only)
            {
                if map.get(name).is_none_or(Value::is_null)
                    && let Some(kept) = recorded.attributes.attribute(name)
                {
                    map.insert(name.clone(), kept.clone());
                }
            }
        }
        object.attributes = with_marks_of(object.attributes, &recorded.attributes);
        subject.marked(object, &Value::Null)
    }
}

/// What was found so far.
struct Found {
    drift: Vec<Drift>,
    diagnostics: Diagnostics,
    /// Objects that were rewritten and not yet found to differ.
    priors: BTreeMap<Urn, ObjectState>,
    /// Which record manages which object; made when an answer is another object than was asked for.
    owners: Option<Identifiers>,
}

impl Found {
    /// Returns the other record that manages an object with which a read was answered.
    fn owner(
        &mut self,
        records: &Records,
        record: &ResourceRecord,
        recorded: &ObjectState,
        object: &ObjectState,
    ) -> Option<Urn> {
        if object.id == recorded.id {
            return None;
        }
        self.owners
            .get_or_insert_with(|| Identifiers::of(records.iter()))
            .other_owner(&record.plugin.name, &record.urn, object)
            .cloned()
    }
}

/// Refuses superseded objects that a newer version of the plugin stored: the run would delete them.
fn check_superseded(
    records: &Records,
    kind: &Kind,
    urns: &[&Urn],
    provider: &dyn Provider,
    schema: &ResourceSchema,
    diagnostics: &mut Diagnostics,
) {
    for record in urns.iter().filter_map(|urn| records.get(urn)) {
        for deposed in &record.deposed {
            let checked = schema_version::refuse_newer(
                provider,
                schema,
                &record.urn,
                &kind.plugin.name,
                &kind.plugin,
                deposed.object.schema_version,
            );
            if let Err(failure) = checked {
                diagnostics.extend(failure.to_diagnostics(record.urn.name()));
            }
        }
    }
}

fn request(record: &ResourceRecord, object: &ObjectState) -> ReadRequest {
    ReadRequest {
        resource_type: record.urn.resource_type().clone(),
        name: record.urn.name().clone(),
        id: object.id.clone(),
        prior: Some(object.clone()),
    }
}

/// Reads objects once, in one call where the type can do that.
async fn read_once(
    provider: &dyn Provider,
    requests: Vec<ReadRequest>,
    batch: bool,
) -> Vec<ProviderResult<Option<ObjectState>>> {
    let count = requests.len();
    if batch {
        match provider.read_many(requests.clone()).await {
            Ok(read) if read.len() == count => return read,
            Ok(read) => {
                let failure = Failure::new(
                    Disposition::Plugin,
                    format!("the plugin answered {count} reads with {} objects", read.len()),
                );
                return vec![Err(failure); count];
            }
            Err(failure) if failure.disposition == Disposition::Unsupported => {}
            Err(failure) => return vec![Err(failure); count],
        }
    }
    let mut read = Vec::with_capacity(count);
    for request in requests {
        read.push(provider.read(request).await);
    }
    read
}
