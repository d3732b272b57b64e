//! Credentials: checked by the cloud, told clearly when they are wrong, and found nowhere they do not belong.

use konductor_tests::{AwsAccount, Project, files_that_hold, holds};
use serde_json::{Value, json};

const PROJECT: &str = "name: secrets
resources:
  network:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.50.0.0/16 }
  store:
    type: aws:s3:Bucket
    properties: { bucket: secrets-store }
  note:
    type: aws:s3:Object
    properties: { bucket: \"${store.bucket}\", key: note, content: text }
";

const STACK: &str = "config:
  project: { name: secrets, environment: dev }
  aws: { enabled: true, region: us-west-2 }
";

fn project(account: &AwsAccount) -> Project {
    Project::from_text(PROJECT, STACK).with_account(account)
}

#[test]
fn a_wrong_secret_key_fails_with_what_the_cloud_says() {
    let account = AwsAccount::open();
    let project = project(&account).with_environment(
        "AWS_SECRET_ACCESS_KEY",
        "wrongwrongwrongwrongwrongwrongwrongwrong",
    );
    let failed = project.run(["run", "--yes"]).ends_with(1);
    let text = failed.everything();
    assert!(
        text.contains("AuthFailure") || text.contains("SignatureDoesNotMatch"),
        "{failed}"
    );
    account.assert_empty();
}

#[test]
fn no_credentials_at_all_fails_and_says_where_they_are_looked_for() {
    let account = AwsAccount::open();
    let project =
        Project::from_text(PROJECT, STACK).with_environment("KONDUCTOR_AWS__ENDPOINT_URL", account.url());
    project.run(["run", "--yes"]).fails_saying("credentials");
    account.assert_empty();
}

/// Everything a run leaves: what it printed, its project, its home, the requests it sent.
fn assert_nowhere(account: &AwsAccount, project: &Project, outputs: &[String], secret: &str) {
    for output in outputs {
        assert!(!holds(output.as_bytes(), secret), "printed: {output}");
    }
    assert_eq!(
        files_that_hold(project.folder(), secret),
        Vec::<std::path::PathBuf>::new()
    );
    assert_eq!(
        files_that_hold(project.home(), secret),
        Vec::<std::path::PathBuf>::new()
    );
    let requests = std::fs::read(account.requests_file()).unwrap();
    assert!(!holds(&requests, secret), "sent");
}

fn deploy_loudly(project: &Project) -> Vec<String> {
    let loud: &[(&str, &str)] = &[("KONDUCTOR_LOG", "trace"), ("RUST_LOG", "trace")];
    let mut outputs = Vec::new();
    for arguments in [
        &["plan", "--json", "-vv"][..],
        &["run", "--yes", "--json", "-vv"],
        &["log", "show", "--all"],
        &["state", "list"],
        &["config", "show"],
        &["destroy", "--yes", "-vv"],
    ] {
        outputs.push(project.run_with(arguments, loud).succeeds().everything());
    }
    outputs
}

#[test]
fn a_planted_credential_is_found_nowhere() {
    let account = AwsAccount::open();
    let project = project(&account).with_environment("UNRELATED_PASSWORD", "planted-unrelated-password");
    let outputs = deploy_loudly(&project);
    assert!(
        outputs.iter().any(|output| output.contains("TRACE")),
        "the trace should be on"
    );
    assert_nowhere(&account, &project, &outputs, account.secret_access_key());
    assert_nowhere(&account, &project, &outputs, "planted-unrelated-password");

    // The identifier of the key is no secret; still it stands in one place only, the signature.
    for mut request in account.requests_of_konductor() {
        let authorization = request["headers"]["authorization"].take();
        assert!(
            authorization
                .as_str()
                .is_some_and(|text| text.contains(account.access_key_id())),
            "every request is signed: {request:#}"
        );
        assert!(
            !holds(request.to_string().as_bytes(), account.access_key_id()),
            "{request:#}"
        );
    }
    assert_eq!(
        files_that_hold(&project.folder().join(".konductor"), account.access_key_id()),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn a_session_token_is_sent_to_the_cloud_and_found_nowhere_else() {
    let account = AwsAccount::open();
    let statement = |extra: Value| {
        let mut statement = json!({"Effect": "Allow"});
        statement
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let role = account.call(
        "iam",
        "create_role",
        json!({
            "RoleName": "deployer",
            "AssumeRolePolicyDocument": statement(json!({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})),
        }),
    );
    account.call(
        "iam",
        "put_role_policy",
        json!({
            "RoleName": "deployer", "PolicyName": "all",
            "PolicyDocument": statement(json!({"Action": "*", "Resource": "*"})),
        }),
    );
    let session = account.call(
        "sts",
        "assume_role",
        json!({"RoleArn": role["Role"]["Arn"], "RoleSessionName": "test"}),
    );
    let text = |name: &str| session["Credentials"][name].as_str().unwrap().to_owned();
    let project = project(&account)
        .with_environment("AWS_ACCESS_KEY_ID", &text("AccessKeyId"))
        .with_environment("AWS_SECRET_ACCESS_KEY", &text("SecretAccessKey"))
        .with_environment("AWS_SESSION_TOKEN", &text("SessionToken"));
    let outputs = deploy_loudly(&project);
    for output in &outputs {
        assert!(
            !holds(output.as_bytes(), &text("SessionToken")),
            "printed: {output}"
        );
        assert!(
            !holds(output.as_bytes(), &text("SecretAccessKey")),
            "printed: {output}"
        );
    }
    for secret in ["SessionToken", "SecretAccessKey"] {
        assert_eq!(
            files_that_hold(project.folder(), &text(secret)),
            Vec::<std::path::PathBuf>::new()
        );
        assert_eq!(
            files_that_hold(project.home(), &text(secret)),
            Vec::<std::path::PathBuf>::new()
        );
    }
    for mut request in account.requests_of_konductor() {
        assert_eq!(
            request["headers"]["x-amz-security-token"].take(),
            text("SessionToken")
        );
        assert!(
            !holds(request.to_string().as_bytes(), &text("SessionToken")),
            "{request:#}"
        );
    }
}
