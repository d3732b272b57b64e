//! What goes unrecorded does not happen.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use konductor_broker::{AuditPermit, AuditSink, AuditUnavailable, Broker};

use crate::cloud::FakeCloud;
use crate::guest::{Records, SECRET_KEY, SESSION_TOKEN, Way, hostile_of_every_version, thing};

/// A log on a full disk.
struct Full;

#[async_trait]
impl AuditSink for Full {
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable> {
        Err(AuditUnavailable {
            reason: "the disk is full; make room and run again".to_owned(),
        })
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_the_calls() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let way = Way::to([thing(&cloud)]);
        let broker = Broker::new(way.options.clone(), Arc::new(Full)).unwrap();
        let guest = hostile.deployed_with(&broker, &way, "hostile", Arc::new(Records::default()));
        let failure = guest.send(&[]).await.unwrap_err();
        assert!(
            failure.to_string().contains("the disk is full"),
            "{}: {failure}",
            hostile.version
        );
        cloud.assert_untouched(&hostile.version);
    }
}

#[tokio::test]
async fn every_call_is_recorded_also_a_refused_one_and_none_with_what_is_secret() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        guest
            .send(&[
                ("path", "/seen"),
                ("query", "hidden=query-words"),
                ("headers", "X-Amz-Meta-A: header-words"),
                ("body", "body-words"),
            ])
            .await
            .unwrap();
        guest
            .refused(&[("endpoint", "other"), ("path", "/refused")])
            .await;
        let records = guest.records.all();
        let seen: BTreeSet<_> = records
            .iter()
            .map(|record| (record.path.as_str(), record.status, record.attempts))
            .collect();
        assert_eq!(
            seen,
            [("/seen", Some(200), 1), ("/refused", None, 0)].into(),
            "{}",
            hostile.version
        );
        let shown = format!("{records:?}");
        for hidden in [
            "query-words",
            "header-words",
            "body-words",
            SECRET_KEY,
            SESSION_TOKEN,
        ] {
            assert!(!shown.contains(hidden), "{}: {hidden}: {shown}", hostile.version);
        }
    }
}
