//! One request.

use konductor_model::cloud::CloudRequest;
use konductor_model::{Disposition, Failure};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::{Answer, Api, failure_of_send};

/// All but what RFC 3986 calls unreserved.
const FIELD: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The same for a segment of a path, where a colon means itself: `projects/shop:getIamPolicy`.
const SEGMENT: &AsciiSet = &FIELD.remove(b':');

/// A request that is being put together. What cannot be written is said when it is sent.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a, 'c> {
    api: &'a Api<'c>,
    request: CloudRequest,
    problem: Option<Failure>,
}

impl<'a, 'c> Request<'a, 'c> {
    pub(super) fn new<S: AsRef<str>>(
        api: &'a Api<'c>,
        method: &str,
        segments: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut path = api.base.to_owned();
        let mut problem = None;
        for segment in segments {
            let segment = segment.as_ref();
            // Encoding does not help here: servers and proxies take these out of any path.
            if matches!(segment, "." | ".." | "") {
                problem = Some(Failure::new(
                    Disposition::Invalid,
                    format!("`{segment}` cannot be a part of a path"),
                ));
            }
            path.push('/');
            path.extend(utf8_percent_encode(segment, SEGMENT));
        }
        if path.is_empty() {
            path.push('/');
        }
        Self {
            api,
            request: CloudRequest {
                endpoint: api.endpoint.to_owned(),
                region: api.region.clone(),
                method: method.to_owned(),
                path,
                query: Vec::new(),
                headers: api.headers.clone(),
                body: Vec::new(),
                idempotent: matches!(method, "GET" | "HEAD" | "PUT" | "DELETE"),
            },
            problem,
        }
    }

    /// Adds a query parameter; the host encodes it.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.request.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a query parameter, if there is a value.
    pub fn optional_query(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.request.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets the body and its content type.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.request
            .headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        self.request.body = body.into();
        self.header("content-type", content_type)
    }

    fn written<E: std::fmt::Display>(self, content_type: &str, body: Result<String, E>) -> Self {
        match body {
            Ok(body) => self.body(content_type, body),
            Err(error) => Self {
                problem: Some(Failure::new(
                    Disposition::Invalid,
                    format!("the request cannot be written: {error}"),
                )),
                ..self
            },
        }
    }

    /// Sets the body to a JSON document.
    pub fn json(self, body: &impl Serialize) -> Self {
        self.written("application/json", serde_json::to_string(body))
    }

    /// Sets the body to an XML document whose root is `root`.
    pub fn xml(self, root: &str, body: &impl Serialize) -> Self {
        self.written("application/xml", quick_xml::se::to_string_with_root(root, body))
    }

    /// Sets the body to a form.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let encode = |text: &str| utf8_percent_encode(text, FIELD).to_string();
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(name, value)| format!("{}={}", encode(name.as_ref()), encode(value.as_ref())))
            .collect();
        self.body("application/x-www-form-urlencoded", fields.join("&"))
    }

    /// Says whether sending it twice has the effect of sending it once; only then does the host send it again after
    /// a failure whose outcome is not known.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.request.idempotent = idempotent;
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// When there is no answer, or one that is no success.
    pub fn send(self) -> Result<Answer, Failure> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let explain = self.api.explain;
        let response = self
            .api
            .context
            .send(self.request)
            .map_err(|error| failure_of_send(&error))?;
        Answer::new(response).checked(explain)
    }

    /// Sends it; none when the answer is that there is no such thing.
    ///
    /// # Errors
    /// When there is no answer, or one that is no success.
    pub fn send_optional(self) -> Result<Option<Answer>, Failure> {
        match self.send() {
            Ok(answer) => Ok(Some(answer)),
            Err(failure) if failure.disposition == Disposition::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sends a request that creates a thing; where the answer is that there is such a thing already (status 409 or
    /// 412, or what the API's explanation says is so) sends `find`, and returns its answer. Who creates then looks
    /// whether the thing found is its own. The host may send the request again after a failure whose outcome is not
    /// known: what it made the first time is found.
    ///
    /// # Errors
    /// When there is no answer, or one that is no success.
    pub fn send_or_find(self, find: Request<'_, '_>) -> Result<Answer, Failure> {
        match self.idempotent(true).send() {
            Err(failure)
                if failure.disposition == Disposition::AlreadyExists
                    || matches!(failure.http_status, Some(409 | 412)) =>
            {
                find.send()
            }
            answer => answer,
        }
    }
}
