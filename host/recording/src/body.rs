//! A body as a person reads it: JSON, the fields of a form, text by lines, or base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// The largest body, in bytes, that is recorded.
pub const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// JSON that is nested deeper is kept as text: the file has to be read again.
const DEEPEST: usize = 64;

/// A body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// A JSON document.
    Json(Value),
    /// The fields of a form, as they were sent.
    Form(Vec<(String, String)>),
    /// Text, by lines with their ends.
    Text(Lines),
    /// Anything else.
    Base64(Bytes),
}

/// Text that is written as a list of lines where it has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(String);

/// Bytes that are written as base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(Vec<u8>);

impl Body {
    /// Reads a body; a form where the content type says so.
    pub fn of(content_type: Option<&str>, bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Self::Base64(Bytes(bytes.to_vec()));
        };
        let is_form = content_type.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if is_form {
            let pairs = url::form_urlencoded::parse(bytes);
            return Self::Form(pairs.into_owned().collect());
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) if says_the_same(text, &value) => Self::Json(value),
            _ => Self::Text(Lines(text.to_owned())),
        }
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Returns the bytes: of JSON its shortest form.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Form(pairs) => url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish()
                .into_bytes(),
            Self::Text(Lines(text)) => text.clone().into_bytes(),
            Self::Base64(Bytes(bytes)) => bytes.clone(),
        }
    }
}

impl Serialize for Lines {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lines: Vec<&str> = self.0.split_inclusive('\n').collect();
        match lines[..] {
            [_, _, ..] => lines.serialize(serializer),
            _ => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a text or a list of lines")]
        enum Written {
            One(String),
            Many(Vec<String>),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::One(text) => text,
            Written::Many(lines) => lines.concat(),
        }))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD
            .decode(&text)
            .map_err(|error| de::Error::custom(format!("expected base64: {error}")))?;
        Ok(Self(bytes))
    }
}

/// Tells whether a document, written again, says what the text says: every number in its spelling, and every member of
/// every map, of which one that stands twice would be lost.
fn says_the_same(text: &str, value: &Value) -> bool {
    let mut counted = Counted::default();
    counted.add(value, 0);
    let mut numbers = Vec::new();
    let mut names = 0_usize;
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'"' => rest = after_text(rest),
            b':' => names = names.saturating_add(1),
            b'-' | b'0'..=b'9' => {
                let end = rest
                    .iter()
                    .position(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
                    .unwrap_or(rest.len());
                let (more, after) = rest.split_at(end);
                let mut number = vec![*first];
                number.extend_from_slice(more);
                numbers.push(number);
                rest = after;
            }
            _ => {}
        }
    }
    let mut written: Vec<Vec<u8>> = counted.numbers.into_iter().map(String::into_bytes).collect();
    numbers.sort();
    written.sort();
    names == counted.names && numbers == written && counted.depth <= DEEPEST
}

/// Returns what stands after the end of a text.
fn after_text(mut rest: &[u8]) -> &[u8] {
    while let Some((byte, after)) = rest.split_first() {
        match byte {
            b'"' => return after,
            b'\\' => rest = after.get(1..).unwrap_or_default(),
            _ => rest = after,
        }
    }
    rest
}

#[derive(Default)]
struct Counted {
    names: usize,
    numbers: Vec<String>,
    depth: usize,
}

impl Counted {
    fn add(&mut self, value: &Value, depth: usize) {
        self.depth = self.depth.max(depth);
        match value {
            Value::Number(number) => self.numbers.push(number.to_string()),
            Value::Array(items) => items
                .iter()
                .for_each(|item| self.add(item, depth.saturating_add(1))),
            Value::Object(items) => {
                self.names = self.names.saturating_add(items.len());
                items
                    .values()
                    .for_each(|item| self.add(item, depth.saturating_add(1)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_a_form_text_or_base64() {
        let form = Some("application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(Body::of(None, b""), Body::Empty);
        assert_eq!(
            Body::of(None, br#"{"a": [1, "x:1"], "b": 0.5}"#),
            Body::Json(serde_json::json!({"a": [1, "x:1"], "b": 0.5}))
        );
        assert_eq!(
            Body::of(form, b"Action=DescribeVpcs&Filter.1=a%20b"),
            Body::Form(vec![
                ("Action".to_owned(), "DescribeVpcs".to_owned()),
                ("Filter.1".to_owned(), "a b".to_owned())
            ])
        );
        assert_eq!(
            Body::of(None, b"<a>\n</a>"),
            Body::Text(Lines("<a>\n</a>".to_owned()))
        );
        assert_eq!(
            Body::of(None, b"\xff\x00"),
            Body::Base64(Bytes(b"\xff\x00".to_vec()))
        );
    }

    #[test]
    fn json_that_would_not_come_back_the_same_stays_text() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"[1.0e2]"#,
            "[18446744073709551616]",
            "[1.10]",
            &format!("{}{}", "[".repeat(70), "]".repeat(70)),
        ] {
            let body = Body::of(None, text.as_bytes());
            assert_eq!(body, Body::Text(Lines(text.to_owned())));
            assert_eq!(body.bytes(), text.as_bytes());
        }
    }

    #[test]
    fn every_body_survives_the_file() {
        for bytes in [
            &b"one"[..],
            b"one\ntwo\n",
            b"\n",
            b"\xff",
            b"[1,-2.5]",
            b"\"text\"",
            b"null",
        ] {
            let body = Body::of(None, bytes);
            let written = serde_json::to_string(&body).unwrap();
            let again: Body = serde_json::from_str(&written).unwrap();
            assert_eq!(again, body, "{written}");
            assert_eq!(again.bytes(), bytes, "{written}");
        }
    }
}
