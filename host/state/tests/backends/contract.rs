//! What every backend promises, asked of it directly.

use std::time::Duration;

use konductor_state::StackIdentity;
use konductor_state::backend::{Appended, Claim, Lease, Segment};

use crate::team::*;

of_every_place!(shared, PostgreSql S3:
    of_many_that_append_at_one_serial_one_does
    segments_are_read_in_order_and_in_parts
    of_many_that_take_a_lease_one_does
    a_lease_belongs_to_its_number_and_expires_by_the_servers_clock
    stacks_are_kept_apart
    where_a_log_was_moved_to_is_kept
);

fn dev() -> StackIdentity {
    stack("dev")
}

fn stack(name: &str) -> StackIdentity {
    StackIdentity {
        project: "shop".to_owned(),
        stack: name.to_owned(),
    }
}

fn segment(first: u64, last: u64, body: &str) -> Segment {
    Segment {
        first,
        last,
        body: body.as_bytes().to_vec(),
    }
}

fn claim(token: &str, duration: Duration) -> Claim {
    Claim {
        token: token.to_owned(),
        owner: format!("{{\"who\":\"{token}\"}}"),
        duration,
    }
}

async fn of_many_that_append_at_one_serial_one_does(place: Place) {
    let backends: Vec<_> = (0..8).map(|_| backend(&place.address()).unwrap()).collect();
    for round in 0..5_u64 {
        let (first, last) = (round * 3 + 1, round * 3 + 3);
        let stack = dev();
        let appends = backends.iter().enumerate().map(|(writer, backend)| {
            let stack = &stack;
            async move {
                let segment = segment(first, last, &format!("of {writer} in {round}"));
                backend.append(stack, &segment, None).await.unwrap()
            }
        });
        let outcomes = futures::future::join_all(appends).await;
        let winners: Vec<_> = (0..8).filter(|at| outcomes[*at] == Appended::Stored).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        let stored = backends[0].read(&stack, first, 10).await.unwrap();
        let expected = format!("of {} in {round}", winners[0]);
        assert_eq!(stored.len(), 1);
        assert_eq!(
            (stored[0].first, &stored[0].body[..]),
            (first, expected.as_bytes())
        );
    }
    // Neither before the end, nor in the middle of a segment, nor after a gap.
    for first in [1, 14, 17] {
        let late = segment(first, first, "late");
        let outcome = backends[0].append(&dev(), &late, None).await.unwrap();
        if first == 14 || first == 17 {
            // A place that sees names alone cannot tell; whoever appends knows the end of the log, and readers check.
            assert!(matches!(outcome, Appended::HeadMoved | Appended::Stored));
        } else {
            assert_eq!(outcome, Appended::HeadMoved);
        }
    }
}

async fn segments_are_read_in_order_and_in_parts(place: Place) {
    let backend = backend(&place.address()).unwrap();
    assert_eq!(backend.read(&dev(), 1, 10).await.unwrap(), []);
    for number in 0..12_u64 {
        let segment = segment(number * 2 + 1, number * 2 + 2, &format!("{number}"));
        assert_eq!(
            backend.append(&dev(), &segment, None).await.unwrap(),
            Appended::Stored
        );
    }
    let firsts = |segments: Vec<konductor_state::backend::StoredSegment>| -> Vec<u64> {
        segments.into_iter().map(|segment| segment.first).collect()
    };
    assert_eq!(firsts(backend.read(&dev(), 1, 3).await.unwrap()), [1, 3, 5]);
    assert_eq!(firsts(backend.read(&dev(), 7, 3).await.unwrap()), [7, 9, 11]);
    assert_eq!(firsts(backend.read(&dev(), 19, 100).await.unwrap()), [19, 21, 23]);
    assert_eq!(
        firsts(backend.read(&dev(), 25, 100).await.unwrap()),
        [] as [u64; 0]
    );
}

async fn of_many_that_take_a_lease_one_does(place: Place) {
    let backends: Vec<_> = (0..8).map(|_| backend(&place.address()).unwrap()).collect();
    let stack = dev();
    for seen in 0..3 {
        let takes = backends.iter().enumerate().map(|(taker, backend)| {
            let stack = &stack;
            async move {
                let claim = claim(&format!("{seen}-{taker}"), Duration::from_secs(60));
                backend.take(stack, seen, Some(&claim)).await.unwrap()
            }
        });
        let taken = futures::future::join_all(takes).await;
        let winners: Vec<_> = (0..8).filter(|at| taken[*at]).collect();
        assert_eq!(winners.len(), 1, "{taken:?}");
        let lease = backends[0].lease(&stack).await.unwrap();
        assert_eq!(lease.number, seen + 1);
        assert_eq!(lease.holder.unwrap().token, format!("{seen}-{}", winners[0]));
    }
}

async fn a_lease_belongs_to_its_number_and_expires_by_the_servers_clock(place: Place) {
    let backend = backend(&place.address()).unwrap();
    let (ada, bob) = (
        claim("ada", Duration::from_millis(1200)),
        claim("bob", Duration::from_secs(60)),
    );
    assert_eq!(backend.lease(&dev()).await.unwrap(), Lease::default());
    assert!(backend.take(&dev(), 0, Some(&ada)).await.unwrap());
    let lease = backend.lease(&dev()).await.unwrap();
    let holder = lease.holder.unwrap();
    assert_eq!(
        (
            lease.number,
            holder.token.as_str(),
            holder.owner.as_str(),
            holder.expired
        ),
        (1, "ada", ada.owner.as_str(), false)
    );
    assert!(backend.renew(&dev(), 1, &ada).await.unwrap());
    assert!(
        !backend.take(&dev(), 0, Some(&bob)).await.unwrap(),
        "the number has moved on"
    );
    while !backend.lease(&dev()).await.unwrap().holder.unwrap().expired {}
    // Expired is not gone: it holds on if nobody took it.
    assert!(backend.renew(&dev(), 1, &ada).await.unwrap());
    assert!(!backend.lease(&dev()).await.unwrap().holder.unwrap().expired);

    assert!(backend.take(&dev(), 1, Some(&bob)).await.unwrap());
    assert!(!backend.renew(&dev(), 1, &ada).await.unwrap());
    backend.release(&dev(), 1, &ada).await.unwrap();
    let holder = backend.lease(&dev()).await.unwrap().holder.unwrap();
    assert_eq!(holder.token, "bob", "a release of what is lost does nothing");
    backend.release(&dev(), 2, &bob).await.unwrap();
    let free = backend.lease(&dev()).await.unwrap();
    assert_eq!((free.number, free.holder), (2, None));
    // To nobody: the number moves on and the lease stays free.
    assert!(backend.take(&dev(), 2, None).await.unwrap());
    assert!(!backend.take(&dev(), 2, None).await.unwrap());
    let free = backend.lease(&dev()).await.unwrap();
    assert_eq!((free.number, free.holder), (3, None));
}

async fn stacks_are_kept_apart(place: Place) {
    let backend = backend(&place.address()).unwrap();
    for name in ["prod", "dev", "dev-2"] {
        let segment = segment(1, 1, name);
        assert_eq!(
            backend.append(&stack(name), &segment, None).await.unwrap(),
            Appended::Stored
        );
    }
    // One that was only locked has no log.
    let claim = claim("ada", Duration::from_secs(60));
    assert!(backend.take(&stack("empty"), 0, Some(&claim)).await.unwrap());
    assert_eq!(backend.stacks("shop").await.unwrap(), ["dev", "dev-2", "prod"]);
    assert_eq!(backend.stacks("shop2").await.unwrap(), [] as [&str; 0]);
    let dev = backend.read(&dev(), 1, 10).await.unwrap();
    assert_eq!((dev.len(), &dev[0].body[..]), (1, &b"dev"[..]));
    assert_eq!(backend.lease(&stack("dev")).await.unwrap(), Lease::default());
}

async fn where_a_log_was_moved_to_is_kept(place: Place) {
    let backend = backend(&place.address()).unwrap();
    assert_eq!(backend.moved(&dev()).await.unwrap(), None);
    backend.set_moved(&dev(), Some("s3://elsewhere")).await.unwrap();
    assert_eq!(
        backend.moved(&dev()).await.unwrap().as_deref(),
        Some("s3://elsewhere")
    );
    assert_eq!(backend.moved(&stack("prod")).await.unwrap(), None);
    backend.set_moved(&dev(), None).await.unwrap();
    assert_eq!(backend.moved(&dev()).await.unwrap(), None);
}
