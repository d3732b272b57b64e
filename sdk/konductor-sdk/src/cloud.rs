//! Requests to an HTTP API, through the host.
//!
//! An [`Api`] knows the endpoint, what every path begins with, and how the API says what went wrong; its requests
//! carry JSON, XML, forms or text, and an answer that is no success is a [`Failure`] by what should be done about
//! it. The host finds the endpoint, signs, limits and tries again; a guest does none of that, and never sleeps.
//!
//! ```
//! use konductor_sdk::cloud::Api;
//! use konductor_sdk::{Context, model::Failure};
//! # use serde_json::{Value, json};
//!
//! fn rename(context: &Context, id: &str, name: &str) -> Result<Value, Failure> {
//!     let api = Api::new(context, "forge").base("/api/v1");
//!     api.patch(["repositories", id]).json(&json!({ "name": name })).send()?.json()
//! }
//! ```

mod answer;
mod http_client;
mod json;
mod key;
mod long_operation;
mod pages;
mod request;

use konductor_model::cloud::SendError;
use konductor_model::{Disposition, Failure};

use crate::context::Context;

pub use answer::{Answer, disposition_of_status};
pub use http_client::{HttpError, cloud_request, send_http};
pub use json::{from_json, to_json};
pub use key::uuid_of;
pub use long_operation::{handle_of, in_progress, left_nothing};
pub use pages::{Pages, all_pages, next_link, query_parameter};
pub use request::Request;

/// What an API says about a failure, in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The API's code.
    pub code: String,
    /// What it says to people.
    pub message: String,
    /// What should be done about it, where the status does not tell.
    pub disposition: Option<Disposition>,
}

/// Reads what an API says about a failure; none when it says nothing that can be read.
pub type Explain = fn(&Answer) -> Option<Explanation>;

/// An API behind an endpoint of the manifest.
#[derive(Clone)]
pub struct Api<'c> {
    context: &'c Context,
    endpoint: &'static str,
    region: Option<String>,
    base: &'static str,
    headers: Vec<(String, String)>,
    explain: Explain,
}

impl std::fmt::Debug for Api<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("endpoint", &self.endpoint)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl<'c> Api<'c> {
    /// Makes an API of an endpoint identifier of the manifest. Failures are read from the usual places: `code` and
    /// `message` of a JSON object, also below `error`.
    pub fn new(context: &'c Context, endpoint: &'static str) -> Self {
        Self {
            context,
            endpoint,
            region: None,
            base: "",
            headers: Vec::new(),
            explain: answer::explain_json,
        }
    }

    /// Sets what every path begins with: `/api/v1`.
    #[must_use]
    pub fn base(mut self, base: &'static str) -> Self {
        self.base = base;
        self
    }

    /// Sets the region, where it is not the configured one. It must be granted.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Adds a header to every request. Authentication is the host's: it refuses such headers.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets how the API's failures are read.
    #[must_use]
    pub fn explain(mut self, explain: Explain) -> Self {
        self.explain = explain;
        self
    }

    /// Starts a request. Each segment of the path is encoded, so that a name with `/` or `..` in it stays one.
    pub fn request<S: AsRef<str>>(
        &self,
        method: &str,
        segments: impl IntoIterator<Item = S>,
    ) -> Request<'_, 'c> {
        Request::new(self, method, segments)
    }

    /// Starts a `GET`.
    pub fn get<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> Request<'_, 'c> {
        self.request("GET", segments)
    }

    /// Starts a `POST`. It is never sent twice, unless it is said to be [idempotent](Request::idempotent).
    pub fn post<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> Request<'_, 'c> {
        self.request("POST", segments)
    }

    /// Starts a `PUT`.
    pub fn put<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> Request<'_, 'c> {
        self.request("PUT", segments)
    }

    /// Starts a `PATCH`. It is never sent twice, unless it is said to be [idempotent](Request::idempotent).
    pub fn patch<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> Request<'_, 'c> {
        self.request("PATCH", segments)
    }

    /// Starts a `DELETE`.
    pub fn delete<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> Request<'_, 'c> {
        self.request("DELETE", segments)
    }
}

/// Returns the failure of a request that got no answer.
pub fn failure_of_send(error: &SendError) -> Failure {
    let disposition = match error {
        SendError::Denied(_) | SendError::NoCredentials(_) => Disposition::Denied,
        SendError::Timeout(_) | SendError::Connection(_) => Disposition::Unavailable,
        SendError::TooLarge(_) => Disposition::Invalid,
        SendError::Other(_) => Disposition::Other,
    };
    Failure::new(disposition, error.to_string())
}
