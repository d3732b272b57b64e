//! A network that fails: a proxy on loopback that cuts connections after a random number of bytes.

#![allow(clippy::disallowed_types, reason = "a proxy of a test is made of sockets")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Where connections are passed on to.
#[derive(Clone, Debug)]
pub enum Target {
    /// A port on loopback.
    Port(u16),
    /// A socket.
    Socket(PathBuf),
}

/// A proxy that ends with the process.
pub struct CuttingProxy {
    port: u16,
    plan: Arc<Mutex<Plan>>,
}

struct Plan {
    random: u64,
    /// After how many bytes at most a connection is cut; none to let all through.
    at_most: Option<u64>,
    open: bool,
    cuts: usize,
    connections: Vec<(TcpStream, End)>,
}

enum End {
    Port(TcpStream),
    Socket(UnixStream),
}

impl End {
    fn connect(target: &Target) -> std::io::Result<Self> {
        match target {
            Target::Port(port) => TcpStream::connect(("127.0.0.1", *port)).map(Self::Port),
            Target::Socket(socket) => UnixStream::connect(socket).map(Self::Socket),
        }
    }

    fn clone(&self) -> Self {
        match self {
            Self::Port(stream) => Self::Port(stream.try_clone().unwrap()),
            Self::Socket(stream) => Self::Socket(stream.try_clone().unwrap()),
        }
    }

    fn shut(&self) {
        let _ = match self {
            Self::Port(stream) => stream.shutdown(Shutdown::Both),
            Self::Socket(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Port(stream) => stream.read(buffer),
            Self::Socket(stream) => stream.read(buffer),
        }
    }
}

impl Write for End {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Port(stream) => stream.write(buffer),
            Self::Socket(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Plan {
    fn cut_all(&mut self) {
        for (client, server) in self.connections.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            server.shut();
        }
    }
}

impl CuttingProxy {
    /// Starts a proxy that lets everything through.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open(target: Target, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::new(Mutex::new(Plan {
            random: seed.wrapping_mul(2).wrapping_add(1),
            at_most: None,
            open: true,
            cuts: 0,
            connections: Vec::new(),
        }));
        let shared = Arc::clone(&plan);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                pass_on(client, &target, &shared);
            }
        });
        Self { port, plan }
    }

    /// Returns the port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the connections there are, and every new one after a random number of bytes, both ways counted together.
    ///
    /// # Panics
    /// When a thread of the proxy did.
    pub fn cut_after_at_most(&self, bytes: u64) {
        let mut plan = self.plan.lock().unwrap();
        plan.at_most = Some(bytes);
        plan.cut_all();
    }

    /// Lets everything through.
    ///
    /// # Panics
    /// When a thread of the proxy did.
    pub fn heal(&self) {
        let mut plan = self.plan.lock().unwrap();
        plan.at_most = None;
        plan.open = true;
    }

    /// Cuts all connections, and every new one at once.
    ///
    /// # Panics
    /// When a thread of the proxy did.
    pub fn unplug(&self) {
        let mut plan = self.plan.lock().unwrap();
        plan.open = false;
        plan.cut_all();
    }

    /// Returns how many connections were cut after they had begun.
    ///
    /// # Panics
    /// When a thread of the proxy did.
    pub fn cuts(&self) -> usize {
        self.plan.lock().unwrap().cuts
    }
}

/// Passes bytes on both ways until one end closes, or as many have passed as the plan lets through.
fn pass_on(client: TcpStream, target: &Target, plan: &Arc<Mutex<Plan>>) {
    let left = {
        let mut locked = plan.lock().unwrap();
        let Some(server) = locked.open.then(|| End::connect(target).ok()).flatten() else {
            let _ = client.shutdown(Shutdown::Both);
            return;
        };
        // xorshift64: the same seed cuts at the same places as far as threads allow.
        locked.random ^= locked.random << 13;
        locked.random ^= locked.random >> 7;
        locked.random ^= locked.random << 17;
        let left = locked.at_most.map(|most| locked.random % most.max(1));
        locked
            .connections
            .push((client.try_clone().unwrap(), server.clone()));
        (Arc::new(Mutex::new(left)), server)
    };
    let (left, server) = left;
    let directions = [
        (End::Port(client.try_clone().unwrap()), server.clone()),
        (server, End::Port(client)),
    ];
    for (mut from, mut to) in directions {
        let (left, plan) = (Arc::clone(&left), Arc::clone(plan));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                let mut locked = left.lock().unwrap();
                let passing = match &mut *locked {
                    Some(left) => {
                        let passing = (*left).min(read as u64);
                        *left -= passing;
                        passing as usize
                    }
                    None => read,
                };
                let cut = passing < read;
                // What came up to the cut still arrives: it is the other side that never learns so.
                if to.write_all(&buffer[..passing]).is_err() || cut {
                    plan.lock().unwrap().cuts += usize::from(cut);
                    break;
                }
            }
            from.shut();
            to.shut();
        });
    }
}
