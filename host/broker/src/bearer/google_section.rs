//! Reads the `credentials` section of a module that calls Google Cloud.

use konductor_model::{SecretText, Value};

use super::BearerSource;
use super::google::{GoogleBase, GooglePlaces, GoogleSource, Impersonation};
use crate::credentials::CredentialSourceError;
use crate::section::SectionReader;

const MEMBERS: [&str; 6] = [
    "file",
    "json",
    "metadata_server",
    "access_token",
    "impersonate",
    "quota_project",
];

impl BearerSource {
    /// Reads a module's `credentials` section for Google Cloud: one of `file`, `json`, `metadata_server: true` and
    /// `access_token`, and `impersonate` with `service_account` and `delegates`, and `quota_project`. Null and an empty
    /// map mean the application default credentials.
    ///
    /// # Errors
    /// Every member that is unknown, missing or of the wrong kind; never a value.
    pub fn google(value: &Value, places: GooglePlaces) -> Result<Self, CredentialSourceError> {
        let mut reader = SectionReader::default();
        let source = reader.google(value.reveal(), places);
        if reader.problems.is_empty() {
            Ok(source)
        } else {
            Err(CredentialSourceError {
                problems: reader.problems,
            })
        }
    }
}

impl SectionReader {
    fn google(&mut self, value: &Value, places: GooglePlaces) -> BearerSource {
        let mut source = GoogleSource {
            places,
            ..GoogleSource::default()
        };
        if value.is_null() {
            return BearerSource::Google(Box::new(source));
        }
        let Some(map) = self.map("", value) else {
            return BearerSource::Google(Box::new(source));
        };
        self.known("", map, &MEMBERS);
        let file = self.text(map, "", "file");
        let json = self.text(map, "", "json");
        let token = map
            .get("access_token")
            .and_then(|_| self.header_text(map, "", "access_token"));
        let metadata_server = match map.get("metadata_server").map(Value::reveal) {
            None | Some(Value::Null | Value::Boolean(false)) => None,
            Some(Value::Boolean(true)) => Some(()),
            Some(other) => {
                let problem = format!("is a {}; true or false was expected", other.kind());
                self.problem("metadata_server", &problem);
                None
            }
        };
        let given = [
            ("file", file.is_some()),
            ("json", json.is_some()),
            ("metadata_server", metadata_server.is_some()),
            ("access_token", token.is_some()),
        ];
        let mut given = given.into_iter().filter(|(_, is_given)| *is_given);
        if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
            self.problem(second, &format!("stands beside `{first}`; keep one"));
        }
        source.impersonate = map
            .get("impersonate")
            .map(Value::reveal)
            .filter(|value| !value.is_null())
            .and_then(|value| self.impersonation(value));
        source.quota_project = self.text(map, "", "quota_project");
        if let Some(token) = token {
            for member in ["impersonate", "quota_project"] {
                if map.contains_key(member) {
                    self.problem(member, "cannot stand beside `access_token`; remove it");
                }
            }
            return BearerSource::Fixed(SecretText::new(token));
        }
        source.base = match (file, json, metadata_server) {
            (Some(path), ..) => GoogleBase::File(path.into()),
            (_, Some(text), _) => GoogleBase::Json(SecretText::new(text)),
            (.., Some(())) => GoogleBase::MetadataServer,
            _ => GoogleBase::ApplicationDefault,
        };
        BearerSource::Google(Box::new(source))
    }

    fn impersonation(&mut self, value: &Value) -> Option<Impersonation> {
        const AT: &str = "impersonate";
        let map = self.map(AT, value)?;
        self.known(AT, map, &["service_account", "delegates"]);
        let service_account = self.header_text(map, AT, "service_account");
        let mut delegates = Vec::new();
        match map.get("delegates").map(Value::reveal) {
            None | Some(Value::Null) => {}
            Some(Value::List(items)) => {
                delegates.extend(
                    items
                        .iter()
                        .filter_map(|item| item.reveal().as_text().map(str::to_owned)),
                );
                if delegates.len() != items.len() || !delegates.iter().all(|email| is_email(email)) {
                    self.problem("impersonate.delegates", "is a list of e-mail addresses");
                }
            }
            Some(other) => {
                let problem = format!("is a {}; a list was expected", other.kind());
                self.problem("impersonate.delegates", &problem);
            }
        }
        let service_account = service_account?;
        if !is_email(&service_account) {
            self.problem(
                "impersonate.service_account",
                "is not the e-mail address of a service account, `NAME@PROJECT.iam.gserviceaccount.com`",
            );
        }
        Some(Impersonation {
            service_account,
            delegates,
        })
    }
}

/// Says whether a text can be an account's address and stand in a path as it is.
fn is_email(text: &str) -> bool {
    let mut parts = text.split('@');
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    };
    matches!((parts.next(), parts.next(), parts.next()), (Some(name), Some(host), None)
        if is_part(name) && is_part(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Result<BearerSource, CredentialSourceError> {
        let value = konductor_model::value_json::from_json(json).unwrap();
        BearerSource::google(&value, GooglePlaces::default())
    }

    #[test]
    fn nothing_configured_is_the_application_default() {
        for json in [serde_json::json!(null), serde_json::json!({})] {
            assert_eq!(read(json), Ok(BearerSource::Google(Box::default())));
        }
    }

    #[test]
    fn each_kind_is_read_and_no_secret_is_shown() {
        let file = read(serde_json::json!({"file": "key.json", "quota_project": "payer"})).unwrap();
        let BearerSource::Google(source) = &file else {
            panic!("{file:?}")
        };
        assert_eq!(source.base, GoogleBase::File("key.json".into()));
        assert_eq!(source.quota_project.as_deref(), Some("payer"));
        let server = read(serde_json::json!({"metadata_server": true,
            "impersonate": {"service_account": "a@b.iam.gserviceaccount.com", "delegates": ["c@d.example"]}}))
        .unwrap();
        assert!(server.describe().contains("acting as a@b"), "{server:?}");
        for json in [
            serde_json::json!({"json": "{planted}"}),
            serde_json::json!({"access_token": "planted"}),
        ] {
            let source = read(json).unwrap();
            let shown = format!("{source:?}{}", source.describe());
            assert!(!shown.contains("planted"), "{shown}");
        }
    }

    #[test]
    fn all_mistakes_are_named_at_once_and_no_value_is_repeated() {
        let error = read(serde_json::json!({
            "profile": "planted",
            "file": "planted",
            "json": "planted",
            "metadata_server": "planted",
            "impersonate": {"service_account": "planted/../../x@y", "delegates": ["planted"], "x": 1},
        }))
        .unwrap_err();
        let places: Vec<&str> = error.problems.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(
            places,
            [
                "profile",
                "metadata_server",
                "json",
                "impersonate.x",
                "impersonate.delegates",
                "impersonate.service_account",
            ]
        );
        assert!(!error.to_string().contains("planted"), "{error}");
        let beside = read(serde_json::json!({"access_token": "planted", "quota_project": "planted"}));
        assert_eq!(beside.unwrap_err().problems[0].0, "quota_project");
    }
}
