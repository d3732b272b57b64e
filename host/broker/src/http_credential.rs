//! What authenticates requests to an HTTP API that is no cloud: nothing, a bearer token, a password or a header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use konductor_model::{SecretText, Value};

use crate::credentials::CredentialSourceError;
use crate::redaction::Redaction;
use crate::section::SectionReader;

/// Headers that frame or route a request; a credential in one of them would change where it goes.
const NO_CREDENTIAL_HEADERS: [&str; 10] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "expect",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const EXPECTED: &str = "give one of `bearer` (a token), `basic` (a map of `user` and `password`) or `header` (a map of \
                        `name` and `value`), or nothing for an API that asks for none";

/// What authenticates requests. No guest sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HttpCredential {
    /// Nothing: the API asks for none.
    #[default]
    None,
    /// `Authorization: Bearer TOKEN`.
    Bearer(SecretText),
    /// `Authorization: Basic …`.
    Basic {
        /// The user, which is not secret.
        user: String,
        /// The password.
        password: SecretText,
    },
    /// A header of the API's own, such as `X-API-Key`.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its whole value.
        value: SecretText,
    },
}

impl HttpCredential {
    /// Reads a module's `credentials` section. Null and an empty map mean that requests carry none.
    ///
    /// # Errors
    /// Every member that is unknown, missing or of the wrong kind; never a value.
    pub fn from_value(value: &Value) -> Result<Self, CredentialSourceError> {
        let mut reader = SectionReader::default();
        let credential = reader.http_credential(value.reveal()).unwrap_or_default();
        let problems = reader.problems;
        if problems.is_empty() {
            Ok(credential)
        } else {
            Err(CredentialSourceError { problems })
        }
    }

    /// Returns the header that authenticates, and the texts that must not come back to a guest.
    fn header(&self) -> Option<(HeaderName, String, Vec<String>)> {
        match self {
            Self::None => None,
            Self::Bearer(token) => {
                let token = token.reveal().to_owned();
                Some((header::AUTHORIZATION, format!("Bearer {token}"), vec![token]))
            }
            Self::Basic { user, password } => {
                let encoded = STANDARD.encode(format!("{user}:{}", password.reveal()));
                let value = format!("Basic {encoded}");
                Some((
                    header::AUTHORIZATION,
                    value,
                    vec![encoded, password.reveal().to_owned()],
                ))
            }
            Self::Header { name, value } => {
                let value = value.reveal().to_owned();
                // `token abc`: the last word alone is the secret as well.
                let word = value.rsplit(' ').next().unwrap_or_default().to_owned();
                Some((name.clone(), value.clone(), vec![value, word]))
            }
        }
    }

    /// Puts the credential into a request's headers, and returns what takes its echoes out of the answer.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) -> Result<Redaction, &'static str> {
        let Some((name, value, secrets)) = self.header() else {
            return Ok(Redaction::default());
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| "the credential holds a character that no header may hold")?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(Redaction::of_configured(&secrets))
    }
}

/// The kinds, as the section names them.
const KINDS: [&str; 3] = ["bearer", "basic", "header"];

impl SectionReader {
    /// Reads the one kind that is given. What could not be read is none, and told.
    fn http_credential(&mut self, value: &Value) -> Option<HttpCredential> {
        if value.is_null() {
            return None;
        }
        let Some(map) = value.as_map() else {
            self.problem("", &format!("is a {}; {EXPECTED}", value.kind()));
            return None;
        };
        for name in map.keys().filter(|name| !KINDS.contains(&name.as_str())) {
            self.problem(name, &format!("is not known here; {EXPECTED}"));
        }
        let mut given = KINDS
            .into_iter()
            .filter_map(|name| Some((name, map.get(name)?.reveal())))
            .filter(|(_, value)| !value.is_null());
        let (kind, value) = given.next()?;
        if let Some((second, _)) = given.next() {
            self.problem(second, &format!("stands beside `{kind}`; keep one"));
        }
        match kind {
            "bearer" => {
                let token = self.header_text(map, "", kind)?;
                Some(HttpCredential::Bearer(SecretText::new(token)))
            }
            "basic" => {
                let [user, password] = self.members(kind, value, ["user", "password"])?;
                let user = user.filter(|user| {
                    let fits = !user.contains(':');
                    if !fits {
                        self.problem("basic.user", "must not hold a colon");
                    }
                    fits
                });
                Some(HttpCredential::Basic {
                    user: user?,
                    password: SecretText::new(password?),
                })
            }
            _ => {
                let [name, value] = self.members(kind, value, ["name", "value"])?;
                let name = HeaderName::from_bytes(name?.to_ascii_lowercase().as_bytes())
                    .ok()
                    .filter(|name| !NO_CREDENTIAL_HEADERS.contains(&name.as_str()));
                if name.is_none() {
                    let problem = "is not a header that can carry a credential, such as `X-API-Key`";
                    self.problem("header.name", problem);
                }
                Some(HttpCredential::Header {
                    name: name?,
                    value: SecretText::new(value?),
                })
            }
        }
    }

    /// Reads a map of exactly these texts. Each is none when something is wrong with it.
    fn members<const N: usize>(
        &mut self,
        at: &str,
        value: &Value,
        names: [&str; N],
    ) -> Option<[Option<String>; N]> {
        let map = self.map(at, value)?;
        self.known(at, map, &names);
        Some(names.map(|name| self.header_text(map, at, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(members: &[(&str, Value)]) -> Value {
        Value::Map(
            members
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        )
    }

    #[test]
    fn each_kind_becomes_its_header_and_none_is_shown() {
        for (section, name, expected) in [
            (
                map(&[("bearer", "planted-token".into())]),
                "authorization",
                "Bearer planted-token",
            ),
            (
                map(&[(
                    "basic",
                    map(&[("user", "Aladdin".into()), ("password", "open sesame".into())]),
                )]),
                "authorization",
                // The example of RFC 7617.
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            (
                map(&[(
                    "header",
                    map(&[("name", "X-API-Key".into()), ("value", "planted-key".into())]),
                )]),
                "x-api-key",
                "planted-key",
            ),
        ] {
            let credential = HttpCredential::from_value(&section).unwrap();
            let mut headers = HeaderMap::new();
            credential.apply(&mut headers).unwrap();
            assert_eq!(headers.get(name).unwrap(), expected);
            assert!(headers.get(name).unwrap().is_sensitive());
            let shown = format!("{credential:?}{headers:?}");
            assert!(!shown.contains("planted") && !shown.contains("sesame"), "{shown}");
        }
    }

    #[test]
    fn nothing_configured_sends_nothing() {
        for value in [Value::Null, Value::empty_map()] {
            let mut headers = HeaderMap::new();
            HttpCredential::from_value(&value)
                .unwrap()
                .apply(&mut headers)
                .unwrap();
            assert!(headers.is_empty());
        }
    }

    #[test]
    fn all_mistakes_are_named_at_once_and_no_value_is_repeated() {
        let section = map(&[
            ("profile", "planted".into()),
            ("bearer", "planted\nHost: elsewhere".into()),
            (
                "header",
                map(&[("name", "Host".into()), ("value", "planted".into())]),
            ),
        ]);
        let error = HttpCredential::from_value(&section).unwrap_err();
        let places: Vec<&str> = error.problems.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["profile", "header", "bearer"]);
        assert!(!error.to_string().contains("planted"), "{error}");
        for name in ["Host", "Transfer-Encoding", "a b", "content-length"] {
            let section = map(&[(
                "header",
                map(&[("name", name.into()), ("value", "planted".into())]),
            )]);
            let error = HttpCredential::from_value(&section).unwrap_err();
            assert_eq!(error.problems[0].0, "header.name", "{name}");
        }
        let section = map(&[("basic", map(&[("user", "a:b".into())]))]);
        let error = HttpCredential::from_value(&section).unwrap_err();
        let places: Vec<&str> = error.problems.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["basic.password", "basic.user"]);
    }
}
