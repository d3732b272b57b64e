use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use konductor_model::Diagnostics;
use konductor_model::value_json::to_plain_json;

use super::*;
use crate::configuration::Configuration;
use crate::inputs::{Inputs, SourceFile};
use crate::layer::Layer;
use crate::located::{Located, Node};
use crate::resolve::Context;
use crate::yaml;

/// The document as an editor sees it.
fn document(text: &str) -> Json {
    let mut diagnostics = Diagnostics::default();
    let root = yaml::read("file.yaml", text, Layer::Project, &mut diagnostics);
    assert!(diagnostics.is_empty(), "{diagnostics}\n{text}");
    root.map_or(Json::Null, |root| plain(&root))
}

fn plain(located: &Located) -> Json {
    match &located.node {
        Node::Leaf(value) => to_plain_json(value),
        Node::Sealed(text) => json!({ "secure": text }),
        Node::List(list) => list.iter().map(plain).collect(),
        Node::Map(map) => Json::Object(
            map.iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect(),
        ),
    }
}

/// Tells what a schema finds wrong with a file.
fn refused(kind: FileKind, text: &str) -> Vec<String> {
    let schema = file_schema(kind);
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator
        .iter_errors(&document(text))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Tells what the readers of a file find wrong with it, those of its sections included.
fn unread(kind: FileKind, text: &str) -> String {
    let file = |text: &str| {
        Some(SourceFile {
            name: "file.yaml".to_owned(),
            text: text.to_owned(),
        })
    };
    let of = |mine: FileKind| (kind == mine).then(|| file(text)).flatten();
    let configuration = Configuration::load(Inputs {
        stack: "dev".to_owned(),
        project: of(FileKind::Project).or_else(|| file("name: shop")),
        stack_file: of(FileKind::Stack),
        organization: of(FileKind::Organization),
        environment: Vec::new(),
        set: Vec::new(),
    });
    let configuration = match configuration {
        Ok(configuration) => configuration,
        Err(diagnostics) => return diagnostics.to_string(),
    };
    let context = Context::default;
    let problems = [
        Some(configuration.check()).filter(Diagnostics::has_errors),
        configuration.drift(context()).err(),
        configuration.safeguards(context()).err(),
        configuration.metadata(context()).err(),
        configuration.declared(context()).err(),
    ];
    problems
        .into_iter()
        .flatten()
        .map(|problem| problem.to_string())
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            if !["target", "node_modules"].contains(&name.as_str()) {
                collect(&entry.path(), found);
            }
        } else if name.starts_with("konductor.") && name.ends_with(".yaml") {
            found.push(entry.path());
        }
    }
}

#[test]
fn every_example_fits_its_schema() {
    let mut files = Vec::new();
    collect(&root().join("examples"), &mut files);
    assert!(files.len() >= 12, "{files:?}");
    for file in files {
        let kind = match file.file_name().unwrap().to_str().unwrap() {
            "konductor.yaml" => FileKind::Project,
            _ => FileKind::Stack,
        };
        let problems = refused(kind, &std::fs::read_to_string(&file).unwrap());
        assert!(problems.is_empty(), "{}: {problems:#?}", file.display());
    }
}

#[test]
fn what_the_documentation_shows_of_files_fits() {
    let mut seen = BTreeMap::new();
    for page in [
        "configuration",
        "drift",
        "workers",
        "encryption",
        "state-and-log",
        "grants",
        "audit",
    ] {
        let text = std::fs::read_to_string(root().join(format!("docs/{page}.md"))).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let mut members = document(block);
            let Some(map) = members.as_object_mut() else {
                continue;
            };
            // Others show a part of a file.
            if map.is_empty() || !map.keys().all(|key| PROJECT_KEYS.contains(&key.as_str())) {
                continue;
            }
            map.entry("name").or_insert_with(|| json!("shop"));
            let schema = file_schema(FileKind::Project);
            let validator = jsonschema::validator_for(&schema).unwrap();
            let problems: Vec<String> = validator
                .iter_errors(&members)
                .map(|error| error.to_string())
                .collect();
            assert!(problems.is_empty(), "{page}: {problems:#?}\n{block}");
            *seen.entry(page).or_insert(0) += 1;
        }
    }
    assert!(seen["configuration"] >= 6, "{seen:?}");
    assert!(seen.len() >= 4, "{seen:?}");
}

const EVERYTHING: &str = r#"
name: shop
description: the shop
organization: null
plugins:
  aws: ^1.2
  gcp: null
  database:
    source: oci://registry.example.com/platform/database
    version: 1.2
    plugin: postgres
    grant:
      endpoints: { ec2: { regions: ["*"], methods: [GET], accounts: ["123456789012"] }, s3: null }
      reveal: [aws:ec2:Instance.user_data]
      credentials: [aws]
    rate_limit: { requests_per_second: 20, burst: 100 }
  azure: { grant: requested }
policy:
  version: 1
  plugins: { sources: [bundled], unlocked: deny }
  cloud: { fips: optional }
config:
  project: { name: shop, environment: dev }
  provider:aws:
    enabled: ${project:aws}
    region: us-west-2
    credentials: { secret_access_key: { secure: "v1:abc" } }
  gone: null
  safeguards: { rollback_enabled: true, validation_timeout: 5m, max_retry_attempts: 3 }
  metadata: { owner: shop, cost_centre: 4711, gone: null, tags: { owner: Owner } }
  drift:
    schedule: "*/15 * * * *"
    time_zone: Europe/Berlin
    jitter: 60
    unmanaged: ["aws:ec2:*"]
    remediate: false
    approval: [{ type: "aws:ec2:*", attribute: tags, mode: auto }]
    severity: [{ type: aws:ec2:Vpc, level: high }]
    alerts:
      - { name: chat, slack: { secure: "v1:abc" } }
      - { name: mail, email: { server: smtps://mail.example.org, from: a@example.org, to: [b@example.org] } }
      - { name: run, command: [notify], severity: critical }
      - { name: hook, webhook: "https://${project:name}.example.org/", headers: { X-Token: abc } }
resources:
  network: { type: aws:ec2:Vpc, properties: null, options: { protect: true, delete_before_replace: null } }
  subnet:
    type: aws:ec2:Subnet
    for_each: [a, b]
    properties: { vpc_id: "${network.id}" }
    options: { depends_on: [network], import: "${each.value}", ignore_changes: [tags], metadata: { owner: null, public: false } }
  web: { type: aws:ec2:Instance, count: 3 }
  gone: null
outputs: { id: "${network.id}" }
moved: { old: network }
removed: [legacy]
secrets:
  passphrase: true
  aws_kms: [{ key: alias/konductor, region: eu-west-1 }]
  vault: [{ address: "https://vault.example.com", key: konductor }]
state: { backend: s3, bucket: shop-state, region: eu-west-1, encrypt: true }
workers: { url: "postgresql://db.example.com/work", lease: 30s, attempts: 3 }
"#;

#[test]
fn a_file_with_everything_fits_and_is_read() {
    assert_eq!(refused(FileKind::Project, EVERYTHING), [] as [&str; 0]);
    // What is sealed has to be sealed for somebody, which this text is not.
    let readable = EVERYTHING
        .replace("{ secure: \"v1:abc\" }", "https://hooks.example.org/abc")
        .replace("    enabled: ${project:aws}\n", "");
    assert_eq!(unread(FileKind::Project, &readable), "");
}

#[test]
fn what_is_misspelled_or_of_another_kind_is_refused_by_the_schema_and_by_the_reader() {
    let project = |line: &str| (FileKind::Project, format!("name: shop\n{line}\n"));
    let stack = |line: &str| (FileKind::Stack, format!("{line}\n"));
    let organization = |line: &str| (FileKind::Organization, format!("{line}\n"));
    let wrong = [
        (FileKind::Project, "description: no name\n".to_owned()),
        (FileKind::Project, "name: 5\n".to_owned()),
        (FileKind::Project, "name: a b\n".to_owned()),
        project("descripton: the shop"),
        project("description: [the, shop]"),
        project("plugins: [aws]"),
        project("plugins: { aws: 5 }"),
        project("plugins: { 'a b': ^1 }"),
        project("plugins: { aws: { sorce: bundled } }"),
        project("plugins: { aws: { source: 5 } }"),
        project("plugins: { aws: { version: [1] } }"),
        project("plugins: { aws: { grant: all } }"),
        project("plugins: { aws: { grant: { endpoint: {} } } }"),
        project("plugins: { aws: { grant: { endpoints: [ec2] } } }"),
        project("plugins: { aws: { grant: { endpoints: { ec2: { region: [a] } } } } }"),
        project("plugins: { aws: { grant: { endpoints: { ec2: { methods: [get] } } } } }"),
        project("plugins: { aws: { grant: { endpoints: { ec2: { accounts: [] } } } } }"),
        project("plugins: { aws: { grant: { endpoints: { ec2: { accounts: [123456789012] } } } } }"),
        project("plugins: { aws: { grant: { reveal: [user_data] } } }"),
        project("plugins: { aws: { rate_limit: 20 } }"),
        project("plugins: { aws: { rate_limit: { burst: 20 } } }"),
        project("plugins: { aws: { rate_limit: { requests_per_second: 0 } } }"),
        project("plugins: { aws: { rate_limit: { requests_per_second: 5, bursts: 20 } } }"),
        project("policy: deny"),
        project("secrets: { recipient: [] }"),
        project("secrets: { recipients: age1abc }"),
        project("secrets: { passphrase: hunter2 }"),
        project("secrets: { aws_kms: { key: a } }"),
        project("secrets: { aws_kms: [{ regio: a }] }"),
        project("secrets: { vault: [{ address: https://vault.example.com }] }"),
        project("state: postgresql"),
        project("state: { url: postgresql://db.example.com/state }"),
        project("state: { backend: postgres }"),
        project("state: { backend: postgresql, bucket: shop }"),
        project("state: { backend: postgresql, url: http://db.example.com }"),
        project("state: { backend: s3 }"),
        project("state: { backend: s3, bucket: A }"),
        project("state: { backend: sqlite, encrypt: 1 }"),
        project("workers: true"),
        project("workers: { leese: 60s }"),
        project("workers: { lease: 1 }"),
        project("workers: { attempts: many }"),
        project("workers: { url: mysql://db }"),
        stack("name: shop"),
        stack("resource: {}"),
        stack("config: [aws]"),
        stack("config: { aws: true }"),
        stack("config: { policy: {} }"),
        stack("config: { 5a: {} }"),
        stack("config: { aws: { enabled: perhaps } }"),
        stack("config: { drift: { schedul: '* * * * *' } }"),
        stack("config: { drift: { schedule: 5 } }"),
        stack("config: { drift: { jitter: [1] } }"),
        stack("config: { drift: { remediate: perhaps } }"),
        stack("config: { drift: { unmanaged: all } }"),
        stack("config: { drift: { approval: [{ type: 'aws:*', mode: perhaps }] } }"),
        stack("config: { drift: { approval: [{ tipe: 'aws:*', mode: auto }] } }"),
        stack("config: { drift: { severity: [{ type: 'aws:*', level: worst }] } }"),
        stack("config: { drift: { alerts: [{ name: a, slak: https://a.example.org }] } }"),
        stack("config: { drift: { alerts: [{ name: a, command: notify }] } }"),
        stack("config: { drift: { alerts: [{ name: a, severity: worst, command: [a] }] } }"),
        stack("config: { drift: { alerts: [{ name: a, email: { sever: a, from: b, to: [c] } }] } }"),
        stack("config: { safeguards: { rollback_enable: true } }"),
        stack("config: { safeguards: { rollback_enabled: 1 } }"),
        stack("config: { metadata: { Owner: me } }"),
        stack("config: { metadata: { owner: [me] } }"),
        stack("config: { metadata: { tags: { owner: [Owner] } } }"),
        stack("config: { safeguards: { max_retry_attempts: 0 } }"),
        stack("config: { safeguards: { validation_timeout: true } }"),
        stack("resources: [a]"),
        stack("resources: { a: 5 }"),
        stack("resources: { a/b: { type: aws:ec2:Vpc } }"),
        stack("resources: { a: { properties: {} } }"),
        stack("resources: { a: { type: Vpc } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, propertys: {} } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, properties: [a] } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, count: -1 } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, count: 1.5 } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, for_each: 5 } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, for_each: [b], count: 2 } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, options: { protekt: true } } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, options: { protect: 1 } } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, options: { ignore_changes: tags } } }"),
        stack("resources: { a: { type: aws:ec2:Vpc, options: { import: 5 } } }"),
        stack("outputs: [a]"),
        stack("moved: [a]"),
        stack("moved: { a: 5 }"),
        stack("removed: a"),
        stack("removed: [5]"),
        organization("config: {}\nresources: {}"),
        organization("aws: 5"),
        organization("policy: deny"),
        organization("stack: {}"),
    ];
    for (kind, text) in wrong {
        assert!(
            !refused(kind, &text).is_empty(),
            "the schema should refuse:\n{text}"
        );
        assert!(
            !unread(kind, &text).is_empty(),
            "the reader should refuse:\n{text}"
        );
    }
}

#[test]
fn organizations_and_stacks_have_schemas_of_their_own() {
    for (kind, text) in [
        (FileKind::Stack, ""),
        (FileKind::Stack, "config: { aws: { region: us-west-2 } }"),
        (
            FileKind::Organization,
            "aws: { region: us-west-2 }\npolicy: { version: 1 }",
        ),
        (FileKind::Organization, "config: { aws: { region: us-west-2 } }"),
    ] {
        assert_eq!(refused(kind, text), [] as [&str; 0], "{text}");
        assert_eq!(unread(kind, text), "", "{text}");
    }
}

/// A key that a reader knows and no schema describes would be a `false` here.
#[test]
fn every_key_that_a_reader_knows_is_described() {
    fn nothing(path: &str, schema: &Json) {
        match schema {
            Json::Object(members) => members
                .iter()
                .filter(|(name, _)| *name != "additionalProperties")
                .for_each(|(name, below)| nothing(&format!("{path}/{name}"), below)),
            Json::Array(list) => list.iter().for_each(|below| nothing(path, below)),
            Json::Bool(false) => panic!("{path} is described nowhere"),
            _ => {}
        }
    }
    for kind in [FileKind::Project, FileKind::Stack, FileKind::Organization] {
        let schema = file_schema(kind);
        nothing("", &schema);
        assert!(jsonschema::meta::is_valid(&schema), "{kind:?}");
    }
}
