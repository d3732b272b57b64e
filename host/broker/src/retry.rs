//! What is sent again, and after how long.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};

/// How often and how patiently a call is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// How often a call is sent at most, the first time included.
    pub most_attempts: u32,
    /// The upper bound of the first pause; it doubles with every attempt.
    pub base: Duration,
    /// The upper bound that pauses stop growing at.
    pub longest: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            most_attempts: 8,
            base: Duration::from_millis(200),
            longest: Duration::from_secs(20),
        }
    }
}

impl RetryOptions {
    /// Returns the pause before the next sending: full jitter over an exponential bound, and never less than
    /// the cloud asked for. `jitter` lies between 0 and 1.
    pub fn pause(&self, attempts: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(16);
        let bound = self.base.saturating_mul(1_u32 << doublings).min(self.longest);
        let pause = bound.mul_f64(jitter.clamp(0.0, 1.0));
        // Jitter comes on top of what was asked for, or all callers return in the same instant.
        retry_after.map_or(pause, |asked| asked.saturating_add(pause))
    }
}

/// What an answer means for sending again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the answer.
    Final,
    /// The cloud refused the request because of its rate: it had no effect, sending it again is always safe.
    Throttled,
    /// The credentials were refused as expired: it had no effect.
    ExpiredCredentials,
    /// The cloud failed; whether the request had its effect is not known.
    ServerFailure,
}

const THROTTLING_CODES: [&str; 19] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "Throttled",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "TooManyRequests",
    "ProvisionedThroughputExceededException",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
    "TransactionInProgressException",
    "SlowDown",
    "Client.RequestLimitExceeded",
    // Google answers these with status 403 as well as 429.
    "RATE_LIMIT_EXCEEDED",
    "rateLimitExceeded",
    "userRateLimitExceeded",
];

const EXPIRED_CODES: [&str; 4] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "TokenRefreshRequired",
];

/// Judges an answer by its status and error code.
pub fn judge(status: StatusCode, code: Option<&str>) -> Verdict {
    if status.is_success() || status.is_redirection() {
        return Verdict::Final;
    }
    match code {
        Some(code) if THROTTLING_CODES.contains(&code) => Verdict::Throttled,
        Some(code) if status.is_client_error() && EXPIRED_CODES.contains(&code) => {
            Verdict::ExpiredCredentials
        }
        _ => match status.as_u16() {
            429 => Verdict::Throttled,
            500 | 502 | 503 | 504 => Verdict::ServerFailure,
            _ => Verdict::Final,
        },
    }
}

/// Says whether a request may be sent again when it is not known whether it had its effect.
///
/// The safe methods may by definition. `PUT` and `DELETE` are idempotent in HTTP, but not in every cloud API (a
/// versioned bucket keeps both objects, `If-None-Match: *` fails the second time, a deleted name may be taken
/// again), so for all others the provider has to say it.
pub fn may_repeat(method: &Method, idempotent: bool) -> bool {
    idempotent || matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Reads how long the cloud asked to wait, in seconds or as a date.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = at.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

/// Reads the error code of an answer: the header of the JSON protocols, `<Code>` of the XML ones, or the type
/// member of a JSON body.
pub fn error_code(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    if status.is_success() {
        return None;
    }
    let header = headers
        .get("x-amzn-errortype")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let code = header
        .or_else(|| between(body, b"<Code>", b"</Code>"))
        .or_else(|| {
            let body: serde_json::Value =
                serde_json::from_slice(body.get(..body.len().min(64 * 1024))?).ok()?;
            // Google's own codes stand deeper: `reason` says more than `status`.
            [
                "/__type",
                "/code",
                "/Code",
                "/error/code",
                "/error/errors/0/reason",
                "/error/details/0/reason",
                "/error/status",
            ]
            .into_iter()
            .find_map(|place| body.pointer(place)?.as_str().map(str::to_owned))
        })?;
    // `aws.protocoltests#ThrottlingException:http://…` is the long form of `ThrottlingException`.
    let code = code.rsplit('#').next()?.split(':').next()?.trim().to_owned();
    (!code.is_empty() && code.len() <= 128).then_some(code)
}

/// Reads the text between two marks in the first part of a body.
pub(crate) fn between(body: &[u8], open: &[u8], close: &[u8]) -> Option<String> {
    let body = body.get(..body.len().min(64 * 1024))?;
    let start = memchr::memmem::find(body, open)?.checked_add(open.len())?;
    let rest = body.get(start..)?;
    let end = memchr::memmem::find(rest, close)?;
    std::str::from_utf8(rest.get(..end)?).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged_by_status_and_code() {
        for (status, code, expected) in [
            (200, None, Verdict::Final),
            (301, None, Verdict::Final),
            (400, Some("Throttling"), Verdict::Throttled),
            (400, Some("ThrottlingException"), Verdict::Throttled),
            (400, Some("InvalidParameterValue"), Verdict::Final),
            (400, Some("ExpiredToken"), Verdict::ExpiredCredentials),
            (403, Some("AccessDenied"), Verdict::Final),
            (404, None, Verdict::Final),
            (403, Some("rateLimitExceeded"), Verdict::Throttled),
            (403, Some("quotaExceeded"), Verdict::Final),
            (409, None, Verdict::Final),
            (429, None, Verdict::Throttled),
            (500, Some("InternalError"), Verdict::ServerFailure),
            (501, None, Verdict::Final),
            (502, None, Verdict::ServerFailure),
            (503, None, Verdict::ServerFailure),
            (503, Some("SlowDown"), Verdict::Throttled),
            (503, Some("RequestLimitExceeded"), Verdict::Throttled),
            (504, None, Verdict::ServerFailure),
        ] {
            assert_eq!(
                judge(StatusCode::from_u16(status).unwrap(), code),
                expected,
                "{status} {code:?}"
            );
        }
    }

    #[test]
    fn error_codes_are_read_from_every_protocol() {
        let status = StatusCode::BAD_REQUEST;
        let none = HeaderMap::new();
        let ec2 = b"<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>";
        assert_eq!(
            error_code(status, &none, ec2).as_deref(),
            Some("RequestLimitExceeded")
        );
        let json = br#"{"__type":"com.amazon#ThrottlingException","message":"x"}"#;
        assert_eq!(
            error_code(status, &none, json).as_deref(),
            Some("ThrottlingException")
        );
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-amzn-errortype"),
            http::HeaderValue::from_static("TooManyRequestsException:http://internal/"),
        )]);
        assert_eq!(
            error_code(status, &headers, b"").as_deref(),
            Some("TooManyRequestsException")
        );
        for (body, expected) in [
            (
                &br#"{"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}], "status": "X"}}"#[..],
                "rateLimitExceeded",
            ),
            (
                br#"{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"reason": "RATE_LIMIT_EXCEEDED"}]}}"#,
                "RATE_LIMIT_EXCEEDED",
            ),
            (br#"{"error": {"code": 404, "status": "NOT_FOUND"}}"#, "NOT_FOUND"),
        ] {
            assert_eq!(error_code(status, &none, body).as_deref(), Some(expected));
        }
        assert_eq!(error_code(StatusCode::OK, &none, ec2), None);
    }

    #[test]
    fn pauses_grow_up_to_the_bound_and_are_never_shorter_than_asked() {
        let options = RetryOptions::default();
        assert_eq!(options.pause(1, None, 1.0), Duration::from_millis(200));
        assert_eq!(options.pause(3, None, 1.0), Duration::from_millis(800));
        assert_eq!(options.pause(30, None, 1.0), Duration::from_secs(20));
        assert_eq!(options.pause(5, None, 0.0), Duration::ZERO);
        assert!(options.pause(1, Some(Duration::from_secs(3)), 0.5) >= Duration::from_secs(3));
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let read = |text: &'static str| {
            retry_after(&HeaderMap::from_iter([(
                http::header::RETRY_AFTER,
                http::HeaderValue::from_static(text),
            )]))
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn only_safe_methods_and_declared_requests_are_repeated_blindly() {
        assert!(may_repeat(&Method::GET, false));
        assert!(may_repeat(&Method::HEAD, false));
        assert!(may_repeat(&Method::OPTIONS, false));
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            assert!(!may_repeat(&method, false), "{method}");
            assert!(may_repeat(&method, true), "{method}");
        }
    }
}
