//! The conformance kit over the plugin as ordinary Rust, against the simulated Azure.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

mod simulator;

use konductor_plugin_azure::Azure;
use konductor_sdk::Plugin as _;
use konductor_sdk_test::NativeProvider;
use konductor_sdk_test::conformance::{Fixtures, Options, Probe, run};

#[test]
fn every_type_keeps_the_promises_of_the_interface() {
    let azure = simulator::Simulator::start();
    let fixtures = Fixtures::parse("conformance.yaml", include_str!("../conformance.yaml")).unwrap();
    let probe = Probe::new(azure.clone());
    let provider = NativeProvider::new(Azure::definition(), fixtures.configuration.clone(), probe.clone());
    let report =
        konductor_sdk_test::block_on(run(&provider, &probe, &fixtures, &Options::default())).unwrap();
    assert!(report.is_clean(), "{}", report.text());
    azure.finish();
}
