//! A guest that stops, never stops or takes too much fails alone, with one clear message.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "test code"
)]

mod guests;

use std::sync::Arc;
use std::time::Duration;

use guests::{TestCloud, create, inputs, load_under, misbehave, plan, plugin, tight, vault};
use konductor_model::{Disposition, Value};
use konductor_sandbox::{Limits, Plugin};

/// Every message starts with the plugin, the function and the resource.
const PLACE: &str = "plugin hostile 0.1.0, `plan` of `web` (hostile:test:Thing): ";

/// Limits with little processor time.
fn brief() -> Limits {
    Limits {
        pure_cpu: Duration::from_millis(300),
        pure_deadline: Duration::from_secs(10),
        ..tight()
    }
}

async fn cause_of(what: &str) -> String {
    cause_in(&plugin().await, what).await
}

async fn cause_in(plugin: &Plugin, what: &str) -> String {
    let failure = misbehave(plugin, what).await;
    assert_eq!(failure.disposition, Disposition::Plugin, "{failure}");
    let cause = failure.message.strip_prefix(PLACE);
    cause.unwrap_or_else(|| panic!("{}", failure.message)).to_owned()
}

#[tokio::test]
async fn a_panic_is_told_with_its_message_and_without_its_escapes() {
    let cause = cause_of("panic").await;
    assert!(cause.starts_with("panicked: no such [31mzone (at "), "{cause}");
    assert!(cause.contains("behaviour.rs:"), "{cause}");
}

#[tokio::test]
async fn what_the_guest_printed_goes_along_with_its_failure() {
    let failure = misbehave(&plugin().await, "panic").await;
    let (_, printed) = failure
        .details
        .iter()
        .find(|(name, _)| name == "standard error")
        .unwrap();
    assert!(
        printed.contains("panicked at") && !printed.contains('\u{1b}'),
        "{printed}"
    );
}

#[tokio::test]
async fn an_endless_loop_ends_with_the_processor_time_in_and_out_of_host_calls() {
    let plugin = load_under(brief()).await;
    for behaviour in ["loop", "loop-in-host-calls"] {
        assert_eq!(
            cause_in(&plugin, behaviour).await,
            "used more than 0.3 s of processor time"
        );
    }
}

#[tokio::test]
async fn taking_memory_without_end_meets_the_limit() {
    assert_eq!(cause_of("memory").await, "needs more than 64 MiB of memory");
}

#[tokio::test]
async fn endless_recursion_overflows_the_guests_stack_and_not_the_hosts() {
    let cause = cause_of("recursion").await;
    assert!(cause.starts_with("overflowed its stack"), "{cause}");
}

#[tokio::test]
async fn ending_the_process_ends_the_call() {
    assert_eq!(
        cause_of("exit").await,
        "ended the process with exit code 1 instead of answering"
    );
    assert_eq!(cause_of("abort").await, "aborted without a message");
}

#[tokio::test]
async fn more_random_bytes_than_allowed_are_refused() {
    assert_eq!(
        cause_of("random-flood").await,
        "asked for 100000 random bytes in one call; 1024 are allowed"
    );
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_not_read() {
    assert_eq!(
        cause_of("huge").await,
        "passed more data across the boundary at once than is allowed"
    );
}

#[tokio::test]
async fn waiting_for_the_cloud_ends_at_the_deadline_and_costs_no_processor_time() {
    let cloud = Arc::new(TestCloud::default());
    let limits = Limits {
        operation_deadline: Duration::from_millis(600),
        ..tight()
    };
    let plugin = load_under(limits)
        .await
        .with_configuration(Value::empty_map(), cloud, vault());
    let behaved = inputs("nothing");
    let (bad, good) = futures::join!(
        create(&plugin, inputs("send-slow")),
        create(&plugin, behaved.clone())
    );
    good.unwrap();
    assert_eq!(
        bad.unwrap_err().message,
        "plugin hostile 0.1.0, `create` of `web` (hostile:test:Thing): did not answer within 0.6 s; it was \
         waiting for the cloud"
    );
    create(&plugin, behaved).await.unwrap();
}

#[tokio::test]
async fn a_loop_that_is_within_its_processor_time_ends_at_the_deadline() {
    let limits = Limits {
        pure_deadline: Duration::from_millis(200),
        ..tight()
    };
    let failure = misbehave(&load_under(limits).await, "loop").await;
    assert!(
        failure.message.ends_with("did not answer within 0.2 s"),
        "{failure}"
    );
}

#[tokio::test]
async fn cloud_calls_without_end_are_denied_at_the_limit() {
    let cloud = Arc::new(TestCloud::default());
    let plugin = plugin()
        .await
        .with_configuration(Value::empty_map(), cloud.clone(), vault());
    let failure = create(&plugin, inputs("send-forever")).await.unwrap_err();
    assert_eq!(cloud.sent.lock().unwrap().len(), 25);
    assert_eq!(failure.disposition, Disposition::Denied);
    assert_eq!(failure.message, "more than 25 cloud calls in one operation");
}

#[tokio::test]
async fn a_failing_configuration_fails_the_operation_and_says_so() {
    let plugin = plugin().await;
    let with = |what| plugin.with_configuration(inputs(what), Arc::new(TestCloud::default()), vault());
    let failure = create(&with("panic"), inputs("nothing")).await.unwrap_err();
    assert!(
        failure.message.starts_with(
            "plugin hostile 0.1.0, `create` of `web` (hostile:test:Thing): panicked: cannot be configured"
        ),
        "{failure}"
    );
    let failure = create(&with("refuse"), inputs("nothing")).await.unwrap_err();
    assert_eq!(failure.disposition, Disposition::Denied);
    // Pure functions know no configuration.
    plan(&with("panic"), inputs("nothing")).await.unwrap();
}

#[tokio::test]
async fn many_misbehaving_calls_at_once_leave_room_for_the_others() {
    let plugin = load_under(brief()).await;
    let bad = ["panic", "loop", "memory", "recursion", "exit", "huge"].repeat(6);
    let bad = futures::future::join_all(bad.iter().map(|what| plan(&plugin, inputs(what))));
    let good = futures::future::join_all((0..100).map(|_| plan(&plugin, inputs("nothing"))));
    let (bad, good) = futures::join!(bad, good);
    assert!(bad.iter().all(Result::is_err));
    assert!(good.iter().all(Result::is_ok));
}

#[tokio::test]
async fn calls_beyond_the_instances_wait_their_turn() {
    let limits = Limits {
        instances: 2,
        ..tight()
    };
    let plugin = load_under(limits).await.with_configuration(
        Value::empty_map(),
        Arc::new(TestCloud::default()),
        vault(),
    );
    let calls = futures::future::join_all((0..50).map(|_| create(&plugin, inputs("send")))).await;
    assert!(calls.iter().all(Result::is_ok));
}
