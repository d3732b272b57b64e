//! Figures for Prometheus, offered on this machine alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::AlertError;

/// How long a request may be, in bytes.
const LONGEST: usize = 8 * 1024;
/// How long a client may take to ask and to read.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stack {
    project: String,
    stack: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Checked {
    project: String,
    stack: String,
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Found {
    project: String,
    stack: String,
    kind: String,
    severity: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Told {
    alert: String,
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Framework {
    project: String,
    stack: String,
    framework: String,
    level: String,
}

/// The frameworks and levels of each project and stack.
type KnownLevels = BTreeMap<(String, String), BTreeSet<(String, String)>>;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckResult {
    /// Everything was compared.
    Succeeded,
    /// Something could not be read, or the configuration is wrong.
    Failed,
    /// Somebody else worked on the stack.
    Skipped,
    /// It was handed over to a worker, which tells how it ended.
    Submitted,
}

impl CheckResult {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Submitted => "submitted",
        }
    }
}

/// The figures.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    checks: Family<Checked, Counter<u64, AtomicU64>>,
    differences: Family<Found, Gauge<i64, AtomicI64>>,
    objects: Family<Stack, Gauge<i64, AtomicI64>>,
    duration: Family<Stack, Gauge<f64, AtomicU64>>,
    last: Family<Stack, Gauge<f64, AtomicU64>>,
    alerts: Family<Told, Counter<u64, AtomicU64>>,
    findings: Family<Framework, Gauge<i64, AtomicI64>>,
    assessed: Family<Stack, Gauge<f64, AtomicU64>>,
    /// The frameworks and levels that each stack ever had, which do not vanish from the figures.
    frameworks: Arc<Mutex<KnownLevels>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::with_prefix("konductor");
        let metrics = Self {
            registry: Arc::default(),
            checks: Family::default(),
            differences: Family::default(),
            objects: Family::default(),
            duration: Family::default(),
            last: Family::default(),
            alerts: Family::default(),
            findings: Family::default(),
            assessed: Family::default(),
            frameworks: Arc::default(),
        };
        let registry = all.sub_registry_with_prefix("drift");
        registry.register("checks", "Checks by how they ended", metrics.checks.clone());
        registry.register(
            "differences",
            "Differences that the last check found, by kind and severity",
            metrics.differences.clone(),
        );
        registry.register(
            "objects",
            "Objects that the last check compared",
            metrics.objects.clone(),
        );
        registry.register(
            "check_duration_seconds",
            "How long the last check took",
            metrics.duration.clone(),
        );
        registry.register(
            "last_success_timestamp_seconds",
            "When the last check that succeeded ended",
            metrics.last.clone(),
        );
        registry.register("alerts", "Alerts by how they ended", metrics.alerts.clone());
        let registry = all.sub_registry_with_prefix("compliance");
        registry.register(
            "findings",
            "Findings that the last check had, by framework and level",
            metrics.findings.clone(),
        );
        registry.register(
            "last_success_timestamp_seconds",
            "When controls were assessed last",
            metrics.assessed.clone(),
        );
        Self {
            registry: Arc::new(Mutex::new(all)),
            ..metrics
        }
    }
}

impl Metrics {
    /// Counts a check.
    pub fn checked(&self, project: &str, stack: &str, result: CheckResult) {
        let labels = Checked {
            project: project.to_owned(),
            stack: stack.to_owned(),
            result: result.word().to_owned(),
        };
        self.checks.get_or_create(&labels).inc();
    }

    /// Takes what a check found: how many differences of each kind and severity there are. Those that were there and
    /// are no longer become zero.
    #[allow(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 fit for a long time"
    )]
    pub fn found(
        &self,
        project: &str,
        stack: &str,
        objects: usize,
        took: Duration,
        ended: Duration,
        all: impl IntoIterator<Item = (String, String, usize)>,
    ) {
        let labels = Stack {
            project: project.to_owned(),
            stack: stack.to_owned(),
        };
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.objects.get_or_create(&labels).set(whole(objects));
        self.duration.get_or_create(&labels).set(took.as_secs_f64());
        self.last.get_or_create(&labels).set(ended.as_secs_f64());
        for (kind, severity, count) in all {
            let labels = Found {
                project: project.to_owned(),
                stack: stack.to_owned(),
                kind,
                severity,
            };
            self.differences.get_or_create(&labels).set(whole(count));
        }
    }

    /// Takes how many findings of each level the frameworks of a stack have. Those of frameworks that are not named any more
    /// become zero.
    pub fn assessed(
        &self,
        project: &str,
        stack: &str,
        ended: Duration,
        all: impl IntoIterator<Item = (String, &'static str, usize)>,
    ) {
        let of = Stack {
            project: project.to_owned(),
            stack: stack.to_owned(),
        };
        self.assessed.get_or_create(&of).set(ended.as_secs_f64());
        let found: BTreeMap<(String, String), usize> = all
            .into_iter()
            .map(|(framework, level, count)| ((framework, level.to_owned()), count))
            .collect();
        let mut known = self.frameworks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry((of.project.clone(), of.stack.clone())).or_default();
        known.extend(found.keys().cloned());
        for (framework, level) in known.iter() {
            let key = (framework.clone(), level.clone());
            let count = found.get(&key).copied().unwrap_or_default();
            let labels = Framework {
                project: of.project.clone(),
                stack: of.stack.clone(),
                framework: framework.clone(),
                level: level.clone(),
            };
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.findings.get_or_create(&labels).set(count);
        }
    }

    /// Counts an alert.
    pub fn told(&self, alert: &str, succeeded: bool) {
        let result = if succeeded { "succeeded" } else { "failed" };
        let labels = Told {
            alert: alert.to_owned(),
            result: result.to_owned(),
        };
        self.alerts.get_or_create(&labels).inc();
    }

    /// Returns the figures in the text form of OpenMetrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        match encode(&mut text, &registry) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }
}

/// The figures, offered by HTTP.
#[allow(
    clippy::disallowed_types,
    reason = "figures of the host itself, on this machine alone; no plugin has to do with it"
)]
pub struct MetricsServer {
    listener: tokio::net::TcpListener,
    address: SocketAddr,
}

#[allow(clippy::disallowed_types, reason = "see MetricsServer")]
impl MetricsServer {
    /// Listens.
    ///
    /// # Errors
    /// When the address is not this machine's own, or is taken.
    pub async fn listen(address: SocketAddr) -> Result<Self, AlertError> {
        let failed = |reason: String| AlertError::Metrics {
            address: address.to_string(),
            reason,
        };
        if !address.ip().is_loopback() {
            return Err(failed(
                "only an address of this machine itself is taken, such as 127.0.0.1: nobody is asked who he is".to_owned(),
            ));
        }
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        Ok(Self { listener, address })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is dropped.
    pub async fn serve(self, metrics: Metrics) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let metrics = metrics.clone();
                    tokio::spawn(async move {
                        // A client that goes away is no matter.
                        let _ = tokio::time::timeout(PATIENCE, answer(stream, &metrics)).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection for figures could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

#[allow(clippy::disallowed_types, reason = "see MetricsServer")]
async fn answer(mut stream: tokio::net::TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let (status, body) = loop {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await?;
        bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&bytes) {
            Ok(httparse::Status::Complete(_)) => {
                let path = request.path.unwrap_or_default();
                break match (request.method, path.split('?').next()) {
                    (Some("GET"), Some("/metrics")) => ("200 OK", metrics.text()),
                    (Some("GET"), _) => ("404 Not Found", "the figures are at /metrics\n".to_owned()),
                    _ => ("405 Method Not Allowed", String::new()),
                };
            }
            Ok(httparse::Status::Partial) if read > 0 && bytes.len() < LONGEST => {}
            _ => break ("400 Bad Request", String::new()),
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
#[allow(clippy::disallowed_types, reason = "a client of the figures")]
mod tests {
    use super::*;

    async fn asked(address: SocketAddr, request: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn figures_are_offered_on_this_machine_and_nowhere_else() {
        let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
        assert!(MetricsServer::listen(everywhere).await.is_err());
        let server = MetricsServer::listen("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let address = server.address();
        let metrics = Metrics::default();
        let serving = tokio::spawn(server.serve(metrics.clone()));
        metrics.checked("shop", "de\"v", CheckResult::Succeeded);
        let counts = |count| [("changed-outside".to_owned(), "high".to_owned(), count)];
        let second = Duration::from_secs(1);
        metrics.found("shop", "dev", 7, second, second, counts(2));
        let answer = asked(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        for line in [
            "konductor_drift_checks_total{project=\"shop\",stack=\"de\\\"v\",result=\"succeeded\"} 1",
            "konductor_drift_differences{project=\"shop\",stack=\"dev\",kind=\"changed-outside\",severity=\"high\"} 2",
            "konductor_drift_objects{project=\"shop\",stack=\"dev\"} 7",
        ] {
            assert!(answer.contains(line), "{line} in {answer}");
        }
        metrics.found("shop", "dev", 7, second, second, counts(0));
        assert!(metrics.text().contains("severity=\"high\"} 0"));
        metrics.assessed("shop", "dev", second, [("soc2".to_owned(), "advisory", 3)]);
        let line = "konductor_compliance_findings{project=\"shop\",stack=\"dev\",framework=\"soc2\",level=\"advisory\"}";
        assert!(
            metrics.text().contains(&format!("{line} 3")),
            "{}",
            metrics.text()
        );
        metrics.assessed("shop", "dev", second, []);
        assert!(
            metrics.text().contains(&format!("{line} 0")),
            "{}",
            metrics.text()
        );
        let answer = asked(address, "GET / HTTP/1.1\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        let answer = asked(address, "nonsense\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        let answer = asked(address, &format!("GET /{} HTTP/1.1", "x".repeat(2 * LONGEST))).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        serving.abort();
    }
}
