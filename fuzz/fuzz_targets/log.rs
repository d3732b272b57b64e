//! The entries of a stack's log, a line each, read and folded into the state as `konductor log` and a run do.
#![no_main]

use konductor_state::{Entry, Snapshot, apply};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut state = Snapshot::default();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(entry) = Entry::from_stored(line) else {
            continue;
        };
        let written = serde_json::to_vec(&entry).expect("an entry is written as JSON");
        let again = Entry::from_stored(&written).expect("what was written is read");
        assert_eq!(again, entry, "an entry changes on its way through its text");
        let before = state.clone();
        if apply(&mut state, &entry).is_err() {
            assert_eq!(state, before, "an entry was applied in part");
        }
    }
});
