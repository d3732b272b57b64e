//! What is said of resources: inherited, written as tags, and recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use konductor_engine::metadata::RunMetadata;
use konductor_engine::{Desired, PlanOptions};
use konductor_model::module::Declaration;
use konductor_model::{Path, TagRules, Value};

use crate::world::*;

/// A world whose things take labels, as Google Cloud's do.
fn world() -> World {
    let mut world = World::new();
    Arc::make_mut(&mut world.cloud.manifest).tag_rules = Some(TagRules::google());
    let schema = Arc::make_mut(&mut world.cloud.schema);
    let labels = serde_json::json!({"kind": "map", "values": {"kind": "text"}});
    schema
        .attributes
        .insert("labels".to_owned(), serde_json::from_value(labels).unwrap());
    schema.tags = Some("labels".to_owned());
    world
}

fn fields(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(field, value): &(&str, &str)| ((*field).to_owned(), (*value).to_owned());
    fields.iter().map(own).collect()
}

fn saying(said: &[(&str, &str)], declarations: Vec<Declaration>) -> Desired {
    let names = said.iter().map(|(field, _)| (*field, *field));
    Desired {
        run_metadata: RunMetadata {
            fields: fields(said),
            tags: fields(&names.collect::<Vec<_>>()),
            ..RunMetadata::default()
        },
        ..desired(declarations)
    }
}

fn says(declaration: Declaration, said: &[(&str, Option<&str>)]) -> Declaration {
    let own = |(field, value): &(&str, Option<&str>)| ((*field).to_owned(), value.map(str::to_owned));
    declaration.option(|options| options.metadata = said.iter().map(own).collect())
}

/// The labels of every object there is, by its name.
fn labels(world: &World) -> BTreeMap<String, Value> {
    let state = world.cloud.state.lock().unwrap();
    let of = |attributes: &BTreeMap<String, Value>| attributes.get("labels").cloned().unwrap_or_default();
    let objects = state.objects.values();
    objects
        .map(|object| (object.name.clone(), of(&object.attributes)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_the_run_is_written_onto_everything_and_the_nearest_wins() {
    let world = world();
    let stack = vec![
        thing("plain"),
        says(thing("own"), &[("owner", Some("Me")), ("residency", None)]),
        thing("tagged").set("labels", Value::from([("owner", "hand")])),
        says(declare("pair", "fake:test:Pair"), &[("owner", Some("pair"))]),
    ];
    world
        .run_desired(saying(&[("owner", "shop"), ("residency", "eu")], stack))
        .await;
    let labels = labels(&world);
    let expect = |name: &str, expected: &[(&str, &str)]| {
        let expected = expected
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
        assert_eq!(labels[name], Value::Map(expected.collect()), "{name}");
    };
    expect("plain", &[("owner", "shop"), ("residency", "eu")]);
    expect("own", &[("owner", "me")]);
    expect("tagged", &[("owner", "hand"), ("residency", "eu")]);
    expect("pair/front", &[("owner", "pair"), ("residency", "eu")]);
    let snapshot = world.snapshot().await;
    let own = snapshot
        .resources
        .values()
        .find(|record| record.urn.name().as_str() == "own")
        .unwrap();
    assert_eq!(
        own.options.metadata,
        [("owner".to_owned(), Some("Me".to_owned()))].into()
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_of_what_is_said_plans_as_a_change_of_tags_and_nothing_else() {
    let world = world();
    let stack = || vec![thing("a").set("label", "x"), thing("b")];
    world.run_desired(saying(&[("owner", "shop")], stack())).await;
    let plan = world
        .try_plan(saying(&[("owner", "team")], stack()), &PlanOptions::default())
        .await
        .unwrap();
    assert_eq!(actions(&plan), ["a: update", "b: update"]);
    for step in plan.steps.iter() {
        let places: Vec<String> = step.changes.iter().map(|change| change.at.to_string()).collect();
        assert!(places.iter().all(|at| at.starts_with("labels")), "{places:?}");
    }
    assert!(world.apply(plan).await.succeeded());
    world.settled(saying(&[("owner", "team")], stack())).await;
}

#[tokio::test(start_paused = true)]
async fn tags_that_are_ignored_are_left_as_they_are() {
    let world = world();
    let stack = || {
        let ignored = |paths: &[&str]| paths.iter().map(|path| path.parse::<Path>().unwrap()).collect();
        vec![
            thing("all").option(|options| options.ignore_changes = ignored(&["labels"])),
            thing("one")
                .option(|options| options.ignore_changes = ignored(&["labels.owner", "labels.floor"])),
        ]
    };
    world.run_desired(saying(&[("owner", "shop")], stack())).await;
    let plan = world
        .try_plan(
            saying(&[("owner", "team"), ("floor", "2")], stack()),
            &PlanOptions::default(),
        )
        .await
        .unwrap();
    assert!(plan.is_empty(), "{:?}", actions(&plan));
}

#[tokio::test(start_paused = true)]
async fn without_rules_of_the_cloud_nothing_is_written() {
    let mut world = world();
    Arc::make_mut(&mut world.cloud.manifest).tag_rules = None;
    world
        .run_desired(saying(&[("owner", "shop")], vec![thing("a")]))
        .await;
    assert_eq!(labels(&world)["a"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn two_fields_that_become_one_tag_are_an_error_of_the_resource() {
    let world = world();
    let mut stack = saying(&[("owner", "shop"), ("team", "a")], vec![thing("a")]);
    stack.run_metadata.tags = fields(&[("owner", "Team"), ("team", "team")]);
    let error = world.try_plan(stack, &PlanOptions::default()).await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("would both be the tag `team`"), "{told}");
}
