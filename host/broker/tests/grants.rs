//! A plugin reaches what its grant covers; what it is denied says which line would allow it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use konductor_broker::{
    AccessKeys, AuditSink, Broker, BrokerError, BrokerOptions, CredentialBase, CredentialSource,
    EndpointGrant, EndpointSettings, Grant, SessionOptions,
};
use konductor_model::SecretText;
use konductor_model::cloud::CloudRequest;
use konductor_model::grant::PluginGrant;
use konductor_model::manifest::Manifest;
use support::{Records, Server, aws, describe_vpcs, get, grant, options, planted, session_of, status};
use url::Url;

fn manifest() -> Manifest {
    serde_json::from_value(serde_json::json!({
        "name": "aws",
        "version": "1.0.0",
        "endpoints": [
            {"id": "ec2", "protocol": "aws", "service": "ec2", "regions": ["eu-west-1"], "methods": ["GET", "POST"]},
            {"id": "s3", "protocol": "aws", "service": "s3", "regions": ["*"]},
            {"id": "kms", "protocol": "aws", "service": "kms"},
            {"id": "sts", "protocol": "aws", "service": "sts", "token_operations": ["AssumeRole"]},
            {"id": "vault", "protocol": "aws", "service": "kms", "credentials": "keys"},
        ],
    }))
    .unwrap()
}

fn resolved(server: &Server, granted: serde_json::Value) -> Grant {
    let settings = EndpointSettings {
        region: "us-west-2".to_owned(),
        override_url: Some(server.url.clone()),
        ..EndpointSettings::default()
    };
    let granted: PluginGrant = serde_json::from_value(granted).unwrap();
    Grant::resolve(&manifest(), &granted, &settings)
}

fn narrow() -> serde_json::Value {
    serde_json::json!({
        "endpoints": {
            "ec2": {"methods": ["POST"]},
            "s3": {"resource_prefixes": ["corp-"]},
            "sts": {},
            "vault": {},
        },
        "credentials": ["aws"],
    })
}

fn at(endpoint: &str, region: &str) -> CloudRequest {
    CloudRequest {
        endpoint: endpoint.to_owned(),
        region: Some(region.to_owned()),
        ..describe_vpcs()
    }
}

#[tokio::test]
async fn every_denial_names_who_asked_for_what_and_the_line_that_would_allow_it() {
    let server = Server::start(|_, _| status(200)).await;
    let (cloud, records) = session_of(options(), resolved(&server, narrow()));
    let in_default = |endpoint: &str| at(endpoint, "us-west-2");
    let assume_role = CloudRequest {
        body: b"Action=AssumeRole&Version=2011-06-15".to_vec(),
        ..in_default("sts")
    };
    let session_token = CloudRequest {
        body: b"Action=GetSessionToken&Version=2011-06-15".to_vec(),
        ..in_default("sts")
    };
    let get_vpcs = CloudRequest {
        method: "GET".to_owned(),
        ..describe_vpcs()
    };
    let delete_vpcs = CloudRequest {
        method: "DELETE".to_owned(),
        ..describe_vpcs()
    };
    for (request, parts) in [
        (
            at("ec2", "eu-west-1"),
            vec![
                "endpoint `ec2` in region `eu-west-1`",
                "granted are: us-west-2",
                "add `eu-west-1` to plugins.aws.grant.endpoints.ec2.regions in konductor.yaml",
            ],
        ),
        (
            at("s3", "ap-south-1"),
            vec!["add `ap-south-1` to plugins.aws.grant.endpoints.s3.regions in konductor.yaml"],
        ),
        (
            at("ec2", "ap-south-1"),
            vec![
                "no grant can allow it",
                "set `region: ap-south-1` in the module's configuration",
            ],
        ),
        (
            in_default("kms"),
            vec![
                "endpoint `kms`",
                "granted are: ec2, s3, sts",
                "add `kms: {}` to plugins.aws.grant.endpoints in konductor.yaml",
            ],
        ),
        (
            in_default("iam"),
            vec![
                "endpoint `iam`",
                "no grant can allow it",
                "asks for ec2, kms, s3, sts, vault only",
            ],
        ),
        (
            in_default("vault"),
            vec!["add `keys` to plugins.aws.grant.credentials in konductor.yaml"],
        ),
        (
            get_vpcs,
            vec![
                "with method GET; granted are: POST",
                "add `GET` to plugins.aws.grant.endpoints.ec2.methods in konductor.yaml",
            ],
        ),
        (delete_vpcs, vec!["with method DELETE", "no grant can allow it"]),
        (
            get("/evil-bucket/key"),
            vec![
                "for `evil-bucket`",
                "begins with: corp-",
                "add `evil-bucket` to plugins.aws.grant.endpoints.s3.resource_prefixes in konductor.yaml",
            ],
        ),
        (
            assume_role,
            vec![
                "for `AssumeRole`, which answers with tokens or keys",
                "add `AssumeRole` to plugins.aws.grant.endpoints.sts.token_operations in konductor.yaml",
            ],
        ),
        (
            session_token,
            vec!["for `GetSessionToken`", "no grant can allow it"],
        ),
    ] {
        let message = cloud.send("urn", request).await.err().unwrap().to_string();
        assert!(
            message.starts_with("denied: plugin `aws` may not call"),
            "{message}"
        );
        for part in parts {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
    assert!(server.received().is_empty());
    assert!(
        records
            .all()
            .iter()
            .all(|record| record.attempts == 0 && record.error.is_some())
    );
}

#[tokio::test]
async fn what_is_granted_is_sent() {
    let server = Server::start(|_, _| status(200)).await;
    let granted = serde_json::json!({
        "endpoints": {
            "ec2": {"regions": ["eu-west-1"]},
            "s3": {"regions": ["*"], "resource_prefixes": ["corp-"]},
            "sts": {"token_operations": ["AssumeRole"]},
        },
        "credentials": ["aws"],
    });
    let (cloud, _) = session_of(options(), resolved(&server, granted));
    let role = CloudRequest {
        body: b"Action=AssumeRole&Version=2011-06-15".to_vec(),
        ..at("sts", "us-west-2")
    };
    let object = CloudRequest {
        region: Some("ap-southeast-2".to_owned()),
        ..get("/corp-logs/key")
    };
    for request in [at("ec2", "eu-west-1"), at("ec2", "us-west-2"), role, object] {
        cloud.send("urn", request).await.unwrap();
    }
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn a_session_keeps_the_grant_it_was_made_with_and_a_new_one_has_the_new() {
    let server = Server::start(|_, _| status(200)).await;
    let broker = Broker::new(options(), Arc::new(Records::default())).unwrap();
    let old = broker.session(aws(grant(&server), planted())).unwrap();
    let mut narrowed = grant(&server);
    narrowed.endpoints.retain(|endpoint| endpoint.id == "s3");
    let new = broker.session(aws(narrowed, planted())).unwrap();
    assert!(
        new.send("urn", describe_vpcs()).await.is_err(),
        "the new session has the old grant"
    );
    assert!(new.send("urn", get("/bucket")).await.is_ok());
    assert!(
        old.send("urn", describe_vpcs()).await.is_ok(),
        "the old session lost its grant"
    );
    let mut widened = grant(&server);
    widened.endpoints.push(EndpointGrant {
        override_url: Some(server.url.clone()),
        ..EndpointGrant::aws("kms", "us-west-2")
    });
    let _wide = broker.session(aws(widened, planted())).unwrap();
    assert!(
        old.send("urn", at("kms", "us-west-2")).await.is_err(),
        "the old session was widened"
    );
}

#[tokio::test]
async fn an_endpoint_is_signed_with_the_credentials_it_names() {
    let server = Server::start(|_, _| status(200)).await;
    let mut grant = grant(&server);
    grant.endpoints[1].credentials = Some("backup".to_owned());
    let backup = CredentialSource {
        base: CredentialBase::Keys(AccessKeys {
            access_key_id: "AKIDBACKUP".to_owned(),
            secret_access_key: SecretText::new("planted-backup-secret"),
            session_token: None,
        }),
        ..CredentialSource::default()
    };
    let mut session = aws(grant.clone(), planted());
    session.credentials.insert("backup".to_owned(), backup);
    let records: Arc<dyn AuditSink> = Arc::new(Records::default());
    let broker = Broker::new(options(), records).unwrap();
    let cloud = broker.session(session).unwrap();
    cloud.send("urn", describe_vpcs()).await.unwrap();
    cloud.send("urn", get("/bucket")).await.unwrap();
    let keys: Vec<bool> = server
        .received()
        .iter()
        .map(|received| received.header("authorization").unwrap().contains("AKIDBACKUP"))
        .collect();
    assert_eq!(keys, [false, true]);

    let Err(BrokerError::Grant { problems, .. }) = broker.session(aws(grant, planted())) else {
        panic!("it was taken without the credentials")
    };
    assert!(problems[0].contains("`backup`"), "{problems:?}");
}

#[tokio::test]
async fn where_fips_is_required_what_has_none_is_refused_before_any_call() {
    let broker = |options: BrokerOptions| Broker::new(options, Arc::new(Records::default())).unwrap();
    let required = BrokerOptions {
        fips_required: true,
        ..options()
    };
    let at = |service: &str, region: &str| Grant {
        endpoints: vec![EndpointGrant::aws(service, region)],
        ..Grant::default()
    };
    assert!(
        broker(required.clone())
            .session(aws(at("ec2", "us-east-1"), planted()))
            .is_ok()
    );
    for (service, region) in [("ec2", "eu-west-1"), ("lightsail", "us-east-1")] {
        let Err(error) = broker(required.clone()).session(aws(at(service, region), planted())) else {
            panic!("{service} in {region} was taken")
        };
        let error = error.to_string();
        assert!(error.contains("FIPS") && error.contains(service), "{error}");
    }
    let server = Server::start(|_, _| status(200)).await;
    let Err(error) = broker(required.clone()).session(aws(grant(&server), planted())) else {
        panic!("an override was taken")
    };
    assert!(error.to_string().contains("is not known to be one"), "{error}");
    let listed = BrokerOptions {
        fips_overrides: vec![server.url.clone()],
        ..required
    };
    let cloud = broker(listed).session(aws(grant(&server), planted())).unwrap();
    assert!(cloud.send("urn", describe_vpcs()).await.is_ok());
}

#[tokio::test]
async fn where_fips_is_required_a_token_service_elsewhere_is_refused() {
    let elsewhere = BrokerOptions {
        fips_required: true,
        sts_endpoint: Some(Url::parse("http://127.0.0.1:4566").unwrap()),
        ..options()
    };
    let error = Broker::new(elsewhere, Arc::new(Records::default()))
        .err()
        .unwrap();
    assert!(error.to_string().contains("FIPS"), "{error}");
}

#[test]
fn a_session_shows_no_secret() {
    let server = Url::parse("http://127.0.0.1:1").unwrap();
    let endpoint = EndpointGrant {
        override_url: Some(server),
        ..EndpointGrant::aws("ec2", "us-west-2")
    };
    let session: SessionOptions = aws(
        Grant {
            endpoints: vec![endpoint],
            ..Grant::default()
        },
        planted(),
    );
    assert!(!format!("{session:?}").contains("planted"));
}
