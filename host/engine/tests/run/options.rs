//! Every resource option.

use konductor_engine::{PlanOptions, StepAction};
use konductor_model::{Path, Value};

use crate::cloud::reference;
use crate::world::*;

#[tokio::test(start_paused = true)]
async fn ignored_changes_are_not_acted_on_even_when_somebody_else_makes_them() {
    let world = World::new();
    let stack = |size: i64| {
        vec![
            thing("a")
                .set("size", size)
                .option(|o| o.ignore_changes = vec![Path::attribute("size")]),
        ]
    };
    world.run(stack(1)).await;
    assert!(world.plan(stack(2)).await.is_empty());
    {
        let mut state = world.cloud.state.lock().unwrap();
        state
            .objects
            .get_mut("obj-1")
            .unwrap()
            .attributes
            .insert("size".into(), 7.into());
    }
    let plan = world.plan(stack(2)).await;
    assert!(plan.is_empty(), "{:?}", actions(&plan));
    assert_eq!(plan.drift.len(), 1);
    assert!(world.apply(plan).await.succeeded());
    world.settled(desired(stack(2))).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_can_be_made_to_mean_replacement() {
    let world = World::new();
    let stack = |size: i64| {
        vec![
            thing("a")
                .set("size", size)
                .option(|o| o.replace_on_changes = vec![Path::attribute("size")]),
        ]
    };
    world.run(stack(1)).await;
    assert_eq!(actions(&world.plan(stack(2)).await), ["a: replace"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_protected_is_neither_replaced_nor_deleted() {
    let world = World::new();
    let stack = |label: &str, protect| vec![thing("a").set("label", label).option(|o| o.protect = protect)];
    world.run(stack("x", true)).await;
    let errors = world.errors(stack("y", true)).await;
    assert!(
        errors[0].contains("`a` is protected and would be replaced"),
        "{errors:?}"
    );
    assert!(errors[0].contains("because of: label"), "{errors:?}");
    let errors = world.errors(vec![]).await;
    assert!(
        errors[0].contains("`a` is protected and would be deleted"),
        "{errors:?}"
    );
    let destroy = world
        .engine()
        .plan_destroy("shop", "dev", &PlanOptions::default(), true)
        .await;
    assert!(destroy.unwrap_err().to_string().contains("is protected"));
    world.run(stack("y", false)).await;
    world.run(vec![]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_retained_is_forgotten_and_left_alone() {
    let world = World::new();
    let stack = |label: &str| {
        vec![
            thing("a")
                .set("label", label)
                .option(|o| o.retain_on_delete = true),
        ]
    };
    world.run(stack("x")).await;
    let plan = world.plan(stack("y")).await;
    assert!(world.apply(plan).await.succeeded());
    assert_eq!(
        world.cloud.objects(),
        ["a", "a"],
        "a replaced object is retained too"
    );
    let plan = world.plan(vec![]).await;
    assert_eq!(actions(&plan), ["a: forget (retain on delete)"]);
    assert!(world.apply(plan).await.succeeded());
    assert_eq!(world.cloud.objects(), ["a", "a"]);
    assert!(world.snapshot().await.resources.is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_name_takes_the_object_over() {
    let world = World::new();
    world
        .run(vec![
            thing("old"),
            thing("user").set("link", reference("old.arn")),
        ])
        .await;
    world.cloud.effects();
    let renamed = || {
        vec![
            thing("new").option(|o| o.aliases = vec!["old".into()]),
            thing("user").set("link", reference("new.arn")),
        ]
    };
    let plan = world.plan(renamed()).await;
    assert_eq!(plan.summary().moved, 1);
    assert_eq!(actions(&plan), [] as [&str; 0]);
    assert!(!plan.is_empty());
    world.run(renamed()).await;
    assert_eq!(world.cloud.effects(), [] as [&str; 0]);
    let snapshot = world.snapshot().await;
    let user = snapshot
        .resources
        .values()
        .find(|record| record.urn.name().as_str() == "user")
        .unwrap();
    assert_eq!(user.dependencies[0].name().as_str(), "new");
    // A component takes its children along.
    world.run(vec![declare("one", "fake:test:Pair")]).await;
    world.cloud.effects();
    world
        .run(vec![
            declare("two", "fake:test:Pair").option(|o| o.aliases = vec!["one".into()]),
        ])
        .await;
    assert_eq!(world.cloud.effects(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn two_cannot_take_over_the_same_object() {
    let world = World::new();
    world.run(vec![thing("old")]).await;
    let errors = world
        .errors(vec![
            thing("a").option(|o| o.aliases = vec!["old".into()]),
            thing("b").option(|o| o.aliases = vec!["old".into()]),
        ])
        .await;
    assert!(
        errors[0].contains("`a` and `b` both take over what was `old`"),
        "{errors:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_existing_object_is_taken_over_and_then_changed_in_place() {
    let world = World::new();
    world.run(vec![thing("a").set("size", 4).set("label", "x")]).await;
    let other = World {
        log: Default::default(),
        cloud: world.cloud.clone(),
        ..World::new()
    };
    let other = World {
        cloud: crate::cloud::Cloud {
            log: Some(other.log.clone()),
            ..other.cloud.clone()
        },
        ..other
    };
    world.cloud.effects();
    let import = |size: i64, label: &str| {
        vec![
            thing("mine")
                .set("size", size)
                .set("label", label)
                .option(|o| o.import = Some("obj-1".into())),
            thing("user").set("link", reference("mine.arn")),
        ]
    };
    let errors = other.errors(import(4, "y")).await;
    assert!(
        errors[0].contains("would be replaced as soon as it is imported"),
        "{errors:?}"
    );
    let plan = other.plan(import(5, "x")).await;
    assert_eq!(actions(&plan), ["mine: import obj-1", "user: create"]);
    assert_eq!(plan.steps.get(0).unwrap().changes[0].at, Path::attribute("size"));
    other.run(import(5, "x")).await;
    assert_eq!(
        other.cloud.effects(),
        ["update a", "create user"].map(|s| s.replace("update a", "update mine"))
    );
    let missing = World::new();
    let errors = missing
        .errors(vec![thing("a").option(|o| o.import = Some("obj-9".into()))])
        .await;
    assert!(errors[0].contains("there is no obj-9"), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn secrets_keep_their_marks_though_the_provider_drops_them() {
    let world = World::new();
    let stack = || {
        vec![
            thing("a").set("password", "hunter2"),
            thing("b").set("label", Value::from("hunter2").into_secret()),
            thing("c")
                .set("link", "hunter2")
                .option(|o| o.sensitive = vec![Path::attribute("link")]),
            thing("d").set("link", reference("a.password")),
        ]
    };
    let plan = world.plan(stack()).await;
    assert!(
        !format!("{plan:?}")
            .replace("declared", "")
            .contains(r#""password": "hunter2""#)
    );
    for step in &plan.steps {
        assert!(
            step.changes.iter().any(|change| change.new.has_secret()),
            "{step:?}"
        );
        assert!(step.planned.has_secret() && step.inputs.has_secret());
    }
    world.run(stack()).await;
    for record in world.snapshot().await.resources.values() {
        assert!(record.inputs.has_secret(), "{record:?}");
        assert!(record.object.as_ref().unwrap().attributes.has_secret());
        assert!(!format!("{record:?}").contains("hunter2"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_options_alone_is_recorded_and_touches_nothing() {
    let world = World::new();
    world.run(vec![thing("a"), thing("b")]).await;
    world.cloud.effects();
    let stack = || {
        vec![
            thing("a"),
            thing("b").option(|o| {
                o.depends_on = vec!["a".into()];
                o.protect = true;
            }),
        ]
    };
    let plan = world.plan(stack()).await;
    assert!(plan.is_empty());
    assert!(
        plan.steps
            .iter()
            .any(|step| step.record_changes && step.action == StepAction::None)
    );
    world.run(stack()).await;
    assert_eq!(world.cloud.effects(), [] as [&str; 0]);
    let snapshot = world.snapshot().await;
    let b = snapshot
        .resources
        .values()
        .find(|record| record.urn.name().as_str() == "b")
        .unwrap();
    assert!(b.options.protect && b.dependencies.len() == 1);
}

fn named(name: &str) -> konductor_engine::Name {
    konductor_engine::Name {
        name: name.into(),
        origin: None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_moved_keeps_its_object_and_a_component_takes_its_children_along() {
    let world = World::new();
    world
        .run(vec![
            thing("a").set("label", "x"),
            declare("pair", "fake:test:Pair").set("label", "x"),
        ])
        .await;
    let before = world.cloud.objects();
    let mut renamed = desired(vec![
        thing("b").set("label", "x"),
        declare("couple", "fake:test:Pair").set("label", "x"),
    ]);
    renamed.moved = vec![(named("a"), named("b")), (named("pair"), named("couple"))];
    let plan = world
        .try_plan(renamed.clone(), &PlanOptions::default())
        .await
        .unwrap();
    assert!(actions(&plan).is_empty(), "{:?}", actions(&plan));
    world.run_desired(renamed).await;
    assert_eq!(world.cloud.objects().len(), before.len());
    let snapshot = world.snapshot().await;
    assert!(
        snapshot
            .resources
            .keys()
            .any(|urn| urn.name().as_str() == "couple/front")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_is_forgotten_and_its_object_stays() {
    let world = World::new();
    world
        .run(vec![
            thing("a"),
            declare("pair", "fake:test:Pair").set("label", "x"),
        ])
        .await;
    let before = world.cloud.objects();
    world.cloud.effects();
    let mut gone = desired(vec![]);
    gone.removed = vec![named("a"), named("pair")];
    let plan = world.try_plan(gone, &PlanOptions::default()).await.unwrap();
    assert!(
        actions(&plan).iter().all(|action| action.contains("forget")),
        "{:?}",
        actions(&plan)
    );
    assert!(world.apply(plan).await.succeeded());
    assert_eq!(world.cloud.objects(), before);
    assert!(world.cloud.effects().is_empty());
    assert!(world.snapshot().await.resources.is_empty());
}

#[tokio::test(start_paused = true)]
async fn moves_to_nowhere_and_removals_of_what_is_declared_are_errors() {
    let world = World::new();
    let mut wrong = desired(vec![thing("here")]);
    wrong.moved = vec![(named("old"), named("hree"))];
    wrong.removed = vec![named("here")];
    let Err(error) = world.try_plan(wrong, &PlanOptions::default()).await else {
        panic!("accepted");
    };
    let told = error.to_string();
    assert!(
        told.contains("`old` is moved to `hree`, which is not declared"),
        "{told}"
    );
    assert!(told.contains("`here` is removed and declared"), "{told}");
}
