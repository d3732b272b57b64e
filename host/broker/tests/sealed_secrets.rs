//! A guest sends tokens, the cloud gets values in the encoding of their place, and what comes back is sealed again.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use base64::Engine as _;
use konductor_broker::{AuditSink, Broker, SessionOptions, Vault};
use konductor_model::cloud::{Cloud, CloudRequest, SendError};
use konductor_model::{SecretVault, Value};
use support::{
    Received, Records, Reply, Server, aws, body, describe_vpcs, get, grant, options, planted, status,
};

/// Holds what every encoding escapes.
const SECRET: &str = "planted \"sec&ret\"<'+/=\\%>";

struct Sealed {
    server: Server,
    cloud: Arc<dyn Cloud>,
    records: Arc<Records>,
    vault: Arc<Vault>,
}

async fn sealed(script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Sealed {
    let server = Server::start(script).await;
    let (records, vault) = (Arc::new(Records::default()), Arc::new(Vault::new()));
    let broker = Broker::new(options(), Arc::clone(&records) as Arc<dyn AuditSink>).unwrap();
    let session = SessionOptions {
        vault: Some(Arc::clone(&vault)),
        ..aws(grant(&server), planted())
    };
    Sealed {
        cloud: broker.session(session).unwrap(),
        server,
        records,
        vault,
    }
}

fn put(content_type: &str, body: impl Into<Vec<u8>>) -> CloudRequest {
    CloudRequest {
        method: "PUT".to_owned(),
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        body: body.into(),
        ..get("/bucket/key")
    }
}

impl Sealed {
    /// Sends a body and returns what arrived.
    async fn arrives(&self, content_type: &str, body: impl Into<Vec<u8>>) -> Vec<u8> {
        self.cloud.send("urn", put(content_type, body)).await.unwrap();
        self.server.received().pop().unwrap().body
    }

    /// Sends what must be refused and returns the message.
    async fn refused(&self, request: CloudRequest) -> String {
        let error = self.cloud.send("urn", request).await.err().unwrap();
        assert!(matches!(error, SendError::Denied(_)), "{error:?}");
        assert!(self.server.received().is_empty(), "it was sent: {error}");
        error.to_string()
    }
}

#[tokio::test]
async fn a_secret_gets_the_escapes_of_json_and_a_token_alone_its_type() {
    let here = sealed(|_, _| status(200)).await;
    let (text, number, yes, list) = (
        here.vault.seal(&SECRET.into()),
        here.vault.seal(&5432.into()),
        here.vault.seal(&true.into()),
        here.vault.seal(&vec!["planted-a", "planted-b"].into()),
    );
    let body = format!(
        r#"{{"a" : "{text}", "b": "x{text}y", "n":"{number}", "m": "port {number}", "y":"{yes}", "l":"{list}","1":1.50}}"#
    );
    let arrived = here
        .arrives("application/x-amz-json-1.1; charset=utf-8", body)
        .await;
    let parsed: serde_json::Value = serde_json::from_slice(&arrived).unwrap();
    assert_eq!(
        parsed,
        serde_json::json!({"a": SECRET, "b": format!("x{SECRET}y"), "n": 5432, "m": "port 5432", "y": true,
            "l": ["planted-a", "planted-b"], "1": 1.50})
    );
    assert!(
        String::from_utf8(arrived).unwrap().ends_with(r#""1":1.50}"#),
        "the rest stays as written"
    );
    assert_eq!(here.records.only().secrets, 6);
}

#[tokio::test]
async fn a_secret_inside_json_inside_another_text_gets_both_escapes() {
    let here = sealed(|_, _| status(200)).await;
    let token = here.vault.seal(&SECRET.into());
    let inner = serde_json::json!({"password": token, "port": here.vault.seal(&5432.into())}).to_string();
    let expected = serde_json::json!({"password": SECRET, "port": 5432});

    let outer = serde_json::json!({"definition": inner}).to_string();
    let arrived: serde_json::Value =
        serde_json::from_slice(&here.arrives("application/json", outer).await).unwrap();
    let found: serde_json::Value = serde_json::from_str(arrived["definition"].as_str().unwrap()).unwrap();
    assert_eq!(found, expected);

    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("Document", &inner)
        .finish();
    let arrived = here.arrives("application/x-www-form-urlencoded", form).await;
    let (_, found) = url::form_urlencoded::parse(&arrived).into_owned().next().unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&found).unwrap(),
        expected
    );

    let arrived = here.arrives("text/plain", inner).await;
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&arrived).unwrap(),
        expected
    );
}

#[tokio::test]
async fn a_secret_gets_the_escapes_of_a_form_and_cannot_begin_another_field() {
    let here = sealed(|_, _| status(200)).await;
    let token = here.vault.seal(&"planted&Action=AssumeRole".into());
    let arrived = here
        .arrives(
            "application/x-www-form-urlencoded",
            format!("Action=CreateUser&Password={token}&V=a%20b"),
        )
        .await;
    assert_eq!(
        String::from_utf8(arrived).unwrap(),
        "Action=CreateUser&Password=planted%26Action%3DAssumeRole&V=a%20b"
    );
}

#[tokio::test]
async fn a_secret_gets_the_escapes_of_xml() {
    let here = sealed(|_, _| status(200)).await;
    let token = here.vault.seal(&SECRET.into());
    let arrived = here
        .arrives(
            "application/xml",
            format!("<?xml version='1.0'?><a b=\"{token}\"><c>x{token}</c></a>"),
        )
        .await;
    let escaped = "planted &quot;sec&amp;ret&quot;&lt;&#39;+/=\\%&gt;";
    assert_eq!(
        String::from_utf8(arrived).unwrap(),
        format!("<?xml version='1.0'?><a b=\"{escaped}\"><c>x{escaped}</c></a>")
    );
}

#[tokio::test]
async fn a_secret_stands_in_plain_bodies_as_it_is_and_bytes_as_bytes() {
    let here = sealed(|_, _| status(200)).await;
    let (text, bytes) = (
        here.vault.seal(&SECRET.into()),
        here.vault.seal(&Value::Bytes(vec![0, 255, 7])),
    );
    assert_eq!(
        here.arrives("text/plain", format!("a{text}b")).await,
        format!("a{SECRET}b").into_bytes()
    );
    let mixed = [b"\xff\xfe", bytes.as_bytes(), b"end"].concat();
    assert_eq!(
        here.arrives("application/octet-stream", mixed).await,
        b"\xff\xfe\x00\xff\x07end"
    );
}

#[tokio::test]
async fn secrets_in_query_values_and_headers_are_placed_and_signed() {
    let here = sealed(|_, _| status(200)).await;
    let (query, header) = (
        here.vault.seal(&SECRET.into()),
        here.vault.seal(&"planted-header".into()),
    );
    let request = CloudRequest {
        query: vec![("password".to_owned(), query)],
        headers: vec![("x-amz-meta-password".to_owned(), format!("<{header}>"))],
        ..get("/bucket/key")
    };
    here.cloud.send("urn", request).await.unwrap();
    let received = here.server.received().pop().unwrap();
    assert_eq!(
        received.target,
        "/bucket/key?password=planted%20%22sec%26ret%22%3C%27%2B%2F%3D%5C%25%3E"
    );
    assert_eq!(received.header("x-amz-meta-password"), Some("<planted-header>"));
    assert!(
        received
            .header("authorization")
            .unwrap()
            .contains("x-amz-meta-password")
    );
    let record = here.records.only();
    assert_eq!(record.secrets, 2);
    assert!(!format!("{record:?}").contains("planted"), "{record:?}");
}

#[tokio::test]
async fn the_length_and_the_checksum_are_those_of_what_is_sent() {
    let here = sealed(|_, _| status(200)).await;
    let token = here
        .vault
        .seal(&"planted-and-much-longer-than-the-token-that-stands-for-it".into());
    let mut request = put("text/plain", token);
    request
        .headers
        .push(("content-md5".to_owned(), "of the token".to_owned()));
    request
        .headers
        .push(("x-amz-checksum-crc32".to_owned(), "of the token".to_owned()));
    here.cloud.send("urn", request).await.unwrap();
    let received = here.server.received().pop().unwrap();
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(&received.body);
    assert_eq!(
        received.header("content-length").unwrap(),
        received.body.len().to_string()
    );
    assert_eq!(
        received.header("x-amz-checksum-sha256").unwrap(),
        base64::engine::general_purpose::STANDARD.encode(hash)
    );
    assert_eq!(received.header("x-amz-content-sha256").unwrap().len(), 64);
    assert!(received.header("content-md5").is_none() && received.header("x-amz-checksum-crc32").is_none());
}

#[tokio::test]
async fn a_token_where_it_would_be_recorded_or_decide_what_is_called_is_refused() {
    let here = sealed(|_, _| status(200)).await;
    let token = here.vault.seal(&"planted".into());
    let form = |body: String| CloudRequest {
        body: body.into_bytes(),
        ..describe_vpcs()
    };
    let header = |name: &str| CloudRequest {
        headers: vec![(name.to_owned(), token.clone())],
        ..describe_vpcs()
    };
    let query = |name: &str, value: &str| CloudRequest {
        query: vec![(name.to_owned(), value.to_owned())],
        ..get("/bucket")
    };
    let encoded: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for request in [
        get(&format!("/bucket/{token}")),
        get(&format!("/bucket/{encoded}")),
        query(&token, "x"),
        query("Action", &token),
        form(format!("Action={token}&Version=1")),
        form(format!("{token}=x")),
        header("content-type"),
        header("x-amz-target"),
        header("x-amz-copy-source"),
        header("user-agent"),
        put("application/json", format!("{{\"{token}\": 1}}")),
        put("application/xml", format!("<{token}/>")),
        put("application/xml", format!("<a><!-- {token} --></a>")),
    ] {
        let shown = format!("{request:?} {}", String::from_utf8_lossy(&request.body));
        let message = here.refused(request).await;
        assert!(
            message.contains("a sealed secret stands in"),
            "{shown}: {message}"
        );
    }
}

#[tokio::test]
async fn a_token_of_another_plugin_is_refused_everywhere() {
    let here = sealed(|_, _| status(200)).await;
    let other = Vault::new().seal(&"planted-of-another".into());
    for content_type in [
        "application/json",
        "application/x-www-form-urlencoded",
        "application/xml",
        "text/plain",
        "application/octet-stream",
    ] {
        let body = match content_type {
            "application/json" => format!("{{\"a\":\"{other}\"}}"),
            "application/xml" => format!("<a>{other}</a>"),
            _ => format!("a={other}"),
        };
        let message = here.refused(put(content_type, body)).await;
        assert!(
            message.contains("of another run or another plugin"),
            "{content_type}: {message}"
        );
    }
}

#[tokio::test]
async fn a_body_whose_encoding_is_not_known_is_refused() {
    let here = sealed(|_, _| status(200)).await;
    let token = here.vault.seal(&"planted".into());
    for content_type in ["application/cbor", "image/png", "application/yaml"] {
        assert!(
            here.refused(put(content_type, token.clone()))
                .await
                .contains(content_type)
        );
    }
    let mut request = put("x", token.clone());
    request.headers.clear();
    assert!(here.refused(request).await.contains("of no content type"));
    for (content_type, body) in [
        ("application/json", format!("\"a\": \"{token}\"")),
        ("application/json", token.clone()),
        ("application/xml", format!("<a>&nbsp;{token}</a>")),
    ] {
        assert!(here.refused(put(content_type, body)).await.contains("is not the"));
    }
}

#[tokio::test]
async fn a_token_that_the_guest_encoded_itself_is_refused_with_what_to_grant() {
    let here = sealed(|_, _| status(200)).await;
    let token = here.vault.seal(&"planted".into());
    for before in ["", "a", "ab"] {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{before}{token}"));
        let message = here
            .refused(put("application/json", format!("\"{encoded}\"")))
            .await;
        assert!(message.contains("plugins.aws.grant.reveal"), "{message}");
    }
    let hexadecimal: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
    here.refused(put("text/plain", hexadecimal)).await;
}

#[tokio::test]
async fn what_the_cloud_repeats_is_sealed_before_the_guest_sees_it() {
    let here = sealed(|_, _| {
        let escaped = serde_json::Value::from(SECRET).to_string();
        let base64 = base64::engine::general_purpose::STANDARD.encode(SECRET);
        Reply::Answer(
            400,
            vec![
                ("x-echo", "is planted-header there".to_owned()),
                ("x-amz-request-id", "planted-header".to_owned()),
                ("x-amz-checksum-crc32", "AAAAAA==".to_owned()),
            ],
            format!("{{\"a\":{escaped},\"b\":\"{base64}\",\"Code\":\"planted-header\"}}").into_bytes(),
        )
    })
    .await;
    let (token, header) = (
        here.vault.seal(&SECRET.into()),
        here.vault.seal(&"planted-header".into()),
    );
    let answer = here.cloud.send("urn", get("/bucket/key")).await.unwrap();
    let parsed: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        parsed,
        serde_json::json!({"a": token, "b": token, "Code": header})
    );
    let seen = format!("{:?} {:?}", answer.headers, here.records.all());
    assert!(seen.contains(&format!("is {header} there")), "{seen}");
    assert!(!seen.contains("planted") && !seen.contains("checksum"), "{seen}");
    assert!(
        seen.contains(&format!("(\"content-length\", \"{}\")", answer.body.len())),
        "{seen}"
    );
}

#[tokio::test]
async fn a_secret_that_is_placed_is_not_in_the_error_when_the_connection_breaks() {
    let here = sealed(|_, _| Reply::Close).await;
    let token = here.vault.seal(&"planted-value".into());
    let request = CloudRequest {
        query: vec![("password".to_owned(), token)],
        method: "PUT".to_owned(),
        ..get("/bucket/key")
    };
    let error = here.cloud.send("urn", request).await.err().unwrap();
    let seen = format!("{error} {error:?} {:?}", here.records.all());
    assert!(!seen.contains("planted"), "{seen}");
    assert_eq!(here.records.only().secrets, 1);
}

#[tokio::test]
async fn a_session_without_a_vault_lets_no_token_out() {
    let server = Server::start(|_, _| body(200, "ok")).await;
    let (cloud, _) = support::session(&server);
    let token = Vault::new().seal(&"planted".into());
    assert!(cloud.send("urn", put("text/plain", token)).await.is_err());
    assert!(server.received().is_empty());
}
