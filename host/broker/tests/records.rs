//! What cannot be recorded is not sent, and what is recorded cannot break the terminal that shows it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use konductor_broker::{
    AuditPermit, AuditSink, AuditUnavailable, Broker, BrokerOptions, CallLimits, CallRecord,
};
use konductor_model::cloud::SendError;
use support::{Reply, Server, aws, describe_vpcs, get, grant, options, planted, session, status};
use tokio::sync::mpsc;

/// A log with room for so many records, which ends when its reader is dropped.
struct Bounded(mpsc::Sender<CallRecord>);

#[async_trait::async_trait]
impl AuditSink for Bounded {
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable> {
        match self.0.clone().reserve_owned().await {
            Ok(room) => Ok(AuditPermit::new(move |record| {
                room.send(record);
            })),
            Err(_) => Err(AuditUnavailable {
                reason: "the disk is full".to_owned(),
            }),
        }
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_is_not_made() {
    let server = Server::start(|_, _| status(200)).await;
    let (sender, receiver) = mpsc::channel(10);
    let broker = Broker::new(options(), Arc::new(Bounded(sender))).unwrap();
    let cloud = broker.session(aws(grant(&server), planted())).unwrap();
    cloud.send("urn", describe_vpcs()).await.unwrap();
    drop(receiver);
    let error = cloud.send("urn", describe_vpcs()).await.err().unwrap();
    assert!(
        matches!(&error, SendError::Denied(text) if text.contains("cannot be recorded") && text.contains("the disk is full")),
        "{error:?}"
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_log_that_falls_behind_holds_calls_back_before_they_are_sent() {
    let server = Server::start(|_, _| status(200)).await;
    let (sender, mut receiver) = mpsc::channel(2);
    let options = BrokerOptions {
        limits: CallLimits {
            call_timeout: std::time::Duration::from_millis(200),
            ..options().limits
        },
        ..options()
    };
    let broker = Broker::new(options, Arc::new(Bounded(sender))).unwrap();
    let cloud = broker.session(aws(grant(&server), planted())).unwrap();
    cloud.send("urn", describe_vpcs()).await.unwrap();
    cloud.send("urn", describe_vpcs()).await.unwrap();
    let error = cloud.send("urn", describe_vpcs()).await.err().unwrap();
    assert!(
        matches!(&error, SendError::Timeout(text) if text.contains("nothing was sent")),
        "{error:?}"
    );
    assert_eq!(server.received().len(), 2);
    receiver.recv().await.unwrap();
    cloud.send("urn", describe_vpcs()).await.unwrap();
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn control_characters_reach_no_record_by_path_reason_identifier_or_error() {
    let escape = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{9b}31m";
    let server = Server::start(move |_, number| match number {
        0 => Reply::Raw(
            format!("HTTP/1.1 400 {escape}\r\nx-amz-request-id: {escape}\r\ncontent-length: 0\r\n\r\n")
                .into_bytes(),
        ),
        1 => Reply::Answer(
            400,
            Vec::new(),
            format!("<RequestId>{escape}</RequestId><Code>{escape}</Code>").into_bytes(),
        ),
        _ => Reply::Raw(format!("{escape}\r\n\r\n").into_bytes()),
    })
    .await;
    let (cloud, records) = session(&server);
    for path in [
        "/bucket/%1b%5b2J",
        "/bucket/\u{1b}[2J",
        "/bucket/key",
        "/bucket/key",
        "/bucket/key",
    ] {
        let _ = cloud.send(&format!("urn{escape}"), get(path)).await;
    }
    assert_eq!(records.all().len(), 5);
    for record in records.all() {
        let CallRecord {
            resource,
            path,
            operation,
            request_id,
            error,
            ..
        } = record;
        let shown = format!(
            "{resource}{path}{operation:?}{request_id:?}{}",
            error.unwrap_or_default()
        );
        assert!(
            !shown
                .chars()
                .any(|character| character.is_control() || character == '\u{202e}'),
            "{shown:?}"
        );
    }
}
