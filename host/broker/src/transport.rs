//! What carries a request that every gate has let through, and the one HTTP client: HTTP/1.1 and 2 over rustls, no
//! redirects, no decompression, no retries of its own.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::broker::{BrokerError, BrokerOptions, CallLimits};
use crate::egress::{Egress, EgressDenied, GatedResolver};
use crate::redaction::Redaction;

/// One sending. Everything that decides about it is behind it: it was checked, signed and counted.
pub(crate) struct Sending<'a> {
    /// What it is made for.
    pub(crate) resource: &'a str,
    /// The endpoint's identifier.
    pub(crate) endpoint: &'a str,
    /// Where the operator says that the endpoint is, where that is not the cloud's own host.
    pub(crate) own_address: Option<&'a url::Url>,
    /// What goes out, with what authenticates it.
    pub(crate) request: http::Request<Bytes>,
    /// What takes the credentials out of the answer.
    pub(crate) redaction: &'a Redaction,
    /// The sizes that an answer may have.
    pub(crate) limits: &'a CallLimits,
    /// The time for the whole answer.
    pub(crate) timeout: Duration,
}

/// Carries requests: over the network, over the network and into a recording, or out of a recording.
#[async_trait]
pub(crate) trait Transport: Send + Sync {
    /// Sends once, or says why there is no answer.
    async fn send(&self, sending: Sending<'_>) -> Result<Answer, AttemptError>;
}

/// Sends over the network.
#[allow(
    clippy::disallowed_types,
    reason = "this crate is the one that sends requests"
)]
pub(crate) struct Network(pub(crate) reqwest::Client);

#[async_trait]
impl Transport for Network {
    async fn send(&self, sending: Sending<'_>) -> Result<Answer, AttemptError> {
        send_once(&self.0, sending.request, sending.limits, sending.timeout).await
    }
}

/// A complete answer.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why one sending gave no answer. The texts hold no address beyond the host, no header and no body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AttemptError {
    /// The gate refused the address.
    #[error("{0}")]
    Denied(String),
    /// No connection came about, so nothing was sent.
    #[error("{0}")]
    NotConnected(String),
    /// The connection broke after something may have been sent.
    #[error("{0}")]
    Lost(String),
    /// No complete answer in time.
    #[error("no complete answer within {0:?}")]
    TimedOut(Duration),
    /// The answer is larger than the limit.
    #[error("the answer's {0}")]
    TooLarge(String),
    /// The recording that is replayed does not have the request.
    #[error("{0}")]
    Unrecorded(String),
}

/// What all clients of a broker are built from. Reading the system's certificates takes most of the time of a
/// build, so that is done once.
pub(crate) struct ClientTemplate {
    tls: rustls::ClientConfig,
    proxy: Option<url::Url>,
    no_proxy: String,
    limits: CallLimits,
}

impl ClientTemplate {
    /// Reads the certificates.
    ///
    /// # Errors
    /// When a configured certificate is not PEM or no certificate.
    pub(crate) fn new(options: &BrokerOptions) -> Result<Self, BrokerError> {
        // A provider that something else has installed stays: there is one for the process.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let provider = rustls::crypto::CryptoProvider::get_default().map_or_else(
            || Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            Arc::clone,
        );
        let mut extra_roots = Vec::new();
        for pem in &options.extra_root_certificates {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                extra_roots.push(certificate.map_err(|source| BrokerError::Certificate { source })?);
            }
        }
        let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|source| BrokerError::Tls { source })?;
        let mut tls = match Verifier::new_with_extra_roots(extra_roots.clone(), provider) {
            Ok(verifier) => config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier)),
            // A machine without root certificates can still talk to a local emulator.
            Err(error) => {
                tracing::warn!(error = %causes(&error), "the system's root certificates cannot be used");
                let mut roots = rustls::RootCertStore::empty();
                for certificate in extra_roots {
                    roots
                        .add(certificate)
                        .map_err(|source| BrokerError::Tls { source })?;
                }
                config.with_root_certificates(roots)
            }
        }
        .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            tls,
            proxy: options.proxy.clone(),
            no_proxy: options.no_proxy.clone(),
            limits: options.limits,
        })
    }

    pub(crate) fn proxy(&self) -> Option<&url::Url> {
        self.proxy.as_ref()
    }

    /// Builds a client with connections, a pool and TLS sessions of its own.
    ///
    /// # Errors
    /// When the proxy cannot be used.
    #[allow(
        clippy::disallowed_types,
        reason = "this crate is the one that sends requests"
    )]
    pub(crate) fn client(&self, egress: &Arc<Egress>) -> Result<reqwest::Client, BrokerError> {
        let mut tls = self.tls.clone();
        // A resumed session would tell the cloud that two clients are one.
        tls.resumption = rustls::client::Resumption::in_memory_sessions(256);
        self.builder(egress)?
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|source| BrokerError::Client {
                source: source.without_url(),
            })
    }

    #[allow(
        clippy::disallowed_types,
        reason = "this crate is the one that sends requests"
    )]
    fn builder(&self, egress: &Arc<Egress>) -> Result<reqwest::ClientBuilder, BrokerError> {
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // Other crates of the workspace may switch these features on for all.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .no_proxy()
            .dns_resolver(Arc::new(GatedResolver(Arc::clone(egress))))
            .connect_timeout(self.limits.connect_timeout)
            // Clouds close idle connections after 20 seconds or more; reusing one that is closing loses a request.
            .pool_idle_timeout(Duration::from_secs(15))
            .pool_max_idle_per_host(64)
            .tcp_nodelay(true)
            .http2_max_header_list_size(u32::try_from(self.limits.response_headers).unwrap_or(u32::MAX));
        let Some(proxy) = &self.proxy else {
            return Ok(builder);
        };
        // The machine itself and its credential services are never behind a proxy.
        let direct = format!(
            "localhost,127.0.0.0/8,::1,169.254.0.0/16,fd00:ec2::/32,{}",
            self.no_proxy
        );
        let proxy = reqwest::Proxy::all(proxy.clone())
            .map_err(|source| BrokerError::Client {
                source: source.without_url(),
            })?
            .no_proxy(reqwest::NoProxy::from_string(&direct));
        Ok(builder.proxy(proxy))
    }
}

/// Sends a request once and reads the whole answer within the limits.
#[allow(
    clippy::disallowed_types,
    reason = "this crate is the one that sends requests"
)]
async fn send_once(
    client: &reqwest::Client,
    request: http::Request<Bytes>,
    limits: &CallLimits,
    timeout: Duration,
) -> Result<Answer, AttemptError> {
    let request = reqwest::Request::try_from(request).map_err(failure)?;
    // The deadline covers the body too, so an answer that drips in ends with it.
    tokio::time::timeout(timeout, exchange(client, request, limits))
        .await
        .unwrap_or(Err(AttemptError::TimedOut(timeout)))
}

#[allow(
    clippy::disallowed_types,
    reason = "this crate is the one that sends requests"
)]
async fn exchange(
    client: &reqwest::Client,
    request: reqwest::Request,
    limits: &CallLimits,
) -> Result<Answer, AttemptError> {
    let mut response = client.execute(request).await.map_err(failure)?;
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let header_bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if header_bytes > limits.response_headers {
        return Err(AttemptError::TooLarge(format!(
            "headers are over the limit of {} bytes",
            limits.response_headers
        )));
    }
    let too_large = || {
        AttemptError::TooLarge(format!(
            "body is over the limit of {} bytes",
            limits.response_body
        ))
    };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len().saturating_add(chunk.len()) > limits.response_body {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}

fn failure(error: reqwest::Error) -> AttemptError {
    let error = error.without_url();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(denied) = cause.downcast_ref::<EgressDenied>() {
            return AttemptError::Denied(denied.to_string());
        }
        source = cause.source();
    }
    if error.is_connect() || error.is_builder() {
        AttemptError::NotConnected(causes(&error))
    } else {
        AttemptError::Lost(causes(&error))
    }
}

/// Writes an error with its causes on one line that can be printed.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    crate::audit::printable(&konductor_model::with_causes(error))
}
