//! Checks what a guest asks for and encodes it once, so that what is signed is what is sent.

use http::{HeaderMap, HeaderName, HeaderValue};
use konductor_model::manifest::EndpointProtocol;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// The methods a guest may use.
pub const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/// Everything but what RFC 3986 calls unreserved; the form the signature's rules ask for.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const LONGEST_TARGET: usize = 16 * 1024;
const MOST_HEADERS: usize = 100;
const LONGEST_HEADER: usize = 8 * 1024;

/// Query parameters that carry a signature or a credential, in lower case.
const SIGNING_PARAMETERS: [&str; 19] = [
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-algorithm",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-security-token",
    "x-amz-s3session-token",
    "awsaccesskeyid",
    "signature",
    "x-goog-algorithm",
    "x-goog-credential",
    "x-goog-date",
    "x-goog-expires",
    "x-goog-signature",
    "x-goog-signedheaders",
    "googleaccessid",
    "access_token",
    "oauth_token",
];

/// Headers that a guest may set beside the prefixes of [`ALLOWED_PREFIXES`].
const ALLOWED_HEADERS: [&str; 13] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-range",
    "content-type",
    "expires",
    "range",
    "user-agent",
];

const ALLOWED_PREFIXES: [&str; 3] = ["x-amz-", "x-amzn-", "if-"];

/// Headers under an allowed prefix that belong to the host: they are a part of the signature.
const SIGNING_HEADERS: [&str; 6] = [
    "x-amz-date",
    "x-amz-s3session-token",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-signature",
    "x-amz-credential",
];

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The method is not known.
    #[error("method {method:?} is refused; use one of {allowed}")]
    Method {
        /// What was asked for, with control characters escaped.
        method: String,
        /// What may be.
        allowed: String,
    },
    /// The path is not one that can be signed and sent unchanged.
    #[error("the path is refused: {reason}")]
    Path {
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// A query parameter belongs to the host.
    #[error("query parameter `{name}` is refused: the host signs requests; remove it")]
    SigningParameter {
        /// Its name.
        name: String,
    },
    /// A header may not be set by a guest.
    #[error("header {name:?} is refused: {reason}")]
    Header {
        /// Its name, with control characters escaped.
        name: String,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// Something is larger than the host takes.
    #[error("{what} is larger than the limit of {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The limit, with its unit.
        limit: String,
    },
}

/// Checks a method against the known ones.
///
/// # Errors
/// When it is none of them; names are case-sensitive.
pub fn check_method(method: &str) -> Result<http::Method, RequestError> {
    METHODS
        .contains(&method)
        .then(|| http::Method::from_bytes(method.as_bytes()).ok())
        .flatten()
        .ok_or_else(|| RequestError::Method {
            method: crate::audit::printable(method),
            allowed: METHODS.join(", "),
        })
}

/// The same with colons as they are. Google's servers tell a verb (`projects/shop:getIamPolicy`) by a colon that is not
/// encoded.
const WITH_COLONS: &AsciiSet = &ENCODED.remove(b':');

/// Checks a percent-encoded path and returns it with every byte that is not unreserved encoded, in upper case.
/// An encoded slash stays encoded, so a segment stays a segment. For Google, colons are written as they are, however the
/// guest wrote them: what is judged and what the server reads is the same.
///
/// # Errors
/// When it is not absolute, holds a dot segment under any encoding, or a character that could end the line,
/// start a query, a fragment or another host.
pub fn encode_path(path: &str, protocol: EndpointProtocol) -> Result<String, RequestError> {
    let encoded_bytes = match protocol {
        EndpointProtocol::Google => WITH_COLONS,
        EndpointProtocol::Aws | EndpointProtocol::Azure | EndpointProtocol::Http => ENCODED,
    };
    let refuse = |reason| Err(RequestError::Path { reason });
    if path.len() > LONGEST_TARGET {
        return Err(RequestError::TooLarge {
            what: "the path",
            limit: format!("{LONGEST_TARGET} bytes"),
        });
    }
    let Some(rest) = path.strip_prefix('/') else {
        return refuse("it must begin with `/`; the host is chosen by the endpoint");
    };
    if rest.starts_with('/') {
        return refuse("it begins with `//`, which names a host");
    }
    for byte in path.bytes() {
        match byte {
            b'?' => return refuse("it holds `?`; give query parameters in `query`"),
            b'#' => return refuse("it holds `#`; write `%23`"),
            b'\\' => return refuse("it holds a backslash; write `%5C`"),
            0x00..=0x20 | 0x7f => {
                return refuse("it holds a space or a control character; percent-encode it");
            }
            0x80.. => return refuse("it holds a character outside ASCII; percent-encode its UTF-8 bytes"),
            _ => {}
        }
    }
    let mut encoded = String::with_capacity(path.len());
    for segment in rest.split('/') {
        if !has_whole_escapes(segment) {
            return refuse("it holds a `%` that is not followed by two hexadecimal digits; write `%25`");
        }
        let bytes: Vec<u8> = percent_decode_str(segment).collect();
        if bytes == b"." || bytes == b".." {
            return refuse("it holds a `.` or `..` segment");
        }
        // An encoded slash must not hide a dot segment from whoever decodes before splitting.
        if bytes
            .split(|byte| matches!(byte, b'/' | b'\\'))
            .any(|part| part == b"..")
        {
            return refuse("it holds an encoded `..` segment");
        }
        if bytes.iter().any(u8::is_ascii_control) {
            return refuse("it holds an encoded control character");
        }
        encoded.push('/');
        encoded.extend(percent_encode(&bytes, encoded_bytes));
    }
    Ok(encoded)
}

fn has_whole_escapes(segment: &str) -> bool {
    segment.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes();
        digits.next().is_some_and(|byte| byte.is_ascii_hexdigit())
            && digits.next().is_some_and(|byte| byte.is_ascii_hexdigit())
    })
}

/// Checks decoded query parameters and returns them encoded, in the order given, without the question mark.
///
/// # Errors
/// When one carries a signature, or all together are too long.
pub fn encode_query(parameters: &[(String, String)]) -> Result<String, RequestError> {
    let mut encoded = String::new();
    for (name, value) in parameters {
        if SIGNING_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(RequestError::SigningParameter { name: name.clone() });
        }
        if !encoded.is_empty() {
            encoded.push('&');
        }
        encoded.extend(percent_encode(name.as_bytes(), ENCODED));
        encoded.push('=');
        encoded.extend(percent_encode(value.as_bytes(), ENCODED));
        if encoded.len() > LONGEST_TARGET {
            return Err(RequestError::TooLarge {
                what: "the query",
                limit: format!("{LONGEST_TARGET} bytes"),
            });
        }
    }
    Ok(encoded)
}

/// Checks a guest's headers. Nothing is dropped silently: what may not be sent is an error.
///
/// # Errors
/// When a header authenticates, routes or frames the request, is given twice, or is not known to be harmless.
pub fn check_headers(headers: &[(String, String)]) -> Result<HeaderMap, RequestError> {
    if headers.len() > MOST_HEADERS {
        return Err(RequestError::TooLarge {
            what: "the number of headers",
            limit: MOST_HEADERS.to_string(),
        });
    }
    let mut checked = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let refuse = |reason| {
            Err(RequestError::Header {
                name: crate::audit::printable(name),
                reason,
            })
        };
        let lower = name.to_ascii_lowercase();
        let Ok(header) = HeaderName::from_bytes(lower.as_bytes()) else {
            return refuse("its name holds a character that no header name may hold");
        };
        if let Some(reason) = refusal(&lower) {
            return refuse(reason);
        }
        if value.len() > LONGEST_HEADER {
            return Err(RequestError::TooLarge {
                what: "a header",
                limit: format!("{LONGEST_HEADER} bytes"),
            });
        }
        if value.bytes().any(|byte| !(0x20..0x7f).contains(&byte)) {
            return refuse("its value holds a control character or one outside ASCII");
        }
        // The answer is searched for echoes of the credential: it must come in clear.
        if lower == "accept-encoding" && !value.trim().eq_ignore_ascii_case("identity") {
            return refuse("answers are taken uncompressed; remove it or use `identity`");
        }
        if lower == "content-encoding" && value.to_ascii_lowercase().contains("aws-chunked") {
            return refuse(
                "the host signs the whole body; set the SDK's checksum calculation to `WhenRequired`",
            );
        }
        let Ok(value) = HeaderValue::from_str(value) else {
            return refuse("its value holds a character that no header value may hold");
        };
        if checked.insert(header, value).is_some() {
            return refuse("it is given twice");
        }
    }
    Ok(checked)
}

/// Says why a header, in lower case, may not be set by a guest.
fn refusal(name: &str) -> Option<&'static str> {
    if name == "authorization" || name == "cookie" || SIGNING_HEADERS.contains(&name) {
        return Some("the host authenticates requests; remove it");
    }
    if matches!(
        name,
        "host" | "content-length" | "transfer-encoding" | "connection" | "expect"
    ) {
        return Some("the host frames and addresses requests; remove it");
    }
    if name.starts_with("amz-sdk-") {
        return Some("the host counts attempts; the SDK adapter removes it");
    }
    let allowed =
        ALLOWED_HEADERS.contains(&name) || ALLOWED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    (!allowed).then_some(
        "it is not among the headers a plugin may send (content, conditions, `x-amz-…`); remove it",
    )
}

/// Says whether a header, in lower case, is one that a guest may set.
pub(crate) fn is_allowed_header(name: &str) -> bool {
    refusal(name).is_none()
}

/// Returns the names of query parameters that carry a signature or a credential, in lower case.
pub(crate) fn signing_parameters() -> &'static [&'static str] {
    &SIGNING_PARAMETERS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROTOCOLS: [EndpointProtocol; 4] = [
        EndpointProtocol::Aws,
        EndpointProtocol::Azure,
        EndpointProtocol::Google,
        EndpointProtocol::Http,
    ];

    fn pair(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn paths_that_could_leave_the_endpoint_are_refused() {
        for path in [
            "",
            "x",
            "http://evil.example/",
            "https://evil.example",
            "//evil.example/x",
            "@evil.example/",
            "user:password@evil.example/",
            "*",
            "/../x",
            "/a/..",
            "/a/../b",
            "/a/./b",
            "/a/.",
            "/%2e%2e/x",
            "/a/%2E%2e/b",
            "/a/.%2e",
            "/a%2f..%2fb",
            "/a/..%2fb",
            "/a/%2e%2e%5cb",
            "/a\\b",
            "/a#b",
            "/a?b=c",
            "/a b",
            "/a\r\nHost: evil",
            "/a%0d%0aHost:%20evil",
            "/a%00",
            "/a%7f",
            "/a\tb",
            "/ü",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%+1",
        ] {
            for protocol in PROTOCOLS {
                assert!(encode_path(path, protocol).is_err(), "{path:?} was taken");
            }
        }
    }

    #[test]
    fn paths_of_real_calls_are_taken_and_encoded_once() {
        for (path, expected) in [
            ("/", "/"),
            ("/bucket", "/bucket"),
            ("/bucket/", "/bucket/"),
            ("/bucket/key%20one", "/bucket/key%20one"),
            ("/bucket/a%2Fb%2fc", "/bucket/a%2Fb%2Fc"),
            ("/bucket//x", "/bucket//x"),
            ("/bucket/a+b=c:d", "/bucket/a%2Bb%3Dc%3Ad"),
            ("/bucket/%c3%bc...", "/bucket/%C3%BC..."),
            ("/bucket/%252e%252e", "/bucket/%252e%252e"),
            ("/b/%7Ehome/...", "/b/~home/..."),
        ] {
            assert_eq!(encode_path(path, EndpointProtocol::Aws).unwrap(), expected);
        }
    }

    #[test]
    fn a_colon_is_a_colon_for_google_only() {
        for path in [
            "/v3/projects/shop:getIamPolicy",
            "/v3/projects/shop%3AgetIamPolicy",
        ] {
            assert_eq!(
                encode_path(path, EndpointProtocol::Google).unwrap(),
                "/v3/projects/shop:getIamPolicy"
            );
            for protocol in [
                EndpointProtocol::Aws,
                EndpointProtocol::Azure,
                EndpointProtocol::Http,
            ] {
                assert_eq!(
                    encode_path(path, protocol).unwrap(),
                    "/v3/projects/shop%3AgetIamPolicy"
                );
            }
        }
        // Nothing else is told apart from a colon: what is encoded twice stays so, and so do slashes.
        assert_eq!(
            encode_path("/v3/projects/shop%253Ax/a%2Fb", EndpointProtocol::Google).unwrap(),
            "/v3/projects/shop%253Ax/a%2Fb"
        );
    }

    #[test]
    fn a_query_that_signs_is_refused_in_any_case() {
        for name in [
            "X-Amz-Signature",
            "x-amz-credential",
            "X-AMZ-SECURITY-TOKEN",
            "AWSAccessKeyId",
            "Signature",
        ] {
            assert!(encode_query(&pair(name, "x")).is_err(), "{name}");
        }
        assert_eq!(
            encode_query(&pair("list-type", "2 +&=/ü")).unwrap(),
            "list-type=2%20%2B%26%3D%2F%C3%BC"
        );
        assert_eq!(encode_query(&pair("acl", "")).unwrap(), "acl=");
    }

    #[test]
    fn headers_that_authenticate_route_or_frame_are_refused() {
        for name in [
            "Authorization",
            "authorization",
            "AUTHORIZATION",
            "Authorization ",
            " Authorization",
            "Authorization\t",
            "Authorization:",
            "Proxy-Authorization",
            "Proxy-Connection",
            "X-Amz-Security-Token",
            "X-Amz-Date",
            "X-Amz-Content-Sha256",
            "Host",
            "Content-Length",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "Upgrade",
            "TE",
            "Trailer",
            "Cookie",
            "Expect",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "Forwarded",
            "Via",
            "X-HTTP-Method-Override",
            "amz-sdk-request",
            "X-Original-URL",
            "",
            "a\r\nHost",
            ":authority",
            "Date",
            "X-Amz-Date\u{212a}",
        ] {
            assert!(check_headers(&pair(name, "x")).is_err(), "{name:?} was taken");
        }
    }

    #[test]
    fn header_values_cannot_start_a_new_line() {
        for value in ["a\r\nHost: evil", "a\nb", "a\rb", "a\0b", "\u{7f}", "ü"] {
            assert!(
                check_headers(&pair("x-amz-meta-note", value)).is_err(),
                "{value:?} was taken"
            );
        }
        assert!(check_headers(&pair("accept-encoding", "gzip")).is_err());
        assert!(check_headers(&pair("content-encoding", "aws-chunked")).is_err());
        let twice = [
            ("x-amz-acl".to_owned(), "a".to_owned()),
            ("X-Amz-Acl".to_owned(), "b".to_owned()),
        ];
        assert!(check_headers(&twice).is_err());
    }

    #[test]
    fn headers_of_the_sdk_are_taken() {
        for name in [
            "content-type",
            "user-agent",
            "x-amz-user-agent",
            "x-amz-acl",
            "x-amz-checksum-crc32",
            "if-none-match",
            "x-amz-target",
            "x-amz-sdk-checksum-algorithm",
            "content-md5",
            "accept",
            "range",
            "x-amzn-query-mode",
        ] {
            assert!(check_headers(&pair(name, "x")).is_ok(), "{name}");
        }
        assert!(check_headers(&pair("accept-encoding", "identity")).is_ok());
    }

    #[test]
    fn methods_outside_the_list_are_refused() {
        for method in ["CONNECT", "TRACE", "get", "GET ", "GET /x HTTP/1.1\r\n", ""] {
            assert!(check_method(method).is_err(), "{method:?} was taken");
        }
        assert!(check_method("GET").is_ok());
    }

    proptest! {
        #[test]
        fn an_encoded_path_survives_the_url_parser_and_decodes_to_the_same_segments(
            segments in prop::collection::vec(prop::collection::vec(0x20_u8..=0xff, 0..12), 1..6),
        ) {
            let path: String = segments
                .iter()
                .map(|segment| format!("/{}", percent_encode(segment, ENCODED)))
                .collect();
            for encoded in PROTOCOLS.into_iter().filter_map(|protocol| encode_path(&path, protocol).ok()) {
                let url = url::Url::parse(&format!("https://host.example{encoded}")).unwrap();
                prop_assert_eq!(url.path(), &encoded);
                prop_assert_eq!(url.host_str(), Some("host.example"));
                let decoded: Vec<Vec<u8>> =
                    encoded.split('/').skip(1).map(|segment| percent_decode_str(segment).collect()).collect();
                prop_assert_eq!(&decoded, &segments);
            }
        }

        #[test]
        fn any_path_that_is_taken_stays_on_the_host_and_is_stable(path in "[ -~]{0,40}") {
            for protocol in PROTOCOLS {
                let Ok(encoded) = encode_path(&path, protocol) else { continue };
                let url = url::Url::parse(&format!("https://host.example{encoded}")).unwrap();
                prop_assert_eq!(url.host_str(), Some("host.example"));
                prop_assert_eq!(url.path(), &encoded);
                prop_assert_eq!(url.query(), None);
                prop_assert_eq!(encode_path(&encoded, protocol).unwrap(), encoded);
            }
        }

        #[test]
        fn an_encoded_query_decodes_to_the_same_parameters(
            parameters in prop::collection::vec((".{0,10}", ".{0,10}"), 0..6),
        ) {
            if let Ok(encoded) = encode_query(&parameters) {
                let url = url::Url::parse(&format!("https://host.example/?{encoded}")).unwrap();
                prop_assert_eq!(url.query(), Some(encoded.as_str()));
                let decoded: Vec<(String, String)> = url.query_pairs().into_owned().collect();
                // A pair of two empty texts encodes to `=`, which every parser reads back as such.
                prop_assert_eq!(decoded, parameters);
            }
        }
    }
}
