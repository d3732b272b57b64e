//! Where the project's state is kept: files below its folder, or a backend that a team shares.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use konductor_broker::BrokerOptions;
use konductor_config::{LocatedText, S3Bucket, StateBackend, StateSettings};
use konductor_model::{Diagnostic, SecretText};
use konductor_state::Backend;
use konductor_state::backend::{PostgreSql, PostgreSqlSettings, S3, S3Settings};
use konductor_state::backup::BackupPlace;

use crate::environment::Environment;
use crate::error::CommandError;
use crate::network::Network;
use crate::object_requests::BucketRequests;

/// Gives the whole URL of a database, with a password.
pub const URL_VARIABLE: &str = "KONDUCTOR_STATE_URL";

/// Where the project's state is kept.
pub struct StatePlace {
    settings: Option<StateSettings>,
    environment: Environment,
    /// What is written counts, and not the URL of the environment.
    is_named: bool,
    backend: OnceLock<Arc<dyn Backend>>,
}

impl StatePlace {
    /// Takes over what the project says. Nothing is connected.
    pub fn new(settings: Option<StateSettings>, environment: Environment) -> Self {
        Self {
            settings,
            environment,
            is_named: false,
            backend: OnceLock::new(),
        }
    }

    /// Reads a place as it is named on the command line.
    ///
    /// # Errors
    /// When it is none, or holds a credential.
    pub fn of_address(address: &str, encrypt: bool, environment: &Environment) -> Result<Self, CommandError> {
        let settings = StateSettings::of_address(address, encrypt)?;
        Ok(Self {
            is_named: !matches!(&settings.backend, StateBackend::PostgreSql { url: None }),
            ..Self::new(Some(settings), environment.clone())
        })
    }

    /// Returns what is written about the place.
    pub fn written(&self) -> Option<&StateBackend> {
        self.settings.as_ref().map(|settings| &settings.backend)
    }

    /// Tells whether whole entries are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.encrypt)
    }

    /// Returns the backend; none when state is kept in files.
    ///
    /// # Errors
    /// When the settings, or what the environment adds to them, cannot be used.
    pub fn backend(&self) -> Result<Option<Arc<dyn Backend>>, CommandError> {
        let Some(settings) = &self.settings else {
            return Ok(None);
        };
        if let Some(made) = self.backend.get() {
            return Ok(Some(Arc::clone(made)));
        }
        let made: Arc<dyn Backend> = match &settings.backend {
            StateBackend::Sqlite => return Ok(None),
            StateBackend::PostgreSql { url } => {
                let written = url.as_ref().map(|url| url.text.as_str());
                Arc::new(self.postgresql(settings, written)?)
            }
            StateBackend::S3(bucket) => Arc::new(self.s3(settings, bucket)?),
        };
        Ok(Some(Arc::clone(self.backend.get_or_init(|| made))))
    }

    /// Returns the place for backups; none for files, which are not reached in this way.
    ///
    /// # Errors
    /// When the settings, or what the environment adds to them, cannot be used.
    pub fn of_backups(&self) -> Result<Option<Arc<dyn BackupPlace>>, CommandError> {
        let Some(settings) = &self.settings else {
            return Ok(None);
        };
        Ok(match &settings.backend {
            StateBackend::Sqlite => None,
            StateBackend::PostgreSql { url } => {
                let written = url.as_ref().map(|url| url.text.as_str());
                let made = PostgreSql::for_backups(self.postgresql_settings(settings, written)?);
                Some(Arc::new(made.map_err(|error| {
                    self.unusable(settings, &error.to_string(), "")
                })?))
            }
            StateBackend::S3(bucket) => Some(Arc::new(self.s3(settings, bucket)?)),
        })
    }

    fn postgresql(
        &self,
        settings: &StateSettings,
        written: Option<&str>,
    ) -> Result<PostgreSql, CommandError> {
        let made = PostgreSql::new(self.postgresql_settings(settings, written)?);
        made.map_err(|error| self.unusable(settings, &error.to_string(), ""))
    }

    fn postgresql_settings(
        &self,
        settings: &StateSettings,
        written: Option<&str>,
    ) -> Result<PostgreSqlSettings, CommandError> {
        let of_environment = self.environment.variable(URL_VARIABLE).filter(|_| !self.is_named);
        let url = of_environment.or(written).ok_or_else(|| {
            self.unusable(
                settings,
                "the database of the state has no URL",
                &format!("add `url: postgresql://user@host:5432/database`, or set {URL_VARIABLE}"),
            )
        })?;
        postgresql_settings(&self.environment, &SecretText::new(url))
    }

    fn s3(&self, settings: &StateSettings, bucket: &S3Bucket) -> Result<S3, CommandError> {
        let text = |text: &Option<LocatedText>| text.as_ref().map(|text| text.text.clone());
        let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let of_environment = variables.iter().find_map(|name| self.environment.variable(name));
        let region = text(&bucket.region).or_else(|| of_environment.map(str::to_owned));
        let region = region.ok_or_else(|| {
            self.unusable(
                settings,
                "the bucket of the state has no region",
                "add `region:`, or set AWS_REGION",
            )
        })?;
        let name = &bucket.bucket.text;
        let endpoint = text(&bucket.endpoint);
        let address = S3Settings::address(name, &region, endpoint.as_deref())
            .map_err(|error| self.unusable(settings, &error.to_string(), ""))?;
        let mut options = BrokerOptions::default();
        Network::of(&self.environment)?.for_calls(&mut options)?;
        Ok(S3::new(S3Settings {
            requests: Arc::new(BucketRequests::new(options, &address, &region)?),
            address,
            bucket: name.clone(),
            prefix: text(&bucket.prefix).unwrap_or_default(),
        }))
    }

    fn unusable(&self, settings: &StateSettings, what: &str, help: &str) -> CommandError {
        let diagnostic = Diagnostic::error(what)
            .at(konductor_model::Path::attribute("state"))
            .origin(Some(settings.origin.clone()));
        CommandError::from(if help.is_empty() {
            diagnostic
        } else {
            diagnostic.help(help)
        })
    }
}

/// Returns how a database is reached: with the password and the certificates of the environment.
///
/// # Errors
/// When a file with a password or a certificate cannot be read, or the password is there for others to read.
pub fn postgresql_settings(
    environment: &Environment,
    url: &SecretText,
) -> Result<PostgreSqlSettings, CommandError> {
    let password = match environment.variable("PGPASSWORD") {
        Some(password) => Some(SecretText::new(password)),
        None => password_of_file(environment, url.reveal())?,
    };
    let user = ["PGUSER", "USER"]
        .iter()
        .find_map(|name| environment.variable(name));
    Ok(PostgreSqlSettings {
        url: url.clone(),
        password,
        user: user.map(str::to_owned),
        network: Network::of(environment)?.for_state()?,
    })
}

/// Looks the password up as libpq does: in the file that `PGPASSFILE` names, or in `~/.pgpass`.
fn password_of_file(environment: &Environment, url: &str) -> Result<Option<SecretText>, CommandError> {
    let named = environment.variable("PGPASSFILE").map(PathBuf::from);
    let file = match (&named, environment.home()) {
        (Some(file), _) => file.clone(),
        (None, Some(home)) => home.join(".pgpass"),
        (None, None) => return Ok(None),
    };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => SecretText::new(text),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CommandError::file("read", &file, error)),
    };
    check_private(&file)?;
    let wanted = Wanted::of(url);
    Ok(text.reveal().lines().find_map(|line| wanted.password_in(line)))
}

/// Fails when a file with a secret can be read by others than its owner.
///
/// # Errors
/// When it can, or cannot be looked at.
#[cfg(unix)]
pub fn check_private(file: &Path) -> Result<(), CommandError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file)
        .map_err(|error| CommandError::file("read", file, error))?
        .permissions()
        .mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(
        CommandError::message(format!("{} can be read by others than you", file.display()))
            .help(format!("chmod 600 {}", file.display())),
    )
}

/// Fails when a file with a secret can be read by others than its owner: not told here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn check_private(_: &Path) -> Result<(), CommandError> {
    Ok(())
}

/// What a line of a password file has to fit: host, port, database, user.
struct Wanted([String; 4]);

impl Wanted {
    fn of(url: &str) -> Self {
        let parsed = url::Url::parse(url).ok();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let host = text(parsed.as_ref().and_then(url::Url::host_str));
        let port = parsed.as_ref().and_then(url::Url::port).unwrap_or(5432);
        let database = text(parsed.as_ref().map(|url| url.path().trim_start_matches('/')));
        let user = text(parsed.as_ref().map(url::Url::username));
        Self([host, port.to_string(), database, user])
    }

    /// Returns the password of a line that fits. A backslash takes the next character as it is.
    fn password_in(&self, line: &str) -> Option<SecretText> {
        if line.starts_with('#') {
            return None;
        }
        let mut fields = vec![String::new()];
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            let field = fields.last_mut()?;
            match character {
                '\\' => field.extend(characters.next()),
                ':' => fields.push(String::new()),
                other => field.push(other),
            }
        }
        let (password, places) = fields.split_last()?;
        let fits = places.len() == self.0.len()
            && places
                .iter()
                .zip(&self.0)
                .all(|(field, wanted)| field == "*" || field == wanted || wanted.is_empty());
        fits.then(|| SecretText::new(password.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(url: &str, line: &str) -> Option<String> {
        Wanted::of(url)
            .password_in(line)
            .map(|password| password.reveal().to_owned())
    }

    #[test]
    fn a_line_of_the_password_file_fits_as_libpq_says() {
        let url = "postgresql://ada@db.example:5433/shop";
        for (line, expected) in [
            ("db.example:5433:shop:ada:pass", Some("pass")),
            ("*:*:*:*:pass", Some("pass")),
            (r"*:*:shop:ada:a\:b\\c", Some(r"a:b\c")),
            ("db.example:5432:shop:ada:pass", None),
            ("other:5433:shop:ada:pass", None),
            ("db.example:5433:shop:eve:pass", None),
            ("#db.example:5433:shop:ada:pass", None),
            ("pass", None),
            ("", None),
        ] {
            assert_eq!(found(url, line).as_deref(), expected, "{line}");
        }
        assert_eq!(
            found(
                "postgresql://ada@db.example/shop",
                "db.example:5432:shop:ada:pass"
            )
            .as_deref(),
            Some("pass")
        );
    }
}
