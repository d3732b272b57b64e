//! Every check of the conformance kit fails on its mutant, and on nothing else.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;
use std::sync::Arc;

use konductor_model::cloud::{Cloud, CloudRequest};
use konductor_model::{Failure, Value};
use konductor_plugin_mutants::{Mutants, TYPES};
use konductor_sdk::{Definition, Plugin as _};
use konductor_sdk_test::conformance::{CATALOGUE, CheckId, Fixtures, Options, Probe, Report, run};
use konductor_sdk_test::{NativeProvider, StatefulCloud, block_on, lifecycle, respond};
use serde_json::Value as Json;

mod widgets;

use widgets::{Widgets, expected, fixtures, service};

fn report_of(kind: &str) -> Report {
    let cloud = StatefulCloud::new(Widgets::new(), service);
    let probe = Probe::new(cloud.clone());
    let provider = NativeProvider::new(Mutants::definition(), Value::empty_map(), probe.clone());
    let report = block_on(run(&provider, &probe, &fixtures(&[kind]), &Options::default())).unwrap();
    let mut report = report;
    report.results.retain(|result| result.resource_type == kind);
    report
}

#[test]
fn each_check_fails_on_its_mutant_and_on_nothing_else() {
    let mut wrong = Vec::new();
    for (kind, mistake) in TYPES {
        let report = report_of(kind);
        let expected: BTreeSet<CheckId> = expected(*mistake).into_iter().collect();
        if report.failed() != expected {
            wrong.push(format!("{kind}: expected {expected:?}\n{}", report.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_has_a_mutant() {
    let mut covered: BTreeSet<CheckId> = TYPES
        .iter()
        .filter_map(|(_, mistake)| expected(*mistake))
        .collect();
    // These two are shown by tests of their own below.
    covered.extend([CheckId::HasFixture, CheckId::PureWithoutCloud]);
    assert_eq!(covered, CATALOGUE.iter().copied().collect());
}

#[test]
fn the_clean_plugin_passes_every_check_and_leaves_nothing_behind() {
    let kind = "mutants:widget:Clean";
    let cloud = StatefulCloud::new(Widgets::new(), service);
    let probe = Probe::new(cloud.clone());
    let provider = NativeProvider::new(Mutants::definition(), Value::empty_map(), probe.clone());
    let report = block_on(run(&provider, &probe, &fixtures(&[kind]), &Options::default())).unwrap();
    let of_clean = report
        .results
        .iter()
        .filter(|result| result.resource_type == kind);
    for result in of_clean {
        assert_eq!(
            result.verdict,
            konductor_sdk_test::conformance::Verdict::Passed,
            "{}",
            result.check
        );
    }
    assert_eq!(report.trouble, Vec::<String>::new());
    assert_eq!(cloud.with(|widgets| widgets.len()), 0);
}

#[test]
fn a_type_without_a_fixture_fails() {
    let cloud = StatefulCloud::new(Widgets::new(), service);
    let probe = Probe::new(cloud);
    let provider = NativeProvider::new(Mutants::definition(), Value::empty_map(), probe.clone());
    let none = Fixtures::parse("conformance.yaml", "resources: {}").unwrap();
    let report = block_on(run(&provider, &probe, &none, &Options::default())).unwrap();
    assert!(report.failed().contains(&CheckId::HasFixture));
}

/// Plans by asking the cloud, which only native code can try: the sandbox has no way out of a pure call.
mod curious {
    use async_trait::async_trait;
    use konductor_model::provider::*;
    use konductor_model::{Manifest, ResourceName, ResourceSchema, ResourceType};

    use super::*;

    pub struct Curious(pub NativeProvider, pub Arc<dyn Cloud>);

    #[async_trait]
    impl Provider for Curious {
        fn manifest(&self) -> &Manifest {
            self.0.manifest()
        }
        async fn schema(&self, kind: &ResourceType) -> ProviderResult<Arc<ResourceSchema>> {
            self.0.schema(kind).await
        }
        async fn check(&self, request: CheckRequest) -> ProviderResult<CheckResponse> {
            self.0.check(request).await
        }
        async fn plan(&self, request: PlanRequest) -> Result<PlanResponse, Failure> {
            let _ = self
                .1
                .send(
                    "",
                    CloudRequest {
                        endpoint: "widgets".to_owned(),
                        region: None,
                        method: "GET".to_owned(),
                        path: "/prices".to_owned(),
                        query: Vec::new(),
                        headers: Vec::new(),
                        body: Vec::new(),
                        idempotent: true,
                    },
                )
                .await;
            self.0.plan(request).await
        }
        async fn upgrade_state(
            &self,
            kind: &ResourceType,
            stored: ObjectState,
        ) -> ProviderResult<ObjectState> {
            self.0.upgrade_state(kind, stored).await
        }
        async fn required_permissions(&self, kind: &ResourceType, what: &str) -> ProviderResult<Vec<String>> {
            self.0.required_permissions(kind, what).await
        }
        async fn create(&self, request: CreateRequest) -> ProviderResult<Outcome> {
            self.0.create(request).await
        }
        async fn read(&self, request: ReadRequest) -> ProviderResult<Option<ObjectState>> {
            self.0.read(request).await
        }
        async fn read_many(
            &self,
            requests: Vec<ReadRequest>,
        ) -> ProviderResult<Vec<ProviderResult<Option<ObjectState>>>> {
            self.0.read_many(requests).await
        }
        async fn list(&self, request: ListRequest) -> ProviderResult<Listed> {
            self.0.list(request).await
        }
        async fn update(&self, request: UpdateRequest) -> ProviderResult<Outcome> {
            self.0.update(request).await
        }
        async fn delete(&self, request: DeleteRequest) -> ProviderResult<Outcome> {
            self.0.delete(request).await
        }
        async fn import(
            &self,
            kind: &ResourceType,
            name: &ResourceName,
            id: &str,
        ) -> ProviderResult<Imported> {
            self.0.import(kind, name, id).await
        }
        async fn poll(&self, request: PollRequest) -> ProviderResult<Outcome> {
            self.0.poll(request).await
        }
        async fn invoke(&self, function: &str, arguments: Value) -> ProviderResult<Value> {
            self.0.invoke(function, arguments).await
        }
    }
}

#[test]
fn a_plan_that_asks_the_cloud_fails() {
    let cloud = StatefulCloud::new(Widgets::new(), service);
    let probe = Probe::new(cloud);
    let inner = NativeProvider::new(Mutants::definition(), Value::empty_map(), probe.clone());
    let provider = curious::Curious(inner, probe.clone());
    let kind = "mutants:widget:Clean";
    let mut report = block_on(run(&provider, &probe, &fixtures(&[kind]), &Options::default())).unwrap();
    report.results.retain(|result| result.resource_type == kind);
    assert_eq!(
        report.failed(),
        BTreeSet::from([CheckId::PureWithoutCloud]),
        "{}",
        report.text()
    );
}

#[test]
fn a_lifecycle_runs_natively_from_preview_to_delete() {
    let cloud = StatefulCloud::new(Widgets::new(), service);
    let provider = NativeProvider::new(Mutants::definition(), Value::empty_map(), cloud.clone());
    let inputs =
        |name: &str, size: i64| Value::from([("name", Value::from(name)), ("size", Value::from(size))]);
    let _ = lifecycle(&provider, "mutants:widget:Clean")
        .preview(inputs("one", 2), |plan| {
            assert!(plan.planned.attribute("arn").unwrap().is_unknown());
        })
        .create(inputs("one", 2))
        .expect("size", 2)
        .update(inputs("one", 3))
        .expect("size", 3)
        .replace(inputs("two", 3))
        .expect("name", "two")
        .delete();
    assert_eq!(cloud.with(|widgets| widgets.len()), 0);
}

#[test]
#[should_panic(
    expected = "step 2 (update of mutants:widget:Clean): expected an update, but `name` means replacement"
)]
fn a_lifecycle_says_at_which_step_what_was_expected() {
    let cloud = StatefulCloud::new(Widgets::new(), service);
    let provider = NativeProvider::new(Mutants::definition(), Value::empty_map(), cloud);
    let _ = lifecycle(&provider, "mutants:widget:Clean")
        .create(Value::from([("name", "one")]))
        .update(Value::from([("name", "two")]));
}

#[test]
fn a_plugin_without_types_is_a_clean_report() {
    let cloud = StatefulCloud::new((), |(), _| respond(500, Json::Null));
    let probe = Probe::new(cloud);
    let provider = NativeProvider::new(
        Definition::new("none", "1.0.0"),
        Value::empty_map(),
        probe.clone(),
    );
    let fixtures = Fixtures::parse("conformance.yaml", "resources: {}").unwrap();
    let report = block_on(run(&provider, &probe, &fixtures, &Options::default())).unwrap();
    assert!(report.is_clean());
}
