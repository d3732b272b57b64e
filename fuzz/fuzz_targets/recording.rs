//! A recording of what a plugin sent, as somebody wrote it: read, written, and replayed against its own requests.
#![no_main]

use std::path::Path;

use konductor_recording::{Recording, Replayed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let file = Path::new("recording.json");
    let recording = match Recording::parse(file, data) {
        Ok(recording) => recording,
        Err(error) => {
            let text = error.to_string();
            let place = text
                .strip_prefix("recording.json:")
                .expect("an error names the file");
            let numbers = place.split(':').take(2);
            for number in numbers {
                let number: usize = number.parse().expect("an error names line and column");
                assert!(number > 0, "{text}");
            }
            return;
        }
    };
    let text = recording.to_text(file).expect("what was read is written");
    let again = Recording::parse(file, text.as_bytes()).expect("what was written is read");
    assert_eq!(
        again, recording,
        "a recording changes on its way through its file"
    );
    for interaction in &recording.interactions {
        let body = interaction.request.body.bytes();
        assert!(
            body.is_empty() || !interaction.request.body.is_empty(),
            "a body comes from nothing"
        );
    }
    let mut replayed = Replayed::new(recording.interactions.clone());
    for interaction in &recording.interactions {
        let found = replayed
            .take(&interaction.resource, &interaction.request)
            .expect("each request is in the recording at its place");
        assert_eq!(found.outcome, interaction.outcome, "another request's answer");
    }
    assert_eq!(replayed.unused().count(), 0, "each request was made");
});
