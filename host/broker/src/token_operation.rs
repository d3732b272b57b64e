//! Finds requests whose answer is a token, a key or a password: credentials that would work outside the broker.
//!
//! What is called is read from the request as it will be sent. A request that can be read in two ways is refused,
//! so that nothing is called under another name.
//!
//! What is not covered: an operation that is not in the tables, such as those of services that came later.

mod tables;

use http::HeaderMap;
use konductor_model::manifest::EndpointProtocol;
use percent_encoding::percent_decode;

use self::tables::{
    AWS_PATHS, AZURE_ACTIONS, AZURE_LISTS, GOOGLE_PATHS, GOOGLE_VERBS, NAMED, NAMING_SERVICES,
};

/// What is known of a request when it is judged; all of it as it will be sent.
pub(crate) struct Judged<'a> {
    pub(crate) protocol: EndpointProtocol,
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
    /// Percent-encoded, as [`crate::request::encode_path`] writes it.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(String, String)],
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// What a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It answers with nothing that opens anything.
    Harmless,
    /// It is this operation, in the spelling that a grant lists.
    Token(String),
    /// It can be read in two ways, or hides what it calls.
    Ambiguous(&'static str),
}

/// Judges a request.
pub(crate) fn judge(request: &Judged<'_>) -> Judgement {
    let path = decoded(request.path);
    match request.protocol {
        EndpointProtocol::Aws => aws(request, &path),
        EndpointProtocol::Azure => azure(request, &path),
        EndpointProtocol::Google => google(request, &path),
        // Nothing is known of what such an API answers with.
        EndpointProtocol::Http => Judgement::Harmless,
    }
}

fn aws(request: &Judged<'_>, path: &[String]) -> Judgement {
    let by_path = AWS_PATHS
        .iter()
        .find(|(_, service, method, pattern)| {
            *service == request.service && *method == request.method && ends_with(path, pattern)
        })
        .map(|(name, ..)| Judgement::Token((*name).to_owned()));
    if let Some(judgement) = by_path {
        return judgement;
    }
    if matches!(request.service, "s3" | "s3express") {
        // S3 names operations by sub-resource only; a body is an object and may hold anything.
        let session = request
            .query
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("session"));
        return if session {
            Judgement::Token("CreateSession".to_owned())
        } else {
            Judgement::Harmless
        };
    }
    let mut names = Vec::new();
    if let Some(target) = request.headers.get("x-amz-target") {
        let Ok(target) = target.to_str() else {
            return Judgement::Ambiguous("`X-Amz-Target` is not text");
        };
        names.push(target.rsplit('.').next().unwrap_or_default().to_owned());
    }
    if let [.., verb, name] = path
        && verb == "operation"
    {
        // The newer protocols name the operation in the path.
        names.push(name.clone());
    }
    let form = match form(request) {
        Ok(form) => form,
        Err(reason) => return Judgement::Ambiguous(reason),
    };
    for (name, value) in request.query.iter().chain(&form) {
        if name == "Action" {
            names.push(value.clone());
        } else if name.trim().eq_ignore_ascii_case("action") {
            return Judgement::Ambiguous("a parameter is written almost like `Action`");
        }
    }
    match names.as_slice() {
        [] if NAMING_SERVICES.contains(&request.service) => {
            Judgement::Ambiguous("it does not say which operation it calls")
        }
        [] => Judgement::Harmless,
        [name] if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Judgement::Ambiguous("the name of the operation is not letters and digits")
        }
        [name] => NAMED
            .iter()
            .find(|(named, services)| {
                named.eq_ignore_ascii_case(name)
                    && (services.is_empty() || services.contains(&request.service))
            })
            .map_or(Judgement::Harmless, |(named, _)| {
                Judgement::Token((*named).to_owned())
            }),
        _ => Judgement::Ambiguous("it names its operation more than once"),
    }
}

/// Reads a body as a form, whatever its content type says, unless it is plainly something else.
fn form(request: &Judged<'_>) -> Result<Vec<(String, String)>, &'static str> {
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    if !matches!(header("content-encoding").trim(), "" | "identity") {
        return Err("its body is compressed");
    }
    let content_type = header("content-type");
    if content_type.contains("charset=") && !content_type.contains("utf-8") {
        return Err("its body is not UTF-8");
    }
    if content_type.starts_with("multipart/") {
        return Err("a multipart body can carry a signature of its own");
    }
    // JSON and XML cannot be read as a form with a field of this name: the name would hold a bracket or a quote.
    if matches!(request.body.first(), Some(b'{' | b'[' | b'<')) {
        return Ok(Vec::new());
    }
    // Some servers take a semicolon for an ampersand.
    let fields = request
        .body
        .split(|byte| matches!(byte, b'&' | b';'))
        .map(|field| {
            let mut parts = field.splitn(2, |byte| *byte == b'=');
            let mut part = || plus_decoded(parts.next().unwrap_or_default());
            (part(), part())
        });
    let fields: Vec<(String, String)> = fields
        .filter(|(name, _)| name.len() <= 64 && name.trim().eq_ignore_ascii_case("action"))
        .collect();
    Ok(fields)
}

fn plus_decoded(part: &[u8]) -> String {
    let spaced: Vec<u8> = part
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

fn azure(request: &Judged<'_>, path: &[String]) -> Judgement {
    if path.first().is_some_and(|first| first == "batch") {
        return Judgement::Ambiguous("a batch hides what it calls");
    }
    let Some(action) = path.last().filter(|_| request.method == "POST") else {
        return Judgement::Harmless;
    };
    let lists = action.starts_with("list") && AZURE_LISTS.iter().any(|what| action.contains(what));
    if lists || AZURE_ACTIONS.contains(&action.as_str()) || action.starts_with("generatetoken") {
        // As Azure's documentation spells it cannot be told from a path in any case.
        return Judgement::Token(action.clone());
    }
    Judgement::Harmless
}

fn google(request: &Judged<'_>, path: &[String]) -> Judgement {
    if path.first().is_some_and(|first| first == "batch") {
        return Judgement::Ambiguous("a batch hides what it calls");
    }
    let last = path.last().map(String::as_str).unwrap_or_default();
    if let Some((_, verb)) = last.rsplit_once(':')
        && GOOGLE_VERBS.contains(&verb)
    {
        return Judgement::Token(verb.to_owned());
    }
    GOOGLE_PATHS
        .iter()
        .find(|(method, pattern)| *method == request.method && ends_with(path, pattern))
        .and_then(|(_, pattern)| pattern.rsplit('/').next())
        .map_or(Judgement::Harmless, |name| Judgement::Token(name.to_owned()))
}

/// Returns the segments of a path as a server may read them: decoded, in lower case, without empty ones.
fn decoded(path: &str) -> Vec<String> {
    let decoded = percent_decode(path.as_bytes())
        .decode_utf8_lossy()
        .to_ascii_lowercase();
    decoded
        .split('/')
        .map(|segment| segment.trim().to_owned())
        .filter(|segment| !segment.is_empty())
        .collect()
}

fn ends_with(path: &[String], pattern: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    path.len() >= pattern.len()
        && path
            .iter()
            .rev()
            .zip(pattern.iter().rev())
            .all(|(segment, wanted)| *wanted == "*" || segment == wanted)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    struct Sent {
        service: &'static str,
        method: &'static str,
        path: &'static str,
        query: Vec<(&'static str, &'static str)>,
        headers: Vec<(&'static str, &'static str)>,
        body: &'static str,
    }

    fn sent(service: &'static str) -> Sent {
        Sent {
            service,
            method: "POST",
            path: "/",
            query: Vec::new(),
            headers: Vec::new(),
            body: "",
        }
    }

    impl Sent {
        fn judged(&self, protocol: EndpointProtocol) -> Judgement {
            let query: Vec<(String, String)> = self
                .query
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let headers = HeaderMap::from_iter(
                self.headers
                    .iter()
                    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))),
            );
            judge(&Judged {
                protocol,
                service: self.service,
                method: self.method,
                path: &crate::request::encode_path(self.path, protocol).unwrap(),
                query: &query,
                headers: &headers,
                body: self.body.as_bytes(),
            })
        }

        fn aws(&self) -> Judgement {
            self.judged(EndpointProtocol::Aws)
        }
    }

    fn token(name: &str) -> Judgement {
        Judgement::Token(name.to_owned())
    }

    #[test]
    fn the_operation_is_found_in_query_form_target_and_path() {
        let form = |body| Sent { body, ..sent("sts") }.aws();
        assert_eq!(form("Action=AssumeRole&Version=2011-06-15"), token("AssumeRole"));
        assert_eq!(
            form("Version=2011-06-15&%41ction=%41ssumeRole"),
            token("AssumeRole")
        );
        assert_eq!(form("Action=assumerole"), token("AssumeRole"));
        assert_eq!(form("Version=1;Action=GetSessionToken"), token("GetSessionToken"));
        assert_eq!(form("Action=GetCallerIdentity"), Judgement::Harmless);
        let query = vec![("Action", "GetFederationToken")];
        assert_eq!(
            Sent {
                query,
                method: "GET",
                ..sent("sts")
            }
            .aws(),
            token("GetFederationToken")
        );
        let headers = vec![(
            "x-amz-target",
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        )];
        assert_eq!(
            Sent {
                headers,
                ..sent("ecr")
            }
            .aws(),
            token("GetAuthorizationToken")
        );
        let path = "/service/SecretsManager/operation/GetSecretValue";
        assert_eq!(
            Sent {
                path,
                ..sent("secretsmanager")
            }
            .aws(),
            token("GetSecretValue")
        );
        let path = "/clusters/my-cluster/assume-role-for-pod-identity";
        assert_eq!(
            Sent {
                path,
                ..sent("eks-auth")
            }
            .aws(),
            token("AssumeRoleForPodIdentity")
        );
        for path in [
            "/v1/authorization-token",
            "/v1//%61uthorization-token/",
            "/V1/Authorization-Token",
        ] {
            let request = Sent {
                path,
                ..sent("codeartifact")
            };
            assert_eq!(request.aws(), token("GetAuthorizationToken"), "{path}");
        }
    }

    #[test]
    fn a_request_that_hides_its_operation_is_ambiguous() {
        let form = |body| Sent { body, ..sent("sts") };
        let with = |query, body| Sent { query, ..form(body) };
        for (what, request) in [
            (
                "twice in the form",
                form("Action=GetCallerIdentity&Action=AssumeRole"),
            ),
            (
                "in query and form",
                with(vec![("Action", "GetCallerIdentity")], "Action=AssumeRole"),
            ),
            (
                "twice in the query",
                with(vec![("Action", "A"), ("Action", "B")], ""),
            ),
            ("in another case", form("action=AssumeRole")),
            (
                "in another case beside a harmless one",
                form("Action=GetCallerIdentity&action=AssumeRole"),
            ),
            ("with a space", form("Action+=AssumeRole")),
            (
                "with a space in the query",
                with(vec![(" Action", "AssumeRole")], ""),
            ),
            ("a space behind the name", form("Action=AssumeRole+")),
            ("a line end behind the name", form("Action=AssumeRole%0a")),
            ("none", form("")),
            ("none but a version", form("Version=2011-06-15")),
            ("in JSON", form("{\"Action\": \"AssumeRole\"}")),
            (
                "in a target and a form",
                Sent {
                    headers: vec![("x-amz-target", "X.GetCallerIdentity")],
                    ..form("Action=AssumeRole")
                },
            ),
            (
                "compressed",
                Sent {
                    headers: vec![("content-encoding", "gzip")],
                    ..form("Action=GetCallerIdentity")
                },
            ),
            (
                "in another character set",
                Sent {
                    headers: vec![(
                        "content-type",
                        "application/x-www-form-urlencoded; charset=utf-16",
                    )],
                    ..form("Action=GetCallerIdentity")
                },
            ),
            (
                "in a multipart form",
                Sent {
                    headers: vec![("content-type", "multipart/form-data; boundary=x")],
                    ..form("Action=GetCallerIdentity")
                },
            ),
        ] {
            assert!(
                matches!(request.aws(), Judgement::Ambiguous(_)),
                "{what}: {:?}",
                request.aws()
            );
        }
    }

    #[test]
    fn the_content_type_does_not_hide_a_form() {
        for content_type in ["text/plain", "application/json", "application/octet-stream"] {
            let headers = vec![("content-type", content_type)];
            let request = Sent {
                headers,
                body: "Action=AssumeRole",
                ..sent("sts")
            };
            assert_eq!(request.aws(), token("AssumeRole"), "{content_type}");
        }
    }

    #[test]
    fn an_object_may_hold_anything() {
        let request = Sent {
            method: "PUT",
            path: "/bucket/key",
            body: "Action=AssumeRole",
            ..sent("s3")
        };
        assert_eq!(request.aws(), Judgement::Harmless);
        let query = vec![("session", "")];
        let request = Sent {
            query,
            method: "GET",
            path: "/bucket",
            ..sent("s3")
        };
        assert_eq!(request.aws(), token("CreateSession"));
    }

    #[test]
    fn lists_of_keys_and_tokens_of_azure_are_found_in_any_case() {
        let post = |path| {
            Sent {
                path,
                ..sent("management")
            }
            .judged(EndpointProtocol::Azure)
        };
        let account =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a/listKeys";
        assert_eq!(post(account), token("listkeys"));
        for path in [
            "/a/LISTKEYS",
            "/a/%6cistKeys",
            "/a/listSecrets",
            "/a/listAccountSas",
            "/a/listClusterAdminCredential",
            "/a/getAccessToken",
            "/a/beginGetAccess",
            "/a/listConnectionStrings",
            "/t/oauth2/v2.0/token",
        ] {
            assert!(matches!(post(path), Judgement::Token(_)), "{path}");
        }
        for path in ["/a/listUsages", "/a/start", "/a/list"] {
            assert_eq!(post(path), Judgement::Harmless, "{path}");
        }
    }

    #[test]
    fn tokens_signatures_and_keys_of_google_are_found_in_any_case() {
        let post = |path| {
            Sent {
                path,
                ..sent("iamcredentials")
            }
            .judged(EndpointProtocol::Google)
        };
        for path in [
            "/v1/projects/-/serviceAccounts/x@y.iam.gserviceaccount.com:generateAccessToken",
            "/v1/projects/-/serviceAccounts/x%3AsignJwt",
            "/v1/projects/-/serviceAccounts/x:SIGNBLOB",
            "/v1/projects/p/serviceAccounts/x/keys",
            "/storage/v1/projects/p/hmacKeys",
        ] {
            assert!(matches!(post(path), Judgement::Token(_)), "{path}");
        }
        assert_eq!(
            post("/compute/v1/projects/p/zones/z/instances"),
            Judgement::Harmless
        );
        for path in ["/batch", "/batch/compute/v1", "/%62atch/storage/v1"] {
            assert!(matches!(post(path), Judgement::Ambiguous(_)), "{path}");
        }
    }

    #[test]
    fn the_names_are_in_order_and_each_once() {
        assert!(NAMED.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
