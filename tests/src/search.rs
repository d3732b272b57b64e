//! Looking for a secret in what a run left behind.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the files below a folder that hold a text, as bytes, anywhere.
///
/// # Panics
/// When a file cannot be read.
pub fn files_that_hold(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && holds(&fs::read(entry.path()).unwrap(), text) {
                found.push(entry.path());
            }
        }
    }
    found
}

/// Tells whether bytes hold a text: as it is, in base64 at any alignment, or as hexadecimal digits.
pub fn holds(bytes: &[u8], text: &str) -> bool {
    forms(text)
        .iter()
        .any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
}

fn forms(text: &str) -> Vec<String> {
    let hexadecimal: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![text.to_owned(), hexadecimal];
    // The bytes before a text in base64 shift it; what depends on neighbours is cut off at both ends.
    for shift in 0..3_usize {
        let mut padded = vec![0_u8; shift];
        padded.extend(text.bytes());
        let encoded = base64(&padded);
        let start = (shift * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        forms.push(encoded[start..end].to_owned());
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| byte >> (7 - index % 8) & 1);
    (0..(bytes.len() * 8).div_ceil(6))
        .map(|digit| (0..6).fold(0_u8, |value, place| value << 1 | bit(digit * 6 + place)))
        .map(|value| char::from(DIGITS[usize::from(value)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form() {
        // "AKIDEXAMPLE" in base64, alone and after one and two other bytes.
        for text in [
            "x AKIDEXAMPLE y",
            "QUtJREVYQU1QTEU=",
            "eEFLSURFWEFNUExF",
            "eHhBS0lERVhBTVBMRQ==",
            "414b49444558414d504c45",
        ] {
            assert!(holds(text.as_bytes(), "AKIDEXAMPLE"), "{text}");
        }
        assert!(!holds(b"AKIDEXAMPL", "AKIDEXAMPLE"));
    }
}
