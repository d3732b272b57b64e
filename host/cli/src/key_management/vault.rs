//! Data keys wrapped by the transit engine of HashiCorp Vault or OpenBao: the key never leaves the server.

use std::path::PathBuf;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use konductor_broker::HttpCredential;
use konductor_config::VaultKey;
use konductor_model::SecretText;
use konductor_state::StackIdentity;
use konductor_state::keys::{KeyName, KeyProvider, KeyProviderError};
use serde_json::{Value as Json, json};
use url::Url;
use zeroize::Zeroizing;

use super::service::{self, Connection};
use super::{failed, text};
use crate::environment::Environment;
use crate::state_place::check_private;

/// A key of the transit engine.
pub struct Vault {
    name: KeyName,
    base: String,
    key: String,
    namespace: Option<String>,
    environment: Environment,
    connection: Connection,
}

impl Vault {
    /// Takes over what is written of a key. The token is looked for when it is needed.
    pub fn new(key: &VaultKey, environment: &Environment) -> Self {
        let mount = key.mount.as_ref().map_or("transit", |mount| mount.text.as_str());
        let address = key.address.text.trim_end_matches('/');
        Self {
            name: KeyName::new("vault", format!("{address}/{mount}/{}", key.key.text)),
            base: format!("{address}/v1/{mount}"),
            key: key.key.text.clone(),
            namespace: key.namespace.as_ref().map(|namespace| namespace.text.clone()),
            environment: environment.clone(),
            connection: Connection::new(environment.clone()),
        }
    }

    async fn call(&self, operation: &str, body: &Json) -> Result<Json, KeyProviderError> {
        let mut origin: Url = self
            .base
            .parse()
            .map_err(|error| failed(format!("`{}` is no address: {error}", self.base)))?;
        origin.set_path("/");
        let value = token(&self.environment)?.ok_or_else(|| {
            failed("there is no token: set VAULT_TOKEN or VAULT_TOKEN_FILE, or log in with `vault login`")
        })?;
        let requests = self.connection.requests(|broker| {
            let name = HeaderName::from_static("x-vault-token");
            broker.own_http_requests(&origin, HttpCredential::Header { name, value })
        })?;
        let mut request = http::Request::post(format!("{}/{operation}/{}", self.base, self.key))
            .header("content-type", "application/json")
            .header("x-vault-request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let request = request
            .body(body.to_string().into_bytes())
            .map_err(|error| failed(error.to_string()))?;
        let mut answer = service::ask(requests, &request, |answer| {
            let errors = answer.get("errors")?.as_array()?;
            let errors: Vec<&str> = errors.iter().filter_map(Json::as_str).collect();
            Some(errors.join("; "))
        })
        .await?;
        Ok(answer.get_mut("data").map(Json::take).unwrap_or_default())
    }
}

/// Returns the token, from where the tools of Vault and OpenBao look for it.
fn token(environment: &Environment) -> Result<Option<SecretText>, KeyProviderError> {
    let given = ["VAULT_TOKEN", "BAO_TOKEN"]
        .iter()
        .find_map(|name| environment.variable(name));
    if let Some(token) = given {
        return Ok(Some(SecretText::new(token)));
    }
    let named = environment.variable("VAULT_TOKEN_FILE").map(PathBuf::from);
    let file = match (&named, environment.home()) {
        (Some(file), _) => file.clone(),
        (None, Some(home)) => home.join(".vault-token"),
        (None, None) => return Ok(None),
    };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(format!("{} cannot be read: {error}", file.display()))),
    };
    check_private(&file).map_err(|error| failed(error.to_string().trim_end().to_owned()))?;
    Ok(Some(SecretText::new(text.trim())))
}

#[async_trait]
impl KeyProvider for Vault {
    fn name(&self) -> &KeyName {
        &self.name
    }

    async fn wrap(&self, _: &StackIdentity, plain: &SecretText) -> Result<String, KeyProviderError> {
        let body = json!({ "plaintext": STANDARD.encode(plain.reveal()) });
        let data = self.call("encrypt", &body).await?;
        let wrapped = data.get("ciphertext").and_then(Json::as_str);
        wrapped
            .map(str::to_owned)
            .ok_or_else(|| failed("its answer holds no `ciphertext`"))
    }

    async fn unwrap(&self, _: &StackIdentity, wrapped: &str) -> Result<SecretText, KeyProviderError> {
        let data = self.call("decrypt", &json!({ "ciphertext": wrapped })).await?;
        let plain = data.get("plaintext").and_then(Json::as_str);
        let plain = plain.and_then(|plain| STANDARD.decode(plain).map(Zeroizing::new).ok());
        text(&plain.ok_or_else(|| failed("its answer holds no `plaintext`"))?)
    }
}
