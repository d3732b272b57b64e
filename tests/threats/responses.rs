//! What a cloud, or who stands in for it, could answer.

use std::time::{Duration, Instant};

use crate::cloud::{FakeCloud, Reply, body};
use crate::guest::{Way, hostile_of_every_version, text, thing};

#[tokio::test]
async fn a_redirect_is_not_followed_with_or_without_credentials() {
    for hostile in hostile_of_every_version().await {
        let attacker = FakeCloud::content();
        let target = attacker.url.clone();
        let cloud = FakeCloud::open(move |request| {
            let status = request.target[1..].parse().unwrap();
            Reply::Answer(status, vec![("location", format!("{target}stolen"))], Vec::new())
        });
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        for status in ["301", "302", "303", "307", "308"] {
            for method in ["GET", "POST"] {
                let request = [("path", &*format!("/{status}")), ("method", method)];
                let object = guest.send(&request).await.unwrap();
                assert_eq!(text(&object, "status"), status, "{}", hostile.version);
            }
        }
        attacker.assert_untouched(&hostile.version);
    }
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_cut_off_in_head_and_body() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::open(|request| match request.target.as_str() {
            "/head" => Reply::Answer(200, vec![("x-bomb", "h".repeat(20_000))], Vec::new()),
            "/many" => Reply::Answer(200, vec![("x-bomb", "h".repeat(200)); 90], Vec::new()),
            "/body" => body(vec![b'b'; 1_000_000]),
            _ => body("small"),
        });
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        for path in ["/head", "/many", "/body"] {
            let failure = guest.send(&[("path", path)]).await.unwrap_err();
            assert!(
                !failure.to_string().contains("hhhh"),
                "{}: {failure}",
                hostile.version
            );
        }
        let object = guest.send(&[("path", "/small")]).await.unwrap();
        assert_eq!(text(&object, "body"), "small", "{}", hostile.version);
    }
}

#[tokio::test]
async fn a_compressed_answer_is_not_inflated_for_the_guest() {
    // A gigabyte of zeros in a few bytes would be one thing; that nothing at all is inflated is simpler to know.
    let compressed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KLL\x04\x00\x45\xe5\x98\xad\x04\x00\x00\x00";
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::open(|_| {
            let headers = vec![("content-encoding", "gzip".to_owned())];
            Reply::Answer(200, headers, compressed.to_vec())
        });
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        guest.refused(&[("headers", "Accept-Encoding: gzip")]).await;
        let object = guest.send(&[]).await.unwrap();
        let given = text(&object, "body");
        assert_eq!(given, String::from_utf8_lossy(compressed), "{}", hostile.version);
    }
}

#[tokio::test]
async fn an_answer_that_drips_ends_at_the_deadline() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::open(|_| Reply::Drip);
        let mut way = Way::to([thing(&cloud)]);
        way.options.limits.attempt_timeout = Duration::from_millis(300);
        way.options.limits.call_timeout = Duration::from_millis(300);
        let guest = hostile.deployed(&way);
        let started = Instant::now();
        let failure = guest.send(&[]).await.unwrap_err();
        assert!(
            failure.to_string().contains("Timeout"),
            "{}: {failure}",
            hostile.version
        );
        // Without a deadline it would take 57 days.
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "{}",
            hostile.version
        );
    }
}
