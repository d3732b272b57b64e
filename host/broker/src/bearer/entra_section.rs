//! Reads the `credentials` section of a module that calls Azure.

use konductor_model::{SecretText, Value};

use super::BearerSource;
use super::entra::{AzureCloud, EntraApplication, EntraBase, EntraPlaces, EntraProof, EntraSource};
use crate::credentials::CredentialSourceError;
use crate::section::SectionReader;

const MEMBERS: [&str; 9] = [
    "entra_id",
    "entra_secret",
    "certificate",
    "federated_token_file",
    "managed_identity",
    "azure_cli",
    "access_token",
    "tenant_id",
    "subscription_id",
];

impl BearerSource {
    /// Reads a module's `credentials` section for Azure: `entra_id` with one of `entra_secret`, `certificate` and
    /// `federated_token_file`, or `managed_identity: true`, `azure_cli: true`, or `access_token`; and `tenant_id` and
    /// `subscription_id`, which is for the grant. Null and an empty map mean the environment and the Azure CLI.
    ///
    /// # Errors
    /// Every member that is unknown, missing or of the wrong kind; never a value.
    pub fn entra(
        value: &Value,
        cloud: AzureCloud,
        places: EntraPlaces,
    ) -> Result<Self, CredentialSourceError> {
        let mut reader = SectionReader::default();
        let source = reader.entra(value.reveal(), cloud, places);
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
    fn entra(&mut self, value: &Value, cloud: AzureCloud, places: EntraPlaces) -> BearerSource {
        let mut source = EntraSource {
            cloud,
            places,
            ..EntraSource::default()
        };
        if value.is_null() {
            return BearerSource::Entra(Box::new(source));
        }
        let Some(map) = self.map("", value) else {
            return BearerSource::Entra(Box::new(source));
        };
        self.known("", map, &MEMBERS);
        source.tenant_id = self.text(map, "", "tenant_id");
        if source.tenant_id.as_deref().is_some_and(|tenant| !is_name(tenant)) {
            self.problem("tenant_id", "is not the identifier or the domain of a tenant");
        }
        if self
            .text(map, "", "subscription_id")
            .is_some_and(|id| !is_name(&id))
        {
            self.problem("subscription_id", "is not the identifier of a subscription");
        }
        let client_id = self.text(map, "", "entra_id");
        let proofs = [
            self.text(map, "", "entra_secret")
                .map(|secret| ("entra_secret", EntraProof::Secret(SecretText::new(secret)))),
            self.text(map, "", "certificate")
                .map(|file| ("certificate", EntraProof::Certificate(file.into()))),
            self.text(map, "", "federated_token_file")
                .map(|file| ("federated_token_file", EntraProof::Federated(file.into()))),
        ];
        let mut proofs = proofs.into_iter().flatten();
        let proof = proofs.next();
        if let (Some((first, _)), Some((second, _))) = (&proof, proofs.next()) {
            self.problem(second, &format!("stands beside `{first}`; keep one"));
        }
        let managed = self.switch(map, "managed_identity");
        let cli = self.switch(map, "azure_cli");
        let token = map
            .get("access_token")
            .and_then(|_| self.header_text(map, "", "access_token"));
        let others = [
            ("managed_identity", managed),
            ("azure_cli", cli),
            ("access_token", token.is_some()),
        ];
        let given: Vec<&str> = proof
            .iter()
            .map(|(name, _)| *name)
            .chain(
                others
                    .into_iter()
                    .filter(|(_, given)| *given)
                    .map(|(name, _)| name),
            )
            .collect();
        if let [first, second, ..] = given.as_slice() {
            self.problem(second, &format!("stands beside `{first}`; keep one"));
        }
        if let Some(token) = token {
            return BearerSource::Fixed(SecretText::new(token));
        }
        source.base = match (client_id, proof) {
            (Some(client_id), Some((_, proof))) => {
                EntraBase::Application(EntraApplication { client_id, proof })
            }
            (None, Some((name, _))) => {
                self.problem("entra_id", &format!("is missing beside `{name}`"));
                EntraBase::Environment
            }
            (client_id, None) if managed => EntraBase::ManagedIdentity(client_id),
            (Some(_), None) => {
                self.problem(
                    "entra_secret",
                    "is missing beside `entra_id`; give it, or `certificate` or `federated_token_file`",
                );
                EntraBase::Environment
            }
            (None, None) if cli => EntraBase::AzureCli,
            (None, None) => EntraBase::Environment,
        };
        if matches!(source.base, EntraBase::Application(_))
            && source.tenant_id.is_none()
            && source.places.tenant_id.is_none()
        {
            self.problem("tenant_id", "is missing beside `entra_id`");
        }
        BearerSource::Entra(Box::new(source))
    }

    /// Reads a member that is true, false or not there.
    fn switch(&mut self, map: &std::collections::BTreeMap<String, Value>, name: &str) -> bool {
        match map.get(name).map(Value::reveal) {
            None | Some(Value::Null | Value::Boolean(false)) => false,
            Some(Value::Boolean(true)) => true,
            Some(other) => {
                let problem = format!("is a {}; true or false was expected", other.kind());
                self.problem(name, &problem);
                false
            }
        }
    }
}

/// Says whether a text can stand in a path as it is.
fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && !text.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(members: &[(&str, Value)]) -> Result<BearerSource, CredentialSourceError> {
        let map = members
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        BearerSource::entra(&Value::Map(map), AzureCloud::Public, EntraPlaces::default())
    }

    fn base(members: &[(&str, Value)]) -> EntraBase {
        match read(members).unwrap() {
            BearerSource::Entra(source) => source.base,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_kind_is_read() {
        assert_eq!(base(&[]), EntraBase::Environment);
        assert_eq!(base(&[("azure_cli", true.into())]), EntraBase::AzureCli);
        assert_eq!(
            base(&[("managed_identity", true.into()), ("entra_id", "one".into())]),
            EntraBase::ManagedIdentity(Some("one".to_owned()))
        );
        let application = |name: &str| {
            base(&[
                ("entra_id", "one".into()),
                ("tenant_id", "contoso.onmicrosoft.com".into()),
                (name, "planted".into()),
            ])
        };
        let proof = |proof| {
            EntraBase::Application(EntraApplication {
                client_id: "one".to_owned(),
                proof,
            })
        };
        assert_eq!(
            application("entra_secret"),
            proof(EntraProof::Secret(SecretText::new("planted".to_owned())))
        );
        assert_eq!(
            application("certificate"),
            proof(EntraProof::Certificate("planted".into()))
        );
        assert_eq!(
            application("federated_token_file"),
            proof(EntraProof::Federated("planted".into()))
        );
        assert!(!format!("{:?}", application("entra_secret")).contains("planted"));
    }

    #[test]
    fn all_mistakes_are_named_at_once_and_no_value_is_repeated() {
        let places = |members: &[(&str, Value)]| -> Vec<String> {
            let error = read(members).unwrap_err();
            assert!(!error.to_string().contains("planted"), "{error}");
            error.problems.into_iter().map(|(place, _)| place).collect()
        };
        assert_eq!(places(&[("entra_id", "planted".into())]), ["entra_secret"]);
        assert_eq!(places(&[("entra_secret", "planted".into())]), ["entra_id"]);
        assert_eq!(
            places(&[
                ("entra_id", "planted".into()),
                ("entra_secret", "planted".into()),
                ("certificate", "planted".into()),
                ("azure_cli", "planted".into()),
                ("tenant_id", "../planted".into()),
                ("profile", "planted".into()),
            ]),
            ["profile", "tenant_id", "certificate", "azure_cli"]
        );
    }
}
