//! Puts the real values of sealed secrets into a request, each with the encoding of its place.
//!
//! A text that is itself a JSON object or list (a policy in a form, a template in an XML element) gets JSON's
//! escapes inside and its place's outside. What the host cannot encode rightly is refused, never guessed.
//!
//! What is not covered: a token in a body that the guest compressed is not found; the cloud gets the token.

use base64::Engine as _;
use konductor_model::TOKEN_PREFIX;
use konductor_model::cloud::CloudRequest;
use memchr::memmem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::vault::{Sealed, TOKEN_LENGTH, Vault, tokens};
use crate::xml_text;

/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How deep JSON may stand in texts of JSON.
const DEEPEST: u32 = 8;

/// Headers that say how a request is read; a secret in them would change what it means.
const NEVER_SECRET: [&str; 3] = ["x-amz-target", "x-amz-copy-source", "x-amz-expected-bucket-owner"];

/// Why a secret is not placed. It holds no part of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlacementError {
    /// It stands where it would be recorded, or would decide what is called.
    #[error(
        "a sealed secret stands in {0}; secrets go into query values, `x-amz-…` header values and the body only"
    )]
    Place(String),
    /// Another vault made the token.
    #[error(
        "{0} holds a sealed secret of another run or another plugin; read the value again from this run's inputs"
    )]
    Unknown(&'static str),
    /// There is no telling how the body encodes a text.
    #[error(
        "the body holds a sealed secret and is {0}; the host places secrets in JSON, XML, form, plain text and \
         octet-stream bodies: set `content-type`"
    )]
    ContentType(String),
    /// The body is not what its content type says.
    #[error("the body holds a sealed secret and is not the {0} that its content type says")]
    Malformed(&'static str),
    /// The guest encoded the token, so the cloud would get the token and not the secret.
    #[error("{0} holds a sealed secret in {1}: the plugin must see a value to encode it itself")]
    Encoded(&'static str, &'static str),
    /// The secret holds what the place cannot carry.
    #[error("a secret for {0} holds a character that cannot stand there")]
    Character(String),
}

/// Replaces every token in a request by its value, and returns how many there were. The path and the operation
/// stay what they were, so they can be recorded.
///
/// # Errors
/// When a token is not this vault's, or stands where no secret may.
pub(crate) fn place(vault: &Vault, request: &mut CloudRequest) -> Result<u32, PlacementError> {
    let mut placement = Placement { vault, placed: 0 };
    let path: Vec<u8> = percent_decode_str(&request.path).collect();
    for (text, place) in [
        (path.as_slice(), "the path"),
        (request.endpoint.as_bytes(), "the endpoint"),
        (request.method.as_bytes(), "the method"),
        (
            request.region.as_deref().unwrap_or_default().as_bytes(),
            "the region",
        ),
    ] {
        if holds_token(text) {
            return Err(PlacementError::Place(place.to_owned()));
        }
    }
    for (name, value) in &mut request.query {
        placement.pair("query parameter", name, value)?;
    }
    let mut content_type = None;
    for (name, value) in &mut request.headers {
        let lower = name.to_ascii_lowercase();
        if lower == "content-type" {
            content_type = Some(value.clone());
        }
        placement.header(&lower, value)?;
    }
    if let Some(body) = placement.body(content_type.as_deref(), &request.body)? {
        request.body = body;
        renew_checksums(request);
    }
    Ok(placement.placed)
}

struct Placement<'a> {
    vault: &'a Vault,
    placed: u32,
}

impl Placement<'_> {
    fn sealed(&mut self, token: &str, place: &'static str) -> Result<Sealed, PlacementError> {
        let sealed = self.vault.sealed(token).ok_or(PlacementError::Unknown(place))?;
        self.placed = self.placed.saturating_add(1);
        Ok(sealed)
    }

    /// Places secrets in the decoded value of a parameter; none may stand in its name or be the operation.
    fn pair(&mut self, what: &str, name: &str, value: &mut String) -> Result<bool, PlacementError> {
        if holds_token(name.as_bytes()) {
            return Err(PlacementError::Place(format!("the name of a {what}")));
        }
        if holds_token(value.as_bytes()) && name.trim().eq_ignore_ascii_case("action") {
            return Err(PlacementError::Place("the operation".to_owned()));
        }
        refuse_encoded("a parameter", value.as_bytes())?;
        let placed = self.text("a parameter", value, 0)?;
        let is_placed = placed.is_some();
        if let Some(placed) = placed {
            value.clone_from(&placed);
        }
        Ok(is_placed)
    }

    fn header(&mut self, name: &str, value: &mut String) -> Result<(), PlacementError> {
        refuse_encoded("a header", value.as_bytes())?;
        if !holds_token(value.as_bytes()) {
            return Ok(());
        }
        let shown = crate::audit::printable(name);
        let may = name.starts_with("x-amz-")
            && !NEVER_SECRET.contains(&name)
            && !name.starts_with("x-amz-checksum-")
            && !holds_token(name.as_bytes());
        if !may {
            return Err(PlacementError::Place(format!("header `{shown}`")));
        }
        let placed = self.plain("a header", value.as_bytes())?;
        match String::from_utf8(placed) {
            Ok(placed) if placed.bytes().all(|byte| (0x20..0x7f).contains(&byte)) => {
                *value = placed;
                Ok(())
            }
            _ => Err(PlacementError::Character(format!("header `{shown}`"))),
        }
    }

    fn body(&mut self, content_type: Option<&str>, body: &[u8]) -> Result<Option<Vec<u8>>, PlacementError> {
        refuse_encoded("the body", body)?;
        if !holds_token(body) {
            return Ok(None);
        }
        let kind = Kind::of(content_type).ok_or_else(|| {
            PlacementError::ContentType(content_type.map_or_else(
                || "of no content type".to_owned(),
                |found| format!("`{}`", crate::audit::printable(found)),
            ))
        })?;
        let text = std::str::from_utf8(body);
        let placed = match (kind, text) {
            (Kind::Json, Ok(text)) if is_json(text) => self.json(text, 0)?.into_bytes(),
            (Kind::Form, Ok(text)) => self.form(text)?.into_bytes(),
            (Kind::Xml, Ok(text)) => self.xml(text)?.into_bytes(),
            (Kind::Plain, Ok(text)) if is_json_container(text) => self.json(text, 0)?.into_bytes(),
            (Kind::Plain, _) => self.plain("the body", body)?,
            (kind, _) => return Err(PlacementError::Malformed(kind.name())),
        };
        Ok(Some(placed))
    }

    /// Places secrets in a decoded text; none when there is no token in it.
    fn text(
        &mut self,
        place: &'static str,
        text: &str,
        depth: u32,
    ) -> Result<Option<Zeroizing<String>>, PlacementError> {
        if !holds_token(text.as_bytes()) {
            return Ok(None);
        }
        if depth < DEEPEST && is_json_container(text) {
            return self
                .json(text, depth.saturating_add(1))
                .map(|placed| Some(Zeroizing::new(placed)));
        }
        let mut placed = Zeroizing::new(String::new());
        let mut rest = 0;
        for start in tokens(text.as_bytes()) {
            let end = start.saturating_add(TOKEN_LENGTH);
            let sealed = self.sealed(text.get(start..end).unwrap_or_default(), place)?;
            placed.push_str(text.get(rest..start).unwrap_or_default());
            placed.push_str(&sealed.written());
            rest = end;
        }
        placed.push_str(text.get(rest..).unwrap_or_default());
        Ok(Some(placed))
    }

    /// Places secrets as they are, bytes as bytes.
    fn plain(&mut self, place: &'static str, body: &[u8]) -> Result<Vec<u8>, PlacementError> {
        let mut placed = Vec::with_capacity(body.len());
        let mut rest = 0;
        for start in tokens(body) {
            let end = start.saturating_add(TOKEN_LENGTH);
            let token = body
                .get(start..end)
                .and_then(|token| std::str::from_utf8(token).ok());
            placed.extend_from_slice(body.get(rest..start).unwrap_or_default());
            match self.sealed(token.unwrap_or_default(), place)? {
                Sealed::Bytes(bytes) => placed.extend_from_slice(&bytes),
                sealed => placed.extend_from_slice(sealed.written().as_bytes()),
            }
            rest = end;
        }
        placed.extend_from_slice(body.get(rest..).unwrap_or_default());
        Ok(placed)
    }

    /// Places secrets in the strings of a JSON text; all else stays as it was written.
    fn json(&mut self, text: &str, depth: u32) -> Result<String, PlacementError> {
        let bytes = text.as_bytes();
        let mut placed = String::with_capacity(text.len());
        let (mut rest, mut start) = (0, 0);
        while let Some(open) = bytes.get(start..).and_then(|rest| memchr::memchr(b'"', rest)) {
            start = start.saturating_add(open);
            let end = end_of_string(bytes, start).ok_or(PlacementError::Malformed("JSON"))?;
            let literal = text.get(start..end).unwrap_or_default();
            if holds_token(literal.as_bytes()) {
                let after = bytes
                    .get(end..)
                    .and_then(|rest| rest.iter().find(|byte| !byte.is_ascii_whitespace()));
                if after == Some(&b':') {
                    return Err(PlacementError::Place("the name of a member".to_owned()));
                }
                let decoded: String =
                    serde_json::from_str(literal).map_err(|_| PlacementError::Malformed("JSON"))?;
                placed.push_str(text.get(rest..start).unwrap_or_default());
                placed.push_str(&self.json_string(&decoded, depth)?);
                rest = end;
            }
            start = end;
        }
        placed.push_str(text.get(rest..).unwrap_or_default());
        Ok(placed)
    }

    /// Writes one JSON string with its secrets. A token alone becomes the value it stands for, with its type.
    fn json_string(&mut self, decoded: &str, depth: u32) -> Result<String, PlacementError> {
        if decoded.len() == TOKEN_LENGTH && tokens(decoded.as_bytes()).next() == Some(0) {
            return Ok(self.sealed(decoded, "the body")?.json().to_string());
        }
        let placed = self.text("the body", decoded, depth)?;
        let placed = placed.as_ref().map_or(decoded, |placed| placed.as_str());
        Ok(serde_json::Value::from(placed).to_string())
    }

    fn form(&mut self, text: &str) -> Result<String, PlacementError> {
        let mut pairs = Vec::new();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |part: &str| {
                percent_decode_str(&part.replace('+', " "))
                    .decode_utf8()
                    .map(std::borrow::Cow::into_owned)
                    .map_err(|_| PlacementError::Malformed("form"))
            };
            let mut decoded = decode(value)?;
            if self.pair("form field", &decode(name)?, &mut decoded)? {
                pairs.push(format!("{name}={}", utf8_percent_encode(&decoded, UNRESERVED)));
            } else {
                pairs.push(pair.to_owned());
            }
        }
        Ok(pairs.join("&"))
    }

    /// Places secrets in the texts and attribute values of an XML text.
    fn xml(&mut self, text: &str) -> Result<String, PlacementError> {
        let mut placed = String::with_capacity(text.len());
        for (run, is_text) in xml_text::Runs::new(text) {
            if !holds_token(run.as_bytes()) {
                placed.push_str(run);
            } else if is_text {
                let decoded = xml_text::unescape(run).ok_or(PlacementError::Malformed("XML"))?;
                let text = self.text("the body", &decoded, 0)?.unwrap_or_default();
                if !xml_text::escape(&text, &mut placed) {
                    return Err(PlacementError::Character("an XML body".to_owned()));
                }
            } else {
                return Err(PlacementError::Place(
                    "a tag's name, a comment or a CDATA section".to_owned(),
                ));
            }
        }
        Ok(placed)
    }
}

/// How a body encodes text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Xml,
    Plain,
}

impl Kind {
    fn of(content_type: Option<&str>) -> Option<Self> {
        let essence = content_type?
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "application/json" => Some(Self::Json),
            "application/xml" | "text/xml" => Some(Self::Xml),
            "text/plain" | "application/octet-stream" | "binary/octet-stream" => Some(Self::Plain),
            other if other.starts_with("application/x-amz-json-") || other.ends_with("+json") => {
                Some(Self::Json)
            }
            other if other.ends_with("+xml") => Some(Self::Xml),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Form => "form",
            Self::Xml => "XML",
            Self::Plain => "text",
        }
    }
}

fn holds_token(text: &[u8]) -> bool {
    tokens(text).next().is_some()
}

/// Refuses a token that the guest has encoded as base64, at any place in a longer text, or as hexadecimal digits.
fn refuse_encoded(place: &'static str, text: &[u8]) -> Result<(), PlacementError> {
    let prefix = TOKEN_PREFIX.as_bytes();
    for skipped in 0..3_usize {
        // Six bytes that stand at a multiple of three are eight characters, whatever stands around them.
        let part = prefix.get(skipped..skipped.saturating_add(6)).unwrap_or_default();
        let form = base64::engine::general_purpose::STANDARD_NO_PAD.encode(part);
        if memmem::find(text, form.as_bytes()).is_some() {
            return Err(PlacementError::Encoded(place, "base64"));
        }
    }
    let hexadecimal: String = prefix.iter().map(|byte| format!("{byte:02x}")).collect();
    if memmem::find(text, hexadecimal.as_bytes()).is_some()
        || memmem::find(text, hexadecimal.to_ascii_uppercase().as_bytes()).is_some()
    {
        return Err(PlacementError::Encoded(place, "hexadecimal"));
    }
    Ok(())
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn is_json_container(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && is_json(text)
}

/// Returns the place behind the closing quote of the JSON string that opens at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start.checked_add(1)?;
    loop {
        match bytes.get(at)? {
            b'"' => return at.checked_add(1),
            b'\\' => at = at.checked_add(2)?,
            _ => at = at.checked_add(1)?,
        }
    }
}

/// Takes the checksums that the guest computed over tokens away. S3 asks for one in some calls and takes any.
fn renew_checksums(request: &mut CloudRequest) {
    let before = request.headers.len();
    request.headers.retain(|(name, _)| {
        let name = name.to_ascii_lowercase();
        name != "content-md5"
            && name != "x-amz-sdk-checksum-algorithm"
            && !name.starts_with("x-amz-checksum-")
    });
    if request.headers.len() != before {
        let checksum = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&request.body));
        request
            .headers
            .push(("x-amz-checksum-sha256".to_owned(), checksum));
        request
            .headers
            .push(("x-amz-sdk-checksum-algorithm".to_owned(), "SHA256".to_owned()));
    }
}
