//! Whose rate limit a request counts against where several processes share it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use konductor_broker::{
    AuditSink, Broker, BrokerOptions, CallLimits, RightsGiven, RightsWanted, SharedLimits,
};
use konductor_model::RateLimit;
use konductor_model::cloud::{Cloud, SendError};
use support::{Received, Records, Server, aws, body, describe_vpcs, get, grant, options, planted, status};

/// A ledger that gives everybody what they want, and writes down whose limit it was.
#[derive(Default)]
struct Ledger {
    asked: Mutex<Vec<String>>,
    silent: AtomicBool,
}

impl Ledger {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[async_trait]
impl SharedLimits for Ledger {
    async fn take(&self, wanted: RightsWanted<'_>) -> Result<RightsGiven, String> {
        if self.silent.load(Ordering::Relaxed) {
            return Err("it is switched off".to_owned());
        }
        self.asked.lock().unwrap().push(wanted.limit.to_owned());
        Ok(RightsGiven {
            count: wanted.wanted,
            level: wanted.capacity,
        })
    }
}

fn is_question(received: &Received) -> bool {
    received.body.starts_with(b"Action=GetCallerIdentity")
}

/// A cloud whose token service knows an account, or nothing.
async fn cloud(account: Option<&'static str>) -> Server {
    Server::start(move |received, _| match account {
        Some(account) if is_question(received) => body(
            200,
            format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account>\
                 </GetCallerIdentityResult></GetCallerIdentityResponse>"
            ),
        ),
        None if is_question(received) => status(403),
        _ => status(200),
    })
    .await
}

fn session(
    server: &Server,
    ledger: &Arc<Ledger>,
    limit: Option<RateLimit>,
    accounts: &[&str],
) -> Arc<dyn Cloud> {
    let mut grant = grant(server);
    for endpoint in &mut grant.endpoints {
        endpoint.accounts = accounts.iter().map(|account| (*account).to_owned()).collect();
    }
    let options = BrokerOptions {
        sts_endpoint: Some(server.url.clone()),
        shared_limits: Some(Arc::clone(ledger) as _),
        limits: CallLimits {
            call_timeout: Duration::from_secs(2),
            ..options().limits
        },
        ..options()
    };
    let broker = Broker::new(options, Arc::new(Records::default()) as Arc<dyn AuditSink>).unwrap();
    let mut session = aws(grant, planted());
    session.rate_limit = limit;
    broker.session(session).unwrap()
}

const LIMIT: Option<RateLimit> = Some(RateLimit {
    requests_per_second: 100,
    burst: 100,
});

#[tokio::test]
async fn a_shared_limit_is_that_of_the_account_which_is_asked_for_once() {
    let server = cloud(Some("123456789012")).await;
    let ledger = Arc::new(Ledger::default());
    let cloud = session(&server, &ledger, LIMIT, &[]);
    for _ in 0..3 {
        cloud.send("vpc", describe_vpcs()).await.unwrap();
    }
    cloud.send("bucket", get("/bucket")).await.unwrap();
    assert_eq!(
        ledger.asked(),
        [
            "aws/123456789012/ec2/us-west-2",
            "aws/123456789012/ec2/us-west-2",
            "aws/123456789012/ec2/us-west-2",
            "aws/123456789012/s3/us-west-2"
        ]
    );
    assert_eq!(
        server
            .received()
            .iter()
            .filter(|request| is_question(request))
            .count(),
        1
    );
}

#[tokio::test]
async fn a_grant_for_one_account_says_whose_the_limit_is() {
    let server = cloud(Some("123456789012")).await;
    let ledger = Arc::new(Ledger::default());
    let cloud = session(&server, &ledger, LIMIT, &["999999999999"]);
    // The credentials are another's, so nothing is sent; what the limit is called does not wait for that.
    cloud.send("vpc", describe_vpcs()).await.err().unwrap();
    assert_eq!(ledger.asked(), ["aws/999999999999/ec2/us-west-2"]);
}

#[tokio::test]
async fn where_nobody_knows_the_account_all_with_credentials_of_that_name_share() {
    let server = cloud(None).await;
    let ledger = Arc::new(Ledger::default());
    let cloud = session(&server, &ledger, LIMIT, &[]);
    cloud.send("vpc", describe_vpcs()).await.unwrap();
    assert_eq!(ledger.asked(), ["aws/of aws/ec2/us-west-2"]);
}

#[tokio::test]
async fn a_limit_that_nobody_configured_is_not_shared_and_nobody_is_asked() {
    let server = cloud(Some("123456789012")).await;
    let ledger = Arc::new(Ledger::default());
    let cloud = session(&server, &ledger, None, &[]);
    cloud.send("vpc", describe_vpcs()).await.unwrap();
    assert!(ledger.asked().is_empty());
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_call_that_could_not_ask_for_the_limit_sends_nothing_and_says_so() {
    let server = cloud(Some("123456789012")).await;
    let ledger = Arc::new(Ledger::default());
    ledger.silent.store(true, Ordering::Relaxed);
    let cloud = session(&server, &ledger, LIMIT, &["123456789012"]);
    let error = cloud.send("vpc", describe_vpcs()).await.err().unwrap();
    let SendError::Timeout(text) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(
        text,
        "the shared rate limit could not be asked (it is switched off) within 2s; nothing was sent"
    );
    assert!(server.received().is_empty());
}
