//! `konductor audit verify`: proves that the log is what was written, and that its runs were signed.

use std::path::{Path, PathBuf};

use konductor_audit::archives::verify_archives;
use konductor_audit::attestation::verify_attestations;
use konductor_config::Context;
use konductor_config::inputs::PROJECT_FILE;
use konductor_model::{Diagnostic, Diagnostics};
use konductor_signature::PublicKey;
use konductor_state::{EntryQuery, OpenOptions, StackLog};

use super::projects;
use super::signing::public_keys;
use crate::arguments::{GlobalArguments, VerifyLogArguments};
use crate::command::log::{verify_chain, verify_without_key, was_changed};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{self, Project};

/// Checks the log of a stack, of all stacks, or a copy.
pub async fn verify(
    arguments: &VerifyLogArguments,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    let folder = project::folder(global);
    if let Some(file) = &arguments.file
        && !folder.join(PROJECT_FILE).exists()
    {
        // Whoever checks a copy need not have the project.
        let options = OpenOptions::default().read_only();
        if arguments.without_key {
            return verify_without_key((options, file.clone()), &file.display().to_string(), output).await;
        }
        let log = StackLog::open(file, options).await?;
        let named = arguments.public_key.iter().map(PathBuf::as_path);
        return verify_log(&log, arguments, &public_keys(Path::new(""), named)?, output).await;
    }
    for project in projects(arguments.all, global, environment)? {
        if arguments.all && project.read_log_if_any().await?.is_none() {
            continue;
        }
        verify_of_project(&project, arguments, output).await?;
    }
    Ok(())
}

async fn verify_of_project(
    project: &Project,
    arguments: &VerifyLogArguments,
    output: &Output,
) -> Result<(), CommandError> {
    if arguments.without_key {
        let (options, own) = project.unopened_log()?;
        let unopened = match &arguments.file {
            // A copy is a file, wherever the log itself is.
            Some(file) => (OpenOptions::default().read_only(), file.clone()),
            None => (options, own),
        };
        return verify_without_key(unopened, &project.title(), output).await;
    }
    let log = match &arguments.file {
        Some(file) => project.read_file(file).await?,
        None => project.read_log().await?,
    };
    let keys = if arguments.public_key.is_empty() {
        let context = Context {
            sealer: Some(project.sealer.as_ref()),
            stacks: None,
        };
        let named = project.configuration.audit(context)?.public_keys;
        public_keys(&project.folder, named.iter().map(Path::new))?
    } else {
        public_keys(Path::new(""), arguments.public_key.iter().map(PathBuf::as_path))?
    };
    verify_log(&log, arguments, &keys, output).await
}

/// Says what signed statements do not prove; the chain itself is sound then.
fn not_proven(title: &str, problems: Vec<String>) -> CommandError {
    let mut diagnostics = Diagnostics::default();
    diagnostics.extend(problems.into_iter().map(|problem| {
        Diagnostic::error(format!(
            "it is not proven who wrote the log of {title}: {problem}"
        ))
    }));
    if let Some(last) = diagnostics.0.last_mut() {
        last.help = Some("give every public key whose private half has signed runs; what is signed by another was not written by them".to_owned());
    }
    diagnostics.into()
}

async fn verify_log(
    log: &StackLog,
    arguments: &VerifyLogArguments,
    keys: &[PublicKey],
    output: &Output,
) -> Result<(), CommandError> {
    verify_chain(log, output).await?;
    let stack = log.identity();
    let title = format!("{}/{}", stack.project, stack.stack);
    if let Some((serial, hash)) = &arguments.head {
        let query = EntryQuery {
            from: *serial,
            to: Some(*serial),
            ..EntryQuery::default()
        };
        let problem = match log.entries(query).await?.first() {
            Some(found) if found.hash == *hash => None,
            Some(found) => Some(format!(
                "entry {serial}: its hash is {}, and {hash} was known: it or an entry before it was changed",
                found.hash
            )),
            None => Some(format!("entry {serial}: missing: the log ends before it")),
        };
        if let Some(problem) = problem {
            return Err(was_changed(&title, vec![problem]));
        }
    }
    let archives = verify_archives(log).await?;
    if !archives.problems.is_empty() {
        return Err(was_changed(&title, archives.problems));
    }
    if let Some(newest) = archives.made.last() {
        let members = serde_json::json!({
            "archives": archives.made.len(), "place": newest.place, "last": newest.last, "until": newest.until,
        });
        let text = format!(
            "{} archives, nothing is wrong; the newest has entries to {}, is at {} and to be kept until {}",
            archives.made.len(),
            newest.last,
            newest.place,
            newest.until.strftime("%Y-%m-%d")
        );
        output.fact("audit-archived", &members, &text);
    }
    let found = verify_attestations(log, keys).await?;
    if keys.is_empty() {
        if arguments.require_signed {
            return Err(
                CommandError::message("there is no public key to check signed statements with")
                    .help("name one: --public-key FILE, or `config: { audit: { public_keys: [FILE] } }`"),
            );
        }
        if found.attestations > 0 {
            output.line(&format!(
                "{} signed statements were not checked: name the public key with --public-key",
                found.attestations
            ));
        }
        return Ok(());
    }
    let mut problems = found.problems;
    if let (true, Some(serial)) = (arguments.require_signed, found.unsigned_from) {
        problems.push(format!(
            "entry {serial}: a run ends there, and no signed statement is about it"
        ));
    }
    let members = serde_json::json!({
        "sound": problems.is_empty(), "attestations": found.attestations, "signed_to": found.signed_to,
        "unsigned_runs": found.unsigned_runs, "problems": problems,
    });
    if !problems.is_empty() {
        output.event("audit-attested", &members);
        return Err(not_proven(&title, problems));
    }
    let text = format!(
        "{} signed statements, nothing is wrong; signed to entry {}, {} runs without a statement of their own",
        found.attestations, found.signed_to, found.unsigned_runs
    );
    output.fact("audit-attested", &members, &text);
    Ok(())
}
