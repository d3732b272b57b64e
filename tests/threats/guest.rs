//! The hostile guest of every interface version, with a way to the cloud that a test sets up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use konductor_broker::{
    AccessKeys, AuditPermit, AuditSink, AuditUnavailable, Broker, BrokerOptions, CallLimits, CallRecord,
    CredentialBase, CredentialSource, EndpointGrant, Grant, Resolver, RetryOptions, SessionOptions,
    ThrottleOptions, Vault,
};
use konductor_model::provider::{CreateRequest, ObjectState, Outcome, Provider};
use konductor_model::{Disposition, Failure, SecretText, Value};
use konductor_sandbox::{LoadOptions, Plugin, Sandbox, SandboxOptions};
use konductor_tests::{archive, guest};
use tokio::sync::OnceCell;

use crate::cloud::FakeCloud;

pub const KEY_ID: &str = "AKIDPLANTED000000000";
pub const SECRET_KEY: &str = "planted/secret+key/0123456789abcdefghijk";
pub const SESSION_TOKEN: &str = "PlantedSessionToken9876543210zyxwvutsrqponmlkjihgfedcba";

/// The hostile guest of one interface version.
pub struct Hostile {
    /// The version, for messages.
    pub version: String,
    plugin: Plugin,
}

/// Returns the hostile guests: the archived ones, and the one that this checkout builds.
pub async fn hostile_of_every_version() -> &'static [Hostile] {
    static LOADED: OnceCell<Vec<Hostile>> = OnceCell::const_new();
    LOADED
        .get_or_init(async || {
            let sandbox = Sandbox::new(SandboxOptions::default()).unwrap();
            let mut loaded: Vec<Hostile> = Vec::new();
            for file in files() {
                let bytes = std::fs::read(&file).unwrap();
                let options = LoadOptions::from_origin(file.display().to_string());
                let plugin = sandbox.load(&bytes, options).await.unwrap();
                // What is archived last may be what the checkout builds.
                if loaded
                    .iter()
                    .any(|other| other.plugin.digest() == plugin.digest())
                {
                    continue;
                }
                let version = format!("{} ({})", plugin.interface_version(), file.display());
                loaded.push(Hostile { version, plugin });
            }
            loaded
        })
        .await
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(archive()).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|version| version.join("hostile.wasm"))
        .collect();
    assert!(
        !files.is_empty(),
        "there should be a hostile guest of every version"
    );
    files.sort();
    files.push(guest("hostile"));
    files
}

/// How a guest reaches the cloud.
pub struct Way {
    pub endpoints: Vec<EndpointGrant>,
    pub options: BrokerOptions,
}

/// Grants an endpoint at a server of the test, under the identifier that the guest uses unless it is told another.
/// The service is one whose requests need not name an operation, so that a request is judged by the row alone.
pub fn thing(cloud: &FakeCloud) -> EndpointGrant {
    at(cloud, "thing", "s3")
}

/// Grants a service at a server of the test.
pub fn at(cloud: &FakeCloud, id: &str, service: &str) -> EndpointGrant {
    EndpointGrant {
        id: id.to_owned(),
        override_url: Some(cloud.url.clone()),
        ..EndpointGrant::aws(service, "us-west-2")
    }
}

impl Way {
    pub fn to(endpoints: impl Into<Vec<EndpointGrant>>) -> Self {
        Self {
            endpoints: endpoints.into(),
            options: BrokerOptions {
                // One attempt: no test waits for a pause between two.
                retry: RetryOptions {
                    most_attempts: 1,
                    ..RetryOptions::default()
                },
                limits: CallLimits {
                    response_body: 100_000,
                    response_headers: 10_000,
                    attempt_timeout: Duration::from_secs(2),
                    ..CallLimits::default()
                },
                throttle: ThrottleOptions {
                    minimum_rate: 10_000.0,
                    rate: 10_000.0,
                    ..ThrottleOptions::default()
                },
                ..BrokerOptions::default()
            },
        }
    }

    pub fn broker(&self, records: &Arc<Records>) -> Broker {
        Broker::new(self.options.clone(), Arc::clone(records) as Arc<dyn AuditSink>).unwrap()
    }

    /// Makes what one plugin's session is made of.
    pub fn session(&self, plugin: &str, vault: &Arc<Vault>) -> SessionOptions {
        SessionOptions {
            rate_limit: None,
            plugin: plugin.to_owned(),
            grant: Grant {
                endpoints: self.endpoints.clone(),
                ..Grant::default()
            },
            credentials: BTreeMap::from([(plugin.to_owned(), planted())]),
            bearer_sources: Default::default(),
            http_credentials: BTreeMap::new(),
            vault: Some(Arc::clone(vault)),
        }
    }
}

pub fn planted() -> CredentialSource {
    CredentialSource {
        base: CredentialBase::Keys(AccessKeys {
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: SecretText::new(SECRET_KEY),
            session_token: Some(SecretText::new(SESSION_TOKEN)),
        }),
        ..CredentialSource::default()
    }
}

/// A guest that is configured and connected.
pub struct Deployed {
    pub version: &'static str,
    pub records: Arc<Records>,
    plugin: Plugin,
}

impl Hostile {
    /// Gives the guest a broker of its own.
    pub fn deployed(&'static self, way: &Way) -> Deployed {
        let records = Arc::new(Records::default());
        self.deployed_with(&way.broker(&records), way, "hostile", records)
    }

    /// Gives the guest a session of a broker that others may have, too.
    pub fn deployed_with(
        &'static self,
        broker: &Broker,
        way: &Way,
        name: &str,
        records: Arc<Records>,
    ) -> Deployed {
        let vault = Arc::new(Vault::new());
        let cloud = broker.session(way.session(name, &vault)).unwrap();
        Deployed {
            version: &self.version,
            records,
            plugin: self.plugin.with_configuration(Value::empty_map(), cloud, vault),
        }
    }
}

impl Deployed {
    pub async fn create(&self, inputs: Value) -> Result<ObjectState, Failure> {
        let request = CreateRequest {
            resource_type: "hostile:test:Thing".parse().unwrap(),
            name: "web".parse().unwrap(),
            planned: inputs.clone(),
            inputs,
            private: Vec::new(),
            idempotency_token: "token".to_owned(),
        };
        match self.plugin.create(request).await? {
            Outcome::Complete(object) => Ok(object),
            other => panic!("should be complete: {other:?}"),
        }
    }

    /// Lets the guest send a request; see `told` in `tests/plugins/hostile/src/cloud_calls.rs`.
    pub async fn send(&self, request: &[(&str, &str)]) -> Result<ObjectState, Failure> {
        self.create(told(request)).await
    }

    /// Lets the guest send what must be refused, and returns the message.
    #[track_caller]
    pub fn refused<'a>(&'a self, request: &'a [(&str, &str)]) -> impl Future<Output = String> + 'a {
        self.refused_inputs(told(request), format!("{request:?}"))
    }

    #[track_caller]
    pub fn refused_inputs<'a>(&'a self, inputs: Value, what: String) -> impl Future<Output = String> + 'a {
        let place = std::panic::Location::caller();
        async move {
            match self.create(inputs).await {
                Ok(object) => panic!("{place}: {}: {what} should be refused: {object:#?}", self.version),
                Err(failure) => {
                    assert_eq!(
                        failure.disposition,
                        Disposition::Denied,
                        "{place}: {}: {what}: {failure}",
                        self.version
                    );
                    failure.to_string()
                }
            }
        }
    }

    /// Lets the guest send a request and then count a text in all of its memory. It is told the text in reverse, so
    /// that the question does not count.
    pub async fn count_in_memory(&self, mut inputs: Value, text: &str) -> i64 {
        let reversed: String = text.chars().rev().collect();
        let map = inputs.as_map_mut().unwrap();
        map.insert("then".to_owned(), "scan-memory".into());
        map.insert("reversed".to_owned(), reversed.into());
        let object = self.create(inputs).await.unwrap();
        object
            .attributes
            .attribute("found")
            .unwrap()
            .as_integer()
            .unwrap()
    }
}

/// Writes a request as inputs of the guest.
pub fn told(request: &[(&str, &str)]) -> Value {
    let mut inputs: BTreeMap<String, Value> = request
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect();
    inputs.insert("do".to_owned(), "send-told".into());
    inputs.into()
}

/// Returns an attribute that should be a text.
#[track_caller]
pub fn text<'a>(object: &'a ObjectState, name: &str) -> &'a str {
    let value = object.attributes.attribute(name);
    value
        .and_then(Value::as_text)
        .unwrap_or_else(|| panic!("`{name}` should be a text: {object:#?}"))
}

/// Keeps the records of calls.
#[derive(Default)]
pub struct Records(Arc<Mutex<Vec<CallRecord>>>);

impl Records {
    pub fn all(&self) -> Vec<CallRecord> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl AuditSink for Records {
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable> {
        let records = Arc::clone(&self.0);
        Ok(AuditPermit::new(move |record| {
            records.lock().unwrap().push(record)
        }))
    }
}

/// Answers every name with the same addresses, and keeps the names.
pub struct FixedResolver {
    pub addresses: Vec<IpAddr>,
    pub asked: Mutex<Vec<String>>,
}

impl FixedResolver {
    pub fn of(addresses: &[&str]) -> Arc<Self> {
        Arc::new(Self {
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            asked: Mutex::default(),
        })
    }
}

#[async_trait]
impl Resolver for FixedResolver {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        Ok(self.addresses.clone())
    }
}
