//! Where a grant binds accounts and buckets, nothing goes to anybody else's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use konductor_broker::BrokerOptions;
use konductor_model::cloud::{Cloud, CloudRequest, SendError};
use support::{
    Received, Records, Reply, Server, body, describe_vpcs, get, grant, options, session_of, status,
};

const ACCOUNT: &str = "123456789012";

fn is_question(received: &Received) -> bool {
    received.body.starts_with(b"Action=GetCallerIdentity")
}

fn identity(account: &str) -> Reply {
    body(
        200,
        format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
    )
}

/// A session whose grant binds the account and the buckets that begin with `corp-`.
fn bound(server: &Server) -> (Arc<dyn Cloud>, Arc<Records>) {
    let mut grant = grant(server);
    for endpoint in &mut grant.endpoints {
        endpoint.accounts = [ACCOUNT.to_owned()].into();
    }
    grant.endpoints[1].resource_prefixes = ["corp-".to_owned()].into();
    let options = BrokerOptions {
        sts_endpoint: Some(server.url.clone()),
        ..options()
    };
    session_of(options, grant)
}

async fn cloud_of(account: &'static str) -> Server {
    Server::start(move |received, _| {
        if is_question(received) {
            identity(account)
        } else {
            status(200)
        }
    })
    .await
}

#[tokio::test]
async fn credentials_of_another_account_send_nothing_but_the_question() {
    let server = cloud_of("999999999999").await;
    let (cloud, records) = bound(&server);
    for request in [describe_vpcs(), get("/corp-logs/key")] {
        let error = cloud.send("urn", request).await.err().unwrap();
        let SendError::Denied(text) = &error else {
            panic!("{error:?}")
        };
        assert!(
            text.contains("account `999999999999`; granted are: 123456789012"),
            "{text}"
        );
        assert!(text.contains(".accounts in konductor.yaml"), "{text}");
    }
    assert!(server.received().iter().all(is_question), "a call was sent");
    assert_eq!(server.received().len(), 1, "the answer is kept");
    let operations: Vec<_> = records
        .all()
        .into_iter()
        .map(|record| (record.operation, record.attempts))
        .collect();
    assert_eq!(operations[0], (Some("GetCallerIdentity".to_owned()), 1));
    assert_eq!(operations[1], (Some("DescribeVpcs".to_owned()), 0));
}

#[tokio::test]
async fn the_account_is_asked_for_once_for_many_calls() {
    let server = cloud_of(ACCOUNT).await;
    let (cloud, _) = bound(&server);
    let calls = (0..20).map(|_| cloud.send("urn", describe_vpcs()));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(
        server
            .received()
            .iter()
            .filter(|received| is_question(received))
            .count(),
        1
    );
}

#[tokio::test]
async fn an_account_that_cannot_be_found_out_denies() {
    for answer in ["", "<Account>not-an-account</Account>"] {
        let server = Server::start(move |received, _| {
            if is_question(received) {
                body(200, answer)
            } else {
                status(200)
            }
        })
        .await;
        let (cloud, _) = bound(&server);
        let error = cloud.send("urn", describe_vpcs()).await.err().unwrap();
        assert!(
            matches!(&error, SendError::Denied(text) if text.contains("not known")),
            "{error:?}"
        );
        assert!(server.received().iter().all(is_question));
    }
}

#[tokio::test]
async fn a_bucket_of_another_account_is_refused_by_the_cloud_because_the_host_names_the_owner() {
    let server = cloud_of(ACCOUNT).await;
    let (cloud, _) = bound(&server);
    let copy = CloudRequest {
        method: "PUT".to_owned(),
        headers: vec![("x-amz-copy-source".to_owned(), "corp-source/key".to_owned())],
        ..get("/corp-logs/key")
    };
    cloud.send("urn", get("/corp-logs/key")).await.unwrap();
    cloud.send("urn", copy).await.unwrap();
    let sent: Vec<Received> = server
        .received()
        .into_iter()
        .filter(|received| !is_question(received))
        .collect();
    for received in &sent {
        assert_eq!(received.header("x-amz-expected-bucket-owner"), Some(ACCOUNT));
        assert!(
            received
                .header("authorization")
                .unwrap()
                .contains("x-amz-expected-bucket-owner"),
            "it is not signed"
        );
    }
    assert_eq!(
        sent[1].header("x-amz-source-expected-bucket-owner"),
        Some(ACCOUNT)
    );
}

#[tokio::test]
async fn a_guest_cannot_name_the_owner_itself() {
    let server = cloud_of(ACCOUNT).await;
    let (cloud, _) = bound(&server);
    for name in [
        "x-amz-expected-bucket-owner",
        "X-Amz-Expected-Bucket-Owner",
        "x-amz-source-expected-bucket-owner",
    ] {
        let request = CloudRequest {
            headers: vec![(name.to_owned(), "999999999999".to_owned())],
            ..get("/corp-logs/key")
        };
        let error = cloud.send("urn", request).await.err().unwrap().to_string();
        assert!(error.contains("the host sets it"), "{error}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_bucket_outside_the_granted_prefixes_is_refused_in_every_spelling() {
    let server = cloud_of(ACCOUNT).await;
    let (cloud, _) = bound(&server);
    for path in [
        "/evil/key",
        "/%65vil/key",
        "/evil%2Fcorp-/key",
        "/Corp-logs/key",
        "/",
        "/evil?corp-",
        "/corp/key",
    ] {
        assert!(cloud.send("urn", get(path)).await.is_err(), "{path} was sent");
    }
    for source in [
        "evil/key",
        "/evil/key",
        "%65vil/key",
        "evil%2Fkey",
        "arn:aws:s3:us-west-2:999999999999:accesspoint/x",
    ] {
        let request = CloudRequest {
            method: "PUT".to_owned(),
            headers: vec![("x-amz-copy-source".to_owned(), source.to_owned())],
            ..get("/corp-logs/key")
        };
        let error = cloud.send("urn", request).await.err().unwrap().to_string();
        assert!(
            error.contains("granted is what begins with: corp-"),
            "{source}: {error}"
        );
    }
    assert!(server.received().is_empty());
    assert!(
        cloud.send("urn", get("/%63orp-logs/key")).await.is_ok(),
        "an encoded name is the name"
    );
}
