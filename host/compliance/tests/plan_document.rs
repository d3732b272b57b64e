//! The document that policies are shown follows its schema, and holds no secret.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

use konductor_compliance::{PlanDocument, PlannedResource, ResourceAction};
use konductor_model::{Urn, Value};
use serde_json::{Value as Json, json};

fn schema() -> Json {
    schema_of("policy-input")
}

fn schema_of(name: &str) -> Json {
    let path = format!("{}/../../docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn urn(type_name: &str, name: &str) -> Urn {
    format!("urn:konductor:shop:dev:{type_name}::{name}")
        .parse()
        .unwrap()
}

fn resource(name: &str, action: ResourceAction) -> PlannedResource {
    let before = Value::from([
        ("bucket", Value::from("old")),
        ("key", Value::from("hunter2").into_secret()),
    ]);
    let after = Value::from([
        ("bucket", Value::from("new")),
        ("arn", Value::Unknown),
        ("key", Value::from("hunter3").into_secret()),
    ]);
    let creates = matches!(action, ResourceAction::Create);
    let deletes = matches!(action, ResourceAction::Delete | ResourceAction::Forget);
    PlannedResource {
        urn: urn("aws:s3:Bucket", name),
        known_as: vec!["aws_s3_bucket".to_owned()],
        before: (!creates).then(|| before.clone()),
        after: match action {
            _ if deletes => None,
            ResourceAction::None => Some(before),
            _ => Some(after),
        },
        action,
        id: (!creates).then(|| "old".to_owned()),
        plugin: ("aws".to_owned(), "0.1.0".to_owned()),
        parent: None,
        dependencies: vec![urn("aws:kms:Key", "key")],
        reasons: Vec::new(),
        replacing: Vec::new(),
        protect: false,
        metadata: [("owner".to_owned(), "shop".to_owned())].into(),
        place: Some("konductor.yaml:3:1".to_owned()),
        deposed: None,
    }
}

fn document() -> PlanDocument {
    let actions = [
        ("same", ResourceAction::None),
        ("new", ResourceAction::Create),
        ("changed", ResourceAction::Update),
        ("replaced", ResourceAction::Replace { delete_before: true }),
        ("moved", ResourceAction::Replace { delete_before: false }),
        (
            "taken",
            ResourceAction::Import {
                id: "b".to_owned(),
                changes: false,
            },
        ),
        ("gone", ResourceAction::Delete),
        ("left", ResourceAction::Forget),
    ];
    let mut resources: Vec<PlannedResource> = actions
        .into_iter()
        .map(|(name, action)| resource(name, action))
        .collect();
    resources[3].replacing = vec!["bucket".to_owned()];
    resources.push(PlannedResource {
        deposed: Some("k1".to_owned()),
        ..resource("superseded", ResourceAction::Delete)
    });
    PlanDocument {
        operation: "apply".to_owned(),
        command: "run".to_owned(),
        project: "shop".to_owned(),
        stack: "dev".to_owned(),
        version: "0.1.0".to_owned(),
        actor: "me@here".to_owned(),
        time: "2026-01-01T00:00:00Z".to_owned(),
        metadata: Value::from([("token", Value::from("hunter4").into_secret())]),
        plugins: vec![("aws".to_owned(), "0.1.0".to_owned())],
        resources,
        drift: vec![resource("drifted", ResourceAction::Update)],
        outputs: vec![
            ("new".to_owned(), None, Some(Value::Unknown)),
            (
                "secret".to_owned(),
                Some("hunter5".into()),
                Some(Value::from("hunter6").into_secret()),
            ),
        ],
        ..PlanDocument::default()
    }
}

#[test]
fn the_document_follows_its_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let document = document().to_json();
    let problems: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
    for member in ["resource_changes", "konductor", "planned_values"] {
        let mut broken = document.clone();
        broken.as_object_mut().unwrap().remove(member);
        assert!(!validator.is_valid(&broken), "{member} may be missing");
    }
}

#[test]
fn no_secret_is_in_the_document() {
    let text = document().to_json().to_string();
    for secret in ["hunter2", "hunter3", "hunter4", "hunter6"] {
        assert!(!text.contains(secret), "{secret}");
    }
    // What is not marked is shown: the check above can fail.
    assert!(text.contains("hunter5"));
}

#[test]
fn actions_are_told_in_the_words_of_terraform() {
    let document = document().to_json();
    let actions: Vec<&Json> = document["resource_changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["change"]["actions"])
        .collect();
    let expected = json!([
        ["no-op"],
        ["create"],
        ["update"],
        ["delete", "create"],
        ["create", "delete"],
        ["no-op"],
        ["delete"],
        ["forget"],
        ["delete"]
    ]);
    assert_eq!(json!(actions), expected);
    let change = &document["resource_changes"][1];
    assert_eq!(change["address"], "aws_s3_bucket.new");
    assert_eq!(change["change"]["before"], Json::Null);
    assert_eq!(
        change["change"]["after"],
        json!({"bucket": "new", "key": "(secret)"})
    );
    assert_eq!(change["change"]["after_unknown"], json!({"arn": true}));
    assert_eq!(change["change"]["after_sensitive"], json!({"key": true}));
    assert_eq!(
        document["resource_changes"][3]["change"]["replace_paths"],
        json!([["bucket"]])
    );
    assert_eq!(document["resource_changes"][8]["deposed"], "k1");
}

#[test]
fn planned_values_are_what_will_be_there() {
    let document = document().to_json();
    let names: Vec<&str> = document["planned_values"]["root_module"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["same", "new", "changed", "replaced", "moved", "taken"]);
}

#[test]
fn a_type_without_another_name_keeps_its_own_and_one_with_two_is_told_by_its_attributes() {
    let mut own = resource("a", ResourceAction::Create);
    own.known_as.clear();
    let mut rule = resource("b", ResourceAction::Create);
    rule.known_as = vec![
        "aws_vpc_security_group_ingress_rule".to_owned(),
        "aws_vpc_security_group_egress_rule".to_owned(),
    ];
    rule.after = Some(Value::from([("direction", "egress")]));
    let document = PlanDocument {
        resources: vec![own, rule],
        ..document()
    };
    let types: Vec<String> = document.to_json()["resource_changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types, ["aws:s3:Bucket", "aws_vpc_security_group_egress_rule"]);
}

#[test]
fn a_state_follows_its_schema_and_holds_no_secret() {
    let document = PlanDocument {
        operation: "state".to_owned(),
        resources: vec![resource("same", ResourceAction::None)],
        ..document()
    }
    .to_state_json();
    let validator = jsonschema::validator_for(&schema_of("policy-state")).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let recorded = &document["values"]["root_module"]["resources"][0];
    assert_eq!(recorded["type"], "aws_s3_bucket");
    assert_eq!(recorded["values"], json!({ "bucket": "old", "key": "(secret)" }));
    assert_eq!(recorded["depends_on"], json!(["key"]));
    assert_eq!(recorded["konductor"]["metadata"]["owner"], "shop");
    assert!(!document.to_string().contains("hunter"));
}
