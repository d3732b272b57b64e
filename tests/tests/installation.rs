//! An unpacked release works where it is, without being told where its plugins are.

use konductor_tests::{Installation, SHIPPED};

#[test]
fn a_first_project_needs_no_plugin_path() {
    let installation = Installation::unpacked();
    installation.run("home", ["init", "shop"]).succeeds();
    let planned = installation.run("home/shop", ["plan", "--simulate"]).succeeds();
    planned.says("create");
}

#[test]
fn the_plugins_shipped_with_the_binary_are_listed() {
    let installation = Installation::unpacked();
    let listed = installation.run("home", ["plugin", "list", "--json"]).succeeds();
    let names: Vec<String> = listed
        .events()
        .iter()
        .filter_map(|event| Some(event["name"].as_str()?.to_owned()))
        .collect();
    let mut wanted = SHIPPED.map(str::to_owned);
    wanted.sort();
    assert_eq!(names, wanted, "{listed}");
}

#[test]
fn a_binary_without_its_plugins_says_where_it_looked() {
    let installation = Installation::unpacked();
    std::fs::remove_dir_all(installation.folder().join("share")).unwrap();
    installation.run("home", ["init", "shop"]).succeeds();
    installation
        .run("home/shop", ["plan", "--simulate"])
        .fails_saying("plugin `aws` was not found; looked for");
}
