//! What a guest may not do is refused before anything is sent, and recorded.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::net::IpAddr;
use std::sync::Arc;

use konductor_broker::{AuditSink, Broker, BrokerError, BrokerOptions, EndpointGrant, Grant, Resolver};
use konductor_model::cloud::{CloudRequest, SendError};
use konductor_model::manifest::EndpointProtocol;
use support::{Records, Server, aws as aws_session, body, describe_vpcs, get, options, planted, session};
use url::Url;

/// Sends what must be refused and returns the message.
async fn refused(request: CloudRequest) -> String {
    let server = Server::start(|_, _| body(200, "ok")).await;
    let (cloud, records) = session(&server);
    let error = cloud.send("aws:ec2:Vpc::main", request).await.err().unwrap();
    assert!(server.received().is_empty(), "it was sent: {error}");
    let record = records.only();
    assert_eq!(record.attempts, 0);
    assert_eq!(record.status, None);
    assert_eq!(record.error.as_deref(), Some(error.to_string().as_str()));
    assert_eq!(
        (record.plugin.as_str(), record.resource.as_str()),
        ("aws", "aws:ec2:Vpc::main")
    );
    let text = error.to_string();
    match error {
        SendError::TooLarge(_) => {}
        SendError::Denied(_) => {
            assert!(
                text.starts_with("denied: plugin `aws` may not call endpoint `"),
                "{text}"
            );
            assert!(text.contains("no grant can allow it"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    text
}

#[tokio::test]
async fn a_region_cannot_carry_a_host_name() {
    for region in ["evil.example/", "us-west-2.evil.example", "us-west-2@evil", ""] {
        refused(CloudRequest {
            region: Some(region.to_owned()),
            ..describe_vpcs()
        })
        .await;
    }
}

#[tokio::test]
async fn a_path_that_names_another_host_is_refused() {
    for path in [
        "http://evil.example/",
        "//evil.example/",
        "@evil.example/",
        "user:p@evil.example/",
        "evil.example",
        "",
    ] {
        refused(get(path)).await;
    }
}

#[tokio::test]
async fn a_forged_signature_is_refused_in_headers_and_query() {
    for name in [
        "Authorization",
        "authorization",
        "X-Amz-Security-Token",
        "X-Amz-Date",
        "Host",
        "Cookie",
        "Content-Length",
    ] {
        let headers = vec![(name.to_owned(), "AWS4-HMAC-SHA256 Credential=x".to_owned())];
        let message = refused(CloudRequest {
            headers,
            ..describe_vpcs()
        })
        .await;
        assert!(message.contains(name), "{message}");
        assert!(
            !message.contains("Credential=x"),
            "a header's value is repeated: {message}"
        );
    }
    let query = vec![("X-Amz-Signature".to_owned(), "forged".to_owned())];
    refused(CloudRequest {
        query,
        ..get("/bucket")
    })
    .await;
}

#[tokio::test]
async fn a_record_of_a_refused_call_cannot_break_the_log() {
    let server = Server::start(|_, _| body(200, "ok")).await;
    let (cloud, records) = session(&server);
    let path = format!(
        "/x\r\nforged: line\u{1b}[2J?secret-query=1{}",
        "y".repeat(100_000)
    );
    cloud
        .send(
            "a\nb",
            CloudRequest {
                method: "GET\r\n".to_owned(),
                ..get(&path)
            },
        )
        .await
        .err()
        .unwrap();
    let record = records.only();
    let shown = format!(
        "{}{}{}{}",
        record.path,
        record.method,
        record.resource,
        record.error.unwrap()
    );
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    assert!(shown.len() < 5000 && !shown.contains("secret-query"), "{shown}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let message = refused(CloudRequest {
        body: vec![b'x'; 100_001],
        ..describe_vpcs()
    })
    .await;
    assert_eq!(
        message,
        "too large: the request's body has 100001 bytes; the limit is 100000"
    );
}

struct Inside;

#[async_trait::async_trait]
impl Resolver for Inside {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(vec![
            "127.0.0.1".parse().unwrap(),
            "169.254.169.254".parse().unwrap(),
        ])
    }
}

#[tokio::test]
async fn a_cloud_host_that_resolves_into_this_machine_is_denied_at_once() {
    let records = Arc::new(Records::default());
    let options = BrokerOptions {
        resolver: Arc::new(Inside),
        ..options()
    };
    let broker = Broker::new(options, Arc::clone(&records) as Arc<dyn AuditSink>).unwrap();
    let grant = Grant {
        endpoints: vec![EndpointGrant::aws("ec2", "us-west-2")],
        ..Grant::default()
    };
    let cloud = broker.session(aws_session(grant, planted())).unwrap();
    let error = cloud.send("urn", describe_vpcs()).await.err().unwrap();
    assert!(
        matches!(&error, SendError::Denied(text) if text.contains("not a public address")),
        "{error:?}"
    );
    let record = records.only();
    assert_eq!(record.attempts, 1, "what is denied is not tried again");
    assert_eq!(record.host, "ec2.us-west-2.amazonaws.com");
}

#[tokio::test]
async fn a_grant_that_makes_no_sense_is_refused_with_everything_that_is_wrong() {
    let broker = Broker::new(options(), Arc::new(Records::default())).unwrap();
    let aws = |service: &str, region: &str| EndpointGrant::aws(service, region);
    let with_override = |url: &str| EndpointGrant {
        id: url.len().to_string(),
        override_url: Some(Url::parse(url).unwrap()),
        ..aws("ec2", "us-west-2")
    };
    let grant = Grant {
        endpoints: vec![
            aws("evil.example/x", "us-west-2"),
            EndpointGrant {
                id: "a".to_owned(),
                ..aws("ec2", "us-west-2.evil")
            },
            EndpointGrant {
                id: "b".to_owned(),
                protocol: EndpointProtocol::Azure,
                ..aws("ec2", "us-west-2")
            },
            EndpointGrant {
                id: "c".to_owned(),
                methods: Some(["CONNECT".to_owned()].into()),
                ..aws("ec2", "us-west-2")
            },
            with_override("http://user:planted@127.0.0.1/"),
            with_override("http://127.0.0.1/path"),
            with_override("ftp://127.0.0.1/"),
        ],
        ..Grant::default()
    };
    let session = aws_session(grant, planted());
    let Err(BrokerError::Grant { problems, .. }) = broker.session(session) else {
        panic!("it was taken")
    };
    assert_eq!(problems.len(), 10, "{problems:#?}");
    assert!(!problems.concat().contains("planted"));
}

#[tokio::test]
async fn no_grant_reaches_a_metadata_service() {
    let broker = Broker::new(options(), Arc::new(Records::default())).unwrap();
    for url in [
        "http://169.254.169.254/",
        "http://0xa9fea9fe/",
        "http://[::ffff:169.254.169.254]/",
    ] {
        let endpoint = EndpointGrant {
            override_url: Some(Url::parse(url).unwrap()),
            ..EndpointGrant::aws("ec2", "us-west-2")
        };
        let grant = Grant {
            endpoints: vec![endpoint],
            ..Grant::default()
        };
        let session = aws_session(grant, planted());
        assert!(broker.session(session).is_err(), "{url}");
    }
}
