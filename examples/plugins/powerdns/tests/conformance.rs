//! The conformance kit over the plugin, without the sandbox.

mod server;

use konductor_plugin_powerdns::PowerDns;
use konductor_sdk::Plugin as _;
use konductor_sdk_test::conformance::{Fixtures, Options, Probe, run};
use konductor_sdk_test::{NativeProvider, block_on};

#[test]
fn the_plugin_keeps_every_promise() {
    let fixtures = Fixtures::parse("conformance.yaml", include_str!("../conformance.yaml")).unwrap();
    let server = server::server();
    let probe = Probe::new(server.clone());
    let provider = NativeProvider::new(
        PowerDns::definition(),
        fixtures.configuration.clone(),
        probe.clone(),
    );
    let report = block_on(run(&provider, &probe, &fixtures, &Options::default())).unwrap();
    assert!(report.is_clean(), "{}", report.text());
    server.with(|server| assert!(server.keys.is_empty() && server.zones.is_empty()));
}
