//! Where the project's state is kept: the section `state` of `konductor.yaml`.

use konductor_model::{Diagnostic, Diagnostics, Origin, Path, Value};

use crate::layer::Layer;
use crate::located::{Located, Node};
use crate::project::{LocatedText, expected};
use crate::suggestion;

/// Where the project's state is kept. It holds no credential: the file is read by everybody who has the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateSettings {
    /// The place.
    pub backend: StateBackend,
    /// Everything is encrypted for the project's recipients before it leaves the machine.
    pub encrypt: bool,
    /// Where the section stands.
    pub origin: Origin,
}

/// A place for state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateBackend {
    /// Files below the project's folder.
    Sqlite,
    /// A PostgreSQL database.
    PostgreSql {
        /// `postgresql://user@host:port/database`, without a password; none when the environment gives it.
        url: Option<LocatedText>,
    },
    /// A bucket of S3, or of something that speaks its protocol.
    S3(Box<S3Bucket>),
}

/// A bucket for state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Bucket {
    /// Its name.
    pub bucket: LocatedText,
    /// What the names of all objects start with.
    pub prefix: Option<LocatedText>,
    /// The region; none when the environment gives it.
    pub region: Option<LocatedText>,
    /// Where the service is, where that is not AWS.
    pub endpoint: Option<LocatedText>,
}

impl StateSettings {
    /// Reads a place as it is named on a command line: `sqlite`, `postgresql`, `postgresql://…`, or
    /// `s3://BUCKET/PREFIX?region=…&endpoint=…`.
    ///
    /// # Errors
    /// When it is none of these, holds a credential, or a part of it would be refused in `konductor.yaml`.
    pub fn of_address(address: &str, encrypt: bool) -> Result<Self, Diagnostics> {
        let origin = Origin::described("--to");
        let mut root = Located::empty_map(origin.clone(), Layer::CommandLine);
        let mut put = |key: &str, value: Value| {
            if let Node::Map(map) = &mut root.node {
                let value = Located::from_value(&value, &origin, Layer::CommandLine);
                map.insert(key.to_owned(), Box::new(value));
            }
        };
        if let Some(rest) = address.strip_prefix("s3://") {
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
            put("backend", Value::from("s3"));
            put("bucket", Value::from(bucket));
            if !prefix.is_empty() {
                put("prefix", Value::from(prefix.trim_end_matches('/')));
            }
            for (name, value) in query.split('&').filter_map(|part| part.split_once('=')) {
                put(name, Value::from(value));
            }
        } else if address.contains("://") && address.starts_with("postgres") {
            put("backend", Value::from("postgresql"));
            put("url", Value::from(address));
        } else if ["sqlite", "postgresql"].contains(&address) {
            put("backend", Value::from(address));
        } else {
            return Err(Diagnostic::error(format!("`{address}` is no place for state"))
                .help(
                    "name `sqlite`, `postgresql://USER@HOST/DATABASE` or `s3://BUCKET/PREFIX?region=REGION`",
                )
                .into());
        }
        if encrypt {
            put("encrypt", Value::from(true));
        }
        let mut diagnostics = Diagnostics::default();
        match read(&root, &mut diagnostics) {
            Some(settings) => Ok(settings),
            None => Err(diagnostics),
        }
    }
}

pub(crate) const BACKENDS: [&str; 3] = ["sqlite", "postgresql", "s3"];
/// Keys that somebody may look for, and that would put a credential into a file.
const CREDENTIALS: [&str; 8] = [
    "password",
    "access_key",
    "access_key_id",
    "secret_key",
    "secret_access_key",
    "session_token",
    "token",
    "credentials",
];

/// Returns the keys that a backend knows; none of one that there is not.
pub(crate) fn backend_keys(backend: &str) -> &'static [&'static str] {
    match backend {
        "sqlite" => &["backend", "encrypt"],
        "postgresql" => &["backend", "url", "encrypt"],
        "s3" => &["backend", "bucket", "prefix", "region", "endpoint", "encrypt"],
        _ => &[],
    }
}

/// Reads the section. What is wrong is told, and then there are no settings.
pub(crate) fn read(section: &Located, diagnostics: &mut Diagnostics) -> Option<StateSettings> {
    let at = Path::attribute("state");
    let Some(map) = section.as_map() else {
        diagnostics.push(expected("a map with `backend`", section, &at));
        return None;
    };
    let errors = diagnostics.0.len();
    let mut texts = Texts { section, diagnostics };
    let backend = texts.text("backend");
    let known = backend_keys(backend.as_ref().map_or("", |backend| backend.text.as_str()));
    if known.is_empty() {
        texts.unknown_backend(backend.as_ref());
        return None;
    }
    for (key, value) in map {
        if known.contains(&key.as_str()) {
            continue;
        }
        let place = value.key_or_value_origin().clone();
        if CREDENTIALS.contains(&key.as_str()) {
            texts.push(credential(format!("`{key}` does not belong into a file"), &place));
            continue;
        }
        let diagnostic = Diagnostic::error(format!("`{key}` is not a key of this backend"))
            .at(at.child(key))
            .origin(Some(place));
        texts.push(match suggestion::help(key, known.iter().copied()) {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
    let backend = match backend.as_ref().map(|backend| backend.text.as_str()) {
        Some("postgresql") => texts.postgresql(),
        Some("s3") => texts.s3()?,
        _ => StateBackend::Sqlite,
    };
    let encrypt = texts.encrypt();
    (diagnostics.0.len() == errors).then(|| StateSettings {
        backend,
        encrypt,
        origin: section.key_or_value_origin().clone(),
    })
}

/// The place is told and not shown, because its line holds the credential.
pub(crate) fn credential(summary: String, place: &Origin) -> Diagnostic {
    Diagnostic::error(summary)
        .detail("konductor.yaml is read by everybody who has the project")
        .help(
            "take it out, and change it where it was seen; PostgreSQL: set PGPASSWORD or PGPASSFILE, or the whole URL \
             in KONDUCTOR_STATE_URL; S3: AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role",
        )
        .origin(Some(Origin::described(place.to_string())))
}

struct Texts<'a> {
    section: &'a Located,
    diagnostics: &'a mut Diagnostics,
}

impl Texts<'_> {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn get(&self, key: &str) -> Option<&Located> {
        let map = self.section.as_map()?;
        map.get(key).map(Box::as_ref).filter(|value| !value.is_removed())
    }

    fn text(&mut self, key: &str) -> Option<LocatedText> {
        let value = self.get(key)?.clone();
        crate::project::text(&value, Path::attribute("state").child(key), self.diagnostics)
    }

    fn wrong(&mut self, text: &LocatedText, key: &str, wanted: &str) {
        // What stands there is shown by the underlined line.
        let diagnostic = Diagnostic::error(format!("`state.{key}` cannot be used"))
            .detail(format!("expected {wanted}"))
            .at(Path::attribute("state").child(key))
            .origin(Some(text.origin.clone()));
        self.push(diagnostic);
    }

    fn unknown_backend(&mut self, named: Option<&LocatedText>) {
        let Some(named) = named else {
            // A value of another kind was told already.
            if self.get("backend").is_none() {
                let diagnostic = Diagnostic::error("`state` names no backend")
                    .help("add `backend:` with one of `sqlite`, `postgresql`, `s3`")
                    .at(Path::attribute("state"))
                    .origin(Some(self.section.key_or_value_origin().clone()));
                self.push(diagnostic);
            }
            return;
        };
        let diagnostic = Diagnostic::error(format!("`{}` is no backend for state", named.text))
            .at(Path::attribute("state").child("backend"))
            .origin(Some(named.origin.clone()));
        let near = if named.text.starts_with("postgres") {
            Some("did you mean `postgresql`?".to_owned())
        } else {
            suggestion::help(&named.text, BACKENDS)
        };
        self.push(match near {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }

    fn postgresql(&mut self) -> StateBackend {
        let url = self.text("url");
        if let Some(url) = &url {
            if holds_password(&url.text) {
                self.push(credential(
                    "the URL of the state holds a password".to_owned(),
                    &url.origin,
                ));
            } else if !["postgresql://", "postgres://"]
                .iter()
                .any(|scheme| url.text.starts_with(scheme))
            {
                self.wrong(url, "url", "postgresql://user@host:5432/database");
            }
        }
        StateBackend::PostgreSql { url }
    }

    fn s3(&mut self) -> Option<StateBackend> {
        let bucket = self.text("bucket");
        let prefix = self.text("prefix");
        let region = self.text("region");
        let endpoint = self.text("endpoint");
        if let Some(bucket) = &bucket
            && !is_bucket(&bucket.text)
        {
            self.wrong(
                bucket,
                "bucket",
                "the name of a bucket: 3 to 63 small letters, digits, `-` and `.`",
            );
        }
        if let Some(prefix) = &prefix
            && (prefix.text.starts_with('/') || prefix.text.contains("//") || !prefix.text.is_ascii())
        {
            self.wrong(
                prefix,
                "prefix",
                "names separated by `/`, such as `teams/platform`",
            );
        }
        if let Some(endpoint) = &endpoint {
            if endpoint.text.contains('@') {
                self.push(credential(
                    "the endpoint of the state holds a user".to_owned(),
                    &endpoint.origin,
                ));
            } else if !endpoint.text.starts_with("https://") && !is_loopback(&endpoint.text) {
                self.wrong(
                    endpoint,
                    "endpoint",
                    "https://HOST, or http:// to this very machine, 127.0.0.1 or localhost",
                );
            }
        }
        let Some(bucket) = bucket else {
            if self.get("bucket").is_none() {
                let diagnostic = Diagnostic::error("`state` names no bucket")
                    .help("add `bucket:`")
                    .at(Path::attribute("state"))
                    .origin(Some(self.section.key_or_value_origin().clone()));
                self.push(diagnostic);
            }
            return None;
        };
        Some(StateBackend::S3(Box::new(S3Bucket {
            bucket,
            prefix,
            region,
            endpoint,
        })))
    }

    fn encrypt(&mut self) -> bool {
        let Some(value) = self.get("encrypt") else {
            return false;
        };
        if let Node::Leaf(Value::Boolean(encrypt)) = &value.node {
            return *encrypt;
        }
        let diagnostic = expected("true or false", value, &Path::attribute("state").child("encrypt"));
        self.push(diagnostic);
        false
    }
}

/// Tells whether a URL of PostgreSQL holds a password, before the host or among the parameters.
pub(crate) fn holds_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    // Looked for up to the last `@`: a password may hold a slash that should have been written otherwise.
    let user = address.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':'))
        || query
            .split('&')
            .any(|part| part.split_once('=').is_some_and(|(name, _)| name == "password"))
}

fn is_bucket(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
}

pub(crate) fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}
