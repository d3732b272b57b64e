//! Whole runs: order, outputs, targets, saved plans, refresh, destroy, import.

use konductor_engine::{EngineError, Event, Plan, PlanOptions, StopSignal};
use konductor_model::{Path, Value};

use crate::cloud::{Fault, reference};
use crate::world::*;

#[tokio::test(start_paused = true)]
async fn what_is_declared_exists_in_order_and_a_second_run_does_nothing() {
    let world = World::new();
    let stack = || {
        vec![
            thing("c").set("link", reference("b.arn")),
            thing("b").set("anchor", reference("a.arn")).set("size", 3),
            thing("a").set("label", "x"),
            thing("d").option(|o| o.depends_on = vec!["c".into()]),
        ]
    };
    let report = world.run(stack()).await;
    assert_eq!(report.summary.created, 4);
    assert_eq!(
        world.cloud.effects(),
        ["create a", "create b", "create c", "create d"]
    );
    world.run(stack()).await;
    assert_eq!(world.cloud.effects(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn outputs_and_joins_get_the_values_of_what_was_made() {
    let world = World::new();
    let mut stack = desired(vec![
        thing("a"),
        thing("b").set(
            "link",
            konductor_model::interpolation::join(vec!["see ".into(), reference("a.generation")]),
        ),
    ]);
    stack.outputs.insert("arn".into(), reference("a.arn").into());
    stack.outputs.insert("id".into(), reference("a.id").into());
    stack.outputs.insert("link".into(), reference("b.link").into());
    let plan = world
        .try_plan(stack.clone(), &PlanOptions::default())
        .await
        .unwrap();
    assert_eq!(plan.output_changes.len(), 3);
    assert_eq!(plan.output_changes[0].new, Some(Value::Unknown));
    let report = world.run_desired(stack.clone()).await;
    assert_eq!(report.outputs["arn"], "arn-1".into());
    assert_eq!(report.outputs["id"], "obj-1".into());
    assert_eq!(report.outputs["link"], "see 1".into());
    stack.outputs.remove("arn");
    let report = world.run_desired(stack).await;
    assert_eq!(report.outputs.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_declared_goes_dependents_first() {
    let world = World::new();
    world
        .run(vec![
            thing("a"),
            thing("b").set("anchor", reference("a.arn")),
            thing("c").set("link", reference("b.arn")),
        ])
        .await;
    world.cloud.effects();
    world.run(vec![thing("c")]).await;
    assert_eq!(world.cloud.effects(), ["update c", "delete b", "delete a"]);
}

#[tokio::test(start_paused = true)]
async fn a_target_brings_what_it_needs_and_nothing_else() {
    let world = World::new();
    let stack = || {
        desired(vec![
            thing("a"),
            thing("b").set("link", reference("a.arn")),
            thing("c").set("link", reference("b.arn")),
            thing("d"),
        ])
    };
    let only = |targets: &[&str], excludes: &[&str]| PlanOptions {
        targets: targets.iter().map(|name| (*name).to_owned()).collect(),
        excludes: excludes.iter().map(|name| (*name).to_owned()).collect(),
        ..PlanOptions::default()
    };
    let plan = world.try_plan(stack(), &only(&["b"], &[])).await.unwrap();
    assert_eq!(actions(&plan), ["a: create", "b: create"]);
    let plan = world.try_plan(stack(), &only(&[], &["b"])).await.unwrap();
    assert_eq!(actions(&plan), ["a: create", "d: create"]);
    let error = world.try_plan(stack(), &only(&["bb"], &[])).await.unwrap_err();
    assert!(
        error.to_string().contains("`--target bb` names nothing"),
        "{error}"
    );
    world.run_desired(stack()).await;
    world.cloud.effects();

    // Nothing is declared any more: deleting b takes c along, and leaves a and d.
    let plan = world.try_plan(desired(vec![]), &only(&["b"], &[])).await.unwrap();
    assert_eq!(actions(&plan), ["c: delete", "b: delete"]);
    assert!(world.apply(plan).await.succeeded());
    // Keeping d out of it.
    let plan = world.try_plan(desired(vec![]), &only(&[], &["d"])).await.unwrap();
    assert_eq!(actions(&plan), ["a: delete"]);
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_is_what_was_planned_and_is_refused_when_the_state_has_moved() {
    let world = World::new();
    let plan = world
        .plan(vec![
            thing("a"),
            thing("b")
                .set("link", reference("a.arn"))
                .set("password", Value::from("s").into_secret()),
        ])
        .await;
    let saved = serde_json::to_string(&plan).unwrap();
    let read: Plan = serde_json::from_str(&saved).unwrap();
    assert_eq!(read, plan);
    // Audit entries move the log, not the state.
    let finished = konductor_state::entry::RunFinished {
        run: "r".into(),
        result: "succeeded".into(),
        operations: Default::default(),
    };
    world
        .log
        .append_now(vec![konductor_state::Entry::RunFinished(finished)])
        .unwrap();
    assert!(world.apply(read.clone()).await.succeeded());
    let refused = world.engine().apply(read, StopSignal::never()).await.unwrap_err();
    assert!(matches!(refused, EngineError::StateMoved { .. }), "{refused}");
    assert_eq!(world.cloud.objects(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn drift_is_seen_in_batches_and_repaired() {
    let world = World::new();
    let stack = || {
        (0..250)
            .map(|n| thing(&format!("t{n}")).set("size", 5))
            .collect::<Vec<_>>()
    };
    world.run(stack()).await;
    {
        let mut state = world.cloud.state.lock().unwrap();
        state.reads.clear();
        state
            .objects
            .get_mut("obj-1")
            .unwrap()
            .attributes
            .insert("size".into(), 9.into());
        state.objects.remove("obj-2");
    }
    let serial = world.snapshot().await.serial;
    let drift = world.engine().refresh(false).await.unwrap();
    assert_eq!(world.cloud.state.lock().unwrap().reads, [100, 100, 50]);
    assert_eq!(
        world.snapshot().await.serial,
        serial,
        "a refresh that is not to record writes nothing"
    );
    assert_eq!(drift.len(), 2);
    let changed = drift.iter().find(|drift| drift.object.is_some()).unwrap();
    assert_eq!(changed.changes[0].at, Path::attribute("size"));
    assert_eq!(
        (&changed.changes[0].old, &changed.changes[0].new),
        (&5.into(), &9.into())
    );
    let plan = world.plan(stack()).await;
    assert_eq!(plan.summary().update, 1);
    assert_eq!(plan.summary().create, 1);
    assert!(world.apply(plan).await.succeeded());
    world.settled(desired(stack())).await;

    world.cloud.state.lock().unwrap().objects.remove("obj-3");
    world.engine().refresh(true).await.unwrap();
    assert!(
        world
            .snapshot()
            .await
            .resources
            .values()
            .any(|record| record.object.is_none())
    );
    world.run(stack()).await;
}

#[tokio::test(start_paused = true)]
async fn destroy_leaves_nothing() {
    let world = World::new();
    let mut stack = desired(vec![
        thing("a"),
        thing("b").set("anchor", reference("a.arn")),
        declare("pair", "fake:test:Pair").set("link", reference("b.arn")),
    ]);
    stack.outputs.insert("arn".into(), reference("pair.arn").into());
    world.run_desired(stack).await;
    world.cloud.effects();
    let plan = world
        .engine()
        .plan_destroy("shop", "dev", &PlanOptions::default(), true)
        .await
        .unwrap();
    assert!(world.apply(plan).await.succeeded());
    assert_eq!(
        world.cloud.effects(),
        ["delete pair/back", "delete pair/front", "delete b", "delete a"]
    );
    let snapshot = world.snapshot().await;
    assert!(snapshot.resources.is_empty() && snapshot.outputs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_already_counts_as_deleted() {
    let world = World::new();
    world.run(vec![thing("a")]).await;
    let plan = world
        .engine()
        .plan(desired(vec![]), &PlanOptions::default(), false)
        .await
        .unwrap();
    world.cloud.state.lock().unwrap().objects.clear();
    assert!(world.apply(plan).await.succeeded());
    assert!(world.snapshot().await.resources.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_long_operation_is_polled_and_shown() {
    let world = World::new();
    world.cloud.fault("create a", Fault::Slow(3));
    let plan = world.plan(vec![thing("a")]).await;
    let (engine, mut events) = world.engine_on(world.log.clone());
    let start = tokio::time::Instant::now();
    assert!(engine.apply(plan, StopSignal::never()).await.unwrap().succeeded());
    assert_eq!(start.elapsed().as_secs(), 15);
    drop(engine);
    let mut messages = Vec::new();
    while let Some(event) = events.recv().await {
        if let Event::OperationProgress { message, .. } = event {
            messages.push(message);
        }
    }
    assert_eq!(messages, ["pending", "2 to go", "1 to go"]);
    world.settled(desired(vec![thing("a")])).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_of_an_older_schema_is_rewritten_before_anything_else() {
    let world = World::new();
    world.run(vec![thing("a").set("label", "x")]).await;
    let mut record = world.snapshot().await.resources.into_values().next().unwrap();
    let object = record.object.as_mut().unwrap();
    object.schema_version = 0;
    object.attributes.remove(&Path::attribute("label"));
    object.attributes.put(&Path::attribute("old_label"), "x".into());
    world
        .log
        .append_now(vec![konductor_state::Entry::Recorded {
            record: Box::new(record),
            reason: "refresh".into(),
        }])
        .unwrap();
    for refresh in [false, true] {
        let plan = world
            .engine()
            .plan(
                desired(vec![thing("a").set("label", "x")]),
                &PlanOptions::default(),
                refresh,
            )
            .await
            .unwrap();
        assert!(plan.is_empty());
        if refresh {
            assert!(world.apply(plan).await.succeeded());
        }
    }
    let snapshot = world.snapshot().await;
    let object = snapshot
        .resources
        .values()
        .next()
        .unwrap()
        .object
        .clone()
        .unwrap();
    assert_eq!(object.schema_version, 1);
    world.run(vec![thing("a").set("label", "x")]).await;
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_made_at_a_time_than_allowed_and_waiting_holds_none() {
    let world = World {
        parallelism: 1,
        ..World::new()
    };
    // Each takes two polls of five seconds; one call at a time, all waits side by side.
    let stack = || (0..12).map(|n| thing(&format!("t{n}"))).collect::<Vec<_>>();
    for n in 0..12 {
        world.cloud.fault(&format!("create t{n}"), Fault::Slow(2));
    }
    let start = tokio::time::Instant::now();
    let plan = world.plan(stack()).await;
    assert!(world.apply(plan).await.succeeded());
    assert_eq!(start.elapsed().as_secs(), 10);
}
