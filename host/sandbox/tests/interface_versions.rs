//! A component that is no plugin for this host is told so before anything of it runs.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "test code"
)]

mod guests;

use konductor_model::Value;
use konductor_model::provider::Provider;
use konductor_sandbox::{LoadError, LoadOptions, Sandbox, SandboxOptions};

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxOptions {
        limits: guests::tight(),
        cache_directory: None,
    })
    .unwrap()
}

async fn refusal(bytes: &[u8]) -> String {
    sandbox()
        .load(bytes, LoadOptions::from_origin("odd@1.0.0"))
        .await
        .unwrap_err()
        .to_string()
}

/// A component with imports that exports the interfaces of a compliance plugin, all of them empty.
fn component(imports: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component {imports}
            (instance $empty)
            (export "konductor:plugin/plugin@0.1.0" (instance $empty))
            (export "konductor:plugin/compliance@0.1.0" (instance $empty)))"#
    ))
    .unwrap()
}

#[tokio::test]
async fn another_version_of_the_interface_is_named_with_the_one_offered() {
    let refused = refusal(&component(
        r#"(import "konductor:plugin/cloud@0.9.0" (instance))"#,
    ))
    .await;
    assert_eq!(
        refused,
        "plugin odd@1.0.0 does not fit this host: it imports konductor:plugin/cloud in version 0.9.0, and this \
         host offers version 0.1.0: use a newer konductor, or a release of the plugin built against 0.1.0"
    );
}

#[tokio::test]
async fn an_exported_interface_of_another_version_is_named_too() {
    let bytes = wat::parse_str(
        r#"(component (instance $empty)
            (export "konductor:plugin/plugin@0.0.9" (instance $empty))
            (export "konductor:plugin/compliance@0.1.0" (instance $empty)))"#,
    )
    .unwrap();
    let refused = refusal(&bytes).await;
    assert!(
        refused.contains(
            "it exports konductor:plugin/plugin in version 0.0.9, and this host offers version 0.1.0: use a \
             release of the plugin built against 0.1.0"
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn a_component_that_wants_the_network_is_refused_at_load() {
    for import in ["wasi:sockets/tcp@0.2.6", "wasi:http/outgoing-handler@0.2.0"] {
        let refused = refusal(&component(&format!(r#"(import "{import}" (instance))"#))).await;
        assert!(
            refused.contains(&format!("it imports {import}: plugins have no network")),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_capability_nobody_offers_is_refused_at_load() {
    let refused = refusal(&component(r#"(import "wasi:keyvalue/store@0.2.0" (instance))"#)).await;
    assert!(
        refused.contains("wasi:keyvalue/store@0.2.0, which this host does not offer"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_function_of_another_form_under_the_right_version_is_refused() {
    let other_type =
        r#"(import "konductor:plugin/clock@0.1.0" (instance (export "now" (func (result u32)))))"#;
    let unknown =
        r#"(import "konductor:plugin/clock@0.1.3" (instance (export "zone" (func (result string)))))"#;
    for import in [other_type, unknown, ""] {
        let refused = refusal(&component(import)).await;
        assert!(
            refused
                .contains("it was built against another form of interface version 0.1.0 than this host has"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn what_is_no_component_is_told_what_it_is() {
    let core = wat::parse_str("(module)").unwrap();
    assert!(
        refusal(&core)
            .await
            .contains("it is a core module; build it for the target wasm32-wasip2")
    );
    assert!(
        refusal(b"hello")
            .await
            .contains("it has 5 bytes and does not start like WebAssembly")
    );
    let mut broken = guests::hostile().to_vec();
    broken.truncate(1_000);
    let error = sandbox().load(&broken, LoadOptions::default()).await.unwrap_err();
    assert!(matches!(error, LoadError::NotAComponent { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("is not a WebAssembly component: unexpected end-of-file"),
        "{error}"
    );
}

/// Spoils the code of the first core module in a component, so that it cannot be compiled.
fn spoiled(mut bytes: Vec<u8>) -> Vec<u8> {
    let module = bytes.windows(8).position(|w| w == b"\0asm\x01\0\0\0").unwrap();
    bytes[module + 8..module + 12].fill(0xff);
    bytes
}

#[tokio::test]
async fn names_are_checked_before_anything_is_compiled() {
    let module = r#"(core module (func (export "f") (result i32) i32.const 1))"#;
    let fits = spoiled(component(module));
    let error = sandbox().load(&fits, LoadOptions::default()).await.unwrap_err();
    assert!(matches!(error, LoadError::Compile { .. }), "{error}");
    for import in [
        "konductor:plugin/cloud@0.9.0",
        "wasi:http/types@0.2.0",
        "odd:thing/x@1.0.0",
    ] {
        let bytes = spoiled(component(&format!(r#"(import "{import}" (instance)) {module}"#)));
        let error = sandbox().load(&bytes, LoadOptions::default()).await.unwrap_err();
        assert!(matches!(error, LoadError::Interface { .. }), "{error}");
    }
}

#[tokio::test]
async fn other_bytes_than_were_approved_are_refused_with_both_digests() {
    let bytes = guests::hostile();
    let plugin = guests::plugin().await;
    let right = LoadOptions::from_origin("hostile").expecting(plugin.digest().to_uppercase());
    sandbox().load(bytes, right).await.unwrap();
    let wrong = LoadOptions::from_origin("hostile").expecting("ab".repeat(32));
    let error = sandbox().load(bytes, wrong).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "plugin hostile is not the one that was approved: its bytes have sha256:{}, expected sha256:{}; fetch \
             it again, or approve the new one with `konductor plugin lock`",
            plugin.digest(),
            "ab".repeat(32)
        )
    );
}

/// Appends a manifest as `konductor plugin pack` does.
fn packed(bytes: &[u8], manifest: &str) -> Vec<u8> {
    let mut length = Vec::new();
    let mut rest = 1 + "konductor:manifest".len() + manifest.len();
    loop {
        let more = rest >= 128;
        length.push((rest % 128) as u8 | if more { 128 } else { 0 });
        rest /= 128;
        if !more {
            break;
        }
    }
    let name = [18];
    [
        bytes,
        &[0],
        &length,
        &name,
        b"konductor:manifest",
        manifest.as_bytes(),
    ]
    .concat()
}

#[tokio::test]
async fn a_plugin_that_describes_itself_otherwise_than_it_was_packed_is_refused_with_both() {
    let plugin = guests::plugin().await;
    let mut manifest = serde_json::to_value(Provider::manifest(&plugin)).unwrap();
    let honest = packed(guests::hostile(), &manifest.to_string());
    sandbox()
        .load(&honest, LoadOptions::from_origin("hostile"))
        .await
        .unwrap();

    manifest["endpoints"] = serde_json::json!([]);
    manifest["version"] = serde_json::json!("9.9.9");
    let lying = packed(guests::hostile(), &manifest.to_string());
    let error = sandbox()
        .load(&lying, LoadOptions::from_origin("hostile"))
        .await
        .unwrap_err()
        .to_string();
    for part in [
        "plugin hostile is not what its packed manifest says: ",
        "`endpoints` is packed as [] and described as [{\"id\":\"thing\"",
        "`version` is packed as \"9.9.9\" and described as \"0.1.0\"",
        "`konductor plugin pack`",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let repacking = LoadOptions {
        repacking: true,
        ..LoadOptions::default()
    };
    sandbox().load(&lying, repacking).await.unwrap();
}

#[tokio::test]
async fn a_loaded_plugin_says_what_it_is() {
    let plugin = guests::plugin().await;
    assert_eq!(plugin.interface_version().to_string(), "0.1.0");
    assert_eq!(plugin.digest().len(), 64);
    assert_eq!(Provider::manifest(&plugin).name, "hostile");
    assert!(plugin.is_provider() && !plugin.is_compliance());
}

#[tokio::test]
async fn a_compliance_plugin_answers_and_manages_nothing() {
    let bytes = guests::component("compliance");
    let plugin = sandbox().load(&bytes, LoadOptions::default()).await.unwrap();
    assert!(plugin.is_compliance() && !plugin.is_provider());
    plugin.frameworks().await.unwrap();
    plugin.controls_for(&guests::thing()).await.unwrap();
    assert!(plugin.invoke("anything", Value::Null).await.is_err());
}
