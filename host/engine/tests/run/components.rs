//! Components, modules, references through them, and what can be wrong with what is declared.

use konductor_engine::{Desired, ModuleDeclaration, PlanOptions};
use konductor_model::{Path, Reference, ResourceOptions, Value};

use crate::cloud::reference;
use crate::world::*;

#[tokio::test(start_paused = true)]
async fn a_component_becomes_its_children_and_its_outputs_lead_to_them() {
    let world = World::new();
    let stack = || {
        vec![
            thing("base"),
            declare("pair", "fake:test:Pair")
                .set("label", "x")
                .set("link", reference("base.arn"))
                .option(|o| o.depends_on = vec!["first".into()]),
            thing("user").set("link", reference("pair.arn")),
            thing("last").option(|o| o.depends_on = vec!["pair".into()]),
            thing("inside")
                .set("label", reference("pair.label"))
                .option(|o| o.parent = Some("pair".into())),
            thing("element").set("link", reference("pair.all[1]")),
            thing("first"),
        ]
    };
    world.run(stack()).await;
    let effects = world.cloud.effects();
    let at = |name: &str| {
        effects
            .iter()
            .position(|effect| effect == &format!("create {name}"))
            .unwrap()
    };
    assert!(at("base") < at("pair/front") && at("first") < at("pair/front") && at("first") < at("inside"));
    assert!(at("pair/back") < at("user") && at("inside") < at("last"));
    let snapshot = world.snapshot().await;
    let record = |name: &str| {
        snapshot
            .resources
            .values()
            .find(|record| record.urn.name().as_str() == name)
            .unwrap()
    };
    assert_eq!(
        record("pair/back").parent.as_ref().unwrap().name().as_str(),
        "pair"
    );
    assert_eq!(record("inside").inputs.attribute("label"), Some(&"x".into()));
    let arn = record("pair/back")
        .object
        .as_ref()
        .unwrap()
        .attributes
        .attribute("arn")
        .cloned();
    assert_eq!(record("pair").outputs.attribute("arn"), arn.as_ref());
    assert_eq!(record("element").inputs.attribute("link"), arn.as_ref());
}

#[tokio::test(start_paused = true)]
async fn children_inherit_protection() {
    let world = World::new();
    world
        .run(vec![
            declare("pair", "fake:test:Pair").option(|o| o.protect = true),
        ])
        .await;
    let errors = world.errors(vec![]).await;
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn modules_are_constructed_and_deployed_in_their_order() {
    let world = World::new();
    let module = |namespace: &str| ModuleDeclaration {
        namespace: namespace.into(),
        plugin: "fake".into(),
        inputs: Value::from([("label", namespace)]),
        options: ResourceOptions::default(),
        origin: None,
    };
    let stack = Desired {
        modules: vec![module("second"), module("first")],
        ..desired(vec![thing("user").set("link", reference("second.arn"))])
    };
    world.run_desired(stack).await;
    let effects = world.cloud.effects();
    assert_eq!(
        effects,
        [
            "create first/pair/front",
            "create first/pair/back",
            "create second/pair/front",
            "create second/pair/back",
            "create user"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn everything_wrong_is_said_at_once_with_both_places() {
    let world = World::new();
    let errors = world
        .errors(vec![
            thing("web"),
            thing("web"),
            declare("odd", "fake:test:Thign"),
            declare("other", "fkae:test:Thing"),
            thing("lost").set("link", reference("wbe.arn")),
            thing("waits").option(|o| o.depends_on = vec!["wob".into()]),
            thing("child").option(|o| o.parent = Some("web".into())),
            declare("pair", "fake:test:Pair"),
            thing("both").option(|o| {
                o.parent = Some("pair".into());
                o.depends_on = vec!["pair".into()];
            }),
            thing("output").set("link", reference("pair.anr")),
            declare("endless", "fake:test:Endless"),
        ])
        .await;
    let text = errors.join("\n");
    for expected in [
        "`web` is declared twice",
        "there is no type `fake:test:Thign`; did you mean `fake:test:Thing`?",
        "there is no plugin `fkae` for the type `fkae:test:Thing`; did you mean `fake`?",
        "names `wbe`, which is not declared; did you mean `web`?",
        "`wob` in `depends_on` is not declared; did you mean `web`?",
        "the parent `web` is not a component",
        "`pair` is both parent and dependency of `both`",
        "the component `pair` has no output `anr`; did you mean `arn`?",
        "components stand more than 16 deep in each other",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
    }
    assert_eq!(errors.len(), 9, "{text}");
    assert!(text.contains("konductor.yaml:"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_named_whole() {
    let world = World::new();
    let errors = world
        .errors(vec![
            thing("a").set("link", reference("b.arn")),
            thing("b").option(|o| o.depends_on = vec!["c".into()]),
            thing("c").set("anchor", reference("a.arn")),
            thing("d").set("link", reference("d.arn")),
        ])
        .await;
    assert!(errors[0].contains("a → b → c → a"), "{errors:?}");
    assert!(errors[1].contains("`d` depends on itself"), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attribute_that_the_type_does_not_have_is_named_before_anything_is_done() {
    let world = World::new();
    let errors = world
        .errors(vec![
            thing("a"),
            thing("b").set("link", reference("a.anr")).set("colour", "red"),
            thing("c").set("link", reference("a.arn")).set("colour", "red"),
        ])
        .await;
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors
            .iter()
            .any(|e| e.contains("`anr`") && e.contains("did you mean `arn`?")),
        "{errors:?}"
    );
    assert!(
        errors
            .iter()
            .any(|e| e.contains("c, colour: `colour` is not an input")),
        "{errors:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn planning_twice_finds_a_provider_that_plans_by_chance() {
    let world = World::new();
    let options = PlanOptions {
        verify_determinism: true,
        ..PlanOptions::default()
    };
    assert!(world.try_plan(desired(vec![thing("a")]), &options).await.is_ok());
    world.cloud.state.lock().unwrap().plan_by_chance = 1;
    let error = world
        .try_plan(desired(vec![thing("a")]), &options)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("answers `plan` differently"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reference_to_a_whole_resource_reads_all_its_attributes() {
    let world = World::new();
    let whole = Value::Reference(Reference {
        resource: "a".into(),
        path: Path::root(),
    });
    let mut stack = desired(vec![thing("a").set("label", "x")]);
    stack.outputs.insert("a".into(), whole.into());
    let report = world.run_desired(stack).await;
    assert_eq!(report.outputs["a"].attribute("label"), Some(&"x".into()));
}
