//! Google's discovery documents, as the PyPI package `google-api-python-client` carries them.
//!
//! A collection that has a way to create and a way to get becomes a type; how it is addressed and what else it can do
//! stands in the type's facts. What the documents do not say (what cannot be changed, what is secret) stands in a list
//! in the plugin, and where they say it in words only, the words at the beginning of a description count.

mod methods;
mod schemas;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use konductor_schema_table::{Flags, NodeId, TableBuilder};
use serde::Deserialize;
use serde_json::Value as Json;

use self::methods::{Collection, collections};
use self::schemas::Schemas;

const SOURCE: &str = "PyPI google-api-python-client, googleapiclient/discovery_cache/documents";
const LICENCE: &str = "Apache-2.0, Copyright Google LLC";

/// A discovery document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: String,
    #[serde(default)]
    revision: String,
    root_url: String,
    service_path: String,
    #[serde(default)]
    resources: BTreeMap<String, Json>,
    #[serde(default)]
    schemas: BTreeMap<String, Json>,
}

/// Builds the table from the pinned documents in a folder. `pinned` names one document a line (`compute.v1`), `facts`
/// says what the documents do not: an API, a schema, a word (`create-only`, `changeable`, `sensitive`) and paths.
///
/// # Errors
/// When a document cannot be read, or a line of `facts` leads nowhere.
pub fn table(folder: &Path, pinned: &str, facts: &str) -> Result<Vec<u8>> {
    let mut builder = TableBuilder::default();
    builder.fact("source", SOURCE);
    builder.fact("licence", LICENCE);
    let mut facts = Facts::read(facts)?;
    for name in lines(pinned) {
        let file = folder.join(format!("{name}.json"));
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let document: Document =
            serde_json::from_str(&text).with_context(|| format!("understanding {}", file.display()))?;
        builder.fact(&format!("revision {name}"), &document.revision);
        add(&mut builder, &document, &mut facts).with_context(|| format!("packing {name}"))?;
    }
    facts.all_used()?;
    Ok(builder.finish()?)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn add(builder: &mut TableBuilder, document: &Document, facts: &mut Facts) -> Result<()> {
    // `https://compute.googleapis.com/`: the service is what the host begins with.
    let service = document
        .root_url
        .strip_prefix("https://")
        .and_then(|host| host.strip_suffix(".googleapis.com/"))
        .with_context(|| format!("`{}` is not the root of a service", document.root_url))?;
    let base = document.service_path.trim_matches('/').to_owned();
    let mut schemas = Schemas::new(builder, &document.schemas);
    for collection in collections(document) {
        let Some(plan) = Addressing::of(&collection, &base, document) else {
            continue;
        };
        let mut body = schemas.object(&plan.schema, &plan.create_id)?;
        let settable = plan.setters.keys().cloned().collect::<Vec<_>>();
        let has_patch = plan.facts.contains_key("patch") || plan.facts.contains_key("update");
        body = facts.apply(schemas.builder, service, &plan.schema, body, &settable, has_patch)?;
        let name = format!("{service}/{}/{}", document.version, collection.name);
        let mut said = vec![("service".to_owned(), service.to_owned())];
        said.extend(plan.facts);
        said.extend(
            plan.setters
                .into_iter()
                .map(|(property, method)| (format!("set {property}"), method)),
        );
        schemas.builder.entry(&name, body, said);
    }
    Ok(())
}

/// How the objects of a collection are addressed, as facts: a method is `VERB PATH`, followed by its query parameters.
struct Addressing {
    schema: String,
    create_id: String,
    facts: BTreeMap<String, String>,
    /// Methods that set single properties.
    setters: BTreeMap<String, String>,
}

impl Addressing {
    fn of(collection: &Collection<'_>, base: &str, document: &Document) -> Option<Self> {
        let method = |name: &str| collection.methods.get(name);
        let (create, get) = (method("insert").or_else(|| method("create"))?, method("get")?);
        let schema = get.response.as_ref()?.target.clone();
        let path = |path: &str| {
            if base.is_empty() {
                path.to_owned()
            } else {
                format!("{base}/{path}")
            }
        };
        let written = |method: &methods::Method| {
            let mut text = format!("{} {}", method.http_method, path(&method.path));
            for name in method.query() {
                text.push(' ');
                text.push_str(name);
            }
            text
        };
        let mut facts = BTreeMap::from([
            ("create".to_owned(), written(create)),
            ("get".to_owned(), written(get)),
        ]);
        for (fact, names) in [
            ("delete", &["delete"][..]),
            ("list", &["list"]),
            ("aggregated", &["aggregatedList"]),
            ("patch", &["patch"]),
            ("update", &["update"]),
        ] {
            if let Some(found) = names.iter().find_map(|name| method(name)) {
                facts.insert(fact.to_owned(), written(found));
            }
        }
        // A request that wraps the object: `{"serviceAccount": {…}, "accountId": "…"}`.
        for (fact, found) in [("create", Some(create)), ("patch", method("patch"))] {
            let Some(request) = found.and_then(|method| method.request.as_ref()) else {
                continue;
            };
            if request.target == schema {
                continue;
            }
            let members = members(document, &request.target);
            let inner = members
                .iter()
                .find(|(_, reference)| reference.as_deref() == Some(schema.as_str()))?;
            facts.insert(format!("{fact} in"), inner.0.clone());
            let beside: Vec<&str> = members
                .keys()
                .filter(|name| **name != inner.0.clone())
                .map(String::as_str)
                .collect();
            facts.insert(format!("{fact} beside"), beside.join(" "));
        }
        let answer = create.response.as_ref().map(|response| response.target.as_str());
        if answer.is_some_and(|answer| answer != schema && answer.ends_with("Operation")) {
            facts.insert("operation".to_owned(), document.version.clone());
        }
        let setters = collection.setters(document, &schema, &get.path);
        let setters = setters
            .into_iter()
            .map(|(property, (method, whole))| {
                let shape = if whole { "whole" } else { "members" };
                (property, format!("{shape} {}", written(method)))
            })
            .collect();
        Some(Self {
            schema,
            create_id: create.id.clone(),
            facts,
            setters,
        })
    }
}

/// Returns the members of a schema and the schema that each refers to.
fn members(document: &Document, schema: &str) -> BTreeMap<String, Option<String>> {
    let properties = document
        .schemas
        .get(schema)
        .and_then(|schema| schema.get("properties"));
    properties
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let reference = property.get("$ref").and_then(Json::as_str);
            (name.clone(), reference.map(str::to_owned))
        })
        .collect()
}

/// What the documents do not say: by API and schema, what can be changed and what must not be shown.
struct Facts(Vec<Fact>);

struct Fact {
    api: String,
    schema: String,
    word: String,
    paths: Vec<String>,
    is_used: bool,
}

impl Facts {
    fn read(text: &str) -> Result<Self> {
        let mut facts = Vec::new();
        for line in lines(text) {
            let mut words = line.split_whitespace().map(str::to_owned);
            let mut word = || words.next().with_context(|| format!("`{line}` ends too early"));
            let (api, schema, word) = (word()?, word()?, word()?);
            ensure!(
                ["create-only", "changeable", "sensitive", "required", "read-only"].contains(&word.as_str()),
                "`{line}`: `{word}` is none of create-only, changeable, sensitive, required, read-only"
            );
            facts.push(Fact {
                api,
                schema,
                word,
                paths: words.collect(),
                is_used: false,
            });
        }
        Ok(Self(facts))
    }

    fn apply(
        &mut self,
        builder: &mut TableBuilder,
        api: &str,
        schema: &str,
        mut body: NodeId,
        settable: &[String],
        has_patch: bool,
    ) -> Result<NodeId> {
        // Where `changeable` is said, nothing else can be changed.
        let mut changeable: Option<Vec<String>> = (!has_patch).then(|| settable.to_vec());
        for fact in &mut self.0 {
            if fact.api != api || fact.schema != schema {
                continue;
            }
            let flags = match fact.word.as_str() {
                "changeable" => {
                    fact.is_used = true;
                    changeable
                        .get_or_insert_with(|| settable.to_vec())
                        .extend(fact.paths.clone());
                    continue;
                }
                "sensitive" => Flags::SENSITIVE,
                "required" => Flags::REQUIRED,
                "read-only" => Flags::READ_ONLY,
                _ => Flags::CREATE_ONLY,
            };
            for path in &fact.paths {
                let names: Vec<&str> = path.split('.').collect();
                if let Some(flagged) = builder.flagged(body, &names, flags) {
                    body = flagged;
                    fact.is_used = true;
                }
            }
        }
        if let Some(changeable) = changeable {
            for name in schemas::inputs(builder, body) {
                if !changeable.contains(&name) {
                    body = builder
                        .flagged(body, &[&name], Flags::CREATE_ONLY)
                        .with_context(|| format!("{schema} has no `{name}`"))?;
                }
            }
        }
        Ok(body)
    }

    /// A line that leads nowhere is a mistake, or the property was renamed.
    fn all_used(&self) -> Result<()> {
        let unused: Vec<String> = self
            .0
            .iter()
            .filter(|fact| !fact.is_used)
            .map(|fact| format!("{} {} {}", fact.api, fact.schema, fact.word))
            .collect();
        ensure!(
            unused.is_empty(),
            "no document has what facts.txt names: {}",
            unused.join("; ")
        );
        Ok(())
    }
}
