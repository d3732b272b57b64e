//! Takes over one existing object without a declaration.

use std::time::Instant;

use konductor_model::provider::Imported;
use konductor_model::schema::TypeKind;
use konductor_model::{Diagnostic, Failure, ResourceOptions, Urn, Value};
use konductor_state::entry::{Action, Begin, End};
use konductor_state::record::{ResourceRecord, Snapshot};
use konductor_state::{Entry, Journal};

use crate::apply::RetryPolicy;
use crate::apply::call::retrying;
use crate::desired::Providers;
use crate::error::EngineError;
use crate::event::{Event, Observer};
use crate::identifiers::{Identifiers, managed_twice};
use crate::instance::serves;
use crate::subject::{SchemaCache, Subject};

/// Reads an object and records it under a name.
#[allow(clippy::too_many_arguments, reason = "each is another part of the engine")]
pub(crate) async fn import(
    run: &str,
    retry: RetryPolicy,
    urn: Urn,
    id: &str,
    plugin: Option<&str>,
    snapshot: &Snapshot,
    plugins: &dyn Providers,
    journal: &dyn Journal,
    observer: &dyn Observer,
) -> Result<Imported, EngineError> {
    let refused = |diagnostic: Diagnostic| EngineError::Invalid(diagnostic.resource(urn.name()).into());
    let current = snapshot.resources.get(&urn);
    let plugin = plugin
        .or_else(|| current.map(|record| record.plugin.name.as_str()))
        .unwrap_or_else(|| urn.resource_type().provider());
    let (Some(provider), Some(reference)) = (plugins.provider(plugin), plugins.plugin_reference(plugin))
    else {
        return Err(refused(
            Diagnostic::error(format!("there is no plugin `{plugin}`")).help("name it under `plugins`"),
        ));
    };
    if !serves(plugins, plugin, urn.resource_type()) {
        return Err(refused(Diagnostic::error(format!(
            "the plugin `{plugin}` has no type `{}`",
            urn.resource_type()
        ))));
    }
    if let Some(object) = current.and_then(|record| record.object.as_ref()) {
        return Err(refused(
            Diagnostic::error(format!(
                "`{}` is recorded already, with the object `{}`",
                urn.name(),
                object.id
            ))
            .help("give another name, or drop the record with `konductor state remove` first"),
        ));
    }
    let owner = snapshot.resources.values().find(|record| {
        record.urn.resource_type() == urn.resource_type()
            && record.plugin.name == plugin
            && record.object.as_ref().is_some_and(|o| o.id == id)
    });
    if let Some(owner) = owner {
        return Err(refused(
            Diagnostic::error(format!(
                "the object `{id}` is recorded already, as `{}`",
                owner.urn.name()
            ))
            .help("rename it with `konductor state move`"),
        ));
    }
    let failed = |failure: &Failure| EngineError::Invalid(failure.to_diagnostics(urn.name()));
    let schema = SchemaCache::default()
        .get(plugin, provider.as_ref(), urn.resource_type())
        .await
        .map_err(|failure| failed(&failure))?;
    let options = current.map(|record| record.options.clone()).unwrap_or_default();
    let mut record = ResourceRecord {
        urn: urn.clone(),
        kind: TypeKind::Resource,
        plugin: reference,
        parent: None,
        dependencies: Vec::new(),
        inputs: Value::Null,
        object: None,
        outputs: Value::Null,
        options: ResourceOptions {
            import: None,
            ..options
        },
        tainted: None,
        deposed: current.map(|record| record.deposed.clone()).unwrap_or_default(),
    };
    let since = Instant::now();
    let operation = uuid::Uuid::new_v4().to_string();
    journal
        .append(vec![Entry::Begin(Begin {
            operation: operation.clone(),
            run: run.to_owned(),
            urn: urn.clone(),
            action: Action::Import,
            idempotency_token: uuid::Uuid::now_v7().to_string(),
            record: Box::new(record.clone()),
            planned: Value::Null,
            private: String::new(),
            schema_version: None,
            deposed: None,
        })])
        .await?;
    observer.event(Event::OperationStarted {
        urn: urn.clone(),
        action: Action::Import,
    });
    let answer = retrying(retry, || provider.import(urn.resource_type(), urn.name(), id)).await;
    let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let end = |record, failure| {
        Entry::End(End {
            operation: operation.clone(),
            urn: urn.clone(),
            record,
            failure,
            milliseconds,
        })
    };
    let identifiers = Identifiers::of(snapshot.resources.values());
    let answer = answer.and_then(
        |imported| match identifiers.other_owner(plugin, &urn, &imported.object) {
            Some(owner) => Err(managed_twice(plugin, &urn, &imported.object.id, owner)),
            None => Ok(imported),
        },
    );
    match answer {
        Ok(mut imported) => {
            let subject = Subject {
                provider: provider.as_ref(),
                schema: &schema,
                urn: &urn,
                options: &record.options,
                origin: None,
                verify_determinism: false,
            };
            imported.object = subject.marked(imported.object, &imported.inputs);
            subject.mark(&mut imported.inputs);
            record.object = Some(imported.object.clone());
            record.inputs = imported.inputs.clone();
            journal.append(vec![end(Some(Box::new(record)), None)]).await?;
            observer.event(Event::OperationFinished {
                urn: urn.clone(),
                action: Action::Import,
                id: Some(imported.object.id.clone()),
                milliseconds,
            });
            Ok(imported)
        }
        Err(failure) => {
            let error = failed(&failure);
            let before = current.cloned().map(Box::new);
            journal.append(vec![end(before, Some(failure.clone()))]).await?;
            observer.event(Event::OperationFailed {
                urn: urn.clone(),
                action: Action::Import,
                failure,
                milliseconds,
            });
            Err(error)
        }
    }
}
