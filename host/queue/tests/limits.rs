//! Rate limits that several clients share, in a PostgreSQL server of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use konductor_queue::RateLimits;
use konductor_tests::PostgreSqlServer;

use support::settings;

fn limits(server: &PostgreSqlServer) -> RateLimits {
    RateLimits::new(settings(server)).unwrap()
}

/// Asks again and again, as a process with much to send does, and returns when each token counted.
async fn use_for(limits: &RateLimits, rate: f64, capacity: f64, share: u32, time: Duration) -> Vec<Instant> {
    let end = Instant::now() + time;
    let mut used = Vec::new();
    while Instant::now() < end {
        let tokens = limits
            .take("account", rate, capacity, 1_000, share)
            .await
            .unwrap();
        let now = Instant::now();
        for number in 1..=tokens.count {
            let later = ((f64::from(number) - tokens.level) / rate).max(0.0);
            let from = now + Duration::from_secs_f64(later);
            tokio::time::sleep_until(from.into()).await;
            used.push(from);
        }
    }
    used.retain(|from| *from <= end);
    used
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_stay_inside_a_limit_together_get_all_of_it_and_none_is_left_out() {
    const RATE: f64 = 200.0;
    const CAPACITY: f64 = 60.0;
    const SECONDS: u32 = 4;
    let server = PostgreSqlServer::open();
    let clients: Vec<_> = (0..6).map(|_| Arc::new(limits(&server))).collect();
    // All at once to an empty database: the table is made by one of them.
    futures::future::join_all(clients.iter().map(|client| client.prepare()))
        .await
        .into_iter()
        .for_each(Result::unwrap);
    let began = Instant::now();
    let running: Vec<_> = clients
        .iter()
        .map(|client| {
            let client = Arc::clone(client);
            let time = Duration::from_secs(SECONDS.into());
            tokio::spawn(async move { use_for(&client, RATE, CAPACITY, 20, time).await })
        })
        .collect();
    let mut of_each = Vec::new();
    for task in running {
        of_each.push(task.await.unwrap());
    }
    let mut all: Vec<Instant> = of_each.iter().flatten().copied().collect();
    all.sort_unstable();
    // From the beginning on it is exact: an answer comes later than what it says was counted.
    for (number, from) in all.iter().enumerate() {
        let may = RATE.mul_add(from.duration_since(began).as_secs_f64(), CAPACITY);
        assert!(
            (number + 1) as f64 <= may + 0.01,
            "{} by {from:?}, {may} allowed",
            number + 1
        );
    }
    let most = RATE.mul_add(f64::from(SECONDS), CAPACITY);
    assert!(all.len() as f64 >= 0.9 * most, "{} of {most}", all.len());
    let even = all.len() / clients.len();
    for used in &of_each {
        assert!(
            used.len() >= even / 2,
            "{} where {even} would be even",
            used.len()
        );
    }
}

#[tokio::test]
async fn tokens_come_back_at_the_rate_and_are_never_more_than_the_capacity() {
    let server = PostgreSqlServer::open();
    let limits = limits(&server);
    let first = limits.take("account", 10.0, 50.0, 1_000, 2).await.unwrap();
    assert_eq!((first.count, first.level), (25, 50.0), "half of what is there");
    let back = |seconds: i32| {
        server.query(&format!(
            "UPDATE konductor_rate_limit SET refilled = refilled - interval '{seconds} s'"
        ))
    };
    back(1);
    let next = limits.take("account", 10.0, 50.0, 3, 2).await.unwrap();
    assert_eq!(next.count, 3, "no more than is wanted");
    assert!((35.0..36.0).contains(&next.level), "{}", next.level);
    back(3_600);
    let full = limits.take("account", 10.0, 50.0, 1, 2).await.unwrap();
    assert_eq!((full.count, full.level), (1, 50.0));
    // A clock that was set back brings nothing back and takes nothing.
    back(-3_600);
    let level = limits.take("account", 10.0, 50.0, 1, 2).await.unwrap().level;
    assert_eq!(level, 49.0);
    let other = limits.take("another", 10.0, 50.0, 1, 2).await.unwrap();
    assert_eq!(other.level, 50.0, "every limit has a row of its own");
}

#[tokio::test]
async fn where_there_are_none_a_share_is_given_for_later_in_the_order_of_asking() {
    let server = PostgreSqlServer::open();
    let (one, two) = (limits(&server), limits(&server));
    // Nothing comes back while this test lasts.
    let take = async |who: &RateLimits, wanted| who.take("account", 0.000_1, 4.0, wanted, 3).await.unwrap();
    assert_eq!(take(&one, 3).await.count, 3);
    let first = take(&two, 100).await;
    assert_eq!(first.count, 3);
    assert!((first.level - 1.0).abs() < 0.01, "{}", first.level);
    let second = take(&one, 1).await;
    assert_eq!(second.count, 1);
    assert!((second.level + 2.0).abs() < 0.01, "{}", second.level);
}

#[tokio::test]
async fn a_limit_that_nobody_asked_for_in_a_day_is_forgotten() {
    let server = PostgreSqlServer::open();
    let limits = limits(&server);
    for name in ["old", "new"] {
        limits.take(name, 1.0, 1.0, 1, 1).await.unwrap();
    }
    server.query("UPDATE konductor_rate_limit SET refilled = refilled - interval '25 h' WHERE name = 'old'");
    limits.prepare().await.unwrap();
    assert_eq!(server.query("SELECT name FROM konductor_rate_limit"), "new");
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_at_once_and_asked_again_when_it_is_back() {
    let mut server = PostgreSqlServer::open();
    let limits = limits(&server);
    limits.take("account", 1.0, 1.0, 1, 1).await.unwrap();
    server.kill();
    let began = Instant::now();
    let error = limits.take("account", 1.0, 1.0, 1, 1).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    server.start();
    let mut answered = limits.take("account", 1.0, 1.0, 1, 1).await;
    for _ in 0..50 {
        if answered.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        answered = limits.take("account", 1.0, 1.0, 1, 1).await;
    }
    answered.unwrap();
}
