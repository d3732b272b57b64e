//! Reads the recorded objects as they are, many at a time, and says what differs.

use std::collections::BTreeMap;
use std::sync::Arc;

use konductor_model::attribute_diff::differences;
use konductor_model::provider::{ObjectState, Provider, ProviderResult, ReadRequest};
use konductor_model::{Diagnostics, Disposition, Failure, ResourceType, Urn, Value};
use konductor_state::record::{PluginReference, ResourceRecord, Snapshot};
use tokio::task::JoinSet;

use crate::apply::RetryPolicy;
use crate::desired::Providers;
use crate::error::EngineError;
use crate::event::{Event, Observer};
use crate::identifiers::{Identifiers, managed_twice};
use crate::plan::{Drift, PlannedChange};
use crate::reference::with_marks_of;
use crate::schema_version;
use crate::subject::{SchemaCache, Subject};

/// How many objects one call reads at most.
const BATCH: usize = 100;

/// What a refresh needs besides the snapshot.
pub(crate) struct Refresh<'e> {
    pub(crate) plugins: &'e dyn Providers,
    pub(crate) schemas: &'e SchemaCache,
    pub(crate) observer: &'e dyn Observer,
    pub(crate) retry: RetryPolicy,
    /// How many calls at a time.
    pub(crate) parallelism: usize,
}

type Answers = Vec<(Urn, ProviderResult<Option<ObjectState>>)>;

impl Refresh<'_> {
    /// Returns the objects that are not as they are recorded. With `read` false the cloud is not asked: only
    /// objects that an older version of a plugin stored are rewritten.
    pub(crate) async fn drift(&self, snapshot: &Snapshot, read: bool) -> Result<Vec<Drift>, EngineError> {
        let mut groups: BTreeMap<(&str, &ResourceType), Vec<&ResourceRecord>> = BTreeMap::new();
        for record in snapshot
            .resources
            .values()
            .filter(|record| record.object.is_some())
        {
            let group = (record.plugin.name.as_str(), record.urn.resource_type());
            groups.entry(group).or_default().push(record);
        }
        let objects = groups.values().map(Vec::len).sum();
        if read {
            self.observer.event(Event::RefreshStarted { objects });
        }
        let mut diagnostics = Diagnostics::default();
        let mut batches = Vec::new();
        let mut priors = BTreeMap::new();
        for ((plugin, resource_type), records) in groups {
            let Some(provider) = self.plugins.provider(plugin) else {
                // A plan that needs the plugin says so; what is merely recorded can wait.
                continue;
            };
            let schema = match self.schemas.get(plugin, provider.as_ref(), resource_type).await {
                Ok(schema) => schema,
                Err(failure) => {
                    diagnostics.extend(failure.to_diagnostics(resource_type));
                    continue;
                }
            };
            for batch in records.chunks(BATCH) {
                let mut requests = Vec::with_capacity(batch.len());
                for record in batch {
                    let Some(object) = &record.object else { continue };
                    let reading = schema_version::upgraded(
                        provider.as_ref(),
                        &schema,
                        &record.urn,
                        plugin,
                        &record.plugin,
                        object,
                    );
                    match reading.await {
                        Ok(Some(object)) => {
                            requests.push((record.urn.clone(), request(record, &object)));
                            priors.insert(record.urn.clone(), object);
                        }
                        Ok(None) => requests.push((record.urn.clone(), request(record, object))),
                        Err(failure) => diagnostics.extend(failure.to_diagnostics(record.urn.name())),
                    }
                }
                if read {
                    batches.push((provider.clone(), requests));
                }
            }
        }
        self.check_superseded(snapshot, &mut diagnostics).await;
        // What cannot be understood is told before anything is asked of the cloud.
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        let mut drift = Vec::new();
        let mut running: JoinSet<Answers> = JoinSet::new();
        let mut done = 0;
        for (provider, requests) in batches {
            while running.len() >= self.parallelism.max(1)
                && let Some(answers) = running.join_next().await
            {
                let answers = answers?;
                done += answers.len();
                self.observer
                    .event(Event::RefreshProgress { read: done, objects });
                self.compare(snapshot, &mut priors, answers, &mut drift, &mut diagnostics)
                    .await;
            }
            let retry = self.retry;
            running.spawn(async move {
                let (urns, requests): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
                urns.into_iter()
                    .zip(read_batch(provider, requests, retry).await)
                    .collect()
            });
        }
        while let Some(answers) = running.join_next().await {
            let answers = answers?;
            done += answers.len();
            self.observer
                .event(Event::RefreshProgress { read: done, objects });
            self.compare(snapshot, &mut priors, answers, &mut drift, &mut diagnostics)
                .await;
        }
        // What was rewritten and does not differ otherwise is recorded in its new form.
        drift.extend(priors.into_iter().map(|(urn, object)| Drift {
            plugin: self.reference(snapshot, &urn),
            urn,
            object: Some(object),
            changes: Vec::new(),
        }));
        drift.sort_by(|a, b| a.urn.cmp(&b.urn));
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        Ok(drift)
    }

    async fn compare(
        &self,
        snapshot: &Snapshot,
        upgraded: &mut BTreeMap<Urn, ObjectState>,
        answers: Answers,
        drift: &mut Vec<Drift>,
        diagnostics: &mut Diagnostics,
    ) {
        for (urn, answer) in answers {
            let Some(record) = snapshot.resources.get(&urn) else {
                continue;
            };
            let Some(recorded) = upgraded.get(&urn).or(record.object.as_ref()) else {
                continue;
            };
            let object = match answer {
                Ok(object) => object,
                Err(failure) if failure.disposition == Disposition::NotFound => None,
                Err(failure) => {
                    diagnostics.extend(failure.to_diagnostics(urn.name()));
                    continue;
                }
            };
            let object = match object {
                None => None,
                Some(object) if let Some(owner) = owner(snapshot, record, recorded, &object) => {
                    let failure = managed_twice(&record.plugin.name, &urn, &object.id, &owner);
                    diagnostics.extend(failure.to_diagnostics(urn.name()));
                    continue;
                }
                Some(object) => match self.complete(record, recorded, object).await {
                    Ok(object) => Some(object),
                    Err(failure) => {
                        diagnostics.extend(failure.to_diagnostics(urn.name()));
                        continue;
                    }
                },
            };
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
                continue;
            }
            self.observer.event(Event::DriftFound {
                urn: urn.clone(),
                gone: object.is_none(),
                attributes: changes.iter().map(|change| change.at.to_string()).collect(),
            });
            let rewritten = upgraded.remove(&urn).is_some();
            drift.push(Drift {
                plugin: self.reference(snapshot, &urn).filter(|_| rewritten),
                urn,
                object,
                changes,
            });
        }
    }

    /// Returns the plugin that manages a recorded resource, in the version that is loaded.
    fn reference(&self, snapshot: &Snapshot, urn: &Urn) -> Option<PluginReference> {
        self.plugins
            .plugin_reference(&snapshot.resources.get(urn)?.plugin.name)
    }

    /// Refuses superseded objects that a newer version of the plugin stored: the run would delete them.
    async fn check_superseded(&self, snapshot: &Snapshot, diagnostics: &mut Diagnostics) {
        for record in snapshot.resources.values() {
            for deposed in &record.deposed {
                let plugin = &record.plugin;
                let Some(provider) = self.plugins.provider(&plugin.name) else {
                    continue;
                };
                let urn = &record.urn;
                let checked = match self
                    .schemas
                    .get(&plugin.name, provider.as_ref(), urn.resource_type())
                    .await
                {
                    Ok(schema) => schema_version::refuse_newer(
                        provider.as_ref(),
                        &schema,
                        urn,
                        &plugin.name,
                        plugin,
                        deposed.object.schema_version,
                    ),
                    Err(failure) => Err(failure),
                };
                if let Err(failure) = checked {
                    diagnostics.extend(failure.to_diagnostics(urn.name()));
                }
            }
        }
    }

    /// Keeps what the cloud never gives back, and the marks.
    async fn complete(
        &self,
        record: &ResourceRecord,
        recorded: &ObjectState,
        object: ObjectState,
    ) -> Result<ObjectState, Failure> {
        let Some(provider) = self.plugins.provider(&record.plugin.name) else {
            return Ok(object);
        };
        let schema = self
            .schemas
            .get(&record.plugin.name, provider.as_ref(), record.urn.resource_type())
            .await?;
        let subject = Subject {
            provider: provider.as_ref(),
            schema: &schema,
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
        Ok(subject.marked(object, &Value::Null))
    }
}

/// Returns the other record that manages an object with which a read was answered.
fn owner(
    snapshot: &Snapshot,
    record: &ResourceRecord,
    recorded: &ObjectState,
    object: &ObjectState,
) -> Option<Urn> {
    if object.id == recorded.id {
        return None;
    }
    let others = snapshot
        .resources
        .values()
        .filter(|other| other.urn.resource_type() == record.urn.resource_type());
    Identifiers::of(others)
        .other_owner(&record.plugin.name, &record.urn, object)
        .cloned()
}

fn request(record: &ResourceRecord, object: &ObjectState) -> ReadRequest {
    ReadRequest {
        resource_type: record.urn.resource_type().clone(),
        name: record.urn.name().clone(),
        id: object.id.clone(),
        prior: Some(object.clone()),
    }
}

/// Reads a batch; what fails for now is asked for again.
async fn read_batch(
    provider: Arc<dyn Provider>,
    requests: Vec<ReadRequest>,
    retry: RetryPolicy,
) -> Vec<ProviderResult<Option<ObjectState>>> {
    let length = requests.len();
    let mut answers: Vec<ProviderResult<Option<ObjectState>>> = vec![Ok(None); length];
    let mut open: Vec<usize> = (0..length).collect();
    let mut attempt = 1;
    loop {
        let batch: Vec<ReadRequest> = open
            .iter()
            .filter_map(|index| requests.get(*index).cloned())
            .collect();
        let read = match provider.read_many(batch.clone()).await {
            Ok(read) if read.len() == batch.len() => read,
            Ok(read) => vec![
                Err(Failure::new(
                    Disposition::Plugin,
                    format!(
                        "the plugin answered {} reads with {} objects",
                        batch.len(),
                        read.len()
                    ),
                ));
                batch.len()
            ],
            Err(failure) if failure.disposition == Disposition::Unsupported => {
                let mut read = Vec::with_capacity(batch.len());
                for request in batch {
                    read.push(provider.read(request).await);
                }
                read
            }
            Err(failure) => vec![Err(failure); batch.len()],
        };
        let mut again = Vec::new();
        for (index, answer) in open.into_iter().zip(read) {
            if attempt < retry.attempts
                && matches!(&answer, Err(failure) if failure.disposition.is_transient())
            {
                again.push(index);
            }
            if let Some(slot) = answers.get_mut(index) {
                *slot = answer;
            }
        }
        if again.is_empty() {
            return answers;
        }
        tokio::time::sleep(retry.wait(attempt)).await;
        attempt += 1;
        open = again;
    }
}
