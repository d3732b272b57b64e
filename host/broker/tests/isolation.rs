//! Two sessions share no connection, no pool, no gate and no vault; what a session looks up is only its own hosts.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "tests"
)]

mod support;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use konductor_broker::{Broker, BrokerOptions, EndpointGrant, Grant, Resolver};
use konductor_model::cloud::{CloudRequest, SendError};
use support::{Records, aws, describe_vpcs, get, options, planted, session_of};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// Keeps connections open and notes, for each request, the connection's number and the path.
struct KeepAlive {
    url: Url,
    seen: Arc<Mutex<Vec<(usize, String)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for KeepAlive {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl KeepAlive {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(keep_alive(stream, number, Arc::clone(&log)));
                number += 1;
            }
        });
        Self { url, seen, task }
    }

    fn grant(&self) -> Grant {
        Grant {
            endpoints: vec![EndpointGrant {
                override_url: Some(self.url.clone()),
                ..EndpointGrant::aws("s3", "us-west-2")
            }],
            ..Grant::default()
        }
    }
}

async fn keep_alive(mut stream: TcpStream, number: usize, log: Arc<Mutex<Vec<(usize, String)>>>) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {
        while let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            log.lock().unwrap().push((number, path));
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn two_sessions_never_use_one_connection_even_with_the_same_credentials() {
    let server = KeepAlive::start().await;
    let broker = Broker::new(options(), Arc::new(Records::default())).unwrap();
    let session = |plugin: &str| {
        let mut session = aws(server.grant(), planted());
        session.plugin = plugin.to_owned();
        session.credentials = [(plugin.to_owned(), planted())].into();
        broker.session(session).unwrap()
    };
    let (one, other) = (session("one"), session("other"));
    for _ in 0..3 {
        one.send("urn", get("/of-one")).await.unwrap();
        other.send("urn", get("/of-other")).await.unwrap();
    }
    let seen = server.seen.lock().unwrap().clone();
    let connections = |path: &str| -> std::collections::BTreeSet<usize> {
        seen.iter()
            .filter(|(_, found)| found == path)
            .map(|(number, _)| *number)
            .collect()
    };
    let (one, other) = (connections("/of-one"), connections("/of-other"));
    assert_eq!(
        (one.len(), other.len()),
        (1, 1),
        "each session keeps its connection: {seen:?}"
    );
    assert!(one.is_disjoint(&other), "{seen:?}");
}

/// Answers with an address and notes what it is asked.
#[derive(Default)]
struct Asked {
    addresses: Vec<IpAddr>,
    names: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Resolver for Asked {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        self.names.lock().unwrap().push(host.to_owned());
        Ok(self.addresses.clone())
    }
}

fn asked(address: &str) -> (Arc<Asked>, BrokerOptions) {
    let resolver = Arc::new(Asked {
        addresses: vec![address.parse().unwrap()],
        ..Asked::default()
    });
    let options = BrokerOptions {
        resolver: Arc::clone(&resolver) as Arc<dyn Resolver>,
        ..options()
    };
    (resolver, options)
}

#[tokio::test]
async fn an_override_of_one_session_opens_nothing_for_another() {
    let (_, options) = asked("127.0.0.1");
    let broker = Broker::new(options, Arc::new(Records::default())).unwrap();
    let host = EndpointGrant::aws("ec2", "us-west-2");
    let grant = |endpoint: EndpointGrant| Grant {
        endpoints: vec![endpoint],
        ..Grant::default()
    };
    let overridden = EndpointGrant {
        override_url: Some(Url::parse("https://ec2.us-west-2.amazonaws.com").unwrap()),
        ..host.clone()
    };
    let _with = broker.session(aws(grant(overridden), planted())).unwrap();
    let without = broker.session(aws(grant(host), planted())).unwrap();
    let error = without.send("urn", describe_vpcs()).await.err().unwrap();
    assert!(
        matches!(&error, SendError::Denied(text) if text.contains("not a public address")),
        "{error:?}"
    );
}

#[tokio::test]
async fn nothing_is_looked_up_for_a_request_that_is_refused() {
    let (resolver, options) = asked("192.0.2.1");
    let grant = Grant {
        endpoints: vec![
            EndpointGrant {
                regions: ["*".to_owned()].into(),
                ..EndpointGrant::aws("ec2", "us-west-2")
            },
            EndpointGrant {
                resource_prefixes: ["corp-".to_owned()].into(),
                ..EndpointGrant::aws("s3", "us-west-2")
            },
        ],
        ..Grant::default()
    };
    let (cloud, _) = session_of(options, grant);
    let region = |region: &str| CloudRequest {
        region: Some(region.to_owned()),
        ..describe_vpcs()
    };
    let header = |name: &str, value: &str| CloudRequest {
        headers: vec![(name.to_owned(), value.to_owned())],
        ..describe_vpcs()
    };
    for request in [
        CloudRequest {
            endpoint: "stolen-data.evil.example".to_owned(),
            ..describe_vpcs()
        },
        region("stolen-data-1"),
        region("stolen.evil.example"),
        region("us-east-1.evil.example"),
        get("//stolen-data.evil.example/"),
        get("http://stolen-data.evil.example/"),
        get("/evil-bucket/key"),
        header("Host", "stolen-data.evil.example"),
        header("Authorization", "forged"),
        CloudRequest {
            body: b"Action=CreateKeyPair".to_vec(),
            ..describe_vpcs()
        },
        CloudRequest {
            method: "CONNECT".to_owned(),
            ..describe_vpcs()
        },
    ] {
        assert!(cloud.send("urn", request).await.is_err());
    }
    assert!(
        resolver.names.lock().unwrap().is_empty(),
        "{:?}",
        resolver.names.lock().unwrap()
    );
    assert!(
        cloud.send("urn", describe_vpcs()).await.is_err(),
        "the address is not public"
    );
    assert_eq!(*resolver.names.lock().unwrap(), ["ec2.us-west-2.amazonaws.com"]);
}
