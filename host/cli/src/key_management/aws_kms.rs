//! Data keys wrapped by AWS KMS: the key never leaves the service, and what is wrapped is bound to the stack by the
//! encryption context, which the service writes into its audit log.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_broker::CredentialSource;
use konductor_config::AwsKmsKey;
use konductor_model::{Diagnostic, SecretText};
use konductor_state::StackIdentity;
use konductor_state::keys::{KeyName, KeyProvider, KeyProviderError};
use serde_json::{Value as Json, json};
use url::Url;
use zeroize::Zeroizing;

use super::service::{self, Connection};
use super::{failed, text};
use crate::environment::Environment;

/// A key of AWS KMS.
pub struct AwsKms {
    name: KeyName,
    key: String,
    region: String,
    address: String,
    connection: Connection,
}

impl AwsKms {
    /// Takes over what is written of a key. Credentials are those of the standard chain of AWS.
    ///
    /// # Errors
    /// When nothing says in which region it is.
    pub fn new(key: &AwsKmsKey, environment: &Environment) -> Result<Self, Box<Diagnostic>> {
        let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let of_environment = || variables.iter().find_map(|name| environment.variable(name));
        let region = key.written_region().or_else(of_environment).ok_or_else(|| {
            let diagnostic = Diagnostic::error("the key has no region")
                .help("add `region:`, or set AWS_REGION")
                .origin(Some(key.key.origin.clone()));
            Box::new(diagnostic)
        })?;
        let address = match &key.endpoint {
            Some(endpoint) => endpoint.text.clone(),
            None if region.starts_with("cn-") => format!("https://kms.{region}.amazonaws.com.cn"),
            None => format!("https://kms.{region}.amazonaws.com"),
        };
        let name = if key.key.text.starts_with("arn:") {
            key.key.text.clone()
        } else {
            format!("{} in {region}", key.key.text)
        };
        Ok(Self {
            name: KeyName::new("aws-kms", name),
            key: key.key.text.clone(),
            region: region.to_owned(),
            address,
            connection: Connection::new(environment.clone()),
        })
    }

    async fn call(&self, operation: &str, body: &Json) -> Result<Json, KeyProviderError> {
        let mut origin: Url = self
            .address
            .parse()
            .map_err(|error| failed(format!("`{}` is no address: {error}", self.address)))?;
        origin.set_path("/");
        let requests = self.connection.requests(|broker| {
            broker.own_requests(&origin, "kms", &self.region, CredentialSource::default())
        })?;
        let request = http::Request::post(origin.as_str())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .body(body.to_string().into_bytes())
            .map_err(|error| failed(error.to_string()))?;
        service::ask(requests, &request, |answer| {
            let member = |name: &str| answer.get(name).and_then(Json::as_str);
            let kind = member("__type").unwrap_or_default();
            let kind = kind.rsplit('#').next().unwrap_or_default();
            let message = member("message")
                .or_else(|| member("Message"))
                .unwrap_or_default();
            Some(format!("{kind} {message}").trim().to_owned())
        })
        .await
    }
}

/// What the service binds to what it wraps, and writes into its audit log.
fn context(stack: &StackIdentity) -> Json {
    json!({ "konductor:project": stack.project, "konductor:stack": stack.stack })
}

#[async_trait]
impl KeyProvider for AwsKms {
    fn name(&self) -> &KeyName {
        &self.name
    }

    async fn wrap(&self, stack: &StackIdentity, plain: &SecretText) -> Result<String, KeyProviderError> {
        let body = json!({
            "KeyId": self.key, "Plaintext": STANDARD.encode(plain.reveal()), "EncryptionContext": context(stack),
        });
        let answer = self.call("Encrypt", &body).await?;
        let wrapped = answer.get("CiphertextBlob").and_then(Json::as_str);
        wrapped
            .map(str::to_owned)
            .ok_or_else(|| failed("its answer holds no `CiphertextBlob`"))
    }

    async fn unwrap(&self, stack: &StackIdentity, wrapped: &str) -> Result<SecretText, KeyProviderError> {
        let body = json!({
            "KeyId": self.key, "CiphertextBlob": wrapped, "EncryptionContext": context(stack),
        });
        let answer = self.call("Decrypt", &body).await?;
        let plain = answer.get("Plaintext").and_then(Json::as_str);
        let plain = plain.and_then(|plain| STANDARD.decode(plain).map(Zeroizing::new).ok());
        text(&plain.ok_or_else(|| failed("its answer holds no `Plaintext`"))?)
    }
}
