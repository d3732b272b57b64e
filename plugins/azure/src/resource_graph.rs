//! Azure Resource Graph: many resources with one request, which does not count as a read of each.
//!
//! Its index lags behind by seconds or minutes, knows each type at a version of its own, and leaves out what stands in
//! another resource. So an answer that shows a resource just as it was last seen is taken, and in every other case the
//! resource itself is read: what is reported as changed or gone is what ARM says.

use std::collections::BTreeMap;

use konductor_sdk::cloud::{Pages, from_json};
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;
use serde_json::json;

use crate::arm_id::{ArmId, RESOURCE_GROUP, after};
use crate::client::{api, subscription};

const API_VERSION: &str = "2022-10-01";

/// How many resources a query asks for. The query must stay well below the 100 kB that are allowed, and one answer
/// holds at most 1,000.
const AT_ONCE: usize = 200;

/// Below so many, reading each costs no more.
const WORTH_IT: usize = 4;

/// Reads many resources. `unchanged` tells whether the graph shows an object as it was last seen; `read` reads one.
///
/// # Errors
/// When the graph cannot be asked for another reason than that it is not allowed.
pub fn read_many(
    context: &Context,
    requests: &[ReadRequest],
    unchanged: impl Fn(&ObjectState, Value) -> bool,
    read: impl Fn(&ReadRequest) -> ReadResult,
) -> Result<Vec<ReadResult>, Failure> {
    let indexed: Vec<&ReadRequest> = requests
        .iter()
        .filter(|request| {
            request.prior.is_some() && ArmId::parse(&request.id).is_some_and(|id| id.is_top_level())
        })
        .collect();
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    if indexed.len() >= WORTH_IT {
        for part in indexed.chunks(AT_ONCE) {
            match ask(context, part) {
                Ok(found) => seen.extend(found),
                // The graph is an index beside ARM: without it every resource is read by itself.
                Err(failure) if failure.disposition == Disposition::Denied => break,
                Err(failure) => return Err(failure),
            }
        }
    }
    Ok(requests
        .iter()
        .map(|request| {
            let found = seen.remove(&request.id.to_ascii_lowercase());
            match (&request.prior, found) {
                (Some(prior), Some(found)) if unchanged(prior, found.clone()) => Ok(Some(prior.clone())),
                _ => read(request),
            }
        })
        .collect())
}

/// Asks for resources by their identifiers.
fn ask(context: &Context, requests: &[&ReadRequest]) -> Result<Vec<(String, Value)>, Failure> {
    let is_group = |request: &&&ReadRequest| {
        ArmId::parse(&request.id).is_some_and(|id| id.type_name.eq_ignore_ascii_case(RESOURCE_GROUP))
    };
    let (groups, others): (Vec<&&ReadRequest>, Vec<&&ReadRequest>) = requests.iter().partition(is_group);
    let mut found = Vec::new();
    for (table, requests) in [("resourcecontainers", groups), ("resources", others)] {
        if requests.is_empty() {
            continue;
        }
        let ids: Vec<String> = requests.iter().map(|request| quoted(&request.id)).collect();
        let query = format!("{table} | where id in~ ({})", ids.join(", "));
        let mut subscriptions: Vec<&str> = requests
            .iter()
            .filter_map(|request| after(&request.id, "subscriptions"))
            .collect();
        subscriptions.sort_unstable();
        subscriptions.dedup();
        let mut cursor = None;
        loop {
            let page = query_page(context, &subscriptions, &query, cursor.as_deref())?;
            found.extend(page.items.into_iter().filter_map(|resource| {
                let id = resource.attribute("id")?.as_text()?.to_ascii_lowercase();
                Some((id, resource))
            }));
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
    }
    Ok(found)
}

/// Asks a query of the configured subscription, page by page.
///
/// # Errors
/// When the graph refuses it.
pub fn page(context: &Context, query: &str, cursor: Option<&str>) -> Result<Pages<Value>, Failure> {
    let subscription = subscription(context)?;
    query_page(context, &[&subscription], query, cursor)
}

fn query_page(
    context: &Context,
    subscriptions: &[&str],
    query: &str,
    cursor: Option<&str>,
) -> Result<Pages<Value>, Failure> {
    let mut options = json!({ "resultFormat": "objectArray", "$top": 1000 });
    if let (Some(cursor), Some(options)) = (cursor, options.as_object_mut()) {
        options.insert("$skipToken".to_owned(), json!(cursor));
    }
    let answer = api(context)
        .post(["providers", "Microsoft.ResourceGraph", "resources"])
        .query("api-version", API_VERSION)
        .idempotent(true)
        .json(&json!({ "subscriptions": subscriptions, "query": query, "options": options }))
        .send()?;
    let answer = from_json(answer.json()?);
    Ok(Pages {
        items: answer
            .attribute("data")
            .and_then(Value::as_list)
            .unwrap_or_default()
            .to_vec(),
        next: answer
            .attribute("$skipToken")
            .and_then(Value::as_text)
            .map(str::to_owned),
    })
}

/// Returns a text as the query language writes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
