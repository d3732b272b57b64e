//! What a guest gets to see of an answer.

use konductor_model::cloud::CloudResponse;

use crate::redaction::Redaction;
use crate::transport::Answer;
use crate::vault::Vault;

/// Headers of an answer that stay on this side: they set or carry credentials, or belong to the connection.
pub(crate) const HIDDEN_HEADERS: [&str; 13] = [
    "set-cookie",
    "set-cookie2",
    "authorization",
    "authentication-info",
    "www-authenticate",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "x-amz-security-token",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
];

/// Returns what the guest may see of an answer.
pub(crate) fn presentable(answer: Answer, redaction: &Redaction, vault: &Vault) -> CloudResponse {
    let length = answer.body.len();
    let (body, sealed) = vault.seal_echoes(redaction.body(answer.body));
    let changed = sealed || body.len() != length;
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| !HIDDEN_HEADERS.contains(&name.as_str()))
        // A checksum of what the guest does not get would only tell it that the answer was changed.
        .filter(|(name, _)| !(changed && is_checksum(name.as_str())))
        .map(|(name, value)| {
            let text = if changed && *name == http::header::CONTENT_LENGTH {
                body.len().to_string()
            } else {
                vault.seal_text(&redaction.text(&String::from_utf8_lossy(value.as_bytes())))
            };
            (name.as_str().to_owned(), text)
        })
        .collect();
    CloudResponse {
        status: answer.status.as_u16(),
        headers,
        body,
    }
}

pub(crate) fn is_checksum(header: &str) -> bool {
    header == "content-md5" || header.starts_with("x-amz-checksum-")
}
