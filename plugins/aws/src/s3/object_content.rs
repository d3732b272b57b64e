//! The content of an object: given as text, as base64, or as text that is never shown.

use aws_smithy_types::base64;
use konductor_sdk::prelude::*;

/// The attributes that give content; exactly one is given.
pub(crate) const FORMS: [&str; 3] = ["content", "content_base64", "secret_content"];
/// The largest content in characters: it is kept in the stack's log.
pub(crate) const LARGEST: i64 = 1024 * 1024;
/// The largest object in bytes that is read back when it changed.
const LARGEST_READ: i64 = LARGEST * 4;

/// Says when not exactly one form is given.
pub(crate) fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
    let given: Vec<&str> = FORMS
        .into_iter()
        .filter(|form| inputs.attribute(form).is_some())
        .collect();
    let summary = match given.as_slice() {
        [_] => return,
        [] => "the object has no content".to_owned(),
        many => format!("the content is given as {}", many.join(" and ")),
    };
    diagnostics.push(
        Diagnostic::error(summary)
            .help(format!(
                "give one of {}; an empty object has `content: \"\"`",
                FORMS.join(", ")
            ))
            .at(Path::attribute(given.get(1).copied().unwrap_or("content"))),
    );
}

/// Returns the bytes that inputs give.
///
/// # Errors
/// When they are no base64.
pub(crate) fn bytes(inputs: &Value) -> Result<Vec<u8>, Failure> {
    if let Some(text) = inputs.optional_text("content_base64") {
        return base64::decode(text).map_err(|error| {
            let mut failure = Failure::new(
                Disposition::Invalid,
                format!("`content_base64` is no base64: {error}"),
            );
            failure.at = Some(Path::attribute("content_base64"));
            failure
        });
    }
    let text = inputs
        .optional_text("secret_content")
        .or_else(|| inputs.optional_text("content"));
    Ok(text.unwrap_or_default().as_bytes().to_vec())
}

/// Tells whether an object of this many bytes is read back.
pub(crate) fn is_read(length: Option<i64>) -> bool {
    length.is_none_or(|length| length <= LARGEST_READ)
}

/// Returns the form and the value that stand for bytes that were read: in the form the content had, where it can.
pub(crate) fn attribute(content: &[u8], prior: Option<&Value>) -> (&'static str, String) {
    let had = FORMS
        .into_iter()
        .find(|form| prior.is_some_and(|prior| prior.attribute(form).is_some()));
    match std::str::from_utf8(content) {
        Ok(text) if had != Some("content_base64") => (had.unwrap_or("content"), text.to_owned()),
        _ => ("content_base64", base64::encode(content)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_back_in_the_form_it_had() {
        for form in FORMS {
            let inputs = Value::from([(form, "aGk=")]);
            let content = bytes(&inputs).unwrap();
            assert_eq!(attribute(&content, Some(&inputs)), (form, "aGk=".to_owned()));
        }
        assert_eq!(attribute(b"hi", None), ("content", "hi".to_owned()));
        assert_eq!(attribute(&[0xff], None), ("content_base64", "/w==".to_owned()));
        assert!(bytes(&Value::from([("content_base64", "h i")])).is_err());
    }

    #[test]
    fn content_is_given_once() {
        let said = |inputs: Value| {
            let mut diagnostics = Diagnostics::default();
            check(&inputs, &mut diagnostics);
            diagnostics.0.len()
        };
        assert_eq!(said(Value::from([("content", "")])), 0);
        assert_eq!(said(Value::empty_map()), 1);
        assert_eq!(said(Value::from([("content", "a"), ("secret_content", "b")])), 1);
    }
}
