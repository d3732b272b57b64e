//! Finds secrets in the cloud's answers, in every form that a protocol writes them in.
//!
//! A body is walked once: every position whose two first bytes begin some form is looked up by its eight first
//! bytes. So the cost hardly depends on how many secrets there are.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};
use zeroize::Zeroizing;

/// The shortest text, in bytes, that is looked for in answers. Removing every occurrence of shorter ones would
/// destroy answers.
pub const SHORTEST_ECHO: usize = KEY;

/// The longest text, in bytes, that is looked for: every secret is kept in some twenty forms.
pub const LONGEST_ECHO: usize = 64 * 1024;

/// How many bytes of a form it is found by.
const KEY: usize = 8;

/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What stays as it is in a query as browsers and some clouds write it.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'%');

struct Form {
    bytes: Zeroizing<Vec<u8>>,
    token: Arc<str>,
}

/// The written forms of all secrets of a vault. It has no `Debug`.
#[derive(Default)]
pub(crate) struct Echoes {
    /// The forms by what they begin with, longest first.
    begins: HashMap<[u8; KEY], Vec<Form>>,
    /// One bit for every pair of bytes that begins a form.
    pairs: Vec<u64>,
}

impl Echoes {
    /// Adds a secret. One that is shorter than [`SHORTEST_ECHO`] or longer than [`LONGEST_ECHO`] is left out.
    pub(crate) fn add(&mut self, secret: &[u8], token: &str) {
        if !(SHORTEST_ECHO..=LONGEST_ECHO).contains(&secret.len()) {
            return;
        }
        let token: Arc<str> = token.into();
        if self.pairs.is_empty() {
            self.pairs = vec![0; 1024];
        }
        for bytes in forms(secret) {
            let Some(key) = bytes.first_chunk::<KEY>().copied() else {
                continue;
            };
            let (word, bit) = pair(&key);
            if let Some(word) = self.pairs.get_mut(word) {
                *word |= bit;
            }
            let forms = self.begins.entry(key).or_default();
            // The first secret that is written so keeps its place; the longest is tried first.
            if forms.iter().all(|form| form.bytes != bytes) {
                let at = forms.partition_point(|form| form.bytes.len() >= bytes.len());
                forms.insert(
                    at,
                    Form {
                        bytes,
                        token: Arc::clone(&token),
                    },
                );
            }
        }
    }

    /// Returns a text with every form replaced by the secret's token or by a mask; none when there is no form in it.
    pub(crate) fn replaced(&self, text: &[u8], mask: Option<&str>) -> Option<Vec<u8>> {
        if self.begins.is_empty() {
            return None;
        }
        let mut result = Vec::new();
        let (mut at, mut rest) = (0_usize, 0_usize);
        while let Some(here) = text.get(at..).filter(|here| here.len() >= KEY) {
            let Some(form) = self.form_at(here) else {
                at = at.saturating_add(1);
                continue;
            };
            result.extend_from_slice(text.get(rest..at).unwrap_or_default());
            result.extend_from_slice(mask.unwrap_or(&form.token).as_bytes());
            at = at.saturating_add(form.bytes.len());
            rest = at;
        }
        if rest == 0 {
            return None;
        }
        result.extend_from_slice(text.get(rest..).unwrap_or_default());
        Some(result)
    }

    fn form_at(&self, text: &[u8]) -> Option<&Form> {
        let key = text.first_chunk::<KEY>()?;
        let (word, bit) = pair(key);
        if self.pairs.get(word).is_none_or(|word| word & bit == 0) {
            return None;
        }
        self.begins
            .get(key)?
            .iter()
            .find(|form| text.starts_with(&form.bytes))
    }
}

/// Returns the place of a form's two first bytes in the table of pairs.
fn pair(key: &[u8; KEY]) -> (usize, u64) {
    let [first, second, ..] = *key;
    let number = usize::from(first) << 8 | usize::from(second);
    (number / 64, 1_u64 << (number % 64))
}

/// Returns the forms a secret may be written in, each once.
fn forms(secret: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms: Vec<Zeroizing<Vec<u8>>> = vec![Zeroizing::new(secret.to_vec())];
    let mut add = |form: String| {
        let form = Zeroizing::new(form.into_bytes());
        if form.len() >= KEY && !forms.contains(&form) {
            forms.push(form);
        }
    };
    if let Ok(text) = std::str::from_utf8(secret) {
        json_forms(text, &mut add);
        xml_forms(text, &mut add);
    }
    for set in [NON_ALPHANUMERIC, UNRESERVED, QUERY] {
        let upper = percent_encode(secret, set).to_string();
        add(lower_escapes(&upper));
        // Forms write a space as a plus.
        add(lower_escapes(&upper.replace("%20", "+")));
        add(upper.replace("%20", "+"));
        add(upper);
    }
    base64_forms(secret, &mut add);
    add(hexadecimal(secret));
    add(hexadecimal(secret).to_ascii_uppercase());
    forms
}

fn json_forms(text: &str, add: &mut impl FnMut(String)) {
    let quoted = serde_json::Value::from(text).to_string();
    let plain = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or_default();
    add(plain.to_owned());
    add(plain.replace('/', "\\/"));
    // JSON in a text of JSON, as errors quote what they refuse.
    let twice = serde_json::Value::from(plain).to_string();
    let inner = twice.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    add(inner.unwrap_or_default().to_owned());
    for upper in [false, true] {
        // What encoders that write for HTML or for ASCII escape beside what JSON asks for.
        let escape = |form: &str, which: fn(char) -> bool| {
            let mut escaped = String::with_capacity(form.len());
            for character in form.chars() {
                if which(character) {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        // Writing to a text cannot fail.
                        let _ = if upper {
                            write!(escaped, "\\u{unit:04X}")
                        } else {
                            write!(escaped, "\\u{unit:04x}")
                        };
                    }
                } else {
                    escaped.push(character);
                }
            }
            escaped
        };
        let html = |character| matches!(character, '<' | '>' | '&' | '\'' | '\u{7f}');
        let ascii = |character: char| !character.is_ascii();
        let all = |character| matches!(character, '<' | '>' | '&' | '\'' | '+' | '=' | '/');
        add(escape(plain, html));
        add(escape(plain, ascii));
        add(escape(&escape(plain, ascii), html));
        add(escape(plain, all));
    }
}

fn xml_forms(text: &str, add: &mut impl FnMut(String)) {
    let element = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let numbered = text
        .replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;");
    add(text.replace('&', "&amp;").replace('<', "&lt;"));
    add(element.replace('"', "&quot;"));
    for apostrophe in ["&apos;", "&#39;", "&#x27;"] {
        add(element.replace('"', "&quot;").replace('\'', apostrophe));
        add(element.replace('"', "&#34;").replace('\'', apostrophe));
    }
    add(numbered
        .replace('+', "&#43;")
        .replace('/', "&#47;")
        .replace('=', "&#61;"));
    add(numbered);
    // A carriage return does not survive XML otherwise.
    add(element.replace('\r', "&#13;").replace('\n', "&#10;"));
    add(element.replace('\r', "&#xD;"));
    add(element);
}

/// Adds base64, alone and as part of a longer text: the characters that depend on what stands beside are left out.
fn base64_forms(secret: &[u8], add: &mut impl FnMut(String)) {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

    add(STANDARD.encode(secret));
    add(URL_SAFE.encode(secret));
    for skipped in 0..3_usize {
        let Some(inner) = secret.get(skipped..) else {
            continue;
        };
        let whole = inner.len() - inner.len() % 3;
        let inner = inner.get(..whole).unwrap_or_default();
        add(STANDARD_NO_PAD.encode(inner));
        add(URL_SAFE_NO_PAD.encode(inner));
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Writes the digits of percent escapes in lower case.
fn lower_escapes(text: &str) -> String {
    let mut digits = 0_u8;
    text.chars()
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "plänted \"p&ss'w<rd>/+=\\\n%";

    fn echoes(secrets: &[&str]) -> Echoes {
        let mut echoes = Echoes::default();
        for (number, secret) in secrets.iter().enumerate() {
            echoes.add(secret.as_bytes(), &format!("[{number}]"));
        }
        echoes
    }

    fn replaced(echoes: &Echoes, text: &str) -> String {
        echoes.replaced(text.as_bytes(), None).map_or_else(
            || text.to_owned(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    #[test]
    fn every_written_form_is_replaced() {
        let echoes = echoes(&[SECRET]);
        for form in [
            SECRET.to_owned(),
            "plänted \\\"p&ss'w<rd>/+=\\\\\\n%".to_owned(),
            "plänted \\\"p&ss'w<rd>\\/+=\\\\\\n%".to_owned(),
            "pl\\u00e4nted \\\"p&ss'w<rd>/+=\\\\\\n%".to_owned(),
            "pl\\u00E4nted \\\"p&ss'w<rd>/+=\\\\\\n%".to_owned(),
            "plänted \\\"p\\u0026ss\\u0027w\\u003crd\\u003e/+=\\\\\\n%".to_owned(),
            "plänted \"p&amp;ss'w&lt;rd&gt;/+=\\\n%".to_owned(),
            "plänted &quot;p&amp;ss&apos;w&lt;rd&gt;/+=\\\n%".to_owned(),
            "plänted &quot;p&amp;ss&#39;w&lt;rd&gt;/+=\\\n%".to_owned(),
            "pl%C3%A4nted%20%22p%26ss%27w%3Crd%3E%2F%2B%3D%5C%0A%25".to_owned(),
            "pl%c3%a4nted+%22p%26ss%27w%3crd%3e%2f%2b%3d%5c%0a%25".to_owned(),
            base64::engine::general_purpose::STANDARD.encode(SECRET),
            base64::engine::general_purpose::URL_SAFE.encode(SECRET),
            hexadecimal(SECRET.as_bytes()),
            hexadecimal(SECRET.as_bytes()).to_uppercase(),
        ] {
            assert_eq!(replaced(&echoes, &format!("a{form}b")), "a[0]b", "{form}");
        }
    }

    #[test]
    fn base64_of_a_longer_text_shows_no_more_than_the_edges() {
        let secret = "planted-password-of-some-length";
        let echoes = echoes(&[secret]);
        for before in ["", "a", "ab", "abc"] {
            for after in ["", "y", "yz", "xyz"] {
                let text =
                    base64::engine::general_purpose::STANDARD.encode(format!("{before}{secret}{after}"));
                let left = replaced(&echoes, &text);
                assert!(left.contains("[0]"), "{before:?} {after:?}: {left}");
                assert!(left.len() <= 3 + 8 + 8, "{left}");
            }
        }
    }

    #[test]
    fn of_two_secrets_that_begin_alike_the_longer_one_is_found() {
        let echoes = echoes(&["planted-one", "planted-one-longer"]);
        assert_eq!(
            replaced(&echoes, "planted-one-longer planted-one planted-on"),
            "[1] [0] planted-on"
        );
    }

    #[test]
    fn short_secrets_are_left_alone() {
        let echoes = echoes(&["1234567"]);
        assert_eq!(replaced(&echoes, "1234567 12345678"), "1234567 12345678");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_in_any_text_around_it(
            secrets in prop::collection::vec("[ -~]{8,20}", 1..5),
            around in prop::collection::vec("[ -~]{0,10}", 1..6),
        ) {
            // A token of a character that is in no secret, so that none comes about by putting it in.
            let mut echoes = Echoes::default();
            secrets.iter().for_each(|secret| echoes.add(secret.as_bytes(), "\u{1}"));
            let text = around.join(secrets.first().map_or("", String::as_str));
            let left = echoes.replaced(text.as_bytes(), None).unwrap_or_else(|| text.into_bytes());
            for secret in &secrets {
                prop_assert!(memchr::memmem::find(&left, secret.as_bytes()).is_none());
            }
        }
    }
}
