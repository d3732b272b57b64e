//! How plugins and timestamps are fetched from a network: the one HTTP client of this crate.
//!
//! No redirects, no decompression, no retries and no settings from the environment: callers hand everything down.
//! Every answer is read within a limit and a deadline.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use konductor_model::{SecretText, with_causes};
use url::Url;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an answer may stay silent.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// How the network is reached.
#[derive(Clone, Default)]
pub struct NetworkSettings {
    /// Files in PEM form with certificate authorities that are trusted beside those of the system.
    pub certificate_files: Vec<PathBuf>,
    /// The proxy for all requests but those to this machine.
    pub proxy: Option<Url>,
    /// Hosts that are reached without the proxy, as in `NO_PROXY`.
    pub no_proxy: String,
    /// Whether nothing may touch the network.
    pub offline: bool,
    /// Whether registries on this machine (`localhost`, `127.0.0.0/8`, `::1`) are spoken to without TLS. Others
    /// never are.
    pub plain_http_on_loopback: bool,
    /// The credential file of Docker (`~/.docker/config.json`), which podman and skopeo write as `auth.json`.
    pub docker_configuration: Option<PathBuf>,
}

impl fmt::Debug for NetworkSettings {
    /// Leaves out what may carry the proxy's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkSettings")
            .field("certificate_files", &self.certificate_files)
            .field("proxy", &self.proxy.as_ref().and_then(Url::host_str))
            .field("no_proxy", &self.no_proxy)
            .field("offline", &self.offline)
            .field("plain_http_on_loopback", &self.plain_http_on_loopback)
            .field("docker_configuration", &self.docker_configuration)
            .finish()
    }
}

/// Says why the network gave no answer. No text holds a header, a body or the query of an address.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The network is switched off.
    #[error(
        "{place} is on the network, and this run is offline: use a `mirror:` or a file, or run once without `--offline`"
    )]
    Offline {
        /// Where the request would have gone.
        place: String,
    },
    /// A certificate file cannot be read.
    #[error("cannot read the certificate file {}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate file holds no certificate.
    #[error("{} holds no certificate in PEM form", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate cannot be used.
    #[error("a certificate in {} cannot be used", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: reqwest::Error,
    },
    /// The client cannot be built.
    #[error("the HTTP client cannot be started")]
    Client {
        /// Why.
        source: reqwest::Error,
    },
    /// A request would go out unprotected.
    #[error("{place} would be reached without TLS, which is allowed on this machine alone: use https")]
    Unprotected {
        /// Where the request would have gone.
        place: String,
    },
    /// There is no answer.
    #[error("{place} does not answer: {reason}")]
    Failed {
        /// Where the request went.
        place: String,
        /// All that is known.
        reason: String,
    },
    /// The answer took too long.
    #[error("{place} gave no complete answer within {} s", deadline.as_secs())]
    TimedOut {
        /// Where the request went.
        place: String,
        /// How long it was waited for.
        deadline: Duration,
    },
    /// The answer is too large.
    #[error("{place} answers with more than {limit} bytes, which is the limit")]
    TooLarge {
        /// Where the request went.
        place: String,
        /// The limit.
        limit: u64,
    },
}

/// A complete answer.
pub(crate) struct Answer {
    pub(crate) status: reqwest::StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What a request is authenticated with.
#[derive(Debug, Clone)]
pub(crate) enum Authorization {
    Basic { user: String, password: SecretText },
    Bearer(SecretText),
}

/// A request before it is sent.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: reqwest::Method,
    pub(crate) url: Url,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) authorization: Option<Authorization>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: reqwest::Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: reqwest::header::HeaderMap::new(),
            authorization: None,
            body: Vec::new(),
        }
    }

    pub(crate) fn with_header(mut self, name: reqwest::header::HeaderName, value: &'static str) -> Self {
        self.headers
            .insert(name, reqwest::header::HeaderValue::from_static(value));
        self
    }
}

/// How much of an answer is read, for how long, and who hears of it.
#[derive(Clone, Copy)]
pub(crate) struct ReadLimits<'a> {
    pub(crate) bytes: u64,
    pub(crate) deadline: Duration,
    /// Hears the number of bytes that are here.
    pub(crate) on_chunk: &'a (dyn Fn(u64) + Sync),
}

impl ReadLimits<'_> {
    /// Returns limits for a short answer.
    pub(crate) fn short(bytes: u64) -> Self {
        Self {
            bytes,
            deadline: Duration::from_secs(60),
            on_chunk: &|_| (),
        }
    }
}

/// Tells whether a URL's host is this machine itself, by its name alone: nothing is resolved.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns a URL as it may be shown: without user, query and fragment, which can carry signatures.
pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// The HTTP client.
#[allow(
    clippy::disallowed_types,
    reason = "plugins and timestamps are fetched before any plugin runs; the broker's client is for plugins"
)]
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
}

impl HttpClient {
    /// Builds the client.
    ///
    /// # Errors
    /// When the run is offline (`place` is named), or a certificate cannot be used.
    #[allow(clippy::disallowed_types, reason = "see the struct")]
    pub(crate) fn new(settings: &NetworkSettings, place: &str) -> Result<Self, NetworkError> {
        if settings.offline {
            return Err(NetworkError::Offline {
                place: place.to_owned(),
            });
        }
        // A provider that something else has installed stays: there is one for the process.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let roots = certificates(&settings.certificate_files)?;
        let client_error = |source: reqwest::Error| NetworkError::Client {
            source: source.without_url(),
        };
        let client = match builder(settings)?.tls_certs_merge(roots.clone()).build() {
            Ok(client) => client,
            // A machine without root certificates can still talk to those that were named.
            Err(_) if !roots.is_empty() => builder(settings)?
                .tls_certs_only(roots)
                .build()
                .map_err(client_error)?,
            Err(error) => return Err(client_error(error)),
        };
        Ok(Self { client })
    }

    /// Sends a request once and reads the whole answer within the limits. Redirects are answers like others.
    pub(crate) async fn send(
        &self,
        request: Request,
        limits: ReadLimits<'_>,
    ) -> Result<Answer, NetworkError> {
        let place = shown(&request.url);
        tokio::time::timeout(limits.deadline, self.exchange(request, &limits, &place))
            .await
            .unwrap_or(Err(NetworkError::TimedOut {
                place,
                deadline: limits.deadline,
            }))
    }

    async fn exchange(
        &self,
        request: Request,
        limits: &ReadLimits<'_>,
        place: &str,
    ) -> Result<Answer, NetworkError> {
        let failed = |error: reqwest::Error| NetworkError::Failed {
            place: place.to_owned(),
            reason: with_causes(&error.without_url()),
        };
        let too_large = || NetworkError::TooLarge {
            place: place.to_owned(),
            limit: limits.bytes,
        };
        let is_head = request.method == reqwest::Method::HEAD;
        let builder = self
            .client
            .request(request.method, request.url)
            .headers(request.headers);
        // These mark the header as sensitive, and answer a token that is no header value with an error.
        let builder = match &request.authorization {
            Some(Authorization::Basic { user, password }) => {
                builder.basic_auth(user, Some(password.reveal()))
            }
            Some(Authorization::Bearer(token)) => builder.bearer_auth(token.reveal()),
            None => builder,
        };
        let mut response = builder.body(request.body).send().await.map_err(failed)?;
        let announced = response.content_length().filter(|_| !is_head).unwrap_or(0);
        if announced > limits.bytes {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if (body.len() + chunk.len()) as u64 > limits.bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
            (limits.on_chunk)(body.len() as u64);
        }
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body,
        })
    }
}

#[allow(clippy::disallowed_types, reason = "see HttpClient")]
fn builder(settings: &NetworkSettings) -> Result<reqwest::ClientBuilder, NetworkError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("konductor/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // Other crates of the workspace may switch these features on for all.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT);
    let Some(proxy) = &settings.proxy else {
        return Ok(builder);
    };
    let direct = format!("localhost,127.0.0.0/8,::1,{}", settings.no_proxy);
    let proxy = reqwest::Proxy::all(proxy.clone())
        .map_err(|source| NetworkError::Client {
            source: source.without_url(),
        })?
        .no_proxy(reqwest::NoProxy::from_string(&direct));
    Ok(builder.proxy(proxy))
}

fn certificates(files: &[PathBuf]) -> Result<Vec<reqwest::Certificate>, NetworkError> {
    let mut roots = Vec::new();
    for path in files {
        let pem = std::fs::read(path).map_err(|source| NetworkError::CertificateFile {
            path: path.clone(),
            source,
        })?;
        let found =
            reqwest::Certificate::from_pem_bundle(&pem).map_err(|source| NetworkError::Certificate {
                path: path.clone(),
                source: source.without_url(),
            })?;
        if found.is_empty() {
            return Err(NetworkError::NoCertificate { path: path.clone() });
        }
        roots.extend(found);
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offline_run_builds_no_client_and_says_what_to_do() {
        let settings = NetworkSettings {
            offline: true,
            ..NetworkSettings::default()
        };
        let error = HttpClient::new(&settings, "oci://registry.example/aws")
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("oci://registry.example/aws"), "{error}");
        assert!(error.contains("mirror:"), "{error}");
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing here").unwrap();
        let settings = NetworkSettings {
            certificate_files: vec![path.clone()],
            ..NetworkSettings::default()
        };
        let error = HttpClient::new(&settings, "x").err().unwrap().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }

    #[test]
    fn a_proxys_password_is_not_shown() {
        let settings = NetworkSettings {
            proxy: Some(Url::parse("http://me:hunter2@proxy.example:3128").unwrap()),
            ..NetworkSettings::default()
        };
        let text = format!("{settings:?}");
        assert!(
            text.contains("proxy.example") && !text.contains("hunter2"),
            "{text}"
        );
    }

    #[test]
    fn what_is_shown_of_an_address_has_no_user_and_no_query() {
        let url = Url::parse("https://me:pw@host.example:8443/v2/x?X-Amz-Signature=abc#f").unwrap();
        assert_eq!(shown(&url), "https://host.example:8443/v2/x");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (text, expected) in [
            ("http://127.0.0.1:5000", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:5000", true),
            ("http://localhost", true),
            ("http://localhost.evil.example", false),
            ("http://10.0.0.1", false),
            ("http://127.0.0.1.evil.example", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(text).unwrap()), expected, "{text}");
        }
    }
}
