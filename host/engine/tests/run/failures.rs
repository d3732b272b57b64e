//! What goes wrong in the cloud, and providers that do not keep their word.

use konductor_engine::{StopHandle, StopSignal};
use konductor_model::Disposition;

use crate::cloud::{Fault, reference};
use crate::world::*;

#[tokio::test(start_paused = true)]
async fn a_failure_stops_what_depends_on_it_and_nothing_else() {
    let world = World::new();
    let stack = || {
        vec![
            thing("a"),
            thing("b").set("link", reference("a.arn")),
            thing("c").set("link", reference("b.arn")),
            thing("d"),
        ]
    };
    world.cloud.fault("create a", Fault::Fails(Disposition::Denied));
    let plan = world.plan(stack()).await;
    let report = world.apply(plan).await;
    assert_eq!(world.cloud.objects(), ["d"]);
    assert_eq!(report.failures[0].failure.disposition, Disposition::Denied);
    let skipped: Vec<&str> = report
        .skipped
        .iter()
        .map(|(urn, _)| urn.name().as_str())
        .collect();
    assert_eq!(skipped, ["b", "c"]);
    assert!(report.skipped[0].1.contains("`a`"));
    world.run(stack()).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_succeed_later_is_tried_again_a_bounded_number_of_times() {
    let world = World::new();
    for disposition in [Disposition::Throttled, Disposition::Unavailable] {
        world.cloud.fault("create a", Fault::Fails(disposition));
    }
    world.run(vec![thing("a")]).await;
    for _ in 0..3 {
        world.cloud.fault("delete a", Fault::Fails(Disposition::Conflict));
    }
    let plan = world.plan(vec![]).await;
    let report = world.apply(plan).await;
    assert_eq!(report.failures[0].failure.disposition, Disposition::Conflict);
    assert_eq!(world.cloud.objects(), ["a"]);
    world.run(vec![]).await;
    assert_eq!(world.cloud.objects(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn half_an_object_is_recorded_and_replaced() {
    let world = World::new();
    world.cloud.fault("create a", Fault::Partial);
    let plan = world.plan(vec![thing("a")]).await;
    let report = world.apply(plan).await;
    assert_eq!(report.summary.failed, 1);
    world.agrees_with_cloud().await;
    let plan = world.plan(vec![thing("a")]).await;
    assert_eq!(actions(&plan), ["a: replace"]);
    assert!(plan.steps.get(0).unwrap().reasons[0].contains("only half of it"));
    world.run(vec![thing("a")]).await;
    assert_eq!(world.cloud.objects(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn half_a_change_is_recorded_and_planned_again() {
    let world = World::new();
    world.run(vec![thing("a")]).await;
    world.cloud.fault("update a", Fault::Partial);
    let plan = world.plan(vec![thing("a").set("size", 2)]).await;
    assert_eq!(world.apply(plan).await.summary.failed, 1);
    world.agrees_with_cloud().await;
    world.run(vec![thing("a").set("size", 2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_contradicts_an_input_is_refused() {
    let world = World::new();
    world.cloud.state.lock().unwrap().plan_lies = true;
    let errors = world.errors(vec![thing("a").set("label", "x")]).await;
    assert!(
        errors[0].contains("a, label: the plugin `fake` plans another value"),
        "{errors:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_result_that_contradicts_the_plan_is_named_and_the_object_is_not_lost() {
    for (fault, place) in [(Fault::Lies, "label"), (Fault::Vague, "arn")] {
        let world = World::new();
        world.cloud.fault("create a", fault);
        let plan = world.plan(vec![thing("a").set("label", "x")]).await;
        let report = world.apply(plan).await;
        let failure = &report.failures[0].failure;
        assert_eq!(failure.disposition, Disposition::Plugin);
        for word in ["`fake`", "`a`", place] {
            assert!(failure.message.contains(word), "{failure}");
        }
        let snapshot = world.snapshot().await;
        let record = snapshot.resources.values().next().unwrap();
        assert_eq!(record.object.as_ref().unwrap().id, "obj-1");
        world.run(vec![thing("a").set("label", "x")]).await;
        assert_eq!(world.cloud.objects(), ["a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_stop_finishes_what_is_in_flight_and_the_second_drops_it() {
    let stack = || vec![thing("a"), thing("b").set("link", reference("a.arn"))];
    let world = World::new();
    world.cloud.fault("create a", Fault::Slow(2));
    let (handle, signal) = StopHandle::new();
    let plan = world.plan(stack()).await;
    let engine = world.engine();
    let apply = engine.apply(plan, signal);
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        handle.escalate();
    };
    let (report, ()) = tokio::join!(apply, stop);
    let report = report.unwrap();
    assert!(
        report.stopped && report.summary.created == 1 && report.summary.skipped == 1,
        "{report:?}"
    );
    world.agrees_with_cloud().await;

    let world = World::new();
    world.cloud.fault("create a", Fault::Slow(1000));
    let (handle, signal) = StopHandle::new();
    let plan = world.plan(stack()).await;
    let engine = world.engine();
    let apply = engine.apply(plan, signal);
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        handle.escalate();
        handle.escalate();
    };
    let (report, ()) = tokio::join!(apply, stop);
    assert!(report.unwrap().stopped);
    assert_eq!(world.snapshot().await.interrupted.len(), 1);
    assert_eq!(world.cloud.objects(), ["a"]);
    let refused = world
        .engine()
        .plan(desired(stack()), &Default::default(), true)
        .await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("operations of an earlier run are open")
    );
    world.cloud.state.lock().unwrap().long.get_mut("obj-1").unwrap().0 = 1;
    world.run(stack()).await;
    assert_eq!(world.cloud.objects(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_is_not_known_is_left_open_and_settled_by_the_next_run() {
    for disposition in [Disposition::Unavailable, Disposition::Plugin] {
        let world = World::new();
        for _ in 0..3 {
            world.cloud.fault("create a", Fault::FailsAfterwards(disposition));
        }
        let plan = world.plan(vec![thing("a")]).await;
        let report = world.apply(plan).await;
        assert!(report.failures[0].open && report.summary.open == 1, "{report:?}");
        assert_eq!(
            world.engine().recover(StopSignal::never()).await.is_err(),
            disposition == Disposition::Plugin
        );
        if disposition == Disposition::Plugin {
            world.engine().recover(StopSignal::never()).await.unwrap_err();
        }
        world.run(vec![thing("a")]).await;
        assert_eq!(world.cloud.objects(), ["a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_to_be_tried_again_holds_no_place_and_so_no_instance() {
    let mut world = World::new();
    // One call of a provider at a time, which is one instance of a plugin.
    world.parallelism = 1;
    for _ in 0..2 {
        world
            .cloud
            .fault("create a", Fault::Fails(Disposition::Throttled));
    }
    let stack = || {
        (0..20)
            .map(|n| thing(&format!("n{n}")))
            .chain([thing("a")])
            .collect::<Vec<_>>()
    };
    world.run(stack()).await;
    let effects = world.cloud.effects();
    assert_eq!(effects.len(), 21);
    assert_eq!(
        effects.last().map(String::as_str),
        Some("create a"),
        "the others are made while it waits"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_create_that_the_cloud_refused_in_the_end_is_over_and_any_other_failure_leaves_it_open() {
    for (disposition, is_over) in [
        (Disposition::Quota, true),
        (Disposition::Invalid, true),
        (Disposition::AlreadyExists, true),
        (Disposition::Other, false),
        (Disposition::Denied, false),
        (Disposition::Plugin, false),
    ] {
        let world = World::new();
        world.cloud.fault("create a", Fault::Slow(3));
        world.cloud.fault("poll a", Fault::Fails(disposition));
        let plan = world.plan(vec![thing("a")]).await;
        assert!(!world.apply(plan).await.succeeded());
        let snapshot = world.snapshot().await;
        assert_eq!(snapshot.interrupted.is_empty(), is_over, "{disposition}");
    }
}
