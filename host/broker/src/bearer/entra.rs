//! Tokens of Microsoft Entra ID: for an application with a secret, a certificate or a federated identity, for a managed
//! identity, and for whoever is signed in with the Azure CLI.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderName;
use konductor_model::SecretText;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value as Json, json};
use url::Url;

use super::BearerToken;
use super::assertion::{self, Algorithm};
use super::token_requests::{Question, TokenRequests, granted};

/// How long an assertion is good: Entra ID takes ten minutes at most for what it has not seen before.
const ASSERTION_LASTS: u64 = 600;

/// How long the Azure CLI may take.
const CLI_PATIENCE: Duration = Duration::from_secs(60);

/// Which of Microsoft's clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AzureCloud {
    /// The one that most use.
    #[default]
    Public,
    /// The one in China, run by 21Vianet.
    China,
    /// The one of the government of the United States.
    UsGovernment,
}

impl AzureCloud {
    /// Returns a cloud by its name in the configuration.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "public" => Some(Self::Public),
            "china" => Some(Self::China),
            "us-government" => Some(Self::UsGovernment),
            _ => None,
        }
    }

    /// Returns where Azure Resource Manager is, which is also what its tokens are for.
    pub fn manager(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::China => "https://management.chinacloudapi.cn",
            Self::UsGovernment => "https://management.usgovcloudapi.net",
        }
    }

    /// Returns where Entra ID gives tokens for it.
    pub fn authority(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::China => "https://login.partner.microsoftonline.cn",
            Self::UsGovernment => "https://login.microsoftonline.us",
        }
    }

    /// Returns what a token for a service is asked for.
    fn resource(self, service: &str) -> Result<&'static str, String> {
        match service {
            "arm" => Ok(self.manager()),
            other => Err(format!("no tokens are known for the service `{other}` of Azure")),
        }
    }
}

/// An application, by its identifier in Entra ID, and how it says that it is that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntraApplication {
    /// Its identifier.
    pub client_id: String,
    /// How it says so.
    pub proof: EntraProof,
}

/// How an application says that it is itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntraProof {
    /// A secret.
    Secret(SecretText),
    /// A file in PEM with a certificate and its RSA key.
    Certificate(PathBuf),
    /// A file with the token of another identity provider; it is read again for every token.
    Federated(PathBuf),
}

/// Who asks Entra ID for a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EntraBase {
    /// What the environment says as Microsoft's own libraries read it, then App Service's identity, then the Azure CLI.
    #[default]
    Environment,
    /// An application.
    Application(EntraApplication),
    /// The identity of the machine that this runs on, or the one of several that the client's identifier names.
    ManagedIdentity(Option<String>),
    /// Whoever is signed in with `az login`.
    AzureCli,
}

/// What differs from machine to machine. The environment says it, not the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntraPlaces {
    /// The application that the environment names, with its proof.
    pub application: Option<EntraApplication>,
    /// The tenant that it names.
    pub tenant_id: Option<String>,
    /// Where App Service and its kin hand out tokens, and the secret that they want to see.
    pub identity_endpoint: Option<(String, SecretText)>,
    /// Where Entra ID is instead of the cloud's own.
    pub authority: Option<Url>,
    /// Where the metadata service is instead of the machine's own.
    pub metadata: Option<Url>,
}

/// Where the tokens of Azure come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntraSource {
    /// Who asks.
    pub base: EntraBase,
    /// The tenant whose tokens are asked for.
    pub tenant_id: Option<String>,
    /// Which cloud.
    pub cloud: AzureCloud,
    /// What the environment says.
    pub places: EntraPlaces,
}

impl EntraSource {
    /// Says in words what is used, without a secret.
    pub(crate) fn describe(&self) -> String {
        match &self.base {
            EntraBase::Environment => "Entra ID by the environment or the Azure CLI".to_owned(),
            EntraBase::Application(application) => {
                format!("Entra ID for the application {}", application.client_id)
            }
            EntraBase::ManagedIdentity(_) => "the managed identity of this machine".to_owned(),
            EntraBase::AzureCli => "the Azure CLI".to_owned(),
        }
    }

    pub(crate) fn advice(&self) -> &'static str {
        match &self.base {
            EntraBase::Environment => {
                "sign in with `az login`, set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or configure the \
                 module's `credentials` (`entra_id` with `entra_secret`, `certificate` or `federated_token_file`; \
                 `managed_identity`)"
            }
            EntraBase::Application(_) => {
                "check `tenant_id`, `entra_id` and that the secret, certificate or federated identity is still registered"
            }
            EntraBase::ManagedIdentity(_) => {
                "run on a machine that has this identity, or configure other `credentials`"
            }
            EntraBase::AzureCli => "sign in with `az login`",
        }
    }

    /// Returns a token for a service.
    ///
    /// # Errors
    /// With what is wrong, without a secret.
    pub(crate) async fn fetch(&self, requests: &TokenRequests, service: &str) -> Result<BearerToken, String> {
        let resource = self.cloud.resource(service)?;
        match &self.base {
            EntraBase::Application(application) => {
                self.application_token(requests, application, resource).await
            }
            EntraBase::ManagedIdentity(client) => {
                self.identity_token(requests, client.as_deref(), resource).await
            }
            EntraBase::AzureCli => self.cli_token(resource).await,
            EntraBase::Environment => match (&self.places.application, &self.places.identity_endpoint) {
                (Some(application), _) => self.application_token(requests, application, resource).await,
                (None, Some(_)) => self.identity_token(requests, None, resource).await,
                (None, None) => self.cli_token(resource).await,
            },
        }
    }

    fn tenant(&self) -> Option<&str> {
        self.tenant_id.as_deref().or(self.places.tenant_id.as_deref())
    }

    async fn application_token(
        &self,
        requests: &TokenRequests,
        application: &EntraApplication,
        resource: &str,
    ) -> Result<BearerToken, String> {
        let tenant = self
            .tenant()
            .ok_or("the tenant is not known; set `credentials.tenant_id`")?;
        let authority = self.places.authority.as_ref().map_or_else(
            || self.cloud.authority().to_owned(),
            |url| url.as_str().trim_end_matches('/').to_owned(),
        );
        let url = address(&format!("{authority}/{tenant}/oauth2/v2.0/token"))?;
        let scope = format!("{resource}/.default");
        let client = application.client_id.as_str();
        let proof = match &application.proof {
            EntraProof::Secret(secret) => Proof::Secret(secret.reveal().to_owned()),
            EntraProof::Federated(file) => {
                let token = read(file)
                    .await
                    .map_err(|reason| format!("the federated token in {}: {reason}", file.display()))?;
                Proof::Assertion(token.trim().to_owned())
            }
            EntraProof::Certificate(file) => {
                let pem = read(file)
                    .await
                    .map_err(|reason| format!("the certificate in {}: {reason}", file.display()))?;
                Proof::Assertion(certificate_assertion(&pem, client, url.as_str())?)
            }
        };
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("scope", scope.as_str()),
        ];
        match &proof {
            Proof::Secret(secret) => fields.push(("client_secret", secret)),
            Proof::Assertion(assertion) => fields.extend([
                (
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ),
                ("client_assertion", assertion.as_str()),
            ]),
        }
        token_of(&requests.json(&Question::form(&url, &fields)).await?)
    }

    /// Asks the metadata service of a virtual machine, or what stands in its place in App Service.
    async fn identity_token(
        &self,
        requests: &TokenRequests,
        client: Option<&str>,
        resource: &str,
    ) -> Result<BearerToken, String> {
        let (place, version, header) = match &self.places.identity_endpoint {
            Some((place, secret)) if self.places.metadata.is_none() => (
                place.clone(),
                "2019-08-01",
                (
                    HeaderName::from_static("x-identity-header"),
                    secret.reveal().to_owned(),
                ),
            ),
            _ => {
                let origin = self
                    .places
                    .metadata
                    .as_ref()
                    .map_or("http://169.254.169.254", Url::as_str);
                (
                    format!("{}/metadata/identity/oauth2/token", origin.trim_end_matches('/')),
                    "2018-02-01",
                    (HeaderName::from_static("metadata"), "true".to_owned()),
                )
            }
        };
        let mut url = address(&place)?;
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("api-version", version)
                .append_pair("resource", &format!("{resource}/"));
            if let Some(client) = client {
                query.append_pair("client_id", client);
            }
        }
        let mut question = Question::get(&url);
        question.secrets.push(header.1.clone());
        question.headers.push(header);
        token_of(&requests.json(&question).await?)
    }

    /// Asks the Azure CLI, which renews the login of whoever is signed in.
    async fn cli_token(&self, resource: &str) -> Result<BearerToken, String> {
        let mut command = Command::new("az");
        command.args([
            "account",
            "get-access-token",
            "--output",
            "json",
            "--resource",
            resource,
        ]);
        if let Some(tenant) = self.tenant() {
            command.args(["--tenant", tenant]);
        }
        command.stdin(std::process::Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output());
        let ended = tokio::time::timeout(CLI_PATIENCE, run)
            .await
            .map_err(|_| "`az account get-access-token` did not end within a minute".to_owned())?;
        let output = match ended {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(format!("`az` cannot be run: {error}")),
            Err(_) => return Err("`az` cannot be run".to_owned()),
        };
        if !output.status.success() {
            let said: String = String::from_utf8_lossy(&output.stderr)
                .chars()
                .take(300)
                .collect();
            return Err(format!("`az account get-access-token` failed: {}", said.trim()));
        }
        let answer: Json = serde_json::from_slice(&output.stdout)
            .map_err(|_| "`az account get-access-token` answered something that is not JSON".to_owned())?;
        let token = answer.get("accessToken").and_then(Json::as_str);
        let token = token.ok_or("`az account get-access-token` answered without a token")?;
        Ok(BearerToken::new(
            token.to_owned(),
            until(answer.get("expires_on")),
        ))
    }
}

enum Proof {
    Secret(String),
    Assertion(String),
}

/// Reads an answer with a token. App Service says when it ends, and not how long it lasts.
fn token_of(answer: &Json) -> Result<BearerToken, String> {
    let (token, lifetime) = granted(answer).ok_or("the service answered without a token")?;
    let lifetime = if lifetime.is_zero() {
        until(answer.get("expires_on"))
    } else {
        lifetime
    };
    Ok(BearerToken::new(token, lifetime))
}

/// Returns how long it is until a time in seconds since 1970, which may be a number or a text.
fn until(time: Option<&Json>) -> Duration {
    let seconds = match time {
        Some(Json::String(text)) => text.parse().unwrap_or_default(),
        Some(number) => number.as_u64().unwrap_or_default(),
        None => 0,
    };
    Duration::from_secs(seconds.saturating_sub(now()))
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Signs an assertion with the key that stands beside a certificate.
fn certificate_assertion(pem: &str, client: &str, audience: &str) -> Result<String, String> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "the file holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)".to_owned())?;
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate));
    let now = now();
    let claims = json!({
        "aud": audience,
        "iss": client,
        "sub": client,
        "jti": format!("{:032x}", rand::random::<u128>()),
        "nbf": now.saturating_sub(60),
        "exp": now.saturating_add(ASSERTION_LASTS),
    });
    assertion::signed_by(Algorithm::Ps256, pem, json!({ "x5t#S256": thumbprint }), &claims)
}

fn address(text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))
}

/// Reads a file of text where a slow one keeps nobody waiting.
async fn read(path: &Path) -> Result<String, String> {
    let path = path.to_owned();
    match tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await {
        Ok(result) => result.map_err(|error| format!("it cannot be read: {error}")),
        Err(_) => Err("it cannot be read".to_owned()),
    }
}
