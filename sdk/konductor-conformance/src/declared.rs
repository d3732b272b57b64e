//! What a type declares about itself, without any object.

use std::collections::BTreeSet;

use konductor_model::provider::{CheckRequest, PlanRequest, Provider};
use konductor_model::schema::{AttributeKind, AttributeSchema, ResourceSchema};
use konductor_model::{ResourceName, ResourceType, Value, value_json};

use crate::case::{Findings, errors, told};
use crate::catalogue::CheckId;
use crate::fixture::Fixtures;
use crate::probe::Probe;

/// Why a check that needs the fixture file is left out.
const NO_FILE: &str = "there is no fixture file";

/// Checks a type; returns its schema, and what the checks found.
pub(crate) async fn declared(
    provider: &dyn Provider,
    probe: &Probe,
    kind: &ResourceType,
    fixtures: &Fixtures,
) -> Findings {
    let mut findings = Findings::default();
    probe.begin_pure();
    findings.judged(CheckId::SchemaValid);
    match provider.schema(kind).await {
        Err(failure) => findings.fail(CheckId::SchemaValid, told(&failure)),
        Ok(schema) => {
            for problem in schema_problems(&schema) {
                findings.fail(CheckId::SchemaValid, problem);
            }
            examples(provider, kind, &schema, &mut findings).await;
            archives(provider, kind, &schema, fixtures, &mut findings).await;
        }
    }
    for operation in ["create", "read", "update", "delete", "list"] {
        if let Err(failure) = provider.required_permissions(kind, operation).await {
            findings.fail(CheckId::Permissions, format!("{operation}: {}", told(&failure)));
        }
    }
    findings.judged(CheckId::HasFixture);
    let is_there = fixtures
        .resources
        .values()
        .any(|resource| resource.resource_type == *kind);
    match fixtures.untested.get(kind) {
        _ if fixtures.are_examples => findings.skip(CheckId::HasFixture, NO_FILE),
        _ if is_there => {}
        Some(reason) => findings.skip(CheckId::HasFixture, reason),
        None => findings.fail(
            CheckId::HasFixture,
            "no object of the type, so nothing it does was tried",
        ),
    }
    findings
}

fn schema_problems(schema: &ResourceSchema) -> Vec<String> {
    let mut problems = Vec::new();
    if schema.description.trim().is_empty() {
        problems.push("the type has no description".to_owned());
    }
    if schema.identity.format.trim().is_empty() {
        problems.push("it has no identity: nobody can tell how to import it".to_owned());
    }
    for name in schema.identity.attributes.iter().chain(&schema.tags) {
        if !schema.attributes.contains_key(name) {
            problems.push(format!(
                "`{name}` is named by the identity or as tags, and is no attribute"
            ));
        }
    }
    for (name, attribute) in &schema.attributes {
        attribute_problems(name, attribute, &mut problems);
    }
    problems
}

fn attribute_problems(name: &str, attribute: &AttributeSchema, problems: &mut Vec<String>) {
    if attribute.required && (attribute.output_only || attribute.default.is_some()) {
        problems.push(format!(
            "`{name}` is required, and {}",
            if attribute.output_only {
                "only ever set by the provider"
            } else {
                "has a default"
            }
        ));
    }
    if attribute.write_only && attribute.output_only {
        problems.push(format!("`{name}` is never given and never given back"));
    }
    if let AttributeKind::Integer {
        minimum: Some(minimum),
        maximum: Some(maximum),
    } = attribute.kind
        && minimum > maximum
    {
        problems.push(format!(
            "`{name}` has the minimum {minimum} above the maximum {maximum}"
        ));
    }
    if let Some(default) = &attribute.default
        && !attribute.allowed.is_empty()
        && !attribute.allowed.iter().any(|allowed| allowed.same_as(default))
    {
        problems.push(format!(
            "`{name}` has a default that is not among the values allowed"
        ));
    }
    if let AttributeKind::Object { attributes } = &attribute.kind {
        for (below, attribute) in attributes {
            attribute_problems(&format!("{name}.{below}"), attribute, problems);
        }
    }
}

async fn examples(
    provider: &dyn Provider,
    kind: &ResourceType,
    schema: &ResourceSchema,
    findings: &mut Findings,
) {
    findings.judged(CheckId::ExamplesValid);
    if schema.examples.is_empty() {
        findings.fail(CheckId::ExamplesValid, "the schema has no example");
    }
    for example in &schema.examples {
        let mut fail =
            |what: String| findings.fail(CheckId::ExamplesValid, format!("{:?}: {what}", example.title));
        let own = match declared_in(&example.yaml, kind) {
            Ok(own) => own,
            Err(error) => {
                fail(error);
                continue;
            }
        };
        if own.is_empty() {
            fail(format!("it declares no {kind}"));
        }
        for (name, properties) in own {
            let checked = async {
                let name: ResourceName = name.parse().map_err(|error| format!("{error}"))?;
                let inputs = value_json::from_json(properties).map_err(|error| error.to_string())?;
                let request = CheckRequest {
                    resource_type: kind.clone(),
                    name,
                    inputs: with_unknown_references(inputs),
                    prior_inputs: None,
                };
                let response = provider.check(request).await.map_err(|failure| told(&failure))?;
                errors(&response.diagnostics).map_or(Ok(()), Err)
            };
            if let Err(error) = checked.await {
                fail(error);
            }
        }
    }
}

/// Returns the resources of a type that an example declares: the name, and the properties.
pub(crate) fn declared_in(
    yaml: &str,
    kind: &ResourceType,
) -> Result<Vec<(String, serde_json::Value)>, String> {
    let json: serde_json::Value =
        serde_saphyr::from_str(yaml).map_err(|error| format!("it is no YAML: {error}"))?;
    let declared = json.as_object().cloned().unwrap_or_default();
    let own = declared
        .into_iter()
        .filter(|(_, resource)| resource.get("type").and_then(|t| t.as_str()) == Some(kind.as_str()))
        .map(|(name, resource)| {
            let properties = resource.get("properties").cloned();
            (name, properties.unwrap_or_else(|| serde_json::json!({})))
        });
    Ok(own.collect())
}

/// What refers to another resource is not known when it is checked.
pub(crate) fn with_unknown_references(inputs: Value) -> Value {
    inputs.map_leaves(&mut |leaf| match leaf.as_text() {
        Some(text) if text.contains("${") => Value::Unknown,
        _ => leaf,
    })
}

async fn archives(
    provider: &dyn Provider,
    kind: &ResourceType,
    schema: &ResourceSchema,
    fixtures: &Fixtures,
    findings: &mut Findings,
) {
    findings.judged(CheckId::UpgradeArchived);
    let own = || {
        fixtures
            .archive
            .iter()
            .filter(|archived| archived.resource_type == *kind)
    };
    if fixtures.are_examples && schema.version > 0 {
        findings.skip(CheckId::UpgradeArchived, NO_FILE);
        return;
    }
    let there: BTreeSet<u32> = own().map(|archived| archived.schema_version).collect();
    for version in (0..schema.version).filter(|version| !there.contains(version)) {
        findings.fail(
            CheckId::UpgradeArchived,
            format!(
                "there is no archived object of schema version {version}; the current one is {}",
                schema.version
            ),
        );
    }
    for archived in own() {
        let place = format!("the object of schema version {}", archived.schema_version);
        let mut fail = |what: String| findings.fail(CheckId::UpgradeArchived, format!("{place}: {what}"));
        let upgraded = match provider.upgrade_state(kind, archived.state()).await {
            Ok(upgraded) => upgraded,
            Err(failure) => {
                fail(told(&failure));
                continue;
            }
        };
        if upgraded.schema_version != schema.version {
            fail(format!(
                "it became version {}, not {}",
                upgraded.schema_version, schema.version
            ));
        }
        for name in upgraded
            .attributes
            .as_map()
            .into_iter()
            .flat_map(|map| map.keys())
        {
            if !schema.attributes.contains_key(name) {
                fail(format!(
                    "it keeps `{name}`, which is no attribute of the current version"
                ));
            }
        }
        let inputs = inputs_of(schema, &upgraded.attributes);
        let request = PlanRequest {
            resource_type: kind.clone(),
            name: match "archived".parse() {
                Ok(name) => name,
                Err(_) => continue,
            },
            prior: Some(upgraded),
            prior_inputs: Some(inputs.clone()),
            inputs,
        };
        match provider.plan(request).await {
            Err(failure) => fail(format!("it cannot be planned: {}", told(&failure))),
            Ok(plan) => {
                let changes: Vec<String> = plan.changes.iter().map(|change| change.at.to_string()).collect();
                if !changes.is_empty() {
                    fail(format!(
                        "with its own inputs it plans to change {}",
                        changes.join(", ")
                    ));
                }
            }
        }
    }
}

/// Returns the attributes that may be given.
fn inputs_of(schema: &ResourceSchema, attributes: &Value) -> Value {
    let inputs: BTreeSet<&String> = schema.inputs().map(|(name, _)| name).collect();
    let mut given = attributes.clone();
    if let Some(map) = given.as_map_mut() {
        map.retain(|name, _| inputs.contains(name));
    }
    given
}
