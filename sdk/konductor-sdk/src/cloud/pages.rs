//! Answers that come page by page.

use std::collections::BTreeSet;

use konductor_model::{Disposition, Failure};

use super::Answer;

/// A page: its items, and the cursor of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// Reads all pages. `read` is given the cursor of the page, none for the first.
///
/// # Errors
/// What `read` answers with, and a cursor that comes back: the API would never end.
pub fn all_pages<T>(
    mut read: impl FnMut(Option<&str>) -> Result<Pages<T>, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut items = Vec::new();
    let mut seen = BTreeSet::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = read(cursor.as_deref())?;
        items.extend(page.items);
        let Some(next) = page.next.filter(|next| !next.is_empty()) else {
            return Ok(items);
        };
        if !seen.insert(next.clone()) {
            return Err(Failure::new(
                Disposition::Other,
                "the cloud gave the cursor of a page that was read before",
            ));
        }
        cursor = Some(next);
    }
}

/// Returns the query parameter of the next page from a `Link` header (RFC 8288): of
/// `<https://host/items?page=2>; rel="next"` the `page` is `2`.
pub fn next_link(answer: &Answer, parameter: &str) -> Option<String> {
    let links = answer.header("link")?;
    let target = links.split(',').find_map(|link| {
        let (target, parameters) = link.split_once('>')?;
        let next = parameters.split(';').any(|parameter| {
            let parameter: String = parameter.split_whitespace().collect();
            matches!(parameter.as_str(), "rel=\"next\"" | "rel=next")
        });
        next.then(|| target.trim().trim_start_matches('<'))
    })?;
    query_parameter(target, parameter)
}

/// Returns a query parameter of a URL, decoded: what an API's answer says of its next page.
pub fn query_parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query
        .split('#')
        .next()?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(found, _)| *found == name)?
        .1;
    percent_encoding::percent_decode_str(&value.replace('+', " "))
        .decode_utf8()
        .ok()
        .map(Into::into)
}
