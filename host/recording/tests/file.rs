//! The file of a recording: one way of writing it, limits, and errors that name the place.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::path::Path;

use konductor_recording::{LARGEST_FILE, MOST_INTERACTIONS, Recording, RecordingError};

const WHOLE: &str = r#"{
  "konductor-recording": 1,
  "plugin": "kinto",
  "draws": {
    "instant": "2026-01-02T03:04:05Z",
    "seed": "0707070707070707070707070707070707070707070707070707070707070707"
  },
  "interactions": [
    {
      "for": "shelf",
      "request": {
        "method": "PUT",
        "url": "{{endpoint:api}}/v1/buckets/shelf",
        "headers": {
          "content-type": "application/json"
        },
        "body": {
          "json": {
            "data": {
              "konductor_token": "{{token:1}}"
            }
          }
        }
      },
      "answer": {
        "status": 201,
        "headers": {
          "etag": "\"1\""
        },
        "body": {
          "text": [
            "<a>\n",
            "</a>\n"
          ]
        }
      }
    },
    {
      "for": "shelf",
      "request": {
        "method": "GET",
        "url": "{{endpoint:api}}/v1/buckets/shelf"
      },
      "failure": {
        "kind": "not-connected",
        "message": "{{authority:api}}: refused"
      }
    }
  ]
}
"#;

fn parse(text: &str) -> Result<Recording, RecordingError> {
    Recording::parse(Path::new("kinto.json"), text.as_bytes())
}

#[test]
fn a_file_is_written_as_it_was_read() {
    let recording = parse(WHOLE).unwrap();
    assert_eq!(recording.to_text(Path::new("kinto.json")).unwrap(), WHOLE);
    assert_eq!(recording.interactions.len(), 2);
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_column() {
    for (find, replace, problem) in [
        (
            "\"konductor-recording\": 1",
            "\"konductor-recording\": 2",
            "version 2 of the format",
        ),
        ("\"status\": 201", "\"status\": 99", "status of three digits"),
        ("0707\"", "07zz\"", "64 hexadecimal digits"),
        (
            "\"kind\": \"not-connected\"",
            "\"kind\": \"odd\"",
            "unknown variant `odd`",
        ),
        ("\"etag\"", "\"ETag\"", "header in lower case, not \"ETag\""),
        ("\\\"1\\\"", "a\\nb", "no header may hold"),
        (
            "\"for\": \"shelf\",\n      \"request\": {\n        \"method\": \"GET\"",
            "\"for\": \"shelf\",\n      \"request\": {\n        \"way\": \"GET\"",
            "unknown field `way`",
        ),
        ("\"failure\"", "\"answers\"", "unknown field `answers`"),
        ("\"text\": [", "\"base64\": [", "expected a string"),
    ] {
        assert_eq!(WHOLE.matches(find).count(), 1, "{find}");
        let error = parse(&WHOLE.replacen(find, replace, 1)).unwrap_err().to_string();
        // The place is where it was read to, on the line of what is wrong or right after it.
        let until = WHOLE.find(find).unwrap() + find.len();
        let line = WHOLE[..until].lines().count();
        let place = error.strip_prefix("kinto.json:").unwrap();
        let mut numbers = place
            .split(':')
            .take(2)
            .map(|number| number.parse::<usize>().unwrap());
        let (told, column) = (numbers.next().unwrap(), numbers.next().unwrap());
        assert!(
            (line..=line + 1).contains(&told) && column > 0,
            "{replace}: {error}"
        );
        assert!(error.contains(problem), "{replace}: {error}");
        assert!(
            error.ends_with("take it from version control again, or record anew"),
            "{error}"
        );
    }
    let both = WHOLE.replacen("\"failure\"", "\"answer\": {\"status\": 200}, \"failure\"", 1);
    let error = parse(&both).unwrap_err().to_string();
    assert!(
        error.contains("expected one of `answer` and `failure`"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    for length in 0..WHOLE.trim_end().len() {
        if WHOLE.is_char_boundary(length) {
            let error = parse(&WHOLE[..length]).unwrap_err();
            assert!(matches!(error, RecordingError::Form { .. }), "{length}: {error}");
        }
    }
}

#[test]
fn too_deep_too_large_and_too_many_are_refused() {
    let deep = WHOLE.replacen(
        "\"konductor_token\": \"{{token:1}}\"",
        &format!("\"a\": {}", "[".repeat(10_000)),
        1,
    );
    assert!(matches!(parse(&deep), Err(RecordingError::Form { .. })));
    let large = vec![b' '; LARGEST_FILE + 1];
    let error = Recording::parse(Path::new("kinto.json"), &large).unwrap_err();
    assert!(
        error.to_string().contains(&format!("{LARGEST_FILE} bytes")),
        "{error}"
    );
    let mut many = parse(WHOLE).unwrap();
    let one = many.interactions[0].clone();
    many.interactions = vec![one; MOST_INTERACTIONS + 1];
    let error = many.to_text(Path::new("kinto.json")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("{MOST_INTERACTIONS} requests")),
        "{error}"
    );
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kinto.json");
    let recording = parse(WHOLE).unwrap();
    recording.write(&file).unwrap();
    assert_eq!(Recording::read(&file).unwrap(), recording);
    let mut many = recording.clone();
    many.interactions = vec![recording.interactions[0].clone(); MOST_INTERACTIONS + 1];
    assert!(many.write(&file).is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), WHOLE);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    assert!(
        recording
            .write(&folder.path().join("missing").join("file"))
            .is_err()
    );
    assert!(matches!(
        Recording::read(&folder.path().join("none")),
        Err(RecordingError::Unreadable { .. })
    ));
}
