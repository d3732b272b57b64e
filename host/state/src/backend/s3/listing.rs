//! A page of a bucket's listing, as it comes: XML.

use quick_xml::de::from_reader;
use serde::Deserialize;

/// A page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) keys: Vec<String>,
    pub(super) prefixes: Vec<String>,
    pub(super) is_truncated: bool,
    pub(super) continuation: Option<String>,
}

#[derive(Deserialize)]
struct ListBucketResult {
    #[serde(rename = "Contents", default)]
    contents: Vec<Contents>,
    #[serde(rename = "CommonPrefixes", default)]
    prefixes: Vec<CommonPrefix>,
    #[serde(rename = "IsTruncated", default)]
    is_truncated: bool,
    #[serde(rename = "NextContinuationToken")]
    continuation: Option<String>,
}

#[derive(Deserialize)]
struct Contents {
    #[serde(rename = "Key")]
    key: String,
}

#[derive(Deserialize)]
struct CommonPrefix {
    #[serde(rename = "Prefix")]
    prefix: String,
}

/// Reads a page, or says what is wrong with it.
pub(super) fn read_listing(body: &[u8]) -> Result<Listing, String> {
    let read: ListBucketResult = from_reader(body).map_err(|error| error.to_string())?;
    Ok(Listing {
        keys: read.contents.into_iter().map(|contents| contents.key).collect(),
        prefixes: read.prefixes.into_iter().map(|prefix| prefix.prefix).collect(),
        is_truncated: read.is_truncated,
        continuation: read.continuation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_names_and_says_whether_there_is_more() {
        let page = br#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount>
<MaxKeys>2</MaxKeys><IsTruncated>true</IsTruncated><NextContinuationToken>a=&amp;b</NextContinuationToken>
<Contents><Key>p/a&amp;b</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>
<Contents><Key>p/c</Key></Contents><CommonPrefixes><Prefix>p/d/</Prefix></CommonPrefixes></ListBucketResult>"#;
        let expected = Listing {
            keys: vec!["p/a&b".to_owned(), "p/c".to_owned()],
            prefixes: vec!["p/d/".to_owned()],
            is_truncated: true,
            continuation: Some("a=&b".to_owned()),
        };
        assert_eq!(read_listing(page).unwrap(), expected);
        assert_eq!(
            read_listing(b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>").unwrap(),
            Listing::default()
        );
        assert!(read_listing(b"<html>").is_err());
    }
}
