//! Where state is kept: what can be said, and what must not stand in a file.

use konductor_config::StateBackend;

use crate::{Given, load, project};

fn errors(section: &str) -> Vec<String> {
    let given = Given {
        project: &format!("name: shop\nstate:\n{section}"),
        ..Given::default()
    };
    match load(given) {
        Ok(_) => panic!("should be refused:\n{section}"),
        Err(diagnostics) => diagnostics.0.iter().map(ToString::to_string).collect(),
    }
}

#[track_caller]
fn refused(section: &str, expected: &[&str]) {
    let errors = errors(section);
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.contains(expected), "{error}\nshould hold\n{expected}");
    }
}

#[test]
fn a_project_says_where_its_state_is() {
    assert_eq!(project("name: shop\n").state(), None);
    let backend = |text: &str| {
        project(&format!("name: shop\nstate: {text}\n"))
            .state()
            .unwrap()
            .backend
            .clone()
    };
    assert_eq!(backend("{ backend: sqlite }"), StateBackend::Sqlite);
    match backend("{ backend: postgresql, url: postgresql://ada@db.example:5433/state?sslmode=verify-full }")
    {
        StateBackend::PostgreSql { url: Some(url) } => {
            assert_eq!(
                url.text,
                "postgresql://ada@db.example:5433/state?sslmode=verify-full"
            );
            assert_eq!(url.origin.to_string(), "konductor.yaml:2:36");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        backend("{ backend: postgresql }"),
        StateBackend::PostgreSql { url: None }
    );
    match backend(
        "{ backend: s3, bucket: states, prefix: teams/a, region: eu-west-1, endpoint: \"http://127.0.0.1:9\" }",
    ) {
        StateBackend::S3(s3) => {
            let text = |text: Option<konductor_config::LocatedText>| text.unwrap().text;
            assert_eq!(
                [
                    s3.bucket.text.clone(),
                    text(s3.prefix),
                    text(s3.region),
                    text(s3.endpoint)
                ],
                ["states", "teams/a", "eu-west-1", "http://127.0.0.1:9"]
            );
        }
        other => panic!("{other:?}"),
    }
    let encrypted = project("name: shop\nstate: { backend: s3, bucket: states, encrypt: true }\n");
    assert!(encrypted.state().unwrap().encrypt);
}

#[test]
fn a_credential_in_the_file_is_refused_with_what_to_do_and_is_not_repeated() {
    for section in [
        "  backend: postgresql\n  url: postgresql://ada:hunter2@db/state\n",
        "  backend: postgresql\n  url: postgresql://db/state?user=ada&password=hunter2\n",
        "  backend: postgresql\n  url: postgresql://ada:hun/hunter2@db/state\n",
        "  backend: postgresql\n  password: hunter2\n",
        "  backend: s3\n  bucket: states\n  secret_access_key: hunter2\n",
        "  backend: s3\n  bucket: states\n  endpoint: https://ada:hunter2@minio.example\n",
    ] {
        let errors = errors(section);
        assert_eq!(errors.len(), 1, "{errors:#?}");
        assert!(!errors[0].contains("hunter2"), "{errors:#?}");
        for part in [
            "konductor.yaml:",
            "PGPASSWORD",
            "KONDUCTOR_STATE_URL",
            "AWS_ACCESS_KEY_ID",
        ] {
            assert!(errors[0].contains(part), "{part}: {errors:#?}");
        }
    }
}

#[test]
fn everything_else_that_is_wrong_is_told_with_its_place() {
    refused(
        "  backend: postgres\n",
        &[
            "konductor.yaml:3:12: state.backend: `postgres` is no backend for state; did you mean `postgresql`?",
        ],
    );
    refused("  backend: etcd\n", &["known here: `sqlite`, `postgresql`, `s3`"]);
    refused(
        "  bucket: states\n",
        &["konductor.yaml:2:1: state: `state` names no backend"],
    );
    refused(
        "  backend: [s3]\n",
        &["konductor.yaml:3:12: state.backend: expected text"],
    );
    refused(
        "  backend: s3\n  bucket: States\n  prefix: /a\n  endpoint: http://minio.example\n  encrypt: 1\n  regoin: x\n",
        &[
            "konductor.yaml:4:11: state.bucket: `state.bucket` cannot be used",
            "konductor.yaml:5:11: state.prefix",
            "konductor.yaml:6:13: state.endpoint",
            "konductor.yaml:7:12: state.encrypt: expected true or false",
            "konductor.yaml:8:3: state.regoin: `regoin` is not a key of this backend; did you mean `region`?",
        ],
    );
    refused(
        "  backend: s3\n",
        &["konductor.yaml:2:1: state: `state` names no bucket"],
    );
    refused(
        "  backend: postgresql\n  url: mysql://db/state\n",
        &["konductor.yaml:4:8: state.url"],
    );
    refused(
        "  backend: sqlite\n  url: x\n",
        &["`url` is not a key of this backend"],
    );
    assert!(
        load(Given {
            project: "name: shop\nstate: s3\n",
            ..Given::default()
        })
        .is_err()
    );
}
