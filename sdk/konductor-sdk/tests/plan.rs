//! Planning, and settling what the cloud answered.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use konductor_sdk::equality::normalise;
use konductor_sdk::model::ChangeKind;
use konductor_sdk::plan::{inputs_of, plan_object};
use konductor_sdk::prelude::*;
use proptest::prelude::*;

fn server() -> ResourceSchema {
    schema("example:test:Server", "A server.")
        .attribute("image", text("").required().replaces())
        .attribute("kind", text(""))
        .attribute("zone", text("").computed().replaces())
        .attribute("iops", integer("").computed().volatile())
        .attribute("groups", set(text(""), ""))
        .attribute("policy", json(""))
        .attribute("key", text("").write_only())
        .attribute("password", text("").sensitive())
        .attribute(
            "disk",
            nested([("size", integer("")), ("volume_id", text("").output_only())], ""),
        )
        .tags()
        .output("id", text(""))
        .output("address", text("").volatile())
        .build()
        .unwrap()
}

fn plan(prior: Option<Value>, inputs: Value) -> PlanResponse {
    plan_object(
        &server(),
        &PlanRequest {
            resource_type: "example:test:Server".parse().unwrap(),
            name: "web".parse().unwrap(),
            prior: prior.map(|attributes| object("s-1").extend(&attributes).build()),
            prior_inputs: None,
            inputs,
        },
    )
}

fn changes(response: &PlanResponse) -> Vec<String> {
    response
        .changes
        .iter()
        .map(|change| {
            let kind = match change.kind {
                ChangeKind::Add => '+',
                ChangeKind::Delete => '-',
                ChangeKind::Update => '~',
            };
            format!(
                "{kind}{}{}",
                change.at,
                if change.requires_replacement { " !" } else { "" }
            )
        })
        .collect()
}

fn existing() -> Value {
    Value::from([
        ("image", Value::from("i-1")),
        ("kind", Value::from("small")),
        ("zone", Value::from("a")),
        ("iops", Value::from(3000)),
        ("groups", Value::from(vec!["x", "y"])),
        ("policy", Value::from(r#"{"a": [1, 2]}"#)),
        (
            "disk",
            Value::from([("size", Value::from(5)), ("volume_id", Value::from("v-1"))]),
        ),
        ("id", Value::from("s-1")),
        ("address", Value::from("10.0.0.1")),
    ])
}

fn inputs() -> Value {
    Value::from([
        ("image", Value::from("i-1")),
        ("kind", Value::from("small")),
        ("groups", Value::from(vec!["y", "x"])),
        ("policy", Value::from([("a", vec![1, 2])])),
        ("disk", Value::from([("size", 5)])),
    ])
}

fn with(value: &Value, name: &str, to: impl Into<Value>) -> Value {
    let mut value = value.clone();
    value.put(&Path::attribute(name), to.into());
    value
}

#[test]
fn on_create_everything_the_provider_sets_is_unknown() {
    let response = plan(None, inputs());
    assert_eq!(
        changes(&response),
        ["+disk", "+groups", "+image", "+kind", "+policy"]
    );
    for name in ["zone", "iops", "id", "address"] {
        assert_eq!(response.planned.attribute(name), Some(&Value::Unknown), "{name}");
    }
    assert_eq!(
        response.planned.attribute("disk"),
        Some(&Value::from([
            ("size", Value::from(5)),
            ("volume_id", Value::Unknown)
        ]))
    );
}

#[test]
fn another_spelling_of_the_same_is_no_change_and_computed_values_stay() {
    let response = plan(Some(existing()), inputs());
    assert_eq!(changes(&response), Vec::<String>::new());
    assert_eq!(response.planned, existing());
}

#[test]
fn a_change_in_place_makes_only_the_volatile_unknown() {
    let response = plan(Some(existing()), with(&inputs(), "kind", "large"));
    assert_eq!(changes(&response), ["~kind"]);
    assert_eq!(response.planned.attribute("id"), Some(&Value::from("s-1")));
    assert_eq!(response.planned.attribute("zone"), Some(&Value::from("a")));
    assert_eq!(response.planned.attribute("address"), Some(&Value::Unknown));
    assert_eq!(response.planned.attribute("iops"), Some(&Value::Unknown));
    let given = plan(
        Some(existing()),
        with(&with(&inputs(), "kind", "large"), "iops", 4000),
    );
    assert_eq!(given.planned.attribute("iops"), Some(&Value::from(4000)));
}

#[test]
fn a_replacement_makes_every_computed_value_unknown_again() {
    let response = plan(Some(existing()), with(&inputs(), "image", "i-2"));
    assert_eq!(changes(&response), ["~image !"]);
    assert_eq!(response.planned.attribute("id"), Some(&Value::Unknown));
    assert_eq!(response.planned.attribute("zone"), Some(&Value::Unknown));
    let unknown = plan(Some(existing()), with(&inputs(), "image", Value::Unknown));
    assert_eq!(changes(&unknown), ["~image !"]);
}

#[test]
fn a_change_below_an_object_or_a_map_is_named_by_its_own_path() {
    let response = plan(
        Some(with(&existing(), "tags", [("a", "1"), ("b", "2")])),
        with(
            &with(&inputs(), "disk", [("size", 6)]),
            "tags",
            [("a", "1"), ("b", "3"), ("c", "4")],
        ),
    );
    assert_eq!(changes(&response), ["~disk.size", "~tags.b", "+tags.c"]);
    assert_eq!(
        response.planned.attribute("disk"),
        Some(&Value::from([
            ("size", Value::from(6)),
            ("volume_id", Value::from("v-1"))
        ]))
    );
}

#[test]
fn an_input_that_is_no_longer_given_is_removed_unless_the_provider_can_set_it() {
    let prior = with(&existing(), "key", "abc");
    let response = plan(Some(prior.clone()), Value::from([("image", "i-1")]));
    assert_eq!(
        changes(&response),
        ["-disk", "-groups", "-key", "-kind", "-policy"]
    );
    assert_eq!(response.planned.attribute("zone"), Some(&Value::from("a")));
}

#[test]
fn a_sensitive_attribute_is_planned_as_a_secret_and_marks_make_no_change() {
    let prior = with(&existing(), "password", Value::from("hunter2").into_secret());
    let response = plan(Some(prior), with(&inputs(), "password", "hunter2"));
    assert_eq!(changes(&response), Vec::<String>::new());
    assert!(matches!(
        response.planned.attribute("password"),
        Some(Value::Secret(_))
    ));
}

#[test]
fn an_import_takes_what_could_have_been_given_and_plans_to_no_change() {
    let inputs = inputs_of(&server(), &existing());
    assert!(inputs.attribute("id").is_none());
    assert_eq!(inputs.attribute("disk"), Some(&Value::from([("size", 5)])));
    assert_eq!(changes(&plan(Some(existing()), inputs)), Vec::<String>::new());
}

#[test]
fn what_the_cloud_spells_differently_keeps_the_spelling_that_was_asked_for() {
    let actual = with(
        &with(&existing(), "groups", vec!["y", "x"]),
        "policy",
        r#"{"a":[1,2]}"#,
    );
    assert_eq!(normalise(&server(), &actual, &existing()), existing());
}

#[test]
fn drift_is_reported_and_only_where_it_is() {
    let actual = with(&existing(), "groups", vec!["z", "y", "x"]);
    let seen = normalise(&server(), &actual, &existing());
    assert_eq!(seen.attribute("groups"), Some(&Value::from(vec!["x", "y", "z"])));
    let policy = with(&existing(), "policy", r#"{"a":[2,1]}"#);
    assert_eq!(
        normalise(&server(), &policy, &existing()).attribute("policy"),
        Some(&Value::from(r#"{"a":[2,1]}"#))
    );
}

#[test]
fn what_the_cloud_never_gives_back_is_kept_and_what_is_empty_is_absent() {
    let expected = with(&existing(), "key", "abc");
    let actual = with(&existing(), "tags", Value::empty_map());
    assert_eq!(normalise(&server(), &actual, &expected), expected);
}

#[test]
fn what_drifts_from_a_secret_is_a_secret() {
    let expected = with(&existing(), "kind", Value::from("classified").into_secret());
    let same = normalise(&server(), &with(&existing(), "kind", "classified"), &expected);
    assert_eq!(same, expected);
    let drifted = normalise(&server(), &existing(), &expected);
    assert_eq!(
        drifted.attribute("kind"),
        Some(&Value::from("small").into_secret())
    );
}

fn any_inputs() -> impl Strategy<Value = Value> {
    let text = || proptest::option::of("[a-c]{1,2}").prop_map(Value::from);
    (
        "[a-c]",
        text(),
        text(),
        proptest::option::of(0i64..5).prop_map(Value::from),
        proptest::option::of(proptest::collection::vec("[a-c]", 0..4)).prop_map(Value::from),
        proptest::collection::btree_map("[a-c]", "[a-c]".prop_map(Value::from), 0..3).prop_map(Value::from),
    )
        .prop_map(|(image, kind, zone, iops, groups, tags)| {
            object("x")
                .set("image", image)
                .set("kind", kind)
                .set("zone", zone)
                .set("iops", iops)
                .set("groups", groups)
                .set("tags", tags)
                .build()
                .attributes
        })
}

proptest! {
    #[test]
    fn what_was_planned_and_made_plans_to_no_change(before in any_inputs(), after in any_inputs()) {
        let known = |planned: Value| planned.map_leaves(&mut |leaf| match leaf {
            Value::Unknown => Value::from("made"),
            other => other,
        });
        let created = known(plan(None, before).planned);
        let updated = known(plan(Some(created), after.clone()).planned);
        let again = plan(Some(updated.clone()), after);
        prop_assert_eq!(changes(&again), Vec::<String>::new());
        prop_assert_eq!(again.planned, updated);
    }
}
