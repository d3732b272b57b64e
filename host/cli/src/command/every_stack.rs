//! `--all`: one command on every stack of the project, a stack after those whose outputs it reads.
//!
//! Each stack is a process of its own, so that one that fails, or is killed, takes no other with it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use konductor_config::inputs::stacks;
use konductor_config::{Configuration, Inputs};
use konductor_engine::graph::Graph;
use konductor_model::{Diagnostic, Diagnostics};

use crate::arguments::{GlobalArguments, StacksArguments, Typed};
use crate::command::deploy::PENDING;
use crate::command::execution::INTERRUPTED;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project;

/// How a command is done on every stack.
pub struct EveryStack<'a> {
    /// What was asked for.
    pub arguments: &'a StacksArguments,
    /// A stack comes before those whose outputs it reads: for what deletes.
    pub backwards: bool,
    /// Nobody is asked anything, so that several can go on at once.
    pub unattended: bool,
}

/// The options that say which stacks a command is about and where: one stack is given all the others.
pub const ABOUT_STACKS: [&str; 4] = ["all", "stacks_at_once", "workers", "detach"];

/// How one stack ended.
pub enum Ended {
    /// With this exit code.
    With(u8),
    /// A stack that it needs did not succeed, or the run was stopped.
    Skipped(String),
    /// No worker that had it came to an end.
    Dead(String),
}

/// Does the command of this process on every stack of the project.
pub async fn every_stack(
    how: EveryStack<'_>,
    typed: &Typed,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    project::require_no_stack(global)?;
    let folder = project::folder(global);
    project::require(&folder)?;
    let names = stacks(&folder);
    if names.is_empty() {
        return Err(CommandError::message("the project has no stack files")
            .help("`--all` is about the files konductor.STACK.yaml"));
    }
    let graph = order(&names, &folder, global, environment, how.backwards)?;
    let executable = environment
        .executable()
        .ok_or_else(|| CommandError::message("the running program cannot be found"))?;
    let arguments = typed.line_without(&ABOUT_STACKS);
    let stopped = Arc::new(AtomicBool::new(false));
    let listener = tokio::spawn(listen(Arc::clone(&stopped)));

    let limit = if how.unattended {
        how.arguments.stacks_at_once as usize
    } else {
        1
    };
    let mut waiting: Vec<usize> = (0..graph.len())
        .map(|node| graph.dependencies(node).len())
        .collect();
    let mut ready: Vec<usize> = graph
        .order()
        .iter()
        .copied()
        .filter(|node| graph.dependencies(*node).is_empty())
        .rev()
        .collect();
    let mut ended: BTreeMap<usize, Ended> = BTreeMap::new();
    let (sender, receiver) = mpsc::channel();
    let mut running = 0_usize;
    loop {
        while running < limit
            && let Some(node) = ready.pop()
        {
            let name = names.get(node).cloned().unwrap_or_default();
            if let Some(why) = reason_to_skip(node, &graph, &ended, &names, stopped.load(Ordering::SeqCst)) {
                let _ = sender.send((node, Ended::Skipped(why)));
            } else {
                output.event("stack-started", &serde_json::json!({ "stack": name }));
                let mut command = Command::new(executable);
                command.args(&arguments).arg("--stack").arg(&name);
                let (sender, output, unattended) = (sender.clone(), output.clone(), how.unattended);
                std::thread::spawn(move || {
                    let exit = run_one(command, &name, unattended, &output);
                    let _ = sender.send((node, exit));
                });
            }
            running += 1;
        }
        if running == 0 {
            break;
        }
        // The children do the work: nothing else has to go on in this process meanwhile.
        let Ok((node, how_it_ended)) = tokio::task::block_in_place(|| receiver.recv()) else {
            break;
        };
        running -= 1;
        ended.insert(node, how_it_ended);
        for dependent in graph.dependents(node) {
            if let Some(count) = waiting.get_mut(*dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*dependent);
                }
            }
        }
    }
    listener.abort();
    Ok(tell(&names, &ended, output))
}

/// Orders the stacks by which reads which.
pub fn order(
    names: &[String],
    folder: &Path,
    global: &GlobalArguments,
    environment: &Environment,
    backwards: bool,
) -> Result<Graph, CommandError> {
    let mut needs: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    let mut problems = Diagnostics::default();
    for (index, name) in names.iter().enumerate() {
        let inputs = Inputs::read(folder, name, environment.configuration(), global.set.clone());
        let configuration = match inputs.and_then(Configuration::load) {
            Ok(configuration) => configuration,
            Err(wrong) => {
                problems.extend(wrong);
                continue;
            }
        };
        for read in configuration.stacks_read() {
            // A stack without a file is none of those that are run; that it cannot be read is said by the run itself.
            if let Some(other) = names.iter().position(|name| *name == read) {
                let (from, to) = if backwards { (other, index) } else { (index, other) };
                if let Some(list) = needs.get_mut(from) {
                    list.push(to);
                }
            }
        }
    }
    if problems.has_errors() {
        return Err(problems.into());
    }
    Graph::new(needs).map_err(|cycles| {
        let told = cycles.iter().map(|cycle| {
            let named: Vec<&str> = cycle
                .iter()
                .chain(cycle.first())
                .filter_map(|index| names.get(*index).map(String::as_str))
                .collect();
            Diagnostic::error(format!("stacks read each other: {}", named.join(" → ")))
                .help("take one of these references away, or run the stacks one by one")
        });
        Diagnostics(told.collect()).into()
    })
}

fn reason_to_skip(
    node: usize,
    graph: &Graph,
    ended: &BTreeMap<usize, Ended>,
    names: &[String],
    stopped: bool,
) -> Option<String> {
    if stopped {
        return Some("the command was stopped".to_owned());
    }
    graph.dependencies(node).iter().find_map(|need| {
        let well = matches!(ended.get(need), Some(Ended::With(0 | PENDING)));
        let name = names.get(*need).map(String::as_str).unwrap_or_default();
        (!well).then(|| format!("`{name}`, which comes before it, did not succeed"))
    })
}

/// Runs one stack, and passes on what it says with the stack's name.
fn run_one(mut command: Command, name: &str, unattended: bool, output: &Output) -> Ended {
    if !unattended {
        output.line(&format!("{}", console::style(format!("── {name}")).bold()));
        return match command.status() {
            Ok(status) => Ended::With(exit_of(status)),
            Err(error) => failed(name, &error, output),
        };
    }
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return failed(name, &error, output),
    };
    let said = child.stdout.take();
    let told = child.stderr.take();
    std::thread::scope(|scope| {
        scope.spawn(|| pass_on(told, |line| output.said_beside(name, line)));
        pass_on(said, |line| output.said_by_stack(name, line));
    });
    match child.wait() {
        Ok(status) => Ended::With(exit_of(status)),
        Err(error) => failed(name, &error, output),
    }
}

/// Passes on what a process says, line by line, until it says no more.
pub fn pass_on(stream: Option<impl Read>, mut tell: impl FnMut(&str)) {
    let Some(stream) = stream else { return };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
        tell(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
}

fn failed(name: &str, error: &std::io::Error, output: &Output) -> Ended {
    output.said_beside(
        name,
        &format!("the process of the stack could not be run: {error}"),
    );
    Ended::With(1)
}

fn exit_of(status: std::process::ExitStatus) -> u8 {
    // A process that was killed has no code.
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1)
}

/// Keeps this process alive at a Ctrl-C, which the stacks' processes get too; no other stack is begun then.
async fn listen(stopped: Arc<AtomicBool>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        stopped.store(true, Ordering::SeqCst);
    }
}

/// Says how every stack ended, and returns the exit code of all of them.
pub fn tell(names: &[String], ended: &BTreeMap<usize, Ended>, output: &Output) -> u8 {
    let mut exit = 0;
    let mut lines = Vec::new();
    let mut members = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let (text, code, why) = match ended.get(&index) {
            Some(Ended::With(0)) => ("succeeded".to_owned(), Some(0), None),
            Some(Ended::With(PENDING)) => ("has changes pending".to_owned(), Some(PENDING), None),
            Some(Ended::With(INTERRUPTED)) => ("was interrupted".to_owned(), Some(INTERRUPTED), None),
            Some(Ended::With(code)) => (format!("failed ({code})"), Some(*code), None),
            Some(Ended::Dead(why)) => (format!("is dead: {why}"), Some(1), Some(why.clone())),
            Some(Ended::Skipped(why)) => (format!("was left out: {why}"), None, Some(why.clone())),
            None => ("was not run".to_owned(), None, None),
        };
        exit = worse(exit, code.unwrap_or(1));
        lines.push(format!("  {name:<20} {text}"));
        members.push(serde_json::json!({ "stack": name, "exit": code, "left_out": why }));
    }
    output.fact(
        "stacks-finished",
        &serde_json::json!({ "stacks": members }),
        &format!("\n{}", lines.join("\n")),
    );
    exit
}

/// Returns the exit code that says more: an interruption, a failure, pending changes, nothing.
fn worse(one: u8, other: u8) -> u8 {
    let weight = |code| match code {
        0 => 0,
        PENDING => 1,
        INTERRUPTED => 3,
        _ => 2,
    };
    match (weight(one), weight(other)) {
        (a, b) if a >= b => one,
        _ if weight(other) == 2 => 1,
        _ => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_stack_that_fared_worst() {
        assert_eq!([0, 2, 0].into_iter().fold(0, worse), 2);
        assert_eq!([2, 101, 0].into_iter().fold(0, worse), 1);
        assert_eq!([1, 130, 2].into_iter().fold(0, worse), 130);
    }
}
