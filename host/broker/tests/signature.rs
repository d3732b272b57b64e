//! What arrives at the cloud is signed for the granted scope, over exactly what was sent.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use konductor_model::cloud::CloudRequest;
use support::{KEY_ID, Received, SECRET, Server, TOKEN, body, describe_vpcs, get, session};

/// Computes the Authorization header from the request as received, as the cloud would.
fn expected_authorization(received: &Received, service: &str, region: &str, secret: &str) -> String {
    let credentials = Credentials::new(KEY_ID, secret, Some(TOKEN.to_owned()), None, "test");
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let stamp = received.header("x-amz-date").unwrap();
    let time: jiff::Timestamp = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", stamp)
        .and_then(|parsed| parsed.to_datetime())
        .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
        .unwrap()
        .timestamp();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::from(time))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let authorization = received.header("authorization").unwrap();
    let signed = authorization
        .split("SignedHeaders=")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let headers = received
        .headers
        .iter()
        .filter(|(name, _)| signed.split(';').any(|signed| signed == name))
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let uri = format!("http://{}{}", received.header("host").unwrap(), received.target);
    let request = SignableRequest::new(
        &received.method,
        &uri,
        headers,
        SignableBody::Bytes(&received.body),
    )
    .unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    instructions
        .headers()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .map(|(_, value)| value.to_owned())
        .unwrap()
}

async fn sent(request: CloudRequest) -> Received {
    let server = Server::start(|_, _| body(200, "ok")).await;
    let (cloud, _) = session(&server);
    cloud.send("urn", request).await.unwrap();
    server.received()[0].clone()
}

#[tokio::test]
async fn a_form_request_is_signed_for_the_granted_scope() {
    let received = sent(describe_vpcs()).await;
    let authorization = received.header("authorization").unwrap();
    assert_eq!(
        authorization,
        expected_authorization(&received, "ec2", "us-west-2", SECRET)
    );
    assert!(
        authorization.contains("/us-west-2/ec2/aws4_request"),
        "{authorization}"
    );
    assert_eq!(received.header("x-amz-security-token"), Some(TOKEN));
    assert_eq!(received.body, describe_vpcs().body);
    assert_ne!(
        authorization,
        expected_authorization(&received, "ec2", "us-west-2", "another secret")
    );
}

#[tokio::test]
async fn a_granted_region_that_the_guest_asks_for_is_the_one_that_is_signed() {
    let received = sent(CloudRequest {
        region: Some("eu-west-1".to_owned()),
        ..describe_vpcs()
    })
    .await;
    assert_eq!(
        received.header("authorization").unwrap(),
        expected_authorization(&received, "ec2", "eu-west-1", SECRET)
    );
}

#[tokio::test]
async fn an_object_key_with_every_kind_of_character_is_sent_and_signed_alike() {
    let request = CloudRequest {
        method: "PUT".to_owned(),
        path: "/bucket/a%20b//%C3%BC+%2B%2F=:@!$&'(),;~*%252e".to_owned(),
        query: vec![
            ("x-id".to_owned(), "PutObject".to_owned()),
            ("a b".to_owned(), "1+2=3&ü/?%".to_owned()),
        ],
        headers: vec![
            ("x-amz-acl".to_owned(), "private".to_owned()),
            ("x-amz-meta-note".to_owned(), "two  spaces".to_owned()),
        ],
        body: b"hello".to_vec(),
        ..get("/")
    };
    let received = sent(request).await;
    assert_eq!(
        received.target,
        "/bucket/a%20b//%C3%BC%2B%2B%2F%3D%3A%40%21%24%26%27%28%29%2C%3B~%2A%252e\
         ?x-id=PutObject&a%20b=1%2B2%3D3%26%C3%BC%2F%3F%25"
    );
    assert_eq!(
        received.header("authorization").unwrap(),
        expected_authorization(&received, "s3", "us-west-2", SECRET)
    );
    assert_eq!(
        received.header("x-amz-content-sha256"),
        Some("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    );
}

#[tokio::test]
async fn no_header_of_a_proxy_or_a_cookie_jar_and_no_compression_is_added() {
    let received = sent(get("/bucket")).await;
    let mut names: Vec<&str> = received.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "authorization",
            "host",
            "user-agent",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-security-token"
        ]
    );
}
