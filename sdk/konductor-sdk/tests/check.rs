//! Checking inputs against a schema.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use konductor_sdk::check::check_inputs;
use konductor_sdk::prelude::*;

fn server() -> ResourceSchema {
    schema("example:test:Server", "A server.")
        .attribute("name", text("Its name.").required().between(2, 8))
        .attribute("range", text("").format(TextFormat::Ipv4Cidr))
        .attribute("size", integer("").between(1, 10))
        .attribute("kind", text("").allowed(["small", "large"]).default("small"))
        .attribute("password", text("").sensitive().at_least(12))
        .attribute("ports", set(integer("").between(1, 65_535), "").at_most(2))
        .attribute(
            "disk",
            nested(
                [
                    ("size", integer("").required()),
                    ("fast", boolean("").default(true)),
                ],
                "",
            ),
        )
        .attribute("policy", json(""))
        .attribute("old_name", text("").deprecated("use `name`"))
        .tags()
        .output("id", text(""))
        .build()
        .unwrap()
}

fn problems(inputs: Value) -> Vec<String> {
    check_inputs(&server(), &inputs)
        .diagnostics
        .0
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let problems = problems(Value::from([
        ("name", Value::from("x")),
        ("range", Value::from("10.0.1.0/16")),
        ("size", Value::from(11)),
        ("kind", Value::from("medium")),
        ("ports", Value::from(vec![80, 0, 70_000])),
        ("disk", Value::from([("fast", "yes")])),
        ("policy", Value::from("{")),
        ("tgas", Value::empty_map()),
        ("id", Value::from("1")),
    ]));
    let expected = [
        "error: disk.fast: expected boolean, found text",
        "error: disk.size: `size` is missing (expected integer); give `size`",
        "error: id: `id` is set by the provider and cannot be given; remove `id`",
        "error: kind: `medium` is not allowed (expected one of `small`, `large`)",
        "error: name: the text has 1 characters (expected 2 to 8 characters)",
        "error: policy: the text is not a JSON document; give JSON, or write the document as YAML",
        "error: ports: the list has 3 elements (expected at most 2 elements)",
        "error: ports[1]: `0` is out of range (expected 1 to 65535)",
        "error: ports[2]: `70000` is out of range (expected 1 to 65535)",
        "error: range: `10.0.1.0/16` is not a valid IPv4 CIDR block (it has host bits set; the block it lies in is `10.0.0.0/16`)",
        "error: size: `11` is out of range (expected 1 to 10)",
        "error: tgas: there is no attribute `tgas`; did you mean `tags`?",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn a_missing_attribute_is_named_with_what_it_is() {
    assert_eq!(
        problems(Value::Null),
        ["error: name: `name` is missing (expected text); give `name`: Its name."]
    );
}

#[test]
fn defaults_are_applied_below_objects_too_and_null_counts_as_not_given() {
    let response = check_inputs(
        &server(),
        &Value::from([
            ("name", Value::from("web")),
            ("kind", Value::Null),
            ("disk", Value::from([("size", 5)])),
        ]),
    );
    assert!(response.diagnostics.is_empty(), "{}", response.diagnostics);
    assert_eq!(
        response.inputs,
        Value::from([
            ("name", Value::from("web")),
            ("kind", Value::from("small")),
            (
                "disk",
                Value::from([("size", Value::from(5)), ("fast", Value::from(true))])
            ),
        ])
    );
}

#[test]
fn numbers_and_booleans_become_text_where_text_is_wanted() {
    let tags = Value::from([("version", Value::from(1)), ("live", Value::from(true))]);
    let response = check_inputs(
        &server(),
        &Value::from([("name", Value::from("web")), ("tags", tags)]),
    );
    assert!(response.diagnostics.is_empty());
    assert_eq!(
        response.inputs.attribute("tags"),
        Some(&Value::from([("version", "1"), ("live", "true")]))
    );
}

#[test]
fn what_is_not_known_yet_is_allowed_everywhere() {
    let response = check_inputs(
        &server(),
        &Value::from([
            ("name", Value::Unknown),
            ("range", Value::Unknown),
            ("ports", Value::from(vec![Value::Unknown])),
            ("disk", Value::Unknown),
        ]),
    );
    assert!(response.diagnostics.is_empty(), "{}", response.diagnostics);
}

#[test]
fn a_sensitive_input_becomes_secret_and_is_not_shown_when_it_is_wrong() {
    let response = check_inputs(
        &server(),
        &Value::from([("name", "web"), ("password", "hunter2")]),
    );
    assert_eq!(
        response.inputs.attribute("password"),
        Some(&Value::from("hunter2").into_secret())
    );
    let said = response.diagnostics.to_string();
    assert!(said.contains("password: the text has 7 characters"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let secret_kind = problems(Value::from([
        ("name", Value::from("web")),
        ("kind", Value::from("classified").into_secret()),
    ]));
    assert!(!secret_kind[0].contains("classified"), "{secret_kind:?}");
}

#[test]
fn a_deprecated_attribute_is_a_warning() {
    assert_eq!(
        problems(Value::from([("name", "web"), ("old_name", "x")])),
        ["warning: old_name: this attribute is deprecated (use `name`)"]
    );
}

#[test]
fn a_wrong_name_is_met_with_the_nearest_or_with_all() {
    let said = |name: &str| {
        let inputs = Value::from([("name", Value::from("web")), (name, Value::from("x"))]);
        problems(inputs).remove(0)
    };
    assert!(said("passwrod").ends_with("did you mean `password`?"));
    assert!(said("pass").ends_with("did you mean `password`?"));
    assert!(said("colour").contains("expected one of `disk`, `kind`, `name`"));
}

/// What a guest is given in place of a secret.
fn sealed() -> Value {
    Value::from(format!(
        "{}abcdefghijklmnopqrstuvwxyz",
        konductor_sdk::model::TOKEN_PREFIX
    ))
    .into_secret()
}

#[test]
fn a_sealed_secret_passes_every_check_of_its_form() {
    let response = check_inputs(
        &server(),
        &Value::from([
            ("name", sealed()),
            ("range", sealed()),
            ("kind", sealed()),
            ("password", sealed()),
            ("policy", sealed()),
            ("tags", Value::from([("a", sealed())])),
        ]),
    );
    assert!(response.diagnostics.is_empty(), "{}", response.diagnostics);
    assert_eq!(response.inputs.attribute("name"), Some(&sealed()));
}

#[test]
fn a_sealed_secret_where_no_text_is_wanted_is_refused_with_what_to_do() {
    let problems = problems(Value::from([
        ("name", Value::from("web")),
        ("size", sealed()),
        ("disk", sealed()),
    ]));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[1].contains("size: a secret is given where integer is expected")
            && problems[1].contains("grant the plugin to see it with `reveal`"),
        "{problems:?}"
    );
}

#[test]
fn a_text_that_only_looks_sealed_is_checked_like_any_other() {
    let token = sealed().reveal().clone();
    let problems = problems(Value::from([("name", token)]));
    assert_eq!(
        problems,
        ["error: name: the text has 34 characters (expected 2 to 8 characters)"]
    );
}
