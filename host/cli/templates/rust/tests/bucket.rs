//! A bucket's life against a scripted server, without WebAssembly.

use {{crate}}::ThisPlugin;
use konductor_sdk::Plugin;
use konductor_sdk::model::Value;
use konductor_sdk_test::{NativeProvider, ScriptedCloud, delete, lifecycle, patch, put, respond};
use serde_json::{Value as Json, json};

fn bucket(owner: &str, last_modified: i64) -> Json {
    json!({ "data": { "id": "shelf", "owner": owner, "last_modified": last_modified } })
}

#[test]
fn a_bucket_is_made_changed_and_deleted() {
    let cloud = ScriptedCloud::in_order()
        .expect(put("/v1/buckets/shelf"), respond(201, bucket("me", 1)))
        .expect(
            patch("/v1/buckets/shelf").json(json!({ "data": { "owner": "you" } })),
            respond(200, bucket("you", 2)),
        )
        .expect(delete("/v1/buckets/shelf"), respond(200, json!({})))
        .shared();
    let provider = NativeProvider::new(ThisPlugin::definition(), Value::empty_map(), cloud.clone());
    lifecycle(&provider, "{{name}}:store:Bucket")
        .create(Value::from([("name", "shelf"), ("owner", "me")]))
        .expect("last_modified", 1)
        .update(Value::from([("name", "shelf"), ("owner", "you")]))
        .expect("owner", "you")
        .delete();
    cloud.finish();
}
