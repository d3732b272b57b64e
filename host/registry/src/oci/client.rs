//! The distribution protocol: tags, manifests and blobs of one repository.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, LOCATION};
use reqwest::{Method, StatusCode};
use tokio::sync::Mutex;
use url::Url;

use super::artifact::ArtifactError;
use super::authentication::{Access, authorize, challenge};
use super::credential_file::{self, CredentialError, RegistryCredential};
use super::manifest::{MANIFEST_LIMIT, ManifestError, Part};
use super::reference::{OciRepository, ReferenceError};
use crate::digest::Digest;
use crate::network::{
    Answer, Authorization, HttpClient, NetworkError, NetworkSettings, ReadLimits, Request, is_loopback, shown,
};
use crate::progress::{Progress, ProgressEvent};

/// How many pages of a list are read, and how many entries one page is asked to have.
const PAGE_LIMIT: usize = 100;
const PAGE_SIZE: &str = "tags/list?n=1000";
/// How often a blob may be elsewhere: registries keep their blobs in other stores.
const REDIRECT_LIMIT: usize = 5;
/// How large the answer to an upload may be, and how much of a registry's error is shown.
const ERROR_LIMIT: u64 = 64 * 1024;
const SHOWN_ERROR: usize = 300;
/// The slowest transfer that is waited for, in bytes a second, beyond the first minute.
const SLOWEST: u64 = 32 * 1024;

/// Says why a registry did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// The network gave no answer.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The credentials cannot be had.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// A reference is none.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A manifest cannot be made.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A manifest cannot be used.
    #[error("{place} cannot be used")]
    Manifest {
        /// Where it came from.
        place: String,
        /// Why.
        source: ManifestError,
    },
    /// The registry does not know who is there, or does not let them in.
    #[error(
        "{place} refuses access ({status}): log in to {registry} with `docker login`, `podman login` or `skopeo login`, and see that the user may {verb}"
    )]
    Refused {
        /// Where the request went.
        place: String,
        /// The status.
        status: StatusCode,
        /// The registry, as credential files name it.
        registry: String,
        /// What was to be done.
        verb: &'static str,
    },
    /// The token service gives no token.
    #[error("the token service {place} cannot be used: {reason}")]
    TokenService {
        /// The service.
        place: String,
        /// Why.
        reason: String,
    },
    /// The registry answers with an error.
    #[error("{place} answers {status}{}", detail(message))]
    Status {
        /// Where the request went.
        place: String,
        /// The status.
        status: StatusCode,
        /// What the registry says about it.
        message: String,
    },
    /// The registry does not keep to the protocol.
    #[error("{place} does not keep to the distribution protocol: {reason}")]
    Protocol {
        /// Where the request went.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A blob is not the one that was asked for.
    #[error("{place}: the {what} has the digest {found}, but the manifest names {expected}")]
    WrongDigest {
        /// Where it came from.
        place: String,
        /// What it is.
        what: &'static str,
        /// The digest in the manifest.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// A blob has another size than the manifest says.
    #[error("{place}: the {what} has {found} bytes, but the manifest says {expected}")]
    WrongSize {
        /// Where it came from.
        place: String,
        /// What it is.
        what: &'static str,
        /// The size in the manifest.
        expected: u64,
        /// The size of the bytes.
        found: u64,
    },
    /// The version cannot be a tag.
    #[error("version {version} cannot be published: a tag has no `+`; leave the build metadata out")]
    Tag {
        /// The version.
        version: semver::Version,
    },
    /// Something else has the version already.
    #[error(
        "{place} is {found} already, and {published} was to be published: a release never changes; give the new one a new version"
    )]
    Published {
        /// The tag.
        place: String,
        /// The manifest that is there.
        found: Digest,
        /// The manifest that was to be there.
        published: Digest,
    },
}

fn detail(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

/// A registry's repository that is talked to.
pub(crate) struct OciClient {
    http: HttpClient,
    repository: OciRepository,
    progress: Arc<dyn Progress>,
    plain_http: bool,
    credential: RegistryCredential,
    /// What the registry took last, for pulling and for pushing.
    authorization: [Mutex<Option<Authorization>>; 2],
}

impl OciClient {
    /// Prepares to talk. Credentials are looked up; nothing is sent yet.
    pub(crate) async fn new(
        settings: &NetworkSettings,
        repository: &OciRepository,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, OciError> {
        let http = HttpClient::new(settings, &repository.to_string())?;
        let base = repository.endpoint(false, "")?;
        let plain_http = settings.plain_http_on_loopback && is_loopback(&base);
        let credential =
            credential_file::find(settings.docker_configuration.as_deref(), repository.registry()).await?;
        Ok(Self {
            http,
            repository: repository.clone(),
            progress,
            plain_http,
            credential,
            authorization: [Mutex::new(None), Mutex::new(None)],
        })
    }

    /// Returns the repository.
    pub(crate) fn repository(&self) -> &OciRepository {
        &self.repository
    }

    pub(super) fn url(&self, rest: &str) -> Result<Url, OciError> {
        Ok(self.repository.endpoint(self.plain_http, rest)?)
    }

    /// Sends a request, and once more with credentials when the registry asks for them. Only the registry itself
    /// is given any.
    pub(super) async fn send(
        &self,
        mut request: Request,
        access: Access,
        limits: ReadLimits<'_>,
    ) -> Result<Answer, OciError> {
        let is_registry = request.url.origin() == self.url("")?.origin();
        if !is_registry {
            self.check_protected(&request.url)?;
            return Ok(self.http.send(request, limits).await?);
        }
        let [pull, push] = &self.authorization;
        let slot = if access == Access::Pull { pull } else { push };
        request.authorization = slot.lock().await.clone();
        let answer = self.http.send(request.clone(), limits).await?;
        let asked = (answer.status == StatusCode::UNAUTHORIZED)
            .then(|| challenge(&answer.headers))
            .flatten();
        let Some(asked) = asked else {
            return Ok(answer);
        };
        let path = self.repository.path();
        let Some(found) = authorize(&self.http, &asked, &self.credential, path, access).await? else {
            return Ok(answer);
        };
        request.authorization = Some(found.clone());
        let answer = self.http.send(request, limits).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            *slot.lock().await = Some(found);
        }
        Ok(answer)
    }

    fn check_protected(&self, url: &Url) -> Result<(), OciError> {
        let local = self.plain_http && url.scheme() == "http" && is_loopback(url);
        if url.scheme() == "https" || local {
            return Ok(());
        }
        Err(NetworkError::Unprotected { place: shown(url) }.into())
    }

    /// Turns an answer that is none of those expected into an error.
    pub(super) fn refuse(&self, url: &Url, access: Access, answer: &Answer) -> OciError {
        let place = shown(url);
        match answer.status {
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => OciError::Refused {
                place,
                status,
                registry: self.repository.registry().to_owned(),
                verb: if access == Access::Pull { "pull" } else { "push" },
            },
            status => OciError::Status {
                place,
                status,
                message: error_message(&answer.body),
            },
        }
    }

    /// Returns all tags; none when the repository is not there.
    pub(crate) async fn tags(&self) -> Result<Vec<String>, OciError> {
        #[derive(serde::Deserialize)]
        struct Page {
            // Some registries answer `null` for a repository without tags.
            tags: Option<Vec<String>>,
        }
        let mut url = self.url(PAGE_SIZE)?;
        let mut tags = Vec::new();
        for _ in 0..PAGE_LIMIT {
            let request = Request::new(Method::GET, url.clone());
            let answer = self
                .send(request, Access::Pull, ReadLimits::short(MANIFEST_LIMIT))
                .await?;
            match answer.status {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(tags),
                _ => return Err(self.refuse(&url, Access::Pull, &answer)),
            }
            let page: Page = serde_json::from_slice(&answer.body).map_err(|error| OciError::Protocol {
                place: shown(&url),
                reason: error.to_string(),
            })?;
            tags.extend(page.tags.unwrap_or_default());
            match next_page(&url, &answer.headers) {
                Some(next) => url = next,
                None => return Ok(tags),
            }
        }
        Err(OciError::Protocol {
            place: shown(&url),
            reason: format!("it lists its tags in more than {PAGE_LIMIT} pages"),
        })
    }

    /// Returns the bytes of a manifest by its tag or digest; `None` when there is none. They are not checked.
    pub(crate) async fn manifest(
        &self,
        reference: &str,
        media_type: &'static str,
    ) -> Result<Option<Vec<u8>>, OciError> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let request = Request::new(Method::GET, url.clone()).with_header(ACCEPT, media_type);
        let answer = self
            .send(request, Access::Pull, ReadLimits::short(MANIFEST_LIMIT))
            .await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.refuse(&url, Access::Pull, &answer)),
        }
    }

    /// Returns the bytes of a blob, with their size and digest checked.
    pub(crate) async fn blob(
        &self,
        part: &Part,
        what: &'static str,
        on_chunk: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<u8>, OciError> {
        let first = self.url(&format!("blobs/{}", part.digest))?;
        let place = shown(&first);
        let mut url = first;
        for _ in 0..REDIRECT_LIMIT {
            let request = Request::new(Method::GET, url.clone());
            let limits = ReadLimits {
                // An error may be longer than a small blob.
                bytes: part.size.max(ERROR_LIMIT),
                deadline: Duration::from_secs(60 + part.size / SLOWEST),
                on_chunk,
            };
            let answer = self.send(request, Access::Pull, limits).await?;
            if answer.status.is_redirection() {
                url = location(&url, &answer.headers)?;
                continue;
            }
            if answer.status != StatusCode::OK {
                return Err(self.refuse(&url, Access::Pull, &answer));
            }
            return check_blob(answer.body, part, what, place);
        }
        Err(OciError::Protocol {
            place,
            reason: format!("it redirects more than {REDIRECT_LIMIT} times"),
        })
    }

    /// Stores a blob, unless it is there already.
    pub(crate) async fn push_blob(&self, bytes: &[u8], what: &'static str) -> Result<(), OciError> {
        let digest = Digest::of(bytes);
        let url = self.url(&format!("blobs/{digest}"))?;
        let short = ReadLimits::short(ERROR_LIMIT);
        let answer = self
            .send(Request::new(Method::HEAD, url), Access::Push, short)
            .await?;
        if answer.status == StatusCode::OK {
            self.progress.report(ProgressEvent::AlreadyThere { what });
            return Ok(());
        }
        let start = self.url("blobs/uploads/")?;
        let answer = self
            .send(Request::new(Method::POST, start.clone()), Access::Push, short)
            .await?;
        if answer.status != StatusCode::ACCEPTED {
            return Err(self.refuse(&start, Access::Push, &answer));
        }
        let mut upload = location(&start, &answer.headers)?;
        upload
            .query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        self.progress.report(ProgressEvent::Uploading {
            what,
            bytes: bytes.len() as u64,
        });
        let mut request =
            Request::new(Method::PUT, upload.clone()).with_header(CONTENT_TYPE, "application/octet-stream");
        request.body = bytes.to_vec();
        let limits = ReadLimits {
            deadline: Duration::from_secs(60 + bytes.len() as u64 / SLOWEST),
            ..ReadLimits::short(ERROR_LIMIT)
        };
        let answer = self.send(request, Access::Push, limits).await?;
        match answer.status {
            StatusCode::CREATED => Ok(()),
            _ => Err(self.refuse(&upload, Access::Push, &answer)),
        }
    }

    /// Stores a manifest under a tag or its digest, and returns the answer's headers.
    pub(crate) async fn push_manifest(
        &self,
        reference: &str,
        bytes: &[u8],
        media_type: &'static str,
    ) -> Result<HeaderMap, OciError> {
        let url = self.url(&format!("manifests/{reference}"))?;
        self.progress.report(ProgressEvent::Uploading {
            what: "manifest",
            bytes: bytes.len() as u64,
        });
        let mut request = Request::new(Method::PUT, url.clone()).with_header(CONTENT_TYPE, media_type);
        request.body = bytes.to_vec();
        let answer = self
            .send(request, Access::Push, ReadLimits::short(ERROR_LIMIT))
            .await?;
        match answer.status {
            StatusCode::CREATED => Ok(answer.headers),
            _ => Err(self.refuse(&url, Access::Push, &answer)),
        }
    }
}

/// Checks that a blob is the one a manifest names.
fn check_blob(bytes: Vec<u8>, part: &Part, what: &'static str, place: String) -> Result<Vec<u8>, OciError> {
    if bytes.len() as u64 != part.size {
        return Err(OciError::WrongSize {
            place,
            what,
            expected: part.size,
            found: bytes.len() as u64,
        });
    }
    let found = Digest::of(&bytes);
    if found != part.digest {
        return Err(OciError::WrongDigest {
            place,
            what,
            expected: part.digest,
            found,
        });
    }
    Ok(bytes)
}

/// Returns where an answer leads.
fn location(from: &Url, headers: &HeaderMap) -> Result<Url, OciError> {
    headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| from.join(text).ok())
        .ok_or_else(|| OciError::Protocol {
            place: shown(from),
            reason: "its answer leads nowhere: there is no usable `Location`".to_owned(),
        })
}

/// Returns the next page of a list, if there is one and it is of the same registry.
pub(super) fn next_page(from: &Url, headers: &HeaderMap) -> Option<Url> {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|value: &HeaderValue| value.to_str().ok())
        .filter(|text| text.contains("rel=\"next\"") || text.contains("rel=next"))
        .find_map(|text| {
            let target = text.split_once('<')?.1.split_once('>')?.0;
            from.join(target).ok()
        })
        .filter(|next| next.origin() == from.origin() && next != from)
}

/// Returns what a registry says about an error, cut short and without control characters.
fn error_message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Envelope {
        errors: Vec<Entry>,
    }
    #[derive(serde::Deserialize)]
    struct Entry {
        code: Option<String>,
        message: Option<String>,
    }
    let text = match serde_json::from_slice::<Envelope>(body) {
        Ok(envelope) => envelope
            .errors
            .into_iter()
            .map(|entry| {
                format!(
                    "{} {}",
                    entry.code.unwrap_or_default(),
                    entry.message.unwrap_or_default()
                )
            })
            .collect::<Vec<_>>()
            .join("; "),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().chars().take(SHOWN_ERROR).map(clean).collect()
}

#[cfg(test)]
mod tests;
