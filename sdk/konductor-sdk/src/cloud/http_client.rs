//! The adapter for clients that speak in `http` requests: hand their requests to [`send_http`].

use konductor_model::cloud::{CloudRequest, SendError};

use crate::context::Host;

/// Why a request of a client got no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The host gave none.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A query is no UTF-8, or a header no text.
    #[error("the request cannot be passed on: {0}")]
    Request(String),
    /// What the host answered is no HTTP.
    #[error("the answer cannot be passed on: {0}")]
    Answer(#[from] http::Error),
}

/// Headers that the host sets or refuses.
fn is_kept(header: &str) -> bool {
    !matches!(
        header,
        "host"
            | "content-length"
            | "user-agent"
            | "x-amz-user-agent"
            | "authorization"
            | "x-amz-date"
            | "x-amz-content-sha256"
            | "x-amz-security-token"
            | "connection"
            | "transfer-encoding"
            | "expect"
    ) && !header.starts_with("amz-sdk-")
}

/// Decodes one part of a query, where `+` stands for a space.
fn decoded(part: &str) -> Result<String, HttpError> {
    percent_encoding::percent_decode_str(&part.replace('+', " "))
        .decode_utf8()
        .map(Into::into)
        .map_err(|error| HttpError::Request(format!("the query is no UTF-8: {error}")))
}

/// Returns what leaves the guest of a client's request: method, path as it is written, query, body and harmless
/// headers. The host name counts for nothing, the endpoint decides.
///
/// # Errors
/// When it cannot be passed on.
pub fn cloud_request(
    endpoint: &str,
    request: http::Request<Vec<u8>>,
    idempotent: bool,
) -> Result<CloudRequest, HttpError> {
    let (parts, body) = request.into_parts();
    let query = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect::<Result<_, HttpError>>()?;
    let headers = parts
        .headers
        .iter()
        .filter(|(name, _)| is_kept(name.as_str()))
        .map(|(name, value)| {
            let value = value
                .to_str()
                .map_err(|_| HttpError::Request(format!("the header `{name}` is no text")))?;
            Ok((name.as_str().to_owned(), value.to_owned()))
        })
        .collect::<Result<_, HttpError>>()?;
    let path = parts.uri.path();
    Ok(CloudRequest {
        endpoint: endpoint.to_owned(),
        region: None,
        method: parts.method.as_str().to_owned(),
        path: if path.is_empty() { "/" } else { path }.to_owned(),
        query,
        headers,
        body,
        idempotent,
    })
}

/// Sends a request of a client that was written for the network. `idempotent` says whether sending it twice has the
/// effect of sending it once.
///
/// # Errors
/// When there is no answer.
pub fn send_http(
    host: &dyn Host,
    endpoint: &str,
    request: http::Request<Vec<u8>>,
    idempotent: bool,
) -> Result<http::Response<Vec<u8>>, HttpError> {
    let response = host.send(cloud_request(endpoint, request, idempotent)?)?;
    let mut answer = http::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        // A header that a client cannot hold is none it reads.
        let header = http::HeaderName::try_from(name)
            .ok()
            .zip(http::HeaderValue::try_from(value).ok());
        if let Some((name, value)) = header {
            answer = answer.header(name, value);
        }
    }
    Ok(answer.body(response.body)?)
}
