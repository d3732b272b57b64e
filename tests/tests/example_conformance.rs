//! The conformance kit over the components of example plugins, as their authors run it, against the servers that they
//! are for.

use std::path::Path;

use konductor_tests::{
    Devpi, Kinto, PowerDns, Project, example, example_plugins, javascript_plugins, python_plugins,
};
use serde_json::json;

/// Runs the kit with a plugin's own fixtures, where its example stack says that the server is.
fn check(folder: &str, plugin: &str, plugins: &Path, url: &str) {
    let fixtures = example(&format!("plugins/{folder}")).join("conformance.yaml");
    let variable = format!("KONDUCTOR_{}__ENDPOINT_URL", plugin.to_uppercase());
    let project = Project::from_example(&format!("plugins/{folder}/stack"))
        .with_environment("KONDUCTOR_PLUGIN_PATH", plugins.to_str().unwrap())
        .with_environment(&variable, url);
    project.run(["config", "key", "generate"]).succeeds();
    project.write("conformance.yaml", &std::fs::read_to_string(fixtures).unwrap());
    let checked = project.run(["plugin", "check", plugin, "--conformance", "--no-wait", "--json"]);
    assert_eq!(checked.code, Some(0), "{}\n{}", checked.stdout, checked.stderr);
    let events = checked.events();
    let summary = events
        .iter()
        .rfind(|event| event["event"] == "plugin-checked")
        .unwrap();
    assert!(summary["passed"].as_u64().unwrap() > 30, "{summary}");
}

#[test]
fn the_powerdns_plugin_keeps_every_promise_and_leaves_nothing_behind() {
    let server = PowerDns::open();
    check("powerdns", "powerdns", &example_plugins(), &server.url());
    for list in ["/zones", "/tsigkeys"] {
        assert_eq!(server.at(list), json!([]), "{list}");
    }
}

#[test]
fn the_kinto_plugin_keeps_every_promise_and_leaves_nothing_behind() {
    let server = Kinto::open();
    check("python-kinto", "kinto", &python_plugins(), &server.url());
    let left = server.at("/v1/buckets", "deploy:change-me-please");
    assert_eq!(left["data"], json!([]));
}

#[test]
fn the_devpi_plugin_keeps_every_promise_and_leaves_nothing_behind() {
    let server = Devpi::open();
    check("javascript-devpi", "devpi", &javascript_plugins(), &server.url());
    let users = server.at("/");
    let names: Vec<&String> = users.as_object().unwrap().keys().collect();
    assert_eq!(names, ["root"], "{users}");
}
