//! Reading many objects with few requests: a collection page by page, also over all zones and regions.

use std::collections::BTreeMap;

use konductor_sdk::prelude::*;

use crate::client::{api, received};
use crate::lifecycle::Target;
use crate::link::{expand, matched, parameters, segments};

/// From so many objects of one collection on, the collection is read instead of each.
const WORTH_LISTING: usize = 4;

/// The most pages that are read for objects of one collection.
const MOST_PAGES: usize = 200;

/// A page of a collection.
#[derive(Debug, Default)]
pub struct Page {
    /// Links, and what Google says of the object.
    pub objects: Vec<(String, Value)>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// Reads one page of the collection that a target's parameters name. Where the API can list over all zones and regions
/// and no zone or region is given, it does.
///
/// # Errors
/// When the API cannot list, or a parameter is missing.
pub fn page(context: &Context, target: &Target, cursor: Option<&str>) -> Result<Page, Failure> {
    let rest = target.rest;
    let is_placed = ["zone", "region"]
        .iter()
        .any(|name| target.given.contains_key(*name));
    let aggregated = rest.method("aggregated").filter(|_| !is_placed);
    let is_aggregated = aggregated.is_some();
    let method = aggregated.or_else(|| rest.method("list")).ok_or_else(|| {
        Failure::new(
            Disposition::Unsupported,
            format!("the API cannot list objects of {}", rest.name()),
        )
    })?;
    let path = target.path_of_collection(context, &method)?;
    let api = api(context, rest.service());
    let mut request = api.get(&path).optional_query("pageToken", cursor);
    if method.takes("project") {
        request = request.optional_query("project", target.parameter_of(context, "project"));
    }
    let answer = received(request.send()?.json()?);
    let mut objects = Vec::new();
    for item in items(&answer) {
        // A list over all places has the objects of other collections as well: global rules among those of regions.
        if is_aggregated && !target.holds(&item) {
            continue;
        }
        let link = target.link_of(context, &item)?;
        let item = target.named_as(&link, item);
        objects.push((link, item));
    }
    let next_cursor = answer
        .attribute("nextPageToken")
        .and_then(Value::as_text)
        .filter(|token| !token.is_empty())
        .map(str::to_owned);
    Ok(Page { objects, next_cursor })
}

/// Returns the objects of an answer: under `items`, under a name of the collection's own, or by scope.
fn items(answer: &Value) -> Vec<Value> {
    let Some(members) = answer.as_map() else {
        return Vec::new();
    };
    if let Some(scopes) = members.get("items").and_then(Value::as_map) {
        return scopes.values().flat_map(items).collect();
    }
    let is_objects = |value: &&Value| {
        value
            .as_list()
            .is_some_and(|list| list.iter().all(|item| item.as_map().is_some()))
    };
    members
        .iter()
        // What an answer says about itself is no object.
        .filter(|(name, _)| !["warnings", "unreachable"].contains(&name.as_str()))
        .map(|(_, value)| value)
        .find(is_objects)
        .and_then(Value::as_list)
        .map(<[Value]>::to_vec)
        .unwrap_or_default()
}

/// What was read of many objects.
#[derive(Debug, Default)]
pub struct Many {
    /// The objects of collections that were read as a whole, by link.
    found: BTreeMap<String, Value>,
    /// The collections that were read as a whole.
    collections: Vec<String>,
}

/// Returns what tells collections apart: a type and the place of its objects.
fn collection_of(target: &Target, link: &str) -> Option<(String, Target)> {
    let rest = target.rest;
    let (get, list) = (rest.method("get")?, rest.method("list")?);
    let mut values = matched(get.path, &segments(rest.service(), link)?)?;
    let last = parameters(get.path)
        .last()
        .map(|(name, whole)| (name.to_owned(), whole))?;
    let name = values.remove(&last.0)?;
    if last.1 {
        // `v1/{+name}`: the parent is the name without its last two segments.
        let parts: Vec<&str> = name.split('/').collect();
        let parent = parts.get(..parts.len().checked_sub(2)?)?.join("/");
        let (wanted, _) = parameters(list.path).next()?;
        values.insert(wanted.to_owned(), parent);
    }
    let path = expand(list.path, |name| values.get(name).cloned()).ok()?;
    let target = Target { rest, given: values };
    Some((format!("{} {}", rest.name(), path.join("/")), target))
}

impl Many {
    /// Reads collections of which several objects are wanted.
    ///
    /// # Errors
    /// When a collection cannot be read.
    pub fn read(context: &Context, wanted: &[(&Target, &str)]) -> Result<Self, Failure> {
        let mut groups: BTreeMap<String, (Target, usize)> = BTreeMap::new();
        for (target, link) in wanted {
            if let Some((name, target)) = collection_of(target, link) {
                groups.entry(name).or_insert((target, 0)).1 += 1;
            }
        }
        let mut many = Self::default();
        for (name, (target, _)) in groups
            .into_iter()
            .filter(|(_, (_, count))| *count >= WORTH_LISTING)
        {
            let mut cursor = None;
            for _ in 0..MOST_PAGES {
                let page = page(context, &target, cursor.as_deref())?;
                many.found.extend(page.objects);
                cursor = page.next_cursor;
                if cursor.is_none() {
                    many.collections.push(name);
                    break;
                }
            }
        }
        Ok(many)
    }

    /// Returns one object: out of its collection, or read by itself.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find(&self, context: &Context, target: &Target, link: &str) -> Result<Option<Value>, Failure> {
        let is_read = collection_of(target, link).is_some_and(|(name, _)| self.collections.contains(&name));
        if is_read {
            return match self.found.get(link) {
                Some(found) => target.present(context, link, found.clone()),
                None => Ok(None),
            };
        }
        target.read(context, link)
    }
}
