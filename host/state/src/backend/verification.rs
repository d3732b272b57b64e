//! Checks what a backend has, entry by entry, against this machine's copy.

use rusqlite::Connection;

use crate::backend::remote::{PAGE, Remote};
use crate::backend::segment::stored_entries;
use crate::backend::{BackendError, segment::Decoded};
use crate::error::StateError;
use crate::schema::Place;
use crate::verify::{Problem, Verification};

/// Fetches the whole log again, and adds the first difference to what was found. The chain in every segment is checked
/// on the way, whatever the copy holds.
pub(crate) fn compare(
    connection: &Connection,
    place: &Place,
    remote: &Remote,
    found: &mut Verification,
) -> Result<(), StateError> {
    let mut next = 1;
    let mut previous = place.origin();
    loop {
        let segments = match remote.read(next, PAGE) {
            Ok(segments) => segments,
            Err(StateError::Backend(BackendError::Damaged { what, .. })) => {
                found.problems.push(problem(None, remote, &what));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let complete = segments.len() < PAGE;
        for segment in &segments {
            if let Some(problem) = difference(connection, place, remote, segment, next, &previous)? {
                found.problems.push(problem);
                return Ok(());
            }
            next = segment.last() + 1;
            if let Some(last) = segment.entries.last() {
                previous.clone_from(&last.hash);
            }
        }
        if complete {
            break;
        }
    }
    if next <= found.entries {
        found
            .problems
            .push(problem(Some(next), remote, "it is missing, and all after it"));
    }
    Ok(())
}

fn difference(
    connection: &Connection,
    place: &Place,
    remote: &Remote,
    segment: &Decoded,
    next: u64,
    previous: &str,
) -> Result<Option<Problem>, StateError> {
    if segment.first != next || segment.previous != previous {
        let what = format!(
            "what follows is a segment that begins with entry {}",
            segment.first
        );
        return Ok(Some(problem(Some(next), remote, &what)));
    }
    // Beyond the end of the copy somebody has appended meanwhile.
    let kept = stored_entries(connection, place.path(), next, segment.entries.len())?;
    let different = kept
        .iter()
        .zip(&segment.entries)
        .find(|(kept, entry)| kept != entry);
    Ok(different.map(|(kept, _)| {
        problem(
            Some(kept.serial),
            remote,
            "it is not the entry that this machine has",
        )
    }))
}

fn problem(serial: Option<u64>, remote: &Remote, what: &str) -> Problem {
    Problem {
        serial,
        what: format!("in the state at {}: {what}", remote.title),
    }
}
