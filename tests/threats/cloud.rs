//! The cloud of these tests: a server on loopback that keeps what it gets, keeps connections open and answers by
//! script.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use url::Url;

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Received {
    /// The number of the connection it came over, from 0.
    pub connection: usize,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// What the server does with a request.
pub enum Reply {
    /// Answers with a status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Answers with a head that promises a body, of which one byte after another comes for ever.
    Drip,
}

/// Answers with a body.
pub fn body(body: impl Into<Vec<u8>>) -> Reply {
    Reply::Answer(200, Vec::new(), body.into())
}

/// A server that ends with the process.
pub struct FakeCloud {
    pub url: Url,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    connections: Mutex<usize>,
    received: Mutex<Vec<Received>>,
}

impl FakeCloud {
    pub fn open(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (log, script) = (Arc::new(Log::default()), Arc::new(script));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                let number = {
                    let mut connections = kept.connections.lock().unwrap();
                    *connections += 1;
                    *connections - 1
                };
                let (kept, script) = (Arc::clone(&kept), Arc::clone(&script));
                // Ends when the peer closes the connection, or the server does not want it any more.
                std::thread::spawn(move || serve(&stream, number, &kept, script.as_ref()));
            }
        });
        Self {
            url: url.parse().unwrap(),
            log,
        }
    }

    /// Opens a cloud that is content with everything.
    pub fn content() -> Self {
        Self::open(|_| body("<ok/>"))
    }

    pub fn received(&self) -> Vec<Received> {
        self.log.received.lock().unwrap().clone()
    }

    /// Returns what came last.
    #[track_caller]
    pub fn last(&self) -> Received {
        self.received().pop().expect("something should have been sent")
    }

    /// Returns how many connections were made, with or without a request.
    pub fn connections(&self) -> usize {
        *self.log.connections.lock().unwrap()
    }

    /// Checks that nobody so much as connected.
    #[track_caller]
    pub fn assert_untouched(&self, why: &str) {
        assert_eq!(self.connections(), 0, "{why}: {:#?}", self.received());
    }
}

fn serve(mut stream: &TcpStream, number: usize, log: &Log, script: &(impl Fn(&Received) -> Reply + ?Sized)) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader, number) {
        log.received.lock().unwrap().push(request.clone());
        // A peer that has gone is no matter of the server's.
        let answered = match script(&request) {
            Reply::Answer(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let mut answer = format!("{head}\r\n").into_bytes();
                answer.extend(body);
                stream.write_all(&answer)
            }
            Reply::Drip => {
                let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
                stream.write_all(head).and_then(|()| {
                    loop {
                        stream.write_all(b"x")?;
                        std::thread::sleep(std::time::Duration::from_millis(5));
                    }
                })
            }
        };
        if answered.is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead, connection: usize) -> Option<Received> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let target = words.nth(1)?.to_owned();
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(':') {
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut received = Received {
        connection,
        target,
        headers,
        body: Vec::new(),
    };
    let length = received.header("content-length").parse().unwrap_or(0);
    received.body.resize(length, 0);
    reader.read_exact(&mut received.body).ok()?;
    Some(received)
}
