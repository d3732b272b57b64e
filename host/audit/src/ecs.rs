//! Records as documents of the Elastic Common Schema.

use konductor_state::entry::Action;
use serde_json::{Map, Value as Json, json};

use crate::record::AuditRecord;

/// The version of the schema whose names are used.
pub const VERSION: &str = "9.4.0";

/// Returns a record as a document. What the schema has no name for stands below `konductor`.
pub fn document(record: &AuditRecord) -> Json {
    let (category, kind) = classes(record);
    let mut event = Map::from_iter([
        ("kind".to_owned(), json!("event")),
        ("category".to_owned(), json!([category])),
        ("type".to_owned(), json!([kind])),
        ("action".to_owned(), json!(record.kind)),
        ("outcome".to_owned(), json!(record.outcome.word())),
        ("module".to_owned(), json!("konductor")),
        ("dataset".to_owned(), json!("konductor.audit")),
        ("provider".to_owned(), json!("konductor")),
        // The same for every copy of an entry, so that what is delivered twice can be told.
        (
            "id".to_owned(),
            json!(format!("{}/{}", record.serial, record.hash)),
        ),
        ("sequence".to_owned(), json!(record.serial)),
        ("hash".to_owned(), json!(record.hash)),
    ]);
    if let Some(milliseconds) = record.milliseconds {
        event.insert(
            "duration".to_owned(),
            json!(milliseconds.saturating_mul(1_000_000)),
        );
    }
    if let Some(error) = &record.error {
        event.insert("reason".to_owned(), json!(error));
    }
    let mut document = Map::from_iter([
        ("@timestamp".to_owned(), json!(record.written)),
        ("ecs".to_owned(), json!({ "version": VERSION })),
        ("event".to_owned(), Json::Object(event)),
        ("message".to_owned(), json!(record.message)),
        (
            "observer".to_owned(),
            json!({ "vendor": "Konductor", "product": "Konductor", "version": env!("CARGO_PKG_VERSION") }),
        ),
        (
            "konductor".to_owned(),
            without_null(json!({
                "project": record.project, "stack": record.stack, "run": record.run,
                "deployment": record.deployment, "command": record.command, "action": record.action,
                "resource": record.resource, "plugin": record.plugin, "finding": record.finding,
            })),
        ),
    ]);
    if let Some(actor) = &record.actor {
        document.insert("user".to_owned(), json!({ "name": actor }));
    }
    if let Some(error) = &record.error {
        document.insert("error".to_owned(), json!({ "message": error }));
    }
    if let Some(call) = &record.call {
        let mut cloud = json!({ "service": { "name": call.endpoint }, "region": call.region });
        if let (Some(account), Some(cloud)) = (&call.account, cloud.as_object_mut()) {
            cloud.insert("account".to_owned(), json!({ "id": account }));
        }
        let request = without_null(json!({ "method": call.method, "id": call.request_id }));
        let mut http = json!({ "request": request });
        if let (Some(status), Some(http)) = (call.status, http.as_object_mut()) {
            http.insert("response".to_owned(), json!({ "status_code": status }));
        }
        document.insert("cloud".to_owned(), cloud);
        document.insert("http".to_owned(), http);
        document.insert(
            "url".to_owned(),
            json!({ "domain": call.host, "path": call.path }),
        );
    }
    Json::Object(document)
}

/// Returns the category and the type of an event; the schema says which types go with a category.
fn classes(record: &AuditRecord) -> (&'static str, &'static str) {
    match record.kind {
        "cloud-call" => ("api", "access"),
        "run-started" => ("process", "start"),
        "run-finished" => ("process", "end"),
        "begin" | "progress" | "drift-checked" | "drift-told" | "policy-decided" | "control-finding"
        | "compliance-checked" | "compliance-told" => ("configuration", "info"),
        "secret-revealed" => ("configuration", "access"),
        "end" => match record.action {
            Some(Action::Create | Action::CreateReplacement) => ("configuration", "creation"),
            Some(Action::Delete | Action::DeleteReplaced | Action::DeleteDeposed) => {
                ("configuration", "deletion")
            }
            Some(Action::Update | Action::Import) | None => ("configuration", "change"),
        },
        _ => ("configuration", "change"),
    }
}

fn without_null(mut object: Json) -> Json {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::KINDS;
    use crate::record::tests::record;

    #[test]
    fn a_record_is_tied_to_the_log_by_names_of_the_schema() {
        let record = record();
        let document = document(&record);
        assert_eq!(document["event"]["sequence"], 42);
        assert_eq!(document["event"]["hash"], json!(record.hash));
        assert_eq!(document["event"]["category"], json!(["configuration"]));
        assert_eq!(document["event"]["type"], json!(["creation"]));
        assert_eq!(document["event"]["duration"], 7_000_000);
        assert_eq!(document["@timestamp"], "2025-11-22T08:26:40Z");
        assert_eq!(document["user"]["name"], "ada@analytical");
    }

    #[test]
    fn every_type_of_event_is_one_that_the_schema_has_for_its_category() {
        for kind in KINDS {
            for action in [
                None,
                Some(Action::Create),
                Some(Action::Delete),
                Some(Action::Update),
            ] {
                let document = document(&AuditRecord {
                    kind,
                    action,
                    ..record()
                });
                let category = document["event"]["category"][0].as_str().unwrap();
                let allowed: &[&str] = match category {
                    "api" => &["access", "change", "creation", "deletion", "info"],
                    "configuration" => &["access", "change", "creation", "deletion", "info"],
                    "process" => &["access", "change", "end", "info", "start"],
                    other => panic!("{other} is no category that is used"),
                };
                let found = document["event"]["type"][0].as_str().unwrap();
                assert!(allowed.contains(&found), "{kind} {found}");
            }
        }
    }
}
