//! A plugin that answers with objects that are not the resource's own.

use konductor_engine::{PlanOptions, StopSignal};
use konductor_state::Journal;

use crate::cloud::Fault;
use crate::world::*;

#[tokio::test(start_paused = true)]
async fn a_create_that_answers_with_anothers_object_is_refused_and_the_object_stays_where_it_is() {
    let world = World::new();
    world.run(vec![thing("a")]).await;
    world.cloud.fault("create b", Fault::AnswersWith("obj-1".into()));
    let both = || vec![thing("a"), thing("b")];
    let report = world.apply(world.plan(both()).await).await;
    let text = report.failures[0].failure.to_string();
    assert!(
        text.contains("answered for `b` with the object `obj-1`, which `a` manages"),
        "{text}"
    );
    let snapshot = world.snapshot().await;
    assert!(snapshot.interrupted.is_empty());
    assert_eq!(snapshot.resources.len(), 1, "nothing is recorded for b");
    assert_eq!(world.cloud.objects(), ["a"]);
    // With b undeclared again nothing is deleted, and an honest answer is taken.
    assert!(world.plan(vec![thing("a")]).await.is_empty());
    world.run(both()).await;
}

#[tokio::test(start_paused = true)]
async fn two_creates_of_one_run_cannot_have_one_object() {
    let world = World::new();
    for name in ["b", "c"] {
        world
            .cloud
            .fault(&format!("create {name}"), Fault::AnswersWith("obj-1".into()));
    }
    world.run(vec![thing("a")]).await;
    let engine = world.engine();
    // The object is nobody's now, and both claim it.
    let urn = world.snapshot().await.resources.keys().next().unwrap().clone();
    let forgotten = konductor_state::Entry::Forgotten {
        urn,
        reason: "state remove".into(),
    };
    world.log.append(vec![forgotten]).await.unwrap();
    let plan = engine
        .plan(
            desired(vec![thing("b"), thing("c")]),
            &PlanOptions::default(),
            true,
        )
        .await
        .unwrap();
    let report = engine.apply(plan, StopSignal::never()).await.unwrap();
    assert_eq!(report.failures.len(), 1, "{report:?}");
    assert_eq!(world.snapshot().await.resources.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_answers_with_the_old_object_leaves_the_old_object() {
    let world = World::new();
    world.run(vec![thing("a").set("label", "x")]).await;
    world.cloud.effects();
    world.cloud.fault("create a", Fault::AnswersWith("obj-1".into()));
    let plan = world.plan(vec![thing("a").set("label", "y")]).await;
    let report = world.apply(plan).await;
    let text = report.failures[0].failure.to_string();
    assert!(text.contains("with the old one, `obj-1`"), "{text}");
    assert_eq!(world.cloud.effects(), Vec::<String>::new(), "nothing was deleted");
    let snapshot = world.snapshot().await;
    let record = snapshot.resources.values().next().unwrap();
    assert!(record.deposed.is_empty());
    assert_eq!(record.object.as_ref().unwrap().id, "obj-1");
}

#[tokio::test(start_paused = true)]
async fn what_another_resource_manages_is_not_imported() {
    let world = World::new();
    world.run(vec![thing("a")]).await;
    let import = |o: &mut konductor_model::ResourceOptions| o.import = Some("obj-1".into());
    let errors = world.errors(vec![thing("a"), thing("b").option(import)]).await;
    assert!(
        errors[0].contains("the object `obj-1` is managed already, as `a`"),
        "{errors:?}"
    );
    // Nor what the plan deletes: the object would be gone after it was taken over.
    let errors = world.errors(vec![thing("b").option(import)]).await;
    assert!(errors[0].contains("aliases: [a]"), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn one_object_is_imported_once() {
    let world = World::new();
    world.run(vec![thing("a")]).await;
    let urn = world.snapshot().await.resources.keys().next().unwrap().clone();
    let forgotten = konductor_state::Entry::Forgotten {
        urn,
        reason: "state remove".into(),
    };
    world.log.append(vec![forgotten]).await.unwrap();
    let import = |o: &mut konductor_model::ResourceOptions| o.import = Some("obj-1".into());
    let errors = world
        .errors(vec![thing("b").option(import), thing("c").option(import)])
        .await;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("managed already, as `b`"), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_answers_with_anothers_object_is_refused() {
    let world = World::new();
    world.run(vec![thing("a"), thing("b")]).await;
    world.cloud.fault("read b", Fault::AnswersWith("obj-1".into()));
    let errors = world.errors(vec![thing("a"), thing("b")]).await;
    assert!(errors[0].contains("which `a` manages"), "{errors:?}");
}
