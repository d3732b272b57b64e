//! What the errors of AWS mean for what should be done about them.

use std::error::Error as _;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use konductor_model::cloud::SendError;
use konductor_model::{Disposition, Failure, with_causes};

/// Returns what should be done about an error, by its code and, where the code says nothing, its HTTP status.
pub fn disposition_of(code: &str, status: Option<u16>) -> Disposition {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| code.starts_with(prefix));
    let contains = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    // The order matters: `InvalidVpcID.NotFound` is not invalid and `RequestLimitExceeded` is no quota.
    if contains(&["NotFound", "NonExistent", "DoesNotExist"])
        || starts(&["NoSuch"])
        || code == "Gateway.NotAttached"
    {
        Disposition::NotFound
    } else if starts(&[
        "RequestLimitExceeded",
        "Throttl",
        "SlowDown",
        "TooManyRequests",
        "BandwidthLimitExceeded",
    ]) || code == "RequestThrottled"
    {
        Disposition::Throttled
    } else if starts(&[
        "UnauthorizedOperation",
        "AccessDenied",
        "AuthFailure",
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "ExpiredToken",
        "InvalidToken",
        "OptInRequired",
        "Blocked",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "AllAccessDisabled",
    ]) {
        Disposition::Denied
    } else if contains(&[
        "Duplicate",
        "AlreadyExists",
        "AlreadyOwnedByYou",
        "AlreadyAssociated",
    ]) {
        Disposition::AlreadyExists
    } else if contains(&["InUse", "ConditionalRequestConflict"])
        || starts(&[
            "DependencyViolation",
            "IncorrectState",
            "IncorrectInstanceState",
            "IncorrectModificationState",
            "OperationAborted",
            "ConcurrentTagAccess",
        ])
    {
        Disposition::Conflict
    } else if code.ends_with("LimitExceeded")
        || code == "TooManyBuckets"
        || code == "MaxSpotInstanceCountExceeded"
    {
        Disposition::Quota
    } else if starts(&[
        "InternalError",
        "InternalFailure",
        "ServiceUnavailable",
        "Unavailable",
        "RequestTimeout",
        "Insufficient",
        "Server.",
    ]) {
        Disposition::Unavailable
    } else if starts(&[
        "Invalid",
        "Malformed",
        "Missing",
        "Unknown",
        "Validation",
        "Unsupported",
        "Illegal",
        "Client.Invalid",
    ]) {
        Disposition::Invalid
    } else {
        match status {
            Some(404) => Disposition::NotFound,
            Some(401 | 403) => Disposition::Denied,
            Some(409 | 412) => Disposition::Conflict,
            Some(429) => Disposition::Throttled,
            Some(500..=599) => Disposition::Unavailable,
            _ => Disposition::Other,
        }
    }
}

/// Returns the failure that an error of the SDK stands for.
pub fn failure_of<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or_default();
            let message = match service.err().message() {
                Some(message) if !message.is_empty() => message.to_owned(),
                _ => format!("the cloud answered with status {status}"),
            };
            let headers = service.raw().headers();
            Failure {
                http_status: Some(status),
                request_id: service
                    .err()
                    .meta()
                    .extra("aws_request_id")
                    .or_else(|| headers.get("x-amzn-requestid"))
                    .or_else(|| headers.get("x-amz-request-id"))
                    .map(str::to_owned),
                ..Failure::new(disposition_of(code, Some(status)), message).code(code)
            }
        }
        SdkError::DispatchFailure(dispatch) => {
            let sent = dispatch
                .as_connector_error()
                .and_then(|error| error.source())
                .and_then(|source| source.downcast_ref::<SendError>());
            match sent {
                Some(SendError::Denied(why) | SendError::NoCredentials(why)) => {
                    Failure::new(Disposition::Denied, why.clone())
                }
                Some(error @ (SendError::Timeout(_) | SendError::Connection(_))) => {
                    Failure::new(Disposition::Unavailable, error.to_string())
                }
                Some(error) => Failure::new(Disposition::Other, error.to_string()),
                None => Failure::new(Disposition::Other, with_causes(error)),
            }
        }
        SdkError::TimeoutError(_) => Failure::new(Disposition::Unavailable, with_causes(error)),
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            Failure {
                http_status: Some(status),
                ..Failure::new(disposition_of("", Some(status)), with_causes(error))
            }
        }
        SdkError::ConstructionFailure(_) => Failure::new(Disposition::Invalid, with_causes(error)),
        _ => Failure::new(Disposition::Other, with_causes(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    #[test]
    fn codes_mean_what_amazon_means_by_them() {
        use Disposition::{
            AlreadyExists, Conflict, Denied, Invalid, NotFound, Other, Quota, Throttled, Unavailable,
        };
        for (code, status, expected) in [
            ("InvalidVpcID.NotFound", 400, NotFound),
            ("NatGatewayNotFound", 400, NotFound),
            ("NoSuchBucket", 404, NotFound),
            ("DependencyViolation", 400, Conflict),
            ("IncorrectState", 400, Conflict),
            ("OperationAborted", 409, Conflict),
            ("VolumeInUse", 400, Conflict),
            ("RequestLimitExceeded", 503, Throttled),
            ("Throttling", 400, Throttled),
            ("SlowDown", 503, Throttled),
            ("UnauthorizedOperation", 403, Denied),
            ("InvalidAccessKeyId", 403, Denied),
            ("SignatureDoesNotMatch", 403, Denied),
            ("VpcLimitExceeded", 400, Quota),
            ("InvalidParameterValue", 400, Invalid),
            ("MalformedPolicy", 400, Invalid),
            ("MissingParameter", 400, Invalid),
            ("InvalidPermission.Duplicate", 400, AlreadyExists),
            ("RouteAlreadyExists", 400, AlreadyExists),
            ("BucketAlreadyOwnedByYou", 409, AlreadyExists),
            ("InternalError", 500, Unavailable),
            ("Strange", 502, Unavailable),
            ("", 404, NotFound),
            ("BucketNotEmpty", 400, Other),
        ] {
            assert_eq!(disposition_of(code, Some(status)), expected, "{code} {status}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("never")]
    struct Never(aws_smithy_types::error::ErrorMetadata);

    impl ProvideErrorMetadata for Never {
        fn meta(&self) -> &aws_smithy_types::error::ErrorMetadata {
            &self.0
        }
    }

    #[test]
    fn what_the_host_says_about_a_request_arrives_at_the_caller() {
        let refused = SendError::Denied("the grant does not cover `iam`".into());
        let error: SdkError<Never, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::user(refused.into()));
        let failure = failure_of(&error);
        assert_eq!(failure.disposition, Disposition::Denied);
        assert_eq!(failure.message, "the grant does not cover `iam`");
        let lost = SendError::Timeout("30 s".into());
        let error: SdkError<Never, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::timeout(lost.into()));
        assert_eq!(failure_of(&error).disposition, Disposition::Unavailable);
    }

    #[test]
    fn a_modelled_error_keeps_its_code_status_and_request() {
        let meta = aws_smithy_types::error::ErrorMetadata::builder()
            .code("VpcLimitExceeded")
            .message("too many")
            .build();
        let mut response = HttpResponse::new(400.try_into().unwrap(), "".into());
        response.headers_mut().insert("x-amzn-requestid", "r-1");
        let failure = failure_of(&SdkError::service_error(Never(meta), response));
        assert_eq!(failure.disposition, Disposition::Quota);
        assert_eq!(
            (failure.code.as_str(), failure.http_status),
            ("VpcLimitExceeded", Some(400))
        );
        assert_eq!(failure.request_id.as_deref(), Some("r-1"));
    }
}
