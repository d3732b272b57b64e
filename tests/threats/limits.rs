//! What a plugin may take of the machine: processor time, time on the clock, memory, stack, tables, calls of the host.
//!
//! Every row is a function of the interface version and runs over the archived hostile plugin of that version.

use std::time::Duration;

use konductor_sandbox::{Limits, LoadOptions};

use crate::sandbox::{contains, create, ends_with, hostile, inputs, plan, rows, sandbox, stopped, tight};

rows!([
    spinning_ends_with_the_processor_time,
    spinning_in_host_calls_ends_with_the_processor_time,
    waiting_for_ever_ends_at_the_deadline,
    sleeping_for_ever_ends_at_the_deadline,
    memory_ends_at_the_limit,
    the_stack_ends_inside_the_guest,
    tables_end_at_the_limit,
    cloud_calls_end_at_the_limit,
    random_bytes_end_at_the_limit,
]);

/// Limits with little processor time.
fn brief() -> Limits {
    Limits {
        pure_cpu: Duration::from_millis(300),
        pure_deadline: Duration::from_secs(10),
        ..tight()
    }
}

async fn spinning_ends_with_the_processor_time(version: &str) {
    let plugin = hostile(version, brief()).await;
    ends_with(
        &stopped(&plugin, "loop").await,
        "used more than 0.3 s of processor time",
    );
}

async fn spinning_in_host_calls_ends_with_the_processor_time(version: &str) {
    let plugin = hostile(version, brief()).await;
    let said = stopped(&plugin, "loop-in-host-calls").await;
    ends_with(&said, "used more than 0.3 s of processor time");
}

/// Limits with a deadline that is met at once and processor time without end.
fn hurried() -> Limits {
    Limits {
        pure_deadline: Duration::from_millis(300),
        operation_deadline: Duration::from_millis(300),
        pure_cpu: Duration::from_secs(600),
        operation_cpu: Duration::from_secs(600),
        ..tight()
    }
}

async fn waiting_for_ever_ends_at_the_deadline(version: &str) {
    let plugin = hostile(version, hurried()).await;
    let failure = create(&plugin, inputs("send-slow")).await.unwrap_err();
    ends_with(
        &failure.message,
        "did not answer within 0.3 s; it was waiting for the cloud",
    );
}

async fn sleeping_for_ever_ends_at_the_deadline(version: &str) {
    let plugin = hostile(version, hurried()).await;
    for failure in [
        plan(&plugin, inputs("sleep")).await.unwrap_err(),
        create(&plugin, inputs("sleep")).await.unwrap_err(),
    ] {
        ends_with(&failure.message, "did not answer within 0.3 s");
    }
}

async fn memory_ends_at_the_limit(version: &str) {
    let plugin = hostile(version, tight()).await;
    ends_with(
        &stopped(&plugin, "memory").await,
        "needs more than 64 MiB of memory",
    );
}

async fn the_stack_ends_inside_the_guest(version: &str) {
    let plugin = hostile(version, tight()).await;
    contains(&stopped(&plugin, "recursion").await, "overflowed its stack");
    // Megabytes, which some other stack would have.
    let deep = starting(version, 1, "(call $descend (i32.const 100000))");
    let options = LoadOptions::from_origin("deep");
    let error = sandbox(tight(), None).load(&deep, options).await.unwrap_err();
    contains(&error.to_string(), "overflowed its stack");
}

/// A component with the names of a plugin that does something when it is instantiated.
fn starting(version: &str, table: u32, start: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (core module $m
                (table $t {table} funcref)
                (func $descend (param i32)
                    (if (local.get 0) (then (call $descend (i32.sub (local.get 0) (i32.const 1))))))
                (func $start {start})
                (func (export "f"))
                (start $start))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $plugin (export "describe" (func $f)))
            (instance $compliance
                (export "frameworks" (func $f))
                (export "controls-for" (func $f))
                (export "evaluate" (func $f)))
            (export "konductor:plugin/plugin@{version}" (instance $plugin))
            (export "konductor:plugin/compliance@{version}" (instance $compliance)))"#
    ))
    .unwrap()
}

async fn tables_end_at_the_limit(version: &str) {
    let grow = "(loop $again (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $again))";
    for (bytes, said) in [
        (
            starting(version, 20_001, ""),
            "has a minimum element size of 20001 which exceeds the limit of 20000",
        ),
        (
            starting(version, 1, grow),
            "needs function tables of more than 20000 elements",
        ),
    ] {
        let error = sandbox(tight(), None)
            .load(&bytes, LoadOptions::from_origin("odd"))
            .await
            .unwrap_err();
        contains(&error.to_string(), said);
    }
}

async fn cloud_calls_end_at_the_limit(version: &str) {
    let plugin = hostile(version, tight()).await;
    let failure = create(&plugin, inputs("send-forever")).await.unwrap_err();
    assert_eq!(failure.message, "more than 25 cloud calls in one operation");
}

async fn random_bytes_end_at_the_limit(version: &str) {
    let plugin = hostile(version, tight()).await;
    let said = stopped(&plugin, "random-flood").await;
    ends_with(
        &said,
        "asked for 100000 random bytes in one call; 1024 are allowed",
    );
}
