//! A small model of the server, as it was seen to answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use konductor_sdk::model::cloud::{CloudRequest, CloudResponse};
use konductor_sdk_test::{StatefulCloud, respond};
use serde_json::{Value as Json, json};

/// What the server holds.
#[derive(Default)]
pub struct Server {
    pub keys: BTreeMap<String, Json>,
    pub zones: BTreeMap<String, Zone>,
}

#[derive(Default)]
pub struct Zone {
    pub settings: Json,
    pub sets: BTreeMap<(String, String), Json>,
    pub metadata: BTreeMap<String, Json>,
}

pub fn server() -> Arc<StatefulCloud<Server>> {
    StatefulCloud::new(Server::default(), answer)
}

fn nothing(status: u16) -> CloudResponse {
    CloudResponse {
        status,
        headers: Vec::new(),
        body: Vec::new(),
    }
}

fn answer(server: &mut Server, request: &CloudRequest) -> CloudResponse {
    let path = request.path.strip_prefix("/api/v1/servers/localhost/").unwrap();
    let path: Vec<&str> = path.split('/').collect();
    let body: Json = serde_json::from_slice(&request.body).unwrap_or_default();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["tsigkeys"]) => {
            let name = body["name"].as_str().unwrap();
            let id = format!("{name}.");
            if server.keys.contains_key(&id) {
                return nothing(409);
            }
            let key = json!({ "id": id, "name": name, "algorithm": body["algorithm"], "key": body["key"] });
            server.keys.insert(id, key.clone());
            respond(201, key)
        }
        ("GET", ["tsigkeys"]) => {
            let hidden = |key: &Json| json!({ "id": key["id"], "name": key["name"], "key": "" });
            respond(200, server.keys.values().map(hidden).collect())
        }
        (method, ["tsigkeys", id]) => {
            let id = format!("{}.", id.trim_end_matches('.'));
            let Some(key) = server.keys.get_mut(&id) else {
                return nothing(404);
            };
            match method {
                "GET" => {}
                "PUT" => key["key"] = body["key"].clone(),
                _ => {
                    server.keys.remove(&id);
                    return nothing(204);
                }
            }
            respond(200, key.clone())
        }
        ("POST", ["zones"]) => {
            let name = body["name"].as_str().unwrap().to_owned();
            if server.zones.contains_key(&name) {
                return nothing(409);
            }
            let mut settings = body;
            settings["id"] = json!(name);
            server.zones.insert(
                name,
                Zone {
                    settings: settings.clone(),
                    ..Zone::default()
                },
            );
            respond(201, settings)
        }
        ("GET", ["zones"]) => respond(
            200,
            server
                .zones
                .values()
                .map(|zone| json!({ "id": zone.settings["id"] }))
                .collect(),
        ),
        (method, ["zones", id, below @ ..]) => match server.zones.get_mut(*id) {
            None => nothing(404),
            Some(_) if method == "DELETE" && below.is_empty() => {
                server.zones.remove(*id);
                nothing(204)
            }
            Some(zone) => zone_answer(zone, method, below, body),
        },
        other => panic!("the model of the server does not know {other:?}"),
    }
}

fn zone_answer(zone: &mut Zone, method: &str, below: &[&str], body: Json) -> CloudResponse {
    match (method, below) {
        ("GET", []) => {
            let mut found = zone.settings.clone();
            found["rrsets"] = zone.sets.values().cloned().collect();
            respond(200, found)
        }
        ("PUT", []) => {
            for name in ["kind", "masters", "master_tsig_key_ids"] {
                zone.settings[name] = body[name].clone();
            }
            nothing(204)
        }
        ("PATCH", []) => {
            for set in body["rrsets"].as_array().unwrap() {
                let text = |name: &str| set[name].as_str().unwrap().to_owned();
                let place = (text("name"), text("type"));
                let mut set = set.clone();
                match zone.sets.remove(&place) {
                    _ if text("changetype") == "DELETE" => continue,
                    // Comments that are not given stay.
                    Some(old) if set["comments"].is_null() => set["comments"] = old["comments"].clone(),
                    _ => {}
                }
                zone.sets.insert(place, set);
            }
            nothing(204)
        }
        ("GET", ["metadata"]) => respond(
            200,
            zone.metadata.keys().map(|kind| json!({ "kind": kind })).collect(),
        ),
        ("PUT", ["metadata", kind]) => {
            zone.metadata.insert((*kind).to_owned(), body["metadata"].clone());
            respond(200, json!({ "kind": kind, "metadata": body["metadata"] }))
        }
        ("GET", ["metadata", kind]) => {
            let values = zone.metadata.get(*kind).cloned().unwrap_or_else(|| json!([]));
            respond(200, json!({ "kind": kind, "metadata": values }))
        }
        ("DELETE", ["metadata", kind]) => {
            zone.metadata.remove(*kind);
            nothing(200)
        }
        other => panic!("the model of the server does not know {other:?} of a zone"),
    }
}
