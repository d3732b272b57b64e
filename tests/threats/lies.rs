//! What a plugin, or who stands in for it, says of itself and answers: malformed values, foreign types, swapped bytes.
//!
//! Every row is a function of the interface version and runs over the archived hostile plugin of that version.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use konductor_model::ResourceType;
use konductor_model::Value;
use konductor_model::provider::Provider as _;
use konductor_sandbox::{LoadError, LoadOptions, Plugin, Sandbox, SandboxOptions};
use konductor_tests::archived;

use crate::sandbox::{
    bytes, construct, contains, create, ends_with, hostile, load, rows, sandbox, stopped, tight,
};

rows!([
    value_tables_built_as_bombs_are_refused,
    an_answer_larger_than_the_limit_is_not_read,
    types_of_another_plugin_are_not_believed,
    invented_types_are_not_believed,
    malformed_identifiers_are_not_believed,
    compiled_code_that_was_planted_or_damaged_is_not_run,
    a_digest_that_was_swapped_is_refused,
    a_manifest_that_was_swapped_is_refused,
]);

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
