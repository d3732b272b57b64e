//! How Kinto is called.

use konductor_sdk::cloud::{Answer, Api, Pages, all_pages, query_parameter};
use konductor_sdk::typed::prelude::*;
use serde_json::{Value as Json, json};

/// The endpoint's name in the manifest; where it is, and with which credentials it is called, the stack says.
pub const ENDPOINT: &str = "kinto";

/// Kinto has no idempotency tokens, but keeps members that it does not know: by this one a create that was
/// interrupted finds what it made.
const TOKEN: &str = "konductor_token";

/// Returns the API.
pub fn api(context: &Context) -> Api<'_> {
    Api::new(context, ENDPOINT).base("/v1")
}

/// Makes what is not there yet, or finds what the same create made before it was interrupted.
pub fn create(context: &Context, path: &[&str], mut data: Json, token: &str) -> Result<Json, Failure> {
    if let Some(data) = data.as_object_mut() {
        data.retain(|_, value| !value.is_null());
        data.insert(TOKEN.to_owned(), json!(token));
    }
    let body = json!({ "data": data });
    let put = api(context)
        .put(path)
        .header("if-none-match", "*")
        .json(&body)
        .send();
    match put {
        Ok(answer) => data_of(&answer),
        Err(failure) if failure.http_status == Some(412) => {
            let found = data_of(&api(context).get(path).send()?)?;
            if found[TOKEN] == json!(token) {
                return Ok(found);
            }
            let message = format!(
                "{} exists already; import it, or choose another name",
                path.join("/")
            );
            Err(Failure::new(Disposition::AlreadyExists, message))
        }
        Err(failure) => Err(failure),
    }
}

/// Changes members of what is there; null takes one away.
pub fn change(context: &Context, path: &[&str], data: &Json) -> Result<Json, Failure> {
    let body = json!({ "data": data }).to_string();
    let patch = api(context)
        .patch(path)
        .idempotent(true)
        .body("application/merge-patch+json", body)
        .send()?;
    data_of(&patch)
}

/// Lists everything at a path. Kinto names the next page by a URL, of which the token is taken.
pub fn every(context: &Context, path: &[&str]) -> Result<Vec<Json>, Failure> {
    all_pages(|token| {
        let answer = api(context)
            .get(path)
            .query("_limit", 100)
            .optional_query("_token", token)
            .send()?;
        let next = answer.header("next-page");
        Ok(Pages {
            next: next.and_then(|url| query_parameter(url, "_token")),
            items: data_of(&answer)?.as_array().cloned().unwrap_or_default(),
        })
    })
}

/// Returns what an answer is about.
pub fn data_of(answer: &Answer) -> Result<Json, Failure> {
    Ok(answer.json::<Json>()?["data"].take())
}
