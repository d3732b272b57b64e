//! A project folder and runs of the binary in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use wait_timeout::ChildExt;

use crate::{AwsAccount, binary, checkout};

/// How long one run of the binary may take. It is there to end a hanging test, not to time anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// A project in a folder of its own, and the environment its runs see.
pub struct Project {
    folder: tempfile::TempDir,
    home: tempfile::TempDir,
    environment: Vec<(String, String)>,
    pub(crate) patience: Duration,
}

impl Project {
    /// Makes an empty project.
    ///
    /// # Panics
    /// When no folder can be made.
    pub fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            home: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// Makes a project from the files of an example.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn from_example(name: &str) -> Self {
        let project = Self::empty();
        copy(&checkout::example(name), project.folder());
        project
    }

    /// Makes a project of one stack `dev` from the text of its `konductor.yaml` and `konductor.dev.yaml`.
    ///
    /// # Panics
    /// When the files cannot be written.
    pub fn from_text(project_file: &str, stack_file: &str) -> Self {
        let project = Self::empty();
        project.write("konductor.yaml", project_file);
        project.write("konductor.dev.yaml", stack_file);
        project
    }

    /// Lets runs reach an account, with the account's own key.
    #[must_use]
    pub fn with_account(self, account: &AwsAccount) -> Self {
        self.with_environment("AWS_ACCESS_KEY_ID", account.access_key_id())
            .with_environment("AWS_SECRET_ACCESS_KEY", account.secret_access_key())
            .with_environment("KONDUCTOR_AWS__ENDPOINT_URL", account.url())
    }

    /// Sets a variable of the environment that runs see, in place of an earlier value.
    #[must_use]
    pub fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(present, _)| present != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets how long one run may take.
    #[must_use]
    pub(crate) fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Returns the project's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the home folder that runs see.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file of the project, making the folders it stands in.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.folder().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Returns the text of a file of the project.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).unwrap()
    }

    /// Replaces text in a file of the project.
    ///
    /// # Panics
    /// When the text does not stand there exactly once.
    #[track_caller]
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert_eq!(
            text.matches(from).count(),
            1,
            "{name} should hold {from:?} once:\n{text}"
        );
        self.write(name, &text.replace(from, to));
    }

    /// Returns the file that holds the log of a stack.
    pub fn state_file(&self, stack: &str) -> PathBuf {
        self.folder().join(".konductor").join(format!("{stack}.db"))
    }

    /// Checks that a plan finds nothing to do.
    ///
    /// # Panics
    /// When it does, with the plan.
    #[track_caller]
    pub fn assert_nothing_to_do(&self) {
        self.run(["plan", "--detailed-exitcode"]).ends_with(0);
    }

    /// Plans, and returns how many steps of each kind there are; kinds of which there are none are left out.
    ///
    /// # Panics
    /// When the plan fails.
    #[track_caller]
    pub fn planned(&self) -> Value {
        let finished = self.run(["plan", "--json"]).succeeds();
        let summary = finished
            .events()
            .into_iter()
            .find(|event| event["event"] == "plan")
            .unwrap_or_else(|| panic!("should have an event `plan`: {finished}"))["summary"]
            .take();
        let Value::Object(mut summary) = summary else {
            panic!("a summary is an object: {finished}");
        };
        summary.retain(|kind, count| kind != "unchanged" && *count != 0);
        Value::Object(summary)
    }

    /// Checks how many steps of each kind there are; see [`Self::planned`].
    ///
    /// # Panics
    /// When there are others, with the plan.
    #[track_caller]
    pub fn assert_planned(&self, expected: &Value) {
        let planned = self.planned();
        if planned != *expected {
            panic!(
                "should plan {expected} and plans {planned}: {}",
                self.run(["plan"])
            );
        }
    }

    /// Returns every resource that has an object, by name: its type and its identifier.
    ///
    /// # Panics
    /// When the state cannot be listed.
    #[track_caller]
    pub fn objects(&self) -> BTreeMap<String, (String, String)> {
        let finished = self.run(["state", "list", "--json"]).succeeds();
        let text = |event: &Value, member: &str| event[member].as_str().map(str::to_owned);
        finished
            .events()
            .iter()
            .filter_map(|event| Some((text(event, "name")?, (text(event, "type")?, text(event, "id")?))))
            .collect()
    }

    /// Changes the stack's database behind Konductor's back.
    ///
    /// # Panics
    /// When the statement fails or changes nothing.
    pub fn tamper(&self, stack: &str, statement: &str) {
        let script = "import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
changed = connection.execute(sys.argv[2]).rowcount
connection.commit()
sys.exit(0 if changed > 0 else 'nothing changed')";
        let status = Command::new(checkout::python())
            .args(["-c", script])
            .arg(self.state_file(stack))
            .arg(statement)
            .status()
            .expect("Python can be started");
        assert!(status.success(), "{statement}");
    }

    /// Runs the binary without a terminal and returns how it ended.
    ///
    /// # Panics
    /// When it cannot be started or does not end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Finished {
        self.run_with(arguments, &[])
    }

    /// Runs the binary with more variables in its environment.
    ///
    /// # Panics
    /// When it cannot be started or does not end.
    pub fn run_with<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        environment: &[(&str, &str)],
    ) -> Finished {
        finish(self.command(arguments, environment), self.patience)
    }

    /// Runs the binary in a network namespace of its own: there is no route, and not even loopback is up.
    ///
    /// # Panics
    /// When it cannot be started or does not end, or this machine does not let its users make namespaces.
    pub fn run_without_network<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Finished {
        let run = self.command(arguments, &[]);
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--net"])
            .arg(run.get_program())
            .args(run.get_args())
            .current_dir(self.folder())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in run.get_envs() {
            command.env(name, value.expect("a run's variables have values"));
        }
        let finished = finish(command, self.patience);
        assert!(
            !finished.stderr.starts_with("unshare:"),
            "a network namespace cannot be made here; allow it (on Ubuntu: sysctl \
             kernel.apparmor_restrict_unprivileged_userns=0; in a container: --security-opt seccomp=unconfined): {finished}"
        );
        finished
    }

    /// Prepares a run of the binary without a terminal, with its output to be read.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        environment: &[(&str, &str)],
    ) -> Command {
        let mut command = Command::new(binary::konductor());
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home())
            // Compiled plugins are shared between tests: they are found by digest.
            .env("XDG_CACHE_HOME", checkout::root().join("target/test-cache"))
            // Beside those of the product: the reference plugin.
            .env("KONDUCTOR_PLUGIN_PATH", checkout::root().join("target/plugins"))
            // No test may wait for the metadata service of a cloud machine.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Runs a command to its end.
fn finish(mut command: Command, patience: Duration) -> Finished {
    let line = written_out(&command);
    let mut child = command.spawn().expect("the program can be started");
    let stdout = reader(child.stdout.take().unwrap());
    let stderr = reader(child.stderr.take().unwrap());
    let status = child.wait_timeout(patience).unwrap();
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let finished = Finished {
        line,
        code: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    assert!(status.is_some(), "did not end within {patience:?}:\n{finished}");
    finished
}

/// Returns a command as it would be typed, without its environment.
pub(crate) fn written_out(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

pub(crate) fn reader(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_name() == ".konductor" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// How a run of the binary ended.
pub struct Finished {
    pub(crate) line: String,
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\ncode {:?}, signal {:?}\n--- standard output\n{}\n--- standard error\n{}",
            self.line, self.code, self.signal, self.stdout, self.stderr
        )
    }
}

impl Finished {
    /// Checks the exit code.
    ///
    /// # Panics
    /// When it is another one, with all that was written.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Checks that it succeeded.
    ///
    /// # Panics
    /// When it did not, with all that was written.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.ends_with(0)
    }

    /// Checks that it failed and said something.
    ///
    /// # Panics
    /// When it did not fail, or the text is nowhere in what it wrote.
    #[track_caller]
    pub fn fails_saying(self, text: &str) -> Self {
        self.ends_with(1).says(text)
    }

    /// Checks that a text stands in what it wrote. Line breaks count as spaces, because messages are wrapped.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            squeeze(&self.everything()).contains(&squeeze(text)),
            "should say {text:?}: {self}"
        );
        self
    }

    /// Returns all it wrote.
    pub fn everything(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Returns standard output as the events of `--json`.
    ///
    /// # Panics
    /// When a line is not a JSON object.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| match serde_json::from_str(line) {
                Ok(Value::Object(event)) => Value::Object(event),
                _ => panic!("should be a JSON object: {line:?} in {self}"),
            })
            .collect()
    }

    /// Returns standard output as one JSON document.
    ///
    /// # Panics
    /// When it is not one.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("should be JSON: {error}: {self}"))
    }
}

/// Makes text comparable whatever the width it was wrapped to and the frame it stands in.
fn squeeze(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || matches!(c, '│' | '┃' | '|'))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
