//! Whether a log is the one of which archives were made.

use std::collections::BTreeMap;

use konductor_state::{Entry, EntryQuery, LogArchived, LoggedEntry, StackLog, StateError};

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// What the log says of its archives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archives {
    /// What was archived, in the order of the log.
    pub made: Vec<LogArchived>,
    /// Where an entry is not the one that was archived.
    pub problems: Vec<String>,
}

/// Compares a log with what it says of its archives: whoever computes the chain anew has to forge that as well.
///
/// # Errors
/// When the log cannot be read.
pub async fn verify_archives(log: &StackLog) -> Result<Archives, StateError> {
    let mut comparing = Comparing::default();
    let mut query = EntryQuery {
        limit: PAGE,
        ..EntryQuery::default()
    };
    loop {
        let entries = log.entries(query.clone()).await?;
        entries.iter().for_each(|logged| comparing.take(logged));
        match entries.last() {
            Some(last) if entries.len() == PAGE => query.from = last.serial + 1,
            _ => return Ok(comparing.end()),
        }
    }
}

/// Archives are named after what is in them: the hashes of the entries that may be named are kept.
#[derive(Default)]
struct Comparing {
    hashes: BTreeMap<u64, String>,
    archives: Archives,
}

impl Comparing {
    fn take(&mut self, logged: &LoggedEntry) {
        self.hashes.insert(logged.serial, logged.hash.clone());
        let Entry::LogArchived(made) = &logged.entry else {
            return;
        };
        match self.hashes.get(&made.last) {
            Some(hash) if *hash == made.hash && made.last < logged.serial => {}
            Some(hash) => self.archives.problems.push(format!(
                "entry {}: its hash is {hash}, and {} was archived at {}: it or an entry before it was changed",
                made.last, made.hash, made.place
            )),
            None => self.archives.problems.push(format!(
                "entry {}: missing, and archived at {}",
                made.last, made.place
            )),
        }
        self.archives.made.push(made.clone());
    }

    fn end(self) -> Archives {
        self.archives
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use std::collections::BTreeMap;

    fn log(archived: &[(u64, &str)]) -> Vec<LoggedEntry> {
        let entry = |serial: u64, entry: Entry| LoggedEntry {
            serial,
            time: Timestamp::UNIX_EPOCH,
            hash: format!("hash-{serial}"),
            entry,
        };
        let outputs = || Entry::Outputs {
            outputs: BTreeMap::new(),
        };
        let mut log: Vec<LoggedEntry> = (1..=4).map(|serial| entry(serial, outputs())).collect();
        for (serial, (last, hash)) in (5..).zip(archived) {
            let made = LogArchived {
                place: "/mnt/archive".to_owned(),
                last: *last,
                hash: (*hash).to_owned(),
                ..LogArchived::default()
            };
            log.push(entry(serial, Entry::LogArchived(made)));
        }
        log
    }

    fn compared(log: &[LoggedEntry]) -> Archives {
        let mut comparing = Comparing::default();
        log.iter().for_each(|logged| comparing.take(logged));
        comparing.end()
    }

    #[test]
    fn an_entry_that_is_not_the_one_that_was_archived_is_named() {
        let sound = compared(&log(&[(2, "hash-2"), (4, "hash-4")]));
        assert_eq!((sound.made.len(), sound.problems.len()), (2, 0));
        let changed = compared(&log(&[(2, "hash-2"), (4, "other")]));
        assert_eq!(changed.problems.len(), 1);
        assert!(
            changed
                .problems
                .iter()
                .all(|told| told.starts_with("entry 4: its hash is hash-4, and other"))
        );
        let mut removed = log(&[(2, "hash-2")]);
        removed.retain(|logged| logged.serial != 2);
        assert_eq!(
            compared(&removed).problems,
            ["entry 2: missing, and archived at /mnt/archive"]
        );
        // What is said to be archived before it was written cannot be.
        assert_eq!(compared(&log(&[(5, "hash-5")])).problems.len(), 1);
    }
}
