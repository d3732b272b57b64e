//! Replacement both ways, superseded objects, and how the order spreads along dependencies.

use konductor_engine::{PlanOptions, StopSignal};
use konductor_model::Disposition;

use crate::cloud::{Fault, reference};
use crate::world::*;

fn chain(label: &str) -> Vec<konductor_model::module::Declaration> {
    vec![
        thing("a").set("label", label),
        thing("b").set("anchor", reference("a.arn")),
        thing("c").set("link", reference("b.arn")),
    ]
}

#[tokio::test(start_paused = true)]
async fn the_new_object_comes_first_and_the_old_one_goes_when_nothing_stands_on_it() {
    let world = World {
        attempts: 1,
        ..World::new()
    };
    world.run(chain("x")).await;
    world.cloud.effects();
    let plan = world.plan(chain("y")).await;
    assert_eq!(actions(&plan), ["a: replace", "b: replace", "c: update"]);
    let change = &plan.steps.get(0).unwrap().changes[0].clone();
    assert!(change.requires_replacement);
    assert_eq!((&change.old, &change.new), (&"x".into(), &"y".into()));
    let report = world.apply(plan).await;
    assert!(report.succeeded(), "{report:?}");
    assert_eq!(
        world.cloud.effects(),
        ["create a", "create b", "update c", "delete b", "delete a"]
    );
    assert_eq!(report.summary.replaced, 2);
    world.settled(desired(chain("y"))).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_deleted_first_takes_the_replaced_ones_that_stand_on_it_along() {
    let world = World::new();
    let stack = |label: &str| {
        vec![
            declare("a", "fake:test:Single").set("label", label),
            thing("b").set("anchor", reference("a.arn")),
            thing("c").set("anchor", reference("b.arn")),
            thing("d").set("label", label),
        ]
    };
    world.run(stack("x")).await;
    world.cloud.effects();
    let plan = world.plan(stack("y")).await;
    assert_eq!(
        actions(&plan),
        [
            "a: replace, delete first",
            "d: replace",
            "b: replace, delete first",
            "c: replace, delete first"
        ]
    );
    assert!(plan.steps.iter().any(|step| {
        step.reasons
            .contains(&"it is deleted first because `a` is".to_owned())
    }));
    let report = world.apply(plan).await;
    assert!(report.succeeded(), "{report:?}");
    let effects: Vec<String> = world
        .cloud
        .effects()
        .into_iter()
        .filter(|effect| !effect.ends_with('d'))
        .collect();
    assert_eq!(
        effects,
        [
            "delete c", "delete b", "delete a", "create a", "create b", "create c"
        ]
    );
    world.settled(desired(stack("y"))).await;
}

#[tokio::test(start_paused = true)]
async fn the_option_decides_the_order_and_a_contradiction_is_an_error() {
    let world = World::new();
    let stack = |label: &str, a: Option<bool>, b: Option<bool>| {
        vec![
            thing("a")
                .set("label", label)
                .option(|o| o.delete_before_replace = a),
            thing("b")
                .set("anchor", reference("a.arn"))
                .option(|o| o.delete_before_replace = b),
        ]
    };
    world.run(stack("x", None, None)).await;
    let plan = world.plan(stack("y", Some(true), None)).await;
    assert_eq!(
        actions(&plan),
        ["a: replace, delete first", "b: replace, delete first"]
    );
    let errors = world.errors(stack("y", Some(true), Some(false))).await;
    assert!(
        errors[0].contains("`b` insists on creating first, and `a`"),
        "{errors:?}"
    );
    let plan = world.plan(stack("y", None, Some(true))).await;
    assert_eq!(actions(&plan), ["a: replace", "b: replace, delete first"]);
    let report = world.apply(plan).await;
    assert!(report.succeeded(), "{report:?}");
    world.settled(desired(stack("y", None, Some(true)))).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_superseded_and_not_deleted_goes_at_the_next_run() {
    let world = World::new();
    world.run(vec![thing("a").set("label", "x")]).await;
    let plan = world.plan(vec![thing("a").set("label", "y")]).await;
    world.cloud.fault("delete a", Fault::Fails(Disposition::Denied));
    let report = world.apply(plan).await;
    assert_eq!((report.summary.replaced, report.summary.failed), (1, 1));
    assert_eq!(world.cloud.objects(), ["a", "a"]);
    world.agrees_with_cloud().await;
    let plan = world.plan(vec![thing("a").set("label", "y")]).await;
    assert_eq!(actions(&plan), ["a: delete deposed"]);
    assert!(world.apply(plan).await.succeeded());
    world.settled(desired(vec![thing("a").set("label", "y")])).await;
    assert_eq!(world.cloud.objects(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_resource_deletes_its_superseded_objects_too() {
    let world = World::new();
    world.run(vec![thing("a").set("label", "x")]).await;
    world.cloud.fault("delete a", Fault::Fails(Disposition::Denied));
    let plan = world.plan(vec![thing("a").set("label", "y")]).await;
    world.apply(plan).await;
    let plan = world.plan(vec![]).await;
    assert_eq!(actions(&plan), ["a: delete deposed", "a: delete"]);
    assert!(world.apply(plan).await.succeeded());
    assert_eq!(world.cloud.objects(), [] as [&str; 0]);
    assert!(world.snapshot().await.resources.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_superseded_object_stays_while_something_left_out_may_stand_on_it() {
    let world = World::new();
    world.run(chain("x")).await;
    let only_a = PlanOptions {
        targets: vec!["a".into()],
        ..PlanOptions::default()
    };
    let plan = world.try_plan(desired(chain("y")), &only_a).await.unwrap();
    let report = world.apply(plan).await;
    assert!(report.failures.is_empty(), "{report:?}");
    assert_eq!(world.cloud.objects(), ["a", "a", "b", "c"]);
    world.run(chain("y")).await;
    assert_eq!(world.cloud.objects(), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_create_after_the_delete_is_made_up_for_by_the_next_run() {
    let world = World::new();
    let stack = |label: &str| vec![declare("a", "fake:test:Single").set("label", label)];
    world.run(stack("x")).await;
    world.cloud.fault("create a", Fault::Fails(Disposition::Quota));
    let plan = world.plan(stack("y")).await;
    let report = world.apply(plan).await;
    assert_eq!(report.summary.failed, 1);
    assert_eq!(world.cloud.objects(), [] as [&str; 0]);
    world.agrees_with_cloud().await;
    world.run(stack("y")).await;
}

#[tokio::test(start_paused = true)]
async fn replacing_can_be_asked_for() {
    let world = World::new();
    world.run(chain("x")).await;
    world.cloud.effects();
    let options = PlanOptions {
        replace: vec!["b".into()],
        ..PlanOptions::default()
    };
    let plan = world.try_plan(desired(chain("x")), &options).await.unwrap();
    assert_eq!(actions(&plan), ["b: replace", "c: update"]);
    assert_eq!(plan.steps.get(1).unwrap().reasons, ["asked for with `--replace`"]);
    assert!(world.apply(plan).await.succeeded());
    assert_eq!(world.cloud.effects(), ["create b", "update c", "delete b"]);
}

#[tokio::test(start_paused = true)]
async fn dependencies_that_turn_round_do_not_deadlock() {
    let world = World::new();
    world
        .run(vec![
            thing("a").set("label", "x"),
            thing("b").set("label", "x").set("link", reference("a.arn")),
        ])
        .await;
    let turned = || {
        vec![
            thing("a").set("label", "y").set("link", reference("b.arn")),
            thing("b").set("label", "y"),
        ]
    };
    let plan = world.plan(turned()).await;
    let report = world.engine().apply(plan, StopSignal::never()).await.unwrap();
    assert!(report.succeeded(), "{report:?}");
    world.settled(desired(turned())).await;
}

#[tokio::test(start_paused = true)]
async fn a_superseded_object_stays_while_what_stands_on_it_could_not_move_on() {
    let world = World::new();
    world.run(chain("x")).await;
    world.cloud.fault("update c", Fault::Fails(Disposition::Denied));
    let plan = world.plan(chain("y")).await;
    let report = world.apply(plan).await;
    // Deleting the old b is not even tried.
    assert_eq!(report.failures.len(), 1, "{report:?}");
    assert_eq!(world.cloud.objects(), ["a", "a", "b", "b", "c"]);
    world.run(chain("y")).await;
    assert_eq!(world.cloud.objects(), ["a", "b", "c"]);
}
