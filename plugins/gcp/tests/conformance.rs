//! The conformance kit over the plugin as ordinary Rust, against the simulated Google Cloud.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

#[path = "../../../tests/clouds/simulator.rs"]
mod simulator;

use konductor_plugin_gcp::Gcp;
use konductor_sdk::Plugin as _;
use konductor_sdk_test::NativeProvider;
use konductor_sdk_test::conformance::{Fixtures, Options, Probe, run};
use serde_json::json;

#[test]
fn every_type_keeps_the_promises_of_the_interface() {
    // Google's discovery documents come with Google's own client: `cargo xtask python`.
    let python = simulator::root().join("target/google-venv/bin/python");
    let google = simulator::Simulator::start("gcp", &python);
    let fixtures = Fixtures::parse("conformance.yaml", include_str!("../conformance.yaml")).unwrap();
    let probe = Probe::new(google.clone());
    let provider = NativeProvider::new(Gcp::definition(), fixtures.configuration.clone(), probe.clone());
    let report =
        konductor_sdk_test::block_on(run(&provider, &probe, &fixtures, &Options::default())).unwrap();
    assert!(report.is_clean(), "{}", report.text());
    assert_eq!(google.ask(&json!({"contents": {}})), json!({}));
    // Answers of the simulator's own that are not what Google's documents say.
    assert_eq!(google.ask(&json!({"faults": {}})), json!([]));
}
