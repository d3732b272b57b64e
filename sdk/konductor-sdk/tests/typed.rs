//! A resource type as a plain struct: what follows from its declaration, through the dispatcher as a plugin's calls
//! go.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err
)]

mod no_cloud;

use std::sync::Arc;

use konductor_sdk::Dispatcher;
use konductor_sdk::model::ResourceType;
use konductor_sdk::model::provider as wire;
use konductor_sdk::typed::prelude::*;
use no_cloud::NoCloud;

/// How loud it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
enum Volume {
    Low,
    #[choice("very-high")]
    High,
}

/// Where it stands.
#[derive(Clone, Attributes)]
struct Place {
    /// The floor.
    #[attribute(range(0..=9))]
    floor: i64,
    /// The room.
    room: Option<String>,
}

/// A radio.
///
/// It plays.
#[derive(Clone, Resource)]
#[resource(
    type = "example:sound:Radio",
    version = 2,
    identity(format = "KITCHEN/1", description = "The name and the number."),
    unique("label"),
    permissions(create("radio:Make"), read("radio:Look")),
    example("A radio", "radio:\n  type: example:sound:Radio\n"),
    example = r"# A radio in the kitchen
kitchen:
  type: example:sound:Radio
"
)]
struct Radio {
    /// The label.
    #[attribute(identity, replaces, range(1..=20), pattern = "[a-z-]+", renamed_from = "title")]
    label: String,
    /// How loud it is.
    #[attribute(default = Volume::Low)]
    volume: Volume,
    /// The stations.
    stations: BTreeSet<String>,
    /// Where it stands.
    place: Option<Place>,
    /// What opens it.
    #[attribute(required, sensitive, write_only)]
    code: Option<String>,
    #[attribute(tags)]
    labels: BTreeMap<String, String>,
    /// The number.
    #[attribute(identity, output, simulated = "{hex8}")]
    number: Option<i64>,
    /// When it last changed.
    #[attribute(output, volatile)]
    changed: Option<String>,
}

impl Create for Radio {
    async fn create(_: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        let made = Radio {
            number: Some(7),
            changed: Some("now".into()),
            ..request.inputs.clone()
        };
        Ok(Object::new("r-7", made)
            .private(request.idempotency_token())
            .into())
    }
}

impl Read for Radio {
    async fn read(_: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        Ok(request.prior()?.map(|prior| Object::new(request.id(), prior)))
    }
}

impl Update for Radio {
    async fn update(_: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        let number = request.prior()?.number;
        Ok(Object::new(
            request.id(),
            Radio {
                number,
                changed: Some("later".into()),
                ..request.inputs.clone()
            },
        )
        .into())
    }
}

impl Delete for Radio {
    async fn delete(_: &Context, _: Deletion<'_, Self>) -> Result<Deleted, Failure> {
        Ok(Deleted::Complete)
    }
}

/// Whatever is looked at needs ears.
impl Permissions for Radio {
    fn permissions(operation: &str, mut named: Vec<&'static str>) -> Vec<&'static str> {
        if operation == "read" {
            named.push("ear:Hear");
        }
        named
    }
}

impl Check for Radio {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.optional_text("label") == Some("loud") {
            diagnostics.push(Diagnostic::error("too loud").at(Path::attribute("label")));
        }
    }
}

/// The radio as version 1 described it.
#[derive(Attributes)]
struct RadioV1 {
    /// The name.
    name: String,
    /// What opened it.
    key: String,
}

impl Upgrade for Radio {
    fn upgrades() -> Upgrades<Self> {
        Upgrades::default().from(1, |old: RadioV1| Radio {
            label: old.name,
            volume: Volume::High,
            stations: BTreeSet::new(),
            place: None,
            code: Some(old.key),
            labels: BTreeMap::new(),
            number: None,
            changed: None,
        })
    }
}

/// Writes what nobody waits for.
macro_rules! never_done {
    ($type:ident) => {
        impl Create for $type {
            async fn create(_: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
                // Nothing in a guest can make this ready.
                std::future::pending::<()>().await;
                Ok(Object::new("never", request.inputs).into())
            }
        }

        impl Read for $type {
            async fn read(_: &Context, _: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
                Ok(None)
            }
        }
    };
}

/// A stone: it is what it is.
#[derive(Resource)]
#[resource(
    type = "example:sound:Stone",
    identity = "quarry:1: Its number.",
    undeletable = "stones stay",
    replace_on_every_change,
    read("stone:Look"),
    behaviour = never_done,
    version = 1
)]
struct Stone {
    /// Its number.
    #[attribute(identity)]
    number: i64,
    /// Its colour.
    #[attribute(renamed_from = "tint")]
    colour: Option<String>,
}

fn dispatcher() -> Dispatcher {
    Dispatcher::new(
        Definition::new("example", "1.0.0").resources(&[Typed::<Radio>::PROVIDER, Typed::<Stone>::PROVIDER]),
    )
}

fn context() -> Context {
    Context::new(Value::empty_map(), Arc::new(NoCloud))
}

fn radio() -> ResourceType {
    Radio::TYPE.parse().unwrap()
}

fn stone() -> ResourceType {
    Stone::TYPE.parse().unwrap()
}

fn check(resource_type: ResourceType, inputs: Value) -> wire::CheckResponse {
    dispatcher()
        .check(&wire::CheckRequest {
            resource_type,
            name: "x".parse().unwrap(),
            inputs,
            prior_inputs: None,
        })
        .unwrap()
}

fn inputs() -> Value {
    Value::from([
        ("label", Value::from("kitchen")),
        ("code", Value::from("1234").into_secret()),
        ("stations", Value::from(vec!["b", "a"])),
    ])
}

fn create(inputs: Value, planned: Value) -> ObjectState {
    let outcome = dispatcher()
        .create(
            &context(),
            &wire::CreateRequest {
                resource_type: radio(),
                name: "x".parse().unwrap(),
                inputs,
                planned,
                private: Vec::new(),
                idempotency_token: "t-1".into(),
            },
        )
        .unwrap();
    match outcome {
        wire::Outcome::Complete(object) => object,
        other => panic!("expected an object, found {other:?}"),
    }
}

use konductor_sdk::model::provider::ObjectState;

fn plan(prior: Option<ObjectState>, inputs: Value) -> PlanResponse {
    dispatcher()
        .plan(&PlanRequest {
            resource_type: radio(),
            name: "x".parse().unwrap(),
            prior,
            prior_inputs: None,
            inputs,
        })
        .unwrap()
}

#[test]
fn one_declaration_gives_the_schema() {
    let schema = serde_json::to_value(dispatcher().schema(&radio()).unwrap()).unwrap();
    let expected = serde_json::json!({
        "type": "example:sound:Radio",
        "description": "A radio.\n\nIt plays.",
        "version": 2,
        "attributes": {
            "label": {"kind": "text", "minimum_length": 1, "maximum_length": 20, "description": "The label.",
                "required": true, "replaces": true, "pattern": "[a-z-]+", "renamed_from": "title"},
            "volume": {"kind": "text", "description": "How loud it is.", "default": "Low",
                "allowed": ["Low", "very-high"]},
            "stations": {"kind": "list", "items": {"kind": "text"}, "unordered": true,
                "description": "The stations."},
            "place": {"kind": "object", "description": "Where it stands.", "attributes": {
                "floor": {"kind": "integer", "minimum": 0, "maximum": 9, "description": "The floor.",
                    "required": true},
                "room": {"kind": "text", "description": "The room."}}},
            "code": {"kind": "text", "description": "What opens it.", "required": true, "sensitive": true,
                "write_only": true},
            "labels": {"kind": "map", "values": {"kind": "text"}, "description": "Tags by key."},
            "number": {"kind": "integer", "description": "The number.", "computed": true, "output_only": true,
                "simulated": "{hex8}"},
            "changed": {"kind": "text", "description": "When it last changed.", "computed": true,
                "output_only": true, "volatile": true}
        },
        "identity": {"format": "KITCHEN/1", "description": "The name and the number.",
            "attributes": ["label", "number"]},
        "tags": "labels",
        "examples": [
            {"title": "A radio", "yaml": "radio:\n  type: example:sound:Radio\n"},
            {"title": "A radio in the kitchen", "yaml": "kitchen:\n  type: example:sound:Radio\n"}
        ]
    });
    assert_eq!(schema, expected);
}

#[test]
fn an_object_is_called_by_the_attributes_of_its_identity() {
    let made = create(inputs(), inputs());
    let radio = Radio::from_attributes(&made.attributes).unwrap();
    let object = Object::identified(radio.clone()).unwrap();
    assert_eq!(object.id, "kitchen/7");
    for nameless in [
        Radio {
            number: None,
            ..radio.clone()
        },
        Radio {
            label: String::new(),
            ..radio
        },
    ] {
        assert_eq!(Object::identified(nameless).map(|object| object.id), None);
    }
}

#[test]
fn the_tags_of_any_type_are_reached_alike() {
    fn count<R: Tagged<Tags = BTreeMap<String, String>>>(resource: &R) -> usize {
        resource.tags().len()
    }
    let inputs = inputs();
    let mut radio = Radio::from_attributes(&inputs).unwrap();
    assert_eq!(count(&radio), 0);
    radio.labels.insert("Name".into(), "kitchen".into());
    assert_eq!(count(&radio), 1);
}

#[test]
fn a_check_says_everything_at_once_and_applies_defaults() {
    let checked = check(radio(), inputs());
    assert!(checked.diagnostics.is_empty(), "{}", checked.diagnostics);
    assert_eq!(checked.inputs.optional_text("volume"), Some("Low"));
    let wrong = Value::from([
        ("label", Value::from("Kitchen!")),
        ("volume", Value::from("loud")),
        ("place", Value::from([("floor", 12)])),
    ]);
    let said = check(radio(), wrong).diagnostics.to_string();
    for expected in [
        "matches `[a-z-]+`",
        "`loud` is not allowed",
        "`12` is out of range",
        "`code` is missing",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    let loud = Value::from([("label", "loud"), ("code", "1")]);
    assert!(check(radio(), loud).diagnostics.to_string().contains("too loud"));
}

#[test]
fn unknown_inputs_are_checked_and_planned_without_error() {
    let unknown = Value::from([("label", Value::Unknown), ("code", Value::Unknown)]);
    let checked = check(radio(), unknown);
    assert!(checked.diagnostics.is_empty(), "{}", checked.diagnostics);
    let planned = plan(None, checked.inputs).planned;
    assert_eq!(planned.attribute("label"), Some(&Value::Unknown));
    assert_eq!(planned.attribute("number"), Some(&Value::Unknown));
}

#[test]
fn an_unknown_value_is_never_read_as_an_absent_one() {
    let failure = Radio::from_attributes(&Value::from([
        ("label", Value::Unknown),
        (
            "place",
            Value::from([("floor", Value::from("one")), ("room", Value::Unknown)]),
        ),
        ("code", Value::from("1")),
    ]))
    .unwrap_err();
    let said: Vec<&str> = failure.diagnostics.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(
        said,
        [
            "`label` is not known yet, where it must be",
            "`place.floor` is text, where an integer is expected",
            "`place.room` is not known yet, where it must be",
        ]
    );
}

#[test]
fn a_former_name_is_taken_with_a_warning_and_refused_beside_the_new_one() {
    let former = Value::from([("title", "kitchen"), ("code", "1")]);
    let checked = check(radio(), former);
    assert!(!checked.diagnostics.has_errors(), "{}", checked.diagnostics);
    assert!(checked.diagnostics.to_string().contains("is called `label` now"));
    assert_eq!(checked.inputs.optional_text("label"), Some("kitchen"));
    let both = Value::from([("title", "a"), ("label", "b"), ("code", "1")]);
    assert!(check(radio(), both).diagnostics.has_errors());
}

#[test]
fn a_created_object_hides_what_is_sensitive_and_what_was_given_as_secret() {
    let mut given = check(radio(), inputs()).inputs;
    given.put(&Path::attribute("label"), Value::from("kitchen").into_secret());
    let planned = plan(None, given.clone()).planned;
    let object = create(given, planned);
    for name in ["code", "label"] {
        let value = object.attributes.attribute(name).unwrap();
        assert!(matches!(value, Value::Secret(_)), "{name}: {value:?}");
    }
    assert_eq!(object.private, b"t-1");
    assert_eq!(object.schema_version, 2);
}

#[test]
fn a_second_plan_is_empty_and_only_volatile_outputs_become_unknown() {
    let given = check(radio(), inputs()).inputs;
    let object = create(given.clone(), plan(None, given.clone()).planned);
    assert_eq!(plan(Some(object.clone()), given.clone()).changes, []);
    let mut louder = given.clone();
    louder.put(&Path::attribute("volume"), Value::from("very-high"));
    let update = plan(Some(object.clone()), louder);
    assert_eq!(update.planned.attribute("number"), Some(&Value::from(7_i64)));
    assert_eq!(update.planned.attribute("changed"), Some(&Value::Unknown));
    let mut moved = given;
    moved.put(&Path::attribute("label"), Value::from("bath"));
    let replacement = plan(Some(object), moved);
    assert!(replacement.changes[0].requires_replacement);
    assert!(
        !replacement.delete_before_replace,
        "another label can stand beside it"
    );
}

#[test]
fn a_replacement_that_keeps_what_is_unique_deletes_first() {
    let given = check(radio(), inputs()).inputs;
    let object = create(given.clone(), plan(None, given.clone()).planned);
    assert!(plan(Some(object), given).delete_before_replace);
}

#[test]
fn an_older_object_becomes_a_current_one_and_its_secrets_stay_secret() {
    let stored = |schema_version| ObjectState {
        id: "r-1".into(),
        attributes: Value::from([
            ("name", Value::from("kitchen").into_secret()),
            ("key", Value::from("1234")),
        ]),
        private: b"mine".to_vec(),
        schema_version,
    };
    let upgraded = dispatcher().upgrade_state(&radio(), stored(1)).unwrap();
    assert_eq!(upgraded.attributes.optional_text("volume"), Some("very-high"));
    for name in ["code", "label"] {
        let value = upgraded.attributes.attribute(name).unwrap();
        assert!(matches!(value, Value::Secret(_)), "{name}: {value:?}");
    }
    assert_eq!((upgraded.private, upgraded.schema_version), (b"mine".to_vec(), 2));
    let failure = dispatcher().upgrade_state(&radio(), stored(0)).unwrap_err();
    assert!(failure.message.contains("version 0"), "{}", failure.message);
}

#[test]
fn an_object_with_a_renamed_attribute_needs_no_upgrade_of_its_own() {
    let stored = ObjectState {
        id: "1".into(),
        attributes: Value::from([("number", Value::from(1_i64)), ("tint", Value::from("grey"))]),
        private: Vec::new(),
        schema_version: 0,
    };
    let upgraded = dispatcher().upgrade_state(&stone(), stored).unwrap();
    assert_eq!(
        upgraded.attributes,
        Value::from([("number", Value::from(1_i64)), ("colour", Value::from("grey"))])
    );
}

#[test]
fn what_an_author_says_cannot_be_done_is_refused_with_the_reason() {
    let schema = dispatcher().schema(&stone()).unwrap();
    assert!(schema.attributes.values().all(|attribute| attribute.replaces));
    let failure = dispatcher()
        .delete(
            &context(),
            &wire::DeleteRequest {
                resource_type: stone(),
                name: "x".parse().unwrap(),
                prior: ObjectState {
                    id: "1".into(),
                    attributes: Value::empty_map(),
                    private: Vec::new(),
                    schema_version: 1,
                },
                idempotency_token: "t".into(),
            },
        )
        .unwrap_err();
    assert_eq!(failure.disposition, Disposition::Unsupported);
    assert!(failure.message.contains("stones stay") && failure.message.contains("retain_on_delete"));
}

#[test]
fn what_a_type_does_not_have_is_not_claimed() {
    assert!(!dispatcher().schema(&radio()).unwrap().batch_read);
    let failure = dispatcher()
        .list(
            &context(),
            &ListRequest {
                resource_type: radio(),
                filter: Value::Null,
                cursor: None,
            },
        )
        .unwrap_err();
    assert_eq!(failure.disposition, Disposition::Unsupported);
    assert_eq!(
        dispatcher().required_permissions(&radio(), "list"),
        ["radio:Look"]
    );
}

#[test]
fn the_shorter_forms_of_a_declaration_mean_the_same() {
    let identity = dispatcher().schema(&stone()).unwrap().identity.clone();
    assert_eq!(
        (identity.format.as_str(), identity.description.as_str()),
        ("quarry:1", "Its number.")
    );
    assert_eq!(
        dispatcher().required_permissions(&stone(), "list"),
        ["stone:Look"]
    );
}

#[test]
fn shared_behaviour_adds_to_the_permissions_that_are_named() {
    let permissions = |operation| dispatcher().required_permissions(&radio(), operation);
    assert_eq!(permissions("read"), ["radio:Look", "ear:Hear"]);
    assert_eq!(permissions("create"), ["radio:Make"]);
}

#[test]
fn an_operation_that_waits_is_a_failure_that_says_what_to_do() {
    let failure = dispatcher()
        .create(
            &context(),
            &wire::CreateRequest {
                resource_type: stone(),
                name: "x".parse().unwrap(),
                inputs: Value::from([("number", 1_i64)]),
                planned: Value::empty_map(),
                private: Vec::new(),
                idempotency_token: "t".into(),
            },
        )
        .unwrap_err();
    assert!(failure.message.contains("in-progress"), "{}", failure.message);
}

#[test]
fn the_debug_form_shows_no_sensitive_attribute() {
    let radio = Radio::from_attributes(&inputs()).unwrap();
    let shown = format!("{radio:?}");
    assert!(!shown.contains("1234") && shown.contains("kitchen"), "{shown}");
}
