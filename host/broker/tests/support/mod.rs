//! A small HTTP/1.1 server that records what it gets and answers by script, and sessions that reach it.
#![allow(
    dead_code,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "a server for tests; each test file uses a part"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::signature::{UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use konductor_broker::{
    AccessKeys, AuditPermit, AuditSink, AuditUnavailable, BearerSource, Broker, BrokerOptions, CallLimits,
    CallRecord, CredentialBase, CredentialSource, EndpointGrant, Grant, RetryOptions, SessionOptions,
    ThrottleOptions,
};
use konductor_model::SecretText;
use konductor_model::cloud::{Cloud, CloudRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

pub const KEY_ID: &str = "AKIDPLANTED000000000";
pub const SECRET: &str = "planted/secret+key/0123456789abcdefghijk";
pub const TOKEN: &str = "planted/session+token==0123456789";

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
pub enum Reply {
    /// A status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes as they are, then the end.
    Raw(Vec<u8>),
    /// Closes the connection.
    Close,
    /// Never answers.
    Hang,
    /// One byte of the headers after another for ever.
    DripHeaders,
    /// Headers at once, then one byte of the body after another for ever.
    Drip,
}

pub fn status(code: u16) -> Reply {
    Reply::Answer(code, Vec::new(), Vec::new())
}

pub fn body(code: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply::Answer(code, Vec::new(), body.into())
}

pub struct Server {
    pub url: Url,
    received: Arc<Mutex<Vec<Received>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Starts a server; the script gets each request and its number, from 0.
    pub async fn start(script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(script), Arc::clone(&received));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                tokio::spawn(async move { serve(stream, script.as_ref(), &log).await });
            }
        });
        Self { url, received, task }
    }

    /// Stops listening; when it returns, connections are refused.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: &(impl Fn(&Received, usize) -> Reply + ?Sized),
    log: &Mutex<Vec<Received>>,
) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    match script(&request, number) {
        Reply::Answer(code, headers, body) => {
            let mut head = format!(
                "HTTP/1.1 {code} X\r\nconnection: close\r\ncontent-length: {}\r\n",
                body.len()
            );
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            if request.method != "HEAD" {
                let _ = stream.write_all(&body).await;
            }
        }
        Reply::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Reply::Close => {}
        Reply::Hang => std::future::pending().await,
        Reply::DripHeaders => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx-filler: ").await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Reply::Drip => {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                .await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Received {
        method,
        target,
        headers,
        body: bytes[head + 4..].to_vec(),
    })
}

/// Keeps the records.
#[derive(Default)]
pub struct Records(Arc<Mutex<Vec<CallRecord>>>);

#[async_trait::async_trait]
impl AuditSink for Records {
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable> {
        let records = Arc::clone(&self.0);
        Ok(AuditPermit::new(move |record| {
            records.lock().unwrap().push(record)
        }))
    }
}

impl Records {
    pub fn all(&self) -> Vec<CallRecord> {
        self.0.lock().unwrap().clone()
    }

    pub fn only(&self) -> CallRecord {
        let records = self.all();
        assert_eq!(records.len(), 1, "{records:?}");
        records[0].clone()
    }
}

/// Options whose pauses and limits suit a test.
pub fn options() -> BrokerOptions {
    BrokerOptions {
        retry: RetryOptions {
            most_attempts: 3,
            base: Duration::from_millis(1),
            longest: Duration::from_millis(2),
        },
        limits: CallLimits {
            response_body: 100_000,
            request_body: 100_000,
            ..CallLimits::default()
        },
        throttle: ThrottleOptions {
            minimum_rate: 10_000.0,
            rate: 10_000.0,
            ..ThrottleOptions::default()
        },
        ..BrokerOptions::default()
    }
}

pub fn planted() -> CredentialSource {
    CredentialSource {
        base: CredentialBase::Keys(AccessKeys {
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: SecretText::new(SECRET),
            session_token: Some(SecretText::new(TOKEN)),
        }),
        ..CredentialSource::default()
    }
}

/// Grants `ec2` and `s3` at the server, in two regions.
pub fn grant(server: &Server) -> Grant {
    let endpoint = |service: &str| EndpointGrant {
        regions: ["us-west-2", "eu-west-1"].map(str::to_owned).into(),
        override_url: Some(server.url.clone()),
        ..EndpointGrant::aws(service, "us-west-2")
    };
    Grant {
        endpoints: vec![endpoint("ec2"), endpoint("s3")],
        ..Grant::default()
    }
}

/// A session of the plugin `aws` with its own credentials and without sealed secrets.
pub fn aws(grant: Grant, credentials: CredentialSource) -> SessionOptions {
    SessionOptions {
        rate_limit: None,
        plugin: "aws".to_owned(),
        grant,
        credentials: [("aws".to_owned(), credentials)].into(),
        bearer_sources: Default::default(),
        http_credentials: Default::default(),
        vault: None,
    }
}

pub fn session_with(options: BrokerOptions, server: &Server) -> (Arc<dyn Cloud>, Arc<Records>) {
    let records = Arc::new(Records::default());
    let broker = Broker::new(options, Arc::clone(&records) as Arc<dyn AuditSink>).unwrap();
    (broker.session(aws(grant(server), planted())).unwrap(), records)
}

/// Makes a session of a broker with options of its own.
pub fn session_of(options: BrokerOptions, grant: Grant) -> (Arc<dyn Cloud>, Arc<Records>) {
    let records = Arc::new(Records::default());
    let broker = Broker::new(options, Arc::clone(&records) as Arc<dyn AuditSink>).unwrap();
    (broker.session(aws(grant, planted())).unwrap(), records)
}

pub fn session(server: &Server) -> (Arc<dyn Cloud>, Arc<Records>) {
    session_with(options(), server)
}

/// A form request as EC2's SDK sends it.
pub fn describe_vpcs() -> CloudRequest {
    CloudRequest {
        endpoint: "ec2".to_owned(),
        region: None,
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: Vec::new(),
        headers: vec![(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        )],
        body: b"Action=DescribeVpcs&Version=2016-11-15".to_vec(),
        idempotent: false,
    }
}

pub fn get(path: &str) -> CloudRequest {
    CloudRequest {
        endpoint: "s3".to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        ..describe_vpcs()
    }
}

/// Returns the options of a plugin that has one endpoint and gets bearer tokens for it.
pub fn bearer(plugin: &str, endpoint: EndpointGrant, source: BearerSource) -> SessionOptions {
    SessionOptions {
        rate_limit: None,
        plugin: plugin.to_owned(),
        grant: Grant {
            endpoints: vec![EndpointGrant {
                regions: Default::default(),
                credentials: Some(plugin.to_owned()),
                ..endpoint
            }],
            ..Grant::default()
        },
        credentials: BTreeMap::new(),
        bearer_sources: [(plugin.to_owned(), source)].into(),
        http_credentials: BTreeMap::new(),
        vault: None,
    }
}

/// Opens a session of a broker of its own.
pub fn opened(session: SessionOptions) -> (Arc<dyn Cloud>, Arc<Records>) {
    let records = Arc::new(Records::default());
    let broker = Broker::new(options(), Arc::clone(&records) as Arc<dyn AuditSink>).unwrap();
    (broker.session(session).unwrap(), records)
}

/// Returns a request that reads a path of an endpoint.
pub fn reading(endpoint: &str, path: &str) -> CloudRequest {
    CloudRequest {
        endpoint: endpoint.to_owned(),
        region: None,
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Vec::new(),
        idempotent: false,
    }
}

/// Returns the form that a request carries.
pub fn form(received: &Received) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(&received.body).into_owned().collect()
}

/// Returns the header and the claims of a signed assertion, which the public key has to verify.
pub fn assertion(
    text: &str,
    algorithm: &'static dyn VerificationAlgorithm,
    public_key: &[u8],
) -> (serde_json::Value, serde_json::Value) {
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(algorithm, public_key)
        .verify(signed.as_bytes(), &signature)
        .unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (read(header), read(claims))
}
