//! A program that is talked to in lines.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::checkout;
use crate::openssl::CertificateAuthority;

/// A running program that says things on standard output, a line of JSON each, and may be asked on standard input; it is gone
/// when this is dropped.
pub(crate) struct LineProcess {
    process: Child,
    dialogue: Mutex<(ChildStdin, Receiver<String>)>,
    patience: Duration,
}

impl LineProcess {
    /// Starts one. `patience` is how long it may take to say anything: it is there to end a hanging test, not to time one.
    ///
    /// # Panics
    /// When it cannot be started.
    pub(crate) fn start(command: &mut Command, patience: Duration) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let output = process.stdout.take().unwrap();
        let (sender, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let input = process.stdin.take().unwrap();
        Self {
            process,
            dialogue: Mutex::new((input, said)),
            patience,
        }
    }

    /// Starts a server of `tests/python` with a certificate of an authority of its own: `authority.pem`, `NAME.pem` and
    /// `NAME.key` in the folder.
    ///
    /// # Panics
    /// When it cannot be started.
    pub(crate) fn start_server(
        python: PathBuf,
        script: &str,
        name: &str,
        folder: &Path,
        patience: Duration,
    ) -> Self {
        CertificateAuthority::create(folder).issue(name, "server");
        let mut server = Command::new(python);
        server
            .arg(checkout::root().join("tests/python").join(script))
            .arg("--certificate")
            .arg(folder.join(format!("{name}.pem")))
            .arg("--key")
            .arg(folder.join(format!("{name}.key")))
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1");
        Self::start(&mut server, patience)
    }

    /// Waits for what it says next.
    ///
    /// # Panics
    /// When it says nothing for too long, or no JSON.
    pub(crate) fn next(&self) -> Value {
        let dialogue = self.dialogue.lock().unwrap();
        read(
            &dialogue
                .1
                .recv_timeout(self.patience)
                .expect("the program says something"),
        )
    }

    /// Returns what it said and nobody took yet.
    pub(crate) fn rest(&self) -> Vec<Value> {
        let dialogue = self.dialogue.lock().unwrap();
        dialogue.1.try_iter().map(|line| read(&line)).collect()
    }

    /// Tells it something, and waits for what it says.
    ///
    /// # Panics
    /// When it does not listen, says nothing for too long, or no JSON.
    pub(crate) fn ask(&self, question: &Value) -> Value {
        let mut dialogue = self.dialogue.lock().unwrap();
        writeln!(dialogue.0, "{question}").expect("the program listens");
        read(
            &dialogue
                .1
                .recv_timeout(self.patience)
                .expect("the program answers"),
        )
    }
}

fn read(line: &str) -> Value {
    serde_json::from_str(line).expect("the program speaks JSON")
}

impl Drop for LineProcess {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
