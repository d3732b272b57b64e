//! Keeps the secrets of a request out of what its failure says: an API may repeat what it was sent.

use konductor_model::{Diagnostic, Failure, MASK, Value};

/// Shorter texts turn up by chance, and would take words out of messages.
const SHORTEST: usize = 4;

/// Returns what a secret may look like in a message: as it is, and as a part of JSON.
fn forms(values: &[&Value]) -> Vec<String> {
    let mut forms = Vec::new();
    let mut add = |secret: &Value| {
        secret.walk(&mut |_, leaf| {
            if let Value::Text(text) = leaf
                && text.len() >= SHORTEST
            {
                let quoted = serde_json::Value::from(text.as_str()).to_string();
                forms.push(quoted.trim_matches('"').to_owned());
                forms.push(text.clone());
            }
            true
        });
    };
    for value in values {
        value.walk(&mut |_, part| {
            if let Value::Secret(secret) = part {
                add(secret);
            }
            true
        });
    }
    // A secret may be a part of another one.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms
}

/// Masks the secrets that stand in the values wherever the failure repeats them.
pub(crate) fn without_secrets(mut failure: Failure, values: &[&Value]) -> Failure {
    let forms = forms(values);
    let mask = |text: &mut String| {
        for form in &forms {
            if text.contains(form.as_str()) {
                *text = text.replace(form.as_str(), MASK);
            }
        }
    };
    mask(&mut failure.message);
    mask(&mut failure.code);
    failure.request_id.iter_mut().for_each(mask);
    failure.details.iter_mut().for_each(|(_, detail)| mask(detail));
    for Diagnostic {
        summary,
        detail,
        help,
        ..
    } in &mut failure.diagnostics
    {
        mask(summary);
        mask(detail);
        help.iter_mut().for_each(mask);
    }
    failure
}

#[cfg(test)]
mod tests {
    use konductor_model::Disposition;

    use super::*;

    #[test]
    fn a_failure_repeats_no_secret_of_its_request_and_keeps_everything_else() {
        let inputs = Value::from([
            ("name", Value::from("shelf")),
            ("password", Value::from("hunter\"22").into_secret()),
            (
                "users",
                Value::from([("one", Value::from("hunter\"2"))]).into_secret(),
            ),
            ("pin", Value::from("no").into_secret()),
        ]);
        let mut failure = Failure::new(
            Disposition::Invalid,
            r#"no shelf for {"a":"hunter\"22"} and {"b":"hunter\"2"}"#,
        );
        failure.diagnostics = vec![Diagnostic::error("hunter\"22 is weak").help("not hunter\"2")];
        let failure = without_secrets(failure, &[&inputs]);
        assert_eq!(
            failure.message,
            r#"no shelf for {"a":"(secret)"} and {"b":"(secret)"}"#
        );
        assert_eq!(failure.diagnostics[0].summary, "(secret) is weak");
        assert_eq!(failure.diagnostics[0].help.as_deref(), Some("not (secret)"));
    }
}
