//! Paths of the API with parameters in them, and self links: the address of an object, which is its identity.
//!
//! The host part of a link is always the service's own, wherever requests really go.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What would change the meaning of a link if it stood in it as it is.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'/').add(b'?').add(b'#');

/// The host of links in answers of the older APIs.
const SHARED_HOST: &str = "https://www.googleapis.com/";

/// A part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'t> {
    Fixed(&'t str),
    /// A parameter, whether it may hold slashes, and what follows it in its segment (`:setIamPolicy`).
    Parameter(&'t str, bool, &'t str),
}

fn parts(template: &str) -> impl Iterator<Item = Part<'_>> {
    template.split('/').map(|segment| {
        let inner = segment.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        match inner {
            None => Part::Fixed(segment),
            Some((name, after)) => match name.strip_prefix('+') {
                Some(name) => Part::Parameter(name, true, after),
                None => Part::Parameter(name, false, after),
            },
        }
    })
}

/// Returns the names of the parameters in a path, in order, and whether each may hold slashes.
pub fn parameters(template: &str) -> impl Iterator<Item = (&str, bool)> {
    parts(template).filter_map(|part| match part {
        Part::Parameter(name, whole, _) => Some((name, whole)),
        Part::Fixed(_) => None,
    })
}

/// Returns the segments of a path with its parameters put in.
///
/// # Errors
/// The name of the first parameter that has no value.
pub fn expand(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, &str> {
    let mut segments = Vec::new();
    for part in parts(template) {
        match part {
            Part::Fixed(segment) => segments.push(segment.to_owned()),
            Part::Parameter(name, whole, after) => {
                let value = value(name).filter(|value| !value.is_empty()).ok_or(name)?;
                if whole {
                    segments.extend(value.split('/').map(str::to_owned));
                } else {
                    segments.push(value);
                }
                if let Some(last) = segments.last_mut() {
                    last.push_str(after);
                }
            }
        }
    }
    Ok(segments)
}

/// Returns the link of an object.
pub fn link(service: &str, segments: &[String]) -> String {
    let path: Vec<String> = segments
        .iter()
        .map(|segment| utf8_percent_encode(segment, ENCODED).to_string())
        .collect();
    format!("https://{service}.googleapis.com/{}", path.join("/"))
}

/// Returns a link of the shared host as one of the service's own host, which self links are spelled with; none when it is
/// no such link.
pub fn with_own_host(text: &str) -> Option<String> {
    let path = text.strip_prefix(SHARED_HOST)?;
    let service = path.split('/').next()?;
    crate::SERVICES
        .contains(&service)
        .then(|| format!("https://{service}.googleapis.com/{path}"))
}

/// Returns the segments of a link's path; none when it is no link of the service.
pub fn segments(service: &str, link: &str) -> Option<Vec<String>> {
    let path = link
        .strip_prefix(&format!("https://{service}.googleapis.com/"))
        .or_else(|| link.strip_prefix(SHARED_HOST))?;
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    (!segments.iter().any(String::is_empty)).then_some(segments)
}

/// Returns the parameters of a path that leads to these segments; none when it does not.
pub fn matched(template: &str, segments: &[String]) -> Option<BTreeMap<String, String>> {
    let parts: Vec<Part<'_>> = parts(template).collect();
    let mut found = BTreeMap::new();
    let mut rest = segments;
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Fixed(expected) => {
                let (first, after) = rest.split_first()?;
                if first != expected {
                    return None;
                }
                rest = after;
            }
            Part::Parameter(name, whole, _) => {
                // One that may hold slashes takes what the parts after it do not need.
                let after = parts.len() - index - 1;
                let taken = if *whole { rest.len().checked_sub(after)? } else { 1 };
                let (value, left) = rest
                    .split_at_checked(taken)
                    .filter(|(value, _)| !value.is_empty())?;
                found.insert((*name).to_owned(), value.join("/"));
                rest = left;
            }
        }
    }
    rest.is_empty().then_some(found)
}

/// Tells whether a text is a link to what another names: the same link, or the end of its path.
pub fn refers(actual: &str, expected: &str) -> bool {
    if actual == expected {
        return true;
    }
    let path = |text: &str| {
        text.strip_prefix("https://")
            .and_then(|rest| rest.split_once(".googleapis.com/"))
            .map(|(_, path)| path.to_owned())
    };
    match (path(actual), path(expected)) {
        // Hosts differ between older and newer links, and so do the versions in them.
        (Some(actual), Some(expected)) => from_project(&actual) == from_project(&expected),
        (Some(actual), None) => {
            let expected = expected.trim_start_matches('/');
            !expected.is_empty() && (actual == expected || actual.ends_with(&format!("/{expected}")))
        }
        _ => false,
    }
}

fn from_project(path: &str) -> &str {
    path.find("projects/")
        .and_then(|at| path.get(at..))
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let pairs: BTreeMap<String, String> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |name| pairs.get(name).cloned()
    }

    #[test]
    fn a_path_and_its_parameters_lead_to_each_other() {
        for (template, pairs) in [
            (
                "compute/v1/projects/{project}/zones/{zone}/disks/{disk}",
                &[("project", "p"), ("zone", "z"), ("disk", "d")][..],
            ),
            ("v1/{+name}", &[("name", "projects/p/topics/t")]),
            ("v1/{+parent}/schemas", &[("parent", "projects/p")]),
            (
                "storage/v1/b/{bucket}/o/{object}",
                &[("bucket", "b"), ("object", "a/b")],
            ),
        ] {
            let segments = expand(template, of(pairs)).unwrap();
            let found = matched(template, &segments).unwrap();
            for (name, value) in pairs {
                assert_eq!(found[*name], *value, "{template}");
            }
            let link = link("compute", &segments);
            assert_eq!(super::segments("compute", &link).unwrap(), segments, "{link}");
        }
        assert_eq!(expand("v1/{+name}", of(&[])), Err("name"));
        assert_eq!(
            expand("v1/{+resource}:setIamPolicy", of(&[("resource", "projects/p")])).unwrap(),
            ["v1", "projects", "p:setIamPolicy"]
        );
        assert_eq!(matched("v1/{+name}", &["v2".into(), "x".into()]), None);
        assert_eq!(matched("v1/{a}", &["v1".into(), "x".into(), "y".into()]), None);
    }

    #[test]
    fn links_of_the_shared_host_are_read_and_foreign_ones_are_not() {
        let shared = segments("compute", "https://www.googleapis.com/compute/v1/projects/p").unwrap();
        assert_eq!(shared, ["compute", "v1", "projects", "p"]);
        assert_eq!(
            segments("compute", "https://evil.example/compute/v1/projects/p"),
            None
        );
        assert_eq!(segments("compute", "https://storage.googleapis.com/x"), None);
        assert_eq!(
            with_own_host("https://www.googleapis.com/compute/v1/projects/p").unwrap(),
            "https://compute.googleapis.com/compute/v1/projects/p"
        );
        assert_eq!(with_own_host("https://www.googleapis.com/auth/compute"), None);
        assert_eq!(segments("compute", "https://compute.googleapis.com//x"), None);
    }

    #[test]
    fn a_short_name_refers_to_the_link_that_ends_with_it() {
        let link = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n";
        for same in [
            link,
            "https://compute.googleapis.com/compute/v1/projects/p/global/networks/n",
            "projects/p/global/networks/n",
            "global/networks/n",
            "n",
        ] {
            assert!(refers(link, same), "{same}");
        }
        for other in ["", "x", "xn", "projects/q/global/networks/n", "s/n/"] {
            assert!(!refers(link, other), "{other}");
        }
        assert!(!refers("plain", "n"));
    }
}
