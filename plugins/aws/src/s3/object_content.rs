//! The content of an object: given as text, as base64, or as text that is never shown.

use aws_smithy_types::base64;
use konductor_sdk::typed::prelude::*;

use super::Object;

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

/// Tells whether an object of this many bytes is read back.
pub(crate) fn is_read(length: Option<i64>) -> bool {
    length.is_none_or(|length| length <= LARGEST_READ)
}

impl Object {
    /// Returns the bytes that are given.
    ///
    /// # Errors
    /// When they are no base64.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Failure> {
        if let Some(text) = &self.content_base64 {
            return base64::decode(text).map_err(|error| {
                let mut failure = Failure::new(
                    Disposition::Invalid,
                    format!("`content_base64` is no base64: {error}"),
                );
                failure.at = Some(Path::attribute("content_base64"));
                failure
            });
        }
        let text = self.secret_content.as_ref().or(self.content.as_ref());
        Ok(text.cloned().unwrap_or_default().into_bytes())
    }

    /// Sets the content to bytes that were read: in the form that it had, where it can.
    pub(super) fn set_content(&mut self, content: &[u8], prior: Option<&Self>) {
        let text = std::str::from_utf8(content).ok().map(str::to_owned);
        match (text, prior) {
            (Some(text), Some(prior)) if prior.secret_content.is_some() => self.secret_content = Some(text),
            (Some(text), prior) if prior.is_none_or(|prior| prior.content_base64.is_none()) => {
                self.content = Some(text);
            }
            _ => self.content_base64 = Some(base64::encode(content)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(form: &str, content: &str) -> Object {
        let given = Value::from([("bucket", "b"), ("key", "k"), (form, content)]);
        Object::from_attributes(&given).unwrap()
    }

    /// Returns the forms as [`FORMS`] names them.
    fn forms(object: &Object) -> [Option<&str>; 3] {
        [&object.content, &object.content_base64, &object.secret_content].map(|form| form.as_deref())
    }

    #[test]
    fn content_comes_back_in_the_form_it_had() {
        for form in FORMS {
            let had = object(form, "aGk=");
            let mut read = Object::from_attributes(&Value::from([("bucket", "b"), ("key", "k")])).unwrap();
            read.set_content(&had.bytes().unwrap(), Some(&had));
            assert_eq!(forms(&read), forms(&had));
        }
        let read = |content: &[u8]| {
            let mut read = object("cache_control", "none");
            read.set_content(content, None);
            read
        };
        assert_eq!(forms(&read(b"hi")), [Some("hi"), None, None]);
        assert_eq!(forms(&read(&[0xff])), [None, Some("/w=="), None]);
        assert!(object("content_base64", "h i").bytes().is_err());
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
