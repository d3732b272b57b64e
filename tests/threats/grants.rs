//! A grant is what it was when the plugin was connected.

use std::sync::Arc;

use crate::cloud::FakeCloud;
use crate::guest::{Records, Way, at, hostile_of_every_version, thing};

#[tokio::test]
async fn a_wider_grant_of_later_does_not_reach_a_plugin_that_is_connected() {
    for hostile in hostile_of_every_version().await {
        let (cloud, later) = (FakeCloud::content(), FakeCloud::content());
        let narrow = Way::to([thing(&cloud)]);
        let wide = Way::to([thing(&cloud), at(&later, "store", "s3")]);
        let records = Arc::new(Records::default());
        let broker = narrow.broker(&records);
        let before = hostile.deployed_with(&broker, &narrow, "hostile", Arc::clone(&records));
        let after = hostile.deployed_with(&broker, &wide, "hostile", Arc::clone(&records));
        let store = [("endpoint", "store"), ("method", "GET"), ("path", "/x")];
        after.send(&store).await.unwrap();
        let message = before.refused(&store).await;
        assert!(
            message.contains("granted are: thing"),
            "{}: {message}",
            hostile.version
        );
        assert_eq!(later.received().len(), 1, "{}", hostile.version);
    }
}

#[tokio::test]
async fn a_narrower_grant_of_later_is_not_widened_by_an_earlier_one() {
    for hostile in hostile_of_every_version().await {
        let (cloud, before) = (FakeCloud::content(), FakeCloud::content());
        let wide = Way::to([thing(&cloud), at(&before, "store", "s3")]);
        let narrow = Way::to([thing(&cloud)]);
        let records = Arc::new(Records::default());
        let broker = wide.broker(&records);
        let _approved_once = hostile.deployed_with(&broker, &wide, "hostile", Arc::clone(&records));
        let now = hostile.deployed_with(&broker, &narrow, "hostile", Arc::clone(&records));
        now.refused(&[("endpoint", "store"), ("method", "GET"), ("path", "/x")])
            .await;
        now.send(&[]).await.unwrap();
        before.assert_untouched(&hostile.version);
    }
}
