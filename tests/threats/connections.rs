//! What two plugins, or two stacks, share on the way to the cloud: nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cloud::FakeCloud;
use crate::guest::{Records, Way, hostile_of_every_version, thing};

#[tokio::test]
async fn two_plugins_never_send_over_one_connection() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let way = Way::to([thing(&cloud)]);
        let records = Arc::new(Records::default());
        let broker = way.broker(&records);
        let one = hostile.deployed_with(&broker, &way, "one", Arc::clone(&records));
        let other = hostile.deployed_with(&broker, &way, "other", Arc::clone(&records));
        for _ in 0..3 {
            one.send(&[("path", "/one")]).await.unwrap();
            other.send(&[("path", "/other")]).await.unwrap();
        }
        assert_separate(&cloud, &hostile.version);
    }
}

#[tokio::test]
async fn two_stacks_never_send_over_one_connection() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let way = Way::to([thing(&cloud)]);
        let (one, other) = (hostile.deployed(&way), hostile.deployed(&way));
        for _ in 0..3 {
            one.send(&[("path", "/one")]).await.unwrap();
            other.send(&[("path", "/other")]).await.unwrap();
        }
        assert_separate(&cloud, &hostile.version);
    }
}

#[track_caller]
fn assert_separate(cloud: &FakeCloud, version: &str) {
    let over = |path: &str| -> BTreeSet<usize> {
        let received = cloud.received();
        let sent = received.iter().filter(|request| request.target == path);
        sent.map(|request| request.connection).collect()
    };
    let (one, other) = (over("/one"), over("/other"));
    // Each keeps its own: if none were kept, nothing would be shown.
    assert_eq!((one.len(), other.len()), (1, 1), "{version}: {one:?} {other:?}");
    assert!(one.is_disjoint(&other), "{version}: {one:?} {other:?}");
}
