//! How a session is opened.

use crate::arguments::ExecutionArguments;

/// How a session is opened.
#[derive(Clone)]
pub struct SessionOptions {
    /// The command, for the log and the lock.
    pub command: &'static str,
    /// Opens and locks the stack's log; without it nothing can be recorded and no cloud is called.
    pub locked: bool,
    /// How much at once, and against what.
    pub execution: Option<ExecutionArguments>,
    /// Plugins that are needed beyond those of the configuration and the state.
    pub plugins: Vec<String>,
    /// Forwards what the run wrote into the log when it is over; else who opened the session does.
    pub forwards: bool,
}

impl SessionOptions {
    /// Returns options for a command that works on the stack.
    pub fn to_work(command: &'static str, execution: &ExecutionArguments) -> Self {
        Self {
            command,
            locked: true,
            execution: Some(execution.clone()),
            plugins: Vec::new(),
            forwards: true,
        }
    }

    /// Returns options for a command that only looks at what is declared.
    pub fn to_look(command: &'static str) -> Self {
        Self {
            command,
            locked: false,
            execution: None,
            plugins: Vec::new(),
            forwards: false,
        }
    }
}
