//! Endpoints of HTTP APIs that are no cloud: the operator says where they are and what authenticates requests.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::sync::Arc;

use konductor_broker::{
    AuditSink, Broker, BrokerError, CredentialSource, EndpointGrant, Grant, HttpCredential, SessionOptions,
};
use konductor_model::SecretText;
use konductor_model::cloud::{Cloud, CloudRequest, SendError};
use konductor_model::manifest::EndpointProtocol;

use support::{Received, Records, Reply, Server, body, options, status};

const TOKEN: &str = "planted/http+token==";

fn endpoint(server: &Server) -> EndpointGrant {
    EndpointGrant {
        id: "api".to_owned(),
        protocol: EndpointProtocol::Http,
        regions: Default::default(),
        default_region: String::new(),
        credentials: Some("shelf".to_owned()),
        override_url: Some(server.url.clone()),
        ..EndpointGrant::aws("shelf", "us-west-2")
    }
}

fn session_options(endpoint: EndpointGrant, credential: HttpCredential) -> SessionOptions {
    SessionOptions {
        rate_limit: None,
        plugin: "shelf".to_owned(),
        grant: Grant {
            endpoints: vec![endpoint],
            ..Grant::default()
        },
        credentials: Default::default(),
        bearer_sources: Default::default(),
        http_credentials: [("shelf".to_owned(), credential)].into(),
        vault: None,
    }
}

fn open(endpoint: EndpointGrant, credential: HttpCredential) -> (Arc<dyn Cloud>, Arc<Records>) {
    let records = Arc::new(Records::default());
    let broker = Broker::new(options(), Arc::clone(&records) as Arc<dyn AuditSink>).unwrap();
    let cloud = broker.session(session_options(endpoint, credential)).unwrap();
    (cloud, records)
}

fn problems(session: SessionOptions) -> String {
    let broker = Broker::new(options(), Arc::new(Records::default())).unwrap();
    match broker.session(session) {
        Err(BrokerError::Grant { problems, .. }) => problems.concat(),
        Err(error) => panic!("{error}"),
        Ok(_) => String::new(),
    }
}

fn request(method: &str, path: &str) -> CloudRequest {
    CloudRequest {
        endpoint: "api".to_owned(),
        region: None,
        method: method.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: b"{}".to_vec(),
        idempotent: false,
    }
}

fn bearer() -> HttpCredential {
    HttpCredential::Bearer(SecretText::new(TOKEN))
}

fn basic() -> HttpCredential {
    HttpCredential::Basic {
        user: "Aladdin".to_owned(),
        password: SecretText::new("open sesame"),
    }
}

#[tokio::test]
async fn each_kind_of_credential_reaches_the_server_and_nothing_of_aws_does() {
    let header = HttpCredential::Header {
        name: http::HeaderName::from_static("x-api-key"),
        value: SecretText::new(TOKEN),
    };
    for (credential, name, expected) in [
        (HttpCredential::None, "authorization", None),
        (bearer(), "authorization", Some(format!("Bearer {TOKEN}"))),
        // The example of RFC 7617.
        (
            basic(),
            "authorization",
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned()),
        ),
        (header, "x-api-key", Some(TOKEN.to_owned())),
    ] {
        let server = Server::start(|_, _| status(200)).await;
        let (cloud, records) = open(endpoint(&server), credential);
        let sent = cloud.send("shelf/book", request("POST", "/books"));
        assert_eq!(sent.await.unwrap().status, 200);
        let received = &server.received()[0];
        assert_eq!(received.header(name), expected.as_deref());
        assert_eq!(received.target, "/books");
        let signed = |(name, _): &(String, String)| name.starts_with("x-amz");
        assert!(!received.headers.iter().any(signed), "{received:?}");
        let record = format!("{:?}", records.only());
        assert!(
            !record.contains("planted") && !record.contains("sesame"),
            "{record}"
        );
    }
}

#[tokio::test]
async fn a_guest_cannot_put_its_own_authentication_or_host_into_a_request() {
    let server = Server::start(|_, _| status(200)).await;
    let (cloud, _) = open(endpoint(&server), bearer());
    for name in [
        "Authorization",
        "Host",
        "X-API-Key",
        "Cookie",
        "X-HTTP-Method-Override",
    ] {
        let mut sent = request("GET", "/");
        sent.headers.push((name.to_owned(), "mine".to_owned()));
        let refused = cloud.send("shelf/book", sent).await.err().unwrap();
        assert!(matches!(refused, SendError::Denied(_)), "{name}: {refused:?}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn an_echo_of_the_credential_does_not_reach_the_guest() {
    let echo = |received: &Received, _| {
        let sent = received.header("authorization").unwrap_or_default().to_owned();
        let headers = vec![("x-echo", sent.clone()), ("www-authenticate", "Basic".to_owned())];
        let body = format!("{{\"seen\": \"{sent}\", \"password\": \"open sesame\"}}");
        Reply::Answer(200, headers, body.into_bytes())
    };
    for (credential, hides_password) in [(bearer(), false), (basic(), true)] {
        let server = Server::start(echo).await;
        let (cloud, _) = open(endpoint(&server), credential);
        let answer = cloud.send("shelf/book", request("GET", "/")).await.unwrap();
        let seen = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
        assert!(seen.contains("[redacted]"), "{seen}");
        assert!(!seen.contains("planted") && !seen.contains("QWxh"), "{seen}");
        assert!(!seen.contains("www-authenticate"), "{seen}");
        assert_eq!(seen.contains("sesame"), !hides_password, "{seen}");
    }
}

#[tokio::test]
async fn methods_and_prefixes_narrow_as_they_do_for_a_cloud_and_a_region_is_refused() {
    let server = Server::start(|_, _| status(200)).await;
    let narrowed = EndpointGrant {
        methods: Some(["GET".to_owned()].into()),
        resource_prefixes: ["books".to_owned()].into(),
        ..endpoint(&server)
    };
    let (cloud, _) = open(narrowed, bearer());
    let elsewhere = CloudRequest {
        region: Some("us-west-2".to_owned()),
        ..request("GET", "/books")
    };
    for refused in [request("DELETE", "/books/1"), request("GET", "/users"), elsewhere] {
        let error = cloud.send("shelf/book", refused).await.err().unwrap();
        assert!(matches!(error, SendError::Denied(_)), "{error:?}");
    }
    assert!(server.received().is_empty());
    let sent = cloud.send("shelf/book", request("GET", "/books/1"));
    sent.await.unwrap();
}

#[tokio::test]
async fn a_refused_credential_is_answered_once_and_a_redirect_is_not_followed() {
    let server = Server::start(|received, _| match received.target.as_str() {
        "/moved" => Reply::Answer(302, vec![("location", "/elsewhere".to_owned())], Vec::new()),
        _ => body(401, "{\"code\": \"ExpiredToken\"}"),
    })
    .await;
    let (cloud, _) = open(endpoint(&server), bearer());
    for (path, expected) in [("/", 401), ("/moved", 302)] {
        let answer = cloud.send("shelf/book", request("GET", path)).await.unwrap();
        assert_eq!(answer.status, expected);
    }
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn what_would_narrow_nothing_or_lead_nowhere_is_refused_when_the_session_is_made() {
    let server = Server::start(|_, _| status(200)).await;
    let good = endpoint(&server);
    let told = |endpoint| problems(session_options(endpoint, HttpCredential::None));
    assert_eq!(told(good.clone()), "");
    let mut wrong = vec![good.clone(); 6];
    wrong[0].override_url = None;
    wrong[1].accounts.insert("1".to_owned());
    wrong[2].regions.insert("eu".to_owned());
    wrong[3].override_url = Some("http://169.254.169.254".parse().unwrap());
    wrong[4].override_url = Some("http://user:planted@127.0.0.1".parse().unwrap());
    wrong[5].credentials = Some("other".to_owned());
    let expected = [
        "endpoint_url",
        "accounts",
        "regions",
        "metadata service",
        "user name",
        "`other`",
    ];
    for (wrong, expected) in wrong.into_iter().zip(expected) {
        let told = told(wrong);
        assert!(
            told.contains(expected) && !told.contains("planted"),
            "{expected}: {told}"
        );
    }
    let of_a_cloud = SessionOptions {
        credentials: [("shelf".to_owned(), CredentialSource::default())].into(),
        bearer_sources: Default::default(),
        http_credentials: Default::default(),
        ..session_options(good, HttpCredential::None)
    };
    assert!(problems(of_a_cloud).contains("not configured"));
}
