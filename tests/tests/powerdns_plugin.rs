//! The example plugin in Rust, in the sandbox, against a real server of the API that it is for.

use std::path::PathBuf;

use konductor_tests::{PowerDns, Project, example_plugins, files_that_hold};
use serde_json::{Value, json};

const TRANSFER_KEY: &str = "dGhpcyBrZXkgaXMgb25seSBmb3IgdGVzdHMhISEhISE=";

fn project(server: &PowerDns) -> Project {
    let project = Project::from_example("plugins/powerdns/stack")
        .with_environment("KONDUCTOR_PLUGIN_PATH", &example_plugins().display().to_string())
        .with_environment("KONDUCTOR_POWERDNS__ENDPOINT_URL", &server.url());
    // The key of a transfer is a secret, and is kept for whoever has the project's key.
    project.run(["config", "key", "generate"]).succeeds();
    project
}

/// Returns the lifetime and the contents of a record set, or null.
fn record_set(server: &PowerDns, name: &str, kind: &str) -> Value {
    let zone = server.at("/zones/example.org.");
    let sets = zone["rrsets"].as_array().cloned().unwrap_or_default();
    let found = sets.iter().find(|set| set["name"] == name && set["type"] == kind);
    found.map_or(Value::Null, |set| {
        let mut records: Vec<Value> = set["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["content"].clone())
            .collect();
        records.sort_by_key(Value::to_string);
        json!([set["ttl"], records])
    })
}

/// Everything that the server holds, without times and serial numbers.
fn everything(server: &PowerDns) -> Value {
    let zone = server.at("/zones/example.org.");
    json!({
        "keys": server.at("/tsigkeys/transfer."),
        "zone": [zone["name"], zone["kind"], zone["master_tsig_key_ids"], zone["account"]],
        "address": record_set(server, "www.example.org.", "A"),
        "metadata": server.at("/zones/example.org./metadata/ALLOW-AXFR-FROM")["metadata"],
    })
}

fn is_empty(server: &PowerDns) -> bool {
    server.at("/zones") == json!([]) && server.at("/tsigkeys") == json!([])
}

#[test]
fn a_stack_is_created_changed_replaced_repaired_and_destroyed_and_a_second_run_does_nothing() {
    let server = PowerDns::open();
    let project = project(&server);
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(
        record_set(&server, "www.example.org.", "A"),
        json!([3600, ["192.0.2.1", "192.0.2.2"]])
    );
    let made = everything(&server);
    assert_eq!(made["keys"]["key"], TRANSFER_KEY);
    assert_eq!(made["zone"][2], json!(["transfer."]));
    assert_eq!(made["metadata"], json!(["192.0.2.0/24"]));
    project.assert_nothing_to_do();
    let serial = server.at("/zones/example.org.")["serial"].clone();
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(everything(&server), made);
    assert_eq!(server.at("/zones/example.org.")["serial"], serial);

    // In place: the zone stays with what is in it. Replaced: the record set of another type.
    project.edit("konductor.yaml", "kind: Master", "kind: Native");
    project.edit("konductor.yaml", "[192.0.2.0/24]", "[192.0.2.0/24, AUTO-NS]");
    project.edit(
        "konductor.yaml",
        "type: A, records: [192.0.2.1, 192.0.2.2]",
        "type: AAAA, ttl: 60, records: [\"2001:db8::1\"]",
    );
    project.assert_planned(&json!({"update": 2, "replace": 1}));
    project.run(["run", "--yes"]).succeeds();
    let changed = everything(&server);
    assert_eq!(changed["zone"][1], "Native");
    assert_eq!(changed["zone"][3], made["zone"][3], "the zone is the same one");
    assert_eq!(changed["metadata"], json!(["192.0.2.0/24", "AUTO-NS"]));
    assert_eq!(changed["address"], Value::Null);
    assert_eq!(
        record_set(&server, "www.example.org.", "AAAA"),
        json!([60, ["2001:db8::1"]])
    );
    project.assert_nothing_to_do();

    // Behind the plugin's back.
    let change = r#"{"rrsets":[{"changetype":"REPLACE","name":"www.example.org.","type":"AAAA","ttl":5,
        "records":[{"content":"2001:db8::bad"}]}]}"#;
    assert_eq!(server.ask("PATCH", "/zones/example.org.", change).0, 204);
    assert_eq!(
        server
            .ask("DELETE", "/zones/example.org./metadata/ALLOW-AXFR-FROM", "")
            .0,
        200
    );
    let seen = project
        .run(["refresh", "--dry-run", "--detailed-exitcode"])
        .ends_with(2);
    for name in ["www", "transfers"] {
        assert!(
            seen.everything().contains(name),
            "{name} should be seen as changed: {seen}"
        );
    }
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    assert_eq!(everything(&server), changed);
    assert_eq!(
        record_set(&server, "www.example.org.", "AAAA"),
        json!([60, ["2001:db8::1"]])
    );

    project.run(["destroy", "--yes"]).succeeds();
    assert!(is_empty(&server));
    project.run(["log", "verify"]).succeeds();
}

#[test]
fn what_is_there_is_imported_and_planned_without_a_change() {
    let server = PowerDns::open();
    let first = project(&server);
    first.run(["run", "--yes"]).succeeds();
    let made = everything(&server);
    let other = project(&server);
    // The names that people use are identifiers enough.
    for (kind, name, id) in [
        ("powerdns:dns:TsigKey", "transfer", "transfer"),
        ("powerdns:dns:Zone", "home", "example.org"),
        ("powerdns:dns:RecordSet", "www", "example.org./www.example.org./A"),
        (
            "powerdns:dns:ZoneMetadata",
            "transfers",
            "example.org./ALLOW-AXFR-FROM",
        ),
    ] {
        other.run(["import", kind, name, id]).succeeds();
    }
    other.assert_planned(&json!({"outputs": 1}));
    other.run(["run", "--yes"]).succeeds();
    assert_eq!(other.objects(), first.objects());
    assert_eq!(everything(&server), made);
    other
        .run(["import", "powerdns:dns:RecordSet", "mail", "mail.example.org."])
        .fails_saying("ZONE/NAME/TYPE");
}

#[test]
fn what_somebody_else_made_is_left_alone() {
    let server = PowerDns::open();
    let zone = r#"{"name":"example.org.","kind":"Native","nameservers":[]}"#;
    assert_eq!(server.ask("POST", "/zones", zone).0, 201);
    let project = project(&server);
    project
        .run(["run", "--yes"])
        .fails_saying("there is a powerdns:dns:Zone `example.org.` already");
    assert_eq!(server.at("/zones/example.org.")["account"], "");
}

#[test]
fn neither_the_key_of_the_api_nor_that_of_transfers_is_left_in_what_a_run_leaves_behind() {
    let server = PowerDns::open();
    let project = project(&server);
    let said = project.run(["run", "--yes", "--json"]).succeeds().everything();
    // The server refuses the record, and quotes it.
    project.edit(
        "konductor.yaml",
        "type: A, records: [192.0.2.1, 192.0.2.2]",
        "type: TXT, records: [unquoted]",
    );
    let refused = project
        .run(["run", "--yes"])
        .fails_saying("Not in expected format")
        .everything();
    for secret in [TRANSFER_KEY, server.key()] {
        assert!(!said.contains(secret) && !refused.contains(secret));
        for place in [project.folder().join(".konductor"), project.home().to_owned()] {
            assert_eq!(files_that_hold(&place, secret), Vec::<PathBuf>::new());
        }
    }
}
