//! Secrets are planted everywhere, and everything that leaves the engine is searched for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use konductor_engine::engine::Settings;
use konductor_engine::{Engine, Event, ModuleDeclaration, Plan, PlanOptions, StopSignal};
use konductor_model::secret::SealError;
use konductor_model::value_json::to_plain_json;
use konductor_model::{Disposition, ResourceOptions, Sealer, Value};
use konductor_state::{Entry, EntryQuery, Journal, MemoryLog, OpenOptions, Snapshot, StackLog, StateError};
use tokio::sync::mpsc::unbounded_channel;

use crate::cloud::{Cloud, Fault, reference};
use crate::world::*;

const PLANTED: [&str; 5] = [
    "planted-in-a-sensitive-attribute",
    "planted-in-a-marked-value",
    "planted-by-an-option",
    "planted-in-a-module",
    "planted-in-an-output",
];

struct HexSealer;

impl Sealer for HexSealer {
    fn seal(&self, plain: &[u8]) -> Result<String, SealError> {
        let hidden: String = plain.iter().map(|byte| format!("{:02x}", byte ^ 0x5a)).collect();
        Ok(format!("v1:{hidden}"))
    }

    fn open(&self, sealed: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        let hidden = sealed.trim_start_matches("v1:");
        let bytes = (0..hidden.len()).step_by(2).map(|at| {
            let byte = u8::from_str_radix(&hidden[at..at + 2], 16).unwrap();
            byte ^ 0x5a
        });
        Ok(zeroize::Zeroizing::new(bytes.collect()))
    }
}

fn planted(changed: &str) -> konductor_engine::Desired {
    let secret = |index: usize| format!("{}{changed}", PLANTED[index]);
    let mut wanted = desired(vec![
        thing("a").set("password", secret(0)),
        thing("b").set("label", Value::from(secret(1)).into_secret()),
        thing("c")
            .set("label", secret(2))
            .option(|o| o.sensitive = vec!["label".parse().unwrap()]),
        thing("d").set("label", reference("a.password")),
        thing("e").set("link", Value::from([("deep", reference("c.label"))])),
    ]);
    wanted.modules = vec![ModuleDeclaration {
        namespace: "fake".into(),
        plugin: "fake".into(),
        inputs: Value::from([("label", Value::from(secret(3)).into_secret())]),
        options: ResourceOptions::default(),
        origin: None,
    }];
    let output = Value::from(secret(4)).into_secret();
    wanted.outputs.insert("own".into(), output.into());
    wanted
        .outputs
        .insert("read".into(), reference("a.password").into());
    wanted
}

fn search(where_: &str, text: &str) {
    for secret in PLANTED {
        assert!(!text.contains(secret), "{secret} stands in {where_}: {text}");
    }
}

/// Takes the content of everything that is marked as secret away.
fn without_marked(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Array(elements) => elements.iter_mut().for_each(without_marked),
        serde_json::Value::Object(members) => {
            members.retain(|name, _| name != "$secret");
            members.values_mut().for_each(without_marked);
        }
        _ => {}
    }
}

fn search_plan(plan: &Plan) {
    assert!(plan.holds_secret(), "it can be saved only sealed");
    search("the debug form of the plan", &format!("{plan:?}"));
    let mut json = serde_json::to_value(plan).unwrap();
    assert!(
        PLANTED.iter().any(|secret| json.to_string().contains(secret)),
        "the search finds"
    );
    without_marked(&mut json);
    search("the plan beside its marks", &json.to_string());
    for step in &plan.steps {
        for change in &step.changes {
            let shown = format!("{} {}", to_plain_json(&change.old), to_plain_json(&change.new));
            search("a change as it is shown", &shown);
        }
    }
}

#[tokio::test]
async fn no_secret_leaves_the_engine_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions::of_stack("shop", "dev").sealer(Arc::new(HexSealer));
    let log = Arc::new(
        StackLog::open(&folder.path().join("dev.log"), options)
            .await
            .unwrap(),
    );
    let cloud = Cloud::new();
    let (sender, mut events) = unbounded_channel::<Event>();
    let engine = || {
        let settings = Settings::new("run-1");
        Engine::new(cloud.plugins(), log.clone(), Arc::new(sender.clone()), settings)
    };
    // Created, changed, replaced, failed, and deleted.
    for changed in ["", "-changed"] {
        let plan = engine()
            .plan(planted(changed), &PlanOptions::default(), true)
            .await
            .unwrap();
        search_plan(&plan);
        let report = engine().apply(plan, StopSignal::never()).await.unwrap();
        assert!(report.succeeded(), "{report:?}");
        search("the report", &format!("{report:?}"));
    }
    // Somebody changed a secret in the cloud.
    for object in cloud.state.lock().unwrap().objects.values_mut() {
        if let Some(password) = object.attributes.get_mut("password") {
            *password = format!("{}-by-hand", PLANTED[0]).into();
        }
    }
    cloud.fault("update a", Fault::Fails(Disposition::Invalid));
    let plan = engine()
        .plan(planted("-changed"), &PlanOptions::default(), true)
        .await
        .unwrap();
    assert_eq!(plan.drift.len(), 1);
    search_plan(&plan);
    let report = engine().apply(plan, StopSignal::never()).await.unwrap();
    assert!(!report.succeeded());
    search("the report of a failure", &format!("{report:?}"));
    let plan = engine()
        .plan_destroy("shop", "dev", &PlanOptions::default(), true)
        .await
        .unwrap();
    search("the plan to destroy", &format!("{plan:?}"));
    let report = engine().apply(plan, StopSignal::never()).await.unwrap();
    assert!(report.succeeded());

    drop(sender);
    let mut told = 0;
    while let Ok(event) = events.try_recv() {
        told += 1;
        search("an event", &serde_json::to_string(&event).unwrap());
    }
    assert!(told > 20, "{told}");
    let shown = log.entries(EntryQuery::default()).await.unwrap();
    assert!(shown.len() > 20);
    search(
        "the log as it is shown",
        &serde_json::to_string(&shown.iter().map(|e| &e.entry).collect::<Vec<_>>()).unwrap(),
    );
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        search("a file", &String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_secrets_says_so() {
    let world = World::new();
    assert!(
        !world
            .plan(vec![thing("a").set("label", "x")])
            .await
            .holds_secret()
    );
    assert!(
        world
            .plan(vec![thing("a").set("password", "x")])
            .await
            .holds_secret()
    );
}

/// Counts how often the state is read.
struct Counting(Arc<MemoryLog>, AtomicUsize);

#[async_trait]
impl Journal for Counting {
    async fn append(&self, entries: Vec<Entry>) -> Result<(), StateError> {
        self.0.append(entries).await
    }

    async fn snapshot(&self) -> Result<Snapshot, StateError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.snapshot().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_reads_the_state_once_to_plan_and_once_more_to_apply() {
    let world = World::new();
    let log = Arc::new(Counting(world.log.clone(), AtomicUsize::new(0)));
    let (engine, _events) = world.engine_on(log.clone());
    let engine = engine.with_snapshot(world.snapshot().await);
    engine.recover(StopSignal::never()).await.unwrap();
    let wanted = || desired(vec![thing("a")]);
    let plan = engine
        .plan(wanted(), &PlanOptions::default(), true)
        .await
        .unwrap();
    assert_eq!(log.1.load(Ordering::Relaxed), 0, "what the caller read is enough");
    engine.apply(plan, StopSignal::never()).await.unwrap();
    assert_eq!(log.1.load(Ordering::Relaxed), 1);
    let again = engine
        .plan(wanted(), &PlanOptions::default(), true)
        .await
        .unwrap();
    assert!(again.is_empty(), "the plan after an apply sees what it did");
    assert_eq!(log.1.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn an_apply_does_not_believe_what_was_read_before() {
    let world = World::new();
    let engine = world.engine();
    let plan = engine
        .plan(desired(vec![thing("a")]), &PlanOptions::default(), true)
        .await
        .unwrap();
    // It reads and keeps the state, and then somebody else changes it.
    engine.recover(StopSignal::never()).await.unwrap();
    world.run(vec![thing("b")]).await;
    let refused = engine.apply(plan, StopSignal::never()).await.unwrap_err();
    assert!(
        matches!(refused, konductor_engine::EngineError::StateMoved { .. }),
        "{refused}"
    );
}
