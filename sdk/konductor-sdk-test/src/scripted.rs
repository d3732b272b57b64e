//! A cloud that expects requests and answers each as it was told.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use serde_json::Value as Json;

/// What a request must be like.
#[derive(Debug, Clone)]
pub struct Expectation {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    json: Option<Json>,
    containing: Vec<String>,
    without: Vec<String>,
}

macro_rules! methods {
    ($($function:ident $method:literal),*) => {
        $(
            #[doc = concat!("Expects a ", $method, " of a path.")]
            pub fn $function(path: impl Into<String>) -> Expectation {
                Expectation { method: $method, path: path.into(), query: Vec::new(), json: None, containing: Vec::new(), without: Vec::new() }
            }
        )*
    };
}

methods!(get "GET", post "POST", put "PUT", patch "PATCH", delete "DELETE");

impl Expectation {
    /// Expects a query parameter, beside any others.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Expects a body that is this JSON.
    #[must_use]
    pub fn json(mut self, body: Json) -> Self {
        self.json = Some(body);
        self
    }

    /// Expects a body that contains a text, beside any others.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.containing.push(text.to_owned());
        self
    }

    /// Expects a body that does not contain a text.
    #[must_use]
    pub fn without(mut self, text: &str) -> Self {
        self.without.push(text.to_owned());
        self
    }

    /// Returns in what a request is different.
    fn differences(&self, request: &CloudRequest) -> Vec<String> {
        let mut differences = Vec::new();
        if request.method != self.method || request.path != self.path {
            differences.push(format!(
                "expected {} {}, got {} {}",
                self.method, self.path, request.method, request.path
            ));
        }
        for (name, value) in &self.query {
            let found = request
                .query
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, value)| value);
            if found != Some(value) {
                differences.push(format!("expected the parameter {name}={value}, got {found:?}"));
            }
        }
        let body = String::from_utf8_lossy(&request.body);
        if let Some(json) = &self.json
            && serde_json::from_slice::<Json>(&request.body).ok().as_ref() != Some(json)
        {
            differences.push(format!("expected the body {json}, got {body}"));
        }
        for text in self.without.iter().filter(|text| body.contains(*text)) {
            differences.push(format!("expected no {text:?} in the body, got {body}"));
        }
        for text in self.containing.iter().filter(|text| !body.contains(*text)) {
            differences.push(format!("expected {text:?} in the body, got {body}"));
        }
        differences
    }
}

/// Makes an answer with a status and a body of JSON.
pub fn respond(status: u16, body: Json) -> CloudResponse {
    CloudResponse {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        },
    }
}

struct Script {
    in_order: bool,
    waiting: Vec<(usize, Expectation, CloudResponse)>,
    number: usize,
    problems: Vec<String>,
}

/// A cloud with a script. What was not expected, and what never came, is told by [`ScriptedCloud::finish`].
pub struct ScriptedCloud(Mutex<Script>);

impl std::fmt::Debug for ScriptedCloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedCloud").finish_non_exhaustive()
    }
}

impl ScriptedCloud {
    fn with(in_order: bool) -> Self {
        Self(Mutex::new(Script {
            in_order,
            waiting: Vec::new(),
            number: 0,
            problems: Vec::new(),
        }))
    }

    /// Makes a cloud that expects its requests in the order given.
    pub fn in_order() -> Self {
        Self::with(true)
    }

    /// Makes a cloud that expects its requests in any order, each once.
    pub fn in_any_order() -> Self {
        Self::with(false)
    }

    fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Expects one more request, and says how it is answered.
    #[must_use]
    pub fn expect(self, expectation: Expectation, answer: CloudResponse) -> Self {
        self.script(|script| {
            script.number += 1;
            script.waiting.push((script.number, expectation, answer));
        });
        self
    }

    /// Ends the script.
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }

    /// Returns what was not as the script says: requests that were not expected, and expectations that were not met.
    pub fn problems(&self) -> Vec<String> {
        self.script(|script| {
            let unmet = script.waiting.iter().map(|(number, expectation, _)| {
                format!(
                    "expectation {number} was not met: {} {}",
                    expectation.method, expectation.path
                )
            });
            script.problems.iter().cloned().chain(unmet).collect()
        })
    }

    /// Checks that everything came as expected and nothing else.
    ///
    /// # Panics
    /// When not, with everything that is wrong.
    #[track_caller]
    pub fn finish(&self) {
        let problems = self.problems();
        assert!(
            problems.is_empty(),
            "the cloud saw other requests:\n{}",
            problems.join("\n")
        );
    }
}

#[async_trait]
impl Cloud for ScriptedCloud {
    async fn send(&self, _: &str, request: CloudRequest) -> Result<CloudResponse, SendError> {
        self.script(|script| {
            let position = if script.in_order {
                0
            } else {
                let fits = |(_, expectation, _): &(usize, Expectation, CloudResponse)| {
                    expectation.differences(&request).is_empty()
                };
                script.waiting.iter().position(fits).unwrap_or(usize::MAX)
            };
            let problem = match script.waiting.get(position) {
                None => format!("nothing expects {} {}", request.method, request.path),
                Some((number, expectation, answer)) => {
                    let differences = expectation.differences(&request);
                    if differences.is_empty() {
                        let answer = answer.clone();
                        script.waiting.remove(position);
                        return Ok(answer);
                    }
                    format!("expectation {number}: {}", differences.join("; "))
                }
            };
            script.problems.push(problem.clone());
            Err(SendError::Other(problem))
        })
    }
}
