//! Requests with JSON: one client, no redirects, no settings from the environment.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use konductor_model::{SecretText, with_causes};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::{AlertError, DEADLINE};

/// How much of an answer is read: what it says of a success is short.
const ANSWER: usize = 64 * 1024;

/// How the network is reached.
#[derive(Clone, Default)]
pub struct Network {
    /// Files in PEM form with certificate authorities that are trusted beside those of the system.
    pub certificate_files: Vec<PathBuf>,
    /// The proxy for all requests but those to this machine.
    pub proxy: Option<Url>,
    /// Hosts that are reached without the proxy, as in `NO_PROXY`.
    pub no_proxy: String,
}

impl std::fmt::Debug for Network {
    /// Leaves out what may carry the proxy's password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("certificate_files", &self.certificate_files)
            .finish_non_exhaustive()
    }
}

/// Tells whether a host is this machine itself, by its name alone: nothing is resolved.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl Network {
    /// Reads the certificate authorities that were named.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn certificates(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, AlertError> {
        self.certificate_files
            .iter()
            .map(|file| {
                std::fs::read(file)
                    .map(|pem| (file.clone(), pem))
                    .map_err(|error| unusable(file, &error))
            })
            .collect()
    }

    #[allow(
        clippy::disallowed_types,
        reason = "alerts are the host's own traffic: no plugin names an address or sees an answer"
    )]
    fn client(&self) -> Result<reqwest::Client, AlertError> {
        // A provider that something else has installed stays: there is one for the process.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut roots = Vec::new();
        for (file, pem) in self.certificates()? {
            let found =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unusable(&file, &error))?;
            roots.extend(found);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("konductor/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(DEADLINE);
        let address = |error: reqwest::Error| AlertError::Address {
            reason: with_causes(&error.without_url()),
        };
        if let Some(proxy) = &self.proxy {
            let direct = format!("localhost,127.0.0.0/8,::1,{}", self.no_proxy);
            let proxy = reqwest::Proxy::all(proxy.clone()).map_err(address)?;
            builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&direct)));
        }
        builder.tls_certs_merge(roots).build().map_err(address)
    }

    /// Sends a document as JSON, and returns the beginning of the answer.
    ///
    /// # Errors
    /// When the address cannot be used, there is no answer, or it is no success.
    pub async fn post(
        &self,
        url: &SecretText,
        headers: &BTreeMap<String, SecretText>,
        document: &serde_json::Value,
    ) -> Result<Vec<u8>, AlertError> {
        let address = |reason: &str| AlertError::Address {
            reason: reason.to_owned(),
        };
        let url: Url = url.reveal().parse().map_err(|_| address("it is no URL"))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => return Err(address("without TLS only this machine is spoken to: use https")),
            _ => return Err(address("it begins with https://")),
        }
        let mut map = HeaderMap::new();
        map.insert(
            HeaderName::from_static("content-type"),
            HeaderValue::from_static("application/json"),
        );
        for (name, value) in headers {
            let wrong = || address(&format!("the header `{name}` cannot be sent"));
            let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            map.insert(HeaderName::try_from(name.as_str()).map_err(|_| wrong())?, value);
        }
        let sent = self
            .client()?
            .post(url)
            .headers(map)
            .body(document.to_string())
            .send()
            .await;
        let unreachable = |error: reqwest::Error| AlertError::Unreachable {
            host: host.clone(),
            reason: with_causes(&error.without_url()),
        };
        let mut answer = sent.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(AlertError::Refused {
                host,
                status: answer.status().as_u16(),
            });
        }
        let mut read = Vec::new();
        while read.len() < ANSWER
            && let Some(more) = answer.chunk().await.map_err(unreachable)?
        {
            read.extend_from_slice(&more);
        }
        Ok(read)
    }
}

fn unusable(file: &std::path::Path, error: &dyn std::error::Error) -> AlertError {
    AlertError::Certificate {
        file: file.display().to_string(),
        reason: with_causes(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_leaves_the_machine_without_tls_and_no_error_repeats_the_address() {
        let network = Network::default();
        for (url, expected) in [
            ("http://hooks.example.org/token-4711", "use https"),
            ("ftp://hooks.example.org/token-4711", "begins with https://"),
            ("token-4711", "no URL"),
        ] {
            let url = SecretText::new(url.to_owned());
            let error = network.post(&url, &BTreeMap::new(), &serde_json::json!({})).await;
            let error = error.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("4711"), "{error}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for host in ["localhost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.org", "10.0.0.1", "example.org", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
