//! How requests and answers are written in a recording: without secrets, and without what differs from run to run.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use konductor_recording::{Body, Draws, Request};
use memchr::memmem;
use url::Url;

use crate::named_secrets::NamedSecrets;
use crate::presentation::{HIDDEN_HEADERS, is_checksum};
use crate::request::{is_allowed_header, signing_parameters};

/// What placeholders begin with, and the brace that opens them all.
const SECRET: &str = "{{secret:";
const TOKEN: &str = "{{token:";
const ENDPOINT: &str = "{{endpoint:";
const AUTHORITY: &str = "{{authority:";
const MARKS: [&str; 4] = [SECRET, TOKEN, ENDPOINT, AUTHORITY];
const END: &[u8] = b"}}";

/// Headers a plugin sets that say nothing about what it asks for.
const UNWRITTEN_REQUEST_HEADERS: [&str; 5] = [
    "accept-encoding",
    "content-md5",
    "user-agent",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-user-agent",
];

/// Headers of an answer that are others each time or speak to browsers, and that no plugin depends on.
const UNWRITTEN_ANSWER_HEADERS: [&str; 23] = [
    "access-control-allow-origin",
    "access-control-expose-headers",
    "age",
    "alt-svc",
    "content-length",
    "content-security-policy",
    "date",
    "referrer-policy",
    "request-id",
    "server",
    "strict-transport-security",
    "via",
    "x-amz-cf-id",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-amzn-request-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-content-type-options",
    "x-correlation-id",
    "x-frame-options",
    "x-ms-request-id",
    "x-request-id",
];

/// Stands where a presigned URL has what signs it.
const UNSIGNED: &[u8] = b"[signature]";

/// Where a request goes, for what is written of it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) endpoint: String,
    /// The operator's own address.
    pub(crate) own_address: Option<Url>,
}

impl Place {
    /// Returns the origin and the authority as they are written in URLs, and their placeholders.
    fn placeholders(&self) -> Vec<(String, String)> {
        let Some(url) = &self.own_address else {
            return Vec::new();
        };
        let authority = url.authority().to_owned();
        vec![
            (
                format!("{}://{authority}", url.scheme()),
                format!("{ENDPOINT}{}}}}}", self.endpoint),
            ),
            (authority, format!("{AUTHORITY}{}}}}}", self.endpoint)),
        ]
    }
}

/// The idempotency tokens of a run.
pub(crate) struct Tokens {
    draws: Draws,
    drawn: Mutex<Vec<String>>,
}

impl Tokens {
    pub(crate) fn new(draws: Draws) -> Self {
        Self {
            draws,
            drawn: Mutex::default(),
        }
    }

    /// Draws the next.
    pub(crate) fn next(&self) -> String {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let number = u64::try_from(drawn.len()).unwrap_or(u64::MAX).saturating_add(1);
        let token = self.draws.token(number);
        drawn.push(token.clone());
        token
    }

    /// Replaces each token that was drawn by its number.
    fn hidden(&self, text: Vec<u8>) -> Vec<u8> {
        let first = self.draws.token(1);
        // All begin with the instant.
        let Some(begin) = first.as_bytes().get(..13) else {
            return text;
        };
        if memmem::find(&text, begin).is_none() {
            return text;
        }
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut result = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        while let Some(at) = memmem::find(rest, begin) {
            let (before, here) = rest.split_at(at);
            result.extend_from_slice(before);
            let number = drawn.iter().position(|token| here.starts_with(token.as_bytes()));
            let length = match number {
                Some(number) => {
                    result.extend_from_slice(format!("{TOKEN}{}}}}}", number.saturating_add(1)).as_bytes());
                    first.len()
                }
                None => {
                    result.extend_from_slice(begin);
                    begin.len()
                }
            };
            rest = here.get(length..).unwrap_or_default();
        }
        result.extend_from_slice(rest);
        result
    }
}

/// Takes out what may not be written and what differs from run to run.
pub(crate) struct Neutral<'a> {
    pub(crate) secrets: &'a NamedSecrets,
    pub(crate) tokens: &'a Tokens,
}

impl Neutral<'_> {
    /// Returns a text as it is written. That of a recording under way is searched for more secrets before.
    pub(crate) fn text(&self, text: Vec<u8>, place: &Place) -> Vec<u8> {
        let text = self.secrets.echoes().replaced(&text, None).unwrap_or(text);
        let mut text = self.tokens.hidden(text);
        for (own, placeholder) in place.placeholders() {
            text = replaced(text, own.as_bytes(), placeholder.as_bytes());
        }
        unsigned(text)
    }

    /// Returns a request as it is written. `raw` is applied before anything else.
    pub(crate) fn request(
        &self,
        request: &http::Request<bytes::Bytes>,
        place: &Place,
        raw: &dyn Fn(Vec<u8>) -> Vec<u8>,
    ) -> Request {
        let text = |bytes: &[u8]| self.text(raw(bytes.to_vec()), place);
        let readable = |bytes: &[u8]| String::from_utf8_lossy(&text(bytes)).into_owned();
        let headers = request.headers();
        let written: BTreeMap<String, String> = joined(headers, |name, value| {
            let says_nothing = is_checksum(name)
                || UNWRITTEN_REQUEST_HEADERS.contains(&name)
                || (name == "accept" && value == "*/*");
            // A customer's key encrypts an object: only its algorithm and checksum are no secret, and they say nothing.
            let is_secret = value.is_sensitive() || name.contains("-customer-key");
            is_allowed_header(name) && !is_secret && !says_nothing
        })
        .into_iter()
        .map(|(name, value)| (name, readable(&value)))
        .collect();
        let content_type = headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        Request {
            method: request.method().to_string(),
            url: readable(request.uri().to_string().as_bytes()),
            headers: written,
            body: Body::of(content_type, &text(request.body())),
        }
    }
}

/// Returns the headers of an answer that are written, each with all its values.
pub(crate) fn answer_headers(headers: &HeaderMap, is_head: bool) -> BTreeMap<String, Vec<u8>> {
    joined(headers, |name, _| {
        let is_size_of_what_is_not_sent = is_head && name == "content-length";
        is_size_of_what_is_not_sent
            || !(HIDDEN_HEADERS.contains(&name)
                || UNWRITTEN_ANSWER_HEADERS.contains(&name)
                || is_checksum(name))
    })
}

fn joined(
    headers: &HeaderMap,
    is_written: impl Fn(&str, &http::HeaderValue) -> bool,
) -> BTreeMap<String, Vec<u8>> {
    let mut joined = BTreeMap::<String, Vec<u8>>::new();
    for (name, value) in headers
        .iter()
        .filter(|(name, value)| is_written(name.as_str(), value))
    {
        let all = joined.entry(name.as_str().to_owned()).or_default();
        if !all.is_empty() {
            all.extend_from_slice(b", ");
        }
        all.extend_from_slice(value.as_bytes());
    }
    joined
}

/// Returns the placeholder's beginning that a text holds by itself, which a replay would take for one.
pub(crate) fn own_mark(text: &[u8]) -> Option<&'static str> {
    MARKS
        .into_iter()
        .find(|mark| memmem::find(text, mark.as_bytes()).is_some())
}

/// Puts back what placeholders of a recorded answer stand for. What has no name here stays as it is.
pub(crate) fn restored(text: Vec<u8>, place: &Place, secrets: &NamedSecrets, draws: &Draws) -> Vec<u8> {
    if memmem::find(&text, b"{{").is_none() {
        return text;
    }
    let own = place.placeholders();
    let mut result = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some(at) = memmem::find(rest, b"{{") {
        let (before, here) = rest.split_at(at);
        result.extend_from_slice(before);
        let whole = memmem::find(here, END).and_then(|end| here.get(..end.saturating_add(END.len())));
        let name = whole
            .and_then(|whole| std::str::from_utf8(whole).ok())
            .unwrap_or_default();
        let inner = |mark: &str| name.strip_prefix(mark).and_then(|name| name.strip_suffix("}}"));
        let token = || {
            inner(TOKEN)?
                .parse()
                .ok()
                .map(|number| draws.token(number).into_bytes())
        };
        let secret = || secrets.value(inner(SECRET)?).map(<[u8]>::to_vec);
        let place = || {
            let mut own = own.iter();
            own.find(|(_, placeholder)| placeholder == name)
                .map(|(own, _)| own.clone().into_bytes())
        };
        let (value, length) = match token().or_else(secret).or_else(place) {
            Some(value) => (value, name.len()),
            // Braces of the text itself.
            None => (b"{".to_vec(), 1),
        };
        result.extend_from_slice(&value);
        rest = here.get(length..).unwrap_or_default();
    }
    result.extend_from_slice(rest);
    result
}

/// Replaces every occurrence.
pub(crate) fn replaced(text: Vec<u8>, what: &[u8], by: &[u8]) -> Vec<u8> {
    if what.is_empty() || memmem::find(&text, what).is_none() {
        return text;
    }
    let mut result = Vec::with_capacity(text.len());
    let mut rest = 0_usize;
    for start in memmem::find_iter(&text, what) {
        result.extend_from_slice(text.get(rest..start).unwrap_or_default());
        result.extend_from_slice(by);
        rest = start.saturating_add(what.len());
    }
    result.extend_from_slice(text.get(rest..).unwrap_or_default());
    result
}

/// Takes the values of parameters that sign a URL out of it, wherever in a text it stands.
fn unsigned(text: Vec<u8>) -> Vec<u8> {
    let names: HashSet<&[u8]> = signing_parameters()
        .iter()
        .map(|name| name.as_bytes())
        // Azure's signature.
        .chain([&b"sig"[..]])
        .collect();
    let mut result = Vec::with_capacity(text.len());
    let mut rest = 0_usize;
    for equals in memchr::memchr_iter(b'=', &text) {
        if equals < rest {
            continue;
        }
        let before = text.get(rest..equals).unwrap_or_default();
        let begin = before
            .iter()
            .rposition(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')))
            .map_or(0, |at| at.saturating_add(1));
        let name = before.get(begin..).unwrap_or_default().to_ascii_lowercase();
        // `&` is also written `&amp;` and `\u0026`.
        let name = name.strip_prefix(b"u0026").unwrap_or(&name);
        let is_parameter = begin
            .checked_sub(1)
            .and_then(|at| before.get(at))
            .is_some_and(|byte| matches!(byte, b'?' | b'&' | b';' | b'\\'));
        if !(is_parameter && names.contains(name)) {
            continue;
        }
        let value = equals.saturating_add(1);
        let length = text.get(value..).unwrap_or_default().iter().position(|byte| {
            matches!(byte, b'&' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'#') || byte.is_ascii_whitespace()
        });
        result.extend_from_slice(text.get(rest..value).unwrap_or_default());
        result.extend_from_slice(UNSIGNED);
        rest = length.map_or(text.len(), |length| value.saturating_add(length));
    }
    result.extend_from_slice(text.get(rest..).unwrap_or_default());
    result
}
