//! Finds out whose account credentials belong to, and binds requests to it.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use konductor_model::cloud::{CloudRequest, SendError};
use percent_encoding::percent_decode_str;

use crate::audit::PendingCall;
use crate::broker::{Shared, WayOut};
use crate::endpoint::{self, Address};
use crate::grant::EndpointGrant;
use crate::redaction::Redaction;
use crate::signing;
use crate::transport::{Answer, Sending};

/// The header by which S3 refuses a bucket of another account.
const BUCKET_OWNER: HeaderName = HeaderName::from_static("x-amz-expected-bucket-owner");

/// The same for the bucket that an object is copied from.
const SOURCE_OWNER: HeaderName = HeaderName::from_static("x-amz-source-expected-bucket-owner");

const COPY_SOURCE: &str = "x-amz-copy-source";

/// The body of the request that asks whose the credentials are.
const WHOSE: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

/// How often the token service is asked before the answer counts as none.
const MOST_ATTEMPTS: u32 = 3;

/// Asks the token service whose credentials are. The call is on record like a plugin's own.
pub(crate) struct Question<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) way_out: &'a WayOut,
    pub(crate) plugin: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) region: &'a str,
    pub(crate) credentials: &'a Credentials,
}

impl Question<'_> {
    /// Returns the account, or why it is not known.
    pub(crate) async fn ask(self) -> Result<String, String> {
        let endpoint = EndpointGrant {
            override_url: self.shared.sts_endpoint.clone(),
            ..EndpointGrant::aws("sts", self.region)
        };
        let address = endpoint::resolve(&endpoint, self.region, &self.shared.fips)?;
        self.way_out
            .egress
            .check(&address.origin)
            .map_err(|error| error.to_string())?;
        let permit = self
            .shared
            .audit
            .reserve()
            .await
            .map_err(|error| error.to_string())?;
        let request = CloudRequest {
            endpoint: "sts".to_owned(),
            region: None,
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            idempotent: true,
        };
        let mut call = PendingCall::begin(permit, self.plugin, self.resource, &request);
        call.addressed(
            &address.signing_region,
            &endpoint::host_of(&address.origin),
            Some("GetCallerIdentity".to_owned()),
        );
        let mut result = self.send(&address, &mut call).await;
        while result.is_err() && call.attempts() < MOST_ATTEMPTS {
            let pause = self.shared.retry.pause(call.attempts(), None, rand::random());
            tokio::time::sleep(pause).await;
            result = self.send(&address, &mut call).await;
        }
        let error = result
            .as_ref()
            .err()
            .map(|reason| SendError::Other(reason.clone()));
        call.finish(error.as_ref());
        result
    }

    async fn send(&self, address: &Address, call: &mut PendingCall) -> Result<String, String> {
        let mut request = http::Request::new(Bytes::from_static(WHOSE));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = address
            .origin
            .as_str()
            .parse()
            .map_err(|_| "the token service has no usable address".to_owned())?;
        for (name, value) in [
            ("accept", "*/*"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("user-agent", concat!("konductor/", env!("CARGO_PKG_VERSION"))),
        ] {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        signing::sign(&mut request, address, self.credentials, SystemTime::now())
            .map_err(|error| error.to_string())?;
        call.sent();
        let limits = &self.shared.limits;
        let sending = Sending {
            resource: self.resource,
            endpoint: "sts",
            own_address: self.shared.sts_endpoint.as_ref(),
            request,
            redaction: &Redaction::new(self.credentials, None),
            limits,
            timeout: limits.attempt_timeout,
        };
        let Answer { status, body, .. } = self
            .way_out
            .transport
            .send(sending)
            .await
            .map_err(|error| format!("{}: {error}", endpoint::host_of(&address.origin)))?;
        call.answered(status.as_u16(), None);
        account_in(&body)
            .filter(|_| status.is_success())
            .ok_or_else(|| format!("{} answered {status}", endpoint::host_of(&address.origin)))
    }
}

/// Reads the account from the answer.
fn account_in(body: &[u8]) -> Option<String> {
    let account = crate::retry::between(body, b"<Account>", b"</Account>")?;
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

/// Returns the first of a guest's headers that belongs to the host where accounts are bound.
pub(crate) fn owner_header(headers: &HeaderMap) -> Option<&'static str> {
    [BUCKET_OWNER, SOURCE_OWNER]
        .iter()
        .position(|name| headers.contains_key(name))
        .map(|first| {
            if first == 0 {
                "x-amz-expected-bucket-owner"
            } else {
                "x-amz-source-expected-bucket-owner"
            }
        })
}

/// Makes S3 refuse the request when a bucket in it belongs to another account. Creating a bucket and listing one's
/// own know no such condition, and need none.
pub(crate) fn bind(headers: &mut HeaderMap, method: &Method, uri: &Uri, account: &str) {
    let path = uri.path();
    // What the SDK adds to name the operation changes nothing.
    let has_sub_resource = uri
        .query()
        .is_some_and(|query| query.split('&').any(|pair| !pair.starts_with("x-id=")));
    let Ok(account) = HeaderValue::from_str(account) else {
        return;
    };
    if headers.contains_key(COPY_SOURCE) {
        headers.insert(SOURCE_OWNER, account.clone());
    }
    let is_bucket = !path.trim_matches('/').contains('/');
    let creates = *method == Method::PUT && is_bucket && !has_sub_resource;
    if path != "/" && !creates {
        headers.insert(BUCKET_OWNER, account);
    }
}

/// Returns what a request names at its path's beginning: for S3 the bucket, and the one it copies from.
pub(crate) fn named_resources(service: &str, path: &str, headers: &HeaderMap) -> Vec<String> {
    let first = |path: &str| {
        let decoded = percent_decode_str(path).decode_utf8_lossy().into_owned();
        let segment = decoded.trim_start_matches('/').split(['/', '?']).next();
        segment.unwrap_or_default().to_owned()
    };
    let mut resources = vec![first(path)];
    if service == "s3" {
        let sources = headers.get_all(COPY_SOURCE).iter();
        // One that is not text names nothing that could be granted.
        resources.extend(sources.map(|source| first(source.to_str().unwrap_or_default())));
    }
    resources
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(method: Method, target: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        bind(&mut headers, &method, &Uri::from_static(target), "123456789012");
        headers
    }

    #[test]
    fn every_request_to_a_bucket_is_bound_but_its_creation() {
        assert!(bound(Method::GET, "/").is_empty());
        assert!(bound(Method::PUT, "/bucket").is_empty());
        assert!(bound(Method::PUT, "/bucket/?x-id=CreateBucket").is_empty());
        for (method, target) in [
            (Method::PUT, "/bucket?notification="),
            (Method::PUT, "/bucket/key"),
            (Method::GET, "/bucket"),
            (Method::DELETE, "/bucket"),
        ] {
            let headers = bound(method, target);
            assert_eq!(headers[BUCKET_OWNER], "123456789012", "{target}");
        }
    }

    #[test]
    fn the_bucket_that_is_copied_from_is_named_and_bound_too() {
        for source in ["/evil/key", "evil/key?versionId=1", "%2Fevil%2Fkey", "//evil/key"] {
            let mut headers = HeaderMap::new();
            headers.insert(COPY_SOURCE, HeaderValue::from_static(source));
            assert_eq!(
                named_resources("s3", "/corp-a/key", &headers),
                ["corp-a", "evil"],
                "{source}"
            );
            bind(
                &mut headers,
                &Method::PUT,
                &Uri::from_static("/corp-a/key"),
                "123456789012",
            );
            assert_eq!(headers[SOURCE_OWNER], "123456789012");
        }
    }

    #[test]
    fn an_account_is_twelve_digits() {
        assert_eq!(
            account_in(b"<x><Account>123456789012</Account></x>").as_deref(),
            Some("123456789012")
        );
        for body in [
            &b"<Account>12345678901</Account>"[..],
            b"<Account>evil-account</Account>",
            b"",
        ] {
            assert_eq!(account_in(body), None);
        }
    }
}
