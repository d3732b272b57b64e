//! The conformance kit over the AWS plugin in the real sandbox, through the broker, against an emulated account.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use konductor_broker::{
    AccessKeys, AuditPermit, AuditSink, AuditUnavailable, Broker, BrokerOptions, CredentialSource,
    EndpointSettings, Grant, SessionOptions, Vault,
};
use konductor_model::{PluginGrant, SecretText};
use konductor_sandbox::{LoadOptions, Sandbox, SandboxOptions};
use konductor_sdk_test::conformance::{Fixtures, Options, Pause, Probe, Verdict, run};
use konductor_tests::{AwsAccount, guest};

struct Unrecorded;

#[async_trait]
impl AuditSink for Unrecorded {
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable> {
        Ok(AuditPermit::new(drop))
    }
}

/// The emulator is done as soon as it is asked; only the order of tasks needs a turn.
struct Turn;

#[async_trait]
impl Pause for Turn {
    async fn pause(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// Makes a UUID of version 7: buckets are told apart by when they and the token were made.
fn token() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-{:04x}-7000-8000-{number:012x}", now >> 16, now & 0xffff)
}

#[tokio::test]
async fn the_aws_plugin_keeps_the_promises_that_its_fixtures_do_not_leave_out() {
    let account = AwsAccount::open();
    let fixtures = Fixtures::parse("aws_conformance.yaml", include_str!("aws_conformance.yaml")).unwrap();
    let sandbox = Sandbox::new(SandboxOptions {
        cache_directory: None,
        ..SandboxOptions::default()
    })
    .unwrap();
    let plugin = sandbox
        .load(
            &std::fs::read(guest("aws")).unwrap(),
            LoadOptions::from_origin("aws"),
        )
        .await
        .unwrap();
    let manifest = plugin.manifest().clone();
    let settings = EndpointSettings {
        region: "us-west-2".to_owned(),
        override_url: Some(account.url().parse().unwrap()),
        ..EndpointSettings::default()
    };
    let credentials = CredentialSource {
        base: konductor_broker::credentials::CredentialBase::Keys(AccessKeys {
            access_key_id: account.access_key_id().to_owned(),
            secret_access_key: SecretText::new(account.secret_access_key()),
            session_token: None,
        }),
        ..CredentialSource::default()
    };
    let broker = Broker::new(BrokerOptions::default(), Arc::new(Unrecorded)).unwrap();
    let vault = Arc::new(Vault::new());
    let cloud = broker
        .session(SessionOptions {
            plugin: "aws".to_owned(),
            grant: Grant::resolve(&manifest, &PluginGrant::requested_by(&manifest), &settings),
            credentials: BTreeMap::from([("aws".to_owned(), credentials)]),
            http_credentials: BTreeMap::new(),
            vault: Some(Arc::clone(&vault)),
        })
        .unwrap();
    let probe = Probe::new(cloud);
    let provider = plugin.with_configuration(fixtures.configuration.clone(), probe.clone(), vault);
    let options = Options {
        pause: Arc::new(Turn),
        tokens: Arc::new(token),
        ..Options::default()
    };
    let report = run(&provider, &probe, &fixtures, &options).await;
    assert!(
        report
            .results
            .iter()
            .any(|result| result.verdict == Verdict::Passed)
    );
    assert!(report.is_clean(), "{}", report.text());
}
