//! The root element of the answer to `GetBucketVersioning`.

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;

const EXPECTED: &str = "VersioningConfiguration";
/// moto names the root after the operation, as Amazon's older protocols do; the SDK reads no such answer.
const OTHER: &str = "GetBucketVersioningResponse";

/// Gives the answer the root element that the SDK reads.
#[derive(Debug)]
pub(crate) struct VersioningRoot;

impl Intercept for VersioningRoot {
    fn name(&self) -> &'static str {
        "VersioningRoot"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _runtime_components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        if let Some(renamed) = body.bytes().and_then(with_expected_root) {
            *body = SdkBody::from(renamed);
        }
        Ok(())
    }
}

fn with_expected_root(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    text.contains(OTHER).then(|| text.replace(OTHER, EXPECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_root_is_renamed() {
        let answer = b"<GetBucketVersioningResponse><Status>Enabled</Status></GetBucketVersioningResponse>";
        let expected = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        assert_eq!(with_expected_root(answer).as_deref(), Some(expected));
        assert_eq!(with_expected_root(expected.as_bytes()), None);
    }
}
