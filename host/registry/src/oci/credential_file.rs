//! Credentials from Docker's file, and from the helpers it names.

use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use konductor_model::SecretText;

/// What a registry is given when it asks who is there.
#[derive(Debug, Clone)]
pub(crate) enum RegistryCredential {
    Anonymous,
    Password {
        user: String,
        password: SecretText,
    },
    /// A token that is exchanged for others, as `docker login` gets it from some registries.
    IdentityToken(SecretText),
}

/// Says why the credentials cannot be had. It never holds any part of them.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("cannot read the credential file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file, or what a helper said, cannot be used.
    #[error("{}: the credentials for {registry} cannot be used: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The registry.
        registry: String,
        /// What is wrong.
        reason: String,
    },
}

/// Looks a registry up. No file and no entry stand for nobody in particular.
pub(crate) async fn find(file: Option<&Path>, registry: &str) -> Result<RegistryCredential, CredentialError> {
    let Some(path) = file.map(Path::to_owned) else {
        return Ok(RegistryCredential::Anonymous);
    };
    let name = registry.to_owned();
    // A helper is a program that is waited for.
    let looked_up = tokio::task::spawn_blocking({
        let path = path.clone();
        move || read(&path, &name)
    });
    looked_up.await.unwrap_or_else(|error| {
        Err(CredentialError::Unusable {
            path,
            registry: registry.to_owned(),
            reason: error.to_string(),
        })
    })
}

fn read(path: &Path, registry: &str) -> Result<RegistryCredential, CredentialError> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(RegistryCredential::Anonymous);
        }
        Err(source) => {
            return Err(CredentialError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    let unusable = |reason: String| CredentialError::Unusable {
        path: path.to_owned(),
        registry: registry.to_owned(),
        reason,
    };
    match docker_credential::get_credential_from_reader(file, registry) {
        Ok(DockerCredential::UsernamePassword(user, password)) => Ok(RegistryCredential::Password {
            user,
            password: SecretText::new(password),
        }),
        Ok(DockerCredential::IdentityToken(token)) => {
            Ok(RegistryCredential::IdentityToken(SecretText::new(token)))
        }
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(RegistryCredential::Anonymous),
        // What a helper writes may hold a secret, so only its name is told.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => Err(unusable(format!(
            "the helper `{helper}` failed; run it by hand to see why"
        ))),
        Err(error) => Err(unusable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(text: &str, registry: &str) -> Result<RegistryCredential, CredentialError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        read(&path, registry)
    }

    #[test]
    fn a_user_is_found_by_registry_and_port_and_strangers_are_nobody() {
        // `me:hunter2`
        let text = r#"{"auths":{"registry.example:5000":{"auth":"bWU6aHVudGVyMg=="}}}"#;
        let found = lookup(text, "registry.example:5000").unwrap();
        assert!(!format!("{found:?}").contains("hunter2"));
        let RegistryCredential::Password { user, password } = found else {
            panic!("no password")
        };
        assert_eq!((user.as_str(), password.reveal()), ("me", "hunter2"));
        for other in ["registry.example", "evil.example:5000", "localhost"] {
            assert!(
                matches!(lookup(text, other), Ok(RegistryCredential::Anonymous)),
                "{other}"
            );
        }
        assert!(matches!(
            read(Path::new("/nowhere/config.json"), "x"),
            Ok(RegistryCredential::Anonymous)
        ));
    }

    #[test]
    fn an_identity_token_is_found() {
        let text = r#"{"auths":{"registry.example":{"auth":"bWU6","identitytoken":"abc"}}}"#;
        assert!(matches!(
            lookup(text, "registry.example"),
            Ok(RegistryCredential::IdentityToken(token)) if token.reveal() == "abc"
        ));
    }

    #[test]
    fn an_error_names_the_file_and_the_registry_and_no_secret() {
        let error = lookup(r#"{"auths":{"r.example":{"auth":"aHVudGVyMg=="}}}"#, "r.example")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("config.json") && error.contains("r.example"),
            "{error}"
        );
        assert!(
            !error.contains("aHVudGVyMg") && !error.contains("hunter2"),
            "{error}"
        );
        assert!(lookup("{", "r.example").is_err());
        let helper = r#"{"credHelpers":{"r.example":"konductor-test-that-is-not-there"}}"#;
        assert!(lookup(helper, "r.example").is_err());
    }
}
