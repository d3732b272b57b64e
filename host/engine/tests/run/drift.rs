//! Drift: what is told, how it is called, and what a repair does and leaves alone.

use std::collections::BTreeSet;

use konductor_engine::drift::{Repair, RepairOptions, SeverityOverride};
use konductor_engine::{DriftOptions, DriftReport, EngineError, StopSignal};
use konductor_model::module::Declaration;
use konductor_model::{Path, Urn, Value};
use konductor_state::drift::{DifferenceKind, DriftSeverity};
use konductor_state::{DriftChecked, Entry};

use crate::cloud::{Fault, Object, reference};
use crate::world::*;

impl World {
    fn outside(&self, name: &str, change: impl FnOnce(&mut Object)) {
        let mut state = self.cloud.state.lock().unwrap();
        let object = state
            .objects
            .values_mut()
            .find(|object| object.name == name)
            .unwrap();
        change(object);
    }

    fn set_outside(&self, name: &str, attribute: &str, value: impl Into<Value>) {
        self.outside(name, |object| {
            object.attributes.insert(attribute.to_owned(), value.into());
        });
    }

    fn delete_outside(&self, name: &str) {
        let mut state = self.cloud.state.lock().unwrap();
        state.objects.retain(|_, object| object.name != name);
    }

    async fn check(&self, declarations: Vec<Declaration>, options: &DriftOptions) -> DriftReport {
        self.engine()
            .check_drift(desired(declarations), options)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn checks(&self) -> Vec<DriftChecked> {
        self.log
            .entries()
            .into_iter()
            .filter_map(|logged| match logged.entry {
                Entry::DriftChecked(checked) => Some(checked),
                _ => None,
            })
            .collect()
    }

    /// Plans the repair of everything that has drifted.
    async fn repair(&self, declarations: Vec<Declaration>) -> Repair {
        let (engine, _) = self.engine_on(self.log.clone());
        let stack = desired(declarations);
        let report = engine
            .check_drift(stack.clone(), &DriftOptions::default())
            .await
            .unwrap();
        let options = RepairOptions {
            resources: report.differences.iter().map(|found| found.urn.clone()).collect(),
            ..RepairOptions::default()
        };
        engine.plan_repair(stack, &report, &options).await.unwrap()
    }

    async fn carry_out(&self, repair: Repair) {
        let report = self
            .engine()
            .apply(repair.plan, StopSignal::never())
            .await
            .unwrap();
        assert!(report.succeeded(), "{report:?}");
    }
}

/// The differences as `name attribute kind: recorded => actual`.
fn told(report: &DriftReport) -> Vec<String> {
    report
        .differences
        .iter()
        .map(|found| {
            let at = found.at.as_ref().map(Path::to_string).unwrap_or_default();
            let shown = |value: &Value| konductor_model::value_json::to_plain_json(value).to_string();
            format!(
                "{} {at} {}: {} => {}",
                found.urn.name(),
                found.kind,
                shown(&found.recorded),
                shown(&found.actual)
            )
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_deployed_and_not_touched_has_no_drift_and_the_check_is_recorded() {
    let world = World::new();
    let stack = || {
        vec![
            thing("a").set("size", 3),
            thing("b").set("link", reference("a.arn")),
        ]
    };
    world.run(stack()).await;
    let before = world.cloud.effects();
    assert_eq!(before.len(), 2);
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!(told(&report), [] as [&str; 0]);
    assert_eq!((report.objects, report.digest()), (2, String::new()));
    assert_eq!(world.cloud.effects(), [] as [&str; 0]);
    let checks = world.checks();
    assert_eq!(
        (checks.len(), checks[0].objects, checks[0].digest.as_str()),
        (1, 2, "")
    );
    world.settled(desired(stack())).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_and_a_deletion_outside_are_told_with_all_three_sides_the_worst_first() {
    let world = World::new();
    let stack = |size: i64| {
        vec![
            thing("a").set("size", size),
            thing("b").set("label", "x"),
            thing("c"),
        ]
    };
    world.run(stack(3)).await;
    world.set_outside("a", "size", 9);
    world.delete_outside("b");
    let report = world.check(stack(4), &DriftOptions::default()).await;
    assert_eq!(
        told(&report),
        [
            "b  deleted outside: null => null",
            "a size changed outside: 3 => 9"
        ]
    );
    let changed = &report.differences[1];
    assert_eq!(
        changed.desired,
        Some(4.into()),
        "what is asked for now is the third side"
    );
    assert!(changed.repairable && !changed.requires_replacement);
    assert_eq!(
        (report.differences[0].severity, changed.severity),
        (DriftSeverity::High, DriftSeverity::Medium)
    );
    assert!(report.has_drift(DriftSeverity::High));
    assert!(!report.has_drift(DriftSeverity::Critical));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_configuration_is_no_drift() {
    let world = World::new();
    world.run(vec![thing("a").set("size", 3)]).await;
    let report = world
        .check(
            vec![thing("a").set("size", 4), thing("new")],
            &DriftOptions::default(),
        )
        .await;
    assert_eq!(told(&report), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_hides_no_drift() {
    let world = World::new();
    let stack = || vec![thing("a").set("size", 3)];
    world.run(stack()).await;
    world.set_outside("a", "size", 9);
    world.set_outside("a", "note", "somebody was here");
    world.engine().refresh(true).await.unwrap();
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!(
        told(&report),
        [
            "a note changed outside: null => \"somebody was here\"",
            "a size changed outside: 3 => 9"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn another_spelling_of_the_same_value_is_normalised_and_no_drift() {
    let world = World::new();
    let stack = || vec![thing("a").set("note", "Hello")];
    world.run(stack()).await;
    world.set_outside("a", "note", "HELLO");
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!(
        told(&report),
        ["a note normalised by the provider: \"Hello\" => \"HELLO\""]
    );
    assert!(!report.has_drift(DriftSeverity::Low));
    assert_eq!(report.digest(), "");
    world.engine().refresh(true).await.unwrap();
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!(
        report.differences[0].kind,
        DifferenceKind::Normalised,
        "also once it is recorded"
    );
    world.set_outside("a", "note", "Goodbye");
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!(report.differences[0].kind, DifferenceKind::ChangedOutside);
}

#[tokio::test(start_paused = true)]
async fn the_order_of_a_computed_set_means_nothing_and_its_elements_do() {
    let world = World::new();
    let stack = || vec![thing("a")];
    world.run(stack()).await;
    world.set_outside("a", "zones", Value::from(vec!["x", "y"]));
    world.engine().refresh(true).await.unwrap();
    world.set_outside("a", "zones", Value::from(vec!["y", "x"]));
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!(report.differences.len(), 1);
    assert_eq!(report.differences[0].kind, DifferenceKind::Normalised);
    world.set_outside("a", "zones", Value::from(vec!["y", "z"]));
    let report = world.check(stack(), &DriftOptions::default()).await;
    let found = &report.differences[0];
    assert_eq!(found.kind, DifferenceKind::ChangedOutside);
    assert!(!found.repairable, "nobody gave it");
    assert_eq!(found.severity, DriftSeverity::Low);
}

#[tokio::test(start_paused = true)]
async fn what_the_options_ignore_is_counted_and_not_told() {
    let world = World::new();
    let stack = || {
        vec![
            thing("a")
                .set("size", 3)
                .option(|o| o.ignore_changes = vec![Path::attribute("size")]),
        ]
    };
    world.run(stack()).await;
    world.set_outside("a", "size", 9);
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!((told(&report).len(), report.ignored), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_digest_follows_the_drift_and_knows_no_secret() {
    let world = World::new();
    let stack = || {
        vec![
            thing("a")
                .set("size", 3)
                .set("password", Value::from("hunter2").into_secret()),
        ]
    };
    world.run(stack()).await;
    let options = DriftOptions::default();
    world.set_outside("a", "size", 4);
    let first = world.check(stack(), &options).await.digest();
    assert_eq!(world.check(stack(), &options).await.digest(), first);
    world.set_outside("a", "size", 5);
    assert_ne!(world.check(stack(), &options).await.digest(), first);
    world.set_outside("a", "size", 3);
    world.set_outside("a", "password", "hunter3");
    let one = world.check(stack(), &options).await;
    assert!(one.differences[0].actual.has_secret());
    assert_eq!(one.differences[0].severity, DriftSeverity::High);
    world.set_outside("a", "password", "hunter4");
    let other = world.check(stack(), &options).await;
    assert_eq!(one.digest(), other.digest());
    let logged = serde_json::to_string(&world.checks()).unwrap();
    assert!(!logged.contains("hunter"), "{logged}");
}

#[tokio::test(start_paused = true)]
async fn only_the_targets_are_read_and_a_wrong_one_is_an_error() {
    let world = World::new();
    let stack = || vec![thing("a").set("size", 3), thing("b").set("size", 3)];
    world.run(stack()).await;
    world.set_outside("a", "size", 4);
    world.set_outside("b", "size", 4);
    let options = DriftOptions {
        targets: vec!["b".into()],
        ..DriftOptions::default()
    };
    let report = world.check(stack(), &options).await;
    assert_eq!(told(&report), ["b size changed outside: 3 => 4"]);
    assert_eq!(report.objects, 1);
    let options = DriftOptions {
        targets: vec!["bb".into()],
        ..DriftOptions::default()
    };
    let error = world.engine().check_drift(desired(stack()), &options).await;
    assert!(
        matches!(&error, Err(EngineError::Invalid(found)) if found.to_string().contains("`bb` names nothing")),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn unmanaged_objects_are_told_page_by_page_only_when_asked_for() {
    let world = World::new();
    let stack = || vec![thing("a"), thing("b")];
    world.run(stack()).await;
    {
        let mut state = world.cloud.state.lock().unwrap();
        for name in ["x", "y", "z"] {
            let object = Object {
                resource_type: "fake:test:Thing".into(),
                name: name.into(),
                token: String::new(),
                attributes: [("size".to_owned(), Value::from(1))].into(),
            };
            state.objects.insert(format!("obj-{name}"), object);
        }
    }
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!(told(&report), [] as [&str; 0]);
    let asked = |types: Vec<String>| DriftOptions {
        unmanaged: Some(types),
        elsewhere: [("fake:test:Thing".to_owned(), "obj-z".to_owned())].into(),
        ..DriftOptions::default()
    };
    for types in [vec![], vec!["fake:test:Thing".into()], vec!["fake:*".into()]] {
        let report = world.check(stack(), &asked(types)).await;
        let ids: Vec<_> = report.differences.iter().map(|found| found.id.as_str()).collect();
        assert_eq!(ids, ["obj-x", "obj-y"]);
        assert!(
            report
                .differences
                .iter()
                .all(|found| found.kind == DifferenceKind::Unmanaged)
        );
    }
    let wrong = world
        .engine()
        .check_drift(desired(stack()), &asked(vec!["fake:test:Nothing".into()]))
        .await;
    assert!(matches!(wrong, Err(EngineError::Invalid(_))), "{wrong:?}");
    world
        .cloud
        .fault("list", Fault::Fails(konductor_model::Disposition::Denied));
    let report = world.check(stack(), &asked(vec!["fake:test:Thing".into()])).await;
    assert!(
        report.warnings.to_string().contains("cannot be listed"),
        "{}",
        report.warnings
    );
}

#[tokio::test(start_paused = true)]
async fn the_configuration_says_how_much_a_difference_matters_before_the_table_does() {
    let world = World::new();
    let stack = || vec![thing("a").set("size", 3)];
    world.run(stack()).await;
    world.set_outside("a", "size", 4);
    let options = DriftOptions {
        severity: SeverityOverride::new(|_, at| {
            (at == Some(&Path::attribute("size"))).then_some(DriftSeverity::Critical)
        }),
        ..DriftOptions::default()
    };
    let report = world.check(stack(), &options).await;
    assert_eq!(report.differences[0].severity, DriftSeverity::Critical);
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_cannot_be_planned_leaves_two_sides_and_a_warning() {
    let world = World::new();
    world.run(vec![thing("a").set("size", 3)]).await;
    world.set_outside("a", "size", 4);
    let wrong = vec![thing("a").set("size", 3), thing("b").set("nonsense", 1)];
    let report = world.check(wrong, &DriftOptions::default()).await;
    assert_eq!(told(&report), ["a size changed outside: 3 => 4"]);
    assert_eq!(report.differences[0].desired, Some(3.into()), "as it is written");
    assert!(
        report.warnings.to_string().contains("nonsense"),
        "{}",
        report.warnings
    );
}

#[tokio::test(start_paused = true)]
async fn a_repair_brings_back_what_was_deployed_and_leaves_what_was_edited() {
    let world = World::new();
    world
        .run(vec![
            thing("a").set("size", 3).set("note", "one"),
            thing("b").set("size", 1),
        ])
        .await;
    world.cloud.effects();
    world.set_outside("a", "size", 9);
    // Edited and not yet deployed: another note, another size of `b`, a new thing.
    let edited = || {
        vec![
            thing("a").set("size", 3).set("note", "two"),
            thing("b").set("size", 2),
            thing("new"),
        ]
    };
    let repair = world.repair(edited()).await;
    assert_eq!(actions(&repair.plan), ["a: update"]);
    world.carry_out(repair).await;
    assert_eq!(world.cloud.effects(), ["update a"]);
    world.outside("a", |object| {
        assert_eq!(object.attributes["size"], 3.into());
        assert_eq!(object.attributes["note"], "one".into());
    });
    let report = world.check(edited(), &DriftOptions::default()).await;
    assert_eq!(told(&report), [] as [&str; 0]);
    let plan = world.plan(edited()).await;
    assert_eq!(
        actions(&plan),
        ["a: update", "b: update", "new: create"],
        "what was edited is still to do"
    );
}

#[tokio::test(start_paused = true)]
async fn what_refers_to_an_object_that_comes_back_follows_it() {
    let world = World::new();
    let stack = || {
        let mut stack = desired(vec![
            thing("a"),
            thing("b").set("link", reference("a.arn")),
            thing("c").set("size", 2),
        ]);
        stack.outputs.insert("arn".into(), reference("a.arn").into());
        stack
    };
    world.run_desired(stack()).await;
    world.cloud.effects();
    world.delete_outside("a");
    world.set_outside("c", "size", 5);
    let report = world
        .engine()
        .check_drift(stack(), &DriftOptions::default())
        .await
        .unwrap();
    let a: Urn = report.differences[0].urn.clone();
    assert_eq!(a.name().as_str(), "a");
    let options = RepairOptions {
        resources: BTreeSet::from([a]),
        ..RepairOptions::default()
    };
    let repair = world
        .engine()
        .plan_repair(stack(), &report, &options)
        .await
        .unwrap();
    assert_eq!(actions(&repair.plan), ["a: create", "b: update"]);
    world.carry_out(repair).await;
    assert_eq!(world.cloud.effects(), ["create a", "update b"]);
    assert_eq!(
        world.snapshot().await.outputs["arn"],
        "arn-4".into(),
        "outputs follow too"
    );
    let report = world
        .engine()
        .check_drift(stack(), &DriftOptions::default())
        .await
        .unwrap();
    assert_eq!(
        told(&report),
        ["c size changed outside: 2 => 5"],
        "what was not to be repaired is still told"
    );
    let snapshot = world.snapshot().await;
    let mut records = snapshot.resources.values();
    let c = records.find(|record| record.urn.name().as_str() == "c").unwrap();
    let size = c.object.as_ref().unwrap().attributes.attribute("size").cloned();
    assert_eq!(size, Some(2.into()), "and its record is as it was");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_declared_any_more_is_not_repaired() {
    let world = World::new();
    world
        .run(vec![thing("a").set("size", 1), thing("b").set("size", 1)])
        .await;
    world.cloud.effects();
    world.delete_outside("a");
    world.set_outside("b", "size", 4);
    let repair = world.repair(vec![thing("b").set("size", 1)]).await;
    assert_eq!(actions(&repair.plan), ["b: update"]);
    assert_eq!(repair.left_out.len(), 1);
    assert_eq!(repair.left_out[0].0.name().as_str(), "a");
    world.carry_out(repair).await;
    assert_eq!(world.cloud.effects(), ["update b"]);
}

#[tokio::test(start_paused = true)]
async fn an_attribute_that_cannot_be_changed_is_repaired_by_replacement() {
    let world = World::new();
    let stack = || {
        vec![
            thing("a").set("label", "x"),
            thing("b").set("link", reference("a.arn")),
        ]
    };
    world.run(stack()).await;
    world.cloud.effects();
    world.set_outside("a", "label", "y");
    let repair = world.repair(stack()).await;
    world.carry_out(repair).await;
    assert_eq!(world.cloud.effects(), ["create a", "update b", "delete a"]);
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!(told(&report), [] as [&str; 0]);
    world.settled(desired(stack())).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_touched_is_left_when_it_refers_to_what_comes_back() {
    let world = World::new();
    let stack = || vec![thing("a"), thing("b").set("link", reference("a.arn"))];
    world.run(stack()).await;
    world.cloud.effects();
    world.delete_outside("a");
    let engine = world.engine();
    let report = engine
        .check_drift(desired(stack()), &DriftOptions::default())
        .await
        .unwrap();
    let snapshot = world.snapshot().await;
    let urn = |name: &str| {
        let found = snapshot.resources.keys().find(|urn| urn.name().as_str() == name);
        found.unwrap().clone()
    };
    let options = RepairOptions {
        resources: BTreeSet::from([urn("a")]),
        untouchable: BTreeSet::from([urn("b")]),
        ..RepairOptions::default()
    };
    let repair = engine
        .plan_repair(desired(stack()), &report, &options)
        .await
        .unwrap();
    assert_eq!(actions(&repair.plan), ["a: create"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_refuses_to_bring_back_is_told_with_its_reason_and_left_out_of_a_repair() {
    let world = World::new();
    let stack = || vec![thing("a").set("size", 3), thing("b").set("size", 3)];
    world.run(stack()).await;
    world.cloud.effects();
    world.set_outside("a", "size", 1000);
    world.set_outside("b", "size", 5);
    let report = world.check(stack(), &DriftOptions::default()).await;
    let found = &report.differences[0];
    assert_eq!(
        (found.kind, found.repairable),
        (DifferenceKind::ChangedOutside, false)
    );
    assert_eq!(found.obstacle.as_deref(), Some("it cannot shrink"));
    assert_eq!(found.desired, Some(3.into()));
    let repair = world.repair(stack()).await;
    assert_eq!(actions(&repair.plan), ["b: update"]);
    world.engine().refresh(true).await.unwrap();
    let report = world.check(stack(), &DriftOptions::default()).await;
    assert_eq!(
        report.differences[0].obstacle.as_deref(),
        Some("it cannot shrink"),
        "also once it is recorded"
    );
}
