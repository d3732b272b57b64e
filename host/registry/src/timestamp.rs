//! Timestamps by RFC 3161: the request goes to an authority, and its answer comes back. What is in them is
//! `konductor-signature`'s to make and to check.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::network::{HttpClient, NetworkError, NetworkSettings, ReadLimits, Request, shown};

/// How large an answer may be. Usual ones have some thousand bytes.
const ANSWER_LIMIT: u64 = 256 * 1024;
/// How long it is waited for.
const DEADLINE: Duration = Duration::from_secs(30);
const REQUEST_TYPE: &str = "application/timestamp-query";
const ANSWER_TYPE: &str = "application/timestamp-reply";

/// Says why there is no timestamp.
#[derive(Debug, thiserror::Error)]
pub enum TimestampError {
    /// The network gave no answer.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The address is not one of the web.
    #[error("`{url}` is no address of a timestamp authority: expected http:// or https://")]
    Scheme {
        /// The address.
        url: String,
    },
    /// The authority answers with an error.
    #[error("the timestamp authority {place} answers {status}")]
    Status {
        /// The authority.
        place: String,
        /// The status.
        status: StatusCode,
    },
    /// The answer is no timestamp.
    #[error(
        "the timestamp authority {place} answers with `{}`, and `{ANSWER_TYPE}` is expected: is this its address?",
        found.escape_debug()
    )]
    Type {
        /// The authority.
        place: String,
        /// The type of the answer.
        found: String,
    },
}

/// Sends a timestamp request in DER form, and returns the answer in DER form, which is not looked into.
///
/// Authorities are often reached without TLS: an answer is signed, and whoever verifies it decides whom to believe.
///
/// # Errors
/// When the run is offline, or the authority does not answer with a timestamp within 30 s and 256 KiB.
pub async fn request_timestamp(
    settings: &NetworkSettings,
    authority: &Url,
    request: Vec<u8>,
) -> Result<Vec<u8>, TimestampError> {
    let place = shown(authority);
    if !matches!(authority.scheme(), "http" | "https") || authority.host_str().is_none() {
        return Err(TimestampError::Scheme { url: place });
    }
    let http = HttpClient::new(settings, &place)?;
    let mut post = Request::new(Method::POST, authority.clone())
        .with_header(CONTENT_TYPE, REQUEST_TYPE)
        .with_header(ACCEPT, ANSWER_TYPE);
    post.body = request;
    let limits = ReadLimits {
        deadline: DEADLINE,
        ..ReadLimits::short(ANSWER_LIMIT)
    };
    let answer = http.send(post, limits).await?;
    if answer.status != StatusCode::OK {
        return Err(TimestampError::Status {
            place,
            status: answer.status,
        });
    }
    let found = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let media_type = found.split(';').next().unwrap_or("").trim();
    if !media_type.eq_ignore_ascii_case(ANSWER_TYPE) {
        return Err(TimestampError::Type {
            place,
            found: found.chars().take(128).collect(),
        });
    }
    Ok(answer.body)
}

#[cfg(test)]
#[allow(clippy::disallowed_types, reason = "the test is the authority")]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Answers one request with a text, and returns what was asked.
    async fn exchange(
        answer: Vec<u8>,
        settings: NetworkSettings,
    ) -> (Result<Vec<u8>, TimestampError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/tsa?key=hunter2", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 4096];
            while !asked.ends_with(b"DER!") {
                let read = stream.read(&mut buffer).await.unwrap();
                asked.extend_from_slice(&buffer[..read]);
            }
            // The client may hang up before all of it is written.
            let _ = stream.write_all(&answer).await;
            String::from_utf8_lossy(&asked).into_owned()
        });
        let result = request_timestamp(&settings, &url, b"DER!".to_vec()).await;
        (result, server.await.unwrap())
    }

    fn answer(status: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    #[tokio::test]
    async fn the_request_is_posted_and_the_answer_returned() {
        let (result, asked) = exchange(
            answer("200 OK", ANSWER_TYPE, b"reply"),
            NetworkSettings::default(),
        )
        .await;
        assert_eq!(result.unwrap(), b"reply");
        assert!(asked.starts_with("POST /tsa?key=hunter2 HTTP/1.1\r\n"), "{asked}");
        assert!(
            asked.contains("content-type: application/timestamp-query\r\n"),
            "{asked}"
        );
    }

    #[tokio::test]
    async fn what_is_no_timestamp_is_refused_without_the_query_of_the_address() {
        for (reply, part) in [
            (answer("500 Oops", ANSWER_TYPE, b""), "500"),
            (answer("200 OK", "text/html", b"<html>"), "text/html"),
            (
                answer("302 Found\r\nLocation: http://127.0.0.1:1/", ANSWER_TYPE, b""),
                "302",
            ),
            (
                answer(
                    "200 OK",
                    ANSWER_TYPE,
                    &vec![0; usize::try_from(ANSWER_LIMIT).unwrap() + 1],
                ),
                "limit",
            ),
        ] {
            let error = exchange(reply, NetworkSettings::default())
                .await
                .0
                .unwrap_err()
                .to_string();
            assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_offline_run_and_another_scheme_send_nothing() {
        let offline = NetworkSettings {
            offline: true,
            ..NetworkSettings::default()
        };
        let url: Url = "http://127.0.0.1:1/tsa".parse().unwrap();
        let error = request_timestamp(&offline, &url, Vec::new()).await.unwrap_err();
        assert!(matches!(
            error,
            TimestampError::Network(NetworkError::Offline { .. })
        ));
        let url: Url = "file:///etc/passwd".parse().unwrap();
        let error = request_timestamp(&NetworkSettings::default(), &url, Vec::new())
            .await
            .unwrap_err();
        assert!(matches!(error, TimestampError::Scheme { .. }));
    }
}
