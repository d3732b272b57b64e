//! Lets the AWS SDK fetch credentials (STS, SSO, instance and container services) over the broker's own client.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use url::Url;

use crate::broker::CallLimits;
use crate::egress::Egress;
use crate::redaction::Redaction;
use crate::transport::{AttemptError, Sending, Transport};

/// The time for one request where the SDK sets none.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Answers of credential services are small.
const LARGEST_ANSWER: usize = 1024 * 1024;

#[derive(Clone)]
struct IdentityHttp {
    transport: Arc<dyn Transport>,
    egress: Arc<Egress>,
    limits: CallLimits,
    timeout: Duration,
}

impl std::fmt::Debug for IdentityHttp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityHttp").finish_non_exhaustive()
    }
}

/// Makes the SDK's view of a transport.
pub(crate) fn identity_http(
    transport: Arc<dyn Transport>,
    egress: Arc<Egress>,
    limits: CallLimits,
) -> SharedHttpClient {
    let limits = CallLimits {
        response_body: LARGEST_ANSWER,
        ..limits
    };
    SharedHttpClient::new(IdentityHttp {
        transport,
        egress,
        limits,
        timeout: TIMEOUT,
    })
}

impl HttpClient for IdentityHttp {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        // The instance service is looked for with a timeout of a second, which must hold.
        let timeout = match (settings.connect_timeout(), settings.read_timeout()) {
            (None, None) => TIMEOUT,
            (connect, read) => connect
                .unwrap_or_default()
                .saturating_add(read.unwrap_or_default())
                .min(TIMEOUT),
        };
        SharedHttpConnector::new(Self {
            timeout,
            ..self.clone()
        })
    }
}

impl HttpConnector for IdentityHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.send(request).await })
    }
}

impl IdentityHttp {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let url = Url::parse(request.uri()).map_err(|error| ConnectorError::user(error.into()))?;
        self.egress
            .check_identity(&url)
            .map_err(|error| ConnectorError::user(error.into()))?;
        let request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let (parts, body) = request.into_parts();
        let body = body
            .bytes()
            .map(Bytes::copy_from_slice)
            .ok_or_else(|| ConnectorError::user("a request for credentials has a streaming body".into()))?;
        let sending = Sending {
            resource: "",
            endpoint: "",
            own_address: None,
            request: http::Request::from_parts(parts, body),
            redaction: &Redaction::default(),
            limits: &self.limits,
            timeout: self.timeout,
        };
        let answer = self.transport.send(sending).await.map_err(|error| match error {
            AttemptError::TimedOut(_) => ConnectorError::timeout(error.into()),
            AttemptError::NotConnected(_) => ConnectorError::io(error.into()).never_connected(),
            AttemptError::Lost(_) => ConnectorError::io(error.into()),
            AttemptError::Denied(_) | AttemptError::TooLarge(_) | AttemptError::Unrecorded(_) => {
                ConnectorError::user(error.into())
            }
        })?;
        let mut response = http::Response::new(SdkBody::from(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
    }
}
