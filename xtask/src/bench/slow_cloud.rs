//! A cloud that takes its time: an HTTP server that answers every request after the same while, and counts them.
//!
//! It speaks just so much of PowerDNS's API that its example plugin can create zones: what is sent comes back with an
//! identifier. It keeps nothing.
#![allow(
    clippy::disallowed_types,
    reason = "it stands for the cloud, and listens on loopback"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// The most bytes that the head of a request may have.
const HEAD: usize = 64 << 10;

/// What was counted.
#[derive(Debug, Default)]
struct Counted {
    now: AtomicUsize,
    most: AtomicUsize,
    all: AtomicUsize,
}

/// The server. It ends when this is dropped.
pub struct SlowCloud {
    address: SocketAddr,
    counted: Arc<Counted>,
    _runtime: Runtime,
}

impl SlowCloud {
    /// Starts a server that answers after `latency`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(latency: Duration) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("starting the server")?;
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .context("listening")?;
        let address = listener.local_addr()?;
        let counted = Arc::new(Counted::default());
        let counter = Arc::clone(&counted);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counted = Arc::clone(&counter);
                tokio::spawn(async move {
                    // A connection that breaks is the client's to tell.
                    let _ = serve(stream, &counted, latency).await;
                });
            }
        });
        Ok(Self {
            address,
            counted,
            _runtime: runtime,
        })
    }

    /// Returns where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how many requests came, and how many of them there were at once at most.
    pub fn counted(&self) -> (usize, usize) {
        (
            self.counted.all.load(Ordering::SeqCst),
            self.counted.most.load(Ordering::SeqCst),
        )
    }
}

async fn serve(mut stream: TcpStream, counted: &Counted, latency: Duration) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    while let Some((head, length)) = read_head(&mut stream, &mut bytes).await? {
        while bytes.len() < head + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                bail!("the connection ended in a body");
            }
        }
        let rest = bytes.split_off(head + length);
        let answer = answer(bytes.get(head..).unwrap_or_default());
        bytes = rest;
        counted.all.fetch_add(1, Ordering::SeqCst);
        let now = counted.now.fetch_add(1, Ordering::SeqCst) + 1;
        counted.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(latency).await;
        counted.now.fetch_sub(1, Ordering::SeqCst);
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

/// Reads up to the end of a request's head; returns its length and that of the body. None at the end of a connection.
async fn read_head(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<Option<(usize, usize)>> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(Ok(0), |length| length.trim().parse())
                .context("a length that is none")?;
            return Ok(Some((end + 4, length)));
        }
        if bytes.len() > HEAD {
            bail!("a head that does not end");
        }
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}

/// Answers with what was sent; its name is its identifier.
fn answer(body: &[u8]) -> String {
    let mut object: Value = serde_json::from_slice(body).unwrap_or_default();
    if let (Some(name), Some(members)) = (object.get("name").cloned(), object.as_object_mut()) {
        members.insert("id".to_owned(), name);
    }
    let body = object.to_string();
    format!(
        "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::time::Instant;

    use super::*;

    #[test]
    fn it_answers_after_the_latency_what_it_was_sent_and_counts() {
        let latency = Duration::from_millis(50);
        let cloud = SlowCloud::start(latency).unwrap();
        let ask = || {
            let mut stream = std::net::TcpStream::connect(cloud.address).unwrap();
            stream
                .write_all(b"POST /zones HTTP/1.1\r\nContent-Length: 19\r\n\r\n{\"name\":\"one.org.\"}")
                .unwrap();
            stream
        };
        let since = Instant::now();
        let streams: Vec<_> = (0..3).map(|_| ask()).collect();
        for mut stream in streams {
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert!(text.starts_with("HTTP/1.1 201 "), "{text}");
            assert!(text.ends_with(r#"{"id":"one.org.","name":"one.org."}"#), "{text}");
        }
        assert!(since.elapsed() >= latency);
        let (all, most) = cloud.counted();
        assert_eq!(all, 3);
        assert!((1..=3).contains(&most), "{most}");
    }
}
