//! The queue in a PostgreSQL server of its own, looked into with `psql`. No test waits for a lease to end: it is ended in
//! the database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use konductor_queue::{Beat, Claim, Ending, Order, Queue, Submission, Taken, WorkCommand, WorkState, Worker};
use konductor_tests::PostgreSqlServer;

use support::settings;

const LEASE: Duration = Duration::from_secs(600);
const CONFIGURATION: &str = "sha256:one";

struct Place {
    server: PostgreSqlServer,
    queue: Arc<Queue>,
}

impl Place {
    fn open() -> Self {
        let server = PostgreSqlServer::open();
        let queue = Arc::new(queue(&server));
        Self { server, queue }
    }

    /// Submits one order a stack; each names the stacks that come before.
    async fn submit(&self, stacks: &[(&str, &[usize])]) -> String {
        self.queue.submit(&submission(stacks)).await.unwrap()
    }

    async fn take(&self, worker: &str) -> Option<Taken> {
        let claim = Claim::new();
        let taken = self.queue.take("shop", CONFIGURATION, worker, &claim, LEASE);
        taken.await.unwrap()
    }

    async fn ends(&self, taken: &Taken, ending: Ending) -> bool {
        self.queue.end(&taken.claim, &ending, "said").await.unwrap()
    }

    async fn states(&self, submission: &str) -> BTreeMap<String, WorkState> {
        let progress = self.queue.progress(submission).await.unwrap();
        progress
            .into_iter()
            .map(|work| (work.stack, work.state))
            .collect()
    }

    fn end_leases(&self) {
        self.server.query(
            "UPDATE konductor_work SET expires = clock_timestamp() - interval '1 s' WHERE state = 'running'",
        );
    }

    fn make_available(&self) {
        self.server
            .query("UPDATE konductor_work SET available = clock_timestamp()");
    }
}

fn queue(server: &PostgreSqlServer) -> Queue {
    Queue::new(settings(server)).unwrap()
}

fn submission(stacks: &[(&str, &[usize])]) -> Submission {
    let order = |(stack, needs): &(&str, &[usize])| Order {
        stack: (*stack).to_owned(),
        command: WorkCommand::Run,
        arguments: vec!["--yes".to_owned()],
        needs: needs.to_vec(),
    };
    Submission {
        project: "shop".to_owned(),
        configuration: CONFIGURATION.to_owned(),
        submitter: "ada@desk".to_owned(),
        most_attempts: 3,
        orders: stacks.iter().map(order).collect(),
    }
}

fn states(expected: &[(&str, WorkState)]) -> BTreeMap<String, WorkState> {
    expected
        .iter()
        .map(|(stack, state)| ((*stack).to_owned(), *state))
        .collect()
}

#[tokio::test]
async fn clients_that_come_at_once_to_an_empty_database_make_its_tables_once() {
    // The lock under which the tables are made.
    const LOCK: &str = "7091314202118";
    let server = PostgreSqlServer::open();
    let (first, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    first
        .batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK})"))
        .await
        .unwrap();
    let mut clients = tokio::task::JoinSet::new();
    for stack in ["a", "b", "c", "d"] {
        let queue = queue(&server);
        clients.spawn(async move { queue.submit(&submission(&[(stack, &[])])).await });
    }
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    while first.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) < 4 {
        tokio::task::yield_now().await;
    }
    first.batch_execute("COMMIT").await.unwrap();
    for submitted in clients.join_all().await {
        submitted.unwrap();
    }
    // Who makes them again waits for rows that others are at work with, and they for it.
    let made_by = server.query(
        "SELECT count(DISTINCT made) FROM (
            SELECT xmin::text AS made FROM pg_trigger WHERE tgname LIKE 'konductor%'
            UNION ALL SELECT xmin::text FROM pg_class WHERE relname = 'konductor_work') AS all_of_them",
    );
    assert_eq!(made_by.trim(), "1", "transactions that made the tables");
}

#[tokio::test]
async fn work_is_taken_in_the_order_in_which_it_may_be_done() {
    let place = Place::open();
    let name = place
        .submit(&[
            ("app", &[1]),
            ("network", &[]),
            ("data", &[1, 1]),
            ("front", &[0, 2]),
        ])
        .await;
    let network = place.take("a").await.unwrap();
    assert_eq!((network.stack.as_str(), network.attempt), ("network", 1));
    assert_eq!(network.arguments, ["--yes"]);
    assert_eq!(
        place.take("b").await,
        None,
        "everything else comes after the network"
    );
    assert!(place.ends(&network, Ending::Succeeded(0)).await);
    let (app, data) = (place.take("a").await.unwrap(), place.take("b").await.unwrap());
    assert_eq!((app.stack.as_str(), data.stack.as_str()), ("app", "data"));
    assert!(place.ends(&app, Ending::Succeeded(2)).await);
    assert_eq!(place.take("a").await, None, "one of two is not both");
    assert!(place.ends(&data, Ending::Succeeded(0)).await);
    let front = place.take("b").await.unwrap();
    assert!(place.ends(&front, Ending::Succeeded(0)).await);
    let all = ["app", "data", "front", "network"].map(|stack| (stack, WorkState::Succeeded));
    assert_eq!(place.states(&name).await, states(&all));
    assert_eq!(
        place
            .server
            .query("SELECT stack, exit, said FROM konductor_work ORDER BY id LIMIT 1"),
        "app|2|said"
    );
}

#[tokio::test]
async fn of_all_that_ask_at_the_same_time_each_gets_other_work() {
    let place = Place::open();
    let names: Vec<String> = (0..60).map(|number| format!("stack-{number}")).collect();
    let stacks: Vec<(&str, &[usize])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
    place.submit(&stacks).await;
    let workers = (0..6).map(|number| {
        // A connection each, as workers have.
        let queue = queue(&place.server);
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claim = Claim::new();
                let worker = format!("worker-{number}");
                let taken = queue.take("shop", CONFIGURATION, &worker, &claim, LEASE).await;
                // Empty-handed is who met others at the same rows; there is work until all of it ended.
                let Some(taken) = taken.unwrap() else { break mine };
                mine.push(taken.stack);
            }
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    let mut rest = Vec::new();
    while let Some(taken) = place.take("last").await {
        rest.push(taken.stack);
    }
    all.extend(rest);
    all.sort();
    let mut expected = names.clone();
    expected.sort();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn a_lease_that_ended_gives_the_work_to_another_and_the_first_ends_nothing_any_more() {
    let place = Place::open();
    let name = place.submit(&[("app", &[])]).await;
    let first = place.take("a").await.unwrap();
    let renewed = place.queue.renew(std::slice::from_ref(&first.claim), LEASE).await;
    assert_eq!(renewed.unwrap(), [Beat::Kept]);
    assert_eq!(place.take("b").await, None);
    place.end_leases();
    let second = place.take("b").await.unwrap();
    assert_eq!((second.id, second.attempt), (first.id, 2));
    let both = [first.claim.clone(), second.claim.clone()];
    assert_eq!(
        place.queue.renew(&both, LEASE).await.unwrap(),
        [Beat::Lost, Beat::Kept]
    );
    assert!(!place.ends(&first, Ending::Failed(1)).await, "the lease was lost");
    assert_eq!(place.states(&name).await, states(&[("app", WorkState::Running)]));
    assert!(place.ends(&second, Ending::Succeeded(0)).await);
    assert!(
        place.ends(&second, Ending::Succeeded(0)).await,
        "the same said again, after an answer that was lost"
    );
    assert!(!place.ends(&first, Ending::Succeeded(0)).await);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_with_the_same_claim() {
    let place = Place::open();
    place.submit(&[("app", &[]), ("data", &[])]).await;
    let claim = Claim::new();
    let take = || place.queue.take("shop", CONFIGURATION, "a", &claim, LEASE);
    let first = take().await.unwrap().unwrap();
    assert_eq!(take().await.unwrap().unwrap(), first);
    assert_eq!(
        place
            .server
            .query("SELECT count(*), sum(attempts) FROM konductor_work WHERE state = 'running'"),
        "1|1"
    );
}

#[tokio::test]
async fn work_that_no_worker_survives_is_dead_after_so_many_times_and_what_comes_after_is_left_out() {
    let place = Place::open();
    let name = place
        .submit(&[("network", &[]), ("app", &[0]), ("front", &[1]), ("files", &[])])
        .await;
    for attempt in 1..=3 {
        let taken = place.take("a").await.unwrap();
        assert_eq!((taken.stack.as_str(), taken.attempt), ("network", attempt));
        if attempt == 2 {
            assert!(
                place
                    .ends(&taken, Ending::Broken("killed by signal 9".to_owned()))
                    .await
            );
            assert_eq!(
                place.take("a").await.unwrap().stack,
                "files",
                "it is not tried again at once"
            );
            place.make_available();
        } else {
            place.server.query(
                "UPDATE konductor_work SET expires = clock_timestamp() - interval '1 s' WHERE stack = 'network'",
            );
        }
    }
    assert_eq!(place.take("a").await, None);
    assert_eq!(
        place.states(&name).await,
        states(&[
            ("network", WorkState::Dead),
            ("app", WorkState::LeftOut),
            ("front", WorkState::LeftOut),
            ("files", WorkState::Running),
        ])
    );
    let progress = place.queue.progress(&name).await.unwrap();
    assert_eq!(
        progress[0].reason.as_deref(),
        Some("its worker stopped answering")
    );
    assert_eq!(
        progress[2].reason.as_deref(),
        Some("`network`, which comes before it, did not succeed")
    );

    let retried = place
        .queue
        .retry("shop", &[progress[2].id], "sha256:two")
        .await
        .unwrap();
    assert_eq!(retried, [progress[0].id, progress[1].id, progress[2].id]);
    assert_eq!(place.take("a").await, None, "it is for another configuration now");
    let taken = place
        .queue
        .take("shop", "sha256:two", "a", &Claim::new(), LEASE)
        .await;
    let taken = taken.unwrap().unwrap();
    assert_eq!((taken.stack.as_str(), taken.attempt), ("network", 1));
}

#[tokio::test]
async fn work_that_is_postponed_or_given_back_keeps_its_attempts() {
    let place = Place::open();
    place.submit(&[("app", &[])]).await;
    for _ in 0..5 {
        let taken = place.take("a").await.unwrap();
        assert_eq!(taken.attempt, 1);
        assert!(place.ends(&taken, Ending::Postponed("locked".to_owned())).await);
        assert_eq!(place.take("a").await, None, "it waits a moment");
        place.make_available();
        let taken = place.take("a").await.unwrap();
        assert!(place.ends(&taken, Ending::GivenBack).await);
    }
    assert_eq!(place.take("a").await.unwrap().attempt, 1);
}

#[tokio::test]
async fn cancelled_work_ends_at_once_or_when_its_worker_hears_of_it() {
    let place = Place::open();
    let name = place
        .submit(&[("network", &[]), ("app", &[0]), ("files", &[])])
        .await;
    let other = place.submit(&[("other", &[])]).await;
    let network = place.take("a").await.unwrap();
    let cancelled = place.queue.cancel_submission("shop", &name).await.unwrap();
    assert_eq!(cancelled.len(), 3);
    let elsewhere = place.queue.cancel_submission("elsewhere", &other).await;
    assert!(elsewhere.unwrap().is_empty());
    assert_eq!(
        place.states(&name).await,
        states(&[
            ("network", WorkState::Running),
            ("app", WorkState::Cancelled),
            ("files", WorkState::Cancelled),
        ])
    );
    let renewed = place
        .queue
        .renew(std::slice::from_ref(&network.claim), LEASE)
        .await;
    assert_eq!(renewed.unwrap(), [Beat::Cancelled]);
    assert!(place.ends(&network, Ending::GivenBack).await);
    assert_eq!(place.states(&name).await["network"], WorkState::Cancelled);
    assert_eq!(place.states(&other).await["other"], WorkState::Waiting);
    // One whose worker died is not begun again either.
    let taken = place.take("a").await.unwrap();
    place.queue.cancel("shop", &[taken.id]).await.unwrap();
    place.end_leases();
    assert_eq!(place.states(&other).await["other"], WorkState::Cancelled);
}

#[tokio::test]
async fn work_on_one_stack_is_done_one_after_the_other() {
    let place = Place::open();
    place.submit(&[("app", &[])]).await;
    place.submit(&[("app", &[])]).await;
    let first = place.take("a").await.unwrap();
    assert_eq!(place.take("b").await, None);
    assert!(place.ends(&first, Ending::Succeeded(0)).await);
    let second = place.take("b").await.unwrap();
    assert!(second.id > first.id);
}

#[tokio::test]
async fn workers_are_told_apart_and_one_that_is_silent_is_not_alive() {
    let place = Place::open();
    let worker = |id: &str| Worker {
        id: id.to_owned(),
        project: "shop".to_owned(),
        configuration: CONFIGURATION.to_owned(),
        places: 2,
        running: 1,
        stopping: false,
    };
    place.queue.announce(&worker("a"), LEASE).await.unwrap();
    place.queue.announce(&worker("b"), LEASE).await.unwrap();
    place.queue.announce(&worker("c"), LEASE).await.unwrap();
    place.queue.leave("b").await.unwrap();
    place
        .server
        .query("UPDATE konductor_worker SET expires = clock_timestamp() WHERE worker = 'c'");
    let workers = place.queue.workers("shop").await.unwrap();
    let alive: Vec<(&str, bool)> = workers
        .iter()
        .map(|worker| (worker.worker.as_str(), worker.alive))
        .collect();
    assert_eq!(alive, [("a", true), ("c", false)]);
}
