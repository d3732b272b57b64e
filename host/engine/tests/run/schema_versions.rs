//! What one version of a plugin stored and another one reads.

use std::sync::Arc;

use konductor_engine::engine::Settings;
use konductor_engine::{Engine, PlanOptions, PluginSet, Silent, StopSignal};
use konductor_model::Path;
use konductor_state::entry::{Action, Begin};
use konductor_state::record::{Deposed, ResourceRecord};
use konductor_state::{Entry, Journal, MemoryLog};

use crate::cloud::Cloud;
use crate::world::*;

/// A stack whose plugin is exchanged for another version, in front of the same cloud.
struct Exchanged {
    log: Arc<MemoryLog>,
    cloud: Cloud,
}

impl Exchanged {
    /// Deploys one thing with the schema of a version.
    async fn from(version: &str, schema: u32) -> Self {
        let log = Arc::new(MemoryLog::new());
        let cloud = Cloud::of_version(version, schema);
        let this = Self { log, cloud };
        let plan = this
            .engine()
            .plan(desired(vec![thing("a")]), &PlanOptions::default(), true)
            .await
            .unwrap();
        this.engine().apply(plan, StopSignal::never()).await.unwrap();
        this
    }

    fn to(mut self, version: &str, schema: u32) -> Self {
        let other = Cloud::of_version(version, schema);
        self.cloud = Cloud {
            state: self.cloud.state,
            ..other
        };
        self
    }

    fn engine(&self) -> Engine {
        let cloud = Arc::new(self.cloud.clone());
        let set = PluginSet::default().with(cloud.clone(), Some(cloud));
        Engine::new(
            Arc::new(set),
            self.log.clone(),
            Arc::new(Silent),
            Settings::new("run-1"),
        )
    }

    async fn record(&self) -> ResourceRecord {
        let snapshot = self.log.snapshot().await.unwrap();
        snapshot.resources.values().next().unwrap().clone()
    }

    async fn refused(&self, refresh: bool) -> String {
        let options = PlanOptions::default();
        let planned = self
            .engine()
            .plan(desired(vec![thing("a")]), &options, refresh)
            .await;
        let destroyed = self.engine().plan_destroy("shop", "dev", &options, refresh).await;
        let text = planned.unwrap_err().diagnostics().to_string();
        assert_eq!(destroyed.unwrap_err().diagnostics().to_string(), text);
        text
    }
}

const REFUSAL: [&str; 4] = [
    "`a` was stored by fake 2.0.0 in a form that fake 1.4.0 does not know",
    "it has version 2 of the schema of `fake:test:Thing`, and this plugin knows versions up to 1",
    "use fake 2.0.0 or later",
    "plugins.fake.version",
];

#[tokio::test(start_paused = true)]
async fn a_newer_version_rewrites_what_an_older_one_stored_with_and_without_refresh() {
    for refresh in [true, false] {
        let stack = Exchanged::from("1.4.0", 1).await.to("2.0.0", 2);
        // As an older version may have stored it.
        let mut record = stack.record().await;
        let object = record.object.as_mut().unwrap();
        object.attributes.put(&Path::attribute("old_label"), "x".into());
        let entry = Entry::Recorded {
            record: Box::new(record),
            reason: "refresh".into(),
        };
        stack.log.append(vec![entry]).await.unwrap();
        let wanted = desired(vec![thing("a").set("label", "x")]);
        stack
            .cloud
            .state
            .lock()
            .unwrap()
            .objects
            .get_mut("obj-1")
            .unwrap()
            .attributes
            .insert("label".into(), "x".into());
        let plan = stack
            .engine()
            .plan(wanted, &PlanOptions::default(), refresh)
            .await
            .unwrap();
        assert_eq!(plan.summary().replace, 0, "{:?}", actions(&plan));
        stack.engine().apply(plan, StopSignal::never()).await.unwrap();
        let record = stack.record().await;
        let object = record.object.unwrap();
        assert_eq!(object.schema_version, 2);
        assert_eq!(object.attributes.attribute("label"), Some(&"x".into()));
        assert_eq!(object.attributes.attribute("old_label"), None);
        assert_eq!(record.plugin.version, "2.0.0");
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_version_refuses_newer_state_before_anything_is_done() {
    let stack = Exchanged::from("2.0.0", 2).await.to("1.4.0", 1);
    let before = stack.log.entries().len();
    for refresh in [true, false] {
        let text = stack.refused(refresh).await;
        for part in REFUSAL {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    assert_eq!(stack.log.entries().len(), before);
    assert_eq!(stack.cloud.effects(), ["create a"]);
    assert!(
        stack.cloud.state.lock().unwrap().reads.is_empty(),
        "not even read"
    );
}

#[tokio::test(start_paused = true)]
async fn a_superseded_object_of_a_newer_version_is_refused_too() {
    let stack = Exchanged::from("2.0.0", 2).await.to("1.4.0", 1);
    let mut record = stack.record().await;
    let object = record.object.take().unwrap();
    record.deposed.push(Deposed {
        key: "k".into(),
        object,
    });
    let entry = Entry::Recorded {
        record: Box::new(record),
        reason: "refresh".into(),
    };
    stack.log.append(vec![entry]).await.unwrap();
    let text = stack.refused(false).await;
    assert!(text.contains(REFUSAL[0]), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_older_version_does_not_settle_what_a_newer_one_began() {
    let stack = Exchanged::from("2.0.0", 2).await.to("1.4.0", 1);
    let mut record = stack.record().await;
    let name = "urn:konductor:shop:dev:fake:test:Thing::b".parse();
    record.urn = name.unwrap();
    record.object = None;
    let begin = Begin {
        operation: "op".into(),
        run: "run-1".into(),
        urn: record.urn.clone(),
        action: Action::Create,
        idempotency_token: "token".into(),
        planned: record.inputs.clone(),
        record: Box::new(record),
        private: String::new(),
        schema_version: Some(2),
        deposed: None,
    };
    stack.log.append(vec![Entry::Begin(begin)]).await.unwrap();
    let refused = stack.engine().recover(StopSignal::never()).await.unwrap_err();
    let text = refused.diagnostics().to_string();
    assert!(text.contains("`b` was stored by fake 2.0.0 in a form"), "{text}");
    assert_eq!(stack.cloud.effects(), ["create a"]);
    let stack = stack.to("2.0.0", 2);
    assert_eq!(stack.engine().recover(StopSignal::never()).await.unwrap(), 1);
    assert_eq!(stack.cloud.effects(), ["create b"]);
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_moves_to_a_newer_instance_is_rewritten_for_it_and_cannot_go_back() {
    let stack = Exchanged::from("1.4.0", 1).await;
    let old = Arc::new(stack.cloud.clone());
    let new = Arc::new(Cloud {
        state: stack.cloud.state.clone(),
        ..Cloud::of_version("2.0.0", 2)
    });
    let set =
        PluginSet::default()
            .with(old.clone(), Some(old))
            .with_instance("fake-next", new.clone(), Some(new));
    let engine = || {
        let settings = Settings::new("run-2");
        Engine::new(
            Arc::new(set.clone()),
            stack.log.clone(),
            Arc::new(Silent),
            settings,
        )
    };
    let moved = desired(vec![thing("a").option(|o| o.provider = Some("fake-next".into()))]);
    let plan = engine().plan(moved, &PlanOptions::default(), true).await.unwrap();
    engine().apply(plan, StopSignal::never()).await.unwrap();
    let record = stack.record().await;
    assert_eq!(record.plugin.name, "fake-next");
    assert_eq!(record.object.unwrap().schema_version, 2);
    assert_eq!(stack.cloud.effects(), ["create a"], "the object is the same");
    let back = engine()
        .plan(desired(vec![thing("a")]), &PlanOptions::default(), true)
        .await
        .unwrap_err();
    let text = back.diagnostics().to_string();
    assert!(
        text.contains("`a` was stored by fake-next 2.0.0 in a form that fake 1.4.0"),
        "{text}"
    );
}
