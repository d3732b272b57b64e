//! No call answers with a token, a key or a password unless the grant lists it, however it is written.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use konductor_broker::{EndpointGrant, Grant};
use konductor_model::cloud::{CloudRequest, SendError};
use support::{Server, body, describe_vpcs, options, session_of};

async fn server() -> Server {
    Server::start(|_, _| body(200, "<SecretAccessKey>planted</SecretAccessKey>")).await
}

/// Grants the services without any operation that answers with tokens.
fn grant(server: &Server, operations: &[&str]) -> Grant {
    let endpoint = |service: &str| EndpointGrant {
        override_url: Some(server.url.clone()),
        token_operations: operations.iter().map(|name| (*name).to_owned()).collect(),
        ..EndpointGrant::aws(service, "us-west-2")
    };
    Grant {
        endpoints: ["sts", "iam", "ecr", "ec2", "portal.sso", "secretsmanager"]
            .map(endpoint)
            .into(),
        ..Grant::default()
    }
}

fn call(endpoint: &str, body: &str) -> CloudRequest {
    CloudRequest {
        endpoint: endpoint.to_owned(),
        body: body.as_bytes().to_vec(),
        ..describe_vpcs()
    }
}

fn with_header(request: CloudRequest, name: &str, value: &str) -> CloudRequest {
    let mut headers = request.headers.clone();
    headers.retain(|(found, _)| found != name);
    headers.push((name.to_owned(), value.to_owned()));
    CloudRequest { headers, ..request }
}

fn with_query(request: CloudRequest, name: &str, value: &str) -> CloudRequest {
    CloudRequest {
        query: vec![(name.to_owned(), value.to_owned())],
        ..request
    }
}

#[tokio::test]
async fn token_operations_are_refused_in_every_protocol_and_spelling() {
    let server = server().await;
    let (cloud, records) = session_of(options(), grant(&server, &[]));
    let portal = CloudRequest {
        method: "GET".to_owned(),
        path: "/federation/credentials".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        ..call("portal.sso", "")
    };
    let requests = [
        call("sts", "Action=AssumeRole&Version=2011-06-15"),
        call("sts", "Version=2011-06-15&Action=assumeRole"),
        call("sts", "%41ction=%41ssumeRole"),
        call("sts", "Action=GetCallerIdentity&Action=AssumeRole"),
        call("sts", "action=AssumeRole"),
        call("sts", "Version=2011-06-15;Action=AssumeRole"),
        call("sts", "{\"Action\":\"AssumeRole\"}"),
        with_query(call("sts", ""), "Action", "GetSessionToken"),
        with_query(call("sts", "Action=AssumeRole"), "Action", "GetCallerIdentity"),
        with_header(call("sts", "Action=AssumeRole"), "content-type", "text/plain"),
        with_header(
            call("sts", "Action=GetCallerIdentity"),
            "content-encoding",
            "gzip",
        ),
        with_header(
            call("sts", "Action=GetCallerIdentity"),
            "content-type",
            "multipart/form-data; boundary=x",
        ),
        call("iam", "Action=CreateAccessKey&UserName=admin"),
        call("ec2", "Action=CreateKeyPair&KeyName=x"),
        with_header(
            call("ecr", "{}"),
            "x-amz-target",
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        ),
        with_header(
            call("secretsmanager", "{}"),
            "x-amz-target",
            "secretsmanager.GetSecretValue",
        ),
        portal.clone(),
        CloudRequest {
            path: "/federation/%63redentials".to_owned(),
            ..portal.clone()
        },
        CloudRequest {
            path: "/Federation/Credentials/".to_owned(),
            ..portal
        },
    ];
    let count = requests.len();
    for request in requests {
        let shown = format!("{request:?} {}", String::from_utf8_lossy(&request.body));
        let error = cloud.send("urn", request).await.err().unwrap();
        assert!(matches!(error, SendError::Denied(_)), "{shown}: {error:?}");
    }
    assert!(server.received().is_empty());
    assert_eq!(records.all().len(), count, "each refusal is on record");
}

#[tokio::test]
async fn an_operation_that_the_grant_lists_is_sent_and_no_other() {
    let server = server().await;
    let (cloud, _) = session_of(options(), grant(&server, &["AssumeRole"]));
    cloud
        .send("urn", call("sts", "Action=AssumeRole&RoleArn=x"))
        .await
        .unwrap();
    cloud
        .send("urn", call("sts", "Action=GetCallerIdentity"))
        .await
        .unwrap();
    assert!(
        cloud
            .send("urn", call("sts", "Action=GetSessionToken"))
            .await
            .is_err()
    );
    assert!(
        cloud
            .send("urn", call("sts", "Action=GetCallerIdentity&Action=AssumeRole"))
            .await
            .is_err()
    );
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_presigned_request_is_refused_in_query_and_headers() {
    let server = server().await;
    let (cloud, _) = session_of(options(), grant(&server, &[]));
    for name in [
        "X-Amz-Signature",
        "x-amz-signature",
        "X-Amz-Credential",
        "X-Amz-Algorithm",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Security-Token",
        "AWSAccessKeyId",
        "Signature",
        "X-Goog-Signature",
        "X-Goog-Credential",
        "GoogleAccessId",
        "access_token",
        "X-Amz-S3session-Token",
    ] {
        let request = with_query(call("ec2", "Action=DescribeVpcs"), name, "forged");
        let error = cloud.send("urn", request).await.err().unwrap().to_string();
        assert!(error.contains("the host signs requests"), "{name}: {error}");
    }
    let request = with_header(
        call("ec2", "Action=DescribeVpcs"),
        "x-amz-s3session-token",
        "forged",
    );
    assert!(cloud.send("urn", request).await.is_err());
    assert!(server.received().is_empty());
}
