//! Reads the files of credentials that Google's tools write.

use std::path::PathBuf;

use konductor_model::SecretText;
use serde_json::Value as Json;

/// Where tokens of users' logins are renewed.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// The only universe that endpoints are known of.
const UNIVERSE: &str = "googleapis.com";

/// A file of credentials.
pub(crate) enum GoogleFile {
    /// A service account's key.
    ServiceAccount {
        email: String,
        key: SecretText,
        key_id: Option<String>,
        token_url: String,
    },
    /// A user's login.
    AuthorizedUser {
        client_id: String,
        client_secret: SecretText,
        refresh_token: SecretText,
        token_url: String,
        quota_project: Option<String>,
    },
    /// Workload identity federation.
    External(Federation),
    /// Acting as a service account.
    Impersonated {
        source: Box<GoogleFile>,
        url: String,
        delegates: Vec<String>,
        quota_project: Option<String>,
    },
}

/// An identity of another provider, and what it is exchanged for.
pub(crate) struct Federation {
    pub(crate) audience: String,
    pub(crate) subject_token_type: String,
    pub(crate) token_url: String,
    pub(crate) impersonation_url: Option<String>,
    pub(crate) quota_project: Option<String>,
    pub(crate) place: SubjectPlace,
    /// The member of a JSON document that holds the token; none where all of it is the token.
    field: Option<String>,
}

/// Where the other provider's token is.
pub(crate) enum SubjectPlace {
    File(PathBuf),
    Url(String, Vec<(String, SecretText)>),
}

impl Federation {
    /// Finds the token in what stands at its place.
    pub(crate) fn subject(&self, found: &[u8]) -> Result<SecretText, String> {
        let text = std::str::from_utf8(found).map_err(|_| "the subject token is not text".to_owned())?;
        let token = match &self.field {
            None => text.trim().to_owned(),
            Some(field) => {
                let document: Json = serde_json::from_str(text)
                    .map_err(|_| "the document with the subject token is not JSON".to_owned())?;
                let token = document.get(field).and_then(Json::as_str);
                token
                    .ok_or_else(|| format!("the document with the subject token has no text `{field}`"))?
                    .to_owned()
            }
        };
        if token.is_empty() {
            return Err("the subject token is empty".to_owned());
        }
        Ok(SecretText::new(token))
    }
}

impl GoogleFile {
    /// Reads a file's document.
    ///
    /// # Errors
    /// When it is of a kind that is not known or supported, or lacks something; no value of it is repeated.
    pub(crate) fn read(file: &Json, nesting: u8) -> Result<Self, String> {
        let optional = |name: &str| {
            file.get(name)
                .and_then(Json::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let text = |name: &str| optional(name).ok_or_else(|| format!("they have no text `{name}`"));
        if optional("universe_domain").is_some_and(|universe| universe != UNIVERSE) {
            return Err(format!(
                "`universe_domain` is another than {UNIVERSE}, which is not supported"
            ));
        }
        match optional("type").as_deref() {
            Some("service_account") => Ok(Self::ServiceAccount {
                email: text("client_email")?,
                key: SecretText::new(text("private_key")?),
                key_id: optional("private_key_id"),
                token_url: optional("token_uri").unwrap_or_else(|| TOKEN_URL.to_owned()),
            }),
            Some("authorized_user") => Ok(Self::AuthorizedUser {
                client_id: text("client_id")?,
                client_secret: SecretText::new(text("client_secret")?),
                refresh_token: SecretText::new(text("refresh_token")?),
                token_url: optional("token_uri").unwrap_or_else(|| TOKEN_URL.to_owned()),
                quota_project: optional("quota_project_id"),
            }),
            Some("external_account") => {
                let (place, field) = subject_place(file.get("credential_source").unwrap_or(&Json::Null))?;
                Ok(Self::External(Federation {
                    audience: text("audience")?,
                    subject_token_type: text("subject_token_type")?,
                    token_url: text("token_url")?,
                    impersonation_url: optional("service_account_impersonation_url"),
                    quota_project: optional("quota_project_id"),
                    place,
                    field,
                }))
            }
            Some("impersonated_service_account") => {
                let source = file.get("source_credentials").unwrap_or(&Json::Null);
                let nesting = nesting
                    .checked_sub(1)
                    .ok_or("they stand too deep in one another")?;
                let delegates = file.get("delegates").and_then(Json::as_array);
                Ok(Self::Impersonated {
                    source: Box::new(Self::read(source, nesting)?),
                    url: text("service_account_impersonation_url")?,
                    delegates: delegates
                        .into_iter()
                        .flatten()
                        .filter_map(|delegate| delegate.as_str().map(str::to_owned))
                        .collect(),
                    quota_project: optional("quota_project_id"),
                })
            }
            _ => Err(
                "their `type` is none of `service_account`, `authorized_user`, `external_account`, \
                 `impersonated_service_account`"
                    .to_owned(),
            ),
        }
    }
}

/// Reads where a federation's subject token is, and in which member of a document.
fn subject_place(source: &Json) -> Result<(SubjectPlace, Option<String>), String> {
    let text = |place: &str| source.pointer(place).and_then(Json::as_str);
    let field = match text("/format/type") {
        None | Some("text") => None,
        Some("json") => Some(
            text("/format/subject_token_field_name")
                .ok_or("`credential_source.format.subject_token_field_name` is missing")?
                .to_owned(),
        ),
        Some(_) => return Err("`credential_source.format.type` is neither `text` nor `json`".to_owned()),
    };
    if let Some(file) = text("/file") {
        return Ok((SubjectPlace::File(file.into()), field));
    }
    // What AWS signs begins with an environment too, and says `url` as well.
    if source.get("environment_id").is_some() || source.get("executable").is_some() {
        return Err(
            "their `credential_source` is of AWS or an executable, which is not supported; use one with `file` or `url`"
                .to_owned(),
        );
    }
    let url = text("/url").ok_or("their `credential_source` has neither `file` nor `url`")?;
    let headers = source.get("headers").and_then(Json::as_object);
    let headers = headers
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), SecretText::new(value.as_str()?))))
        .collect();
    Ok((SubjectPlace::Url(url.to_owned(), headers), field))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(file: Json) -> String {
        match GoogleFile::read(&file, 1) {
            Ok(_) => panic!("it was taken"),
            Err(error) => error,
        }
    }

    #[test]
    fn what_a_file_lacks_is_named_and_no_value_is_repeated() {
        for (file, expected) in [
            (json!({}), "`type`"),
            (json!({"type": "planted"}), "`type`"),
            (
                json!({"type": "service_account", "private_key": "planted"}),
                "`client_email`",
            ),
            (
                json!({"type": "service_account", "universe_domain": "planted.example"}),
                "`universe_domain`",
            ),
            (
                json!({"type": "authorized_user", "client_id": "planted"}),
                "`client_secret`",
            ),
            (
                json!({"type": "external_account", "credential_source": {"environment_id": "aws1", "url": "planted"}}),
                "not supported",
            ),
            (
                json!({"type": "external_account", "credential_source": {"executable": {"command": "planted"}}}),
                "not supported",
            ),
            (
                json!({"type": "external_account", "credential_source": {"file": "planted", "format": {"type": "json"}}}),
                "subject_token_field_name",
            ),
            (
                json!({"type": "impersonated_service_account", "source_credentials": {
                    "type": "impersonated_service_account", "source_credentials": {"type": "planted"}}}),
                "too deep",
            ),
        ] {
            let error = refusal(file);
            assert!(
                error.contains(expected) && !error.contains("planted"),
                "{expected}: {error}"
            );
        }
    }

    #[test]
    fn a_subject_token_is_the_text_or_a_member_of_the_document() {
        let federation = |format: Json| {
            let file = json!({"type": "external_account", "audience": "a", "subject_token_type": "t",
                "token_url": "https://sts.example/", "credential_source": {"file": "f", "format": format}});
            match GoogleFile::read(&file, 1) {
                Ok(GoogleFile::External(federation)) => federation,
                _ => panic!("not a federation"),
            }
        };
        let text = federation(json!({"type": "text"}));
        assert_eq!(text.subject(b"  token\n").unwrap().reveal(), "token");
        assert!(text.subject(b" ").is_err());
        let member = federation(json!({"type": "json", "subject_token_field_name": "value"}));
        assert_eq!(
            member.subject(br#"{"value": "token"}"#).unwrap().reveal(),
            "token"
        );
        assert!(
            member
                .subject(br#"{"other": "token"}"#)
                .unwrap_err()
                .contains("`value`")
        );
        assert!(member.subject(b"token").is_err());
    }
}
