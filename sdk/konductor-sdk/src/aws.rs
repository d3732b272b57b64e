//! The AWS SDK crates over `cloud.send`: unsigned, without TLS, without retries of their own.
//!
//! The host knows where the endpoint really is, signs and retries. The client is given a host name that does not
//! exist; only path, query, headers and body of what it sends leave the guest.

mod failure;

use std::sync::Arc;

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use konductor_model::cloud::{CloudRequest, SendError};
use konductor_model::{Disposition, Failure};

use crate::context::{Context, Host};

pub use failure::{disposition_of, failure_of};

/// The host name in the requests the SDK crates build; it never resolves.
pub const ENDPOINT_URL: &str = "https://endpoint.konductor.invalid";

/// Starts the configuration of a client of one of the AWS SDK crates, given the crate, the context and the
/// endpoint identifier from the manifest: `aws_config!(aws_sdk_ec2, context, "ec2").build()`.
#[macro_export]
macro_rules! aws_config {
    ($sdk:ident, $context:expr, $endpoint:expr) => {
        $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new($crate::aws::region($context)))
            .endpoint_url($crate::aws::ENDPOINT_URL)
            .http_client($crate::aws::CloudHttp::new($context, $endpoint))
            .sleep_impl($crate::aws::NoSleep)
            .retry_config($sdk::config::retry::RetryConfig::disabled())
            .timeout_config($sdk::config::timeout::TimeoutConfig::disabled())
            .stalled_stream_protection($sdk::config::StalledStreamProtectionConfig::disabled())
            .allow_no_auth()
    };
}

/// Returns the configured region; the host decides where requests really go.
pub fn region(context: &Context) -> String {
    context.region().unwrap_or("us-east-1").to_owned()
}

/// Runs one call of an AWS SDK client.
///
/// # Errors
/// What the cloud or the host answered, by what should be done about it.
pub fn run<T, E>(call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>) -> Result<T, Failure>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    crate::block_on(call)
        .map_err(|pending| Failure::new(Disposition::Other, pending.to_string()))?
        .map_err(|error| failure_of(&error))
}

/// Awaits one call of an AWS SDK client: `call(client.get_object().key("a").send()).await?`.
///
/// # Errors
/// What the cloud or the host answered, by what should be done about it.
pub async fn call<T, E>(
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Failure>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    call.await.map_err(|error| failure_of(&error))
}

/// Awaits one call of an AWS SDK client whose answer says nothing more.
///
/// # Errors
/// What the cloud or the host answered, by what should be done about it.
pub async fn done<T, E>(
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<(), Failure>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    self::call(call).await.map(drop)
}

/// The HTTP client of the AWS SDK crates: hands every request to the host.
#[derive(Clone)]
pub struct CloudHttp {
    host: Arc<dyn Host + Send + Sync>,
    endpoint: &'static str,
}

impl CloudHttp {
    /// Makes a client for an endpoint identifier of the manifest.
    pub fn new(context: &Context, endpoint: &'static str) -> Self {
        Self {
            host: context.host(),
            endpoint,
        }
    }

    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = cloud_request(self.endpoint, request)?;
        let response = self.host.send(request).map_err(|error| match &error {
            SendError::Timeout(_) => ConnectorError::timeout(error.into()),
            SendError::Connection(_) => ConnectorError::io(error.into()),
            _ => ConnectorError::user(error.into()),
        })?;
        let status = response
            .status
            .try_into()
            .map_err(|_| ConnectorError::other("the host answered with no HTTP status".into(), None))?;
        let mut answer = HttpResponse::new(status, SdkBody::from(response.body));
        for (name, value) in response.headers {
            // A header that the SDK cannot hold is none it reads.
            let _ = answer.headers_mut().try_append(name, value);
        }
        Ok(answer)
    }
}

impl std::fmt::Debug for CloudHttp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudHttp")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl HttpClient for CloudHttp {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for CloudHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.send(&request))
    }
}

/// A clock that never makes a guest wait: the host owns every timeout and retry.
#[derive(Debug, Clone, Copy)]
pub struct NoSleep;

impl AsyncSleep for NoSleep {
    fn sleep(&self, _: std::time::Duration) -> Sleep {
        Sleep::new(std::future::ready(()))
    }
}

fn cloud_request(endpoint: &str, request: &HttpRequest) -> Result<CloudRequest, ConnectorError> {
    let body = request
        .body()
        .bytes()
        .ok_or_else(|| ConnectorError::user("a streamed body cannot be sent: give it as bytes".into()))?
        .to_vec();
    let idempotent = is_idempotent(request.method(), &body);
    let mut built = http::Request::builder()
        .method(request.method())
        .uri(request.uri());
    for (name, value) in request.headers() {
        built = built.header(name, value);
    }
    let built = built
        .body(body)
        .map_err(|error| ConnectorError::user(error.into()))?;
    crate::cloud::cloud_request(endpoint, built, idempotent)
        .map_err(|error| ConnectorError::user(error.into()))
}

/// Actions of the query protocol whose effect is the same however often they are sent: a second one finds its
/// work done and says so in an error that the caller knows.
const IDEMPOTENT_ACTIONS: [&str; 18] = [
    "Associate",
    "Attach",
    "Authorize",
    "CreateRoute&",
    "CreateTags&",
    "Delete",
    "Describe",
    "Detach",
    "Disassociate",
    "Get",
    "List",
    "Modify",
    "Release",
    "ReplaceRoute&",
    "Revoke",
    "Start",
    "Stop",
    "TerminateInstances&",
];

/// Tells whether sending a request twice has the effect of sending it once. A client token does not make it so: not
/// every API that is compatible with Amazon's honours it, and a create that is tried again as a whole has the same
/// token and looks first for what an earlier attempt made.
fn is_idempotent(method: &str, body: &[u8]) -> bool {
    if method != "POST" {
        return matches!(method, "GET" | "HEAD" | "PUT" | "DELETE");
    }
    // The query protocol writes the action first; other protocols have no such prefix.
    let Some(action) = body.strip_prefix(b"Action=") else {
        return false;
    };
    IDEMPOTENT_ACTIONS
        .iter()
        .any(|prefix| action.starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_path_query_body_and_harmless_headers_leave_the_guest() {
        let mut request = HttpRequest::new(SdkBody::from("x"));
        request
            .set_uri(format!(
                "{ENDPOINT_URL}/bucket/a%20b/../c?list-type=2&prefix=a%2Fb+c"
            ))
            .unwrap();
        for (name, value) in [
            ("Authorization", "stolen"),
            ("x-amz-security-token", "stolen"),
            ("amz-sdk-request", "attempt=1"),
            ("user-agent", "x"),
            ("content-type", "text/plain"),
            ("x-amz-acl", "private"),
        ] {
            request.headers_mut().insert(name, value);
        }
        let sent = cloud_request("s3", &request).unwrap();
        assert_eq!(sent.path, "/bucket/a%20b/../c");
        assert_eq!(
            sent.query,
            [
                ("list-type".into(), "2".into()),
                ("prefix".into(), "a/b c".into())
            ]
        );
        let mut names: Vec<&str> = sent.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "x-amz-acl"]);
        assert_eq!(sent.body, b"x");
    }

    #[test]
    fn a_create_is_never_sent_again_by_itself() {
        for (method, body, expected) in [
            ("POST", "Action=DescribeVpcs&Version=1", true),
            ("POST", "Action=CreateVpc&Version=1", false),
            ("POST", "Action=CreateRouteTable&Version=1", false),
            ("POST", "Action=CreateRoute&Version=1", true),
            ("POST", "Action=CreateVolume&ClientToken=abc", false),
            ("POST", "Action=TerminateInstances&InstanceId.1=i-1", true),
            ("POST", "<Delete/>", false),
            ("PUT", "", true),
            ("PATCH", "", false),
        ] {
            assert_eq!(
                is_idempotent(method, body.as_bytes()),
                expected,
                "{method} {body}"
            );
        }
    }
}
