//! One plugin under several names, each with its own version and configuration.

use std::sync::Arc;

use konductor_engine::engine::Settings;
use konductor_engine::{
    Desired, Engine, EngineError, ModuleDeclaration, Plan, PlanOptions, PluginSet, Providers, Silent,
    StopSignal,
};
use konductor_model::{ResourceOptions, Value};
use konductor_state::{Journal, MemoryLog, Snapshot};

use crate::cloud::{Cloud, reference};
use crate::world::*;

/// A stack with the plugin `fake` 2.0.0 and, as `fake-legacy`, 1.4.0.
struct TwoVersions {
    new: Cloud,
    old: Cloud,
    log: Arc<MemoryLog>,
}

impl TwoVersions {
    fn new() -> Self {
        Self {
            new: Cloud::of_version("2.0.0", 2),
            old: Cloud::of_version("1.4.0", 1),
            log: Arc::new(MemoryLog::new()),
        }
    }

    fn set(&self) -> PluginSet {
        let (new, old) = (Arc::new(self.new.clone()), Arc::new(self.old.clone()));
        PluginSet::default()
            .with(new.clone(), Some(new))
            .with_instance("fake-legacy", old.clone(), Some(old))
    }

    fn engine(&self, plugins: Arc<dyn Providers>) -> Engine {
        Engine::new(
            plugins,
            self.log.clone(),
            Arc::new(Silent),
            Settings::new("run-1"),
        )
    }

    async fn plan(&self, desired: Desired) -> Result<Plan, EngineError> {
        let engine = self.engine(Arc::new(self.set()));
        engine.plan(desired, &PlanOptions::default(), true).await
    }

    async fn run(&self, desired: Desired) -> Snapshot {
        let plan = self.plan(desired.clone()).await.unwrap();
        self.apply(plan).await;
        let again = self.plan(desired).await.unwrap();
        assert!(again.is_empty(), "{:?}", actions(&again));
        self.snapshot().await
    }

    async fn apply(&self, plan: Plan) {
        let engine = self.engine(Arc::new(self.set()));
        let report = engine.apply(plan, StopSignal::never()).await.unwrap();
        assert!(report.succeeded(), "{report:?}");
    }

    async fn snapshot(&self) -> Snapshot {
        self.log.snapshot().await.unwrap()
    }

    async fn errors(&self, desired: Desired) -> String {
        self.plan(desired).await.unwrap_err().diagnostics().to_string()
    }
}

/// The plugin that manages a resource, as `name version schema`.
fn managed_by(snapshot: &Snapshot, name: &str) -> String {
    let record = snapshot
        .resources
        .values()
        .find(|record| record.urn.name().as_str() == name)
        .unwrap();
    let schema = record.object.as_ref().map(|object| object.schema_version);
    format!("{} {} {schema:?}", record.plugin.name, record.plugin.version)
}

fn module(namespace: &str, label: &str) -> ModuleDeclaration {
    ModuleDeclaration {
        namespace: namespace.into(),
        plugin: namespace.into(),
        inputs: Value::from([("label", label)]),
        options: ResourceOptions::default(),
        origin: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_section_is_served_by_the_plugin_of_its_name() {
    let stack = TwoVersions::new();
    let mut wanted = desired(Vec::new());
    wanted.modules = vec![module("fake", "new"), module("fake-legacy", "old")];
    let snapshot = stack.run(wanted).await;
    assert_eq!(stack.new.objects(), ["fake/pair/back", "fake/pair/front"]);
    assert_eq!(
        stack.old.objects(),
        ["fake-legacy/pair/back", "fake-legacy/pair/front"]
    );
    assert_eq!(managed_by(&snapshot, "fake/pair/back"), "fake 2.0.0 Some(2)");
    assert_eq!(
        managed_by(&snapshot, "fake-legacy/pair/back"),
        "fake-legacy 1.4.0 Some(1)"
    );
    assert_eq!(managed_by(&snapshot, "fake-legacy"), "fake-legacy 1.4.0 None");
    // Each is told its own name, and sees its own configuration alone.
    for (cloud, label) in [(&stack.new, "new"), (&stack.old, "old")] {
        let expected = Value::from([("fake", Value::from([("label", label)]))]);
        let constructed = cloud.state.lock().unwrap().constructed.clone();
        assert_eq!(constructed[0].0, "fake");
        assert!(
            constructed
                .iter()
                .all(|(_, configuration)| *configuration == expected),
            "{constructed:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_chooses_its_plugin_and_what_a_component_constructs_inherits_it() {
    let stack = TwoVersions::new();
    let legacy = |o: &mut ResourceOptions| o.provider = Some("fake-legacy".into());
    let wanted = desired(vec![
        thing("chosen").option(legacy),
        thing("usual"),
        declare("zpair", "fake:test:Pair")
            .set("label", "x")
            .option(legacy),
        thing("below").option(|o| o.parent = Some("zpair".into())),
        thing("back").option(|o| {
            o.parent = Some("zpair".into());
            o.provider = Some("fake".into());
        }),
    ]);
    let snapshot = stack.run(wanted).await;
    for name in ["chosen", "zpair/front", "zpair/back", "below"] {
        assert!(
            managed_by(&snapshot, name).starts_with("fake-legacy 1.4.0"),
            "{name}"
        );
    }
    assert_eq!(stack.new.objects(), ["back", "usual"]);
    // What is no longer declared is deleted by the plugin that made it.
    let snapshot = stack.run(desired(vec![thing("usual")])).await;
    assert_eq!(snapshot.resources.len(), 1);
    assert_eq!(stack.old.objects(), Vec::<String>::new());
    assert_eq!(stack.new.objects(), ["usual"]);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_asks_each_plugin_for_its_own() {
    let stack = TwoVersions::new();
    let legacy = |o: &mut ResourceOptions| o.provider = Some("fake-legacy".into());
    stack
        .run(desired(vec![thing("a"), thing("b").option(legacy)]))
        .await;
    let engine = stack.engine(Arc::new(stack.set()));
    let plan = engine
        .plan_destroy("shop", "dev", &PlanOptions::default(), true)
        .await
        .unwrap();
    assert!(plan.drift.is_empty(), "each was read where it is");
    stack.apply(plan).await;
    assert_eq!(stack.new.effects().last().unwrap(), "delete a");
    assert_eq!(stack.old.effects().last().unwrap(), "delete b");
}

#[tokio::test(start_paused = true)]
async fn a_choice_that_cannot_be_is_refused_with_what_there_is() {
    let stack = TwoVersions::new();
    let choose = |name: &'static str| move |o: &mut ResourceOptions| o.provider = Some(name.into());
    let text = stack
        .errors(desired(vec![
            thing("a").option(choose("fake-legcy")),
            declare("b", "other:test:Thing").option(choose("fake")),
        ]))
        .await;
    assert!(text.contains("`fake-legcy`, which is not there"), "{text}");
    assert!(text.contains("did you mean `fake-legacy`?"), "{text}");
    assert!(
        text.contains("names `fake`, which has no type `other:test:Thing`"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_is_not_handed_to_a_plugin_that_does_not_find_it() {
    let stack = TwoVersions::new();
    let legacy = |o: &mut ResourceOptions| o.provider = Some("fake-legacy".into());
    stack.run(desired(vec![thing("a").option(legacy)])).await;
    let text = stack.errors(desired(vec![thing("a")])).await;
    assert!(
        text.contains("`a` is managed by `fake-legacy`, and `fake` does not find its object `obj-1`"),
        "{text}"
    );
}

/// A plugin of another name whose component declares what the inputs say.
fn with_kit(stack: &TwoVersions) -> (Cloud, PluginSet) {
    let mut kit = Cloud::of_version("1.0.0", 1);
    let manifest = Arc::make_mut(&mut kit.manifest);
    manifest.name = "kit".into();
    manifest.resource_types = Vec::new();
    manifest.component_types = vec!["kit:test:Pair".parse().unwrap()];
    let shared = Arc::new(kit.clone());
    (kit, stack.set().with(shared.clone(), Some(shared)))
}

#[tokio::test(start_paused = true)]
async fn a_plugin_declares_types_of_another_only_when_it_was_granted() {
    let stack = TwoVersions::new();
    let wanted = || desired(vec![declare("site", "kit:test:Pair").set("label", "x")]);
    let (_, set) = with_kit(&stack);
    let engine = stack.engine(Arc::new(set.clone()));
    let refused = engine
        .plan(wanted(), &PlanOptions::default(), true)
        .await
        .unwrap_err();
    let text = refused.diagnostics().to_string();
    assert!(
        text.contains("the plugin `kit` declares `fake:test:Pair`, a type of the plugin `fake`, which it was not granted"),
        "{text}"
    );
    assert!(text.contains("plugins.kit.grant"), "{text}");
    let granted = set.declaring("kit", ["fake".to_owned()]);
    let engine = stack.engine(Arc::new(granted));
    let plan = engine
        .plan(wanted(), &PlanOptions::default(), true)
        .await
        .unwrap();
    assert_eq!(plan.summary().create, 2);
}

#[tokio::test(start_paused = true)]
async fn references_cross_from_one_version_to_the_other() {
    let stack = TwoVersions::new();
    let wanted = desired(vec![
        thing("a").option(|o| o.provider = Some("fake-legacy".into())),
        thing("b").set("label", reference("a.arn")),
    ]);
    let snapshot = stack.run(wanted).await;
    let urn = snapshot
        .resources
        .keys()
        .find(|urn| urn.name().as_str() == "b")
        .unwrap();
    assert_eq!(
        snapshot.resources[urn].inputs.attribute("label"),
        Some(&"arn-1".into())
    );
}
