//! Why a guest stopped, in words.

use std::sync::atomic::Ordering;
use std::time::Duration;

use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::I32Exit;

use crate::call::{Record, Stream};
use crate::store::{Breach, seconds};
use crate::text;

/// The longest message of a guest that is repeated in a cause.
const QUOTED: usize = 2_000;

/// Says why a guest stopped.
pub(crate) fn cause(error: &wasmtime::Error, record: &Record) -> String {
    if let Some(breach) = error.downcast_ref::<Breach>() {
        return breach.to_string();
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return format!("ended the process with exit code {code} instead of answering");
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return format!(
            "found no room for another instance ({error}); lower the number of operations that run at once"
        );
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return trap_cause(*trap, &record.printed(Stream::Error));
    }
    let message = format!("{error:#}");
    if message.contains("fuel allocated for hostcalls") {
        return "passed more data across the boundary at once than is allowed".to_owned();
    }
    if message.contains("resource table has no free keys") {
        return "held more handles to host resources at once than is allowed".to_owned();
    }
    if message.contains("Cannot allocate memory") || message.contains("os error 12") {
        return format!(
            "could not be given memory by the system, which is out of it or of memory mappings \
             (vm.max_map_count): {message}"
        );
    }
    format!(
        "answered against the rules of its interface: {}",
        text::printable_line(&message, QUOTED)
    )
}

fn trap_cause(trap: Trap, standard_error: &str) -> String {
    match trap {
        Trap::UnreachableCodeReached => {
            if let Some(panic) = panic_message(standard_error) {
                return format!("panicked: {panic}");
            }
            match last_lines(standard_error) {
                Some(words) => format!("aborted: {words}"),
                None => "aborted without a message".to_owned(),
            }
        }
        // A guest's own stack lies at the start of its memory and grows towards zero, so that running over it
        // is an access out of bounds.
        Trap::StackOverflow => "overflowed its stack".to_owned(),
        Trap::MemoryOutOfBounds => "overflowed its stack, or used memory that is not its own".to_owned(),
        Trap::IntegerDivisionByZero => "divided by zero".to_owned(),
        Trap::IntegerOverflow => "overflowed an integer".to_owned(),
        Trap::Interrupt => "was interrupted".to_owned(),
        Trap::CannotEnterComponent => "was called while it was stopped".to_owned(),
        other => {
            let text = other.to_string();
            let text = text.strip_prefix("wasm trap: ").unwrap_or(&text);
            format!("ran into a fault: {text}")
        }
    }
}

/// Finds the message of a Rust panic: `… panicked at FILE:LINE:COLUMN:` and the lines after it.
fn panic_message(standard_error: &str) -> Option<String> {
    let (_, rest) = standard_error.rsplit_once(" panicked at ")?;
    let (place, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let message: Vec<&str> = rest
        .lines()
        .take_while(|line| !line.starts_with("note: ") && !line.starts_with("stack backtrace:"))
        .collect();
    let message = text::printable(message.join("\n").trim(), QUOTED);
    let place = text::printable_line(place.trim_end_matches(':'), 200);
    Some(if message.is_empty() {
        format!("(without a message) at {place}")
    } else {
        format!("{message} (at {place})")
    })
}

fn last_lines(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(3);
    let last = lines.get(from..)?.join("; ");
    (!last.is_empty()).then(|| text::printable(&last, QUOTED))
}

/// Says that a call took too long, and where it was.
pub(crate) fn overdue(deadline: Duration, record: &Record) -> String {
    let place = if record.in_cloud.load(Ordering::Relaxed) {
        "; it was waiting for the cloud"
    } else {
        ""
    };
    format!("did not answer within {}{place}", seconds(deadline))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_message_and_place() {
        let printed = "starting\n\nthread '<unnamed>' (1) panicked at src/lib.rs:3:5:\nno such \u{1b}[31mzone\nreally\n\
                       note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        assert_eq!(
            trap_cause(Trap::UnreachableCodeReached, printed),
            "panicked: no such [31mzone\nreally (at src/lib.rs:3:5)"
        );
        assert_eq!(
            trap_cause(
                Trap::UnreachableCodeReached,
                "memory allocation of 9 bytes failed\n"
            ),
            "aborted: memory allocation of 9 bytes failed"
        );
        assert_eq!(
            trap_cause(Trap::UnreachableCodeReached, ""),
            "aborted without a message"
        );
    }
}
