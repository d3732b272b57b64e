//! What the database says by itself, and what schedules ask for, in a PostgreSQL server of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use std::time::{Duration, Instant};

use konductor_queue::{Claim, Due, Ending, Order, Queue, Submission, Taken, WorkCommand};
use konductor_tests::PostgreSqlServer;

use support::settings;

const LEASE: Duration = Duration::from_secs(600);

fn queue(server: &PostgreSqlServer) -> Queue {
    Queue::new(settings(server)).unwrap()
}

fn submission(project: &str, stacks: &[(&str, &[usize])]) -> Submission {
    let order = |(stack, needs): &(&str, &[usize])| Order {
        stack: (*stack).to_owned(),
        command: WorkCommand::Run,
        arguments: vec!["--yes".to_owned()],
        needs: needs.to_vec(),
    };
    Submission {
        project: project.to_owned(),
        configuration: "sha256:one".to_owned(),
        submitter: "ada@desk".to_owned(),
        most_attempts: 3,
        orders: stacks.iter().map(order).collect(),
    }
}

async fn take(queue: &Queue) -> Taken {
    let taken = queue.take("shop", "sha256:one", "a", &Claim::new(), LEASE).await;
    taken.unwrap().unwrap()
}

/// Waits until something is heard; far less than the time after which somebody looks who has heard nothing.
async fn hears(queue: &Queue) {
    tokio::time::timeout(Duration::from_secs(3), queue.heard())
        .await
        .expect("something is heard");
}

async fn hears_nothing(queue: &Queue) {
    let heard = tokio::time::timeout(Duration::from_millis(300), queue.heard()).await;
    assert!(heard.is_err(), "something was heard");
}

#[tokio::test]
async fn workers_hear_of_work_that_may_be_taken_in_their_project_and_of_nothing_else() {
    let server = PostgreSqlServer::open();
    let (worker, desk) = (queue(&server), queue(&server));
    worker.listen_for_work("shop").await.unwrap();
    hears(&worker).await;
    hears_nothing(&worker).await;
    desk.submit(&submission("other", &[("app", &[])])).await.unwrap();
    hears_nothing(&worker).await;
    desk.submit(&submission("shop", &[("network", &[]), ("app", &[0])]))
        .await
        .unwrap();
    hears(&worker).await;
    let network = take(&desk).await;
    hears_nothing(&worker).await;
    desk.renew(std::slice::from_ref(&network.claim), LEASE)
        .await
        .unwrap();
    desk.sweep().await.unwrap();
    hears_nothing(&worker).await;
    desk.end(&network.claim, &Ending::Succeeded(0), "").await.unwrap();
    hears(&worker).await;
    let app = take(&desk).await;
    desk.end(&app.claim, &Ending::Postponed("locked".to_owned()), "")
        .await
        .unwrap();
    hears(&worker).await;
    let next = worker.next_by_itself("shop").await.unwrap().unwrap();
    assert!(next <= Duration::from_secs(1), "{next:?}");
    assert_eq!(worker.next_by_itself("nobody").await.unwrap(), None);
}

#[tokio::test]
async fn who_follows_hears_of_every_step_of_their_submission() {
    let server = PostgreSqlServer::open();
    let (follower, desk) = (queue(&server), queue(&server));
    let mine = desk.submit(&submission("shop", &[("app", &[])])).await.unwrap();
    follower.listen_for_changes(&mine).await.unwrap();
    hears(&follower).await;
    desk.submit(&submission("shop", &[("data", &[])])).await.unwrap();
    hears_nothing(&follower).await;
    let app = take(&desk).await;
    hears(&follower).await;
    let next = follower.next_by_itself("shop").await.unwrap().unwrap();
    assert!(
        next > LEASE - Duration::from_secs(60) && next <= LEASE,
        "the lease: {next:?}"
    );
    desk.end(&app.claim, &Ending::Failed(1), "").await.unwrap();
    hears(&follower).await;
    take(&desk).await;
    hears_nothing(&follower).await;
}

#[tokio::test]
async fn a_connection_that_broke_is_heard_of_and_the_next_one_listens_again() {
    let server = PostgreSqlServer::open();
    let (worker, desk) = (queue(&server), queue(&server));
    worker.listen_for_work("shop").await.unwrap();
    hears(&worker).await;
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
    desk.submit(&submission("shop", &[("app", &[])])).await.unwrap();
    hears_nothing(&worker).await;
    // What was said meanwhile may be anything.
    while worker.open("shop").await.is_err() {}
    hears(&worker).await;
    desk.submit(&submission("shop", &[("data", &[])])).await.unwrap();
    hears(&worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_keep_to_a_schedule_one_submits_at_each_time() {
    let server = PostgreSqlServer::open();
    let due = "2026-11-22T12:00:00Z".parse().unwrap();
    let watching: Vec<_> = (0..8)
        .map(|_| {
            let queue = queue(&server);
            tokio::spawn(async move {
                let arguments = ["--json".to_owned()];
                queue
                    .submit_due(&submission("shop", &[]), "app", &arguments, due)
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut came = Vec::new();
    for task in watching {
        came.push(task.await.unwrap());
    }
    came.retain(|due| *due != Due::Known);
    assert!(matches!(came.as_slice(), [Due::Submitted(_)]), "{came:?}");
    assert_eq!(
        server.query("SELECT stack, command, arguments, state, unmet FROM konductor_work"),
        "app|check|[\"--json\"]|waiting|0"
    );
}

#[tokio::test]
async fn a_check_that_has_not_ended_keeps_the_next_ones_back() {
    let server = PostgreSqlServer::open();
    let queue = queue(&server);
    let at = |minute: u32| format!("2026-11-22T12:0{minute}:00Z").parse().unwrap();
    let come = async |stack: &str, minute| {
        let submission = submission("shop", &[]);
        queue
            .submit_due(&submission, stack, &[], at(minute))
            .await
            .unwrap()
    };
    assert!(matches!(come("app", 0).await, Due::Submitted(_)));
    assert_eq!(come("app", 1).await, Due::Behind, "it waits");
    assert!(
        matches!(come("data", 1).await, Due::Submitted(_)),
        "of another stack it does not matter"
    );
    let app = take(&queue).await;
    assert_eq!((app.stack.as_str(), app.command), ("app", WorkCommand::Check));
    assert_eq!(come("app", 2).await, Due::Behind, "it runs");
    queue.end(&app.claim, &Ending::Failed(1), "").await.unwrap();
    assert_eq!(
        come("app", 2).await,
        Due::Known,
        "a time that was left out stays so"
    );
    assert!(matches!(come("app", 3).await, Due::Submitted(_)));
    server.query("UPDATE konductor_work_due SET due = due - interval '31 days' WHERE stack = 'data'");
    come("app", 4).await;
    assert_eq!(
        server.query("SELECT stack, count(*) FROM konductor_work_due GROUP BY stack"),
        "app|5"
    );
}

#[tokio::test]
async fn a_queue_that_was_made_without_notifications_gets_them() {
    let server = PostgreSqlServer::open();
    queue(&server).open("shop").await.unwrap();
    server.query(
        "DROP TABLE konductor_work_due; DROP TRIGGER konductor_work_changed ON konductor_work;
         DROP TRIGGER konductor_work_submitted ON konductor_work; DROP FUNCTION konductor_work_said()",
    );
    let worker = queue(&server);
    worker.listen_for_work("shop").await.unwrap();
    hears(&worker).await;
    let began = Instant::now();
    let desk = queue(&server);
    desk.submit(&submission("shop", &[("app", &[])])).await.unwrap();
    hears(&worker).await;
    assert!(began.elapsed() < Duration::from_secs(3));
}
