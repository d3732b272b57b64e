//! What is sent again, counted by the server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use konductor_broker::{
    AuditSink, Broker, BrokerOptions, CallLimits, EndpointGrant, Grant, RetryOptions, ThrottleOptions,
};
use konductor_model::cloud::{CloudRequest, SendError};
use support::{
    Records, Reply, Server, aws, body, describe_vpcs, get, options, planted, session, session_with, status,
};

const THROTTLED: &str =
    "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>";

/// Sends one request to a server that always replies alike, and says how often it came.
async fn sendings(method: &str, idempotent: bool, reply: fn() -> Reply) -> usize {
    let server = Server::start(move |_, _| reply()).await;
    let (cloud, records) = session(&server);
    let request = CloudRequest {
        method: method.to_owned(),
        idempotent,
        ..get("/bucket/key")
    };
    let _ = cloud.send("urn", request).await;
    assert_eq!(records.only().attempts as usize, server.received().len());
    server.received().len()
}

#[tokio::test]
async fn throttling_is_always_tried_again_and_failures_only_where_that_is_safe() {
    for (reply, name, safe, unsafe_) in [
        (
            (|| body(503, "<Error><Code>SlowDown</Code></Error>")) as fn() -> Reply,
            "503 SlowDown",
            3,
            3,
        ),
        (|| body(503, THROTTLED), "503 RequestLimitExceeded", 3, 3),
        (
            || body(400, r#"{"__type":"ThrottlingException"}"#),
            "400 ThrottlingException",
            3,
            3,
        ),
        (|| status(429), "429", 3, 3),
        (|| status(500), "500", 3, 1),
        (|| status(502), "502", 3, 1),
        (|| status(503), "503", 3, 1),
        (|| status(504), "504", 3, 1),
        (|| Reply::Close, "connection lost", 3, 1),
        (
            || Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()),
            "answer cut off",
            3,
            1,
        ),
        (|| status(501), "501", 1, 1),
        (|| status(400), "400", 1, 1),
        (|| status(403), "403", 1, 1),
        (|| status(404), "404", 1, 1),
        (|| status(409), "409", 1, 1),
        (|| status(200), "200", 1, 1),
        (|| status(304), "304", 1, 1),
    ] {
        assert_eq!(sendings("GET", false, reply).await, safe, "GET {name}");
        for method in ["PUT", "POST", "DELETE", "PATCH"] {
            assert_eq!(sendings(method, false, reply).await, unsafe_, "{method} {name}");
        }
        assert_eq!(
            sendings("POST", true, reply).await,
            safe,
            "POST, declared idempotent, {name}"
        );
    }
}

#[tokio::test]
async fn the_answer_after_a_failure_is_the_answer_and_the_attempts_are_recorded() {
    let server = Server::start(|_, number| {
        if number < 2 {
            body(503, THROTTLED)
        } else {
            body(200, "done")
        }
    })
    .await;
    let (cloud, records) = session(&server);
    let answer = cloud.send("urn", describe_vpcs()).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"done"[..]));
    let record = records.only();
    assert_eq!(
        (record.attempts, record.status, record.error),
        (3, Some(200), None)
    );
}

#[tokio::test]
async fn the_last_of_too_many_failures_is_the_answer() {
    let server = Server::start(|_, _| body(503, THROTTLED)).await;
    let (cloud, _) = session(&server);
    assert_eq!(cloud.send("urn", describe_vpcs()).await.unwrap().status, 503);
}

#[tokio::test]
async fn every_attempt_is_signed_anew_over_the_same_body() {
    let server = Server::start(|_, number| {
        if number == 0 {
            body(503, THROTTLED)
        } else {
            status(200)
        }
    })
    .await;
    let (cloud, _) = session(&server);
    cloud.send("urn", describe_vpcs()).await.unwrap();
    let received = server.received();
    assert_eq!(received[0].body, received[1].body);
    assert!(
        received
            .iter()
            .all(|request| request.header("authorization").is_some())
    );
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_for_every_method_because_nothing_was_sent() {
    let server = Server::start(|_, _| status(200)).await;
    let (cloud, records) = session(&server);
    server.stop().await;
    let error = cloud.send("urn", describe_vpcs()).await.err().unwrap();
    assert!(matches!(error, SendError::Connection(_)), "{error:?}");
    assert_eq!(records.only().attempts, 3);
}

#[tokio::test]
async fn a_wait_that_the_cloud_asks_for_is_kept_or_the_answer_is_given_up_to_the_guest() {
    let limits = CallLimits {
        call_timeout: Duration::from_secs(30),
        ..CallLimits::default()
    };
    let server = Server::start(|_, _| {
        Reply::Answer(
            503,
            vec![("retry-after", "3600".to_owned())],
            THROTTLED.as_bytes().to_vec(),
        )
    })
    .await;
    let (cloud, _) = session_with(BrokerOptions { limits, ..options() }, &server);
    let began = Instant::now();
    let answer = cloud.send("urn", describe_vpcs()).await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(server.received().len(), 1);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "it does not wait for what cannot be"
    );
}

#[tokio::test]
async fn a_throttled_session_slows_every_session_of_the_same_credential_and_service_down() {
    let server = Server::start(|_, number| {
        if number == 0 {
            body(503, THROTTLED)
        } else {
            status(200)
        }
    })
    .await;
    let throttle = ThrottleOptions {
        minimum_rate: 0.01,
        rate: 0.01,
        burst: 10.0,
        ..ThrottleOptions::default()
    };
    let limits = CallLimits {
        call_timeout: Duration::from_millis(300),
        ..CallLimits::default()
    };
    let retry = RetryOptions {
        most_attempts: 1,
        ..RetryOptions::default()
    };
    let records = Arc::new(Records::default());
    let options = BrokerOptions {
        throttle,
        limits,
        retry,
        ..options()
    };
    let broker = Broker::new(options, Arc::clone(&records) as Arc<dyn AuditSink>).unwrap();
    let session = |service: &str| {
        let endpoint = EndpointGrant {
            override_url: Some(server.url.clone()),
            ..EndpointGrant::aws(service, "us-west-2")
        };
        let grant = Grant {
            endpoints: vec![endpoint],
            ..Grant::default()
        };
        broker.session(aws(grant, planted())).unwrap()
    };
    assert_eq!(
        session("ec2").send("urn", describe_vpcs()).await.unwrap().status,
        503
    );
    let error = session("ec2").send("urn", describe_vpcs()).await.err().unwrap();
    assert!(
        matches!(&error, SendError::Timeout(text) if text.contains("nothing was sent")),
        "{error:?}"
    );
    assert_eq!(
        session("s3").send("urn", get("/bucket")).await.unwrap().status,
        200,
        "another service is not slowed"
    );
}
