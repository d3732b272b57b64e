//! Requests to Google's APIs: how they say what went wrong, and their long operations.

use std::time::Duration;

use konductor_sdk::cloud::{Answer, Api, Explanation, from_json};
use konductor_sdk::prelude::*;
use serde_json::Value as Json;

use crate::link::with_own_host;

/// How long the host waits before it asks for an operation again, where the API does not say.
const PAUSE: Duration = Duration::from_secs(2);

/// Fewer asterisks mean something: `*` is every host, or every method.
const SHORTEST_MASK: usize = 4;

/// Returns an API by its endpoint.
pub fn api<'c>(context: &'c Context, service: &'static str) -> Api<'c> {
    Api::new(context, service).explain(explain)
}

/// Returns what Google answered, with links in one spelling. Some secrets are answered as asterisks; these are left out, as
/// others are by Google itself.
pub fn received(answer: Json) -> Value {
    from_json(answer).map_leaves(&mut |leaf| {
        let Value::Text(text) = &leaf else { return leaf };
        if text.len() >= SHORTEST_MASK && text.bytes().all(|byte| byte == b'*') {
            return Value::Null;
        }
        with_own_host(text).map_or(leaf, Value::Text)
    })
}

/// Reads `{"error": {"code": 404, "message": …, "status": …, "errors": [{"reason": …}]}}`.
fn explain(answer: &Answer) -> Option<Explanation> {
    let body: Json = answer.json().ok()?;
    let error = body.get("error")?;
    let text = |place: &str| error.pointer(place).and_then(Json::as_str).map(str::to_owned);
    let code = text("/errors/0/reason")
        .or_else(|| text("/details/0/reason"))
        .or_else(|| text("/status"))
        .unwrap_or_default();
    Some(Explanation {
        disposition: disposition(&code),
        message: text("/message").unwrap_or_default(),
        code,
    })
}

/// Returns what a reason means, where the status does not tell.
fn disposition(reason: &str) -> Option<Disposition> {
    Some(match reason {
        "alreadyExists" | "ALREADY_EXISTS" | "RESOURCE_ALREADY_EXISTS" => Disposition::AlreadyExists,
        // It may be gone in a moment: what uses it is being deleted as well.
        "resourceInUseByAnotherResource"
        | "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"
        | "containerNotEmpty"
        | "resourceNotReady"
        | "RESOURCE_NOT_READY"
        | "conditionNotMet"
        | "ABORTED" => Disposition::Conflict,
        "quotaExceeded" | "QUOTA_EXCEEDED" | "limitExceeded" | "LIMIT_EXCEEDED" => Disposition::Quota,
        "rateLimitExceeded" | "userRateLimitExceeded" | "RATE_LIMIT_EXCEEDED" => Disposition::Throttled,
        "notFound" | "NOT_FOUND" | "RESOURCE_NOT_FOUND" => Disposition::NotFound,
        "backendError" | "INTERNAL_ERROR" | "INTERNAL" => Disposition::Unavailable,
        _ => return None,
    })
}

/// A long operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Where it can be asked for.
    pub path: Vec<String>,
    /// The link of what it is about, where it says so.
    pub target: Option<String>,
    /// How it stands.
    pub state: OperationState,
}

/// How an operation stands.
#[derive(Debug, Clone, PartialEq)]
pub enum OperationState {
    /// It goes on.
    Running(String),
    /// It is done, with what it answers.
    Done(Json),
    /// It failed.
    Failed(Box<Failure>),
}

impl Operation {
    /// Reads an operation: that of the older APIs has a link and a status, that of the newer ones a name.
    ///
    /// # Errors
    /// When it is neither.
    pub fn read(service: &str, version: &str, answer: &Json) -> Result<Self, Failure> {
        let text = |name: &str| answer.get(name).and_then(Json::as_str);
        let path = match (text("selfLink"), text("name")) {
            (Some(link), _) => crate::link::segments(service, link),
            (None, Some(name)) => {
                let path = format!("{version}/{name}");
                Some(path.split('/').map(str::to_owned).collect())
            }
            (None, None) => None,
        };
        let path = path.ok_or_else(|| {
            Failure::new(
                Disposition::Other,
                "the cloud answered with something that is no operation; look at the project before trying again",
            )
        })?;
        let is_done =
            answer.get("done").and_then(Json::as_bool) == Some(true) || text("status") == Some("DONE");
        let state = match answer.get("error").filter(|error| !error.is_null()) {
            Some(error) if is_done => OperationState::Failed(Box::new(failure(error))),
            _ if is_done => OperationState::Done(answer.get("response").cloned().unwrap_or_default()),
            _ => {
                let progress = answer.get("progress").and_then(Json::as_u64);
                let what = text("operationType").unwrap_or("operation");
                OperationState::Running(match progress {
                    Some(percent) => format!("{what}: {percent}%"),
                    None => what.to_owned(),
                })
            }
        };
        Ok(Self {
            path,
            target: text("targetLink").map(str::to_owned),
            state,
        })
    }

    /// Asks how an operation stands.
    ///
    /// # Errors
    /// When there is no answer, or the operation is not known any more.
    pub fn ask(
        context: &Context,
        service: &'static str,
        version: &str,
        path: &[String],
    ) -> Result<Self, Failure> {
        let answer: Json = api(context, service).get(path).send()?.json()?;
        Self::read(service, version, &answer)
    }
}

/// Returns how long to wait before an operation is asked for again.
pub fn pause() -> Duration {
    PAUSE
}

/// Reads what an operation failed with: a list of errors, or one.
fn failure(error: &Json) -> Failure {
    let all = error.get("errors").and_then(Json::as_array);
    let first = all.and_then(|all| all.first()).unwrap_or(error);
    let text = |error: &Json, name: &str| error.get(name).and_then(Json::as_str).map(str::to_owned);
    let messages: Vec<String> = match all {
        Some(all) => all.iter().filter_map(|error| text(error, "message")).collect(),
        None => text(error, "message").into_iter().collect(),
    };
    let code = text(first, "code")
        .or_else(|| first.get("code").map(Json::to_string))
        .unwrap_or_default();
    let message = if messages.is_empty() {
        format!("the operation failed ({code})")
    } else {
        messages.join("; ")
    };
    Failure::new(disposition(&code).unwrap_or(Disposition::Other), message).code(code)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_of_the_older_and_the_newer_apis_are_read() {
        let older = json!({"selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/operations/o",
            "status": "RUNNING", "progress": 20, "operationType": "insert", "targetLink": "t"});
        let read = Operation::read("compute", "v1", &older).unwrap();
        assert_eq!(read.path.last().unwrap(), "o");
        assert_eq!(read.target.as_deref(), Some("t"));
        assert_eq!(read.state, OperationState::Running("insert: 20%".into()));
        let newer = json!({"name": "projects/p/operations/o", "done": true, "response": {"name": "x"}});
        let read = Operation::read("iam", "v1", &newer).unwrap();
        assert_eq!(read.path, ["v1", "projects", "p", "operations", "o"]);
        assert_eq!(read.state, OperationState::Done(json!({"name": "x"})));
        assert!(Operation::read("iam", "v1", &json!({"done": true})).is_err());
    }

    #[test]
    fn asterisks_in_place_of_a_secret_are_no_answer() {
        let tunnel =
            json!({"name": "t", "sharedSecret": "*************", "hosts": ["*"], "schedule": "* * * * *"});
        let received = received(tunnel);
        assert!(received.attribute("sharedSecret").unwrap().is_null());
        assert_eq!(
            received.attribute("hosts"),
            Some(&Value::List(vec![Value::from("*")]))
        );
        assert_eq!(
            received.attribute("schedule").and_then(Value::as_text),
            Some("* * * * *")
        );
    }

    #[test]
    fn what_an_operation_failed_with_is_told_with_all_messages() {
        let state = |answer: Json| match Operation::read("compute", "v1", &answer).unwrap().state {
            OperationState::Failed(failure) => failure,
            other => panic!("{other:?}"),
        };
        let older = state(json!({"name": "o", "status": "DONE", "error": {"errors": [
            {"code": "QUOTA_EXCEEDED", "message": "no room"}, {"code": "X", "message": "nor here"}]}}));
        assert_eq!(older.message, "no room; nor here");
        assert_eq!(older.code, "QUOTA_EXCEEDED");
        let newer = state(json!({"name": "o", "done": true, "error": {"code": 8, "message": "no room"}}));
        assert_eq!((newer.message.as_str(), newer.code.as_str()), ("no room", "8"));
    }
}
