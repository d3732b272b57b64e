//! Strings over the memory of a guest and over request logs find no credential. One is planted, and the cloud is as
//! careless as can be: it writes back all that it was sent, and the secret key besides.
#![allow(
    clippy::disallowed_types,
    reason = "the cloud of these tests is a server of this process"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit, Mac};
use konductor_broker::{
    AccessKeys, AuditPermit, AuditSink, AuditUnavailable, Broker, BrokerOptions, CallRecord, CredentialBase,
    CredentialSource, EndpointGrant, Grant, SessionOptions, Vault,
};
use konductor_model::cloud::Cloud;
use konductor_model::provider::{CreateRequest, ObjectState, Outcome, Provider};
use konductor_model::{SecretText, TOKEN_PREFIX, Value};
use konductor_sandbox::{LoadOptions, Plugin, Sandbox, SandboxOptions};
use konductor_tests::{guest, holds};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

const KEY_ID: &str = "AKIDPLANTED000000000";
const SECRET: &str = "planted/secret+key/0123456789abcdefghijk";
/// Nothing but letters and digits, so that it could pass for an identifier of a request.
const TOKEN: &str = "PlantedSessionToken9876543210zyxwvutsrqponmlkjihgfedcba";

/// What the cloud says that is no secret: a header's value and a part of the body.
const PUBLIC_HEADER: &str = "a header that is no secret";
const PUBLIC_BODY: &str = "a body that is no secret";

/// A secret of the module's configuration and one of the resource's inputs: the guest is given tokens for them.
const SETTING: &str = "planted-setting-of-the-module-0123456789";
const INPUT: &str = "planted-input-of-the-resource-9876543210";

/// What may be found nowhere but in the signed request. Parts, because a part is a leak too.
fn secrets() -> [&'static str; 6] {
    [
        SECRET,
        &SECRET[..20],
        &SECRET[20..],
        TOKEN,
        &TOKEN[..27],
        &TOKEN[27..],
    ]
}

/// A request as it came over the wire.
#[derive(Clone)]
struct Received {
    first_line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let first_line = line();
        let mut headers = Vec::new();
        while let Some((name, value)) = line().split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut received = Self {
            first_line,
            headers,
            body: Vec::new(),
        };
        received
            .body
            .resize(received.header("content-length").parse().unwrap(), 0);
        reader.read_exact(&mut received.body).unwrap();
        received
    }

    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value)
    }

    /// Returns what the signature header says of `Credential`, `SignedHeaders` or `Signature`.
    fn signed(&self, part: &str) -> &str {
        let (_, after) = self
            .header("authorization")
            .split_once(&format!("{part}="))
            .unwrap_or_else(|| panic!("{part} should stand in {:?}", self.header("authorization")));
        after.split(',').next().unwrap()
    }

    /// Computes the signature as the cloud does, from what came in and the secret key.
    fn expected_signature(&self, region: &str, service: &str) -> String {
        let target = self.first_line.split(' ').collect::<Vec<_>>();
        let (path, query) = target[1].split_once('?').unwrap_or((target[1], ""));
        let names = self.signed("SignedHeaders");
        let headers: String = names
            .split(';')
            .map(|name| format!("{name}:{}\n", self.header(name)))
            .collect();
        let body = hex::encode(Sha256::digest(&self.body));
        let canonical = format!("{}\n{path}\n{query}\n{headers}\n{names}\n{body}", target[0]);
        let time = self.header("x-amz-date");
        let scope = format!("{}/{region}/{service}/aws4_request", &time[..8]);
        let text = format!(
            "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
            hex::encode(Sha256::digest(canonical))
        );
        let key = scope
            .split('/')
            .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| {
                keyed(&key, part)
            });
        hex::encode(keyed(&key, &text))
    }
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A cloud that writes back all that it gets, in headers and body, and the secret key in every way of writing.
struct CarelessCloud {
    url: url::Url,
    received: Arc<Mutex<Vec<Received>>>,
}

impl CarelessCloud {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = received.clone();
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                let request = Received::read(&stream);
                log.lock().unwrap().push(request.clone());
                answer(stream, &request);
            }
        });
        Self {
            url: url.parse().unwrap(),
            received,
        }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, request: &Received) {
    let percent = SECRET.replace('/', "%2F").replace('+', "%2B");
    let json = SECRET.replace('/', "\\/");
    let mut body = format!("{PUBLIC_BODY}\n{SECRET}\n{percent}\n{json}\n{TOKEN}\n");
    let mut head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\nx-public: {PUBLIC_HEADER}\r\nx-secret: {SECRET}\r\n\
         x-amz-request-id: {TOKEN}\r\nx-amz-security-token: {TOKEN}\r\nset-cookie: token={TOKEN}\r\n"
    );
    for (name, value) in &request.headers {
        head.push_str(&format!("x-echo-{name}: {value}\r\n"));
        body.push_str(&format!("{name}: {value}\n"));
    }
    write!(
        stream,
        "{head}content-length: {}\r\n\r\n{body}{}",
        body.len() + request.body.len(),
        String::from_utf8_lossy(&request.body)
    )
    .unwrap();
}

#[derive(Default)]
struct Records(Arc<Mutex<Vec<CallRecord>>>);

#[async_trait::async_trait]
impl AuditSink for Records {
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable> {
        let records = Arc::clone(&self.0);
        Ok(AuditPermit::new(move |record| {
            records.lock().unwrap().push(record)
        }))
    }
}

/// The hostile guest with a way to the cloud.
struct Deployment {
    plugin: Plugin,
    cloud: CarelessCloud,
    records: Arc<Records>,
    /// What the parts say of themselves.
    debug: String,
}

async fn deployment() -> Deployment {
    let cloud = CarelessCloud::open();
    let records = Arc::new(Records::default());
    let options = BrokerOptions::default();
    let vault = Arc::new(Vault::new());
    let planted = CredentialSource {
        base: CredentialBase::Keys(AccessKeys {
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: SecretText::new(SECRET),
            session_token: Some(SecretText::new(TOKEN)),
        }),
        ..CredentialSource::default()
    };
    let session = SessionOptions {
        rate_limit: None,
        plugin: "hostile".to_owned(),
        grant: Grant {
            endpoints: vec![EndpointGrant {
                id: "thing".to_owned(),
                override_url: Some(cloud.url.clone()),
                ..EndpointGrant::aws("ec2", "us-west-2")
            }],
            ..Grant::default()
        },
        credentials: [("hostile".to_owned(), planted)].into(),
        bearer_sources: Default::default(),
        http_credentials: Default::default(),
        vault: Some(Arc::clone(&vault)),
    };
    let mut debug = format!("{options:#?}\n{session:#?}\n{session:?}\n");
    let broker = Broker::new(options, Arc::clone(&records) as Arc<dyn AuditSink>).unwrap();
    let way_out: Arc<dyn Cloud> = broker.session(session).unwrap();
    let configuration = Value::from([
        ("region", Value::from("us-west-2")),
        ("setting", Value::from(SETTING).into_secret()),
    ]);
    let plugin = loaded().await.with_configuration(configuration, way_out, vault);
    debug.push_str(&format!("{broker:#?}\n{plugin:#?}\n"));
    Deployment {
        plugin,
        cloud,
        records,
        debug,
    }
}

async fn loaded() -> &'static Plugin {
    static LOADED: OnceCell<Plugin> = OnceCell::const_new();
    LOADED
        .get_or_init(async || {
            let sandbox = Sandbox::new(SandboxOptions::default()).unwrap();
            let component = std::fs::read(guest("hostile")).unwrap();
            let options = LoadOptions::from_origin("hostile");
            sandbox.load(&component, options).await.unwrap()
        })
        .await
}

impl Deployment {
    async fn create(&self, inputs: Value) -> ObjectState {
        let request = CreateRequest {
            resource_type: "hostile:test:Thing".parse().unwrap(),
            name: "web".parse().unwrap(),
            planned: inputs.clone(),
            inputs,
            private: Vec::new(),
            idempotency_token: "token".to_owned(),
        };
        match self.plugin.create(request).await.unwrap() {
            Outcome::Complete(object) => object,
            other => panic!("should be complete: {other:?}"),
        }
    }

    /// Lets the guest call the cloud and then count a text in all of its memory. The guest is told the text in
    /// reverse, so that the question does not count.
    async fn count_in_memory(&self, text: &str) -> i64 {
        let reversed: String = text.chars().rev().collect();
        let object = self
            .create(Value::from([
                ("do", Value::from("send")),
                ("then", Value::from("scan-memory")),
                ("secret", Value::from(INPUT).into_secret()),
                ("reversed", Value::from(reversed)),
            ]))
            .await;
        object
            .attributes
            .attribute("found")
            .unwrap()
            .as_integer()
            .unwrap()
    }
}

#[tokio::test]
async fn the_memory_of_a_guest_holds_no_credential_that_the_cloud_writes_back() {
    let deployment = deployment().await;
    for secret in secrets() {
        let found = deployment.count_in_memory(secret).await;
        assert_eq!(found, 0, "{secret:?} is in the memory");
    }
    // The scan finds what the cloud says, in headers and body, and that it said more than the guest may know.
    for present in [PUBLIC_HEADER, PUBLIC_BODY, "x-secret: [redacted]", KEY_ID] {
        let found = deployment.count_in_memory(present).await;
        assert!(found > 0, "{present:?} should be in the memory");
    }
}

#[tokio::test]
async fn the_memory_of_a_guest_holds_no_secret_of_configuration_or_inputs_even_when_the_cloud_writes_it_back()
{
    let deployment = deployment().await;
    for secret in [SETTING, INPUT, &SETTING[..20], &INPUT[..20]] {
        let found = deployment.count_in_memory(secret).await;
        assert_eq!(found, 0, "{secret:?} is in the memory");
    }
    assert!(deployment.count_in_memory(TOKEN_PREFIX).await > 0);
    // The cloud is sent the secret itself, writes it back, and the guest is given the token again.
    let inputs = Value::from([
        ("do", Value::from("send-told")),
        ("secret", Value::from(INPUT).into_secret()),
        (
            "headers",
            Value::from("content-type: application/x-www-form-urlencoded"),
        ),
        ("body", Value::from("Action=Describe&Password={secret}")),
    ]);
    let object = deployment.create(inputs).await;
    let sent = deployment.cloud.received();
    let body = String::from_utf8_lossy(&sent.last().unwrap().body).into_owned();
    assert!(body.contains(INPUT), "{body}");
    let said = object.attributes.attribute("body").unwrap();
    assert!(matches!(said, Value::Secret(_)), "{said:?}");
    let records = format!("{:#?}", deployment.records.0.lock().unwrap());
    for text in [records, format!("{object:#?}"), deployment.debug.clone()] {
        assert!(
            !holds(text.as_bytes(), INPUT) && !holds(text.as_bytes(), SETTING),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_a_guest_is_given_of_an_answer_holds_no_credential_in_any_form() {
    let deployment = deployment().await;
    let object = deployment.create(Value::from([("do", "send")])).await;
    let text = |name: &str| {
        let value = object.attributes.attribute(name).unwrap();
        value.as_text().unwrap().to_owned()
    };
    let given = text("headers") + &text("body");
    assert!(holds(given.as_bytes(), PUBLIC_HEADER), "{given}");
    assert!(holds(given.as_bytes(), PUBLIC_BODY), "{given}");
    let sent = deployment.cloud.received();
    let forms = [
        "planted%2Fsecret",
        "planted\\/secret",
        sent[0].signed("Signature"),
    ];
    for secret in secrets().into_iter().chain(forms) {
        assert!(!holds(given.as_bytes(), secret), "{secret:?} is in {given}");
    }
    for hidden in ["set-cookie", "\nx-amz-security-token"] {
        assert!(!text("headers").contains(hidden), "{given}");
    }
}

/// Keeps all that is traced in this process, at every level.
struct Traced;

static TRACED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl Write for Traced {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        TRACED.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_the_record_of_calls_nor_the_trace_nor_debug_output_holds_a_credential() {
    let deployment = deployment().await;
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| Traced)
        .init();
    let object = deployment.create(Value::from([("do", "send")])).await;
    let records = deployment.records.0.lock().unwrap().clone();
    let traced = String::from_utf8(TRACED.lock().unwrap().clone()).unwrap();

    assert_eq!(records.len(), 1, "{records:#?}");
    assert_eq!(records[0].operation.as_deref(), Some("Describe"));
    assert_eq!(records[0].status, Some(200));
    let host = deployment.cloud.url.authority();
    assert!(traced.contains(host), "the calls should be traced: {traced}");
    assert!(
        deployment.debug.contains("secret_access_key"),
        "{}",
        deployment.debug
    );

    let sent = deployment.cloud.received();
    for (what, text) in [
        ("the record", format!("{records:#?}")),
        ("the trace", traced),
        ("debug output", deployment.debug.clone()),
        ("the object", format!("{object:#?}")),
    ] {
        for secret in secrets().into_iter().chain([sent[0].signed("Signature")]) {
            assert!(!holds(text.as_bytes(), secret), "{secret:?} is in {what}: {text}");
        }
    }
}

#[tokio::test]
async fn the_cloud_is_sent_a_valid_signature_for_the_granted_scope() {
    let deployment = deployment().await;
    deployment.create(Value::from([("do", "send")])).await;
    let sent = deployment.cloud.received();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].body, b"Action=Describe");
    assert_eq!(sent[0].header("x-amz-security-token"), TOKEN);
    let date = &sent[0].header("x-amz-date")[..8];
    assert_eq!(
        sent[0].signed("AWS4-HMAC-SHA256 Credential"),
        format!("{KEY_ID}/{date}/us-west-2/ec2/aws4_request")
    );
    for name in ["host", "x-amz-date", "x-amz-security-token"] {
        let signed = sent[0].signed("SignedHeaders");
        assert!(signed.split(';').any(|signed| signed == name), "{name}: {signed}");
    }
    let signature = sent[0].signed("Signature");
    assert_eq!(signature, sent[0].expected_signature("us-west-2", "ec2"));
    assert_ne!(signature, sent[0].expected_signature("eu-west-1", "ec2"));
}
