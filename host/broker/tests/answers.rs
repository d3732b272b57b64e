//! Answers are bounded in size and time, never followed, and show nothing of the credential.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::time::{Duration, Instant};

use konductor_broker::{BrokerOptions, CallLimits};
use konductor_model::cloud::SendError;
use support::{
    KEY_ID, Reply, SECRET, Server, TOKEN, body, describe_vpcs, get, options, planted, session, session_with,
};

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let foreign = Server::start(|_, _| body(200, "elsewhere")).await;
    let location = foreign.url.to_string();
    let server =
        Server::start(move |_, _| Reply::Answer(307, vec![("location", location.clone())], Vec::new())).await;
    let (cloud, records) = session(&server);
    let answer = cloud.send("urn", get("/bucket")).await.unwrap();
    assert_eq!(answer.status, 307);
    assert!(foreign.received().is_empty());
    assert_eq!(records.only().status, Some(307));
}

#[tokio::test]
async fn an_error_status_is_an_answer_with_its_body_and_identifier() {
    let server = Server::start(|_, _| {
        body(
            400,
            "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code></Error></Errors>\
                   <RequestID>1b2c-3d</RequestID></Response>",
        )
    })
    .await;
    let (cloud, records) = session(&server);
    let answer = cloud.send("urn", describe_vpcs()).await.unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.body.starts_with(b"<Response>"));
    let record = records.only();
    assert_eq!(record.status, Some(400));
    assert_eq!(record.request_id.as_deref(), Some("1b2c-3d"));
    assert_eq!(record.operation.as_deref(), Some("DescribeVpcs"));
    assert_eq!(record.region, "us-west-2");
    assert_eq!(record.host, format!("127.0.0.1:{}", server.url.port().unwrap()));
    assert_eq!((record.attempts, record.error), (1, None));
}

#[tokio::test]
async fn a_body_over_the_limit_ends_the_call_whether_or_not_its_length_is_announced() {
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 200_000]].concat();
    for reply in [None, Some(endless)] {
        let server = Server::start(move |_, _| match &reply {
            None => body(200, vec![b'x'; 100_001]),
            Some(bytes) => Reply::Raw(bytes.clone()),
        })
        .await;
        let (cloud, _) = session(&server);
        let error = cloud.send("urn", get("/bucket/key")).await.err().unwrap();
        assert!(matches!(error, SendError::TooLarge(_)), "{error:?}");
        assert_eq!(
            server.received().len(),
            1,
            "what is too large is not asked for again"
        );
    }
}

#[tokio::test]
async fn headers_over_the_limit_end_the_call() {
    let server =
        Server::start(|_, _| Reply::Answer(200, vec![("x-filler", "x".repeat(70_000))], Vec::new())).await;
    let (cloud, _) = session(&server);
    let error = cloud.send("urn", get("/bucket/key")).await.err().unwrap();
    assert!(matches!(error, SendError::TooLarge(_)), "{error:?}");
}

#[tokio::test]
async fn more_headers_than_any_cloud_sends_end_the_call() {
    let bomb = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000));
    let server = Server::start(move |_, _| Reply::Raw(bomb.clone().into_bytes())).await;
    let (cloud, _) = session(&server);
    assert!(cloud.send("urn", get("/bucket/key")).await.is_err());
}

#[tokio::test]
async fn compressed_answers_are_handed_over_as_they_are() {
    let server = Server::start(|_, _| {
        Reply::Answer(
            200,
            vec![("content-encoding", "gzip".to_owned())],
            b"not gzip at all".to_vec(),
        )
    })
    .await;
    let (cloud, _) = session(&server);
    assert_eq!(
        cloud.send("urn", get("/bucket/key")).await.unwrap().body,
        b"not gzip at all"
    );
}

#[tokio::test]
async fn an_answer_that_drips_or_never_comes_ends_with_the_deadline() {
    for how in 0..3 {
        let server = Server::start(move |_, _| match how {
            0 => Reply::Hang,
            1 => Reply::Drip,
            _ => Reply::DripHeaders,
        })
        .await;
        let limits = CallLimits {
            attempt_timeout: Duration::from_millis(100),
            ..CallLimits::default()
        };
        let (cloud, records) = session_with(BrokerOptions { limits, ..options() }, &server);
        let began = Instant::now();
        let error = cloud.send("urn", describe_vpcs()).await.err().unwrap();
        assert!(
            matches!(&error, SendError::Timeout(text) if text.contains("its effect is not known")),
            "{error:?}"
        );
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(
            server.received().len(),
            1,
            "a request that may have had its effect is not repeated"
        );
        assert_eq!(records.only().attempts, 1);
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_is_recorded_as_abandoned() {
    let server = Server::start(|_, _| Reply::Hang).await;
    let (cloud, records) = session(&server);
    let call = cloud.send("urn", describe_vpcs());
    tokio::select! {
        _ = call => panic!("it ended"),
        () = async { while server.received().is_empty() { tokio::task::yield_now().await; } } => {}
    }
    let record = records.only();
    assert!(record.error.unwrap().starts_with("abandoned"));
    assert_eq!(record.attempts, 1);
}

#[tokio::test]
async fn cookies_and_credential_headers_are_taken_out_of_answers() {
    let server = Server::start(|_, _| {
        let headers = vec![
            ("set-cookie", "session=1".to_owned()),
            ("x-amz-security-token", "x".to_owned()),
            ("www-authenticate", "AWS".to_owned()),
            ("etag", "\"1\"".to_owned()),
        ];
        Reply::Answer(200, headers, Vec::new())
    })
    .await;
    let (cloud, _) = session(&server);
    let answer = cloud.send("urn", get("/bucket/key")).await.unwrap();
    let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-length", "etag"]);
}

#[tokio::test]
async fn a_planted_credential_is_found_nowhere_but_in_the_signature() {
    // The cloud echoes everything it got, as AWS does when a signature does not match.
    let server = Server::start(|received, _| {
        let authorization = received.header("authorization").unwrap().to_owned();
        let echo = format!(
            "<Code>SignatureDoesNotMatch</Code>{SECRET}|{TOKEN}|{authorization}|{}|{}|{:?}",
            SECRET.replace('/', "%2F").replace('+', "%2B"),
            TOKEN.replace('/', "\\/"),
            received.headers,
        );
        Reply::Answer(
            403,
            vec![("x-echo", format!("{TOKEN} {SECRET}"))],
            echo.into_bytes(),
        )
    })
    .await;
    let (cloud, records) = session(&server);
    let answer = cloud.send("urn", describe_vpcs()).await.unwrap();
    let received = server.received()[0].clone();
    assert_eq!(
        received.header("x-amz-security-token"),
        Some(TOKEN),
        "the test plants it"
    );
    let signature = received
        .header("authorization")
        .unwrap()
        .rsplit("Signature=")
        .next()
        .unwrap()
        .to_owned();
    let source = planted();
    let seen = format!(
        "{:?} {} {:?} {:?} {:?} {}",
        answer.headers,
        String::from_utf8_lossy(&answer.body),
        records.all(),
        options(),
        source,
        source.describe(),
    );
    assert!(seen.contains("[redacted]") && seen.contains(KEY_ID));
    for secret in [SECRET, TOKEN, &signature, "planted%2F", "planted\\/", "planted/"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
}

#[tokio::test]
async fn errors_name_the_host_but_no_query_and_no_credential() {
    let server = Server::start(|_, _| Reply::Close).await;
    let (cloud, records) = session(&server);
    let mut request = get("/bucket/key");
    request.method = "PUT".to_owned();
    request.query = vec![("planted-name".to_owned(), "planted-value".to_owned())];
    let error = cloud.send("urn", request).await.err().unwrap();
    let seen = format!("{error} {error:?} {:?}", records.all());
    assert!(seen.contains("127.0.0.1"), "{seen}");
    assert!(!seen.contains("planted"), "{seen}");
}
