//! The ways to misbehave.

use std::hash::{BuildHasher, RandomState};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::bindings::konductor::plugin::types::{MapEntry, Node, Value};
use crate::bindings::konductor::plugin::{clock, log, random};
use crate::values::{CONFIGURED, field, map, text};
use crate::{cloud_calls, secrets};

/// What a behaviour comes to, if it comes to anything.
pub enum Answer {
    Value(Value),
    Failed(String),
    Denied(String),
}

#[allow(unconditional_recursion, reason = "that is the point")]
fn deeper(levels: u64) -> u64 {
    // The array keeps the frames large and the call from becoming a loop.
    let ballast = std::hint::black_box([levels; 64]);
    ballast[(levels % 64) as usize].wrapping_add(std::hint::black_box(deeper(levels + 1)))
}

/// Counts how often a text stands in the memory of this instance. The text is given in reverse, so that
/// the question itself does not count.
fn count_in_memory(reversed: &str) -> usize {
    let needle = reversed.as_bytes();
    #[cfg(target_arch = "wasm32")]
    let length = core::arch::wasm32::memory_size(0) * 65_536;
    #[cfg(not(target_arch = "wasm32"))]
    let length: usize = 0;
    let mut found = 0;
    for start in 1..length.saturating_sub(needle.len()) {
        let matches = (0..needle.len()).all(|offset| {
            // SAFETY: the address is inside the linear memory, all of which may be read.
            let byte = unsafe { core::ptr::read_volatile((start + offset) as *const u8) };
            byte == needle[needle.len() - 1 - offset]
        });
        found += usize::from(matches);
    }
    found
}

/// Does what it is told; nothing, and the inputs again, by default.
pub fn behave(what: &str, inputs: &Value) -> Answer {
    match what {
        "panic" => panic!("no such \u{1b}[31mzone"),
        "loop" => loop {
            std::hint::black_box(());
        },
        "loop-in-host-calls" => loop {
            std::hint::black_box(clock::now());
        },
        "random-flood" => {
            random::bytes(100_000);
            Answer::Failed("more random bytes than allowed were given".to_owned())
        }
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(std::hint::black_box(vec![1u8; 1 << 20]));
            }
        }
        "recursion" => Answer::Failed(format!("came back from recursion with {}", deeper(0))),
        "exit" => std::process::exit(3),
        "abort" => std::process::abort(),
        "forward" => Answer::Value(vec![Node::List(vec![1]), Node::List(vec![0])]),
        "used-twice" => Answer::Value(vec![Node::List(vec![1, 1]), Node::Null]),
        "outside" => Answer::Value(vec![Node::Secret(9)]),
        "empty" => Answer::Value(Vec::new()),
        "unused" => Answer::Value(vec![Node::Null, Node::Null]),
        "no-number" => Answer::Value(vec![Node::Number("\u{1b}[31mseven".to_owned())]),
        "same-key" => Answer::Value(vec![
            Node::Map(
                [1, 2]
                    .map(|value| MapEntry {
                        key: "a".to_owned(),
                        value,
                    })
                    .into(),
            ),
            Node::Null,
            Node::Null,
        ]),
        "too-deep" => Answer::Value(
            (1..=70)
                .map(|at| Node::List(vec![at]))
                .chain([Node::Null])
                .collect(),
        ),
        "too-many" => {
            let mut table = vec![Node::List((1..=50_000).collect())];
            table.resize(50_001, Node::Null);
            Answer::Value(table)
        }
        "huge" => Answer::Value(map(&[("text", text(&"x".repeat(20 << 20)))])),
        "no-map" => Answer::Value(vec![text("this is no map")]),
        "log-flood" => {
            for line in 0..5_000 {
                log::write(
                    log::Level::Info,
                    &format!("line {line} \u{1b}]52;c;aGk=\u{7}\nforged: line"),
                    &[("field\u{1b}[0m".to_owned(), "x".repeat(100))],
                );
            }
            Answer::Value(inputs.clone())
        }
        "print-flood" => {
            for line in 0..5_000 {
                println!("line {line} \u{1b}[2J\u{202e}");
            }
            Answer::Value(inputs.clone())
        }
        "environment" => Answer::Value(map(&[
            ("variables", Node::Integer(std::env::vars().count() as i64)),
            ("arguments", Node::Integer(std::env::args().count() as i64)),
            (
                "entries",
                text(&format!("{:?}", std::fs::read_dir("/").map(|_| ()))),
            ),
            ("passwd", text(&format!("{:?}", std::fs::read("/etc/passwd")))),
        ])),
        "surroundings" => Answer::Value(map(&[
            ("clock", Node::Integer(clock::now() as i64)),
            ("random", Node::Bytes(random::bytes(16))),
            (
                "system-clock",
                Node::Integer(
                    SystemTime::now()
                        .duration_since(UNIX_EPOCH)
                        .map_or(-1, |passed| passed.as_millis() as i64),
                ),
            ),
            ("hash-seed", text(&RandomState::new().hash_one(1).to_string())),
            ("waited", Node::Boolean(Instant::now().elapsed().as_nanos() > 0)),
        ])),
        "scan-memory" => {
            let found = count_in_memory(&field(inputs, "reversed")) as i64;
            Answer::Value(map(&[("found", Node::Integer(found))]))
        }
        "configured" => Answer::Value(CONFIGURED.with(|kept| kept.borrow().clone()).unwrap_or_default()),
        "sleep" => loop {
            std::thread::sleep(std::time::Duration::from_secs(3_600));
        },
        _ => cloud_calls::behave(what, inputs)
            .or_else(|| secrets::behave(what, inputs))
            .unwrap_or_else(|| Answer::Value(inputs.clone())),
    }
}
