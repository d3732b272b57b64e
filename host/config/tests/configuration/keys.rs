//! What protects secrets and state: what can be said, and what must not stand in a file.

use crate::{project, refused};

#[track_caller]
fn errors(section: &str, expected: &[&str]) -> Vec<String> {
    let errors = refused(&format!("name: shop\nsecrets:\n{section}"));
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.contains(expected), "{error}\nshould hold\n{expected}");
    }
    errors
}

#[test]
fn a_project_names_its_keys() {
    assert_eq!(
        *project("name: shop\n").keys(),
        konductor_config::KeySettings::default()
    );
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/0b7f";
    let configuration = project(&format!(
        "name: shop
secrets:
  passphrase: true
  aws_kms:
    - {{ key: \"{arn}\" }}
    - {{ key: alias/state, region: us-west-2, endpoint: \"http://127.0.0.1:9\" }}
  vault:
    - {{ address: \"https://vault.example.com:8200\", key: konductor, mount: teams/transit, namespace: platform }}
"
    ));
    let keys = configuration.keys();
    assert_eq!(
        keys.passphrase.as_ref().unwrap().to_string(),
        "konductor.yaml:3:3"
    );
    let regions: Vec<_> = keys.aws_kms.iter().map(|key| key.written_region()).collect();
    assert_eq!(regions, [Some("eu-west-1"), Some("us-west-2")]);
    let vault = &keys.vault[0];
    assert_eq!(
        (vault.address.text.as_str(), vault.key.text.as_str()),
        ("https://vault.example.com:8200", "konductor")
    );
    assert_eq!(vault.mount.as_ref().unwrap().text, "teams/transit");
    assert!(
        project("name: shop\nsecrets: { passphrase: false }\n")
            .keys()
            .passphrase
            .is_none()
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    errors(
        "  recipients: [age1x]
  pasphrase: true
  aws_kms:
    - { region: us-west-2, keyy: a }
    - { key: \"arn:aws:kms\" }
  vault:
    - { address: http://vault.example.com, key: a/b }
    - here
",
        &[
            "konductor.yaml:3:16: secrets.recipients[0]: `age1x` is not an age recipient",
            "konductor.yaml:4:3: secrets.pasphrase: `pasphrase` is not a key of `secrets`",
            "secrets.aws_kms[0]: the key has no `key`",
            "konductor.yaml:6:28: secrets.aws_kms[0].keyy: `keyy` is not a key of such a key",
            "konductor.yaml:7:14: secrets.aws_kms[1].key: `key` cannot be used",
            "konductor.yaml:9:18: secrets.vault[0].address: `address` cannot be used",
            "konductor.yaml:9:49: secrets.vault[0].key: `key` cannot be used",
            "konductor.yaml:10:7: secrets.vault[1]: expected a map with `key`",
        ],
    );
}

#[test]
fn what_is_secret_is_refused_and_its_line_is_not_shown() {
    let errors = errors(
        "  passphrase: hunter2-hunter2
  vault:
    - { address: https://v.example.com, key: k, token: s.hunter2 }
  aws_kms:
    - { key: alias/a, endpoint: \"https://me:hunter2@kms.example.com\" }
",
        &[
            "`secrets.passphrase` is true or false",
            "`token` does not belong into a file",
            "`endpoint` holds a user",
        ],
    );
    assert!(!errors.join("").contains("hunter2"), "{errors:#?}");
}
