//! Signs a request with AWS Signature Version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign as sign_request,
};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;

use crate::endpoint::Address;

/// Why a request could not be signed; it holds no part of the request or of the credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request could not be signed: {0}")]
pub(crate) struct SigningError(String);

/// Signs a request in place for the scope of its address, and returns the signature.
pub(crate) fn sign(
    request: &mut http::Request<Bytes>,
    address: &Address,
    credentials: &Credentials,
    time: SystemTime,
) -> Result<String, SigningError> {
    let failed = |error: &dyn std::error::Error| SigningError(error.to_string());
    let mut settings = SigningSettings::default();
    if address.signing_service == "s3" {
        // S3 signs the path exactly as it is sent, and wants the body's hash in a header.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(&address.signing_region)
        .name(&address.signing_service)
        .time(time)
        .settings(settings)
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let uri = request.uri().to_string();
    let mut headers = Vec::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        headers.push((name.as_str(), value.to_str().map_err(|error| failed(&error))?));
    }
    let signable = SignableRequest::new(
        request.method().as_str(),
        &uri,
        headers.into_iter(),
        SignableBody::Bytes(request.body()),
    )
    .map_err(|error| failed(&error))?;
    let (instructions, signature) = sign_request(signable, &parameters)
        .map_err(|error| failed(&error))?
        .into_parts();
    instructions.apply_to_request_http1x(request);
    // Marked so that no layer below shows them or keeps them in a compression table.
    for name in ["authorization", "x-amz-security-token"] {
        if let Some(value) = request.headers_mut().get_mut(name) {
            value.set_sensitive(true);
        }
    }
    Ok(signature)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use url::Url;

    use super::*;

    fn authorization(uri: &str, method: &str, body: &'static [u8], form: bool) -> String {
        // The credential, scope and time of the published test suite.
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            None,
            None,
            "test",
        );
        let address = Address {
            origin: Url::parse("https://example.amazonaws.com").unwrap(),
            signing_region: "us-east-1".to_owned(),
            signing_service: "service".to_owned(),
        };
        let mut request = http::Request::builder().method(method).uri(uri);
        if form {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let mut request = request.body(Bytes::from_static(body)).unwrap();
        sign(
            &mut request,
            &address,
            &credentials,
            UNIX_EPOCH + Duration::from_secs(1_440_938_160),
        )
        .unwrap();
        request.headers()["authorization"]
            .to_str()
            .unwrap()
            .rsplit("Signature=")
            .next()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn signatures_are_those_of_the_published_test_suite() {
        for (uri, method, body, form, expected) in [
            // get-vanilla
            (
                "https://example.amazonaws.com/",
                "GET",
                &b""[..],
                false,
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            // get-vanilla-query-order-key-case
            (
                "https://example.amazonaws.com/?Param2=value2&Param1=value1",
                "GET",
                b"",
                false,
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            // post-vanilla
            (
                "https://example.amazonaws.com/",
                "POST",
                b"",
                false,
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            // post-x-www-form-urlencoded
            (
                "https://example.amazonaws.com/",
                "POST",
                b"Param1=value1",
                true,
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            assert_eq!(authorization(uri, method, body, form), expected, "{method} {uri}");
        }
    }
}
