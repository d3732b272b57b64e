//! What the plugin sends, and what it makes of the answers.

mod server;

use std::sync::Arc;

use konductor_plugin_powerdns::PowerDns;
use konductor_sdk::Plugin as _;
use konductor_sdk::model::cloud::Cloud;
use konductor_sdk::model::provider::{CheckRequest, CreateRequest, Provider as _, ReadRequest};
use konductor_sdk::model::{Diagnostics, Disposition, Failure, Value};
use konductor_sdk_test::{
    NativeProvider, ScriptedCloud, block_on, delete, get, lifecycle, patch, post, put, respond,
};
use serde_json::{Value as Json, json};

const SERVER: &str = "/api/v1/servers/localhost";

fn provider(cloud: Arc<dyn Cloud>) -> NativeProvider {
    NativeProvider::new(PowerDns::definition(), Value::empty_map(), cloud)
}

fn zone() -> Json {
    json!({ "id": "example.org.", "name": "example.org.", "kind": "Native", "masters": [],
            "master_tsig_key_ids": [], "account": "token-1", "serial": 7 })
}

#[test]
fn a_zone_is_made_changed_and_deleted() {
    let place = format!("{SERVER}/zones/example.org.");
    let changed = json!({ "id": "example.org.", "name": "example.org.", "kind": "Master", "masters": [],
                          "master_tsig_key_ids": ["transfer."] });
    let cloud = ScriptedCloud::in_order()
        .expect(
            post(format!("{SERVER}/zones")).json(json!({
                "name": "example.org.", "kind": "Native", "masters": [], "master_tsig_key_ids": [],
                "account": "token-1"
            })),
            respond(201, zone()),
        )
        .expect(
            put(&place).json(json!({ "name": "example.org.", "kind": "Master", "masters": [],
                                     "master_tsig_key_ids": ["transfer."] })),
            respond(204, Json::Null),
        )
        .expect(get(&place), respond(200, changed))
        .expect(delete(&place), respond(204, Json::Null))
        .shared();
    let keys = Value::List(vec![Value::from("transfer.")]);
    lifecycle(&provider(cloud.clone()), "powerdns:dns:Zone")
        .create(Value::from([("name", "example.org.")]))
        .expect("id", "example.org.")
        .update(Value::from([
            ("name", Value::from("example.org.")),
            ("kind", Value::from("Master")),
            ("master_tsig_key_ids", keys),
        ]))
        .expect("kind", "Master")
        .delete();
    cloud.finish();
}

/// Creates a zone that the server has already.
fn create_again(token: &str) -> Result<(), Failure> {
    let cloud = ScriptedCloud::in_order()
        .expect(post(format!("{SERVER}/zones")), respond(409, Json::Null))
        .expect(get(format!("{SERVER}/zones/example.org.")), respond(200, zone()))
        .shared();
    let inputs = Value::from([("name", "example.org."), ("kind", "Native")]);
    let request = CreateRequest {
        resource_type: "powerdns:dns:Zone".parse().unwrap(),
        name: "home".parse().unwrap(),
        inputs: inputs.clone(),
        planned: inputs,
        private: Vec::new(),
        idempotency_token: token.to_owned(),
    };
    let made = block_on(provider(cloud.clone()).create(request)).unwrap();
    cloud.finish();
    made.map(drop)
}

#[test]
fn a_create_that_was_cut_off_finds_its_own_zone_and_takes_nobody_elses() {
    assert_eq!(create_again("token-1"), Ok(()));
    let failure = create_again("token-2").unwrap_err();
    assert_eq!(failure.disposition, Disposition::AlreadyExists);
    assert_eq!(
        failure.message,
        "there is a powerdns:dns:Zone `example.org.` already, which `home` did not make: import it, or give this one \
         another name"
    );
}

#[test]
fn a_record_set_is_replaced_as_a_whole_and_marked_once() {
    let place = format!("{SERVER}/zones/example.org.");
    let set = |ttl: i64, content: &str| {
        json!({ "rrsets": [{ "changetype": "REPLACE", "name": "www.example.org.", "type": "A", "ttl": ttl,
                             "records": [{ "content": content }] }] })
    };
    let mut marked = set(3600, "192.0.2.1");
    marked["rrsets"][0]["comments"] = json!([{ "account": "konductor", "content": "token-1" }]);
    let mut found = set(60, "192.0.2.2");
    found["rrsets"][0]["comments"] = marked["rrsets"][0]["comments"].clone();
    let removed = json!({ "rrsets": [{ "changetype": "DELETE", "name": "www.example.org.", "type": "A" }] });
    let one = || {
        get(&place)
            .query("rrset_name", "www.example.org.")
            .query("rrset_type", "A")
    };
    let cloud = ScriptedCloud::in_order()
        .expect(one(), respond(200, json!({ "rrsets": [] })))
        .expect(patch(&place).json(marked), respond(204, Json::Null))
        .expect(patch(&place).json(set(60, "192.0.2.2")), respond(204, Json::Null))
        .expect(one(), respond(200, found))
        .expect(patch(&place).json(removed), respond(204, Json::Null))
        .shared();
    let inputs = |ttl: i64, content: &str| {
        Value::from([
            ("zone", Value::from("example.org.")),
            ("name", Value::from("www.example.org.")),
            ("type", Value::from("A")),
            ("ttl", Value::from(ttl)),
            ("records", Value::List(vec![Value::from(content)])),
        ])
    };
    lifecycle(&provider(cloud.clone()), "powerdns:dns:RecordSet")
        .create(inputs(3600, "192.0.2.1"))
        .update(inputs(60, "192.0.2.2"))
        .expect("ttl", 60)
        .delete();
    cloud.finish();
}

fn checked(kind: &str, inputs: Value) -> Diagnostics {
    let request = CheckRequest {
        resource_type: kind.parse().unwrap(),
        name: "subject".parse().unwrap(),
        inputs,
        prior_inputs: None,
    };
    let response = block_on(provider(server::server()).check(request)).unwrap();
    response.unwrap().diagnostics
}

#[test]
fn what_the_server_would_write_in_another_way_is_told_with_its_place() {
    let records = Value::List(vec![
        Value::from("2001:db8::1"),
        Value::from("2001:DB8:0::2"),
        Value::Unknown,
    ]);
    let found = checked(
        "powerdns:dns:RecordSet",
        Value::from([
            ("zone", Value::Unknown),
            ("name", Value::from("www.example.org")),
            ("type", Value::from("AAAA")),
            ("records", records),
        ]),
    );
    let said: Vec<(String, Option<&str>)> = found
        .0
        .iter()
        .map(|one| (one.at.as_ref().unwrap().to_string(), one.help.as_deref()))
        .collect();
    assert_eq!(
        said,
        [
            ("name".to_owned(), None),
            ("records[1]".to_owned(), Some("write `2001:db8::2`")),
        ]
    );
}

#[test]
fn an_identifier_that_is_none_is_refused_with_the_form_it_should_have() {
    let request = ReadRequest {
        resource_type: "powerdns:dns:RecordSet".parse().unwrap(),
        name: "www".parse().unwrap(),
        id: "www.example.org.".to_owned(),
        prior: None,
    };
    let failure = block_on(provider(server::server()).read(request))
        .unwrap()
        .unwrap_err();
    assert_eq!(failure.disposition, Disposition::Invalid);
    assert_eq!(
        failure.message,
        "`www.example.org.` is no identifier: write it as `ZONE/NAME/TYPE`"
    );
}
