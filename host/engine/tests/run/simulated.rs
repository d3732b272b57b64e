//! Rehearsals against the simulated cloud.

use std::collections::BTreeSet;
use std::path::Path as FilePath;
use std::sync::Arc;

use konductor_engine::simulate::{Profile, SimulatedCloud, SimulatedProvider};
use konductor_engine::{Engine, PlanOptions, PluginSet, Settings, Silent, StopSignal};
use konductor_model::Value;
use konductor_state::{Journal as _, MemoryLog};

use crate::cloud::{Cloud, reference};
use crate::world::*;

fn engine(cloud: Arc<SimulatedCloud>, log: Arc<MemoryLog>) -> Engine {
    let plugin = Arc::new(Cloud::new());
    let simulated = Arc::new(SimulatedProvider::new(plugin.clone(), cloud));
    let plugins = PluginSet::default().with(simulated, Some(plugin));
    Engine::new(Arc::new(plugins), log, Arc::new(Silent), Settings::new("run-1"))
}

fn stack(label: &str) -> konductor_engine::Desired {
    desired(vec![
        thing("a").set("label", label).set("password", "hunter2"),
        thing("b").set("anchor", reference("a.arn")),
        declare("pair", "fake:test:Pair").set("link", reference("b.arn")),
        thing("c").set("size", 2).set("link", reference("a.id")),
    ])
}

fn open(path: &FilePath, profile: Profile) -> Arc<SimulatedCloud> {
    Arc::new(SimulatedCloud::open(path, profile, 7, "eu-north-1").unwrap())
}

/// Runs until a run does everything, and returns how many it took.
async fn converge(cloud: &Arc<SimulatedCloud>, log: &Arc<MemoryLog>, label: &str) -> usize {
    for runs in 1..30 {
        let engine = engine(cloud.clone(), log.clone());
        if engine.recover(StopSignal::never()).await.is_err() {
            continue;
        }
        let Ok(plan) = engine.plan(stack(label), &PlanOptions::default(), true).await else {
            continue;
        };
        if engine.apply(plan, StopSignal::never()).await.unwrap().succeeded() {
            return runs;
        }
    }
    panic!("it does not converge");
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_sees_the_same_cloud_in_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloud.jsonl");
    let log = Arc::new(MemoryLog::new());
    converge(&open(&path, Profile::None), &log, "x").await;
    let again = open(&path, Profile::None);
    let plan = engine(again.clone(), log.clone())
        .plan(stack("x"), &PlanOptions::default(), true)
        .await
        .unwrap();
    assert!(
        plan.is_empty() && plan.drift.is_empty(),
        "{:?} {:?}",
        actions(&plan),
        plan.drift
    );
    assert!(
        !std::fs::read_to_string(&path).unwrap().contains("hunter2"),
        "a secret is in the file"
    );
    let a = again
        .objects()
        .into_iter()
        .find(|object| object.name == "a")
        .unwrap();
    let arn = a
        .attributes
        .attribute("arn")
        .and_then(Value::as_text)
        .unwrap()
        .to_owned();
    assert!(arn.starts_with("arn-") && arn.len() == 12, "{arn}");

    // A line that a kill cut off is dropped.
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"put\":{{")).unwrap();
    assert_eq!(open(&path, Profile::None).objects(), again.objects());

    converge(&open(&path, Profile::None), &log, "y").await;
    let names: BTreeSet<String> = open(&path, Profile::None)
        .objects()
        .into_iter()
        .map(|object| object.name)
        .collect();
    assert_eq!(names.len(), 5);
    assert_eq!(open(&path, Profile::None).objects().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_cloud() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let cloud = Arc::new(SimulatedCloud::new(Profile::Realistic, 3, "eu-north-1"));
        assert_eq!(converge(&cloud, &Arc::new(MemoryLog::new()), "x").await, 1);
        let objects = cloud
            .objects()
            .into_iter()
            .map(|object| (object.id, object.attributes));
        seen.push(objects.collect::<Vec<_>>());
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_flaky_cloud_converges_without_orphans_and_duplicates() {
    for seed in 0..24 {
        let cloud = Arc::new(SimulatedCloud::new(Profile::Flaky, seed, "eu-north-1"));
        let log = Arc::new(MemoryLog::new());
        converge(&cloud, &log, "x").await;
        converge(&cloud, &log, "y").await;
        let recorded: BTreeSet<String> = log
            .snapshot()
            .await
            .unwrap()
            .resources
            .into_values()
            .filter_map(|record| Some(record.object?.id))
            .collect();
        let there: BTreeSet<String> = cloud.objects().into_iter().map(|object| object.id).collect();
        assert_eq!(recorded, there, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_is_imported_by_command_and_then_managed() {
    let world = World::new();
    world.run(vec![thing("a").set("size", 4)]).await;
    let other = World {
        cloud: Cloud {
            log: None,
            ..world.cloud.clone()
        },
        ..World::new()
    };
    let urn: konductor_model::Urn = "urn:konductor:shop:dev:fake:test:Thing::mine".parse().unwrap();
    let missing = other
        .engine()
        .import(urn.clone(), "obj-9", None)
        .await
        .unwrap_err();
    assert!(missing.to_string().contains("there is no obj-9"), "{missing}");
    assert!(other.snapshot().await.resources.is_empty());
    let imported = other.engine().import(urn.clone(), "obj-1", None).await.unwrap();
    assert_eq!(imported.inputs.attribute("size"), Some(&4.into()));
    let twice = other.engine().import(urn, "obj-1", None).await.unwrap_err();
    assert!(twice.to_string().contains("is recorded already"), "{twice}");
    other.settled(desired(vec![thing("mine").set("size", 4)])).await;
}
