//! Building and running the named tests, and reading what came of each.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::diagnostic::DiagnosticLevel;
use cargo_metadata::{Message, MetadataCommand};

use super::list::Removal;
use super::scratch::Scratch;
use crate::command::cargo;

/// A test program that takes longer has no assertion for what happens.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a test file that starts the built binary uses.
const USES_THE_BINARY: &str = "Project";

/// What came of a removal.
pub enum Outcome {
    /// Every named test ran and failed: this many.
    Caught(String),
    /// These passed.
    Survived(Vec<String>),
}

/// A test program of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Program {
    package: String,
    /// The folder of the package.
    folder: PathBuf,
    target: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Library,
    Binary,
    Test,
}

/// What is to be built and run.
#[derive(Default)]
struct Chosen {
    /// The tests that were named of a program: the file's stem and the function's name.
    tests: BTreeMap<Program, BTreeSet<(String, String)>>,
    /// Whether one of them starts the built binary.
    with_binary: bool,
}

/// Builds and runs tests in the copy.
pub struct Build<'s> {
    scratch: &'s Scratch,
    /// Every program with the root of its source.
    programs: Vec<(PathBuf, Program)>,
}

impl<'s> Build<'s> {
    /// Learns which test programs there are.
    pub fn new(scratch: &'s Scratch) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(scratch.folder().join("Cargo.toml"))
            .no_deps()
            .exec()
            .context("asking cargo for the packages")?;
        let mut programs = Vec::new();
        for package in &metadata.packages {
            for target in &package.targets {
                let kind = match target {
                    target if target.is_test() => Kind::Test,
                    target if target.is_bin() => Kind::Binary,
                    target if target.is_lib() => Kind::Library,
                    _ => continue,
                };
                let program = Program {
                    package: package.name.to_string(),
                    folder: package.manifest_path.with_file_name("").into_std_path_buf(),
                    target: target.name.clone(),
                    kind,
                };
                programs.push((target.src_path.clone().into_std_path_buf(), program));
            }
        }
        Ok(Self { scratch, programs })
    }

    /// Requires that all tests of these removals pass as the code stands.
    pub fn pass(&self, removals: &[Removal]) -> Result<()> {
        let mut chosen = Chosen::default();
        for removal in removals {
            self.choose(removal, &mut chosen)?;
        }
        let results = self.results(&chosen)?;
        let failing: Vec<&String> = results
            .iter()
            .filter(|(_, passed)| !**passed)
            .map(|(test, _)| test)
            .collect();
        ensure!(
            failing.is_empty(),
            "these tests fail with all guards in place: {failing:?}"
        );
        println!("    {} tests pass", results.len());
        Ok(())
    }

    /// Runs the tests of a removal that was applied.
    pub fn without(&self, removal: &Removal) -> Result<Outcome> {
        let mut chosen = Chosen::default();
        self.choose(removal, &mut chosen)?;
        let results = self.results(&chosen)?;
        let passed: Vec<String> = results
            .iter()
            .filter(|(_, passed)| **passed)
            .map(|(test, _)| test.clone())
            .collect();
        if !passed.is_empty() {
            return Ok(Outcome::Survived(passed));
        }
        Ok(Outcome::Caught(match results.len() {
            1 => "1 test".to_owned(),
            number => format!("{number} tests"),
        }))
    }

    fn choose(&self, removal: &Removal, chosen: &mut Chosen) -> Result<()> {
        for (file, names) in &removal.tests {
            let program = self.program(file)?.clone();
            let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
            let tests = names.iter().map(|name| (stem.clone().into_owned(), name.clone()));
            chosen.tests.entry(program).or_default().extend(tests);
            let path = self.scratch.folder().join(file);
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            chosen.with_binary |= text.contains(USES_THE_BINARY);
        }
        Ok(())
    }

    /// Finds the program that a source file belongs to: its own, or the one whose root is nearest above it.
    fn program(&self, file: &str) -> Result<&Program> {
        let file = self.scratch.folder().join(file);
        let own = self.programs.iter().find(|(root, _)| *root == file);
        let above = || {
            self.programs
                .iter()
                .filter(|(root, _)| {
                    let name = root.file_name().unwrap_or_default();
                    ["main.rs", "lib.rs"].iter().any(|main| name == *main)
                        && root.parent().is_some_and(|folder| file.starts_with(folder))
                })
                .max_by_key(|(root, _)| root.components().count())
        };
        own.or_else(above)
            .map(|(_, program)| program)
            .with_context(|| format!("no test program has the file {}", file.display()))
    }

    /// Builds and runs programs. Returns for every test whether it passed.
    fn results(&self, chosen: &Chosen) -> Result<BTreeMap<String, bool>> {
        let built = self.build(chosen)?;
        let mut results = BTreeMap::new();
        for (program, tests) in &chosen.tests {
            let executable = built
                .get(program)
                .with_context(|| format!("cargo built no tests of {}", program.target))?;
            results.extend(self.run(program, executable, tests)?);
        }
        Ok(results)
    }

    /// Builds programs without choosing packages, so that cargo uses the same features for all and builds little.
    fn build(&self, chosen: &Chosen) -> Result<BTreeMap<Program, PathBuf>> {
        let mut flags = BTreeSet::new();
        for program in chosen.tests.keys() {
            flags.insert(match program.kind {
                Kind::Library => vec!["--lib"],
                Kind::Binary => vec!["--bin", &program.target],
                Kind::Test => vec!["--test", &program.target],
            });
        }
        let flags: Vec<&str> = flags.into_iter().flatten().collect();
        let mut built = BTreeMap::new();
        self.build_with(
            &[&["test", "--no-run"], flags.as_slice()].concat(),
            chosen,
            &mut built,
        )?;
        let binary = self.binary();
        if chosen.with_binary {
            // With a test beside it, because that is what makes cargo choose the same features again.
            let arguments = ["build", "--bin", "konductor", "--test", "threats"];
            self.build_with(&arguments, chosen, &mut BTreeMap::new())?;
        } else if binary.exists() {
            // One that was built without another guard must not be what a test starts.
            std::fs::remove_file(&binary).with_context(|| format!("removing {}", binary.display()))?;
        }
        Ok(built)
    }

    /// Returns where cargo puts the binary that tests start.
    fn binary(&self) -> PathBuf {
        self.scratch.target().join("debug/konductor")
    }

    fn build_with(
        &self,
        arguments: &[&str],
        chosen: &Chosen,
        built: &mut BTreeMap<Program, PathBuf>,
    ) -> Result<()> {
        let output = cargo()
            .current_dir(self.scratch.folder())
            .args(arguments)
            .args(["--quiet", "--message-format", "json"])
            .env("CARGO_TARGET_DIR", self.scratch.target())
            .output()
            .context("starting cargo")?;
        let mut errors = String::new();
        for message in Message::parse_stream(output.stdout.as_slice()) {
            match message.context("reading what cargo says")? {
                Message::CompilerArtifact(artifact) => {
                    let Some(executable) = artifact.executable.filter(|_| artifact.profile.test) else {
                        continue;
                    };
                    let source = artifact.target.src_path.into_std_path_buf();
                    let own = self.programs.iter().find(|(root, _)| *root == source);
                    if let Some((_, program)) = own.filter(|(_, program)| chosen.tests.contains_key(program))
                    {
                        built.insert(program.clone(), executable.into_std_path_buf());
                    }
                }
                Message::CompilerMessage(message) if message.message.level == DiagnosticLevel::Error => {
                    errors.push_str(message.message.rendered.as_deref().unwrap_or_default());
                }
                _ => {}
            }
        }
        ensure!(
            output.status.success(),
            "it does not compile: {errors}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Runs the named tests of a program, each version of those that a macro made.
    fn run(
        &self,
        program: &Program,
        executable: &Path,
        tests: &BTreeSet<(String, String)>,
    ) -> Result<BTreeMap<String, bool>> {
        let mut command = Command::new(executable);
        command
            .current_dir(&program.folder)
            .args(["--list", "--format", "terse"]);
        let listed = crate::command::output(&mut command)?;
        let all: Vec<&str> = listed
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .collect();
        let mut paths = BTreeSet::new();
        for (stem, name) in tests {
            let mut found: Vec<&str> = all
                .iter()
                .copied()
                .filter(|path| path.rsplit("::").next() == Some(name))
                .collect();
            // Where two files have a test of that name, the one of the file that was named.
            if found.iter().any(|path| path.split("::").any(|part| part == stem)) {
                found.retain(|path| path.split("::").any(|part| part == stem));
            }
            ensure!(!found.is_empty(), "{} has no test `{name}`", program.target);
            paths.extend(found);
        }
        let said = self.output_of(program, executable, &paths)?;
        paths
            .into_iter()
            .map(|path| {
                let passed = said.lines().find_map(|line| {
                    let result = line.strip_prefix("test ")?.strip_prefix(path)?;
                    let result = result
                        .trim_start_matches(" - should panic")
                        .strip_prefix(" ... ")?;
                    Some(result.trim() == "ok")
                });
                let passed = passed.with_context(|| {
                    format!("{} ended without a result of `{path}`: {said}", program.target)
                })?;
                Ok((path.to_owned(), passed))
            })
            .collect()
    }

    fn output_of(&self, program: &Program, executable: &Path, paths: &BTreeSet<&str>) -> Result<String> {
        let mut child = Command::new(executable)
            .current_dir(&program.folder)
            .arg("--exact")
            .args(paths)
            .env(
                "KONDUCTOR_TEST_BINARY",
                self.scratch.target().join("debug/konductor"),
            )
            .env("CARGO_MANIFEST_DIR", &program.folder)
            .env_remove("CI")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", executable.display()))?;
        let Some(mut output) = child.stdout.take() else {
            bail!("{} has no output", executable.display());
        };
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = output.read_to_end(&mut bytes).map(|_| bytes);
            // Nobody listens any more when it took too long.
            let _ = sender.send(read);
        });
        let Ok(read) = receiver.recv_timeout(PATIENCE) else {
            child
                .kill()
                .and_then(|()| child.wait())
                .context("stopping a test")?;
            bail!("{} did not end within {PATIENCE:?}", program.target);
        };
        child.wait().context("waiting for a test")?;
        Ok(String::from_utf8_lossy(&read?).into_owned())
    }
}
