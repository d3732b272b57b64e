//! Where results go: text for a person or one JSON object a line. The only place that prints.

use std::io::{IsTerminal as _, Write as _};

use konductor_model::Diagnostics;
use serde::Serialize;

use crate::arguments::{ColorChoice, GlobalArguments};
use crate::render::diagnostic::{self, Sources};

/// Prints results and diagnostics.
#[derive(Debug, Clone)]
pub struct Output {
    json: bool,
    color: bool,
    terminal: bool,
    silent: bool,
}

impl Output {
    /// Decides how to print.
    pub fn new(arguments: &GlobalArguments, no_color: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let color = match arguments.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !no_color && !arguments.json,
        };
        console::set_colors_enabled(color);
        console::set_colors_enabled_stderr(color);
        Self {
            json: arguments.json,
            color,
            terminal,
            silent: false,
        }
    }

    /// Returns an output that prints nothing, for what is done many times in the background.
    pub fn silent(&self) -> Self {
        Self {
            terminal: false,
            silent: true,
            ..self.clone()
        }
    }

    /// Tells whether JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Tells whether a person watches.
    pub fn is_terminal(&self) -> bool {
        self.terminal && !self.json
    }

    /// Prints a line for a person; nothing when JSON is wanted.
    pub fn line(&self, text: &str) {
        if !self.json && !self.silent {
            write_out(text);
        }
    }

    /// Prints a fact: a line for a person, or an event whose `event` member is `name`.
    pub fn fact(&self, name: &str, members: &impl Serialize, text: &str) {
        if self.json {
            self.event(name, members)
        } else {
            self.line(text);
        }
    }

    /// Prints an event; nothing when text is wanted.
    pub fn event(&self, name: &str, members: &impl Serialize) {
        if !self.json || self.silent {
            return;
        }
        let mut object = serde_json::Map::new();
        object.insert("event".to_owned(), name.into());
        object.insert("time".to_owned(), jiff::Timestamp::now().to_string().into());
        match serde_json::to_value(members) {
            Ok(serde_json::Value::Object(members)) => object.extend(members),
            Ok(other) => {
                object.insert("value".to_owned(), other);
            }
            Err(error) => {
                object.insert("error".to_owned(), error.to_string().into());
            }
        }
        write_out(&serde_json::Value::Object(object).to_string());
    }

    /// Passes on a line of another process that works on a stack: with the stack's name before it, or in it.
    pub fn said_by_stack(&self, stack: &str, line: &str) {
        if !self.json {
            return write_out(&format!("{} {line}", console::style(format!("[{stack}]")).dim()));
        }
        let Ok(serde_json::Value::Object(mut object)) = serde_json::from_str(line) else {
            return;
        };
        object.insert("stack".to_owned(), stack.into());
        write_out(&serde_json::Value::Object(object).to_string());
    }

    /// Passes on a line of work, which was said as whoever handed it over wanted it: as text or as an event.
    pub fn said_by_work(&self, stack: &str, line: &str) {
        let is_event = line.starts_with('{')
            && serde_json::from_str::<serde_json::Value>(line)
                .is_ok_and(|event| event.get("event").is_some());
        if self.json && !is_event {
            self.event("work-said", &serde_json::json!({ "stack": stack, "line": line }));
        } else {
            self.said_by_stack(stack, line);
        }
    }

    /// Passes on a line of another process's standard error.
    pub fn said_beside(&self, stack: &str, line: &str) {
        let name = console::style(format!("[{stack}]")).for_stderr().dim();
        let _ = writeln!(std::io::stderr().lock(), "{name} {line}");
    }

    /// Prints an event that names itself in its `event` member.
    pub fn typed_event(&self, event: &impl Serialize) {
        if self.silent {
            return;
        }
        if let (true, Ok(serde_json::Value::Object(mut object))) = (self.json, serde_json::to_value(event)) {
            object.insert("time".to_owned(), jiff::Timestamp::now().to_string().into());
            write_out(&serde_json::Value::Object(object).to_string());
        }
    }

    /// Tells diagnostics: on standard error for a person, as events when JSON is wanted.
    pub fn diagnostics(&self, diagnostics: &Diagnostics, sources: &dyn Sources) {
        if self.json {
            for diagnostic in &diagnostics.0 {
                self.event("diagnostic", diagnostic);
            }
        } else if !diagnostics.is_empty() && !self.silent {
            let text = diagnostic::render(diagnostics, sources, self.color);
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
    }

    /// Prints lines for a person as they are; nothing when JSON is wanted.
    pub fn text(&self, text: &str) {
        if !self.json {
            self.raw(text);
        }
    }

    /// Prints text without adding a line end, for pictures and scripts.
    pub fn raw(&self, text: &str) {
        if !self.silent {
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
        }
    }
}

// A reader that goes away, such as `head`, is no error worth telling.
fn write_out(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Says on standard error why something takes long.
pub fn notice(text: &str) {
    let _ = writeln!(
        std::io::stderr().lock(),
        "{}",
        console::style(text).for_stderr().dim()
    );
}

/// Sends what happens inside to standard error: warnings always, more with `-v`, or as `KONDUCTOR_LOG` says.
pub fn start_tracing(verbose: u8, filter: Option<&str>) {
    let level = match verbose {
        0 => "warn",
        1 => "info,konductor=debug",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_new(filter.unwrap_or(level))
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(console::colors_enabled_stderr() && std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
