//! Connections that end at any moment: nothing is lost that was acknowledged, and nothing is there twice.

use std::collections::BTreeSet;

use konductor_state::{Journal, StateError};

use crate::fixture::*;
use crate::team::*;

of_every_place!(shared, PostgreSql S3:
    appends_over_connections_that_are_cut_stand_once_and_in_order
    an_append_whose_fate_is_unknown_stops_the_writer
    a_backend_that_cannot_be_reached_is_named
);

async fn appends_over_connections_that_are_cut_stand_once_and_in_order(place: Place) {
    const ENTRIES: usize = 60;
    let (mut cuts, mut written) = (0, BTreeSet::new());
    for seed in 1..=3 {
        let proxy = place.proxy(seed);
        let machine = place.machine_behind(&proxy);
        let log = machine.open().await;
        let guard = log.lock(owner("ada")).await.unwrap();
        // Enough to connect, and to get some appends done.
        proxy.cut_after_at_most(9_000);
        for entry in 0..ENTRIES {
            let name = format!("of-{seed}-{entry}");
            log.append(vec![recorded(record(&name))])
                .await
                .unwrap_or_else(|error| panic!("seed {seed}, entry {entry}: {error}"));
            written.insert(urn(&name));
        }
        proxy.heal();
        guard.release().await.unwrap();
        cuts += proxy.cuts();
        let other = place.machine().open().await;
        assert_eq!(all(&other).await.len(), written.len(), "seed {seed}");
        let resources: BTreeSet<_> = other.snapshot().await.unwrap().resources.into_keys().collect();
        assert_eq!(resources, written, "seed {seed}");
        sound(&other.verify().await.unwrap());
        assert_eq!(all(&other).await, all(&machine.open().await).await, "seed {seed}");
    }
    assert!(cuts >= 10, "only {cuts} connections were cut");
}

async fn an_append_whose_fate_is_unknown_stops_the_writer(place: Place) {
    let proxy = place.proxy(1);
    let machine = place.machine_behind(&proxy).impatient();
    let log = machine.open().await;
    let guard = log.lock(owner("ada")).await.unwrap();
    log.append(vec![recorded(record("a"))]).await.unwrap();
    proxy.unplug();
    for name in ["b", "c"] {
        let refused = log.append(vec![recorded(record(name))]).await.unwrap_err();
        assert!(matches!(refused, StateError::Unsettled(_)), "{refused}");
        // Also when the network is back: what is asked for next could contradict what is stored.
        proxy.heal();
    }
    // The lock is not given back: who comes next has to shut this one out first.
    guard.release().await.unwrap();
    let other = place.machine().open().await;
    assert_eq!(
        other.lock_owner().await.unwrap().map(|owner| owner.who),
        Some("ada".to_owned())
    );
    let resources: Vec<_> = other.snapshot().await.unwrap().resources.into_keys().collect();
    assert_eq!(resources, [urn("a")]);
}

async fn a_backend_that_cannot_be_reached_is_named(place: Place) {
    let proxy = place.proxy(1);
    let machine = place.machine_behind(&proxy);
    proxy.unplug();
    let refused = machine.try_open().await.unwrap_err().to_string();
    assert!(refused.contains("cannot be reached"), "{refused}");
    assert!(
        refused.contains(&format!("127.0.0.1:{}", proxy.port())),
        "{refused}"
    );
    proxy.heal();
    machine.open().await;
}
