//! A resource that passes and one that fails for every check: `tests/fixtures/*.json`.

use std::collections::{BTreeMap, BTreeSet};

use konductor_schema_table::{Kind, Node, Table};
use konductor_sdk_compliance::model::compliance::CheckOutcome;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::attributes::set;
use crate::check::{self, WrittenCheck};
use crate::evaluation::judge;
use crate::subject::Subject;

static AZURE_TYPES: &[u8] = include_bytes!("../../azure/types/types.table");
static GOOGLE_TYPES: &[u8] = include_bytes!("../../gcp/types/types.table");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    pass: Json,
    fail: Json,
    #[serde(default)]
    pass_with: Vec<Json>,
    #[serde(default)]
    fail_with: Vec<Json>,
}

fn fixtures() -> BTreeMap<String, Fixture> {
    let sources = [
        include_str!("../tests/fixtures/aws.json"),
        include_str!("../tests/fixtures/azure.json"),
        include_str!("../tests/fixtures/gcp.json"),
    ];
    let read = |source: &str| serde_json::from_str::<BTreeMap<String, Fixture>>(source).unwrap();
    sources.into_iter().flat_map(read).collect()
}

/// Makes a document in the form that policies are shown.
fn document(resources: &[(String, Json)]) -> Json {
    let entry = |(index, (kind, attributes)): (usize, &(String, Json))| {
        let (resource_type, after) = if kind.starts_with("aws:") {
            (kind.clone(), attributes.clone())
        } else if kind.starts_with("Microsoft.") {
            let body = attributes.clone();
            let beside = json!({ "name": body["name"], "tags": body["tags"] });
            let mut after = json!({ "type": kind, "body": body });
            for name in ["name", "tags"] {
                if !beside[name].is_null() {
                    after[name] = beside[name].clone();
                    after["body"].as_object_mut().unwrap().remove(name);
                }
            }
            ("azure:arm:Resource".to_owned(), after)
        } else {
            let mut after = json!({ "type": kind, "body": attributes });
            if let Some(labels) = after["body"].as_object_mut().unwrap().remove("labels") {
                after["labels"] = labels;
            }
            ("gcp:rest:Resource".to_owned(), after)
        };
        json!({
            "change": { "actions": ["create"], "after": after, "after_unknown": false },
            "konductor": { "urn": format!("urn:{index}"), "name": format!("r{index}"), "type": resource_type },
        })
    };
    let changes: Vec<Json> = resources.iter().enumerate().map(entry).collect();
    json!({ "resource_changes": changes })
}

fn outcome(check: &WrittenCheck, attributes: &Json, others: &[Json]) -> Option<CheckOutcome> {
    let mut resources = vec![(check.kinds[0].clone(), attributes.clone())];
    for other in others {
        let mut other = other.clone();
        let kind = other.as_object_mut().unwrap().remove("type").unwrap();
        resources.push((kind.as_str().unwrap().to_owned(), other));
    }
    let subjects = Subject::all(&document(&resources));
    assert_eq!(subjects.len(), resources.len());
    judge(check, &subjects[0], &subjects).map(|result| result.outcome)
}

#[test]
fn every_check_passes_what_is_right_and_fails_what_is_wrong() {
    let fixtures = fixtures();
    let mut wrong = Vec::new();
    for check in check::all() {
        let Some(fixture) = fixtures.get(&check.id) else {
            wrong.push(format!("{} has no fixture", check.id));
            continue;
        };
        let passing = outcome(check, &fixture.pass, &fixture.pass_with);
        if passing != Some(CheckOutcome::Passed) {
            wrong.push(format!("{}: what is right gives {passing:?}", check.id));
        }
        let failing = outcome(check, &fixture.fail, &fixture.fail_with);
        if failing != Some(CheckOutcome::Failed) {
            wrong.push(format!("{}: what is wrong gives {failing:?}", check.id));
        }
    }
    let known: BTreeSet<&String> = check::all().iter().map(|check| &check.id).collect();
    for id in fixtures.keys().filter(|id| !known.contains(id)) {
        wrong.push(format!("there is no check {id}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_leaves_open_what_is_not_known_yet() {
    // That nothing belongs to a resource is known, whatever else is not.
    for (id, fixture) in fixtures()
        .into_iter()
        .filter(|(_, fixture)| fixture.pass_with.is_empty())
    {
        let check = check::all().iter().find(|check| check.id == id).unwrap();
        let mut document = document(&[(check.kinds[0].clone(), fixture.fail.clone())]);
        // All that a check reads: the body of a generic resource, or every attribute.
        let unknown = match check.provider.as_str() {
            "aws" => json!(true),
            _ => json!({ "body": true }),
        };
        document["resource_changes"][0]["change"]["after_unknown"] = unknown;
        let subjects = Subject::all(&document);
        for subject in &subjects {
            if let Some(result) = judge(check, subject, &subjects) {
                assert_ne!(result.outcome, CheckOutcome::Failed, "{id}");
            }
        }
    }
}

#[test]
fn what_a_failed_check_says_to_set_makes_it_pass() {
    let mut patched = 0;
    for (id, fixture) in fixtures() {
        let check = check::all().iter().find(|check| check.id == id).unwrap();
        let mut document = document(&[(check.kinds[0].clone(), fixture.fail)]);
        let subjects = Subject::all(&document);
        let failed = judge(check, &subjects[0], &subjects).unwrap();
        if failed.patch.is_empty() {
            continue;
        }
        patched += 1;
        for patch in failed.patch {
            let after = &mut document["resource_changes"][0]["change"]["after"];
            set(after, &patch.path, patch.value);
        }
        let subjects = Subject::all(&document);
        let result = judge(check, &subjects[0], &subjects);
        // Some look only at what has a setting, and the patch takes it away.
        let outcome = result.map_or(CheckOutcome::Passed, |result| result.outcome);
        assert_eq!(outcome, CheckOutcome::Passed, "{id}");
    }
    assert!(patched >= 120, "{patched}");
}

#[test]
fn what_is_a_persons_choice_is_not_said() {
    let fixtures = fixtures();
    for id in [
        "gcp-gke-release-channel",
        "gcp-logs-locked",
        "azure-sql-own-key",
        "aws-s3-bucket-versioned",
    ] {
        let check = check::all().iter().find(|check| check.id == id).unwrap();
        let subjects = Subject::all(&document(&[(check.kinds[0].clone(), fixtures[id].fail.clone())]));
        assert_eq!(judge(check, &subjects[0], &subjects).unwrap().patch, [], "{id}");
    }
}

/// Follows a path in a definition; `[]` stands for the elements of a list.
fn leads_somewhere(node: Node<'static>, path: &str, spelled: &dyn Fn(&str) -> String) -> bool {
    let Some((step, rest)) = path
        .split_once('.')
        .or(Some((path, "")))
        .filter(|(step, _)| !step.is_empty())
    else {
        return true;
    };
    let (name, is_list) = match step.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (step, false),
    };
    match node.kind() {
        Kind::Any | Kind::Map(_) => true,
        Kind::Variants(variants) => {
            leads_somewhere(variants.base(), path, spelled)
                || variants
                    .all()
                    .any(|(_, variant)| leads_somewhere(variant, path, spelled))
        }
        Kind::Object(object) => object.properties().any(|property| {
            spelled(property.name()).eq_ignore_ascii_case(name) && {
                let below = property.node();
                match (is_list, below.kind()) {
                    (false, _) => leads_somewhere(below, rest, spelled),
                    (true, Kind::List(list)) => leads_somewhere(list.items, rest, spelled),
                    (true, Kind::Any) => true,
                    (true, _) => false,
                }
            }
        }),
        _ => false,
    }
}

fn paths(check: &WrittenCheck) -> Vec<String> {
    let mut found = Vec::new();
    check.rule.paths("", &mut found);
    if let Some(applies) = &check.applies {
        applies.paths("", &mut found);
    }
    found
}

#[test]
fn every_attribute_that_a_check_reads_is_one_of_the_cloud() {
    let azure = Table::open(AZURE_TYPES).unwrap();
    let google = Table::open(GOOGLE_TYPES).unwrap();
    let mut wrong = Vec::new();
    for check in check::all() {
        for kind in &check.kinds {
            let (body, spelled): (_, &dyn Fn(&str) -> String) = match check.provider.as_str() {
                "azure" => {
                    let version = azure.starting_with(&format!("{kind}@")).last();
                    (version.map(|entry| entry.body()), &str::to_owned)
                }
                "gcp" => (
                    google.find(kind).map(|entry| entry.body()),
                    &konductor_schema_table::attribute_name,
                ),
                _ => continue,
            };
            let Some(body) = body else {
                wrong.push(format!("{}: there is no type {kind}", check.id));
                continue;
            };
            for path in paths(check) {
                if !leads_somewhere(body, &path, spelled) {
                    wrong.push(format!("{}: {kind} has no {path}", check.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The schemas of the types of AWS, as the tests of that plugin keep them.
fn aws_attributes(kind: &str) -> Json {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../aws/tests/snapshots");
    let path = format!("{folder}/schemas__{}.snap", kind.replace(':', "_"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (_, json) = text.rsplit_once("---\n").unwrap();
    serde_json::from_str::<Json>(json).unwrap()[0]["attributes"].clone()
}

#[test]
fn every_attribute_of_aws_that_a_check_reads_is_in_its_schema() {
    for check in check::all().iter().filter(|check| check.provider == "aws") {
        for kind in &check.kinds {
            let attributes = aws_attributes(kind);
            for path in paths(check) {
                let first = path.split('.').next().unwrap().trim_end_matches("[]");
                assert!(
                    attributes.get(first).is_some(),
                    "{}: {kind} has no {path}",
                    check.id
                );
                let mut here = &attributes;
                for step in path.split('.').filter(|step| !step.is_empty()) {
                    let attribute = &here[step.trim_end_matches("[]")];
                    assert!(attribute.is_object(), "{}: {kind} has no {path}", check.id);
                    here = match step.ends_with("[]") {
                        true => &attribute["items"]["attributes"],
                        false => &attribute["attributes"],
                    };
                }
            }
        }
    }
}
