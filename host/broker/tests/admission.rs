//! Calls that wait for the rate limit before they begin, counted by the server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use futures::FutureExt as _;
use konductor_broker::{AuditSink, Broker, BrokerOptions, Grant, RetryOptions, ThrottleOptions};
use konductor_model::cloud::Cloud;
use support::{Records, Server, aws, describe_vpcs, get, options, planted, session_with, status};

/// A limit of some requests; no test lasts until there is one more.
fn limited(requests: f64) -> BrokerOptions {
    BrokerOptions {
        throttle: ThrottleOptions {
            rate: 0.000_1,
            minimum_rate: 0.000_1,
            burst: requests,
            recovery: 0.0,
            ..ThrottleOptions::default()
        },
        retry: RetryOptions {
            most_attempts: 1,
            ..options().retry
        },
        ..options()
    }
}

/// Admits a call now; none where it has to wait.
fn admitted(cloud: &Arc<dyn Cloud>, purpose: &str) -> Option<Arc<dyn Cloud>> {
    let admitted = Arc::clone(cloud).admit(purpose).now_or_never()?;
    Some(admitted.unwrap())
}

#[tokio::test]
async fn a_call_that_was_admitted_sends_at_once_and_when_the_limit_is_reached_none_is_admitted() {
    let server = Server::start(|_, _| status(200)).await;
    let (cloud, _) = session_with(limited(3.0), &server);
    for _ in 0..3 {
        let call = admitted(&cloud, "aws:ec2:Vpc").unwrap();
        // What was waited for counts once: else the second would find no room.
        assert_eq!(call.send("vpc", describe_vpcs()).await.unwrap().status, 200);
    }
    assert!(admitted(&cloud, "aws:ec2:Vpc").is_none());
    assert_eq!(server.received().len(), 3);
    // Another service has a limit of its own, and another type asks first.
    let call = admitted(&cloud, "aws:s3:Bucket").unwrap();
    assert_eq!(call.send("bucket", get("/bucket")).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_call_that_sends_nothing_gives_its_room_to_the_next() {
    let server = Server::start(|_, _| status(200)).await;
    let (cloud, _) = session_with(limited(2.0), &server);
    let call = admitted(&cloud, "aws:ec2:Vpc").unwrap();
    call.send("vpc", describe_vpcs()).await.unwrap();
    for _ in 0..5 {
        drop(admitted(&cloud, "aws:ec2:Vpc").unwrap());
    }
    let held = admitted(&cloud, "aws:ec2:Vpc").unwrap();
    assert!(admitted(&cloud, "aws:ec2:Vpc").is_none(), "there is room for two");
    drop(held);
    assert!(admitted(&cloud, "aws:ec2:Vpc").is_some());
}

#[tokio::test]
async fn only_the_first_request_of_a_call_was_waited_for() {
    let server = Server::start(|_, _| status(200)).await;
    let (cloud, _) = session_with(limited(3.0), &server);
    let ahead = admitted(&cloud, "aws:ec2:Vpc").unwrap();
    ahead.send("vpc", describe_vpcs()).await.unwrap();
    let call = admitted(&cloud, "aws:ec2:Vpc").unwrap();
    call.send("vpc", describe_vpcs()).await.unwrap();
    call.send("vpc", describe_vpcs()).await.unwrap();
    assert!(
        call.send("vpc", describe_vpcs()).now_or_never().is_none(),
        "the fourth waits"
    );
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn after_the_cloud_refused_a_request_none_is_admitted() {
    let server = Server::start(|_, _| status(429)).await;
    let (cloud, _) = session_with(limited(50.0), &server);
    let call = admitted(&cloud, "aws:ec2:Vpc").unwrap();
    assert_eq!(call.send("vpc", describe_vpcs()).await.unwrap().status, 429);
    assert!(admitted(&cloud, "aws:ec2:Vpc").is_none());
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_plugin_without_endpoints_has_no_limit() {
    let records: Arc<dyn AuditSink> = Arc::new(Records::default());
    let broker = Broker::new(options(), records).unwrap();
    let cloud = broker.session(aws(Grant::default(), planted())).unwrap();
    assert!(cloud.admit("test:one:Thing").await.is_none());
}
