//! The conformance kit over the plugin as ordinary Rust, against the simulated Azure.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

#[path = "../../../tests/clouds/simulator.rs"]
mod simulator;

use std::path::Path;

use konductor_plugin_azure::Azure;
use konductor_sdk::Plugin as _;
use konductor_sdk_test::NativeProvider;
use konductor_sdk_test::conformance::{Fixtures, Options, Probe, run};
use serde_json::json;

#[test]
fn every_type_keeps_the_promises_of_the_interface() {
    let azure = simulator::Simulator::start("azure", Path::new("python3"));
    let fixtures = Fixtures::parse("conformance.yaml", include_str!("../conformance.yaml")).unwrap();
    let probe = Probe::new(azure.clone());
    let provider = NativeProvider::new(Azure::definition(), fixtures.configuration.clone(), probe.clone());
    let report =
        konductor_sdk_test::block_on(run(&provider, &probe, &fixtures, &Options::default())).unwrap();
    assert!(report.is_clean(), "{}", report.text());
    assert_eq!(azure.ask(&json!({"contents": {}})), json!([]));
    // Answers of the simulator's own that are not what Azure's definitions say.
    assert_eq!(azure.ask(&json!({"faults": {}})), json!([]));
}
