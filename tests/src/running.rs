//! A run of the binary that is under way: read line by line, and signalled.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::Value;
use wait_timeout::ChildExt;

use crate::project::{PATIENCE, reader, written_out};
use crate::{Finished, Project};

pub use rustix::process::Signal;

/// A run of the binary that is under way. It is killed when this is dropped.
pub struct Running {
    line: String,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    stderr: Option<JoinHandle<String>>,
    patience: std::time::Duration,
}

impl Project {
    /// Starts the binary without a terminal and returns at once.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Running {
        let mut command = self.command(arguments, &[]);
        let line = written_out(&command);
        let mut child = command.spawn().expect("the binary can be started");
        let output = child.stdout.take().unwrap();
        let stderr = reader(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Running {
            line,
            child,
            lines,
            seen: Vec::new(),
            stderr: Some(stderr),
            patience: self.patience,
        }
    }
}

impl Running {
    /// Returns its process number.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Reads standard output up to the first line that fits, and returns that line.
    ///
    /// # Panics
    /// When the output ends before, or none comes for a long time.
    #[track_caller]
    pub fn wait_for_line(&mut self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(self.patience) else {
                let _ = self.child.kill();
                let stderr = self.stderr.take().map(|stderr| stderr.join().unwrap());
                panic!(
                    "{} should print {what} and did not: {:#?}\n{}",
                    self.line,
                    self.seen,
                    stderr.unwrap_or_default()
                );
            };
            self.seen.push(line.clone());
            if fits(&line) {
                return line;
            }
        }
    }

    /// Reads standard output up to the first line that holds a text.
    ///
    /// # Panics
    /// When the output ends before, or none comes for a long time.
    #[track_caller]
    pub fn wait_for_text(&mut self, text: &str) -> String {
        self.wait_for_line(text, |line| line.contains(text))
    }

    /// Reads the events of `--json` up to the first of a name, and returns that event.
    ///
    /// # Panics
    /// When the output ends before, or none comes for a long time.
    #[track_caller]
    pub fn wait_for_event(&mut self, name: &str) -> Value {
        let event = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_default();
        let line = self.wait_for_line(name, |line| event(line)["event"] == name);
        event(&line)
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it has ended already.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal)
            .unwrap_or_else(|error| panic!("{} cannot be signalled: {error}", self.line));
    }

    /// Waits until it has ended and leaves it as it then is: a process that its parent has not asked about yet.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn wait_without_asking(&self) {
        let id = WaitId::Pid(Pid::from_child(&self.child));
        waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).expect("a child can be waited for");
    }

    /// Waits until it ends, and returns how it did, with all it wrote.
    ///
    /// # Panics
    /// When it does not end.
    pub fn finish(mut self) -> Finished {
        let status = self.child.wait_timeout(PATIENCE).unwrap();
        if status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let mut stdout = std::mem::take(&mut self.seen);
        stdout.extend(self.lines.iter());
        let finished = Finished {
            line: self.line.clone(),
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            stdout: stdout.join("\n"),
            stderr: self.stderr.take().unwrap().join().unwrap(),
        };
        assert!(status.is_some(), "did not end within {PATIENCE:?}:\n{finished}");
        finished
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
