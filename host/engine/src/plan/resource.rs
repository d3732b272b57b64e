//! Plans one resource.

use std::sync::Arc;

use konductor_model::provider::{ObjectState, PlanResponse, Provider, ReadRequest};
use konductor_model::{Diagnostic, Diagnostics, Disposition, Value};
use konductor_state::record::ResourceRecord;

use crate::expand::Node;
use crate::plan::changes::PlannedChange;
use crate::plan::context::{NodePlan, PlanContext, ReplacementOrder};
use crate::plan::model::{Step, StepAction};
use crate::reference::{ReferenceError, has_references, resolve, suggestion};
use crate::schema_version;
use crate::subject::{Subject, warnings};

impl PlanContext {
    /// Plans one resource whose dependencies are planned.
    pub(crate) async fn plan_resource(
        &self,
        index: usize,
        node: &Node,
        record: Option<&ResourceRecord>,
    ) -> Result<NodePlan, Diagnostics> {
        let provider = self.plugins.provider(&node.plugin.name).ok_or_else(|| {
            Diagnostic::error(format!("there is no plugin `{}`", node.plugin.name)).resource(node.urn.name())
        })?;
        let schema = self
            .schemas
            .get(&node.plugin.name, provider.as_ref(), node.urn.resource_type())
            .await
            .map_err(|failure| failure.to_diagnostics(node.urn.name()))?;
        let subject = Subject {
            provider: provider.as_ref(),
            schema: &schema,
            urn: &node.urn,
            options: &node.options,
            origin: node.origin(),
            verify_determinism: self.verify_determinism,
        };
        let resolved = self.inputs(&subject, node).await?;
        let rewritten = self.rewritten(&subject, node, record).await?;
        let prior = record.and_then(|record| {
            let object = rewritten.as_ref().or(record.object.as_ref())?;
            Some((object, &record.inputs))
        });
        match prior {
            Some(prior) => {
                let mut planned = self
                    .plan_existing(index, node, &subject, resolved, prior, record)
                    .await?;
                protect(&subject, &mut planned);
                Ok(planned)
            }
            None => match &node.options.import {
                Some(id) => self.plan_import(index, node, &subject, resolved, id).await,
                None => self.plan_create(index, node, &subject, resolved).await,
            },
        }
        .map(|mut planned| {
            if let Some(step) = &mut planned.step
                && step.inputs.has_secret()
            {
                subject.mark(Arc::make_mut(&mut step.declared));
            }
            planned.rewritten = rewritten;
            planned
        })
    }

    /// Returns the recorded object as the plugin that is to manage it reads it, where another version stored it. A
    /// refresh has done that already unless the resource moves from one plugin to another.
    async fn rewritten(
        &self,
        subject: &Subject<'_>,
        node: &Node,
        record: Option<&ResourceRecord>,
    ) -> Result<Option<ObjectState>, Diagnostics> {
        let Some((record, object)) = record.and_then(|record| Some((record, record.object.as_ref()?))) else {
            return Ok(None);
        };
        let rewritten = schema_version::upgraded(
            subject.provider,
            subject.schema,
            subject.urn,
            &node.plugin.name,
            &record.plugin,
            object,
        )
        .await
        .map_err(|failure| subject.failed(&failure))?;
        if record.plugin.name != node.plugin.name {
            self.find_elsewhere(
                subject,
                node,
                &record.plugin.name,
                rewritten.as_ref().unwrap_or(object),
            )
            .await?;
        }
        Ok(rewritten)
    }

    /// Refuses to hand an object to a plugin that does not find it: one with another region or account would take it
    /// for gone, create a second one and leave this one to nobody.
    async fn find_elsewhere(
        &self,
        subject: &Subject<'_>,
        node: &Node,
        from: &str,
        object: &ObjectState,
    ) -> Result<(), Diagnostics> {
        let request = ReadRequest {
            resource_type: node.urn.resource_type().clone(),
            name: node.urn.name().clone(),
            id: object.id.clone(),
            prior: Some(object.clone()),
        };
        match subject.provider.read(request).await {
            Ok(Some(found)) if found.id == object.id => Ok(()),
            Err(failure) if failure.disposition != Disposition::NotFound => Err(subject.failed(&failure)),
            _ => Err(subject
                .error(format!(
                    "`{}` is managed by `{from}`, and `{}` does not find its object `{}`",
                    node.urn.name(),
                    node.plugin.name,
                    object.id
                ))
                .help(format!(
                    "give it another name, so that `{}` makes a new object and `{from}` deletes the old one, or keep `{from}`",
                    node.plugin.name
                ))
                .into()),
        }
    }

    /// Returns the properties with what is known put in the place of references.
    async fn inputs(&self, subject: &Subject<'_>, node: &Node) -> Result<Value, Diagnostics> {
        let properties = self.expanded.properties(node);
        let mut inputs = if has_references(&properties) {
            let mut diagnostics = self.unknown_attributes(subject, &properties).await;
            let (resolved, failed) = resolve(&properties, &|reference| self.lookup(reference));
            for (reference, error) in failed {
                if error == ReferenceError::Missing {
                    diagnostics.push(subject.error(format!("`${{{reference}}}` cannot be read: {error}")));
                }
            }
            if diagnostics.has_errors() {
                return Err(diagnostics);
            }
            resolved
        } else {
            konductor_model::interpolation::resolve_joins(properties)
        };
        if inputs.is_null() {
            inputs = Value::empty_map();
        }
        subject.mark(&mut inputs);
        Ok(inputs)
    }

    /// Finds references to attributes that the type they name does not have.
    async fn unknown_attributes(&self, subject: &Subject<'_>, properties: &Value) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        for (at, reference) in properties.references() {
            let Some(attribute) = reference.path.first_attribute().filter(|name| *name != "id") else {
                continue;
            };
            let target = self
                .expanded
                .named(&reference.resource)
                .and_then(|index| self.expanded.node(index));
            let Some(target) = target else { continue };
            let Some(provider) = self.plugins.provider(&target.plugin.name) else {
                continue;
            };
            // That its schema cannot be had is said where the target itself is planned.
            let Ok(schema) = self
                .schemas
                .get(&target.plugin.name, provider.as_ref(), target.urn.resource_type())
                .await
            else {
                continue;
            };
            if !schema.attributes.contains_key(attribute) {
                let mut diagnostic = subject
                    .error(format!(
                        "`${{{reference}}}` names the attribute `{attribute}`, which `{}` does not have",
                        target.urn.resource_type()
                    ))
                    .at(at)
                    .help(suggestion(
                        attribute,
                        schema.attributes.keys().map(String::as_str),
                        "`konductor catalog show` lists the attributes of a type",
                    ));
                if let Some(origin) = target.origin() {
                    diagnostic = diagnostic.related(
                        origin.clone(),
                        format!("`{}` is declared here", target.urn.name()),
                    );
                }
                diagnostics.push(diagnostic);
            }
        }
        diagnostics
    }

    async fn plan_create(
        &self,
        index: usize,
        node: &Node,
        subject: &Subject<'_>,
        resolved: Value,
    ) -> Result<NodePlan, Diagnostics> {
        let (inputs, mut diagnostics) = subject.check(resolved, None).await?;
        let response = subject.plan(None, &inputs).await?;
        diagnostics.extend(warnings(response.diagnostics.clone()));
        let changes = changes(&response, &Value::Null);
        let planned = Arc::new(response.planned);
        Ok(NodePlan {
            attributes: planned.clone(),
            step: Some(Step {
                action: StepAction::Create,
                changes,
                inputs: Arc::new(inputs),
                planned,
                private: response.private,
                ..self.step(index, node)
            }),
            diagnostics,
            ..NodePlan::default()
        })
    }

    async fn plan_existing(
        &self,
        index: usize,
        node: &Node,
        subject: &Subject<'_>,
        mut resolved: Value,
        prior: (&ObjectState, &Value),
        record: Option<&ResourceRecord>,
    ) -> Result<NodePlan, Diagnostics> {
        let (object, prior_inputs) = prior;
        subject.keep_ignored(&mut resolved, Some(prior));
        let (inputs, mut diagnostics) = subject.check(resolved, Some(prior_inputs)).await?;
        let response = subject.plan(Some(prior), &inputs).await?;
        diagnostics.extend(warnings(response.diagnostics.clone()));
        let tainted = record.and_then(|record| record.tainted.as_ref());
        let forced = self.replace.get(index) == Some(&true);
        let mut reasons = Vec::new();
        if let Some(reason) = tainted {
            reasons.push(format!("it was left unfinished: {reason}"));
        }
        if forced {
            reasons.push("asked for with `--replace`".to_owned());
        }
        let by_attribute = response.changes.iter().any(|change| change.requires_replacement);
        let order = match node.options.delete_before_replace {
            Some(true) => ReplacementOrder::DeleteFirst,
            Some(false) => ReplacementOrder::CreateFirst,
            None if response.delete_before_replace || subject.schema.delete_before_replace => {
                ReplacementOrder::DeleteFirst
            }
            None => ReplacementOrder::Usual,
        };
        let step = self.step(index, node);
        if by_attribute || !reasons.is_empty() {
            // The new object starts from nothing: what the old one had computed is not its own.
            let create = subject.plan(None, &inputs).await?;
            let changes = changes_between(&response, &object.attributes, &create.planned);
            let planned = Arc::new(create.planned);
            return Ok(NodePlan {
                attributes: planned.clone(),
                order,
                step: Some(Step {
                    action: StepAction::Replace {
                        delete_before: order == ReplacementOrder::DeleteFirst,
                    },
                    reasons,
                    changes,
                    id: Some(object.id.clone()),
                    inputs: Arc::new(inputs),
                    planned,
                    private: create.private,
                    ..step
                }),
                diagnostics,
                ..NodePlan::default()
            });
        }
        let unknown = !inputs.is_wholly_known();
        if response.changes.is_empty() && !unknown {
            let record_changes = record.is_none_or(|record| {
                record.inputs != inputs
                    || record.options != step.options
                    || record.dependencies != step.dependencies
                    || record.parent != step.parent
                    || record.plugin != step.plugin
            });
            return Ok(NodePlan {
                attributes: Arc::new(object.attributes.clone()),
                id: Some(object.id.clone()),
                step: Some(Step {
                    record_changes,
                    id: Some(object.id.clone()),
                    inputs: Arc::new(inputs),
                    ..step
                }),
                diagnostics,
                ..NodePlan::default()
            });
        }
        if response.changes.is_empty() {
            reasons.push("it refers to what is known only after apply".to_owned());
        }
        let changes = changes(&response, &object.attributes);
        let planned = Arc::new(response.planned);
        Ok(NodePlan {
            attributes: planned.clone(),
            id: Some(object.id.clone()),
            step: Some(Step {
                action: StepAction::Update,
                reasons,
                changes,
                id: Some(object.id.clone()),
                inputs: Arc::new(inputs),
                planned,
                private: response.private,
                ..step
            }),
            diagnostics,
            ..NodePlan::default()
        })
    }

    /// Refuses to take over what another resource of the stack manages or takes over too.
    fn refuse_managed(
        &self,
        index: usize,
        node: &Node,
        subject: &Subject<'_>,
        object: &ObjectState,
    ) -> Result<(), Diagnostics> {
        let recorded = self.identifiers.other_owner(&node.plugin.name, &node.urn, object);
        let declared = || {
            let nodes = &self.expanded.nodes;
            let id = node.options.import.as_ref()?;
            // The first of several is let through; the others are told of it.
            let others = self.imports.get(id)?.iter().take_while(|other| **other < index);
            others.filter_map(|other| nodes.get(*other)).find(|other| {
                other.plugin.name == node.plugin.name
                    && other.urn.resource_type() == node.urn.resource_type()
                    && other.urn != node.urn
            })
        };
        let declared = || declared().map(|other| &other.urn);
        let Some(owner) = recorded.or_else(declared) else {
            return Ok(());
        };
        Err(subject
            .error(format!("the object `{}` is managed already, as `{}`", object.id, owner.name()))
            .help(format!(
                "rename that one with the option `aliases: [{}]` or `konductor state move`, or take `import` away",
                owner.name()
            ))
            .into())
    }

    async fn plan_import(
        &self,
        index: usize,
        node: &Node,
        subject: &Subject<'_>,
        mut resolved: Value,
        id: &str,
    ) -> Result<NodePlan, Diagnostics> {
        let imported = import(subject.provider, node, id)
            .await
            .map_err(|failure| subject.failed(&failure))?;
        self.refuse_managed(index, node, subject, &imported.object)?;
        let object = subject.marked(imported.object, &imported.inputs);
        let prior = (&object, &imported.inputs);
        subject.keep_ignored(&mut resolved, Some(prior));
        let (inputs, mut diagnostics) = subject.check(resolved, Some(&imported.inputs)).await?;
        let response = subject.plan(Some(prior), &inputs).await?;
        diagnostics.extend(warnings(response.diagnostics.clone()));
        for change in response
            .changes
            .iter()
            .filter(|change| change.requires_replacement)
        {
            diagnostics.push(
                subject
                    .error(format!(
                        "the object `{id}` would be replaced as soon as it is imported"
                    ))
                    .at(change.at.clone())
                    .detail("it differs here from what is declared and cannot be changed in place")
                    .help("declare the value the object has, or take `import` away to create a new object"),
            );
        }
        let changes = changes(&response, &object.attributes);
        let planned = Arc::new(response.planned);
        let attributes = if changes.is_empty() {
            Arc::new(object.attributes)
        } else {
            planned.clone()
        };
        Ok(NodePlan {
            attributes,
            id: Some(object.id.clone()),
            step: Some(Step {
                action: StepAction::Import { id: id.to_owned() },
                changes,
                id: Some(object.id),
                inputs: Arc::new(inputs),
                planned,
                private: response.private,
                ..self.step(index, node)
            }),
            diagnostics,
            ..NodePlan::default()
        })
    }
}

async fn import(
    provider: &dyn Provider,
    node: &Node,
    id: &str,
) -> konductor_model::provider::ProviderResult<konductor_model::provider::Imported> {
    provider
        .import(node.urn.resource_type(), node.urn.name(), id)
        .await
}

fn protect(subject: &Subject<'_>, planned: &mut NodePlan) {
    let Some(step) = &planned.step else { return };
    if subject.options.protect && matches!(step.action, StepAction::Replace { .. }) {
        let places: Vec<String> = step
            .changes
            .iter()
            .filter(|change| change.requires_replacement)
            .map(|change| change.at.to_string())
            .chain(step.reasons.iter().cloned())
            .collect();
        planned.diagnostics.push(
            subject
                .error(format!(
                    "`{}` is protected and would be replaced",
                    subject.urn.name()
                ))
                .detail(format!("because of: {}", places.join(", ")))
                .help("take the change back, or set `protect: false`"),
        );
    }
}

fn changes(response: &PlanResponse, old: &Value) -> Vec<PlannedChange> {
    changes_between(response, old, &response.planned)
}

fn changes_between(response: &PlanResponse, old: &Value, new: &Value) -> Vec<PlannedChange> {
    response
        .changes
        .iter()
        .map(|change| PlannedChange::new(change.clone(), old, new))
        .collect()
}
