//! A plugin against the sandbox: what takes the machine, what floods it, what lies, and what reads others' data.
//!
//! Every row is a function of the interface version and runs over the archived hostile plugin of that version.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use async_trait::async_trait;
use konductor_broker::Vault;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use konductor_model::module::{ConstructRequest, Module};
use konductor_model::provider::{CreateRequest, Outcome, PlanRequest, PlanResponse, Provider};
use konductor_model::{Failure, MASK, ResourceType, SecretVault, TOKEN_PREFIX, Value, node_table};
use konductor_sandbox::{
    Limits, LoadError, LoadOptions, Plugin, Reveal, RevealObserver, Sandbox, SandboxOptions,
};
use konductor_tests::archived;
use tracing_subscriber::layer::SubscriberExt;

/// Makes a test of every row for every archived version of the interface.
macro_rules! rows {
    ($($version:ident = $text:literal),*; $rows:tt) => {
        $(mod $version { rows!(@ $text $rows); })*
    };
    (@ $text:literal [$($row:ident),* $(,)?]) => {
        $(#[tokio::test] async fn $row() { super::$row($text).await; })*
    };
}

rows!(v0_1_0 = "0.1.0"; [
    spinning_ends_with_the_processor_time,
    spinning_in_host_calls_ends_with_the_processor_time,
    waiting_for_ever_ends_at_the_deadline,
    sleeping_for_ever_ends_at_the_deadline,
    memory_ends_at_the_limit,
    the_stack_ends_inside_the_guest,
    tables_end_at_the_limit,
    cloud_calls_end_at_the_limit,
    random_bytes_end_at_the_limit,
    a_flood_of_log_lines_is_cut_and_counted,
    a_flood_of_printed_lines_is_cut_and_counted,
    escapes_reach_no_log_line_name_or_diagnostic,
    value_tables_built_as_bombs_are_refused,
    an_answer_larger_than_the_limit_is_not_read,
    types_of_another_plugin_are_not_believed,
    invented_types_are_not_believed,
    malformed_identifiers_are_not_believed,
    compiled_code_that_was_planted_or_damaged_is_not_run,
    a_digest_that_was_swapped_is_refused,
    a_manifest_that_was_swapped_is_refused,
    memory_of_an_earlier_call_is_gone,
    the_configuration_of_another_plugin_is_not_there,
    secrets_are_tokens_in_memory,
    a_token_of_another_plugin_opens_nothing,
    nothing_is_revealed_without_a_grant,
    what_was_revealed_is_masked_in_everything_that_is_said,
    opaque_bytes_carry_no_secret,
]);

const THING: &str = "hostile:test:Thing";
const SECRET: &str = "planted-secret-0123456789";

fn tight() -> Limits {
    Limits {
        instances: 8,
        memory_bytes: 64 << 20,
        table_elements: 20_000,
        pure_cpu: Duration::from_millis(300),
        operation_cpu: Duration::from_millis(300),
        pure_deadline: Duration::from_secs(60),
        operation_deadline: Duration::from_secs(60),
        values: node_table::Limits {
            nodes: 20_000,
            depth: 64,
        },
        transfer_bytes: 16 << 20,
        cloud_calls: 25,
        output_bytes: 4 << 10,
        log_messages: 20,
        message_bytes: 200,
        ..Limits::default()
    }
}

fn sandbox(limits: Limits, cache: Option<&Path>) -> Sandbox {
    Sandbox::new(SandboxOptions {
        limits,
        cache_directory: cache.map(Path::to_owned),
    })
    .unwrap()
}

fn bytes(version: &str) -> Vec<u8> {
    fs::read(archived(version, "hostile")).unwrap()
}

/// Loads the hostile plugin of a version, each time in a sandbox of its own.
async fn load(version: &str, limits: Limits) -> Plugin {
    let options = LoadOptions::from_origin("hostile");
    sandbox(limits, None)
        .load(&bytes(version), options)
        .await
        .unwrap()
}

/// A cloud that answers at once, or never.
struct TestCloud;

#[async_trait]
impl Cloud for TestCloud {
    async fn send(&self, _: &str, request: CloudRequest) -> Result<CloudResponse, SendError> {
        if request.path == "/slow" {
            std::future::pending::<()>().await;
        }
        Ok(CloudResponse {
            status: 200,
            headers: Vec::new(),
            body: b"done".to_vec(),
        })
    }
}

fn configured(plugin: &Plugin, configuration: Value) -> Plugin {
    plugin.with_configuration(configuration, Arc::new(TestCloud), Arc::new(Vault::new()))
}

async fn hostile(version: &str, limits: Limits) -> Plugin {
    configured(&load(version, limits).await, Value::empty_map())
}

fn inputs(what: &str) -> Value {
    Value::from([
        ("do", Value::from(what)),
        ("secret", Value::from(SECRET).into_secret()),
    ])
}

async fn plan(plugin: &Plugin, inputs: Value) -> Result<PlanResponse, Failure> {
    let request = PlanRequest {
        resource_type: THING.parse().unwrap(),
        name: "web".parse().unwrap(),
        prior: None,
        prior_inputs: None,
        inputs,
    };
    plugin.plan(request).await
}

async fn create(plugin: &Plugin, inputs: Value) -> Result<Outcome, Failure> {
    let request = CreateRequest {
        resource_type: THING.parse().unwrap(),
        name: "web".parse().unwrap(),
        planned: inputs.clone(),
        inputs,
        private: Vec::new(),
        idempotency_token: "token".to_owned(),
    };
    plugin.create(request).await
}

/// Returns why a behaviour failed, after seeing that the next call works.
async fn stopped(plugin: &Plugin, what: &str) -> String {
    let failure = plan(plugin, inputs(what)).await.expect_err(what);
    plan(plugin, inputs("nothing"))
        .await
        .expect("the next call works");
    failure.message
}

fn ends_with(text: &str, end: &str) {
    assert!(text.ends_with(end), "expected {end:?} at the end of {text:?}");
}

fn contains(text: &str, part: &str) {
    assert!(text.contains(part), "expected {part:?} in {text:?}");
}

async fn spinning_ends_with_the_processor_time(version: &str) {
    let plugin = hostile(version, tight()).await;
    ends_with(
        &stopped(&plugin, "loop").await,
        "used more than 0.3 s of processor time",
    );
}

async fn spinning_in_host_calls_ends_with_the_processor_time(version: &str) {
    let plugin = hostile(version, tight()).await;
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
}

/// A component with the names of a plugin that does something when it is instantiated.
fn starting(version: &str, table: u32, start: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (core module $m
                (table $t {table} funcref)
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

thread_local! {
    /// What was logged on this thread, which is that of one test.
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the message of every event of a plugin.
struct Keep;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Keep {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        if event.metadata().target() == "konductor::plugin" && message.0 != "call ended" {
            LOGGED.with_borrow_mut(|logged| logged.push(message.0));
        }
    }
}

/// Returns every message that a plan logs.
async fn logged(plugin: &Plugin, what: &str) -> Vec<String> {
    // For the whole program: whether an event is wanted is remembered for all threads.
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Keep)).unwrap();
    });
    LOGGED.take();
    plan(plugin, inputs(what)).await.unwrap();
    LOGGED.take()
}

async fn a_flood_of_log_lines_is_cut_and_counted(version: &str) {
    let lines = logged(&hostile(version, tight()).await, "log-flood").await;
    assert_eq!(lines.len(), 21);
    assert!(lines.iter().all(|line| line.len() < 210), "{lines:?}");
    assert_eq!(lines[20], "4980 more log messages were dropped");
}

async fn a_flood_of_printed_lines_is_cut_and_counted(version: &str) {
    let lines = logged(&hostile(version, tight()).await, "print-flood").await;
    assert!(lines.iter().map(String::len).sum::<usize>() < 8_000);
    contains(
        lines.last().unwrap(),
        "more bytes were dropped; the limit is 4096 bytes a call",
    );
}

/// Tells whether a text could steer a terminal or forge a line.
fn steers(text: &str) -> bool {
    text.chars().any(|c| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

async fn escapes_reach_no_log_line_name_or_diagnostic(version: &str) {
    let plugin = hostile(version, tight()).await;
    for what in ["log-flood", "print-flood"] {
        let lines = logged(&plugin, what).await;
        assert!(
            !lines.iter().any(|line| steers(line) || line.contains('\n')),
            "{lines:?}"
        );
    }
    assert!(!steers(&plugin.manifest().description));
    assert!(!steers(&stopped(&plugin, "panic").await));
    let failure = construct(&plugin, "escape-in-name").await.unwrap_err();
    contains(&failure, "which is no resource name");
    assert!(!steers(&failure));
    let check = konductor_model::provider::CheckRequest {
        resource_type: THING.parse().unwrap(),
        name: "web".parse().unwrap(),
        inputs: inputs("nothing"),
        prior_inputs: None,
    };
    let diagnostics = plugin.check(check).await.unwrap().diagnostics.to_string();
    contains(&diagnostics, "odd[2J summary");
    assert!(!steers(&diagnostics));
}

async fn value_tables_built_as_bombs_are_refused(version: &str) {
    let plugin = hostile(version, tight()).await;
    for (what, rule) in [
        ("forward", "which does not come after it"),
        ("used-twice", "is used twice"),
        ("outside", "which does not exist"),
        ("empty", "the value table is empty"),
        ("unused", "is not used"),
        ("same-key", "has the key `a` twice"),
        ("too-deep", "is nested more than 64 deep"),
        ("too-many", "more than the limit of 20000"),
    ] {
        contains(&stopped(&plugin, what).await, rule);
    }
}

async fn an_answer_larger_than_the_limit_is_not_read(version: &str) {
    let plugin = hostile(version, tight()).await;
    let said = stopped(&plugin, "huge").await;
    ends_with(
        &said,
        "passed more data across the boundary at once than is allowed",
    );
}

async fn construct(plugin: &Plugin, what: &str) -> Result<(), String> {
    let request = ConstructRequest {
        target: "hostile".to_owned(),
        name: "main".parse().unwrap(),
        inputs: inputs(what),
        metadata: Value::empty_map(),
    };
    let answer = plugin.construct(request).await;
    answer.map(|_| ()).map_err(|failure| failure.message)
}

/// Replaces a text in a component by another of the same length.
fn patched(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 0, "{from} is not in the component");
    bytes
}

async fn types_of_another_plugin_are_not_believed(version: &str) {
    let liar = patched(bytes(version), "hostile:test:Liar", "foreign:test:Liar");
    let options = LoadOptions {
        repacking: true,
        ..LoadOptions::from_origin("liar")
    };
    let error = sandbox(tight(), None).load(&liar, options).await.unwrap_err();
    contains(
        &error.to_string(),
        "it claims the type foreign:test:Liar, which does not start with `hostile:`",
    );
    let plugin = hostile(version, tight()).await;
    let foreign: ResourceType = "other:test:Thing".parse().unwrap();
    contains(
        &plugin.schema(&foreign).await.unwrap_err().message,
        "has no type other:test:Thing",
    );
    let liar: ResourceType = "hostile:test:Liar".parse().unwrap();
    contains(
        &plugin.schema(&liar).await.unwrap_err().message,
        "answered with the schema of hostile:test:Thing",
    );
}

async fn invented_types_are_not_believed(version: &str) {
    let plugin = hostile(version, tight()).await;
    construct(&plugin, "nothing").await.unwrap();
    // Types of other plugins may be declared: what they do is theirs to decide.
    construct(&plugin, "foreign-type").await.unwrap();
    for (what, said) in [
        ("invented-type", "`not a type` is not a type"),
        (
            "unclaimed-type",
            "answered with a declaration of hostile:test:Nothing, which its manifest does not name",
        ),
    ] {
        contains(&construct(&plugin, what).await.unwrap_err(), said);
    }
}

async fn malformed_identifiers_are_not_believed(version: &str) {
    let plugin = hostile(version, tight()).await;
    for (id, said) in [
        ("", "an object without an identifier"),
        ("a\u{1b}[2Jb", "too long or has control characters"),
        (&"x".repeat(300), "too long or has control characters"),
    ] {
        let inputs = Value::from([("do", "identifier"), ("id", id)]);
        contains(&create(&plugin, inputs).await.unwrap_err().message, said);
    }
}

async fn compiled_code_that_was_planted_or_damaged_is_not_run(version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let code = folder.path().join("code");
    let bytes = bytes(version);
    let other = fs::read(archived(version, "reference")).unwrap();
    let load = async |bytes: &[u8]| {
        let sandbox = sandbox(tight(), Some(&code));
        sandbox
            .load(bytes, LoadOptions::from_origin("hostile"))
            .await
            .unwrap()
    };
    let entry = |plugin: &Plugin| {
        let entries = fs::read_dir(&code).unwrap().map(|entry| entry.unwrap().path());
        let mut own = entries.filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(plugin.digest())
        });
        own.next().unwrap()
    };
    let hostile = load(&bytes).await;
    let reference = load(&other).await;
    let (mine, its) = (entry(&hostile), entry(&reference));
    let honest = fs::read(&mine).unwrap();
    let planted = fs::read(&its).unwrap();
    let mut damaged = honest.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    for wrong in [
        planted,
        damaged,
        honest[..honest.len() / 2].to_vec(),
        b"planted".to_vec(),
    ] {
        fs::write(&mine, &wrong).unwrap();
        assert_eq!(load(&bytes).await.manifest().name, "hostile");
        assert_eq!(
            fs::read(&mine).unwrap().len(),
            honest.len(),
            "the entry was built again"
        );
    }
    // A folder that others can write to is not used at all.
    fs::set_permissions(&code, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = Sandbox::new(SandboxOptions {
        limits: tight(),
        cache_directory: Some(code),
    });
    contains(&refused.unwrap_err().to_string(), "is not safe to run code from");
}

async fn a_digest_that_was_swapped_is_refused(version: &str) {
    let approved = load(version, tight()).await;
    let mut swapped = bytes(version);
    let last = swapped.len() - 1;
    swapped[last] ^= 1;
    let options = LoadOptions::from_origin("hostile").expecting(approved.digest());
    let error = sandbox(tight(), None).load(&swapped, options).await.unwrap_err();
    assert!(matches!(error, LoadError::Digest { .. }), "{error}");
    contains(&error.to_string(), approved.digest());
}

async fn a_manifest_that_was_swapped_is_refused(version: &str) {
    // Everywhere: what it says when asked and what was packed stay alike, and it loads.
    let renamed = patched(bytes(version), "misbehaves", "behaves!!!");
    let options = || LoadOptions::from_origin("hostile");
    sandbox(tight(), None).load(&renamed, options()).await.unwrap();
    // The first only, which is the code's own.
    let mut lying = bytes(version);
    let at = lying
        .windows(10)
        .position(|window| window == b"misbehaves")
        .unwrap();
    lying[at..at + 10].copy_from_slice(b"behaves!!!");
    let error = sandbox(tight(), None).load(&lying, options()).await.unwrap_err();
    assert!(matches!(error, LoadError::Packed { .. }), "{error}");
    contains(&error.to_string(), "`description` is packed as");
}

/// Limits with time enough to search all memory.
fn patient() -> Limits {
    Limits {
        operation_cpu: Duration::from_secs(60),
        operation_deadline: Duration::from_secs(300),
        // One, so that the next call gets the memory of the last.
        instances: 1,
        ..tight()
    }
}

/// Counts a text in the memory of a guest. It is told the text in reverse, so that the question does not count.
async fn found(plugin: &Plugin, text: &str) -> i64 {
    let reversed: String = text.chars().rev().collect();
    let inputs = Value::from([
        ("do", Value::from("scan-memory")),
        ("secret", Value::from(SECRET).into_secret()),
        ("reversed", Value::from(reversed)),
    ]);
    match create(plugin, inputs).await.unwrap() {
        Outcome::Complete(object) => object
            .attributes
            .attribute("found")
            .unwrap()
            .as_integer()
            .unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn memory_of_an_earlier_call_is_gone(version: &str) {
    let plugin = hostile(version, patient()).await;
    let earlier = Value::from([("do", "nothing"), ("planted", "planted-in-the-call-before")]);
    create(&plugin, earlier).await.unwrap();
    assert_eq!(found(&plugin, "planted-in-the-call-before").await, 0);
}

async fn the_configuration_of_another_plugin_is_not_there(version: &str) {
    let loaded = load(version, patient()).await;
    let setting = |text: &str| Value::from([("region", text)]);
    let one = configured(&loaded, setting("planted-region-of-one"));
    let other = configured(&loaded, setting("planted-region-of-other"));
    create(&other, inputs("nothing")).await.unwrap();
    assert_eq!(found(&one, "planted-region-of-other").await, 0);
    assert!(found(&one, "planted-region-of-one").await > 0);
}

async fn secrets_are_tokens_in_memory(version: &str) {
    let setting = Value::from([("password", Value::from("planted-setting-987").into_secret())]);
    let plugin = configured(&load(version, patient()).await, setting);
    for secret in [SECRET, "planted-setting-987"] {
        assert_eq!(found(&plugin, secret).await, 0, "{secret}");
    }
    assert!(found(&plugin, TOKEN_PREFIX).await > 0);
}

async fn a_token_of_another_plugin_opens_nothing(version: &str) {
    let token = Vault::new().seal(&Value::from(SECRET));
    let plugin = hostile(version, tight()).await;
    let planned = plan(&plugin, Value::from([("x", token.as_str())]))
        .await
        .unwrap()
        .planned;
    assert_eq!(planned.attribute("x").unwrap().as_text(), Some(token.as_str()));
}

#[derive(Default)]
struct Revealed(Mutex<Vec<Reveal>>);

impl RevealObserver for Revealed {
    fn revealed(&self, reveal: Reveal) {
        self.0.lock().unwrap().push(reveal);
    }
}

/// Lets a plugin see an attribute.
fn let_in(plugin: &Plugin, grant: &str) -> (Plugin, Arc<Revealed>) {
    let revealed = Arc::new(Revealed::default());
    let reveal = BTreeSet::from([grant.to_owned()]);
    (plugin.with_reveals(reveal, revealed.clone()), revealed)
}

async fn nothing_is_revealed_without_a_grant(version: &str) {
    let plugin = hostile(version, patient()).await;
    for grant in [
        "hostile:test:Thing.other",
        "hostile:test:Liar.secret",
        "secret",
        "hostile:test:Thing",
    ] {
        let (plugin, revealed) = let_in(&plugin, grant);
        assert_eq!(found(&plugin, SECRET).await, 0, "{grant}");
        assert_eq!(*revealed.0.lock().unwrap(), []);
    }
    let (plugin, revealed) = let_in(&plugin, "hostile:test:Thing.secret");
    assert!(found(&plugin, SECRET).await > 0);
    let recorded = revealed.0.lock().unwrap();
    assert_eq!(recorded.len(), 1);
    assert_eq!(
        (recorded[0].resource.as_str(), recorded[0].attribute.as_str()),
        ("web", "secret")
    );
}

async fn what_was_revealed_is_masked_in_everything_that_is_said(version: &str) {
    let (plugin, _) = let_in(&hostile(version, tight()).await, "hostile:test:Thing.secret");
    let nothing_told = |text: &str| {
        assert!(!text.contains(SECRET), "{text}");
        contains(text, MASK);
    };
    nothing_told(&logged(&plugin, "tell-log").await.join("\n"));
    nothing_told(&logged(&plugin, "tell-split").await.join("\n"));
    for what in ["tell-failure", "tell-denied", "tell-panic"] {
        let failure = plan(&plugin, inputs(what)).await.unwrap_err();
        nothing_told(&format!("{failure} {failure:?}"));
    }
    let planned = plan(&plugin, inputs("unmarked")).await.unwrap().planned;
    assert!(!format!("{planned:?}").contains(SECRET), "{planned:?}");
}

async fn opaque_bytes_carry_no_secret(version: &str) {
    let plugin = hostile(version, tight()).await;
    let (seeing, _) = let_in(&plugin, "hostile:test:Thing.secret");
    for plugin in [plugin, seeing] {
        for (what, said) in [
            ("as-identifier", "an identifier that holds a secret"),
            ("as-private", "private bytes that hold a secret"),
            ("as-handle", "the bytes of a handle that hold a secret"),
        ] {
            contains(&create(&plugin, inputs(what)).await.unwrap_err().message, said);
        }
    }
}
