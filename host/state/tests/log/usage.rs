//! What the plugins of the last runs used.

use konductor_model::PluginGrant;
use konductor_state::entry::{CloudCall, Entry, RevealedSecret, RunStarted};
use konductor_state::{Journal, PluginUsed, usage};

use crate::fixture::*;

fn run(name: &str, grant: &PluginGrant) -> Entry {
    Entry::RunStarted(RunStarted {
        run: name.to_owned(),
        command: "run".to_owned(),
        actor: "ada on analytical".to_owned(),
        konductor: "0.2.0".to_owned(),
        plugins: vec![
            PluginUsed {
                name: "aws-legacy".to_owned(),
                plugin: Some("aws".to_owned()),
                version: "1.4.0".to_owned(),
                digest: "sha256:0123".to_owned(),
                signer: Some("release@example.com".to_owned()),
                source: Some("mirror:/srv/plugins".to_owned()),
                interface: Some("0.1.0".to_owned()),
                locked: true,
                ..PluginUsed::default()
            }
            .granting(grant),
        ],
        simulated: false,
        metadata: Default::default(),
    })
}

fn call(operation: &str, status: Option<u16>, secrets: u32) -> Entry {
    Entry::CloudCall(CloudCall {
        plugin: "aws-legacy".to_owned(),
        resource: urn("web").to_string(),
        endpoint: "ec2".to_owned(),
        service: "ec2".to_owned(),
        region: "eu-west-1".to_owned(),
        method: "POST".to_owned(),
        host: "ec2.eu-west-1.amazonaws.com".to_owned(),
        path: "/".to_owned(),
        operation: Some(operation.to_owned()),
        status,
        account: Some("123456789012".to_owned()),
        credentials: Some("aws-legacy".to_owned()),
        secrets,
        ..CloudCall::default()
    })
}

fn revealed(attribute: &str) -> Entry {
    Entry::SecretRevealed(RevealedSecret {
        plugin: "aws-legacy".to_owned(),
        resource: "web".to_owned(),
        attribute: attribute.to_owned(),
    })
}

fn grant() -> PluginGrant {
    PluginGrant {
        credentials: ["aws-legacy".to_owned()].into(),
        ..PluginGrant::default()
    }
}

#[tokio::test]
async fn equal_calls_of_a_run_are_counted_and_runs_stay_apart() {
    let folder = Folder::new();
    let log = folder.open().await;
    let entries = vec![
        run("run-1", &PluginGrant::default()),
        call("CreateVpc", Some(200), 0),
        run_finished(),
        run("run-2", &grant()),
        call("CreateVpc", Some(200), 1),
        revealed("aws:ec2:Instance.user_data"),
        call("CreateVpc", None, 2),
        revealed("aws:ec2:Instance.user_data"),
        call("DescribeVpcs", Some(200), 0),
        run_finished(),
    ];
    log.append(entries).await.unwrap();
    let last = log.usage(1).await.unwrap();
    let [second] = last.as_slice() else {
        panic!("{last:?}");
    };
    assert_eq!(second.run.run, "run-2");
    assert_eq!(second.serial, 4);
    assert_eq!(second.run.plugins[0].grant(), Some(grant()));
    assert_eq!(second.revealed.len(), 1);
    let counts: Vec<_> = second
        .calls
        .iter()
        .map(|found| {
            let operation = found.call.operation.as_deref().unwrap();
            (operation, found.count, found.unanswered, found.secrets)
        })
        .collect();
    assert_eq!(counts, [("CreateVpc", 2, 1, 3), ("DescribeVpcs", 1, 0, 0)]);
    assert_eq!(second.calls[0].call.account.as_deref(), Some("123456789012"));
    let both = log.usage(9).await.unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!(both[0].run.run, "run-1");
    assert_eq!(both[0].calls[0].count, 1);
    assert!(both[0].revealed.is_empty());
}

#[tokio::test]
async fn runs_longer_than_a_page_are_read_whole() {
    let folder = Folder::new();
    let log = folder.open().await;
    let mut entries = vec![run("run-1", &grant())];
    entries.extend((0..2500).map(|_| call("CreateVpc", Some(200), 0)));
    log.append(entries).await.unwrap();
    let usage = log.usage(3).await.unwrap();
    assert_eq!(usage.len(), 1);
    assert_eq!(usage[0].calls[0].count, 2500);
}

#[tokio::test]
async fn a_log_without_runs_has_no_usage() {
    let folder = Folder::new();
    let log = folder.open().await;
    assert_eq!(log.usage(3).await.unwrap(), []);
    log.append(vec![call("CreateVpc", None, 0)]).await.unwrap();
    assert_eq!(
        log.usage(3).await.unwrap(),
        [],
        "what no run made belongs to none"
    );
    assert_eq!(usage::of_entries([]), []);
}

#[test]
fn a_grant_that_a_later_version_wrote_does_not_make_the_log_unreadable() {
    let stored = serde_json::json!({
        "entry": "run-started", "run": "r", "command": "run", "actor": "a", "konductor": "9.0.0",
        "plugins": [{
            "name": "aws", "version": "9.0.0", "digest": "sha256:1", "attested": true,
            "granted": {"endpoints": {}, "telepathy": ["all"]},
        }],
    });
    let entry = Entry::from_stored(stored.to_string().as_bytes()).unwrap();
    let Entry::RunStarted(run) = entry else {
        panic!("{entry:?}");
    };
    assert_eq!(run.plugins[0].grant(), None);
    assert!(run.plugins[0].granted.is_some());
}

#[test]
fn bytes_that_are_no_entry_are_refused() {
    for bytes in [&b""[..], b"{", b"\xff\xfe", b"[]", b"{\"entry\": \"unheard-of\"}"] {
        assert!(Entry::from_stored(bytes).is_err());
    }
    let masked = Entry::from_stored(br#"{"entry":"outputs","outputs":{"p":{"$sealed":"v1:0:ff"}}}"#).unwrap();
    let Entry::Outputs { outputs } = masked else {
        panic!("{masked:?}");
    };
    assert_eq!(outputs["p"].reveal().as_text(), Some("(secret)"));
}
