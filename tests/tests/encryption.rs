//! State that is encrypted as a whole: with a passphrase, a key of AWS KMS and a key of OpenBao, through the built binary.
//! What is stored is opened by Python's own cryptography, and keys are unwrapped by boto3 and by the server of OpenBao.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use konductor_tests::{AwsAccount, Finished, OpenBao, Project, python, root};
use serde_json::{Value, json};

const STACK: &str = "config:
  project: { name: vaulted, environment: dev }
  aws: { enabled: true, region: us-west-2 }
";

const PASSPHRASE: &str = "correct horse battery staple";
const NEXT_PASSPHRASE: &str = "four other words entirely";

/// What nobody may read without a key.
const WORDS: [&str; 7] = [
    "10.70.0.0/16",
    "aws:ec2:Vpc",
    "urn:konductor",
    "cidr_block",
    "run-started",
    "CreateVpc",
    "a-tag-to-look-for",
];

fn project(account: &AwsAccount, state: &str, secrets: &str) -> Project {
    let text = format!(
        "name: vaulted
organization: acme
state: {state}
secrets: {secrets}
resources:
  network:
    type: aws:ec2:Vpc
    properties: {{ cidr_block: 10.70.0.0/16, tags: {{ Purpose: a-tag-to-look-for }} }}
outputs:
  network: ${{network.id}}
"
    );
    Project::from_text(&text, STACK).with_account(account)
}

#[track_caller]
fn event(finished: &Finished, name: &str) -> Value {
    let events = finished.events();
    let found = events.iter().rfind(|event| event["event"] == name);
    found
        .cloned()
        .unwrap_or_else(|| panic!("should have an event `{name}`: {finished}"))
}

/// Returns the identifier of the network in a list of what is recorded.
#[track_caller]
fn vpc(listed: &Finished) -> String {
    let events = listed.events();
    let mut ids = events.iter().filter_map(|event| event["id"].as_str());
    let id = ids.find(|id| id.starts_with("vpc-"));
    id.unwrap_or_else(|| panic!("a network is listed: {listed}"))
        .to_owned()
}

/// Checks that nothing that is stored below a folder holds a word that nobody may read.
#[track_caller]
fn nothing_can_be_read(folder: &Path, id: &str) {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let stored = std::fs::read(&entry).unwrap();
            bytes += stored.len();
            for word in WORDS.iter().copied().chain([id]) {
                let found = stored.windows(word.len()).any(|window| window == word.as_bytes());
                assert!(!found, "{word} can be read in {}", entry.display());
            }
        }
    }
    assert!(bytes > 10_000, "something is stored below {}", folder.display());
}

/// Opens the log of a stack without Konductor.
#[track_caller]
fn opened(project: &Project, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(python())
        .arg(root().join("tests/python/open_encrypted.py"))
        .arg(project.state_file("dev"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn vault_token(token: &str) -> [(&str, &str); 1] {
    [("VAULT_TOKEN", token)]
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry["entry"].as_str().unwrap())
        .collect()
}

#[test]
fn a_passphrase_protects_the_file_of_a_log_and_can_be_changed() {
    let account = AwsAccount::open();
    let project = project(
        &account,
        "{ backend: sqlite, encrypt: true }",
        "{ passphrase: true }",
    );
    // Without it nothing is done: what would be stored could never be read.
    project
        .run(["run", "--yes"])
        .fails_saying("set KONDUCTOR_PASSPHRASE");
    let short = [("KONDUCTOR_PASSPHRASE", "too short")];
    let refused = project
        .run_with(["run", "--yes"], &short)
        .fails_saying("at least 12");
    assert!(!refused.everything().contains("too short"), "{refused}");
    account.assert_empty();

    let with = |passphrase| [("KONDUCTOR_PASSPHRASE", passphrase)];
    project.run_with(["run", "--yes"], &with(PASSPHRASE)).succeeds();
    let listed = project
        .run_with(["state", "list", "--json"], &with(PASSPHRASE))
        .succeeds();
    let id = vpc(&listed);
    assert_eq!(account.counts()["vpcs"], 1);
    nothing_can_be_read(&project.folder().join(".konductor"), &id);

    // What needs no key, and what needs it.
    let keys = event(&project.run(["state", "keys", "--json"]).succeeds(), "state-keys");
    assert_eq!(keys["wrapped_for"], json!([{ "provider": "passphrase" }]));
    assert_eq!((&keys["whole"], &keys["generation"]), (&json!(true), &json!(1)));
    let order = event(
        &project
            .run(["log", "verify", "--without-key", "--json"])
            .succeeds(),
        "log-order-verified",
    );
    assert_eq!(order["sound"], json!(true));
    let refused = project
        .run(["state", "list"])
        .fails_saying("set KONDUCTOR_PASSPHRASE");
    assert!(!refused.everything().contains(&id), "{refused}");
    project
        .run_with(["state", "list"], &with(NEXT_PASSPHRASE))
        .fails_saying("the passphrase is another one");

    // From a file that is its owner's alone, and from a command.
    let file = project.home().join("passphrase");
    std::fs::write(&file, format!("{PASSPHRASE}\n")).unwrap();
    let named = file.to_str().unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    project
        .run_with(["state", "list"], &[("KONDUCTOR_PASSPHRASE_FILE", named)])
        .fails_saying("can be read by others");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    project
        .run_with(["state", "list"], &[("KONDUCTOR_PASSPHRASE_FILE", named)])
        .succeeds();
    let command = format!("cat {named}");
    project
        .run_with(["state", "list"], &[("KONDUCTOR_PASSPHRASE_COMMAND", &command)])
        .succeeds();
    project
        .run_with(["state", "list"], &[("KONDUCTOR_PASSPHRASE_COMMAND", "false")])
        .fails_saying("`false` of KONDUCTOR_PASSPHRASE_COMMAND failed");

    // A new passphrase beside the one before, and then alone. What was written is as it was.
    let before = project
        .run_with(["log", "verify", "--json"], &with(PASSPHRASE))
        .succeeds();
    let both = [
        ("KONDUCTOR_PASSPHRASE", NEXT_PASSPHRASE),
        ("KONDUCTOR_PREVIOUS_PASSPHRASE", PASSPHRASE),
    ];
    let rotated = project
        .run_with(["state", "rotate-key", "--yes", "--json"], &both)
        .succeeds();
    assert_eq!(event(&rotated, "keys-rotated")["generation"], json!(2));
    project
        .run_with(["state", "list"], &with(PASSPHRASE))
        .fails_saying("the passphrase is another one");
    let after = project
        .run_with(["log", "verify", "--json"], &with(NEXT_PASSPHRASE))
        .succeeds();
    let entries = |finished: &Finished| event(finished, "log-verified")["entries"].as_u64().unwrap();
    assert_eq!(
        entries(&after),
        entries(&before) + 3,
        "a run of its own was added, and nothing else"
    );
    let log = project
        .run_with(["log", "show", "--all", "--json"], &with(NEXT_PASSPHRASE))
        .succeeds();
    assert!(
        log.events()
            .iter()
            .any(|entry| entry["hash"] == event(&before, "log-verified")["head"]),
        "the head of before is an entry now: {log}"
    );
    project
        .run_with(["plan", "--json"], &with(NEXT_PASSPHRASE))
        .succeeds();
    nothing_can_be_read(&project.folder().join(".konductor"), &id);

    // Somebody who can write the file is noticed, with a key and without.
    project.tamper(
        "dev",
        "UPDATE sealed_log SET body = CAST(substr(body, 1, 40) || x'00' || substr(body, 42) AS BLOB) WHERE serial = 4",
    );
    project
        .run(["log", "verify", "--without-key"])
        .fails_saying("was changed: entry 4");
    project
        .run_with(["log", "verify"], &with(NEXT_PASSPHRASE))
        .fails_saying("was changed: entry 4");
}

#[test]
fn a_key_of_aws_kms_opens_the_log_for_whoever_may_decrypt_with_it() {
    let account = AwsAccount::open();
    let made = account.call("kms", "create_key", json!({ "Description": "state" }));
    let arn = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let secrets = format!(
        "{{ aws_kms: [{{ key: \"{arn}\", endpoint: \"{}\" }}] }}",
        account.url()
    );
    let project = project(&account, "{ backend: sqlite, encrypt: true }", &secrets);
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    let id = project.objects()["network"].1.clone();
    nothing_can_be_read(&project.folder().join(".konductor"), &id);

    // boto3 unwraps the data key, for this stack and no other, and Python opens every entry with it.
    let kms = [
        "aws-kms",
        account.url(),
        arn.split(':').nth(3).unwrap(),
        account.access_key_id(),
        account.secret_access_key(),
    ];
    let entries = opened(&project, &kms);
    let first = kinds(&entries);
    assert!(
        first.starts_with(&["run-started"]) && first.ends_with(&["run-finished"]),
        "{first:?}"
    );
    assert!(entries.iter().any(|entry| entry.to_string().contains(&id)));
    project.run(["state", "rotate-key", "--yes"]).succeeds();
    project.edit("konductor.yaml", "a-tag-to-look-for", "another-tag");
    project.run(["run", "--yes"]).succeeds();
    let later = opened(&project, &kms);
    assert_eq!(
        &later[..entries.len()],
        &entries[..],
        "history opens with the new key and is as it was"
    );
    assert!(kinds(&later).contains(&"keys-rotated") && later.len() > entries.len() + 3);

    // Whoever may not use the key: the service says so, and the message says what to give.
    let refused = project.run_with(
        ["state", "list"],
        &[(
            "AWS_SECRET_ACCESS_KEY",
            "wrongwrongwrongwrongwrongwrongwrongwrong",
        )],
    );
    let refused = refused
        .ends_with(1)
        .says("AWS KMS key arn:")
        .says("it answers 4")
        .says("give credentials of AWS that may decrypt with it");
    assert!(!refused.everything().contains("wrongwrong"), "{refused}");
    let keys = project.run(["state", "keys"]).succeeds();
    assert!(
        keys.stdout.contains(arn) && keys.stdout.contains("before which there were 1"),
        "{keys}"
    );
}

#[test]
fn a_key_of_openbao_opens_the_log_and_one_of_several_keys_is_enough() {
    let (account, bao) = (AwsAccount::open(), OpenBao::open());
    let token = bao.key("konductor");
    let vault = format!("vault: [{{ address: \"{}\", key: konductor }}]", bao.url());
    let project = project(
        &account,
        "{ backend: sqlite, encrypt: true }",
        &format!("{{ {vault} }}"),
    );
    project.run(["run", "--yes"]).fails_saying("set VAULT_TOKEN");
    account.assert_empty();
    project
        .run_with(["run", "--yes"], &vault_token(&token))
        .succeeds();
    let listed = project
        .run_with(["state", "list", "--json"], &vault_token(&token))
        .succeeds();
    let id = vpc(&listed);
    nothing_can_be_read(&project.folder().join(".konductor"), &id);
    let refused = project
        .run_with(["state", "list"], &vault_token("s.nobody-has-this-token"))
        .fails_saying("it answers 403");
    assert!(
        !refused.everything().contains("s.nobody-has-this-token"),
        "{refused}"
    );

    // The server itself unwraps the data key, and Python opens the log with it.
    let unwrapped = |project: &Project| {
        let script = "import json, sqlite3, sys
meta = dict(sqlite3.connect(sys.argv[1]).execute('SELECT key, value FROM meta'))
print(next(one['text'] for one in json.loads(meta['keys'])['wrapped'] if one['provider'] == 'vault'))";
        let output = Command::new(python())
            .args(["-c", script])
            .arg(project.state_file("dev"))
            .output();
        let wrapped = String::from_utf8(output.unwrap().stdout).unwrap();
        let body = json!({ "ciphertext": wrapped.trim() });
        let plain = bao.ask("POST", "/v1/transit/decrypt/konductor", &body)["data"]["plaintext"].clone();
        let script = "import base64, sys; print(base64.b64decode(sys.argv[1]).decode())";
        let output = Command::new(python())
            .args(["-c", script, plain.as_str().unwrap()])
            .output();
        String::from_utf8(output.unwrap().stdout)
            .unwrap()
            .trim()
            .to_owned()
    };
    let entries = opened(&project, &["plain", &unwrapped(&project)]);
    assert!(entries.iter().any(|entry| entry.to_string().contains(&id)));

    // The key is rotated in the server: what it wrapped before opens as before. Then a passphrase is put beside it.
    bao.ask("POST", "/v1/transit/keys/konductor/rotate", &json!({}));
    project.run_with(["plan"], &vault_token(&token)).succeeds();
    project.edit("konductor.yaml", &vault, &format!("passphrase: true, {vault}"));
    let keys = project.run(["state", "keys"]).succeeds();
    assert!(
        keys.stdout.contains("does not open yet with passphrase"),
        "{keys}"
    );
    let both = [
        ("VAULT_TOKEN", token.as_str()),
        ("KONDUCTOR_PASSPHRASE", PASSPHRASE),
    ];
    project
        .run_with(["state", "rotate-key", "--yes"], &both)
        .succeeds();
    project
        .run_with(["state", "list"], &[("KONDUCTOR_PASSPHRASE", PASSPHRASE)])
        .succeeds();
    project
        .run_with(["state", "list"], &vault_token(&token))
        .succeeds();
    project
        .run(["state", "list"])
        .fails_saying("set KONDUCTOR_PASSPHRASE")
        .says("set VAULT_TOKEN");
    // One of them is taken out, and what it could open before it cannot any more.
    project.edit("konductor.yaml", &format!(", {vault}"), "");
    let keys = project.run(["state", "keys"]).succeeds();
    assert!(keys.stdout.contains("still opens with Vault key"), "{keys}");
    let passphrase = [("KONDUCTOR_PASSPHRASE", PASSPHRASE)];
    project
        .run_with(["state", "rotate-key", "--yes"], &passphrase)
        .succeeds();
    project
        .run_with(["state", "list"], &vault_token(&token))
        .fails_saying("set KONDUCTOR_PASSPHRASE");
    project.run_with(["log", "verify"], &passphrase).succeeds();
}

#[test]
fn a_plain_log_with_a_recipient_is_encrypted_later_and_goes_to_a_bucket_and_back() {
    let account = AwsAccount::open();
    account.call(
        "s3",
        "create_bucket",
        json!({"Bucket": "states", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}),
    );
    let project = project(&account, "{ backend: sqlite }", "{}");
    project.run(["config", "key", "generate"]).succeeds();
    project.run(["run", "--yes"]).succeeds();
    let id = project.objects()["network"].1.clone();
    let plain = std::fs::read(project.state_file("dev")).unwrap();
    let found = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(
        WORDS.iter().all(|word| found(&plain, word)),
        "the search finds what is plain"
    );

    project.edit(
        "konductor.yaml",
        "backend: sqlite",
        "backend: sqlite, encrypt: true",
    );
    project
        .run(["run", "--yes"])
        .fails_saying("`konductor state rotate-key` encrypts it");
    let rotated = project.run(["state", "rotate-key", "--yes", "--json"]).succeeds();
    assert_eq!(event(&rotated, "keys-rotated")["file_encrypted"], json!(true));
    project.assert_nothing_to_do();
    nothing_can_be_read(&project.folder().join(".konductor"), &id);
    project.run(["log", "verify"]).succeeds();

    let bucket = format!("s3://states/team?region=us-west-2&endpoint={}", account.url());
    project
        .run(["state", "migrate", "--to", &bucket, "--encrypt", "--yes"])
        .succeeds();
    let text = project.read("konductor.yaml").replace(
        "state: { backend: sqlite, encrypt: true }",
        &format!(
            "state: {{ backend: s3, bucket: states, prefix: team, region: us-west-2, encrypt: true, endpoint: \"{}\" }}",
            account.url()
        ),
    );
    project.write("konductor.yaml", &text);
    project.assert_nothing_to_do();
    project.edit("konductor.yaml", "a-tag-to-look-for", "changed-in-the-bucket");
    project.run(["run", "--yes"]).succeeds();
    let listed = account.call("s3", "list_objects_v2", json!({"Bucket": "states"}));
    let mut objects = 0;
    for object in listed["Contents"].as_array().unwrap() {
        let stored = account.call(
            "s3",
            "get_object",
            json!({"Bucket": "states", "Key": object["Key"]}),
        );
        let stored = stored.to_string();
        objects += 1;
        for word in WORDS
            .iter()
            .copied()
            .chain([id.as_str(), "changed-in-the-bucket"])
        {
            assert!(!stored.contains(word), "{word} can be read in {}", object["Key"]);
        }
    }
    assert!(objects > 2, "{listed}");
    nothing_can_be_read(&project.folder().join(".konductor"), &id);
    let order = event(
        &project
            .run(["log", "verify", "--without-key", "--json"])
            .succeeds(),
        "log-order-verified",
    );
    assert_eq!(order["sound"], json!(true));
    assert!(order["linked"].as_u64().unwrap() > 1, "{order}");

    project
        .run(["state", "migrate", "--to", "sqlite", "--encrypt", "--yes"])
        .succeeds();
    let text = project.read("konductor.yaml");
    let line = text.lines().find(|line| line.starts_with("state:")).unwrap();
    project.edit(
        "konductor.yaml",
        line,
        "state: { backend: sqlite, encrypt: true }",
    );
    project.assert_nothing_to_do();
    project.run(["destroy", "--yes"]).succeeds();
    assert_eq!(account.counts().get("vpcs"), None);
}
