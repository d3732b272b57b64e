//! Tells whose things a request names, for clouds whose requests say it: Google's name the project, Azure's the
//! subscription.
//!
//! What is not covered: what a request's body refers to, such as a network of another project; whether that may be
//! used is for the cloud to decide.

use std::collections::BTreeSet;

use konductor_model::manifest::EndpointProtocol;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use crate::grant::EndpointGrant;

/// Query parameters that name a project, or something in one.
const PROJECT_PARAMETERS: [&str; 5] = ["project", "projectid", "userproject", "parent", "name"];

/// What is wrong with the account that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// It names this account, which is not granted.
    Account(String),
    /// It names none, so nobody can say whose things it is about.
    Nothing,
}

/// Checks that a request names things of granted accounts, and of no other, where the grant binds accounts and the cloud's
/// requests name them.
pub(crate) fn check(
    endpoint: &EndpointGrant,
    path: &str,
    query: &[(String, String)],
    body: &[u8],
) -> Result<(), Foreign> {
    match endpoint.protocol {
        EndpointProtocol::Google => check_google(endpoint, path, query),
        EndpointProtocol::Azure => check_azure(endpoint, path, body),
        EndpointProtocol::Aws | EndpointProtocol::Http => Ok(()),
    }
}

/// What asks Resource Graph; its body names the subscriptions.
const RESOURCE_GRAPH: &str = "/providers/microsoft.resourcegraph/resources";

/// Checks that a request to Azure is about a granted subscription, and about no other.
fn check_azure(endpoint: &EndpointGrant, path: &str, body: &[u8]) -> Result<(), Foreign> {
    if endpoint.accounts.is_empty() {
        return Ok(());
    }
    let segments = segments(path);
    let whole = format!("/{}", segments.join("/")).to_ascii_lowercase();
    let named: Vec<String> = if whole == RESOURCE_GRAPH {
        graph_subscriptions(body)?
    } else {
        let pairs = segments.iter().zip(segments.iter().skip(1));
        pairs
            .filter(|(word, _)| word.eq_ignore_ascii_case("subscriptions"))
            .map(|(_, subscription)| subscription.clone())
            .collect()
    };
    let is_granted = |subscription: &String| {
        endpoint
            .accounts
            .iter()
            .any(|account| account.eq_ignore_ascii_case(subscription))
    };
    match named.iter().find(|subscription| !is_granted(subscription)) {
        Some(foreign) => Err(Foreign::Account(foreign.clone())),
        None if named.is_empty() => Err(Foreign::Nothing),
        None => Ok(()),
    }
}

/// Returns the subscriptions that a query of Resource Graph is about. One that names management groups, or none, is about
/// all that the credentials see.
fn graph_subscriptions(body: &[u8]) -> Result<Vec<String>, Foreign> {
    let body: Json = serde_json::from_slice(body).map_err(|_| Foreign::Nothing)?;
    let object = body.as_object().ok_or(Foreign::Nothing)?;
    let is_known = |name: &str| matches!(name, "subscriptions" | "query" | "options");
    if !object.keys().all(|name| is_known(name)) {
        return Err(Foreign::Nothing);
    }
    let list = object
        .get("subscriptions")
        .and_then(Json::as_array)
        .ok_or(Foreign::Nothing)?;
    list.iter()
        .map(|item| item.as_str().map(str::to_owned).ok_or(Foreign::Nothing))
        .collect()
}

/// Checks that a request to Google names a granted project, and no other, where the grant binds projects. A bucket's
/// path names no project: it must be bound by its name.
fn check_google(endpoint: &EndpointGrant, path: &str, query: &[(String, String)]) -> Result<(), Foreign> {
    if endpoint.accounts.is_empty() {
        return Ok(());
    }
    let named = projects(path, query);
    if let Some(foreign) = named
        .iter()
        .find(|candidates| !candidates.iter().any(|name| endpoint.accounts.contains(name)))
    {
        return Err(Foreign::Account(foreign.first().cloned().unwrap_or_default()));
    }
    let is_bound_bucket = !endpoint.resource_prefixes.is_empty() && !buckets(path).is_empty();
    if named.is_empty() && !is_bound_bucket {
        return Err(Foreign::Nothing);
    }
    Ok(())
}

/// Returns every project that a request names, each in the ways that it can be read: `name:getIamPolicy` is a project
/// and a verb, or a project of a domain.
fn projects(path: &str, query: &[(String, String)]) -> BTreeSet<Vec<String>> {
    let mut named = BTreeSet::new();
    let mut add = |path: &str| {
        let segments = segments(path);
        let pairs = segments.iter().zip(segments.iter().skip(1));
        for (_, project) in pairs.filter(|(collection, _)| collection.eq_ignore_ascii_case("projects")) {
            let without_verb = project.rsplit_once(':').map(|(name, _)| name.to_owned());
            named.insert([project.clone()].into_iter().chain(without_verb).collect());
        }
    };
    add(path);
    for (name, value) in query {
        let name = name.to_ascii_lowercase();
        if !PROJECT_PARAMETERS.contains(&name.as_str()) {
            continue;
        }
        if name.contains("project") && !value.contains('/') {
            add(&format!("projects/{value}"));
        } else {
            add(value);
        }
    }
    named
}

/// Returns the buckets that a path names: `/storage/v1/b/BUCKET/o/OBJECT/rewriteTo/b/BUCKET/…`.
pub(crate) fn buckets(path: &str) -> Vec<String> {
    let segments = segments(path);
    let pairs = segments.iter().zip(segments.iter().skip(1));
    pairs
        .filter(|(collection, _)| *collection == "b")
        .map(|(_, bucket)| bucket.clone())
        .collect()
}

/// Returns what a request to Google Cloud Storage names: its buckets, also the one that it creates. What names none
/// is the empty text, which no prefix covers.
pub(crate) fn named_buckets(method: &str, path: &str, body: &[u8]) -> Vec<String> {
    let mut named = buckets(path);
    let is_collection = segments(path).last().is_some_and(|last| last == "b");
    if method == "POST" && is_collection {
        let body = serde_json::from_slice::<serde_json::Value>(body).ok();
        let name = body.as_ref().and_then(|body| body.get("name")?.as_str());
        named.push(name.unwrap_or_default().to_owned());
    }
    if named.is_empty() {
        named.push(String::new());
    }
    named
}

/// Returns a path's segments as a server reads them. Encoded slashes separate as well: what is inside a name must not
/// hide a project.
fn segments(path: &str) -> Vec<String> {
    percent_decode_str(path)
        .decode_utf8_lossy()
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn azure(path: &str, body: &str) -> Result<(), Foreign> {
        let endpoint = EndpointGrant {
            protocol: EndpointProtocol::Azure,
            accounts: ["mine".to_owned()].into(),
            ..EndpointGrant::aws("arm", "")
        };
        super::check(&endpoint, path, &[], body.as_bytes())
    }

    #[test]
    fn a_request_to_azure_is_about_a_granted_subscription() {
        for path in [
            "/subscriptions/mine/resourceGroups/a",
            "/SUBSCRIPTIONS/MINE",
            "/subscriptions%2Fmine/x",
        ] {
            assert_eq!(azure(path, ""), Ok(()), "{path}");
        }
        let foreign = Err(Foreign::Account("other".to_owned()));
        for path in [
            "/subscriptions/other/resourceGroups/a",
            "/subscriptions/mine/providers/x/subscriptions/other",
            "/subscriptions/mine%2F..%2Fsubscriptions/other",
        ] {
            assert_eq!(azure(path, ""), foreign, "{path}");
        }
        assert_eq!(
            azure("/providers/Microsoft.Management/managementGroups/a", ""),
            Err(Foreign::Nothing)
        );
    }

    #[test]
    fn a_query_of_resource_graph_is_about_granted_subscriptions() {
        let graph = |body| azure("/providers/Microsoft.ResourceGraph/resources", body);
        assert_eq!(
            graph(r#"{"subscriptions": ["mine"], "query": "resources"}"#),
            Ok(())
        );
        assert_eq!(
            graph(r#"{"subscriptions": ["mine", "other"], "query": "resources"}"#),
            Err(Foreign::Account("other".to_owned()))
        );
        for body in [
            "",
            "[]",
            r#"{"query": "resources"}"#,
            r#"{"subscriptions": [], "query": "resources"}"#,
            r#"{"subscriptions": ["mine"], "managementGroups": ["all"], "query": "resources"}"#,
            r#"{"subscriptions": ["mine"], "Subscriptions": ["other"]}"#,
        ] {
            assert_eq!(graph(body), Err(Foreign::Nothing), "{body}");
        }
    }

    fn check(path: &str, query: &[(&str, &str)]) -> Result<(), Foreign> {
        let endpoint = EndpointGrant {
            accounts: ["mine".to_owned(), "example.com:mine".to_owned()].into(),
            ..EndpointGrant::aws("compute", "")
        };
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        check_google(&endpoint, path, &query)
    }

    #[test]
    fn a_request_that_names_a_granted_project_passes() {
        for (path, query) in [
            ("/compute/v1/projects/mine/global/networks", &[][..]),
            ("/v1/projects/mine:getIamPolicy", &[]),
            ("/v1/projects/example.com%3Amine/topics", &[]),
            ("/v1/projects/example.com:mine:getIamPolicy", &[]),
            ("/storage/v1/b", &[("project", "mine")]),
            ("/v3/things", &[("parent", "projects/mine")]),
        ] {
            assert_eq!(check(path, query), Ok(()), "{path}");
        }
    }

    #[test]
    fn a_request_that_names_another_project_or_none_is_refused() {
        let foreign = |name: &str| Err(Foreign::Account(name.to_owned()));
        assert_eq!(
            check("/compute/v1/projects/other/global/networks", &[]),
            foreign("other")
        );
        assert_eq!(check("/v1/projects/-/serviceAccounts/a@mine", &[]), foreign("-"));
        assert_eq!(check("/v1/Projects/other/topics", &[]), foreign("other"));
        assert_eq!(
            check("/v1/projects/mine/x/projects%2Fother%2Fy", &[]),
            foreign("other")
        );
        assert_eq!(
            check("/v1/projects/mine/topics", &[("userProject", "other")]),
            foreign("other")
        );
        assert_eq!(
            check("/storage/v1/b", &[("project", "projects/other")]),
            foreign("other")
        );
        assert_eq!(check("/v1/projects", &[]), Err(Foreign::Nothing));
        assert_eq!(check("/storage/v1/b/bucket", &[]), Err(Foreign::Nothing));
    }

    #[test]
    fn a_bucket_is_named_by_its_path_or_by_what_creates_it() {
        assert_eq!(named_buckets("GET", "/storage/v1/b/one/o", b""), ["one"]);
        assert_eq!(
            named_buckets("POST", "/storage/v1/b/one/o/x/rewriteTo/b/two/o/y", b"{}"),
            ["one", "two"]
        );
        assert_eq!(
            named_buckets("POST", "/storage/v1/b", br#"{"name": "new"}"#),
            ["new"]
        );
        for body in [&b"{}"[..], b"x", br#"{"name": 1}"#] {
            assert_eq!(named_buckets("POST", "/storage/v1/b", body), [""]);
        }
        assert_eq!(named_buckets("GET", "/storage/v1/b", b""), [""]);
    }
}
