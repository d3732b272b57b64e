//! What is recorded of a session, what is kept out of the file, and a replay that has no network.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_types,
    reason = "tests"
)]

mod support;

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_broker::{
    AuditSink, Broker, BrokerOptions, Grant, NamedSecrets, RecordError, Recorder, Replay, Resolver,
    SessionOptions, Vault,
};
use konductor_model::cloud::{Cloud, CloudRequest, SendError};
use konductor_model::{SecretVault, Value};
use konductor_recording::Recording;
use support::{
    Received, Records, Reply, SECRET, Server, TOKEN, aws, body, describe_vpcs, get, grant, options, planted,
    status,
};
use tokio::net::TcpListener;
use url::Url;

/// Holds what every encoding escapes.
const PLANTED: &str = "planted \"sec&ret\"<'+/=\\%>";

fn secrets() -> NamedSecrets {
    let mut secrets = NamedSecrets::default();
    secrets.add("shelf.inputs.key", &Value::from(PLANTED));
    secrets
}

fn of_vault(grant: Grant, vault: &Arc<Vault>) -> SessionOptions {
    SessionOptions {
        vault: Some(Arc::clone(vault)),
        ..aws(grant, planted())
    }
}

struct UnderWay {
    server: Server,
    recorder: Arc<Recorder>,
    cloud: Arc<dyn Cloud>,
    vault: Arc<Vault>,
}

async fn recording(script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> UnderWay {
    let server = Server::start(script).await;
    let recorder = Recorder::new("aws", secrets()).unwrap();
    let broker = Broker::recording(options(), Arc::new(Records::default()), Arc::clone(&recorder)).unwrap();
    let vault = Arc::new(Vault::new());
    let cloud = broker.session(of_vault(grant(&server), &vault)).unwrap();
    UnderWay {
        server,
        recorder,
        cloud,
        vault,
    }
}

struct Replayed {
    replay: Arc<Replay>,
    cloud: Arc<dyn Cloud>,
    vault: Arc<Vault>,
    records: Arc<Records>,
}

/// Replays at the address of the grant, whoever is there.
fn replaying(recording: Recording, grant: Grant, options: BrokerOptions) -> Replayed {
    let replay = Replay::new(recording, secrets());
    let records = Arc::new(Records::default());
    let audit = Arc::clone(&records) as Arc<dyn AuditSink>;
    let broker = Broker::replaying(options, audit, Arc::clone(&replay)).unwrap();
    let vault = Arc::new(Vault::new());
    let mut session = of_vault(grant, &vault);
    // A replay needs none.
    session.credentials.clear();
    Replayed {
        cloud: broker.session(session).unwrap(),
        replay,
        vault,
        records,
    }
}

fn text(recording: &Recording) -> String {
    recording.to_text(Path::new("recording.json")).unwrap()
}

fn put(path: &str, body: String) -> CloudRequest {
    CloudRequest {
        method: "PUT".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.into_bytes(),
        ..get(path)
    }
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Every way in which the recording must not have a secret.
fn forms(secret: &str) -> Vec<String> {
    let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    // In the file itself every text is JSON once more.
    let twice = serde_json::Value::from(json.trim_matches('"')).to_string();
    vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        twice.trim_matches('"').to_owned(),
        percent.to_lowercase(),
        percent.replace('+', "%20"),
        percent,
        STANDARD.encode(secret),
        hexadecimal(secret),
        hexadecimal(secret).to_uppercase(),
    ]
}

#[tokio::test]
async fn no_secret_credential_signature_or_cookie_is_in_the_bytes_of_the_file() {
    const MADE_UP: &str = "made-up/by+the/cloud==";
    // The cloud writes back what it got in every form, and what signed it.
    let here = recording(|received, _| {
        let authorization = received.header("authorization").unwrap();
        let signature = authorization.rsplit('=').next().unwrap();
        let mut echo = format!("{}\n{authorization}\n{signature}\n{}", String::from_utf8_lossy(&received.body), received.target);
        for secret in [PLANTED, SECRET, TOKEN, MADE_UP] {
            for form in forms(secret) {
                echo.push_str(&format!("\n{form}"));
            }
        }
        echo.push_str("\nhttps://bucket.example/key?X-Amz-Signature=5ca1ab1e5ca1ab1e&amp;X-Amz-Credential=AKIAOTHER%2F1&x=1");
        echo.push_str("\n{\"url\": \"https://blob.example/c?se=1\\u0026sig=c1c1c1%2Fc1\"}");
        let headers = vec![
            ("set-cookie", "session=planted-cookie-value".to_owned()),
            ("x-amz-security-token", TOKEN.to_owned()),
            ("x-echo", format!("{SECRET} {PLANTED}")),
            ("location", "https://bucket.example/key?X-Amz-Signature=5ca1ab1e5ca1ab1e".to_owned()),
            ("x-request-id", "request-4711".to_owned()),
            ("date", "Thu, 01 Jan 2026 00:00:00 GMT".to_owned()),
        ];
        Reply::Answer(200, headers, echo.into_bytes())
    })
    .await;
    let token = here.vault.seal(&PLANTED.into());
    let mut request = put(
        "/bucket/key",
        format!(r#"{{"key":"{token}","sealed":"x{token}y"}}"#),
    );
    request.query.push(("key".to_owned(), token.clone()));
    request
        .headers
        .push(("x-amz-meta-key".to_owned(), "plain".to_owned()));
    request.headers.push((
        "x-amz-server-side-encryption-customer-key".to_owned(),
        "bm90IGtub3duIHRvIGFueWJvZHk=".to_owned(),
    ));
    here.cloud.send("shelf", request).await.unwrap();
    // Only now the plugin says that this is a secret.
    here.vault.seal(&MADE_UP.into());
    let sent = here.server.received().pop().unwrap();
    let authorization = sent.header("authorization").unwrap().to_owned();
    let signature = authorization.rsplit('=').next().unwrap().to_owned();
    assert!(
        String::from_utf8_lossy(&sent.body).contains("sec&ret"),
        "the secret was sent"
    );

    let file = text(&here.recorder.finish().unwrap());
    for secret in [PLANTED, SECRET, TOKEN, MADE_UP] {
        for form in forms(secret) {
            assert!(!file.contains(&form), "{form} is in {file}");
        }
    }
    for kept_out in [
        signature.as_str(),
        "planted-cookie-value",
        "\"set-cookie\"",
        "\"authorization\"",
        "\"x-amz-security-token\"",
        "\"x-amz-date\"",
        "5ca1ab1e",
        "AKIAOTHER",
        "c1c1c1",
        "request-4711",
        "Jan 2026",
        "bm90IGtub3du",
        "127.0.0.1",
        "konductor-sealed",
    ] {
        assert!(!file.contains(kept_out), "{kept_out} is in {file}");
    }
    for placeholder in [
        "{{secret:shelf.inputs.key}}",
        "{{secret:unnamed-1}}",
        "{{endpoint:s3}}/bucket/key?key=",
        "[redacted]",
    ] {
        assert!(file.contains(placeholder), "{placeholder} should be in {file}");
    }
}

/// What a plugin does, and what it sees: status, entity tag, body.
async fn life(cloud: &Arc<dyn Cloud>, vault: &Vault, token: &str) -> Vec<String> {
    let sealed = vault.seal(&PLANTED.into());
    let made = put(
        "/bucket/key",
        format!(r#"{{"key":"{sealed}","token":"{token}"}}"#),
    );
    let mut seen = Vec::new();
    for (resource, request) in [
        ("shelf", get("/bucket/key")),
        ("shelf", made),
        ("drawer", get("/bucket/other")),
        ("shelf", describe_vpcs()),
    ] {
        let answer = cloud.send(resource, request).await.unwrap();
        let tag = answer.headers.iter().find(|(name, _)| name == "etag").cloned();
        let body = match serde_json::from_slice::<serde_json::Value>(&answer.body) {
            Ok(json) => json.to_string(),
            Err(_) => format!("{:?}", answer.body),
        };
        // Tokens of a sealed secret differ from vault to vault, idempotency tokens from recording to recording.
        let body = body.replace(&sealed, "SEALED").replace(token, "TOKEN");
        seen.push(format!("{} {tag:?} {body}", answer.status));
    }
    seen
}

#[tokio::test]
async fn a_replay_answers_as_the_cloud_did_with_the_secrets_and_addresses_of_its_own_run() {
    let script = |received: &Received, number: usize| match number {
        0 => status(404),
        1 => {
            let sent = String::from_utf8_lossy(&received.body).into_owned();
            let host = received.header("host").unwrap();
            let echo = format!(
                r#"{{"sent": {sent}, "id": "i-1", "made": "made-up-by-the-cloud", "next": "http://{host}/next", "at": "{}"}}"#,
                STANDARD.encode(PLANTED)
            );
            Reply::Answer(
                201,
                vec![
                    ("etag", "\"1\"".to_owned()),
                    ("x-amz-checksum-crc32", "abc".to_owned()),
                ],
                echo.into_bytes(),
            )
        }
        2 => body(200, &b"\xff\x00binary"[..]),
        _ => Reply::Answer(200, vec![("content-length", "0".to_owned())], b"".to_vec()),
    };
    let here = recording(script).await;
    let recorded = life(&here.cloud, &here.vault, &here.recorder.token()).await;
    let recording = here.recorder.finish().unwrap();
    assert!(
        text(&recording).contains("\"token\": \"{{token:1}}\""),
        "{}",
        text(&recording)
    );
    // Read again, as another run does, with the server at another place or none.
    let recording = Recording::parse(Path::new("x"), text(&recording).as_bytes()).unwrap();
    let mut elsewhere = grant(&here.server);
    for endpoint in &mut elsewhere.endpoints {
        endpoint.override_url = Some("http://127.0.0.1:9".parse().unwrap());
    }
    let old = here.server.url.authority().to_owned();
    here.server.stop().await;
    let there = replaying(recording, elsewhere, options());
    let replayed = life(&there.cloud, &there.vault, &there.replay.token()).await;
    let recorded: Vec<String> = recorded
        .iter()
        .map(|seen| seen.replace(&old, "127.0.0.1:9"))
        .collect();
    assert_eq!(replayed, recorded);
    // It is the same token everywhere, in JSON and below base64.
    assert_eq!(replayed[1].matches("SEALED").count(), 2, "{replayed:#?}");
    assert!(replayed[1].contains("http://127.0.0.1:9/next"), "{replayed:#?}");
    let outcome = there.replay.finish();
    assert_eq!(
        (outcome.answered, outcome.unused.len(), outcome.unrecorded.len()),
        (4, 0, 0),
        "{outcome:?}"
    );
    assert_eq!(there.records.all().len(), 4, "every call is recorded as ever");
}

/// Answers with an address and notes what it is asked.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Resolver for Asked {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        self.0.lock().unwrap().push(host.to_owned());
        Ok(vec!["127.0.0.1".parse().unwrap()])
    }
}

#[tokio::test]
async fn a_replaying_broker_opens_no_connection_and_looks_no_name_up() {
    let here = recording(|_, _| body(200, &b"{}"[..])).await;
    here.cloud.send("shelf", get("/bucket/key")).await.unwrap();
    let recording = here.recorder.finish().unwrap();
    // Somebody listens where the requests would go, where the token service and the credentials would be asked.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = tokio::spawn(async move { listener.accept().await.map(|_| ()) });
    let url = Url::parse(&format!("http://localhost:{port}")).unwrap();
    let mut grant = grant(&here.server);
    for endpoint in &mut grant.endpoints {
        endpoint.override_url = Some(url.clone());
        endpoint.accounts = ["123456789012".to_owned()].into();
    }
    let resolver = Arc::new(Asked::default());
    let options = BrokerOptions {
        resolver: Arc::clone(&resolver) as Arc<dyn Resolver>,
        sts_endpoint: Some(url.clone()),
        ..options()
    };
    let bound = replaying(recording.clone(), grant.clone(), options.clone());
    let error = bound.cloud.send("shelf", get("/bucket/key")).await.err().unwrap();
    assert!(
        matches!(error, SendError::Denied(_)),
        "the question whose account it is has no answer: {error}"
    );
    grant
        .endpoints
        .iter_mut()
        .for_each(|endpoint| endpoint.accounts.clear());
    let there = replaying(recording, grant, options);
    assert_eq!(
        there
            .cloud
            .send("shelf", get("/bucket/key"))
            .await
            .unwrap()
            .status,
        200
    );
    for path in ["/bucket/key", "/bucket/other"] {
        let error = there.cloud.send("shelf", get(path)).await.err().unwrap();
        assert!(matches!(error, SendError::Other(_)), "{error}");
    }
    assert!(!accepted.is_finished(), "nobody may have connected");
    accepted.abort();
    assert!(
        accepted.await.is_err_and(|error| error.is_cancelled()),
        "nobody connected"
    );
    assert_eq!(*resolver.0.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn every_gate_stands_before_a_replay() {
    let here = recording(|_, _| body(200, &b"{}"[..])).await;
    here.cloud.send("shelf", get("/bucket/key")).await.unwrap();
    let recording = here.recorder.finish().unwrap();
    let mut narrow = grant(&here.server);
    narrow.endpoints[1].resource_prefixes = ["mine".to_owned()].into();
    let there = replaying(recording, narrow, options());
    for refused in [
        get("/bucket/key"),
        CloudRequest {
            endpoint: "iam".to_owned(),
            ..get("/")
        },
        CloudRequest {
            region: Some("ap-south-1".to_owned()),
            ..get("/mine")
        },
        CloudRequest {
            headers: vec![("authorization".to_owned(), "x".to_owned())],
            ..get("/mine")
        },
    ] {
        let error = there.cloud.send("shelf", refused).await.err().unwrap();
        assert!(matches!(error, SendError::Denied(_)), "{error}");
    }
    assert_eq!(there.replay.finish().answered, 0);
    assert_eq!(there.records.all().len(), 4);
}

#[tokio::test]
async fn a_request_that_is_not_recorded_fails_with_the_difference_and_the_unused_one_is_told() {
    let here = recording(|_, _| body(201, &b"{}"[..])).await;
    let made = |owner: &str| put("/bucket/key", format!(r#"{{"owner":"{owner}"}}"#));
    here.cloud.send("shelf", made("librarian")).await.unwrap();
    let there = replaying(here.recorder.finish().unwrap(), grant(&here.server), options());
    let error = there
        .cloud
        .send("shelf", made("archivist"))
        .await
        .err()
        .unwrap()
        .to_string();
    let difference = "the body at /owner: recorded `\"librarian\"`, now `\"archivist\"`";
    assert!(
        error.contains("`PUT {{endpoint:s3}}/bucket/key` is not in the recording"),
        "{error}"
    );
    assert!(error.contains(difference), "{error}");
    assert_eq!(there.records.only().attempts, 1, "it is not tried again");
    let outcome = there.replay.finish();
    assert!(outcome.unrecorded[0].contains(difference), "{outcome:?}");
    assert_eq!(
        outcome.unused,
        ["request 1 of the recording, for shelf: PUT {{endpoint:s3}}/bucket/key"]
    );
}

#[tokio::test]
async fn a_lost_connection_and_the_attempts_after_it_are_replayed() {
    let here = recording(|_, number| match number {
        0 => Reply::Close,
        1 => status(503),
        _ => body(200, &b"done"[..]),
    })
    .await;
    assert_eq!(
        here.cloud.send("shelf", get("/bucket/key")).await.unwrap().body,
        b"done"
    );
    let recording = here.recorder.finish().unwrap();
    assert!(
        text(&recording).contains("\"kind\": \"lost\""),
        "{}",
        text(&recording)
    );
    let there = replaying(recording, grant(&here.server), options());
    assert_eq!(
        there.cloud.send("shelf", get("/bucket/key")).await.unwrap().body,
        b"done"
    );
    assert_eq!(there.records.only().attempts, 3);
}

#[tokio::test]
async fn what_cannot_be_hidden_or_read_again_is_not_recorded() {
    let mut short = secrets();
    short.add("shelf.inputs.pin", &Value::from("1234567"));
    short.add(
        "shelf.inputs.codes",
        &Value::List(vec![Value::from("long enough"), Value::from(42)]),
    );
    let error = Recorder::new("aws", short).unwrap_err();
    assert_eq!(
        error,
        RecordError::Secrets {
            names: vec!["shelf.inputs.pin".to_owned(), "shelf.inputs.codes.1".to_owned()]
        }
    );
    let here = recording(|_, _| body(200, &b"hello {{secret:you}}"[..])).await;
    here.cloud.send("shelf", get("/bucket/key")).await.unwrap();
    let error = here.recorder.finish().unwrap_err();
    assert!(
        matches!(
            error,
            RecordError::Mark {
                mark: "{{secret:",
                ..
            }
        ),
        "{error}"
    );
    let large = BrokerOptions {
        limits: konductor_broker::CallLimits {
            request_body: 8 << 20,
            ..options().limits
        },
        ..options()
    };
    let recorder = Recorder::new("aws", secrets()).unwrap();
    let broker = Broker::recording(large, Arc::new(Records::default()), Arc::clone(&recorder)).unwrap();
    let server = Server::start(|_, _| status(200)).await;
    let cloud = broker.session(aws(grant(&server), planted())).unwrap();
    cloud
        .send("shelf", put("/bucket/key", "x".repeat(5 << 20)))
        .await
        .unwrap();
    let error = recorder.finish().unwrap_err();
    assert!(matches!(error, RecordError::TooLarge { .. }), "{error}");
}
