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
    assert!(matches!(error, LoadError::Compile { .. }), "{error}");
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
    let bytes = guests::component("konductor-plugin-compliance");
    let plugin = sandbox().load(&bytes, LoadOptions::default()).await.unwrap();
    assert!(plugin.is_compliance() && !plugin.is_provider());
    plugin.frameworks().await.unwrap();
    plugin.controls_for(&guests::thing()).await.unwrap();
    assert!(plugin.invoke("anything", Value::Null).await.is_err());
}
