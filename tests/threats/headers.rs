//! What a guest may write into the head of a request.

use crate::cloud::FakeCloud;
use crate::guest::{KEY_ID, Way, hostile_of_every_version, thing};

#[tokio::test]
async fn a_guest_smuggles_no_header_and_no_second_request() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        for header in [
            "Host: attacker.example",
            "host: attacker.example",
            ":authority: attacker.example",
            "Authorization: Bearer stolen",
            "aUTHORIZATION: AWS4-HMAC-SHA256 Credential=x",
            "Proxy-Authorization: Basic eA==",
            "X-Amz-Date: 20260101T000000Z",
            "X-Amz-Security-Token: x",
            "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD",
            "Transfer-Encoding: chunked",
            "Content-Length: 0",
            "Connection: x-amz-date",
            "Upgrade: h2c",
            "Expect: 100-continue",
            "TE: trailers",
            "Cookie: session=x",
            "X-Forwarded-Host: attacker.example",
            "X-HTTP-Method-Override: DELETE",
            "X-Amz-Meta-A: a\\r\\nHost: attacker.example",
            "X-Amz-Meta-A: a\\nAuthorization: x",
            "X-Amz-Meta-A: a\\r\\n\\r\\nGET / HTTP/1.1",
            "X-Amz-Meta-A : space before the colon",
            "X Amz: a space",
        ] {
            guest.refused(&[("headers", header)]).await;
        }
        for query in [
            "X-Amz-Signature=x",
            "x-amz-credential=x",
            "X-Amz-Security-Token=x",
        ] {
            guest.refused(&[("query", query)]).await;
        }
        for method in ["CONNECT", "TRACE", "GET / HTTP/1.1\r\nHost: x", "get\u{0}"] {
            guest.refused(&[("method", method)]).await;
        }
        cloud.assert_untouched(&hostile.version);
    }
}

#[tokio::test]
async fn the_host_alone_says_who_sends_and_to_whom() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        guest
            .send(&[
                ("headers", "X-Amz-Meta-A: a\nContent-Type: text/plain"),
                ("body", "b"),
            ])
            .await
            .unwrap();
        let request = cloud.last();
        assert_eq!(request.header("host"), cloud.url.authority());
        assert_eq!(request.header("x-amz-meta-a"), "a");
        assert_eq!(request.header("content-length"), "1");
        let signed = format!("AWS4-HMAC-SHA256 Credential={KEY_ID}/");
        assert!(
            request.header("authorization").starts_with(&signed),
            "{request:?}"
        );
        for name in ["host", "authorization", "content-length", "x-amz-date"] {
            let times = request.headers.iter().filter(|(found, _)| found == name).count();
            assert_eq!(times, 1, "{name}: {request:?}");
        }
    }
}
