//! Many values of one kind in little memory: as text, compressed, some together.
//!
//! Plans and records of a stack are alike: the same keys, types and options again and again. As values each takes several
//! kilobytes; packed with its neighbours it takes some dozens of bytes. What is worked on is unpacked for as long as that
//! takes.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many values are compressed together.
const TOGETHER: usize = 64;
/// How many groups stay unpacked as text for whoever asks next.
const KEPT: usize = 16;

/// Values that were put in one after the other, and are read by position.
pub(crate) struct Packed<T> {
    /// Full groups: each is lines of text, compressed.
    full: Vec<Box<[u8]>>,
    /// The group that is being filled: lines.
    open: Vec<u8>,
    length: usize,
    unpacked: Mutex<VecDeque<(usize, Arc<Lines>)>>,
    kind: PhantomData<fn() -> T>,
}

/// The text of a group with the end of each line.
struct Lines {
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl Lines {
    fn new(text: Vec<u8>) -> Self {
        let ends = text
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .filter_map(|(at, _)| u32::try_from(at).ok())
            .collect();
        Self { text, ends }
    }

    fn get(&self, line: usize) -> Option<&[u8]> {
        let end = usize::try_from(*self.ends.get(line)?).ok()?;
        let start = match line.checked_sub(1) {
            Some(before) => usize::try_from(*self.ends.get(before)?).ok()? + 1,
            None => 0,
        };
        self.text.get(start..end)
    }
}

impl<T> Default for Packed<T> {
    fn default() -> Self {
        Self {
            full: Vec::new(),
            open: Vec::new(),
            length: 0,
            unpacked: Mutex::default(),
            kind: PhantomData,
        }
    }
}

impl<T> Clone for Packed<T> {
    fn clone(&self) -> Self {
        Self {
            full: self.full.clone(),
            open: self.open.clone(),
            length: self.length,
            unpacked: Mutex::default(),
            kind: PhantomData,
        }
    }
}

impl<T> Packed<T> {
    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    fn lines(&self, group: usize) -> Option<Arc<Lines>> {
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = unpacked.iter().position(|(known, _)| *known == group) {
            let (_, lines) = unpacked.get(at)?;
            return Some(lines.clone());
        }
        let text = lz4_flex::decompress_size_prepended(self.full.get(group)?).ok()?;
        let lines = Arc::new(Lines::new(text));
        if unpacked.len() >= KEPT {
            unpacked.pop_front();
        }
        unpacked.push_back((group, lines.clone()));
        Some(lines)
    }
}

impl<T: Serialize + DeserializeOwned> Packed<T> {
    /// Adds a value and returns its position.
    ///
    /// # Errors
    /// When it cannot be written as text.
    pub(crate) fn push(&mut self, value: &T) -> Result<usize, serde_json::Error> {
        let before = self.open.len();
        if let Err(error) = serde_json::to_writer(&mut self.open, value) {
            self.open.truncate(before);
            return Err(error);
        }
        self.open.push(b'\n');
        let position = self.length;
        self.length += 1;
        if self.length.is_multiple_of(TOGETHER) {
            let packed = lz4_flex::compress_prepend_size(&self.open);
            self.full.push(packed.into_boxed_slice());
            self.open.clear();
        }
        Ok(position)
    }

    /// Returns a value.
    pub(crate) fn get(&self, position: usize) -> Option<T> {
        let (group, line) = (position / TOGETHER, position % TOGETHER);
        if group < self.full.len() {
            return serde_json::from_slice(self.lines(group)?.get(line)?).ok();
        }
        let text = self.open.split(|byte| *byte == b'\n').nth(line)?;
        serde_json::from_slice(text).ok()
    }

    /// Returns all values in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = T> {
        (0..self.length).filter_map(|position| self.get(position))
    }

    /// Tells whether a text stands anywhere in the values as they are written.
    pub(crate) fn contains(&self, text: &str) -> bool {
        let holds = |all: &[u8]| all.windows(text.len()).any(|window| window == text.as_bytes());
        holds(&self.open)
            || self.full.iter().any(|group| {
                // What cannot be read is taken to hold it.
                lz4_flex::decompress_size_prepended(group).map_or(true, |text| holds(&text))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_in_comes_out_again(values in prop::collection::vec(".{0,40}", 0..300)) {
            let mut packed: Packed<String> = Packed::default();
            for (position, value) in values.iter().enumerate() {
                prop_assert_eq!(packed.push(value).unwrap(), position);
            }
            prop_assert_eq!(packed.len(), values.len());
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), values.clone());
            for position in (0..values.len()).rev() {
                prop_assert_eq!(packed.clone().get(position), values.get(position).cloned());
            }
            prop_assert_eq!(packed.get(values.len()), None);
        }
    }

    #[test]
    fn values_that_are_alike_take_few_bytes() {
        let mut packed: Packed<serde_json::Value> = Packed::default();
        for index in 0..64_000 {
            let value = serde_json::json!({
                "urn": format!("urn:konductor:shop:dev:aws:ec2:Subnet::subnet/{index}"),
                "plugin": {"name": "aws", "version": "1.2.3"},
                "inputs": {"label": format!("res-{index}"), "value": {"size": index % 7, "inputs": []}, "tags": {"env": "prod"}},
                "object": {"id": format!("{index:016x}"), "attributes": {"label": format!("res-{index}"), "arn": format!("arn:{index:x}")}},
            });
            packed.push(&value).unwrap();
        }
        let bytes: usize = packed.full.iter().map(|group| group.len()).sum();
        assert!(bytes / 64_000 < 100, "{} bytes each", bytes / 64_000);
    }

    #[test]
    fn a_text_is_found_in_full_and_in_open_groups() {
        let mut packed: Packed<String> = Packed::default();
        for index in 0..70 {
            packed.push(&format!("value-{index}-")).unwrap();
        }
        assert!(packed.contains("value-3-") && packed.contains("value-69-"));
        assert!(!packed.contains("value-70-"));
    }
}
