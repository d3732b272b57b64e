//! Resources with several instances: `count` and `for_each`.

use konductor_engine::{Desired, PlanOptions};
use konductor_model::module::{Declaration, RepeatedDeclaration};
use konductor_model::repetition;
use konductor_model::{Path, PathStep, Reference, Repetition, Value};
use konductor_state::{Entry, Journal as _};

use crate::cloud::reference;
use crate::world::*;

fn repeated(declaration: Declaration, repetition: Repetition) -> RepeatedDeclaration {
    RepeatedDeclaration {
        declaration,
        options: Value::Null,
        repetition,
    }
}

fn keys(keys: &[&str]) -> Repetition {
    Repetition::each(keys.iter().map(|key| ((*key).to_owned(), Value::from(*key))))
}

fn stack(repeated: Vec<RepeatedDeclaration>, single: Vec<Declaration>) -> Desired {
    Desired {
        repeated,
        ..desired(single)
    }
}

/// `${resource[inner].arn}`.
fn of_same(resource: &str, inner: &str) -> Value {
    Value::Reference(Reference {
        resource: resource.into(),
        path: Path::from(vec![
            repetition::step(inner).unwrap(),
            PathStep::Attribute("arn".into()),
        ]),
    })
}

fn of(resource: &str, path: &str) -> Value {
    Value::Reference(Reference {
        resource: resource.into(),
        path: path.parse().unwrap(),
    })
}

#[tokio::test(start_paused = true)]
async fn every_instance_is_made_and_can_be_referred_to_by_itself_or_with_all() {
    let world = World::new();
    let stack = || {
        let mut stack = stack(
            vec![
                repeated(
                    thing("net").set("label", reference("each.key")),
                    keys(&["b", "a"]),
                ),
                repeated(
                    thing("web").set("link", of_same("net", "each.key")),
                    keys(&["a", "b"]),
                ),
                repeated(
                    thing("job").set("size", reference("count.index")),
                    Repetition::Count(3),
                ),
            ],
            vec![
                thing("one").set("link", of("net", r#"["b"].arn"#)),
                thing("other").set("link", of("job", "[2].arn")),
                thing("last").option(|o| o.depends_on = vec!["job".into()]),
            ],
        );
        stack.outputs.insert("nets".into(), of("net", "*.label").into());
        stack.outputs.insert("jobs".into(), of("job", "*.size").into());
        stack
    };
    let report = world.run_desired(stack()).await;
    assert_eq!(report.summary.created, 10);
    assert_eq!(report.outputs["nets"], Value::from([("a", "a"), ("b", "b")]));
    assert_eq!(report.outputs["jobs"], Value::from(vec![0, 1, 2]));
    let effects = world.cloud.effects();
    let at = |name: &str| {
        let wanted = format!("create {name}");
        effects
            .iter()
            .position(|effect| *effect == wanted)
            .unwrap_or_else(|| panic!("{wanted} in {effects:?}"))
    };
    assert!(at("net/a") < at("web/a") && at("net/b") < at("web/b"));
    assert!(at("net/b") < at("one") && at("job/2") < at("other"));
    assert!((0..3).all(|index| at(&format!("job/{index}")) < at("last")));
    let snapshot = world.snapshot().await;
    let attribute = |name: &str, attribute: &str| {
        let record = snapshot
            .resources
            .values()
            .find(|record| record.urn.name().as_str() == name)
            .unwrap();
        record
            .object
            .as_ref()
            .unwrap()
            .attributes
            .attribute(attribute)
            .cloned()
    };
    assert_eq!(attribute("web/b", "link"), attribute("net/b", "arn"));
    assert_eq!(attribute("other", "link"), attribute("job/2", "arn"));
    assert!(attribute("job/2", "arn").is_some());
    let dependencies = snapshot
        .resources
        .values()
        .find(|record| record.urn.name().as_str() == "web/a")
        .unwrap()
        .dependencies
        .len();
    assert_eq!(
        dependencies, 1,
        "an instance waits for the one it names, not for all"
    );
    world.run_desired(stack()).await;
    assert_eq!(world.cloud.effects(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_goes_takes_its_instance_and_no_other() {
    let world = World::new();
    let with = |all: &[&str]| stack(vec![repeated(thing("web"), keys(all))], vec![]);
    world.run_desired(with(&["a", "b", "c"])).await;
    world.cloud.effects();
    let plan = world
        .try_plan(with(&["a", "c", "d"]), &PlanOptions::default())
        .await
        .unwrap();
    assert_eq!(actions(&plan), ["web/d: create", "web/b: delete"]);
    assert_eq!(
        plan.steps.last().unwrap().reasons,
        ["its key is no longer in `for_each` of `web`"]
    );
    assert!(world.apply(plan).await.succeeded());
    world.settled(with(&["a", "c", "d"])).await;
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_gains_or_loses_count_keeps_its_object() {
    let world = World::new();
    let single = || {
        desired(vec![
            thing("web").set("label", "x"),
            thing("user").set("link", reference("web.arn")),
        ])
    };
    let counted = |count| {
        stack(
            vec![repeated(thing("web").set("label", "x"), Repetition::Count(count))],
            vec![thing("user").set("link", of("web", "[0].arn"))],
        )
    };
    world.run_desired(single()).await;
    world.cloud.effects();
    let plan = world.try_plan(counted(2), &PlanOptions::default()).await.unwrap();
    assert_eq!(actions(&plan), ["web/1: create"]);
    let moves: Vec<String> = plan
        .moves
        .iter()
        .map(|(from, to)| format!("{} {}", from.name(), to.name()))
        .collect();
    assert_eq!(moves, ["web web/0"]);
    assert!(world.apply(plan).await.succeeded());
    world.settled(counted(2)).await;
    assert_eq!(world.cloud.effects(), ["create web/1"]);
    world.run_desired(single()).await;
    assert_eq!(world.cloud.effects(), ["delete web/1"]);
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_gains_for_each_is_deleted_only_with_a_word_and_can_be_moved() {
    let world = World::new();
    world.run(vec![thing("web").set("label", "x")]).await;
    world.cloud.effects();
    let each = || {
        stack(
            vec![repeated(thing("web").set("label", "x"), keys(&["a"]))],
            vec![],
        )
    };
    let plan = world.try_plan(each(), &PlanOptions::default()).await.unwrap();
    assert_eq!(actions(&plan), ["web/a: create", "web: delete"]);
    assert_eq!(
        plan.steps.last().unwrap().reasons,
        ["`web` has instances now: `konductor state move web web/KEY` keeps the object as one of them"]
    );
    let from = plan.steps.last().unwrap().urn.clone();
    let to = plan.steps.first().unwrap().urn.clone();
    world.log.append(vec![Entry::Moved { from, to }]).await.unwrap();
    world.run_desired(each()).await;
    assert_eq!(world.cloud.effects(), [] as [&str; 0]);
    // And back again.
    let plan = world.plan(vec![thing("web").set("label", "x")]).await;
    assert_eq!(
        plan.steps.last().unwrap().reasons,
        ["`web` has no instances any more: `konductor state move web/a web` keeps the object"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_reference_to_no_instance_says_which_there_are() {
    let world = World::new();
    let errors = |path: &str, repetition: Repetition| {
        let stack = stack(
            vec![repeated(thing("net"), repetition)],
            vec![thing("web").set("link", of("net", path))],
        );
        let world = &world;
        async move {
            world
                .try_plan(stack, &PlanOptions::default())
                .await
                .unwrap_err()
                .to_string()
        }
    };
    let error = errors(r#"["z"].arn"#, keys(&["a", "b"])).await;
    for said in [
        "konductor.yaml:4:1",
        "there is no `z`",
        "its keys are a, b",
        r#"`${net["a"].arn}`"#,
    ] {
        assert!(error.contains(said), "{said} in {error}");
    }
    let error = errors("arn", keys(&["a"])).await;
    assert!(error.contains("`${net.*.arn}` are all"), "{error}");
    let error = errors("[3].arn", Repetition::Count(3)).await;
    assert!(error.contains("its instances are 0 to 2"), "{error}");
    let error = errors("[0].arn", Repetition::Count(0)).await;
    assert!(error.contains("it has no instances"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn one_mistake_in_many_instances_is_told_a_few_times() {
    let world = World::new();
    let stack = stack(
        vec![repeated(
            thing("web").set("link", reference("nett.arn")),
            Repetition::Count(1_000),
        )],
        vec![],
    );
    let error = world.try_plan(stack, &PlanOptions::default()).await.unwrap_err();
    assert_eq!(
        error.to_string().matches("which is not declared").count(),
        5,
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_stands_for_all_instances_in_targets_and_dependencies() {
    let world = World::new();
    let all = || {
        stack(
            vec![repeated(thing("web"), keys(&["a", "b"]))],
            vec![thing("other")],
        )
    };
    let only = |targets: &[&str], excludes: &[&str], replace: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        PlanOptions {
            targets: owned(targets),
            excludes: owned(excludes),
            replace: owned(replace),
            ..PlanOptions::default()
        }
    };
    let planned = |options: PlanOptions| {
        let world = &world;
        async move { actions(&world.try_plan(all(), &options).await.unwrap()) }
    };
    assert_eq!(
        planned(only(&["web"], &[], &[])).await,
        ["web/a: create", "web/b: create"]
    );
    assert_eq!(planned(only(&["web/b"], &[], &[])).await, ["web/b: create"]);
    assert_eq!(planned(only(&[], &["web"], &[])).await, ["other: create"]);
    world.run_desired(all()).await;
    assert_eq!(
        planned(only(&[], &[], &["web"])).await,
        ["web/a: replace", "web/b: replace"]
    );
    assert_eq!(planned(only(&[], &[], &["web/a"])).await, ["web/a: replace"]);
}

#[tokio::test(start_paused = true)]
async fn a_component_can_have_instances_and_options_of_each() {
    let world = World::new();
    world.run(vec![thing("old-a"), thing("old-b")]).await;
    world.cloud.effects();
    let stack = || {
        let mut renamed = repeated(thing("new"), keys(&["a", "b"]));
        renamed.options = Value::from([(
            "aliases",
            Value::from(vec![konductor_model::interpolation::join(vec![
                "old-".into(),
                reference("each.key"),
            ])]),
        )]);
        stack(
            vec![
                renamed,
                repeated(
                    declare("pair", "fake:test:Pair").set("label", reference("each.key")),
                    keys(&["x", "y"]),
                ),
            ],
            vec![thing("user").set("label", of("pair", r#"["y"].label"#))],
        )
    };
    world.run_desired(stack()).await;
    let effects = world.cloud.effects();
    assert!(
        effects.iter().any(|effect| effect == "create pair/y/back"),
        "{effects:?}"
    );
    assert!(
        !effects.iter().any(|effect| effect.contains("new/")),
        "{effects:?}"
    );
    let user = world.snapshot().await;
    let user = user
        .resources
        .values()
        .find(|record| record.urn.name().as_str() == "user")
        .unwrap();
    assert_eq!(user.inputs.attribute("label"), Some(&"y".into()));
}

#[tokio::test(start_paused = true)]
async fn a_name_is_declared_once_with_or_without_instances() {
    let world = World::new();
    let twice = stack(vec![repeated(thing("web"), keys(&["a"]))], vec![thing("web")]);
    let error = world.try_plan(twice, &PlanOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("`web` is declared twice"), "{error}");
}
