//! One PostgreSQL database: how it is reached, and one statement after the other.
//!
//! No transaction stays open between two messages, so a client that is cut off leaves no lock behind. The one that makes
//! the tables does, on a connection that is closed when it does not end.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use konductor_model::{SecretText, with_causes};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, Notify};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::backend::NetworkSettings;
use crate::backend::error::BackendError;

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long one answer may take. A large segment over a slow line has to fit.
const ANSWERING: Duration = Duration::from_secs(30);

/// A commit that a server acknowledges has to be durable; a server that waits for more is left as it is.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local')";

/// Where the database is.
#[derive(Debug, Clone)]
pub struct PostgreSqlSettings {
    /// `postgresql://user@host:port/database`, as libpq understands it. Without `sslmode`, TLS is required, except to
    /// this machine.
    pub url: SecretText,
    /// The password, where the URL has none.
    pub password: Option<SecretText>,
    /// The user, where the URL names none.
    pub user: Option<String>,
    /// How it is reached.
    pub network: NetworkSettings,
}

/// What is kept in a database.
#[derive(Debug, Clone, Copy)]
pub struct Tables {
    /// What messages call it.
    pub subject: &'static str,
    /// The table that is there when all are.
    pub last: &'static str,
    /// Makes the tables. Runs in one transaction.
    pub statements: &'static str,
    /// The key of the advisory lock under which they are made, because clients may come at once to an empty database.
    pub lock: i64,
}

/// A database, connected when it is first asked and again after the connection broke.
pub struct Database {
    title: Arc<str>,
    config: Config,
    tls: MakeRustlsConnect,
    tables: Tables,
    /// One connection, on which requests of many tasks follow each other without waiting; none after it broke.
    client: Mutex<Option<Arc<Client>>>,
    ear: Arc<Ear>,
}

/// What is listened for.
#[derive(Default)]
struct Ear {
    /// A channel, and what has to be said there.
    subject: std::sync::Mutex<Option<(&'static str, String)>>,
    heard: Notify,
}

impl Ear {
    fn subject(&self) -> Option<(&'static str, String)> {
        self.subject
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn listen_for(&self, channel: &'static str, said: &str) {
        *self.subject.lock().unwrap_or_else(PoisonError::into_inner) = Some((channel, said.to_owned()));
    }

    fn hear(&self, channel: &str, said: &str) {
        if self
            .subject()
            .is_some_and(|subject| subject.0 == channel && subject.1 == said)
        {
            self.heard.notify_one();
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Reads the settings. Nothing is connected yet.
    ///
    /// # Errors
    /// When the URL cannot be used or a certificate cannot be read.
    pub fn new(settings: PostgreSqlSettings, tables: Tables) -> Result<Self, BackendError> {
        let (url, sslmode) = without_sslmode(settings.url.reveal());
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            // The error of the parser names a part of the URL and never its password.
            BackendError::settings(
                format!(
                    "the URL of the {} is not one of PostgreSQL: {}",
                    tables.subject,
                    with_causes(&error)
                ),
                "expected postgresql://user@host:5432/database",
            )
        })?;
        if config.get_hosts().is_empty() {
            return Err(BackendError::settings(
                format!("the URL of the {} names no host", tables.subject),
                "expected postgresql://user@host:5432/database",
            ));
        }
        if config.get_user().is_none() {
            config.user(settings.user.as_deref().unwrap_or("konductor"));
        }
        if let (None, Some(password)) = (config.get_password(), &settings.password) {
            config.password(password.reveal());
        }
        let local = config.get_hosts().iter().all(is_local);
        config.ssl_mode(match sslmode.as_deref() {
            Some("disable") => SslMode::Disable,
            Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
            Some("prefer" | "allow") | None if local => SslMode::Prefer,
            Some("prefer" | "allow") | None => SslMode::Require,
            Some(other) => {
                return Err(BackendError::settings(
                    format!("the URL of the {} has sslmode `{other}`", tables.subject),
                    "expected `require`, which checks the server's certificate, or `disable`",
                ));
            }
        });
        config
            .connect_timeout(CONNECTING)
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(20))
            .tcp_user_timeout(ANSWERING)
            // A standby may be behind, and what is read here decides what is made.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("konductor");
        }
        Ok(Self {
            title: shown(&config).into(),
            tls: MakeRustlsConnect::new(settings.network.tls()?),
            config,
            tables,
            client: Mutex::new(None),
            ear: Arc::default(),
        })
    }

    /// Listens for one thing being said on one channel, on the connection that statements go over. It is listened for on
    /// every connection that is made later too; while there is none nothing is heard.
    ///
    /// # Errors
    /// When there is no answer, or it is no.
    pub async fn listen(&self, channel: &'static str, said: &str) -> Result<(), BackendError> {
        self.ear.listen_for(channel, said);
        self.query(&format!("LISTEN {channel}"), &[]).await?;
        Ok(())
    }

    /// Waits until what is listened for was said, since this was last waited for. Nothing that was said is missed while
    /// there is a connection.
    pub async fn heard(&self) {
        self.ear.heard.notified().await;
    }

    /// Returns the connection, made anew after it broke.
    async fn client(&self) -> Result<Arc<Client>, BackendError> {
        let mut kept = self.client.lock().await;
        if let Some(client) = kept.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = tokio::time::timeout(CONNECTING, self.connect())
            .await
            .unwrap_or_else(|_| Err(self.no_answer(CONNECTING)))?;
        let client = Arc::new(client);
        *kept = Some(Arc::clone(&client));
        Ok(client)
    }

    async fn connect(&self) -> Result<Client, BackendError> {
        let failed = |error| self.failed(error);
        let client = if self.config.get_ssl_mode() == SslMode::Disable {
            let (client, connection) = self.config.connect(NoTls).await.map_err(failed)?;
            tokio::spawn(keep(connection, Arc::clone(&self.ear)));
            client
        } else {
            let (client, connection) = self.config.connect(self.tls.clone()).await.map_err(failed)?;
            tokio::spawn(keep(connection, Arc::clone(&self.ear)));
            client
        };
        client.batch_execute(DURABLE).await.map_err(failed)?;
        if !self.has_tables(&client).await? {
            client
                .batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED")
                .await
                .map_err(failed)?;
            client
                .query("SELECT pg_advisory_xact_lock($1)", &[&self.tables.lock])
                .await
                .map_err(failed)?;
            // Who made them while this one waited may be at work in them already, and what changes a table and what
            // changes its rows would wait for each other.
            if !self.has_tables(&client).await? {
                client
                    .batch_execute(self.tables.statements)
                    .await
                    .map_err(failed)?;
            }
            client.batch_execute("COMMIT").await.map_err(failed)?;
        }
        if let Some((channel, _)) = self.ear.subject() {
            client
                .batch_execute(&format!("LISTEN {channel}"))
                .await
                .map_err(failed)?;
            // Whatever was said while there was no connection was not heard.
            self.ear.heard.notify_one();
        }
        Ok(client)
    }

    async fn has_tables(&self, client: &Client) -> Result<bool, BackendError> {
        // Not `to_regclass`: inside a transaction it answers from what the connection knew when that began.
        const FOUND: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class
            WHERE relname = $1::text AND pg_catalog.pg_table_is_visible(oid))";
        let row = client
            .query_one(FOUND, &[&self.tables.last])
            .await
            .map_err(|error| self.failed(error))?;
        self.column(&row, 0)
    }

    /// Runs one statement and returns its rows. A connection that gives no answer in time is given up, so that nothing
    /// that follows waits behind it.
    ///
    /// # Errors
    /// When there is no answer, or it is no.
    pub async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, BackendError> {
        let client = self.client().await?;
        match tokio::time::timeout(ANSWERING, client.query(sql, values)).await {
            Ok(answer) => answer.map_err(|error| self.failed(error)),
            Err(_) => {
                self.client
                    .lock()
                    .await
                    .take_if(|kept| Arc::ptr_eq(kept, &client));
                Err(self.no_answer(ANSWERING))
            }
        }
    }

    fn no_answer(&self, waited: Duration) -> BackendError {
        BackendError::unavailable(&self.title, format!("no answer within {waited:?}"))
    }

    fn failed(&self, error: tokio_postgres::Error) -> BackendError {
        let place = &self.title;
        let reason = with_causes(&error);
        let Some(code) = error.code() else {
            // Not the server: the connection.
            return BackendError::unavailable(place, reason);
        };
        let (class, _) = code.code().split_at_checked(2).unwrap_or_default();
        let advice = match class {
            // Connection, resources, conflict, operator intervention: over when tried again.
            "08" | "53" | "40" | "57" | "55" => return BackendError::unavailable(place, reason),
            // A server that has just become a standby.
            "25" => return BackendError::unavailable(place, reason),
            "28" => "set PGPASSWORD or PGPASSFILE, or KONDUCTOR_STATE_URL with user and password",
            "3D" => "create the database, or correct the URL",
            _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
                "let the user create tables in the database, or make them and grant SELECT and INSERT on them, and UPDATE \
                 where they hold more than backups"
            }
            _ => "look into the log of the server",
        };
        BackendError::refused(place, reason, advice)
    }

    /// Makes the error of a row that cannot be what was stored.
    pub fn damaged(&self, what: impl Into<String>) -> BackendError {
        BackendError::Damaged {
            place: Arc::clone(&self.title),
            what: what.into(),
        }
    }

    /// Returns the address without user and password.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Makes the error of a database that says no.
    pub fn refused(&self, reason: impl Into<String>, advice: impl Into<String>) -> BackendError {
        BackendError::refused(&self.title, reason, advice)
    }

    /// Reads a column.
    ///
    /// # Errors
    /// When it is of another type.
    pub fn column<'r, T: tokio_postgres::types::FromSql<'r>>(
        &self,
        row: &'r Row,
        column: usize,
    ) -> Result<T, BackendError> {
        row.try_get(column)
            .map_err(|error| self.damaged(with_causes(&error)))
    }

    /// Reads a column that is never negative.
    ///
    /// # Errors
    /// When it is.
    pub fn number(&self, row: &Row, column: usize) -> Result<u64, BackendError> {
        let number: i64 = self.column(row, column)?;
        u64::try_from(number).map_err(|_| self.damaged(format!("{number} is no position")))
    }
}

/// Carries what a connection sends and receives, until it ends.
async fn keep<S, T>(mut connection: Connection<S, T>, ear: Arc<Ear>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notification) = message {
            ear.hear(notification.channel(), notification.payload());
        }
    }
}

/// Takes `sslmode` out of a URL, because the client knows fewer of them than libpq.
fn without_sslmode(url: &str) -> (String, Option<String>) {
    let Some((address, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let mut mode = None;
    let rest: Vec<&str> = query
        .split('&')
        .filter(|part| match part.split_once('=') {
            Some(("sslmode", value)) => {
                mode = Some(value.to_owned());
                false
            }
            _ => true,
        })
        .collect();
    (format!("{address}?{}", rest.join("&")), mode)
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// Returns the address without user and password.
fn shown(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(index, host)| {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(folder) => format!("{}:{port}", folder.display()),
            }
        })
        .collect();
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("postgresql://{}/{database}", hosts.join(","))
}
