//! Credentials are fetched over the broker's own client, once for many calls, and renewed when refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use konductor_broker::{AssumeRole, AuditSink, Broker, BrokerOptions, CredentialBase, CredentialSource};
use konductor_model::SecretText;
use konductor_model::cloud::{Cloud, SendError};
use support::{
    Received, Records, Reply, SECRET, Server, body, describe_vpcs, grant, options, planted, status,
};

fn sts_answer(number: usize) -> Reply {
    body(
        200,
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>ASIAASSUMED{number}</AccessKeyId>\
             <SecretAccessKey>assumed/secret+key/0123456789abcdefghijk</SecretAccessKey>\
             <SessionToken>assumed-session-token-{number}</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

fn is_sts(received: &Received) -> bool {
    received.body.starts_with(b"Action=AssumeRole")
}

fn role() -> CredentialSource {
    CredentialSource {
        assume_role: Some(AssumeRole {
            role_arn: "arn:aws:iam::123456789012:role/deploy".to_owned(),
            external_id: Some(SecretText::new("planted-external-id")),
            session_tags: [("team".to_owned(), "network".to_owned())].into(),
            duration: Some(Duration::from_secs(1800)),
            ..AssumeRole::default()
        }),
        ..planted()
    }
}

fn session(server: &Server, credentials: CredentialSource) -> (Arc<dyn Cloud>, Arc<Records>) {
    let records = Arc::new(Records::default());
    let options = BrokerOptions {
        sts_endpoint: Some(server.url.clone()),
        ..options()
    };
    let broker = Broker::new(options, Arc::clone(&records) as Arc<dyn AuditSink>).unwrap();
    (
        broker.session(support::aws(grant(server), credentials)).unwrap(),
        records,
    )
}

#[tokio::test]
async fn a_role_is_assumed_once_for_many_calls_with_its_external_id_and_tags() {
    let server = Server::start(|received, number| {
        if is_sts(received) {
            sts_answer(number)
        } else {
            status(200)
        }
    })
    .await;
    let (cloud, records) = session(&server, role());
    let calls = (0..20).map(|_| cloud.send("urn", describe_vpcs()));
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer.unwrap().status, 200);
    }
    let (asked, sent): (Vec<_>, Vec<_>) = server.received().into_iter().partition(is_sts);
    assert_eq!((asked.len(), sent.len()), (1, 20));
    let form = String::from_utf8(asked[0].body.clone()).unwrap();
    for part in [
        "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdeploy",
        "ExternalId=planted-external-id",
        "RoleSessionName=konductor",
        "DurationSeconds=1800",
        "Tags.member.1.Key=team&Tags.member.1.Value=network",
    ] {
        assert!(form.contains(part), "{part} in {form}");
    }
    assert!(
        asked[0]
            .header("authorization")
            .unwrap()
            .contains("/us-west-2/sts/aws4_request")
    );
    for request in sent {
        assert!(request.header("authorization").unwrap().contains("ASIAASSUMED0"));
        assert_eq!(
            request.header("x-amz-security-token"),
            Some("assumed-session-token-0")
        );
    }
    assert!(!format!("{:?}", records.all()).contains("planted-external-id"));
}

#[tokio::test]
async fn credentials_that_the_cloud_calls_expired_are_renewed_once() {
    let server = Server::start(|received, number| {
        if is_sts(received) {
            sts_answer(number)
        } else {
            body(
                400,
                "<Response><Errors><Error><Code>ExpiredToken</Code></Error></Errors></Response>",
            )
        }
    })
    .await;
    let (cloud, _) = session(&server, role());
    assert_eq!(cloud.send("urn", describe_vpcs()).await.unwrap().status, 400);
    let keys: Vec<bool> = server.received().iter().map(is_sts).collect();
    assert_eq!(keys, [true, false, true, false]);
    assert!(
        server.received()[3]
            .header("authorization")
            .unwrap()
            .contains("ASIAASSUMED2")
    );
}

#[tokio::test]
async fn a_role_that_is_refused_says_what_to_do_and_shows_no_secret() {
    let server = Server::start(|_, _| {
        body(
            403,
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                 <Message>not authorized to perform sts:AssumeRole {SECRET}</Message></Error></ErrorResponse>"
            ),
        )
    })
    .await;
    let (cloud, records) = session(&server, role());
    let error = cloud.send("urn", describe_vpcs()).await.err().unwrap();
    let SendError::NoCredentials(text) = &error else {
        panic!("{error:?}")
    };
    assert!(text.contains("arn:aws:iam::123456789012:role/deploy"), "{text}");
    assert!(
        text.contains("check that the base credential may call sts:AssumeRole"),
        "{text}"
    );
    assert!(!text.contains(SECRET), "{text}");
    assert_eq!(records.only().attempts, 0);
}

#[tokio::test]
async fn a_failed_look_up_is_not_repeated_for_every_waiting_call() {
    let server = Server::start(|_, _| status(403)).await;
    let (cloud, _) = session(&server, role());
    let calls = (0..20).map(|_| cloud.send("urn", describe_vpcs()));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_err));
    assert!(
        cloud.send("urn", describe_vpcs()).await.is_err(),
        "one that comes later"
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_named() {
    let server = Server::start(|_, _| status(200)).await;
    let source = CredentialSource {
        base: CredentialBase::Profile("konductor-test-no-such-profile".to_owned()),
        ..CredentialSource::default()
    };
    let (cloud, _) = session(&server, source);
    let error = cloud.send("urn", describe_vpcs()).await.err().unwrap();
    assert!(
        matches!(&error, SendError::NoCredentials(text) if text.contains("konductor-test-no-such-profile")),
        "{error:?}"
    );
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_token_file_that_cannot_be_read_is_told_and_nothing_is_sent() {
    let server = Server::start(|_, _| status(200)).await;
    let source = CredentialSource {
        base: CredentialBase::WebIdentity(konductor_broker::WebIdentity {
            role_arn: "arn:aws:iam::123456789012:role/deploy".to_owned(),
            token_file: "/nowhere/konductor-token".into(),
            session_name: None,
        }),
        ..CredentialSource::default()
    };
    let (cloud, _) = session(&server, source);
    let error = cloud.send("urn", describe_vpcs()).await.err().unwrap();
    assert!(
        matches!(&error, SendError::NoCredentials(text) if text.contains("oidc_provider")),
        "{error:?}"
    );
    assert!(server.received().is_empty());
}
