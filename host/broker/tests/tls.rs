//! Real TLS and HTTP/2 with a private authority: the name is checked whatever the address, and looked up once.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "tests"
)]

mod support;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use konductor_broker::{BrokerOptions, EndpointGrant, Grant, Resolver};
use konductor_model::cloud::{Cloud, SendError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use support::{Records, get, options, session_of};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// What the server saw of one request.
#[derive(Debug, Clone)]
struct Seen {
    server_name: Option<String>,
    protocol: Option<Vec<u8>>,
    authority: String,
    path: String,
    signed: bool,
}

struct TlsCloud {
    port: u16,
    /// The authority's certificate, in PEM.
    authority: Vec<u8>,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for TlsCloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TlsCloud {
    /// Listens on loopback with a certificate for a name, signed by an authority made for it.
    async fn start(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = parameters.self_signed(&key).unwrap().pem().into_bytes();
        let issuer = Issuer::new(parameters, key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, Arc::clone(&log)));
            }
        });
        Self {
            port,
            authority,
            seen,
            task,
        }
    }

    /// Makes a session whose endpoint is a name at this server's port.
    fn session(&self, name: &str, resolver: Arc<Turning>, trusts: bool) -> (Arc<dyn Cloud>, Arc<Records>) {
        let options = BrokerOptions {
            resolver,
            extra_root_certificates: trusts.then(|| self.authority.clone()).into_iter().collect(),
            ..options()
        };
        let endpoint = EndpointGrant {
            override_url: Some(Url::parse(&format!("https://{name}:{}", self.port)).unwrap()),
            ..EndpointGrant::aws("s3", "us-west-2")
        };
        session_of(
            options,
            Grant {
                endpoints: vec![endpoint],
                ..Grant::default()
            },
        )
    }
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let (_, connection) = stream.get_ref();
    let server_name = connection.server_name().map(str::to_owned);
    let protocol = connection.alpn_protocol().map(<[u8]>::to_vec);
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        log.lock().unwrap().push(Seen {
            server_name: server_name.clone(),
            protocol: protocol.clone(),
            authority: request
                .uri()
                .authority()
                .map(ToString::to_string)
                .unwrap_or_default(),
            path: request.uri().path().to_owned(),
            signed: request.headers().contains_key("authorization"),
        });
        let _ = respond.send_response(http::Response::new(()), true);
    }
}

/// Answers first with this machine, then with an address that must never be connected to, as a rebinding name does.
#[derive(Default)]
struct Turning(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Resolver for Turning {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut asked = self.0.lock().unwrap();
        asked.push(host.to_owned());
        let address = if asked.len() == 1 {
            "127.0.0.1"
        } else {
            "169.254.169.254"
        };
        Ok(vec![address.parse().unwrap()])
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_the_connection_is_checked_for_the_name() {
    let server = TlsCloud::start("cloud.test").await;
    let resolver = Arc::new(Turning::default());
    let (cloud, records) = server.session("cloud.test", Arc::clone(&resolver), true);
    for _ in 0..3 {
        assert_eq!(cloud.send("urn", get("/bucket/key")).await.unwrap().status, 200);
    }
    assert_eq!(
        *resolver.0.lock().unwrap(),
        ["cloud.test"],
        "checked and connected by one look-up"
    );
    let seen = server.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 3);
    for seen in seen {
        assert_eq!(seen.server_name.as_deref(), Some("cloud.test"));
        assert_eq!(seen.protocol.as_deref(), Some(b"h2".as_slice()));
        assert_eq!(seen.authority, format!("cloud.test:{}", server.port));
        assert_eq!((seen.path.as_str(), seen.signed), ("/bucket/key", true));
    }
    assert!(records.all().iter().all(|record| record.status == Some(200)));
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_another_authority_gets_no_request() {
    for (name, trusts) in [("other.test", true), ("cloud.test", false)] {
        let server = TlsCloud::start("cloud.test").await;
        let (cloud, _) = server.session(name, Arc::new(Turning::default()), trusts);
        let error = cloud.send("urn", get("/bucket/key")).await.err().unwrap();
        let text = error.to_string();
        assert!(
            matches!(error, SendError::Connection(_) | SendError::Denied(_)),
            "{name}: {text}"
        );
        assert!(
            server.seen.lock().unwrap().is_empty(),
            "{name}: a request was sent"
        );
    }
}

#[tokio::test]
async fn a_name_that_turns_to_the_metadata_service_is_denied_when_it_is_looked_up_again() {
    let server = TlsCloud::start("cloud.test").await;
    let resolver = Arc::new(Turning::default());
    resolver.0.lock().unwrap().push("an earlier look-up".to_owned());
    let (cloud, records) = server.session("cloud.test", resolver, true);
    let error = cloud.send("urn", get("/bucket/key")).await.err().unwrap();
    assert!(matches!(error, SendError::Denied(_)), "{error:?}");
    assert_eq!(records.only().attempts, 1, "what is denied is not tried again");
}
