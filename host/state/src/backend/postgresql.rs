//! Logs in a PostgreSQL database: two tables, and one statement for every operation.
//!
//! An append moves the head of the stack and inserts the segment in one statement, which a server does wholly or not
//! at all. No transaction stays open between two messages, so a client that is cut off leaves no lock behind.

mod backup;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use konductor_model::{SecretText, with_causes};
use tokio::sync::Mutex;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::backend::error::BackendError;
use crate::backend::{Appended, Backend, Claim, Holder, Lease, NetworkSettings, Segment, StoredSegment};
use crate::schema::StackIdentity;

/// The form of the tables.
const FORMAT: i32 = 1;

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long one answer may take. A large segment over a slow line has to fit.
const ANSWERING: Duration = Duration::from_secs(30);

/// Made under a lock of the database, because two clients may come at once to an empty one.
const TABLES: &str = "
BEGIN;
SELECT pg_advisory_xact_lock(7091314202117);
CREATE TABLE IF NOT EXISTS konductor_stack (
    project text NOT NULL, stack text NOT NULL, format integer NOT NULL DEFAULT 1,
    serial bigint NOT NULL DEFAULT 0, lease bigint NOT NULL DEFAULT 0,
    holder text, owner text, expires timestamptz, moved text,
    PRIMARY KEY (project, stack)
);
CREATE TABLE IF NOT EXISTS konductor_segment (
    project text NOT NULL, stack text NOT NULL, first bigint NOT NULL, body bytea NOT NULL,
    PRIMARY KEY (project, stack, first),
    FOREIGN KEY (project, stack) REFERENCES konductor_stack
);
COMMIT;
";

/// What a client makes where it is not there.
#[derive(Debug, Clone, Copy)]
struct Tables {
    /// The last one to be made: where it is, all are.
    last: &'static str,
    statements: &'static str,
}

const OF_LOGS: Tables = Tables {
    last: "konductor_segment",
    statements: TABLES,
};

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

/// The logs, or the backups, in one database.
pub struct PostgreSql {
    title: Arc<str>,
    tables: Tables,
    config: Config,
    tls: MakeRustlsConnect,
    /// One connection, on which requests of many tasks follow each other without waiting; none after it broke.
    client: Mutex<Option<Arc<Client>>>,
}

impl std::fmt::Debug for PostgreSql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgreSql")
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

impl PostgreSql {
    /// Reads the settings. Nothing is connected yet.
    ///
    /// # Errors
    /// When the URL cannot be used or a certificate cannot be read.
    pub fn new(settings: PostgreSqlSettings) -> Result<Self, BackendError> {
        Self::with_tables(settings, OF_LOGS)
    }

    fn with_tables(settings: PostgreSqlSettings, tables: Tables) -> Result<Self, BackendError> {
        let (url, sslmode) = without_sslmode(settings.url.reveal());
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            // The error of the parser names a part of the URL and never its password.
            BackendError::settings(
                format!(
                    "the URL of the state is not one of PostgreSQL: {}",
                    with_causes(&error)
                ),
                "expected postgresql://user@host:5432/database",
            )
        })?;
        if config.get_hosts().is_empty() {
            return Err(BackendError::settings(
                "the URL of the state names no host",
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
                    format!("the URL of the state has sslmode `{other}`"),
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
            tables,
            tls: MakeRustlsConnect::new(settings.network.tls()?),
            config,
            client: Mutex::new(None),
        })
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
            tokio::spawn(connection);
            client
        } else {
            let (client, connection) = self.config.connect(self.tls.clone()).await.map_err(failed)?;
            tokio::spawn(connection);
            client
        };
        client.batch_execute(DURABLE).await.map_err(failed)?;
        let made: bool = client
            .query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&self.tables.last])
            .await
            .map_err(failed)?
            .get(0);
        if !made {
            client
                .batch_execute(self.tables.statements)
                .await
                .map_err(failed)?;
        }
        Ok(client)
    }

    /// Runs one statement and returns its rows. A connection that gives no answer in time is given up, so that nothing
    /// that follows waits behind it.
    async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, BackendError> {
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
                 where they hold state"
            }
            _ => "look into the log of the server",
        };
        BackendError::refused(place, reason, advice)
    }

    fn damaged(&self, what: impl Into<String>) -> BackendError {
        BackendError::Damaged {
            place: Arc::clone(&self.title),
            what: what.into(),
        }
    }

    async fn make_row(&self, stack: &StackIdentity) -> Result<(), BackendError> {
        self.query(
            "INSERT INTO konductor_stack (project, stack, format) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[&stack.project, &stack.stack, &FORMAT],
        )
        .await?;
        Ok(())
    }

    /// Reads a row of the stack, where there is one, and checks that this version knows its form.
    async fn row(&self, stack: &StackIdentity) -> Result<Option<Row>, BackendError> {
        let rows = self
            .query(
                "SELECT format, serial, lease, holder, owner, expires < clock_timestamp(), moved
                 FROM konductor_stack WHERE project = $1 AND stack = $2",
                &[&stack.project, &stack.stack],
            )
            .await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let format: i32 = self.column(&row, 0)?;
        if format > FORMAT {
            return Err(BackendError::refused(
                &self.title,
                format!("it has form {format} and this version reads up to {FORMAT}"),
                "use the newer version of Konductor that wrote it",
            ));
        }
        Ok(Some(row))
    }

    fn column<'r, T: tokio_postgres::types::FromSql<'r>>(
        &self,
        row: &'r Row,
        column: usize,
    ) -> Result<T, BackendError> {
        row.try_get(column)
            .map_err(|error| self.damaged(with_causes(&error)))
    }

    fn number(&self, row: &Row, column: usize) -> Result<u64, BackendError> {
        let number: i64 = self.column(row, column)?;
        u64::try_from(number).map_err(|_| self.damaged(format!("{number} is no position")))
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Backend for PostgreSql {
    fn title(&self) -> &str {
        &self.title
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, BackendError> {
        let rows = self
            .query(
                "SELECT stack FROM konductor_stack WHERE project = $1 AND serial > 0 AND moved IS NULL
                 ORDER BY stack COLLATE \"C\"",
                &[&project],
            )
            .await?;
        rows.iter().map(|row| self.column(row, 0)).collect()
    }

    async fn read(
        &self,
        stack: &StackIdentity,
        from: u64,
        most: usize,
    ) -> Result<Vec<StoredSegment>, BackendError> {
        let rows = self
            .query(
                "SELECT first, body FROM konductor_segment WHERE project = $1 AND stack = $2 AND first >= $3
                 ORDER BY first LIMIT $4",
                &[&stack.project, &stack.stack, &signed(from), &signed(most as u64)],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(StoredSegment {
                    first: self.number(row, 0)?,
                    body: self.column(row, 1)?,
                })
            })
            .collect()
    }

    async fn append(
        &self,
        stack: &StackIdentity,
        segment: &Segment,
        lease: Option<u64>,
    ) -> Result<Appended, BackendError> {
        if segment.first == 1 {
            self.make_row(stack).await?;
        }
        let before = signed(segment.first.saturating_sub(1));
        let lease_number = lease.map(signed);
        let stored = self
            .query(
                "WITH head AS (
                     UPDATE konductor_stack SET serial = $4
                     WHERE project = $1 AND stack = $2 AND serial = $3 AND format <= $7
                         AND ($5::bigint IS NULL OR lease = $5) RETURNING serial
                 )
                 INSERT INTO konductor_segment (project, stack, first, body)
                 SELECT $1, $2, $3 + 1, $6 FROM head RETURNING first",
                &[
                    &stack.project,
                    &stack.stack,
                    &before,
                    &signed(segment.last),
                    &lease_number,
                    &segment.body,
                    &FORMAT,
                ],
            )
            .await?;
        if !stored.is_empty() {
            return Ok(Appended::Stored);
        }
        let now = self.lease(stack).await?;
        Ok(match lease {
            Some(number) if number != now.number => Appended::Fenced,
            _ => Appended::HeadMoved,
        })
    }

    async fn lease(&self, stack: &StackIdentity) -> Result<Lease, BackendError> {
        let Some(row) = self.row(stack).await? else {
            return Ok(Lease::default());
        };
        let token: Option<String> = self.column(&row, 3)?;
        let owner: Option<String> = self.column(&row, 4)?;
        let expired: Option<bool> = self.column(&row, 5)?;
        Ok(Lease {
            number: self.number(&row, 2)?,
            holder: token.map(|token| Holder {
                token,
                owner: owner.unwrap_or_default(),
                expired: expired.unwrap_or(false),
            }),
        })
    }

    async fn take(
        &self,
        stack: &StackIdentity,
        seen: u64,
        claim: Option<&Claim>,
    ) -> Result<bool, BackendError> {
        self.make_row(stack).await?;
        let taken = self
            .query(
                "UPDATE konductor_stack SET lease = lease + 1, holder = $4, owner = $5,
                     expires = clock_timestamp() + $6::bigint * interval '1 millisecond'
                 WHERE project = $1 AND stack = $2 AND lease = $3 RETURNING lease",
                &[
                    &stack.project,
                    &stack.stack,
                    &signed(seen),
                    &claim.map(|claim| claim.token.as_str()),
                    &claim.map(|claim| claim.owner.as_str()),
                    &claim.map(|claim| milliseconds(claim.duration)),
                ],
            )
            .await?;
        Ok(!taken.is_empty())
    }

    async fn renew(&self, stack: &StackIdentity, number: u64, claim: &Claim) -> Result<bool, BackendError> {
        let renewed = self
            .query(
                "UPDATE konductor_stack SET expires = clock_timestamp() + $5::bigint * interval '1 millisecond'
                 WHERE project = $1 AND stack = $2 AND lease = $3 AND holder = $4 RETURNING lease",
                &[
                    &stack.project,
                    &stack.stack,
                    &signed(number),
                    &claim.token,
                    &milliseconds(claim.duration),
                ],
            )
            .await?;
        Ok(!renewed.is_empty())
    }

    async fn release(&self, stack: &StackIdentity, number: u64, claim: &Claim) -> Result<(), BackendError> {
        self.query(
            "UPDATE konductor_stack SET holder = NULL, owner = NULL, expires = NULL
             WHERE project = $1 AND stack = $2 AND lease = $3 AND holder = $4",
            &[&stack.project, &stack.stack, &signed(number), &claim.token],
        )
        .await?;
        Ok(())
    }

    async fn moved(&self, stack: &StackIdentity) -> Result<Option<String>, BackendError> {
        match self.row(stack).await? {
            Some(row) => self.column(&row, 6),
            None => Ok(None),
        }
    }

    async fn set_moved(&self, stack: &StackIdentity, to: Option<&str>) -> Result<(), BackendError> {
        self.make_row(stack).await?;
        self.query(
            "UPDATE konductor_stack SET moved = $3 WHERE project = $1 AND stack = $2",
            &[&stack.project, &stack.stack, &to],
        )
        .await?;
        Ok(())
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
