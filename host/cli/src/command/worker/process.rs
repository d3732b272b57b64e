//! The process that does some work on a stack: started, listened to, interrupted.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::command::every_stack::pass_on as pass_on_lines;
use crate::output::Output;

/// So much of what a process said last is kept beside its work.
const KEPT: usize = 64 * 1024;

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with a code.
    Code(u8),
    /// It was killed, or could not be waited for.
    Killed(String),
}

/// A process that works on a stack. It has a process group of its own, so that a Ctrl-C is the worker's alone.
pub struct StackProcess {
    /// Whoever has it may signal the process: it is not waited for meanwhile, so its number is still its own.
    child: Mutex<Child>,
    said: Mutex<String>,
}

impl StackProcess {
    /// Starts a process. What it says is passed on with the stack's name.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        mut command: Command,
        stack: &str,
        output: &Output,
        ended: impl FnOnce(Exit) + Send + 'static,
    ) -> std::io::Result<Arc<Self>> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (said, told) = (child.stdout.take(), child.stderr.take());
        let process = Arc::new(Self {
            child: Mutex::new(child),
            said: Mutex::default(),
        });
        let (reading, stack, output) = (Arc::clone(&process), stack.to_owned(), output.clone());
        std::thread::spawn(move || {
            std::thread::scope(|scope| {
                scope.spawn(|| reading.read(told, |line| output.said_beside(&stack, line)));
                reading.read(said, |line| output.said_by_work(&stack, line));
            });
            ended(reading.wait());
        });
        Ok(process)
    }

    /// Asks the process to finish what is in flight and to stop; asked again, it cancels that.
    pub fn interrupt(&self) {
        // Who is waited for ends anyway.
        let Ok(mut child) = self.child.try_lock() else {
            return;
        };
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        #[cfg(unix)]
        {
            let process = rustix::process::Pid::from_child(&child);
            // Failing means that it has ended.
            let _ = rustix::process::kill_process(process, rustix::process::Signal::INT);
        }
        #[cfg(not(unix))]
        let _ = child.kill();
    }

    /// Returns what was said last.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn read(&self, stream: Option<impl Read>, pass_on: impl Fn(&str)) {
        pass_on_lines(stream, |text| {
            keep(
                &mut self.said.lock().unwrap_or_else(PoisonError::into_inner),
                text,
            );
            pass_on(text);
        });
    }

    fn wait(&self) -> Exit {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let status = match child.wait() {
            Ok(status) => status,
            Err(error) => return Exit::Killed(format!("its process could not be waited for: {error}")),
        };
        if let Some(code) = status.code() {
            return Exit::Code(u8::try_from(code).unwrap_or(1));
        }
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Exit::Killed(format!("its process was killed by signal {signal}"));
        }
        Exit::Killed("its process was killed".to_owned())
    }
}

/// Adds a line, and drops whole lines from the front where it gets too much.
fn keep(said: &mut String, line: &str) {
    // One line that is longer than everything is not worth more than its end.
    let mut from = line.len().saturating_sub(KEPT / 2);
    while !line.is_char_boundary(from) {
        from += 1;
    }
    said.push_str(line.get(from..).unwrap_or_default());
    said.push('\n');
    if said.len() > KEPT {
        let mut cut = said.len() - KEPT;
        while !said.is_char_boundary(cut) {
            cut += 1;
        }
        let rest = said.get(cut..).unwrap_or_default();
        let after = rest.find('\n').map_or(cut, |end| cut + end + 1);
        said.drain(..after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_whole() {
        let mut said = String::new();
        for number in 0..10_000 {
            keep(&mut said, &format!("line {number} ü"));
        }
        assert!(said.len() <= KEPT && said.len() > KEPT - 100, "{}", said.len());
        assert!(said.ends_with("line 9999 ü\n"));
        assert!(said.starts_with("line "), "{}", said.get(..20).unwrap());
        keep(&mut said, &"ü".repeat(KEPT));
        assert!(said.len() <= KEPT && said.ends_with("ü\n"));
    }
}
