//! The conformance kit over built components in the real sandbox.

#[path = "../../sdk/konductor-sdk-test/tests/widgets/mod.rs"]
mod widgets;

use std::collections::BTreeSet;
use std::sync::Arc;

use konductor_broker::Vault;
use konductor_model::Value;
use konductor_plugin_mutants::{Mistake, TYPES};
use konductor_sandbox::{LoadOptions, Plugin, Sandbox, SandboxOptions};
use konductor_sdk_test::StatefulCloud;
use konductor_sdk_test::conformance::{CheckId, Options, Probe, Report, run};
use widgets::{Widgets, expected, fixtures, service};

async fn mutants() -> Plugin {
    let sandbox = Sandbox::new(SandboxOptions {
        cache_directory: None,
        ..SandboxOptions::default()
    })
    .unwrap();
    let bytes = std::fs::read(konductor_tests::guest("mutants")).unwrap();
    sandbox
        .load(&bytes, LoadOptions::from_origin("mutants"))
        .await
        .unwrap()
}

async fn report_of(plugin: &Plugin, kind: &str) -> (Report, usize) {
    let cloud = StatefulCloud::new(Widgets::new(), service);
    let probe = Probe::new(cloud.clone());
    let provider = plugin.with_configuration(Value::empty_map(), probe.clone(), Arc::new(Vault::new()));
    let mut report = run(&provider, &probe, &fixtures(&[kind]), &Options::default()).await;
    report.results.retain(|result| result.resource_type == kind);
    (report, cloud.with(|widgets| widgets.len()))
}

#[tokio::test]
async fn each_check_fails_on_its_mutant_in_the_sandbox_too() {
    let plugin = mutants().await;
    let mut wrong = Vec::new();
    for (kind, mistake) in TYPES {
        let expected: BTreeSet<CheckId> = match mistake {
            // Every call has an instance of its own, so nothing is counted from call to call; and a plugin that quotes
            // what the cloud repeats has a token in its hands, not the secret.
            Mistake::CountsPlans | Mistake::QuotesAnswers => BTreeSet::new(),
            other => expected(*other).into_iter().collect(),
        };
        let (report, _) = report_of(&plugin, kind).await;
        if report.failed() != expected {
            wrong.push(format!("{kind}: expected {expected:?}\n{}", report.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_clean_component_passes_and_leaves_nothing_behind() {
    let (report, left) = report_of(&mutants().await, "mutants:widget:Clean").await;
    assert!(report.is_clean(), "{}", report.text());
    assert_eq!(left, 0);
}
