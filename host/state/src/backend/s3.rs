//! Logs in a bucket of S3, or of what speaks its protocol.
//!
//! A segment is an object whose name ends with its first serial. A lease is an object whose name ends with its number;
//! its date is when it was renewed. Both are only ever made with `If-None-Match: *`, which one of many writers gets, so
//! that the names are what is compared and nothing else keeps order. The bucket needs no versions and no second table.
//!
//! What is asked of the service: a new object is seen at once by everybody, in a listing too, and `If-None-Match: *`
//! holds. S3 promises both.

mod backup;
mod listing;

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use http::{HeaderMap, Method, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::backend::error::BackendError;
use crate::backend::{Appended, Backend, Claim, Holder, Lease, Segment, StoredSegment};
use crate::schema::StackIdentity;
use listing::{Listing, read_listing};

/// What is not written as it is in a name or a parameter.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectRequestError {
    /// It may have been sent.
    #[error("{0}")]
    NoAnswer(String),
    /// It was not sent, and sending it again does not help.
    #[error("{0}")]
    NotSent(String),
}

/// Signs requests and sends them, each once: whoever makes a backend brings one.
#[async_trait]
pub trait ObjectRequests: Send + Sync {
    /// Sends a request and returns the whole answer, whatever its status.
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, ObjectRequestError>;
}

/// Where the bucket is.
#[derive(Clone)]
pub struct S3Settings {
    /// The bucket's address: `https://BUCKET.s3.REGION.amazonaws.com/`, or `https://HOST/BUCKET/`.
    pub address: Url,
    /// The bucket.
    pub bucket: String,
    /// What all names start with.
    pub prefix: String,
    /// What carries requests.
    pub requests: Arc<dyn ObjectRequests>,
}

impl S3Settings {
    /// Returns the address of a bucket: at AWS, or at an endpoint of somebody else.
    ///
    /// # Errors
    /// When the endpoint is no URL with a host.
    pub fn address(bucket: &str, region: &str, endpoint: Option<&str>) -> Result<Url, BackendError> {
        let wrong = |text: &str| {
            BackendError::settings(
                format!("`{text}` is not the address of an object storage"),
                "expected https://HOST or https://HOST:PORT",
            )
        };
        let Some(endpoint) = endpoint else {
            let china = if region.starts_with("cn-") { ".cn" } else { "" };
            // The certificate of AWS is good for one level of names.
            let text = if bucket.contains('.') {
                format!("https://s3.{region}.amazonaws.com{china}/{bucket}/")
            } else {
                format!("https://{bucket}.s3.{region}.amazonaws.com{china}/")
            };
            return text.parse().map_err(|_| wrong(&text));
        };
        let mut address: Url = endpoint.parse().map_err(|_| wrong(endpoint))?;
        address
            .path_segments_mut()
            .map_err(|()| wrong(endpoint))?
            .pop_if_empty()
            .push(bucket)
            .push("");
        Ok(address)
    }
}

/// The logs in one bucket, below one prefix.
pub struct S3 {
    title: Arc<str>,
    settings: S3Settings,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3")
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

/// What stands in the object of a lease.
#[derive(Serialize, Deserialize)]
struct LeaseObject {
    /// None when it is free.
    token: Option<String>,
    owner: String,
    milliseconds: u64,
}

/// An object as it was read.
struct Found {
    body: Vec<u8>,
    headers: HeaderMap,
}

/// What became of making an object.
#[derive(Debug, PartialEq, Eq)]
enum Made {
    Yes,
    Exists,
}

impl S3 {
    /// Takes over the settings. Nothing is asked yet.
    pub fn new(settings: S3Settings) -> Self {
        let prefix = settings.prefix.trim_end_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let host = settings.address.host_str().unwrap_or_default();
        let elsewhere = if host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") {
            String::new()
        } else {
            let port = settings.address.port().map(|port| format!(":{port}"));
            format!(" of {host}{}", port.unwrap_or_default())
        };
        let title = format!("s3://{}{slash}{prefix}{elsewhere}", settings.bucket);
        Self {
            title: title.into(),
            settings,
        }
    }

    fn project(&self, project: &str) -> String {
        let prefix = self.settings.prefix.trim_end_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("{prefix}{slash}{project}/")
    }

    fn log(&self, stack: &StackIdentity) -> String {
        format!("{}{}/log/", self.project(&stack.project), stack.stack)
    }

    fn leases(&self, stack: &StackIdentity) -> String {
        format!("{}{}/lease/", self.project(&stack.project), stack.stack)
    }

    fn moved_key(&self, stack: &StackIdentity) -> String {
        format!("{}{}/moved", self.project(&stack.project), stack.stack)
    }

    fn uri(&self, key: &str, query: &[(&str, &str)]) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        let key: Vec<String> = key.split('/').map(encoded).collect();
        let mut uri = format!("{}{}", self.settings.address, key.join("/"));
        if self.settings.address.path() != "/" {
            // A bucket that is a part of the path is asked for without a slash after it.
            uri.truncate(uri.trim_end_matches('/').len());
        }
        for (index, (name, value)) in query.iter().enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            uri.push_str(&format!("{separator}{}={}", encoded(name), encoded(value)));
        }
        uri
    }

    async fn send(
        &self,
        method: Method,
        uri: String,
        headers: &[(header::HeaderName, &str)],
        body: Vec<u8>,
    ) -> Result<http::Response<Vec<u8>>, BackendError> {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(body).map_err(|error| {
            BackendError::settings(
                format!("the address of the state cannot be used: {error}"),
                "correct `state` in konductor.yaml",
            )
        })?;
        match self.settings.requests.send(request).await {
            Ok(answer) => Ok(answer),
            Err(ObjectRequestError::NoAnswer(reason)) => Err(BackendError::unavailable(&self.title, reason)),
            Err(ObjectRequestError::NotSent(reason)) => Err(BackendError::refused(
                &self.title,
                reason,
                "check `state` in konductor.yaml, and the credentials of AWS in the environment",
            )),
        }
    }

    /// Says what an answer that is not the wanted one means.
    fn refused(&self, answer: &http::Response<Vec<u8>>) -> BackendError {
        let status = answer.status();
        let text = String::from_utf8_lossy(answer.body());
        let part = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once('<').map(|(value, _)| value.to_owned())
        };
        let code = part("Code").unwrap_or_default();
        let reason = format!(
            "{} {code} {}",
            status.as_u16(),
            part("Message").unwrap_or_default()
        );
        let reason = reason.trim().to_owned();
        let again = [
            "RequestTimeTooSkewed",
            "RequestTimeout",
            "SlowDown",
            "ConditionalRequestConflict",
            "OperationAborted",
            "ExpiredToken",
            "IncompleteBody",
            "BadDigest",
        ];
        if status.is_server_error()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
            )
            || again.contains(&code.as_str())
        {
            return BackendError::unavailable(&self.title, reason);
        }
        let advice = match (status, code.as_str()) {
            (_, "NoSuchBucket") => "make the bucket, or correct its name under `state` in konductor.yaml",
            (StatusCode::MOVED_PERMANENTLY | StatusCode::TEMPORARY_REDIRECT, _)
            | (_, "PermanentRedirect") => "correct the bucket's region under `state` in konductor.yaml",
            (StatusCode::NOT_IMPLEMENTED, _) => "use a service that knows `If-None-Match` for new objects",
            (StatusCode::FORBIDDEN, _) => {
                "let the credentials do s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and \
                 s3:DeleteObject on its objects"
            }
            _ => "look into the log of the service",
        };
        BackendError::refused(&self.title, reason, advice)
    }

    async fn object(&self, key: &str) -> Result<Option<Found>, BackendError> {
        let answer = self
            .send(Method::GET, self.uri(key, &[]), &[], Vec::new())
            .await?;
        match answer.status() {
            StatusCode::OK => {
                let (parts, body) = answer.into_parts();
                Ok(Some(Found {
                    body,
                    headers: parts.headers,
                }))
            }
            StatusCode::NOT_FOUND if !contains(answer.body(), "NoSuchBucket") => Ok(None),
            _ => Err(self.refused(&answer)),
        }
    }

    /// Makes an object unless there is one of this name.
    async fn make(&self, key: &str, body: Vec<u8>) -> Result<Made, BackendError> {
        let answer = self
            .send(
                Method::PUT,
                self.uri(key, &[]),
                &[(header::IF_NONE_MATCH, "*")],
                body,
            )
            .await?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(Made::Yes),
            StatusCode::PRECONDITION_FAILED => Ok(Made::Exists),
            _ => Err(self.refused(&answer)),
        }
    }

    /// Writes an object that only its writer ever writes.
    async fn put(&self, key: &str, body: Vec<u8>) -> Result<(), BackendError> {
        let answer = self.send(Method::PUT, self.uri(key, &[]), &[], body).await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(self.refused(&answer))
        }
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        let answer = self
            .send(Method::DELETE, self.uri(key, &[]), &[], Vec::new())
            .await?;
        if answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND {
            Ok(())
        } else {
            Err(self.refused(&answer))
        }
    }

    /// Lists a page of names below a prefix, after a name.
    async fn page(&self, prefix: &str, more: &[(&str, &str)]) -> Result<Listing, BackendError> {
        let query: Vec<(&str, &str)> = [("list-type", "2"), ("prefix", prefix)]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        let answer = self
            .send(Method::GET, self.uri("", &query), &[], Vec::new())
            .await?;
        if answer.status() != StatusCode::OK {
            return Err(self.refused(&answer));
        }
        read_listing(answer.body()).map_err(|what| self.damaged(format!("a listing cannot be read: {what}")))
    }

    /// Returns the names directly below a prefix that ends with a slash and have something below them.
    async fn folders(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        let mut found = Vec::new();
        let mut continuation: Option<String> = None;
        loop {
            let mut more = vec![("delimiter", "/")];
            if let Some(token) = &continuation {
                more.push(("continuation-token", token));
            }
            let page = self.page(prefix, &more).await?;
            found.extend(
                page.prefixes
                    .iter()
                    .filter_map(|full| full.strip_prefix(prefix)?.strip_suffix('/'))
                    .map(str::to_owned),
            );
            match page.continuation {
                Some(token) if page.is_truncated => continuation = Some(token),
                _ => break,
            }
        }
        Ok(found)
    }

    fn damaged(&self, what: String) -> BackendError {
        BackendError::Damaged {
            place: Arc::clone(&self.title),
            what,
        }
    }

    /// Reads the number at the end of a name.
    fn number(&self, key: &str) -> Result<u64, BackendError> {
        let digits = key.rsplit('/').next().unwrap_or_default();
        digits
            .parse()
            .map_err(|_| self.damaged(format!("`{key}` is not a name of Konductor's")))
    }

    /// Returns the highest number of a lease that there is.
    async fn highest_lease(&self, stack: &StackIdentity) -> Result<u64, BackendError> {
        let prefix = self.leases(stack);
        let mut highest = 0;
        let mut after = prefix.clone();
        loop {
            let page = self.page(&prefix, &[("start-after", &after)]).await?;
            for key in &page.keys {
                highest = highest.max(self.number(key)?);
            }
            match page.keys.last() {
                Some(last) if page.is_truncated => after.clone_from(last),
                _ => return Ok(highest),
            }
        }
    }

    async fn lease_object(&self, stack: &StackIdentity, number: u64) -> Result<Option<Lease>, BackendError> {
        let key = numbered(&self.leases(stack), number);
        let Some(found) = self.object(&key).await? else {
            return Ok(None);
        };
        let object: LeaseObject = serde_json::from_slice(&found.body)
            .map_err(|error| self.damaged(format!("`{key}` cannot be read: {error}")))?;
        let Some(token) = object.token else {
            return Ok(Some(Lease { number, holder: None }));
        };
        let (now, renewed) = (
            self.time(&found.headers, &header::DATE)?,
            self.time(&found.headers, &header::LAST_MODIFIED)?,
        );
        // Both are of the service and of whole seconds.
        let passed = now.duration_since(renewed).as_millis();
        Ok(Some(Lease {
            number,
            holder: Some(Holder {
                token,
                owner: object.owner,
                expired: passed > i128::from(object.milliseconds),
            }),
        }))
    }

    fn time(&self, headers: &HeaderMap, name: &header::HeaderName) -> Result<Timestamp, BackendError> {
        let text = headers.get(name).and_then(|value| value.to_str().ok());
        text.and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
            .map(|time| time.timestamp())
            .ok_or_else(|| self.damaged(format!("an answer has no `{name}` that is a date")))
    }

    fn lease_body(&self, claim: Option<&Claim>) -> Result<Vec<u8>, BackendError> {
        let object = LeaseObject {
            token: claim.map(|claim| claim.token.clone()),
            owner: claim.map(|claim| claim.owner.clone()).unwrap_or_default(),
            milliseconds: claim.map_or(0, |claim| {
                u64::try_from(claim.duration.as_millis()).unwrap_or(u64::MAX)
            }),
        };
        serde_json::to_vec(&object).map_err(|error| self.damaged(error.to_string()))
    }
}

/// Returns a name that sorts as its number does.
fn numbered(prefix: &str, number: u64) -> String {
    format!("{prefix}{number:020}")
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[async_trait]
impl Backend for S3 {
    fn title(&self) -> &str {
        &self.title
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, BackendError> {
        let mut stacks = Vec::new();
        for name in self.folders(&self.project(project)).await? {
            let stack = StackIdentity {
                project: project.to_owned(),
                stack: name,
            };
            let log = self.page(&self.log(&stack), &[("max-keys", "1")]).await?;
            if !log.keys.is_empty() && self.moved(&stack).await?.is_none() {
                stacks.push(stack.stack);
            }
        }
        stacks.sort();
        Ok(stacks)
    }

    async fn read(
        &self,
        stack: &StackIdentity,
        from: u64,
        most: usize,
    ) -> Result<Vec<StoredSegment>, BackendError> {
        let prefix = self.log(stack);
        // What is listed comes after this name, which is the one before the first that is wanted.
        let after = numbered(&prefix, from.saturating_sub(1));
        let most = most.min(1000).to_string();
        let page = self
            .page(&prefix, &[("start-after", &after), ("max-keys", &most)])
            .await?;
        let mut fetched: FuturesOrdered<_> = page
            .keys
            .iter()
            .map(|key| async move {
                let first = self.number(key)?;
                let found = self.object(key).await?;
                let found = found.ok_or_else(|| self.damaged(format!("`{key}` is listed and not there")))?;
                Ok(StoredSegment {
                    first,
                    body: found.body,
                })
            })
            .collect();
        let mut segments = Vec::with_capacity(page.keys.len());
        while let Some(segment) = fetched.next().await {
            segments.push(segment?);
        }
        Ok(segments)
    }

    async fn append(
        &self,
        stack: &StackIdentity,
        segment: &Segment,
        _: Option<u64>,
    ) -> Result<Appended, BackendError> {
        let key = numbered(&self.log(stack), segment.first);
        Ok(match self.make(&key, segment.body.clone()).await? {
            Made::Yes => Appended::Stored,
            Made::Exists => Appended::HeadMoved,
        })
    }

    async fn lease(&self, stack: &StackIdentity) -> Result<Lease, BackendError> {
        loop {
            let highest = self.highest_lease(stack).await?;
            if highest == 0 {
                return Ok(Lease::default());
            }
            // A lease is removed only when there is a higher one.
            if let Some(lease) = self.lease_object(stack, highest).await? {
                return Ok(lease);
            }
        }
    }

    async fn take(
        &self,
        stack: &StackIdentity,
        seen: u64,
        claim: Option<&Claim>,
    ) -> Result<bool, BackendError> {
        let prefix = self.leases(stack);
        if self.highest_lease(stack).await? != seen {
            return Ok(false);
        }
        match self
            .make(&numbered(&prefix, seen + 1), self.lease_body(claim)?)
            .await?
        {
            Made::Exists => Ok(false),
            Made::Yes => {
                // Who waited long between the two requests may have made one anew that was passed and removed.
                if self.highest_lease(stack).await? != seen + 1 {
                    return Ok(false);
                }
                // Tidiness only; the one before stays for those that read it just now.
                if seen > 1
                    && let Err(error) = self.delete(&numbered(&prefix, seen - 1)).await
                {
                    tracing::debug!(%error, "an old lease was not removed");
                }
                Ok(true)
            }
        }
    }

    async fn renew(&self, stack: &StackIdentity, number: u64, claim: &Claim) -> Result<bool, BackendError> {
        if self.highest_lease(stack).await? != number {
            return Ok(false);
        }
        // Of somebody who took it over between these two, the number is higher: what is written here counts no more.
        self.put(
            &numbered(&self.leases(stack), number),
            self.lease_body(Some(claim))?,
        )
        .await?;
        Ok(true)
    }

    async fn release(&self, stack: &StackIdentity, number: u64, _: &Claim) -> Result<(), BackendError> {
        if self.highest_lease(stack).await? != number {
            return Ok(());
        }
        self.put(&numbered(&self.leases(stack), number), self.lease_body(None)?)
            .await
    }

    async fn moved(&self, stack: &StackIdentity) -> Result<Option<String>, BackendError> {
        let key = self.moved_key(stack);
        let found = self.object(&key).await?;
        found
            .map(|found| {
                String::from_utf8(found.body).map_err(|error| self.damaged(format!("`{key}`: {error}")))
            })
            .transpose()
    }

    async fn set_moved(&self, stack: &StackIdentity, to: Option<&str>) -> Result<(), BackendError> {
        let key = self.moved_key(stack);
        match to {
            Some(to) => self.put(&key, to.as_bytes().to_vec()).await,
            None => self.delete(&key).await,
        }
    }
}
