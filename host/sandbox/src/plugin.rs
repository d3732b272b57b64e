//! A loaded plugin and the one way in which its functions are called.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use konductor_model::cloud::Cloud;
use konductor_model::{Disposition, Failure, Manifest, ResourceSchema, ResourceType, SecretVault, Value};
use serde::de::DeserializeOwned;
use wasmtime::component::InstancePre;

use crate::answer::Answer;
use crate::call::{Call, Class, Record, Stream};
use crate::guest::{Answered, GuestError, Session};
use crate::interface::Parts;
use crate::repeat::Repeat;
use crate::sandbox::{LoadError, Sandbox};
use crate::sealing::{Access, Request, RevealRecorder, Reveals, Sealed};
use crate::store::{self, CallState};
use crate::v0_1::Exports;
use crate::vetting::Vetting;
use crate::{text, trap};

/// Bytes of standard error that go along with a failure.
const TAIL: usize = 2_000;
/// Bytes of a member of a manifest in a message.
const SHOWN: usize = 300;
/// Bytes of the cause of a failure.
const CAUSE: usize = 16 << 10;

/// Says what is wrong with a plugin's manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not a manifest.
    #[error("its manifest does not parse: {0}")]
    Parse(#[source] serde_json::Error),
    /// It contradicts itself or what the plugin exports.
    #[error("{}", .0.join("; "))]
    Contradiction(Vec<String>),
}

/// A plugin in the sandbox. Clones share the compiled code; each call runs in an instance of its own.
///
/// As it comes from [`Sandbox::load`] it has neither configuration nor cloud nor vault: its pure functions work,
/// its operations find every cloud call denied, and a secret is refused. [`Plugin::with_configuration`] gives it
/// all three.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) loaded: Arc<Loaded>,
    access: Access,
}

/// What does not depend on the configuration.
pub(crate) struct Loaded {
    sandbox: Sandbox,
    pre: InstancePre<CallState>,
    exports: Arc<Exports>,
    pub(crate) parts: Parts,
    digest: String,
    /// `aws 1.2.0`, for messages.
    label: String,
    pub(crate) manifest: Manifest,
    pub(crate) schemas: RwLock<HashMap<ResourceType, Arc<ResourceSchema>>>,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("label", &self.loaded.label)
            .field("digest", &self.loaded.digest)
            .finish_non_exhaustive()
    }
}

/// The work of one call inside its instance.
pub(crate) type Work<'s, T> = Pin<Box<dyn Future<Output = Answered<T>> + Send + 's>>;

impl Plugin {
    /// Asks a component what it is, and believes it only where it could be true.
    pub(crate) async fn describe(
        sandbox: Sandbox,
        pre: InstancePre<CallState>,
        exports: Exports,
        parts: Parts,
        digest: String,
        origin: String,
        packed: Option<&[u8]>,
    ) -> Result<Self, LoadError> {
        let mut loaded = Loaded {
            sandbox,
            pre,
            exports: Arc::new(exports),
            parts,
            digest,
            label: origin.clone(),
            manifest: Manifest {
                name: String::new(),
                version: semver::Version::new(0, 0, 0),
                description: String::new(),
                resource_types: Vec::new(),
                component_types: Vec::new(),
                modules: Vec::new(),
                endpoints: Vec::new(),
                functions: Vec::new(),
                reveals: Vec::new(),
                metadata: Vec::new(),
                declares: Vec::new(),
                tag_rules: None,
            },
            schemas: RwLock::default(),
        };
        let call = Call::new(Class::Pure, "describe", "", "");
        let exports = Arc::clone(&loaded.exports);
        let described = loaded
            .run(call, &Access::default(), |session| {
                Box::pin(async move {
                    exports.check_types(session)?;
                    exports.describe(session).await
                })
            })
            .await
            .map_err(|source| LoadError::Describe {
                origin: origin.clone(),
                source,
            })?;
        let limit = loaded.sandbox.limits().message_bytes;
        let manifest = |text: &str| parse_json(text, limit).map_err(ManifestError::Parse);
        loaded.manifest = manifest(&described)
            .and_then(|manifest| check_manifest(manifest, &loaded.parts))
            .map_err(|source| LoadError::Manifest {
                origin: origin.clone(),
                source,
            })?;
        if let Some(packed) = packed {
            let packed =
                manifest(&String::from_utf8_lossy(packed)).map_err(|source| LoadError::Manifest {
                    origin: origin.clone(),
                    source,
                })?;
            let differences = differences(&packed, &loaded.manifest);
            if !differences.is_empty() {
                return Err(LoadError::Packed { origin, differences });
            }
        }
        loaded.label = format!("{} {}", loaded.manifest.name, loaded.manifest.version);
        Ok(Self {
            loaded: Arc::new(loaded),
            access: Access::default(),
        })
    }

    /// Returns the same plugin with a configuration, which every operation's instance is given first, a way to
    /// the cloud, and the vault that keeps secrets from the guest. The configuration must not hold credentials:
    /// apart from what is marked secret, the guest sees all of it.
    #[must_use]
    pub fn with_configuration(
        &self,
        configuration: Value,
        cloud: Arc<dyn Cloud>,
        vault: Arc<dyn SecretVault>,
    ) -> Self {
        Self {
            loaded: Arc::clone(&self.loaded),
            access: Access {
                configuration: Some(Arc::new(configuration)),
                cloud: Some(cloud),
                vault: Some(vault),
                ..Access::default()
            },
        }
    }

    /// Waits until the rate limit has room for a call with a purpose, and returns the same plugin for that call. It has no
    /// instance meanwhile. None where there is no limit.
    pub(crate) async fn admitted(&self, purpose: &str) -> Option<Self> {
        let cloud = self.access.cloud.clone()?.admit(purpose).await?;
        Some(Self {
            loaded: Arc::clone(&self.loaded),
            access: Access {
                cloud: Some(cloud),
                ..self.access.clone()
            },
        })
    }

    /// Returns the same plugin with secret attributes that it is given as they are, each written as a grant does:
    /// `aws:ec2:Instance.user_data`. Each time one is, the recorder is told before.
    #[must_use]
    pub fn with_reveals(&self, attributes: BTreeSet<String>, recorder: Arc<dyn RevealRecorder>) -> Self {
        Self {
            loaded: Arc::clone(&self.loaded),
            access: Access {
                reveals: Some(Arc::new(Reveals { attributes, recorder })),
                ..self.access.clone()
            },
        }
    }

    /// Returns the same plugin whose operations find time and chance as they were when they were recorded.
    #[must_use]
    pub fn with_repeat(&self, repeat: Arc<Repeat>) -> Self {
        Self {
            loaded: Arc::clone(&self.loaded),
            access: Access {
                repeat: Some(repeat),
                ..self.access.clone()
            },
        }
    }

    /// Returns what the plugin says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.loaded.manifest
    }

    /// Returns the SHA-256 of the component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.loaded.digest
    }

    /// Returns the version of `konductor:plugin` it was built against.
    pub fn interface_version(&self) -> &semver::Version {
        &self.loaded.parts.version
    }

    /// Tells whether it manages resource types.
    pub fn is_provider(&self) -> bool {
        self.loaded.parts.provider
    }

    /// Tells whether it judges resources.
    pub fn is_compliance(&self) -> bool {
        self.loaded.parts.compliance
    }

    /// Calls a function in an instance of its own; operations are configured first.
    pub(crate) async fn run<T, F>(&self, call: Call, work: F) -> Result<T, Failure>
    where
        T: Answer + Send,
        F: for<'s> FnOnce(&'s mut Session, Arc<Exports>) -> Work<'s, T> + Send,
    {
        let exports = Arc::clone(&self.loaded.exports);
        self.loaded
            .run(call, &self.access, |session| work(session, exports))
            .await
    }

    /// Seals the secrets of a request.
    pub(crate) async fn seal<T: Request + Send>(
        &self,
        call: &Call,
        request: T,
    ) -> Result<Sealed<T>, Failure> {
        self.access.seal(&self.loaded.manifest.name, call, request).await
    }

    /// Makes the failure of a plugin that broke a rule in a call.
    pub(crate) fn misbehaved(&self, call: &Call, cause: &str) -> Failure {
        self.loaded.misbehaved(call, cause)
    }

    /// Reads a JSON document that a call answered with.
    pub(crate) fn document<T: DeserializeOwned>(&self, call: &Call, document: &str) -> Result<T, Failure> {
        parse_json(document, self.loaded.sandbox.limits().message_bytes)
            .map_err(|error| self.misbehaved(call, &format!("answered with malformed JSON: {error}")))
    }
}

impl Loaded {
    fn misbehaved(&self, call: &Call, cause: &str) -> Failure {
        let mut failure = Failure::new(
            Disposition::Plugin,
            format!("plugin {}, {call}: {cause}", self.label),
        );
        failure.details.push(("plugin".to_owned(), self.label.clone()));
        failure
            .details
            .push(("function".to_owned(), call.function.to_owned()));
        failure
    }

    async fn run<T, F>(&self, call: Call, access: &Access, work: F) -> Result<T, Failure>
    where
        T: Answer + Send,
        F: for<'s> FnOnce(&'s mut Session) -> Work<'s, T> + Send,
    {
        let shared = &self.sandbox.0;
        // Waiting for a place holds no instance and costs no time of the call.
        let Ok(_permit) = shared.permits.acquire().await else {
            return Err(Failure::new(Disposition::Cancelled, "the sandbox is closed"));
        };
        let limits = &shared.limits;
        let deadline = match call.class {
            Class::Pure => limits.pure_deadline,
            Class::Operation => limits.operation_deadline,
        };
        let configuration = match &access.configuration {
            Some(configuration) if call.class == Class::Operation => Some(
                access
                    .seal(&self.label, &call, Value::clone(configuration))
                    .await?,
            ),
            _ => None,
        };
        let vetting = Vetting::new(limits.message_bytes, access.vault.clone());
        let record = Arc::new(Record::new(
            self.label.clone(),
            call,
            limits.output_bytes,
            vetting.clone(),
        ));
        let started = Instant::now();
        // When the deadline passes the future is dropped and with it the store: a stopped instance is never
        // used again.
        let ended = tokio::time::timeout(deadline, async {
            let mut store = store::new(
                &shared.engine,
                limits,
                &self.digest,
                &record,
                access.cloud.clone(),
                access.repeat.as_deref(),
            );
            store.data_mut().cpu.resume();
            let instance = self.pre.instantiate_async(&mut store).await?;
            let mut session = Session { store, instance };
            if let Some(configuration) = configuration {
                self.exports.configure(&mut session, configuration).await?;
            }
            work(&mut session).await
        })
        .await;
        record.log_output();
        tracing::trace!(
            target: "konductor::plugin",
            plugin = self.label,
            function = record.call.function,
            resource = record.call.subject,
            microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "call ended"
        );
        let cause = match ended {
            Ok(Ok(mut answer)) => match answer.vet(&vetting) {
                Ok(()) => return Ok(answer),
                Err(wrong) => format!("answered with {wrong}"),
            },
            Ok(Err(GuestError::Failed(mut failure))) => match failure.vet(&vetting) {
                Ok(()) => return Err(failure),
                Err(wrong) => format!("answered with {wrong}"),
            },
            Ok(Err(GuestError::Malformed(what))) => {
                format!("answered with a malformed value: {}", vetting.line(&what))
            }
            Ok(Err(GuestError::Trap(error))) => trap::cause(&error, &record),
            Err(_) => trap::overdue(deadline, &record),
        };
        // Most causes are the host's own words; some repeat what the guest wrote.
        let cause = vetting.lines_within(&cause, CAUSE);
        let mut failure = self.misbehaved(&record.call, &cause);
        let printed = record.printed(Stream::Error);
        if !printed.trim().is_empty() {
            failure
                .details
                .push(("standard error".to_owned(), tail(&printed).to_owned()));
        }
        Err(failure)
    }
}

/// Returns the last bytes of a text, at a character.
fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(TAIL);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or(text).trim()
}

fn parse_json<T: DeserializeOwned>(document: &str, limit: usize) -> Result<T, serde_json::Error> {
    let mut json: serde_json::Value = serde_json::from_str(document)?;
    text::make_json_printable(&mut json, limit);
    serde_json::from_value(json)
}

/// Names each member in which a packed manifest differs from the one a plugin describes itself with.
fn differences(packed: &Manifest, described: &Manifest) -> Vec<String> {
    let members = |manifest: &Manifest| match serde_json::to_value(manifest) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let (packed, described) = (members(packed), members(described));
    let names: BTreeSet<&String> = packed.keys().chain(described.keys()).collect();
    let shown = |value: Option<&serde_json::Value>| {
        value.map_or_else(
            || "nothing".to_owned(),
            |value| text::cut(&value.to_string(), SHOWN),
        )
    };
    names
        .into_iter()
        .filter(|name| packed.get(*name) != described.get(*name))
        .map(|name| {
            format!(
                "`{name}` is packed as {} and described as {}",
                shown(packed.get(name)),
                shown(described.get(name))
            )
        })
        .collect()
}

/// The fewest characters that a cloud can allow in keys and values of tags.
const SHORTEST_TAG: usize = 16;

fn check_manifest(manifest: Manifest, parts: &Parts) -> Result<Manifest, ManifestError> {
    let mut problems = Vec::new();
    let name = &manifest.name;
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !is_word {
        problems.push(format!(
            "its name `{name}` is not a word of letters, digits, `-` and `_` that starts with a letter"
        ));
    }
    let mut seen = BTreeSet::new();
    for kind in manifest.resource_types.iter().chain(&manifest.component_types) {
        if kind.provider() != name {
            problems.push(format!(
                "it claims the type {kind}, which does not start with `{name}:`"
            ));
        }
        if !seen.insert(kind) {
            problems.push(format!("it names the type {kind} twice"));
        }
    }
    let claims = !seen.is_empty() || !manifest.modules.is_empty();
    if claims && !parts.provider {
        problems
            .push("it names types or modules, but does not export the interfaces of a provider".to_owned());
    }
    let mut endpoints = BTreeSet::new();
    for endpoint in &manifest.endpoints {
        if endpoint.id.is_empty() || !endpoints.insert(&endpoint.id) {
            problems.push(format!(
                "the endpoint identifier `{}` is empty or used twice",
                endpoint.id
            ));
        }
    }
    // Less would not even hold what is left of a text that was cut.
    if let Some(rules) = &manifest.tag_rules
        && (rules.longest_key < SHORTEST_TAG || rules.longest_value < SHORTEST_TAG)
    {
        problems.push(format!(
            "its cloud would allow tags of less than {SHORTEST_TAG} characters"
        ));
    }
    if problems.is_empty() {
        Ok(manifest)
    } else {
        Err(ManifestError::Contradiction(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(manifest: serde_json::Value, provider: bool) -> Result<Manifest, String> {
        let parts = Parts {
            version: semver::Version::new(0, 1, 0),
            provider,
            compliance: !provider,
        };
        let manifest: Manifest = parse_json(&manifest.to_string(), 100).map_err(|e| e.to_string())?;
        check_manifest(manifest, &parts).map_err(|e| e.to_string())
    }

    #[test]
    fn a_cloud_that_allows_tags_allows_more_than_a_few_characters() {
        let tags = |longest: usize| {
            let rules = serde_json::json!({"most": 50, "longest_key": 128, "longest_value": longest});
            check(
                serde_json::json!({"name": "a", "version": "1.0.0", "tag_rules": rules}),
                true,
            )
        };
        assert!(tags(63).is_ok());
        let error = tags(1).unwrap_err();
        assert!(error.contains("less than 16 characters"), "{error}");
    }

    #[test]
    fn a_manifest_may_claim_only_types_of_its_own_name_and_each_once() {
        let honest = serde_json::json!({"name": "a", "version": "1.0.0", "resource_types": ["a:b:C"]});
        assert!(check(honest.clone(), true).is_ok());
        assert!(
            check(honest, false)
                .unwrap_err()
                .contains("does not export the interfaces of a provider")
        );
        let liar = serde_json::json!({"name": "a", "version": "1.0.0",
            "resource_types": ["aws:s3:Bucket", "a:b:C"], "component_types": ["a:b:C"],
            "endpoints": [{"id": "", "protocol": "aws", "service": "s3"}]});
        assert_eq!(
            check(liar, true).unwrap_err(),
            "it claims the type aws:s3:Bucket, which does not start with `a:`; it names the type a:b:C twice; \
             the endpoint identifier `` is empty or used twice"
        );
        let nameless = serde_json::json!({"name": "a b", "version": "1.0.0"});
        assert!(check(nameless, true).unwrap_err().contains("is not a word"));
        assert!(
            check(serde_json::json!({"name": "a"}), true)
                .unwrap_err()
                .contains("version")
        );
    }

    #[test]
    fn the_tail_of_a_text_begins_at_a_character() {
        assert_eq!(tail(&"é".repeat(TAIL)).len(), TAIL);
        assert_eq!(tail(" short "), "short");
    }
}
