//! Back to what was recorded at another time.

use konductor_engine::plan::as_it_was;
use konductor_engine::{Plan, PlanOptions};
use konductor_model::Value;
use konductor_state::{Past, Snapshot};

use crate::cloud::reference;
use crate::world::*;

fn past(snapshot: Snapshot) -> Past {
    Past {
        snapshot,
        renamed: Vec::new(),
    }
}

async fn plan_past(world: &World, past: Past) -> Plan {
    world
        .engine()
        .plan_past("shop", "dev", past, &PlanOptions::default(), true)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Goes back, and sees that everything given and every link between objects is as it was; identifiers may differ.
async fn go_back(world: &World, then: &Snapshot) -> Vec<String> {
    let plan = plan_past(world, past(then.clone())).await;
    let told = actions(&plan);
    let report = world.apply(plan).await;
    assert!(report.succeeded(), "{report:?}");
    world.agrees_with_cloud().await;
    let again = plan_past(world, past(then.clone())).await;
    assert!(again.is_empty(), "{:?}", actions(&again));
    let now = world.snapshot().await;
    assert_eq!(
        now.resources.keys().collect::<Vec<_>>(),
        then.resources.keys().collect::<Vec<_>>()
    );
    told
}

fn chain(label: &str) -> Vec<konductor_model::module::Declaration> {
    vec![
        thing("a").set("label", label),
        thing("b").set("link", reference("a.arn")),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_changed_is_changed_back_what_came_goes_and_what_went_comes_again() {
    let world = World::new();
    let mut first = chain("x");
    first.push(thing("old").set("link", reference("a.arn")));
    world.run(first).await;
    let then = world.snapshot().await;
    let mut second = chain("x");
    second[1]
        .properties
        .as_map_mut()
        .unwrap()
        .insert("size".into(), 3.into());
    second.push(thing("new"));
    world.run(second).await;
    world.cloud.effects();
    let told = go_back(&world, &then).await;
    assert_eq!(told, ["b: update", "old: create", "new: delete"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_made_anew_is_linked_to_by_what_it_is_now() {
    let world = World::new();
    world.run(chain("x")).await;
    let then = world.snapshot().await;
    world.run(vec![]).await;
    let told = go_back(&world, &then).await;
    assert_eq!(told, ["a: create", "b: create"]);
    let now = world.snapshot().await;
    let get = |snapshot: &Snapshot, name: &str, attribute: &str| {
        let record = snapshot
            .resources
            .values()
            .find(|r| r.urn.name().as_str() == name)
            .unwrap();
        let object = record.object.clone().unwrap();
        object.attributes.attribute(attribute).cloned().unwrap()
    };
    assert_eq!(get(&now, "b", "link"), get(&now, "a", "arn"));
    assert_ne!(
        get(&now, "a", "arn"),
        get(&then, "a", "arn"),
        "the test must make another object"
    );
}

#[tokio::test(start_paused = true)]
async fn the_empty_state_is_gone_back_to_by_deleting_everything() {
    let world = World::new();
    world.run(chain("x")).await;
    let told = go_back(&world, &Snapshot::default()).await;
    assert_eq!(told, ["b: delete", "a: delete"]);
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_was_renamed_gets_its_old_name_back_and_keeps_its_object() {
    let world = World::new();
    world.run(vec![thing("before").set("label", "x")]).await;
    let then = world.snapshot().await;
    let renamed = thing("after")
        .set("label", "x")
        .option(|o| o.aliases = vec!["before".into()]);
    world.run(vec![renamed]).await;
    let urn = |name: &str| {
        let urn = then.resources.keys().next().unwrap();
        urn.with_name(name.parse().unwrap())
    };
    let past = Past {
        snapshot: then.clone(),
        renamed: vec![(urn("before"), urn("after"))],
    };
    let plan = plan_past(&world, past).await;
    assert_eq!(plan.moves, [(urn("after"), urn("before"))]);
    assert!(actions(&plan).is_empty(), "{:?}", actions(&plan));
    assert!(world.apply(plan).await.succeeded());
    let id = |snapshot: &Snapshot| snapshot.resources[&urn("before")].object.clone().unwrap().id;
    assert_eq!(id(&world.snapshot().await), id(&then));
}

#[tokio::test(start_paused = true)]
async fn the_state_before_a_run_is_what_the_cloud_had_and_not_what_was_recorded_of_it() {
    let world = World::new();
    world.run(vec![thing("a").set("size", 1)]).await;
    {
        let mut state = world.cloud.state.lock().unwrap();
        let object = state.objects.values_mut().next().unwrap();
        object.attributes.insert("size".into(), 2.into());
    }
    let plan = world.plan(vec![thing("a").set("size", 5)]).await;
    let before = as_it_was(past(world.snapshot().await), &plan.drift);
    assert!(world.apply(plan).await.succeeded());
    let back = plan_past(&world, before).await;
    assert_eq!(actions(&back), ["a: update"]);
    assert!(world.apply(back).await.succeeded());
    let state = world.cloud.state.lock().unwrap();
    let object = state.objects.values().next().unwrap();
    assert_eq!(object.attributes["size"], Value::from(2));
}

#[tokio::test(start_paused = true)]
async fn a_component_comes_back_with_its_children_and_its_outputs() {
    let world = World::new();
    world
        .run(vec![declare("pair", "fake:test:Pair").set("label", "x")])
        .await;
    let then = world.snapshot().await;
    world.run(vec![thing("other")]).await;
    let told = go_back(&world, &then).await;
    assert!(told.contains(&"other: delete".to_owned()), "{told:?}");
    let now = world.snapshot().await;
    for (urn, record) in &then.resources {
        let found = &now.resources[urn];
        assert_eq!((found.kind, &found.parent), (record.kind, &record.parent));
    }
}
