#![allow(clippy::disallowed_types, reason = "the tests are the registry")]

use super::*;
use crate::component::tests::component;
use crate::fetched::FetchedPlugin;
use crate::oci::artifact::Artifact;
use crate::progress::NoProgress;
use crate::source::PluginSource;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

#[test]
fn a_blob_of_another_size_or_digest_is_refused_at_every_byte() {
    let bytes = b"the plugin".to_vec();
    let part = Part {
        digest: Digest::of(&bytes),
        size: bytes.len() as u64,
    };
    let check = |bytes: Vec<u8>| check_blob(bytes, &part, "plugin", "here".into());
    assert!(check(bytes.clone()).is_ok());
    for position in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1;
        assert!(
            matches!(check(flipped), Err(OciError::WrongDigest { .. })),
            "{position}"
        );
        assert!(matches!(
            check(bytes[..position].to_vec()),
            Err(OciError::WrongSize { .. })
        ));
    }
}

#[test]
fn the_next_page_is_of_the_same_registry_or_not_followed() {
    let from: Url = "https://registry.example/v2/aws/tags/list?n=2".parse().unwrap();
    let page = |link: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, HeaderValue::from_static(link));
        next_page(&from, &headers).map(|url| url.to_string())
    };
    let next = "https://registry.example/v2/aws/tags/list?last=b&n=2";
    assert_eq!(
        page(r#"</v2/aws/tags/list?last=b&n=2>; rel="next""#).as_deref(),
        Some(next)
    );
    assert_eq!(
        page(r#"<https://evil.example/v2/aws/tags/list?last=b>; rel="next""#),
        None
    );
    assert_eq!(
        page(r#"<http://registry.example/v2/aws/tags/list?last=b>; rel="next""#),
        None
    );
    assert_eq!(page(r#"</v2/aws/tags/list?n=2>; rel="next""#), None);
    assert_eq!(page(r#"</v2/x>; rel="prev""#), None);
}

#[test]
fn what_a_registry_says_is_shown_short_and_without_escapes() {
    let body = br#"{"errors":[{"code":"NAME_UNKNOWN","message":"no\u001b[31m such"}]}"#;
    assert_eq!(error_message(body), "NAME_UNKNOWN no [31m such");
    assert_eq!(error_message(&[b'x'; 1000]).len(), SHOWN_ERROR);
}

/// A registry that answers what it is told to, and keeps what it was asked.
struct ScriptedRegistry {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ScriptedRegistry {
    /// `answers` go by method and path with query; anything else is not found.
    async fn open(answers: impl Fn(&str) -> BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = answers(&address);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                let line = request
                    .lines()
                    .next()
                    .unwrap_or("")
                    .trim_end_matches(" HTTP/1.1")
                    .to_owned();
                // One answer for those who say who they are, and another for those who do not.
                let with = format!("{line} authorized");
                let authorized = request.to_lowercase().contains("\nauthorization: ");
                let found = answers
                    .get(&with)
                    .filter(|_| authorized)
                    .or_else(|| answers.get(&line));
                let missing = answer("404 Not Found", "", b"");
                let reply = found.unwrap_or(&missing).clone();
                kept.lock().await.push(request);
                // The client hangs up on what is too much.
                let _ = stream.write_all(&reply).await;
            }
        });
        Self { address, asked }
    }

    async fn asked(&self) -> Vec<String> {
        self.asked.lock().await.clone()
    }

    async fn client(&self, docker_configuration: Option<std::path::PathBuf>) -> OciClient {
        let settings = NetworkSettings {
            plain_http_on_loopback: true,
            docker_configuration,
            ..NetworkSettings::default()
        };
        let repository = format!("oci://{}/demo", self.address).parse().unwrap();
        OciClient::new(&settings, &repository, Arc::new(NoProgress))
            .await
            .unwrap()
    }
}

async fn read_request(stream: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return text;
            }
            continue;
        };
        let length = head
            .to_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
            .unwrap_or(0);
        if body.len() >= length || read == 0 {
            return text;
        }
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn script(answers: &[(&str, Vec<u8>)]) -> BTreeMap<String, Vec<u8>> {
    answers
        .iter()
        .map(|(line, answer)| ((*line).to_owned(), answer.clone()))
        .collect()
}

/// A credential file in a folder of its own: `me:hunter2`, and an identity token if wanted.
fn credentials(folder: &std::path::Path, address: &str, more: &str) -> std::path::PathBuf {
    let path = folder.join("config.json");
    let text = format!(r#"{{"auths":{{"{address}":{{"auth":"bWU6aHVudGVyMg=="{more}}}}}}}"#);
    std::fs::write(&path, text).unwrap();
    path
}

fn part(bytes: &[u8]) -> Part {
    Part {
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
    }
}

#[tokio::test]
async fn a_blob_is_followed_to_another_store_without_credentials() {
    let blob = part(b"the plugin");
    let store =
        ScriptedRegistry::open(|_| script(&[("GET /blob?signature=x", answer("200 OK", "", b"the plugin"))]))
            .await;
    let line = format!("GET /v2/demo/blobs/{}", blob.digest);
    let registry = ScriptedRegistry::open(|_| {
        let away = format!("Location: http://{}/blob?signature=x\r\n", store.address);
        let challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n";
        script(&[
            (line.as_str(), answer("401 Unauthorized", challenge, b"")),
            (
                &format!("{line} authorized"),
                answer("307 Temporary Redirect", &away, b""),
            ),
        ])
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let client = registry
        .client(Some(credentials(folder.path(), &registry.address, "")))
        .await;
    let bytes = client.blob(&blob, "plugin", &|_| ()).await.unwrap();
    assert_eq!(bytes, b"the plugin");
    let asked = registry.asked().await;
    assert!(
        asked[1].to_lowercase().contains("authorization: basic "),
        "{asked:?}"
    );
    let elsewhere = store.asked().await;
    assert_eq!(elsewhere.len(), 1);
    assert!(
        !elsewhere[0].to_lowercase().contains("authorization"),
        "{elsewhere:?}"
    );
}

#[tokio::test]
async fn a_redirect_to_a_place_without_tls_or_without_an_end_is_refused() {
    let blob = part(b"x");
    let line = format!("GET /v2/demo/blobs/{}", blob.digest);
    let to = |location: &str| answer("302 Found", &format!("Location: {location}\r\n"), b"");
    for (location, expected) in [
        ("http://169.254.169.254/latest/meta-data", "without TLS"),
        ("file:///etc/passwd", "without TLS"),
        ("", "redirects more than"),
    ] {
        let registry = ScriptedRegistry::open(|_| script(&[(line.as_str(), to(location))])).await;
        let client = registry.client(None).await;
        let error = client
            .blob(&blob, "plugin", &|_| ())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{location}: {error}");
    }
}

#[tokio::test]
async fn an_answer_beyond_its_limit_is_not_read_to_its_end() {
    let size = usize::try_from(MANIFEST_LIMIT).unwrap() + 1;
    let announced = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    let mut endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    endless.extend(vec![b' '; size]);
    for reply in [announced, endless] {
        let registry =
            ScriptedRegistry::open(|_| script(&[("GET /v2/demo/manifests/1.0.0", reply.clone())])).await;
        let client = registry.client(None).await;
        let error = client.manifest("1.0.0", "x/y").await.unwrap_err().to_string();
        assert!(error.contains("which is the limit"), "{error}");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_with_the_password_and_an_identity_token_is_exchanged() {
    let line = "GET /v2/demo/manifests/1.0.0";
    let token = answer("200 OK", "", br#"{"token":"abc"}"#);
    let answers = |address: &str| {
        let challenge =
            format!("WWW-Authenticate: Bearer realm=\"http://{address}/token\",service=\"s\"\r\n");
        script(&[
            (line, answer("401 Unauthorized", &challenge, b"")),
            (
                "GET /v2/demo/manifests/1.0.0 authorized",
                answer("200 OK", "", b"{}"),
            ),
            (
                "GET /token?scope=repository%3Ademo%3Apull&service=s",
                token.clone(),
            ),
            ("POST /token", token.clone()),
        ])
    };
    let folder = tempfile::tempdir().unwrap();
    for (more, expected) in [
        ("", "authorization: basic bwu6ahvudgvymg=="),
        (
            r#","identitytoken":"refresh""#,
            "grant_type=refresh_token&client_id=konductor&refresh_token=refresh",
        ),
    ] {
        let registry = ScriptedRegistry::open(answers).await;
        let client = registry
            .client(Some(credentials(folder.path(), &registry.address, more)))
            .await;
        assert_eq!(client.manifest("1.0.0", "x/y").await.unwrap().unwrap(), b"{}");
        let asked = registry.asked().await;
        assert!(asked[1].to_lowercase().contains(expected), "{asked:?}");
        assert!(
            asked[2].to_lowercase().contains("authorization: bearer abc"),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_no_header_is_an_error_and_not_a_panic() {
    let registry = ScriptedRegistry::open(|address| {
        let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{address}/token\"\r\n");
        script(&[
            (
                "GET /v2/demo/manifests/1.0.0",
                answer("401 Unauthorized", &challenge, b""),
            ),
            (
                "GET /token?scope=repository%3Ademo%3Apull",
                answer("200 OK", "", br#"{"token":"a\r\nb: c"}"#),
            ),
        ])
    })
    .await;
    let client = registry.client(None).await;
    assert!(client.manifest("1.0.0", "x/y").await.is_err());
}

#[tokio::test]
async fn a_registry_that_keeps_referrers_itself_gets_no_index() {
    let plugin = FetchedPlugin::new(
        "demo",
        PluginSource::Bundled,
        "x".into(),
        component("demo", "1.0.0"),
    )
    .unwrap();
    let subject = Artifact::of(&plugin).unwrap().manifest;
    let bundle = crate::oci::artifact::bundle_manifest(b"bundle", &subject).unwrap();
    let (digest, about) = (Digest::of(&bundle), Digest::of(&subject));
    let mut index = crate::oci::index::Index::default();
    let kind = Some(crate::oci::manifest::BUNDLE_MEDIA_TYPE);
    index.add(crate::oci::index::IndexEntry::new(&bundle, kind, BTreeMap::new()));
    let put = format!("PUT /v2/demo/manifests/{digest}");
    let list = format!("GET /v2/demo/referrers/{about}");
    let manifest = format!("GET /v2/demo/manifests/{digest}");
    let head = |bytes: &[u8]| format!("HEAD /v2/demo/blobs/{}", Digest::of(bytes));
    let blob = format!("GET /v2/demo/blobs/{}", Digest::of(b"bundle"));
    let registry = ScriptedRegistry::open(|_| {
        script(&[
            (&head(b"bundle"), answer("200 OK", "", b"")),
            (&head(b"{}"), answer("200 OK", "", b"")),
            (
                &put,
                answer("201 Created", &format!("OCI-Subject: {about}\r\n"), b""),
            ),
            (&list, answer("200 OK", "", &index.to_bytes().unwrap())),
            (&manifest, answer("200 OK", "", &bundle)),
            (&blob, answer("200 OK", "", b"bundle")),
        ])
    })
    .await;
    let client = registry.client(None).await;
    client.push_bundle(b"bundle", &subject).await.unwrap();
    let asked = registry.asked().await;
    assert_eq!(
        asked.iter().filter(|request| request.starts_with("PUT ")).count(),
        1,
        "{asked:?}"
    );
    assert_eq!(client.bundles(&about).await.unwrap(), [b"bundle".to_vec()]);
}
