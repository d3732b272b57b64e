//! How many resources are checked for drift in an hour: one process after the other checks a stack of the reference
//! plugin, whose reads and plans go through the sandbox, and whose checks go into the log.
//!
//! ```console
//! $ cargo xtask plugins reference
//! $ cargo build --bin konductor
//! $ KONDUCTOR_TEST_BINARY=$PWD/target/debug/konductor cargo bench --profile dev --bench drift
//! ```

use std::time::{Duration, Instant};

use konductor_tests::Project;

/// How many resources the stack has.
const RESOURCES: usize = 1_000;
/// How long it is measured.
const MEASURED: Duration = Duration::from_secs(60);

fn main() {
    // `cargo test --benches` asks only whether it runs.
    let measured = if std::env::args().any(|argument| argument == "--bench") {
        MEASURED
    } else {
        Duration::ZERO
    };
    let project = Project::from_text(
        &format!(
            "name: many\nresources:\n  group:\n    type: reference:test:Group\n    properties: {{ count: {RESOURCES} }}\n"
        ),
        "config: {}\n",
    );
    project.run(["run", "--yes"]).succeeds();
    let since = Instant::now();
    let mut checks = 0;
    let mut longest = Duration::ZERO;
    loop {
        let began = Instant::now();
        let finished = project.run(["watch", "--once", "--json"]).succeeds();
        longest = longest.max(began.elapsed());
        let events = finished.events();
        let event = events
            .iter()
            .find(|event| event["event"] == "watch-checked")
            .unwrap();
        assert_eq!(event["objects"], RESOURCES, "{event}");
        assert_eq!(event["digest"], "", "{event}");
        checks += RESOURCES;
        if since.elapsed() >= measured {
            break;
        }
    }
    let seconds = since.elapsed().as_secs_f64();
    println!(
        "{checks} resources in {seconds:.1} s, {:.0} an hour; the slowest check of {RESOURCES} took {:.2} s",
        checks as f64 / seconds * 3600.0,
        longest.as_secs_f64()
    );
    project.run(["log", "verify"]).succeeds();
}
