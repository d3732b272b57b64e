//! Takes every echo of the credential in use out of what the guest will see.

use aws_credential_types::Credentials;
use konductor_model::SecretText;
use memchr::memmem;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

pub(crate) const REPLACEMENT: &str = "[redacted]";

/// Shorter secrets are not searched: they are test values such as `test`, and removing every occurrence would
/// destroy answers. Secrets that a cloud gives out are longer.
const SHORTEST_SECRET: usize = 12;

/// The same for what an operator chose for an API that is no cloud: passwords are shorter than keys.
const SHORTEST_CONFIGURED: usize = 8;

/// The texts to search for. It has no `Debug`.
#[derive(Default)]
pub(crate) struct Redaction {
    secrets: Vec<Vec<u8>>,
    /// The secrets as they are, without a signature, which is another one each time.
    lasting: Vec<SecretText>,
}

impl Redaction {
    /// Searches for the secret parts of credentials and for a signature made with them, each as it is,
    /// percent-encoded and as JSON and XML write it.
    pub(crate) fn new(credentials: &Credentials, signature: Option<&str>) -> Self {
        let lasting = [Some(credentials.secret_access_key()), credentials.session_token()];
        let parts = lasting.into_iter().chain([signature]);
        Self {
            lasting: lasting.into_iter().flatten().map(SecretText::new).collect(),
            ..Self::of(parts.flatten(), SHORTEST_SECRET)
        }
    }

    /// Searches for configured texts, in the same forms.
    pub(crate) fn of_configured(secrets: &[String]) -> Self {
        Self {
            lasting: secrets.iter().map(SecretText::new).collect(),
            ..Self::of(secrets.iter().map(String::as_str), SHORTEST_CONFIGURED)
        }
    }

    /// Returns the secrets that are the same from request to request, as they are.
    pub(crate) fn lasting(&self) -> &[SecretText] {
        &self.lasting
    }

    fn of<'a>(parts: impl Iterator<Item = &'a str>, shortest: usize) -> Self {
        let mut secrets = Vec::new();
        for part in parts.filter(|part| part.len() >= shortest) {
            let upper = percent_encode(part.as_bytes(), NON_ALPHANUMERIC).to_string();
            let partly = part.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
            for form in [
                part.to_owned(),
                part.replace('/', "\\/"),
                part.replace('+', "&#43;")
                    .replace('/', "&#47;")
                    .replace('=', "&#61;"),
                part.replace('+', "\\u002b")
                    .replace('/', "\\u002f")
                    .replace('=', "\\u003d"),
                upper.to_ascii_lowercase_escapes(),
                upper,
                partly.to_ascii_lowercase_escapes(),
                partly,
            ] {
                let form = form.into_bytes();
                if !secrets.contains(&form) {
                    secrets.push(form);
                }
            }
        }
        // The longest first, so that no form leaves the tail of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self {
            secrets,
            lasting: Vec::new(),
        }
    }

    /// Replaces every echo in a body.
    pub(crate) fn body(&self, body: Vec<u8>) -> Vec<u8> {
        self.secrets
            .iter()
            .fold(body, |body, secret| replace(body, secret))
    }

    /// Replaces every echo in a text.
    pub(crate) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.body(text.as_bytes().to_vec())).into_owned()
    }
}

fn replace(body: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let mut found = memmem::find_iter(&body, secret).peekable();
    if found.peek().is_none() {
        return body;
    }
    let mut result = Vec::with_capacity(body.len());
    let mut rest = 0;
    for start in found {
        result.extend_from_slice(body.get(rest..start).unwrap_or_default());
        result.extend_from_slice(REPLACEMENT.as_bytes());
        rest = start.saturating_add(secret.len());
    }
    result.extend_from_slice(body.get(rest..).unwrap_or_default());
    result
}

trait LowercaseEscapes {
    /// Writes the digits of percent escapes in lower case.
    fn to_ascii_lowercase_escapes(&self) -> String;
}

impl LowercaseEscapes for String {
    fn to_ascii_lowercase_escapes(&self) -> String {
        let mut digits = 0_u8;
        self.chars()
            .map(|character| {
                if character == '%' {
                    digits = 2;
                    character
                } else if digits > 0 {
                    digits -= 1;
                    character.to_ascii_lowercase()
                } else {
                    character
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_of_a_secret_is_taken_out() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let token = "IQoJb3JpZ2luX2VjE/Ab+cd==";
        let credentials = Credentials::new("AKIDEXAMPLE", secret, Some(token.to_owned()), None, "test");
        let redaction = Redaction::new(&credentials, None);
        for echo in [
            secret.to_owned(),
            token.to_owned(),
            secret.replace('/', "%2F").replace('+', "%2B"),
            secret.replace('/', "%2f").replace('+', "%2b"),
            secret.replace('/', "\\/"),
            token.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"),
        ] {
            let body = redaction.body(format!("<a>{echo}</a>{echo}").into_bytes());
            assert_eq!(
                String::from_utf8(body).unwrap(),
                "<a>[redacted]</a>[redacted]",
                "{echo}"
            );
        }
        assert_eq!(redaction.text("nothing to see"), "nothing to see");
    }
}
