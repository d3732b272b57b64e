//! What stands in a part of a backup: a line that says what is in it, segments as a backend holds them, and the sum of
//! all that. The sum is the link that the next part names.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::backend::{BackendError, StoredSegment};
use crate::chain;
use crate::error::StateError;
use crate::schema::StackIdentity;

/// The newest form of a part that this version reads, and the one it writes.
const FORMAT: u32 = 1;

/// The length of a sum in hexadecimal.
const SUM: usize = 64;

#[derive(Serialize, Deserialize)]
struct Header {
    backup: u32,
    project: String,
    stack: String,
    first: u64,
    /// The last entry; none where whoever made the backup could not read the segments.
    last: Option<u64>,
    /// The sum of the part before.
    previous: String,
    made: Timestamp,
    segments: Vec<Length>,
}

#[derive(Serialize, Deserialize)]
struct Length {
    first: u64,
    bytes: usize,
}

/// A part whose sum is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) last: Option<u64>,
    pub(crate) previous: String,
    pub(crate) made: Timestamp,
    /// At least one.
    pub(crate) segments: Vec<StoredSegment>,
    /// What the next part names as `previous`.
    pub(crate) link: String,
}

/// Returns what the first part of a backup names as the one before.
pub(crate) fn origin(stack: &StackIdentity) -> String {
    chain::origin(&stack.project, &stack.stack)
}

/// Writes a part, and returns its bytes and its link.
pub(crate) fn encode(
    stack: &StackIdentity,
    previous: &str,
    last: Option<u64>,
    segments: &[StoredSegment],
) -> Result<(Vec<u8>, String), StateError> {
    let header = Header {
        backup: FORMAT,
        project: stack.project.clone(),
        stack: stack.stack.clone(),
        first: segments.first().map_or(0, |segment| segment.first),
        last,
        previous: previous.to_owned(),
        made: Timestamp::now(),
        segments: segments
            .iter()
            .map(|segment| Length {
                first: segment.first,
                bytes: segment.body.len(),
            })
            .collect(),
    };
    let mut bytes = serde_json::to_vec(&header).map_err(|source| StateError::Encode {
        source: Arc::new(source),
    })?;
    bytes.push(b'\n');
    for segment in segments {
        bytes.extend_from_slice(&segment.body);
    }
    let link = hex::encode(Sha256::digest(&bytes));
    bytes.extend_from_slice(link.as_bytes());
    Ok((bytes, link))
}

/// Reads a part and checks its sum.
pub(crate) fn decode(
    place: &str,
    stack: &StackIdentity,
    name: u64,
    bytes: &[u8],
) -> Result<Part, BackendError> {
    let damaged = |what: &str| BackendError::Damaged {
        place: place.into(),
        what: format!("the part of {stack} from entry {name}: {what}"),
    };
    let (content, sum) = bytes
        .split_at_checked(bytes.len().saturating_sub(SUM))
        .ok_or_else(|| damaged("it is cut off"))?;
    let link = hex::encode(Sha256::digest(content));
    if link.as_bytes() != sum {
        return Err(damaged(
            "its sum is not that of its bytes: it was changed or cut off",
        ));
    }
    let end = content
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| damaged("it has no first line"))?;
    let (line, body) = content.split_at(end);
    let header: Header = serde_json::from_slice(line).map_err(|error| damaged(&error.to_string()))?;
    if header.backup > FORMAT {
        return Err(BackendError::Refused {
            place: place.into(),
            reason: format!(
                "a part was written in form {} and this version reads {FORMAT}",
                header.backup
            ),
            advice: "use the newer version of Konductor that wrote it".to_owned(),
        });
    }
    if (header.project.as_str(), header.stack.as_str()) != (stack.project.as_str(), stack.stack.as_str()) {
        return Err(damaged(&format!("it is of {}/{}", header.project, header.stack)));
    }
    if header.first != name || header.segments.first().map(|segment| segment.first) != Some(name) {
        return Err(damaged(&format!("it begins with entry {}", header.first)));
    }
    let mut rest = body.get(1..).unwrap_or_default();
    let mut segments = Vec::with_capacity(header.segments.len());
    for Length { first, bytes } in header.segments {
        let (body, after) = rest
            .split_at_checked(bytes)
            .ok_or_else(|| damaged("it is shorter than it says"))?;
        segments.push(StoredSegment {
            first,
            body: body.to_vec(),
        });
        rest = after;
    }
    if !rest.is_empty() {
        return Err(damaged("it is longer than it says"));
    }
    Ok(Part {
        last: header.last,
        previous: header.previous,
        made: header.made,
        segments,
        link,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> StackIdentity {
        StackIdentity {
            project: "shop".to_owned(),
            stack: "dev".to_owned(),
        }
    }

    fn segment(first: u64, body: &str) -> StoredSegment {
        StoredSegment {
            first,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_part_reads_back_as_it_was_written_and_names_the_one_before() {
        let segments = [segment(4, "line\nline"), segment(6, "v1:c2VhbGVk")];
        let (bytes, link) = encode(&stack(), "before", Some(9), &segments).unwrap();
        let part = decode("here", &stack(), 4, &bytes).unwrap();
        assert_eq!(part.segments, segments);
        assert_eq!((part.last, part.previous.as_str()), (Some(9), "before"));
        assert_eq!(part.link, link);
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let (bytes, _) = encode(&stack(), "before", None, &[segment(1, "body")]).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(decode("here", &stack(), 1, &changed).is_err(), "byte {place}");
            assert!(
                decode("here", &stack(), 1, &bytes[..place]).is_err(),
                "cut at {place}"
            );
        }
    }

    #[test]
    fn a_part_of_another_stack_or_under_another_name_is_refused() {
        let (bytes, _) = encode(&stack(), "before", None, &[segment(1, "body")]).unwrap();
        assert!(decode("here", &stack(), 2, &bytes).is_err());
        let other = StackIdentity {
            stack: "prod".to_owned(),
            ..stack()
        };
        let refused = decode("here", &other, 1, &bytes).unwrap_err().to_string();
        assert!(refused.contains("it is of shop/dev"), "{refused}");
    }
}
