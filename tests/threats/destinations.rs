//! Where a guest's request may go.

use konductor_broker::EndpointGrant;

use crate::cloud::FakeCloud;
use crate::guest::{FixedResolver, Way, at, hostile_of_every_version, thing};

/// Metadata services and loopback, in every spelling that some parser takes for them.
const OWN_NETWORK: [&str; 22] = [
    "169.254.169.254",
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "168.63.129.16",
    "169.254.170.2",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "127.0.0.1",
    "127.1",
    "0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost",
    "LOCALHOST.",
];

#[tokio::test]
async fn no_spelling_of_the_own_network_is_an_endpoint_or_a_region() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        for host in OWN_NETWORK {
            guest.refused(&[("endpoint", host)]).await;
            guest.refused(&[("region", host)]).await;
            guest.refused(&[("region", &format!("us-west-2.{host}/"))]).await;
        }
        cloud.assert_untouched(&hostile.version);
    }
}

#[tokio::test]
async fn no_path_names_another_host() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        for host in OWN_NETWORK.into_iter().chain(["attacker.example"]) {
            for path in [
                format!("http://{host}/"),
                format!("HTTPS://{host}/"),
                format!("//{host}/"),
                format!("@{host}/"),
                format!(":443@{host}/"),
                format!("\\\\{host}\\"),
                host.to_owned(),
            ] {
                guest.refused(&[("path", &path)]).await;
            }
        }
        cloud.assert_untouched(&hostile.version);
    }
}

#[tokio::test]
async fn what_confuses_a_reader_of_urls_goes_to_the_granted_host_or_nowhere() {
    for hostile in hostile_of_every_version().await {
        let (cloud, attacker) = (FakeCloud::content(), FakeCloud::content());
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        let other = attacker.url.authority();
        for path in [
            format!("/@{other}/"),
            format!("/#@{other}/"),
            format!("/?@{other}/"),
            format!("/\\@{other}/"),
            format!("/%2f%2f{other}/"),
            format!("/..//{other}/"),
            format!("/\t/{other}/"),
            format!("/x HTTP/1.1\\r\\nHost: {other}"),
        ] {
            // Some are plain names of things, once they are encoded; what counts is who gets them.
            let sent = guest.send(&[("path", &path)]).await;
            if sent.is_ok() {
                assert_eq!(cloud.last().header("host"), cloud.url.authority(), "{path}");
            }
        }
        attacker.assert_untouched(&hostile.version);
    }
}

#[tokio::test]
async fn a_name_that_resolves_into_the_own_network_is_not_connected_to_even_where_private_ranges_are_allowed()
{
    for hostile in hostile_of_every_version().await {
        for address in [
            "169.254.169.254",
            "168.63.129.16",
            "169.254.170.2",
            "127.0.0.1",
            "::1",
            "fd00:ec2::254",
            "fe80::1",
            "::ffff:169.254.169.254",
            "::ffff:127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "0.0.0.0",
        ] {
            let resolver = FixedResolver::of(&[address]);
            let mut way = Way::to([EndpointGrant {
                id: "thing".to_owned(),
                ..EndpointGrant::aws("s3", "us-west-2")
            }]);
            way.options.resolver = resolver.clone();
            way.options.private_networks = ["0.0.0.0/0", "::/0"]
                .map(|network| network.parse().unwrap())
                .into();
            let guest = hostile.deployed(&way);
            let message = guest.refused(&[]).await;
            assert!(
                message.contains("s3.us-west-2.amazonaws.com"),
                "{address}: {message}"
            );
            assert_eq!(*resolver.asked.lock().unwrap(), ["s3.us-west-2.amazonaws.com"]);
        }
    }
}

#[tokio::test]
async fn what_is_not_granted_is_not_even_looked_up() {
    for hostile in hostile_of_every_version().await {
        let resolver = FixedResolver::of(&["203.0.113.1"]);
        let cloud = FakeCloud::content();
        let mut way = Way::to([thing(&cloud)]);
        way.options.resolver = resolver.clone();
        let guest = hostile.deployed(&way);
        for (name, value) in [
            ("endpoint", "what-was-read.attacker.example"),
            ("endpoint", "what-was-read"),
            ("region", "what-was-read.attacker.example"),
            ("region", "what-was-read"),
            ("path", "//what-was-read.attacker.example/"),
            ("headers", "Host: what-was-read.attacker.example"),
        ] {
            guest.refused(&[(name, value)]).await;
        }
        assert!(resolver.asked.lock().unwrap().is_empty(), "{}", hostile.version);
        cloud.assert_untouched(&hostile.version);
    }
}

#[tokio::test]
async fn a_bucket_of_an_attacker_and_a_region_out_of_the_grant_are_refused() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let store = EndpointGrant {
            resource_prefixes: ["ours-".to_owned()].into(),
            ..at(&cloud, "store", "s3")
        };
        let guest = hostile.deployed(&Way::to([store]));
        let ask = |path| [("endpoint", "store"), ("method", "PUT"), ("path", path)];
        for path in [
            "/attackers/what-was-read",
            "/attackers-ours-/x",
            "/Ours-logs/x",
            "/our",
            "/",
            "/ours-/../attackers/x",
            "/ours-x%2f..%2f..%2fattackers/x",
            "/./attackers/x",
            "//attackers/x",
        ] {
            let message = guest.refused(&ask(path)).await;
            assert!(!message.is_empty());
        }
        let mut elsewhere = ask("/ours-logs/x").to_vec();
        elsewhere.push(("region", "eu-central-1"));
        let message = guest.refused(&elsewhere).await;
        assert!(message.contains("granted are: us-west-2"), "{message}");
        cloud.assert_untouched(&hostile.version);

        guest.send(&ask("/ours-logs/x")).await.unwrap();
        assert_eq!(cloud.last().target, "/ours-logs/x");
    }
}
