//! Bodies by a definition of a type that has one of everything.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use konductor_schema_body::{Cloud, Place, changes, check, is_number_text, marked, settled, writable};
use konductor_schema_table::{Definition, Flags, NodeId, PropertyDefinition, Table, TableBuilder, TextRules};
use konductor_sdk::cloud::{from_json, to_json};
use konductor_sdk::prelude::*;
use proptest::prelude::{Strategy, prop_assert_eq, proptest};
use serde_json::{Value as Json, json};

/// A cloud without habits, but that it knows elements by their name.
#[derive(Debug, Clone, Copy, Default)]
struct Plain;

impl Cloud for Plain {
    const NAME: &'static str = "Plain";

    fn same(_: Place<Self>, _: &str, left: &Value, right: &Value) -> bool {
        left == right
    }

    fn key_of(element: &Value) -> Option<String> {
        let name = element.attribute("name").and_then(Value::as_text);
        name.map(str::to_owned)
    }

    fn takes_number(rules: &TextRules<&str>) -> bool {
        is_number_text(rules)
    }
}

fn property(name: &str, flags: Flags, node: NodeId) -> PropertyDefinition {
    PropertyDefinition {
        name: name.to_owned(),
        flags,
        node,
    }
}

fn place() -> Place<Plain> {
    let mut table = TableBuilder::default();
    let text = table.define(Definition::Text(TextRules::default()));
    let anything = table.define(Definition::Any);
    let hidden = table.define(Definition::Text(TextRules {
        sensitive: true,
        pattern: Some("^[a-z]+$".to_owned()),
        ..TextRules::default()
    }));
    let number = table.define(Definition::Text(TextRules {
        format: Some("int64".to_owned()),
        ..TextRules::default()
    }));
    let choice = table.define(Definition::Choice {
        values: vec!["red".to_owned(), "blue".to_owned()],
        open: false,
    });
    let keys = table.define(Definition::List {
        items: hidden,
        minimum: Some(1),
        maximum: Some(2),
    });
    let disk = table.define(Definition::Object {
        properties: vec![
            property("id", Flags::READ_ONLY, text),
            property("name", Flags::REQUIRED, text),
            property("size", Flags::NONE, number),
        ],
        additional: None,
    });
    let disks = table.define(Definition::List {
        items: disk,
        minimum: None,
        maximum: None,
    });
    let base = table.define(Definition::Object {
        properties: vec![property("kind", Flags::REQUIRED, text)],
        additional: None,
    });
    let password = table.define(Definition::Object {
        properties: vec![property("password", Flags::SENSITIVE | Flags::WRITE_ONLY, text)],
        additional: None,
    });
    let login = table.define(Definition::Variants {
        discriminator: "kind".to_owned(),
        base,
        variants: [("password".to_owned(), password)].into(),
    });
    let body = table.define(Definition::Object {
        properties: vec![
            property("colour", Flags::CREATE_ONLY, choice),
            property("disks", Flags::NONE, disks),
            property("keys", Flags::NONE, keys),
            property("login", Flags::NONE, login),
            property("settings", Flags::SENSITIVE, anything),
            property("state", Flags::READ_ONLY, text),
            property("tint", Flags::SENSITIVE, choice),
        ],
        additional: None,
    });
    table.entry("thing", body, [("source", "a test")]);
    let bytes: &'static [u8] = Vec::leak(table.finish().unwrap());
    Place::of(Table::open(bytes).unwrap().find("thing").unwrap().body())
}

fn complaints(body: &Value) -> Vec<String> {
    let mut diagnostics = Diagnostics::default();
    check(place(), body, &Path::root(), &mut diagnostics);
    diagnostics
        .into_iter()
        .map(|it| format!("{}: {}", it.at.unwrap_or_default(), it.summary))
        .collect()
}

#[test]
fn a_text_that_is_never_shown_may_not_be_given_in_plain_wherever_it_stands() {
    let body = from_json(json!({
        "keys": ["planted"],
        "login": {"kind": "password", "password": "planted"},
        "settings": {"script": "planted", "deep": [{"key": "planted"}], "count": 1},
        "tint": "red",
    }));
    assert_eq!(
        complaints(&body),
        [
            "keys[0]: `keys` is never shown, and is given in plain text",
            "login.password: `password` is never shown, and is given in plain text",
            "settings.deep[0].key: `key` is never shown, and is given in plain text",
            "settings.script: `script` is never shown, and is given in plain text",
            "tint: `tint` is never shown, and is given in plain text",
        ]
    );
}

#[test]
fn a_secret_a_token_and_what_is_not_known_yet_may_stand_where_nothing_is_shown() {
    let token = format!("{}1", konductor_sdk::model::TOKEN_PREFIX);
    for given in [
        Value::from("planted").into_secret(),
        Value::Text(token),
        Value::Unknown,
    ] {
        let login = Value::from([("kind", Value::from("password")), ("password", given.clone())]);
        let settings = Value::from([("script", given.clone())]);
        let body = Value::from([
            ("keys", Value::from(vec![given])),
            ("login", login),
            ("settings", settings),
        ]);
        assert_eq!(complaints(&body), [""; 0], "{body:?}");
    }
    let settings = from_json(json!({"script": "planted", "deep": {"key": "planted"}})).into_secret();
    assert_eq!(complaints(&Value::from([("settings", settings)])), [""; 0]);
}

#[test]
fn no_message_shows_a_secret_that_is_not_as_it_should_be() {
    let body = Value::from([
        ("colour", Value::from("PLANTED").into_secret()),
        ("keys", Value::from(vec![Value::from("PLANTED").into_secret()])),
        ("tint", Value::from("PLANTED")),
    ]);
    let mut diagnostics = Diagnostics::default();
    check(place(), &body, &Path::root(), &mut diagnostics);
    let said = format!("{diagnostics:?}");
    assert!(!said.contains("PLANTED"), "{said}");
    assert_eq!(
        complaints(&body),
        [
            "colour: the text is not allowed",
            "keys[0]: the text does not have the form it must have",
            "tint: `tint` is never shown, and is given in plain text",
            "tint: the text is not allowed",
        ]
    );
}

#[test]
fn everything_else_that_is_wrong_is_told_at_once_with_its_place() {
    let body = from_json(json!({
        "color": "red", "state": "on", "keys": [], "login": {"kind": "passwort"},
        "disks": [{"size": 10}, {"name": "b", "size": true}],
    }));
    assert_eq!(
        complaints(&body),
        [
            "color: there is no property `color`",
            "disks[0].name: `name` is missing",
            "disks[1].size: expected text, found boolean",
            "keys: the list has 0 elements",
            "login.kind: `passwort` is not allowed",
            "state: `state` is set by Plain and cannot be given",
        ]
    );
}

#[test]
fn what_an_answer_says_besides_is_no_difference_and_what_it_keeps_to_itself_stays() {
    let expected = marked(
        place(),
        from_json(json!({
            "disks": [{"name": "a", "size": "1"}, {"name": "b"}],
            "login": {"kind": "password", "password": "planted"},
        })),
    );
    let actual = from_json(json!({
        "disks": [{"name": "b", "id": "2"}, {"name": "a", "size": "2", "id": "1"}],
        "login": {"kind": "password"}, "state": "on", "colour": "red",
    }));
    let settled = settled(place(), &actual, &expected);
    let told: Vec<String> = changes(place(), &Path::root(), &settled, &expected)
        .iter()
        .map(|change| change.at.to_string())
        .collect();
    assert_eq!(told, ["disks[0].size"]);
    assert!(settled.has_secret());
}

#[test]
fn what_an_import_finds_can_be_given_and_what_is_sensitive_in_it_is_secret() {
    let actual = from_json(json!({
        "disks": [{"name": "b", "id": "2"}], "state": "on", "colour": "red", "keys": [],
        "settings": {"script": "planted"},
    }));
    let found = writable(place(), &actual);
    assert_eq!(
        to_json(&found),
        json!({"disks": [{"name": "b"}], "colour": "red", "settings": {"script": "planted"}})
    );
    assert!(matches!(found.attribute("settings"), Some(Value::Secret(_))));
    assert_eq!(complaints(&found), [""; 0]);
}

#[test]
fn what_cannot_be_changed_means_replacement() {
    let change = |old: Json, new: Json| {
        let changes = changes(place(), &Path::root(), &from_json(old), &from_json(new));
        changes
            .into_iter()
            .map(|it| (it.at.to_string(), it.requires_replacement))
            .collect::<Vec<_>>()
    };
    let to = |path: &str, replaces| [(path.to_owned(), replaces)];
    assert_eq!(
        change(json!({"colour": "red"}), json!({"colour": "blue"})),
        to("colour", true)
    );
    assert_eq!(change(json!({}), json!({"colour": "blue"})), to("colour", true));
    assert_eq!(change(json!({}), json!({"state": "on"})), to("state", false));
}

/// Returns bodies such as the type allows.
fn bodies() -> impl Strategy<Value = Value> {
    let disk = ("[a-d]", proptest::option::of(0..9_i64)).prop_map(|(name, size)| match size {
        Some(size) => json!({"name": name, "size": size.to_string()}),
        None => json!({"name": name}),
    });
    let disks = proptest::collection::vec(disk, 0..4);
    let keys = proptest::collection::vec("[a-z]{1,4}", 1..3);
    (
        disks,
        proptest::option::of(keys),
        proptest::option::of(proptest::sample::select(vec!["red", "blue"])),
        proptest::option::of("[a-z]{0,4}"),
    )
        .prop_map(|(disks, keys, colour, script)| {
            let mut body = json!({"disks": disks});
            if let Some(keys) = keys {
                body["keys"] = json!(keys);
            }
            if let Some(colour) = colour {
                body["colour"] = json!(colour);
            }
            if let Some(script) = script {
                body["settings"] = json!({"script": script});
            }
            marked(place(), from_json(body))
        })
}

proptest! {
    #[test]
    fn a_body_is_settled_by_itself_and_differs_from_itself_in_nothing(body in bodies()) {
        let settled = settled(place(), &body, &body);
        prop_assert_eq!(to_json(&settled), to_json(&body));
        prop_assert_eq!(changes(place(), &Path::root(), &settled, &body), vec![]);
        prop_assert_eq!(complaints(&body), Vec::<String>::new());
    }

    #[test]
    fn two_bodies_differ_exactly_when_they_are_not_the_same(left in bodies(), right in bodies()) {
        let differ = !changes(place(), &Path::root(), &left, &right).is_empty();
        let says = |value: &Value| to_json(&writable(place(), value));
        prop_assert_eq!(differ, says(&left) != says(&right));
    }
}
