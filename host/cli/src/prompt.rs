//! Asking a person.

use std::io::IsTerminal as _;

use crate::error::CommandError;
use crate::output::Output;

/// Asks to go on. Nobody is asked when `yes` was given; where nobody can be asked it fails instead of guessing.
pub fn confirm(question: &str, yes: bool, output: &Output) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !somebody_is_there(output) {
        return Err(
            CommandError::message("this needs a yes, and there is no terminal to ask on")
                .help("pass --yes to go on without being asked"),
        );
    }
    if ask(question)? {
        Ok(())
    } else {
        Err(CommandError::message("stopped: nothing was changed"))
    }
}

/// Tells whether a person can be asked.
pub fn somebody_is_there(output: &Output) -> bool {
    !output.is_json() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a person, who is there; no is the default.
pub fn ask(question: &str) -> Result<bool, CommandError> {
    dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()
        .map_err(|error| CommandError::message(format!("the answer could not be read: {error}")))
}

/// Reads a secret without showing it: from the terminal, or all of standard input.
pub fn read_secret(what: &str) -> Result<String, CommandError> {
    let failed =
        |error: &dyn std::fmt::Display| CommandError::message(format!("{what} could not be read: {error}"));
    if std::io::stdin().is_terminal() {
        return dialoguer::Password::new()
            .with_prompt(what)
            .interact()
            .map_err(|error| failed(&error));
    }
    let text = std::io::read_to_string(std::io::stdin()).map_err(|error| failed(&error))?;
    Ok(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text))
}
