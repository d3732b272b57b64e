//! Where credentials come from: the module's `credentials` configuration, or the standard AWS chain.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use konductor_model::{SecretText, Value};
use url::Url;

use crate::section::SectionReader;

/// Keys that were configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeys {
    /// The identifier, which is not secret.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: SecretText,
    /// The token of a temporary credential.
    pub session_token: Option<SecretText>,
}

/// Who asks: the credential that requests are signed with, or that assumes the role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CredentialBase {
    /// Environment, profile, SSO, web identity, container, instance role: the order of the AWS tools.
    #[default]
    StandardChain,
    /// One profile of the AWS configuration files, before anything in the environment.
    Profile(String),
    /// Configured keys.
    Keys(AccessKeys),
    /// A token of an OpenID Connect provider, exchanged for a role's credentials.
    WebIdentity(WebIdentity),
}

/// An OpenID Connect token, as build servers hand out, and the role it is exchanged for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebIdentity {
    /// The role.
    pub role_arn: String,
    /// The file that holds the token; it is read again for every new session.
    pub token_file: PathBuf,
    /// The session's name in the account's own audit log; `konductor` if not given.
    pub session_name: Option<String>,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AssumeRole {
    /// The role.
    pub role_arn: String,
    /// What the role's owner asks for.
    pub external_id: Option<SecretText>,
    /// The session's name in the account's own audit log; `konductor` if not given.
    pub session_name: Option<String>,
    /// Tags of the session.
    pub session_tags: BTreeMap<String, String>,
    /// How long one session lasts: 15 minutes to 12 hours; the role's owner may allow less.
    pub duration: Option<Duration>,
}

/// Where the credentials of a session come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialSource {
    /// Who asks.
    pub base: CredentialBase,
    /// The role to assume with it.
    pub assume_role: Option<AssumeRole>,
    /// The region whose token service is asked; the default region of the first granted endpoint if not given.
    pub region: Option<String>,
}

/// Everything that is wrong with a `credentials` section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("credentials: {}", .problems.iter().map(|(path, problem)| format!("{path}: {problem}")).collect::<Vec<_>>().join("; "))]
pub struct CredentialSourceError {
    /// The member, as a path below the section, and what is wrong with it; never its value.
    pub problems: Vec<(String, String)>,
}

/// Why there are no credentials. It says what was tried and what to do, and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {advice}")]
pub struct CredentialError {
    /// What happened.
    pub reason: String,
    /// What to do.
    pub advice: &'static str,
}

impl CredentialSource {
    /// Reads a module's `credentials` section: `access_key_id`, `secret_access_key`, `session_token`, or
    /// `profile`, and `assume_role` with `role_arn`, `external_id`, `session_name`, `session_tags` and `duration`
    /// in seconds or as `1h`. Null and an empty map mean the standard chain.
    ///
    /// # Errors
    /// Every member that is unknown, missing or of the wrong kind.
    pub fn from_value(value: &Value) -> Result<Self, CredentialSourceError> {
        let mut reader = SectionReader::default();
        let source = reader.source(value.reveal());
        if reader.problems.is_empty() {
            Ok(source)
        } else {
            Err(CredentialSourceError {
                problems: reader.problems,
            })
        }
    }

    /// Says in words what is used, without a secret.
    pub fn describe(&self) -> String {
        let base = match &self.base {
            CredentialBase::StandardChain => "the standard AWS chain".to_owned(),
            CredentialBase::Profile(profile) => format!("profile `{profile}`"),
            CredentialBase::Keys(keys) => format!("the configured key {}", keys.access_key_id),
            CredentialBase::WebIdentity(identity) => {
                format!(
                    "{} by the token in {}",
                    identity.role_arn,
                    identity.token_file.display()
                )
            }
        };
        match &self.assume_role {
            Some(role) => format!("{base}, assuming {}", role.role_arn),
            None => base,
        }
    }

    pub(crate) fn advice(&self) -> &'static str {
        match (&self.base, &self.assume_role) {
            (_, Some(_)) => {
                "check that the base credential may call sts:AssumeRole on this role, and its external id"
            }
            (CredentialBase::StandardChain, None) => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, sign in with `aws sso login`, or configure the \
                 module's `credentials` (`profile`, `access_key_id` with `secret_access_key`, `assume_role`)"
            }
            (CredentialBase::Profile(_), None) => {
                "check the profile's name in the AWS configuration files, and sign in with `aws sso login --profile …` \
                 if it uses SSO"
            }
            (CredentialBase::Keys(_), None) => "check the module's `credentials`",
            (CredentialBase::WebIdentity(_), None) => {
                "check that the token file under `oidc_provider` can be read and that the role trusts the token's issuer"
            }
        }
    }

    /// Builds the SDK's providers. Nothing is asked yet.
    pub(crate) async fn providers(&self, context: &ProviderContext) -> Providers {
        let region = aws_config::Region::new(self.region.clone().unwrap_or_else(|| context.region.clone()));
        let settings = ProviderConfig::without_region()
            .with_region(Some(region.clone()))
            .with_use_fips(Some(context.fips).filter(|required| *required))
            .with_http_client(context.http.clone());
        let base = match &self.base {
            CredentialBase::StandardChain => SharedCredentialsProvider::new(
                DefaultCredentialsChain::builder()
                    .configure(settings)
                    .region(region.clone())
                    .build()
                    .await,
            ),
            CredentialBase::Profile(profile) => SharedCredentialsProvider::new(
                ProfileFileCredentialsProvider::builder()
                    .configure(&settings)
                    .profile_name(profile)
                    .build(),
            ),
            CredentialBase::Keys(keys) => SharedCredentialsProvider::new(Credentials::new(
                keys.access_key_id.clone(),
                keys.secret_access_key.reveal(),
                keys.session_token.as_ref().map(|token| token.reveal().to_owned()),
                None,
                "konductor configuration",
            )),
            CredentialBase::WebIdentity(identity) => SharedCredentialsProvider::new(
                WebIdentityTokenCredentialsProvider::builder()
                    .configure(&settings)
                    .static_configuration(StaticConfiguration {
                        web_identity_token_file: identity.token_file.clone(),
                        role_arn: identity.role_arn.clone(),
                        session_name: identity
                            .session_name
                            .clone()
                            .unwrap_or_else(|| "konductor".to_owned()),
                    })
                    .build(),
            ),
        };
        let Some(role) = &self.assume_role else {
            return Providers {
                signing: base,
                role_base: None,
            };
        };
        let role_base = Some(base.clone());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(context.http.clone())
            .region(region)
            .credentials_provider(base);
        if context.fips {
            loader = loader.use_fips(true);
        }
        if let Some(endpoint) = &context.sts_endpoint {
            loader = loader.endpoint_url(endpoint.as_str());
        }
        let mut builder = AssumeRoleProvider::builder(&role.role_arn)
            .configure(&loader.load().await)
            .session_name(role.session_name.as_deref().unwrap_or("konductor"));
        if let Some(external_id) = &role.external_id {
            builder = builder.external_id(external_id.reveal());
        }
        if let Some(duration) = role.duration {
            builder = builder.session_length(duration);
        }
        if !role.session_tags.is_empty() {
            builder = builder.tags(role.session_tags.clone());
        }
        Providers {
            signing: SharedCredentialsProvider::new(builder.build().await),
            role_base,
        }
    }
}

/// The SDK's providers of one source.
pub(crate) struct Providers {
    /// Gives what requests are signed with.
    pub(crate) signing: SharedCredentialsProvider,
    /// Gives what the role is assumed with, where there is one.
    pub(crate) role_base: Option<SharedCredentialsProvider>,
}

/// What every provider is built with.
#[derive(Debug, Clone)]
pub(crate) struct ProviderContext {
    pub(crate) http: SharedHttpClient,
    pub(crate) region: String,
    pub(crate) sts_endpoint: Option<Url>,
    pub(crate) fips: bool,
}

impl SectionReader {
    fn source(&mut self, value: &Value) -> CredentialSource {
        if value.is_null() {
            return CredentialSource::default();
        }
        let Some(map) = self.map("", value) else {
            return CredentialSource::default();
        };
        self.known(
            "",
            map,
            &[
                "access_key_id",
                "secret_access_key",
                "session_token",
                "profile",
                "assume_role",
            ],
        );
        let identifier = self.text(map, "", "access_key_id");
        let secret = self.text(map, "", "secret_access_key").map(SecretText::new);
        let token = self.text(map, "", "session_token").map(SecretText::new);
        let profile = self.text(map, "", "profile");
        let has_keys = identifier.is_some() || secret.is_some() || token.is_some();
        if has_keys && profile.is_some() {
            self.problem("profile", "give either a profile or keys, not both");
        }
        let base = match (identifier, secret, profile) {
            (Some(access_key_id), Some(secret_access_key), _) => CredentialBase::Keys(AccessKeys {
                access_key_id,
                secret_access_key,
                session_token: token,
            }),
            (None, None, Some(profile)) => CredentialBase::Profile(profile),
            (None, None, None) if !has_keys => CredentialBase::StandardChain,
            (None, ..) => {
                self.problem("access_key_id", "is missing beside the secret key or token");
                CredentialBase::StandardChain
            }
            (Some(_), None, _) => {
                self.problem("secret_access_key", "is missing beside the access key");
                CredentialBase::StandardChain
            }
        };
        let assume_role = map
            .get("assume_role")
            .map(Value::reveal)
            .filter(|role| !role.is_null());
        let assume_role = assume_role.and_then(|role| self.role(role));
        CredentialSource {
            base,
            assume_role,
            region: None,
        }
    }

    fn role(&mut self, value: &Value) -> Option<AssumeRole> {
        const AT: &str = "assume_role";
        let map = self.map(AT, value)?;
        self.known(
            AT,
            map,
            &[
                "role_arn",
                "external_id",
                "session_name",
                "session_tags",
                "duration",
            ],
        );
        let role_arn = self.text(map, AT, "role_arn").unwrap_or_default();
        if !role_arn.starts_with("arn:") || !role_arn.contains(":role/") {
            self.problem(
                &format!("{AT}.role_arn"),
                "is needed, as `arn:aws:iam::ACCOUNT:role/NAME`",
            );
        }
        let mut session_tags = BTreeMap::new();
        let tags = map
            .get("session_tags")
            .map(Value::reveal)
            .filter(|tags| !tags.is_null());
        if let Some(tags) = tags.and_then(|tags| self.map(&format!("{AT}.session_tags"), tags)) {
            for name in tags.keys() {
                if let Some(text) = self.text(tags, &format!("{AT}.session_tags"), name) {
                    session_tags.insert(name.clone(), text);
                }
            }
        }
        Some(AssumeRole {
            role_arn,
            external_id: self.text(map, AT, "external_id").map(SecretText::new),
            session_name: self.text(map, AT, "session_name"),
            session_tags,
            duration: self.duration(map.get("duration").map(Value::reveal)),
        })
    }

    fn duration(&mut self, value: Option<&Value>) -> Option<Duration> {
        let duration = match value? {
            Value::Null => return None,
            Value::Integer(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            Value::Text(text) => text
                .parse::<jiff::SignedDuration>()
                .ok()
                .and_then(|duration| Duration::try_from(duration).ok()),
            _ => None,
        };
        let allowed = Duration::from_secs(15 * 60)..=Duration::from_secs(12 * 60 * 60);
        if duration.is_none_or(|duration| !allowed.contains(&duration)) {
            self.problem(
                "assume_role.duration",
                "is a time from `15m` to `12h`, or so many seconds",
            );
        }
        duration
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(members: &[(&str, Value)]) -> Value {
        Value::Map(
            members
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        )
    }

    #[test]
    fn nothing_configured_means_the_standard_chain() {
        for value in [Value::Null, Value::empty_map()] {
            assert_eq!(
                CredentialSource::from_value(&value).unwrap(),
                CredentialSource::default()
            );
        }
    }

    #[test]
    fn keys_and_a_role_are_read_and_never_shown() {
        let value = map(&[
            ("access_key_id", "AKIDEXAMPLE".into()),
            (
                "secret_access_key",
                Value::from("planted-secret-key").into_secret(),
            ),
            (
                "assume_role",
                map(&[
                    ("role_arn", "arn:aws:iam::123456789012:role/deploy".into()),
                    ("external_id", Value::from("planted-external-id").into_secret()),
                    ("session_tags", map(&[("team", "network".into())])),
                    ("duration", "1h".into()),
                ]),
            ),
        ]);
        let source = CredentialSource::from_value(&value).unwrap();
        let role = source.assume_role.as_ref().unwrap();
        assert_eq!(role.duration, Some(Duration::from_secs(3600)));
        assert_eq!(role.session_tags.get("team").map(String::as_str), Some("network"));
        let shown = format!("{source:?} {}", source.describe());
        assert!(!shown.contains("planted"), "{shown}");
    }

    #[test]
    fn all_mistakes_are_named_at_once_and_no_value_is_repeated() {
        let value = map(&[
            ("secret_acces_key", "planted-secret-key".into()),
            ("access_key_id", "AKIDEXAMPLE".into()),
            (
                "assume_role",
                map(&[("role_arn", "deploy".into()), ("duration", Value::Integer(5))]),
            ),
        ]);
        let error = CredentialSource::from_value(&value).unwrap_err();
        let places: Vec<&str> = error.problems.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(
            places,
            [
                "secret_acces_key",
                "secret_access_key",
                "assume_role.role_arn",
                "assume_role.duration",
            ]
        );
        assert!(!error.to_string().contains("planted"));
    }

    #[test]
    fn a_profile_beside_keys_is_refused() {
        let value = map(&[
            ("access_key_id", "AKIDEXAMPLE".into()),
            ("secret_access_key", "planted-secret-key".into()),
            ("profile", "work".into()),
        ]);
        let error = CredentialSource::from_value(&value).unwrap_err();
        assert_eq!(
            error.to_string(),
            "credentials: profile: give either a profile or keys, not both"
        );
    }
}
