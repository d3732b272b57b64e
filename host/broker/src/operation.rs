//! Tells the API operation and the request identifier of a call, for the record.
//!
//! What is not covered: services with an operation for each method and path, apart from S3 and Security Hub.

use http::{HeaderMap, Method};

use crate::retry::between;

/// Tells which operation a request calls: from `x-amz-target`, the `Action` of a form, S3's method, path and
/// sub-resource, or Security Hub's method and path. Only the name is read, never a value.
pub(crate) fn operation(
    service: &str,
    method: &Method,
    path: &str,
    query: &[(String, String)],
    headers: &HeaderMap,
    body: &[u8],
) -> Option<String> {
    let name = if let Some(target) = headers.get("x-amz-target") {
        target.to_str().ok()?.rsplit('.').next().map(str::to_owned)
    } else if service == "s3" {
        Some(s3_operation(method, path, query))
    } else if service == "securityhub" {
        security_hub_operation(method, path).map(str::to_owned)
    } else {
        let action = query
            .iter()
            .find(|(name, _)| name == "Action")
            .map(|(_, value)| value.clone());
        action.or_else(|| form_action(body))
    }?;
    let is_name =
        !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some(name)
}

fn form_action(body: &[u8]) -> Option<String> {
    let start = body.get(..body.len().min(4096))?;
    start
        .split(|byte| *byte == b'&')
        .find_map(|pair| pair.strip_prefix(b"Action="))
        .and_then(|value| std::str::from_utf8(value).ok())
        .map(str::to_owned)
}

fn s3_operation(method: &Method, path: &str, query: &[(String, String)]) -> String {
    let key = path
        .trim_start_matches('/')
        .split_once('/')
        .is_some_and(|(_, key)| !key.is_empty());
    let kind = if path == "/" {
        "Service"
    } else if key {
        "Object"
    } else {
        "Bucket"
    };
    let has = |wanted: &str| query.iter().any(|(name, _)| name == wanted);
    let sub_resource = [
        ("publicAccessBlock", "PublicAccessBlock"),
        ("ownershipControls", "BucketOwnershipControls"),
        ("versioning", "BucketVersioning"),
        ("encryption", "BucketEncryption"),
        ("lifecycle", "BucketLifecycleConfiguration"),
        ("policyStatus", "BucketPolicyStatus"),
        ("policy", "BucketPolicy"),
        ("logging", "BucketLogging"),
        ("location", "BucketLocation"),
        ("versions", "ObjectVersions"),
        ("tagging", if key { "ObjectTagging" } else { "BucketTagging" }),
        ("acl", if key { "ObjectAcl" } else { "BucketAcl" }),
        ("cors", "BucketCors"),
        ("object-lock", "ObjectLockConfiguration"),
    ]
    .into_iter()
    .find(|(name, _)| has(name))
    .map(|(_, name)| name);
    match (method.as_str(), sub_resource, kind) {
        ("GET", Some("ObjectVersions"), _) => "ListObjectVersions".to_owned(),
        ("GET", None, "Service") => "ListBuckets".to_owned(),
        ("GET", None, "Bucket") => if has("list-type") {
            "ListObjectsV2"
        } else {
            "ListObjects"
        }
        .to_owned(),
        ("PUT", None, "Bucket") => "CreateBucket".to_owned(),
        ("POST", _, "Bucket") if has("delete") => "DeleteObjects".to_owned(),
        (method, sub_resource, kind) => {
            let verb = match method {
                "GET" => "Get",
                "HEAD" => "Head",
                "PUT" => "Put",
                "DELETE" => "Delete",
                _ => "Post",
            };
            format!("{verb}{}", sub_resource.unwrap_or(kind))
        }
    }
}

/// The operations of Security Hub by method and path, as its API reference names them; those under `/tags/` have the name
/// of what they are about there.
const SECURITY_HUB: [(&str, &str, &str); 16] = [
    ("POST", "/accounts", "EnableSecurityHub"),
    ("GET", "/accounts", "DescribeHub"),
    ("PATCH", "/accounts", "UpdateSecurityHubConfiguration"),
    ("DELETE", "/accounts", "DisableSecurityHub"),
    ("GET", "/standards", "DescribeStandards"),
    ("POST", "/standards/register", "BatchEnableStandards"),
    ("POST", "/standards/deregister", "BatchDisableStandards"),
    ("POST", "/standards/get", "GetEnabledStandards"),
    ("POST", "/findings", "GetFindings"),
    ("PATCH", "/findings", "UpdateFindings"),
    ("POST", "/findings/import", "BatchImportFindings"),
    ("PATCH", "/findings/batchupdate", "BatchUpdateFindings"),
    ("POST", "/findingHistory/get", "GetFindingHistory"),
    ("GET", "/tags/", "ListTagsForResource"),
    ("POST", "/tags/", "TagResource"),
    ("DELETE", "/tags/", "UntagResource"),
];

fn security_hub_operation(method: &Method, path: &str) -> Option<&'static str> {
    let known = SECURITY_HUB.iter().find(|(known, place, _)| {
        let is_there = match place.ends_with('/') {
            true => path.starts_with(place),
            false => path == *place,
        };
        is_there && method.as_str() == *known
    });
    known.map(|(_, _, operation)| *operation)
}

/// Reads the cloud's identifier of a request from the headers or, as EC2 answers, from the body.
pub(crate) fn request_id(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"]
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok().map(str::to_owned));
    let id = header
        .or_else(|| between(body, b"<requestId>", b"</requestId>"))
        .or_else(|| between(body, b"<RequestId>", b"</RequestId>"))
        .or_else(|| between(body, b"<RequestID>", b"</RequestID>"))?;
    let is_id = !id.is_empty()
        && id.len() <= 128
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_id.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(method: Method, path: &str, query: &[&str]) -> Option<String> {
        let query: Vec<_> = query
            .iter()
            .map(|name| ((*name).to_owned(), String::new()))
            .collect();
        operation("s3", &method, path, &query, &HeaderMap::new(), b"")
    }

    #[test]
    fn operations_of_the_query_protocol_are_read_from_the_form() {
        let read = |body: &[u8]| operation("ec2", &Method::POST, "/", &[], &HeaderMap::new(), body);
        assert_eq!(
            read(b"Action=DescribeVpcs&Version=2016-11-15").as_deref(),
            Some("DescribeVpcs")
        );
        assert_eq!(
            read(b"Version=1&Action=CreateTags").as_deref(),
            Some("CreateTags")
        );
        assert_eq!(read(b"Action=%0aforged"), None);
        assert_eq!(read(b""), None);
    }

    #[test]
    fn operations_of_the_json_protocol_are_read_from_the_target() {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-amz-target"),
            http::HeaderValue::from_static("DynamoDB_20120810.ListTables"),
        )]);
        assert_eq!(
            operation("dynamodb", &Method::POST, "/", &[], &headers, b"").as_deref(),
            Some("ListTables")
        );
    }

    #[test]
    fn operations_of_security_hub_are_told_by_method_and_path() {
        let read = |method: Method, path: &str| {
            operation(
                "securityhub",
                &method,
                path,
                &[],
                &HeaderMap::new(),
                b"Action=Forged",
            )
        };
        let arn = "/tags/arn%3Aaws%3Asecurityhub%3Aeu-west-1%3A123456789012%3Ahub%2Fdefault";
        for (method, path, expected) in [
            (Method::POST, "/accounts", Some("EnableSecurityHub")),
            (Method::DELETE, "/accounts", Some("DisableSecurityHub")),
            (Method::POST, "/findings", Some("GetFindings")),
            (Method::POST, "/findings/import", Some("BatchImportFindings")),
            (Method::GET, arn, Some("ListTagsForResource")),
            (Method::DELETE, arn, Some("UntagResource")),
            (Method::POST, "/insights", None),
        ] {
            assert_eq!(read(method, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn operations_of_s3_are_told_by_method_path_and_sub_resource() {
        for (method, path, query, expected) in [
            (Method::GET, "/", &[][..], "ListBuckets"),
            (Method::PUT, "/bucket", &[], "CreateBucket"),
            (Method::PUT, "/bucket/", &["versioning"], "PutBucketVersioning"),
            (
                Method::GET,
                "/bucket",
                &["publicAccessBlock"],
                "GetPublicAccessBlock",
            ),
            (Method::GET, "/bucket", &["list-type"], "ListObjectsV2"),
            (Method::HEAD, "/bucket", &[], "HeadBucket"),
            (Method::PUT, "/bucket/key", &[], "PutObject"),
            (Method::GET, "/bucket/a/b", &["tagging"], "GetObjectTagging"),
            (Method::DELETE, "/bucket/key", &[], "DeleteObject"),
        ] {
            assert_eq!(s3(method, path, query).as_deref(), Some(expected));
        }
    }
}
