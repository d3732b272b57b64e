//! Tokens of Google Cloud: for a service account's key, a user's login, an instance's own identity, a workload of
//! another identity provider, and for a service account that one of these may act as.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderName;
use konductor_model::SecretText;
use serde_json::{Value as Json, json};
use url::Url;

use super::google_file::{Federation, GoogleFile, SubjectPlace};
use super::token_requests::{Question, TokenRequests, granted};
use super::{BearerToken, assertion};

/// What lets a token ask for one of another service account.
const IAM_SCOPE: &str = "https://www.googleapis.com/auth/iam";

/// All that a principal may do.
const PLATFORM_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How long an assertion is good; no service takes more.
const ASSERTION_LASTS: u64 = 3600;

/// How long a token of an impersonated service account lasts where nothing else is configured.
const IMPERSONATION_LASTS: &str = "3600s";

/// How deep credentials may stand in credentials.
const MOST_NESTING: u8 = 3;

/// Scopes of single services: what they are called below `https://www.googleapis.com/auth/`, for all of the service
/// and for reading it. Other services know the scope of the whole platform only.
const SERVICE_SCOPES: [(&str, &str, &str); 5] = [
    (
        "cloudresourcemanager",
        "cloud-platform",
        "cloud-platform.read-only",
    ),
    ("compute", "compute", "compute.readonly"),
    ("dns", "ndev.clouddns.readwrite", "ndev.clouddns.readonly"),
    ("pubsub", "pubsub", "pubsub"),
    ("storage", "devstorage.full_control", "devstorage.read_only"),
];

/// Returns the scope of a service.
pub(crate) fn scope(service: &str, only_reads: bool) -> String {
    SERVICE_SCOPES
        .iter()
        .find(|(name, ..)| *name == service)
        .map_or_else(
            || PLATFORM_SCOPE.to_owned(),
            |(_, all, reading)| {
                let name = if only_reads { reading } else { all };
                format!("https://www.googleapis.com/auth/{name}")
            },
        )
}

/// Who asks Google for a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GoogleBase {
    /// What Google's own tools use: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, the login of `gcloud`, or the
    /// identity of the instance that this runs on.
    #[default]
    ApplicationDefault,
    /// A file of credentials: a service account's key, a user's login, a federation or an impersonation.
    File(PathBuf),
    /// The text of such a file.
    Json(SecretText),
    /// The identity of the instance that this runs on.
    MetadataServer,
}

/// Where things are that differ from machine to machine. The environment says it, not the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GooglePlaces {
    /// The file that `GOOGLE_APPLICATION_CREDENTIALS` names.
    pub named_file: Option<PathBuf>,
    /// The file of `gcloud auth application-default login`.
    pub login_file: Option<PathBuf>,
    /// The host, and the port, of the metadata server instead of the instance's own: `GCE_METADATA_HOST`.
    pub metadata_host: Option<String>,
    /// Where service accounts are impersonated instead of `https://iamcredentials.googleapis.com`.
    pub iam_credentials: Option<Url>,
}

/// A service account to act as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonation {
    /// Its e-mail address.
    pub service_account: String,
    /// Service accounts in between, each of which may act as the next.
    pub delegates: Vec<String>,
}

/// Where the tokens of Google Cloud come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GoogleSource {
    /// Who asks.
    pub base: GoogleBase,
    /// The service account to act as.
    pub impersonate: Option<Impersonation>,
    /// The project whose quota requests count against, and that pays for them.
    pub quota_project: Option<String>,
    /// What the environment says.
    pub places: GooglePlaces,
}

impl GoogleSource {
    /// Says in words what is used, without a secret.
    pub(crate) fn describe(&self) -> String {
        let base = match &self.base {
            GoogleBase::ApplicationDefault => "the application default credentials".to_owned(),
            GoogleBase::File(path) => format!("the credentials in {}", path.display()),
            GoogleBase::Json(_) => "the configured credentials".to_owned(),
            GoogleBase::MetadataServer => "the instance's metadata server".to_owned(),
        };
        match &self.impersonate {
            Some(impersonation) => format!("{base}, acting as {},", impersonation.service_account),
            None => base,
        }
    }

    pub(crate) fn advice(&self) -> &'static str {
        match (&self.base, &self.impersonate) {
            (_, Some(_)) => {
                "check that the base credentials have the role `Service Account Token Creator` on this service account"
            }
            (GoogleBase::ApplicationDefault, None) => {
                "sign in with `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS, or configure \
                 the module's `credentials` (`file`, `json`, `metadata_server`, `access_token`)"
            }
            (GoogleBase::File(_) | GoogleBase::Json(_), None) => {
                "check that the key is not disabled or deleted, and this machine's clock"
            }
            (GoogleBase::MetadataServer, None) => {
                "run on an instance with a service account, or configure other `credentials`"
            }
        }
    }

    /// Returns a token for a scope.
    ///
    /// # Errors
    /// With what is wrong, without a secret.
    pub(crate) async fn fetch(&self, requests: &TokenRequests, scope: &str) -> Result<BearerToken, String> {
        // Whoever acts as another needs nothing but that.
        let base_scope = if self.impersonate.is_some() {
            IAM_SCOPE
        } else {
            scope
        };
        let mut token = match &self.base {
            GoogleBase::MetadataServer => self.metadata_token(requests).await?,
            GoogleBase::File(path) => self.path_token(requests, path, base_scope).await?,
            GoogleBase::Json(text) => self.text_token(requests, text.reveal(), base_scope).await?,
            GoogleBase::ApplicationDefault => match self.default_file().await {
                Some(path) => self.path_token(requests, &path, base_scope).await?,
                None => self.metadata_token(requests).await?,
            },
        };
        if let Some(Impersonation {
            service_account,
            delegates,
        }) = &self.impersonate
        {
            let origin = self.places.iam_credentials.as_ref().map_or_else(
                || "https://iamcredentials.googleapis.com".to_owned(),
                |url| url.as_str().trim_end_matches('/').to_owned(),
            );
            let url = format!("{origin}/v1/projects/-/serviceAccounts/{service_account}:generateAccessToken");
            let quota_project = token.quota_project.take();
            token = impersonated(requests, &token, &address(&url)?, delegates, scope).await?;
            token.quota_project = quota_project;
        }
        if self.quota_project.is_some() {
            token.quota_project.clone_from(&self.quota_project);
        }
        Ok(token)
    }

    /// Returns the file of the application default credentials. One that is named counts even where it is missing.
    async fn default_file(&self) -> Option<PathBuf> {
        if self.places.named_file.is_some() {
            return self.places.named_file.clone();
        }
        let login = self.places.login_file.clone()?;
        let there = login.clone();
        let exists = tokio::task::spawn_blocking(move || there.exists()).await;
        exists.unwrap_or(false).then_some(login)
    }

    async fn path_token(
        &self,
        requests: &TokenRequests,
        path: &Path,
        scope: &str,
    ) -> Result<BearerToken, String> {
        // It is read for every token, so a key that was changed counts at once.
        let text = read(path)
            .await
            .map_err(|reason| format!("{}: {reason}", path.display()))?;
        let text = String::from_utf8(text).map_err(|_| format!("{} is not text", path.display()))?;
        self.text_token(requests, &text, scope).await
    }

    async fn text_token(
        &self,
        requests: &TokenRequests,
        text: &str,
        scope: &str,
    ) -> Result<BearerToken, String> {
        let file: Json = serde_json::from_str(text).map_err(|error| {
            format!(
                "they are not JSON (line {}, column {})",
                error.line(),
                error.column()
            )
        })?;
        let file = GoogleFile::read(&file, MOST_NESTING)?;
        self.file_token(requests, &file, scope).await
    }

    async fn file_token(
        &self,
        requests: &TokenRequests,
        file: &GoogleFile,
        scope: &str,
    ) -> Result<BearerToken, String> {
        match file {
            GoogleFile::ServiceAccount {
                email,
                key,
                key_id,
                token_url,
            } => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_secs());
                let claims = json!({
                    "iss": email,
                    "scope": scope,
                    // As it stands in the file: the service compares the text.
                    "aud": token_url,
                    "iat": now,
                    "exp": now.saturating_add(ASSERTION_LASTS),
                });
                let header = key_id.as_ref().map_or_else(|| json!({}), |id| json!({"kid": id}));
                let assertion = assertion::signed(key.reveal(), header, &claims)?;
                let fields = [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", assertion.as_str()),
                ];
                exchanged(requests, &Question::form(&address(token_url)?, &fields)).await
            }
            GoogleFile::AuthorizedUser {
                client_id,
                client_secret,
                refresh_token,
                token_url,
                quota_project,
            } => {
                // What was consented to at the login is what there is: a narrower scope is refused.
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id.as_str()),
                    ("client_secret", client_secret.reveal()),
                    ("refresh_token", refresh_token.reveal()),
                ];
                let mut token = exchanged(requests, &Question::form(&address(token_url)?, &fields)).await?;
                token.quota_project.clone_from(quota_project);
                Ok(token)
            }
            GoogleFile::External(federation) => federated(requests, federation, scope).await,
            GoogleFile::Impersonated {
                source,
                url,
                delegates,
                quota_project,
            } => {
                let base = Box::pin(self.file_token(requests, source, IAM_SCOPE)).await?;
                let mut token = impersonated(requests, &base, &address(url)?, delegates, scope).await?;
                token.quota_project.clone_from(quota_project);
                Ok(token)
            }
        }
    }

    async fn metadata_token(&self, requests: &TokenRequests) -> Result<BearerToken, String> {
        // By address, as Google's libraries do: a name server cannot send it elsewhere.
        let host = self.places.metadata_host.as_deref().unwrap_or("169.254.169.254");
        let url = address(&format!(
            "http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
        ))?;
        let mut question = Question::get(&url);
        question
            .headers
            .push((HeaderName::from_static("metadata-flavor"), "Google".to_owned()));
        exchanged(requests, &question).await
    }
}

/// Exchanges the token of another identity provider, and acts as a service account where the file says so.
async fn federated(
    requests: &TokenRequests,
    federation: &Federation,
    scope: &str,
) -> Result<BearerToken, String> {
    let subject = match &federation.place {
        SubjectPlace::File(path) => read(path)
            .await
            .map_err(|reason| format!("the subject token in {}: {reason}", path.display()))?,
        SubjectPlace::Url(url, headers) => {
            let url = address(url)?;
            let mut question = Question::get(&url);
            for (name, value) in headers {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                    "`credential_source.headers` has a name that no header may have".to_owned()
                })?;
                question.secrets.push(value.reveal().to_owned());
                question.headers.push((name, value.reveal().to_owned()));
            }
            requests.ask(&question).await?.body
        }
    };
    let subject = federation.subject(&subject)?;
    let asked = if federation.impersonation_url.is_some() {
        PLATFORM_SCOPE
    } else {
        scope
    };
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", federation.audience.as_str()),
        ("scope", asked),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("subject_token_type", federation.subject_token_type.as_str()),
        ("subject_token", subject.reveal()),
    ];
    let url = address(&federation.token_url)?;
    let mut token = exchanged(requests, &Question::form(&url, &fields)).await?;
    if let Some(url) = &federation.impersonation_url {
        token = impersonated(requests, &token, &address(url)?, &[], scope).await?;
    }
    token.quota_project.clone_from(&federation.quota_project);
    Ok(token)
}

/// Asks for a token of a service account in the name of whoever holds another token.
async fn impersonated(
    requests: &TokenRequests,
    base: &BearerToken,
    url: &Url,
    delegates: &[String],
    scope: &str,
) -> Result<BearerToken, String> {
    let delegates: Vec<String> = delegates
        .iter()
        .map(|email| {
            if email.starts_with("projects/") {
                email.clone()
            } else {
                format!("projects/-/serviceAccounts/{email}")
            }
        })
        .collect();
    let body = json!({ "scope": [scope], "delegates": delegates, "lifetime": IMPERSONATION_LASTS });
    let answer = requests
        .json(&Question::json(url, base.value.reveal(), &body))
        .await?;
    let missing = || "the service answered without a token".to_owned();
    let token = answer
        .get("accessToken")
        .and_then(Json::as_str)
        .filter(|token| !token.is_empty())
        .ok_or_else(missing)?;
    let lifetime = answer
        .get("expireTime")
        .and_then(Json::as_str)
        .and_then(|time| time.parse::<jiff::Timestamp>().ok())
        .map(|time| time.duration_since(jiff::Timestamp::now()))
        .and_then(|lifetime| Duration::try_from(lifetime).ok())
        .unwrap_or_default();
    Ok(BearerToken::new(token.to_owned(), lifetime))
}

async fn exchanged(requests: &TokenRequests, question: &Question<'_>) -> Result<BearerToken, String> {
    let answer = requests.json(question).await?;
    let (token, lifetime) =
        granted(&answer).ok_or_else(|| "the service answered without a token".to_owned())?;
    Ok(BearerToken::new(token, lifetime))
}

/// Reads a file where a slow one keeps nobody waiting.
async fn read(path: &Path) -> Result<Vec<u8>, String> {
    let path = path.to_owned();
    match tokio::task::spawn_blocking(move || std::fs::read(path)).await {
        Ok(result) => result.map_err(|error| format!("it cannot be read: {error}")),
        Err(_) => Err("it cannot be read".to_owned()),
    }
}

fn address(text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|error| format!("an address in them is not a URL: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_the_narrowest_scope_that_is_known() {
        for (service, only_reads, expected) in [
            ("compute", false, "compute"),
            ("compute", true, "compute.readonly"),
            ("storage", true, "devstorage.read_only"),
            ("dns", false, "ndev.clouddns.readwrite"),
            ("iam", true, "cloud-platform"),
        ] {
            assert_eq!(
                scope(service, only_reads),
                format!("https://www.googleapis.com/auth/{expected}")
            );
        }
    }
}
