//! Requests to Azure: tokens of Entra ID are fetched, kept, renewed and kept from guests by the host, and what is called is
//! bound to the granted subscription.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::RSA_PSS_2048_8192_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use konductor_broker::{
    AzureCloud, BearerSource, EndpointGrant, EntraApplication, EntraBase, EntraPlaces, EntraProof,
    EntraSource,
};
use konductor_model::SecretText;
use konductor_model::cloud::{Cloud, CloudRequest, SendError};
use konductor_model::manifest::EndpointProtocol;
use serde_json::json;

use support::{Received, Server, assertion, bearer, body, form, opened, reading};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const GROUP: &str = "/subscriptions/mine/resourceGroups/shop";

/// Entra ID, a metadata service and Resource Manager at one address.
async fn azure() -> Server {
    Server::start(|request, _| {
        if request.target.starts_with("/metadata") {
            return body(
                200,
                r#"{"access_token": "planted-machine", "expires_in": "3600"}"#,
            );
        }
        if request.target.ends_with("/oauth2/v2.0/token") {
            return body(
                200,
                r#"{"access_token": "planted-token", "expires_in": 3599, "token_type": "Bearer"}"#,
            );
        }
        body(200, "{}")
    })
    .await
}

fn application(proof: EntraProof) -> EntraBase {
    EntraBase::Application(EntraApplication {
        client_id: "the-client".to_owned(),
        proof,
    })
}

fn source(server: &Server, base: EntraBase) -> EntraSource {
    EntraSource {
        base,
        tenant_id: Some(TENANT.to_owned()),
        cloud: AzureCloud::Public,
        places: EntraPlaces {
            authority: Some(server.url.clone()),
            metadata: Some(server.url.clone()),
            ..EntraPlaces::default()
        },
    }
}

fn open(server: &Server, source: EntraSource, accounts: &[&str]) -> Arc<dyn Cloud> {
    let endpoint = EndpointGrant {
        protocol: EndpointProtocol::Azure,
        accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
        override_url: Some(server.url.clone()),
        ..EndpointGrant::aws("arm", "")
    };
    let source = BearerSource::Entra(Box::new(source));
    opened(bearer("azure", endpoint, source)).0
}

fn request(path: &str) -> CloudRequest {
    reading("arm", path)
}

fn asked(server: &Server) -> Vec<Received> {
    let mut received = server.received();
    received.retain(|request| !request.target.starts_with("/subscriptions"));
    received
}

/// Sends one request and returns the one question for a token that it led to.
async fn question(server: &Server, base: EntraBase) -> Received {
    let cloud = open(server, source(server, base), &["mine"]);
    assert_eq!(cloud.send("a", request(GROUP)).await.unwrap().status, 200);
    let mut asked = asked(server);
    assert_eq!(asked.len(), 1, "{asked:?}");
    let sent = server.received();
    let sent = sent
        .iter()
        .find(|request| request.target.starts_with("/subscriptions"));
    assert!(
        sent.unwrap()
            .header("authorization")
            .unwrap()
            .starts_with("Bearer planted-")
    );
    asked.remove(0)
}

#[tokio::test]
async fn an_application_with_a_secret_asks_for_a_token_of_resource_manager() {
    let server = azure().await;
    let secret = EntraProof::Secret(SecretText::new("planted-secret".to_owned()));
    let question = question(&server, application(secret)).await;
    assert_eq!(question.target, format!("/{TENANT}/oauth2/v2.0/token"));
    let form = form(&question);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["client_id"], "the-client");
    assert_eq!(form["client_secret"], "planted-secret");
    assert_eq!(form["scope"], "https://management.azure.com/.default");
}

#[tokio::test]
async fn a_federated_token_is_read_from_its_file_and_exchanged() {
    let server = azure().await;
    let file = std::env::temp_dir().join(format!("konductor-federated-{}", std::process::id()));
    std::fs::write(&file, "planted-federated\n").unwrap();
    let question = question(&server, application(EntraProof::Federated(file.clone()))).await;
    std::fs::remove_file(file).unwrap();
    let form = form(&question);
    assert_eq!(form["client_assertion"], "planted-federated");
    assert_eq!(
        form["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert!(!form.contains_key("client_secret"));
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_that_names_it_by_its_thumbprint() {
    let server = azure().await;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let file = std::env::temp_dir().join(format!("konductor-certificate-{}", std::process::id()));
    std::fs::write(&file, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
    let question = question(&server, application(EntraProof::Certificate(file.clone()))).await;
    std::fs::remove_file(file).unwrap();
    let form = form(&question);
    let (header, said) = assertion(
        &form["client_assertion"],
        &RSA_PSS_2048_8192_SHA256,
        key.public_key_raw(),
    );
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate.der()));
    assert_eq!(
        header,
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint})
    );
    assert_eq!(
        (&said["iss"], &said["sub"]),
        (&json!("the-client"), &json!("the-client"))
    );
    assert!(
        said["aud"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/{TENANT}/oauth2/v2.0/token"))
    );
    assert_eq!(said["jti"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn a_managed_identity_asks_the_metadata_service_of_its_machine() {
    let server = azure().await;
    let question = question(&server, EntraBase::ManagedIdentity(Some("one".to_owned()))).await;
    assert_eq!(question.header("metadata"), Some("true"));
    assert!(
        question
            .target
            .contains("resource=https%3A%2F%2Fmanagement.azure.com%2F&client_id=one"),
        "{}",
        question.target
    );
}

#[tokio::test]
async fn a_token_is_for_the_cloud_that_is_configured() {
    let server = azure().await;
    let base = application(EntraProof::Secret(SecretText::new("planted".to_owned())));
    let source = EntraSource {
        cloud: AzureCloud::UsGovernment,
        ..source(&server, base)
    };
    let cloud = open(&server, source, &[]);
    cloud.send("a", request(GROUP)).await.unwrap();
    assert_eq!(
        form(&asked(&server)[0])["scope"],
        "https://management.usgovcloudapi.net/.default"
    );
}

#[tokio::test]
async fn another_subscription_than_the_granted_one_is_not_called() {
    let server = azure().await;
    let base = application(EntraProof::Secret(SecretText::new("planted".to_owned())));
    let cloud = open(&server, source(&server, base), &["mine"]);
    for path in [
        "/subscriptions/other/resourceGroups/shop",
        "/providers/Microsoft.Management/managementGroups/all",
    ] {
        let refused = cloud.send("a", request(path)).await.err();
        assert!(
            matches!(&refused, Some(SendError::Denied(text)) if text.contains("mine")),
            "{refused:?}"
        );
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_batch_that_hides_what_it_calls_is_refused() {
    let server = azure().await;
    let base = application(EntraProof::Secret(SecretText::new("planted".to_owned())));
    let cloud = open(&server, source(&server, base), &[]);
    let batch = CloudRequest {
        method: "POST".to_owned(),
        ..request("/batch")
    };
    let refused = cloud.send("a", batch).await.err();
    assert!(
        matches!(&refused, Some(SendError::Denied(text)) if text.contains("hides what it calls")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn why_there_is_no_token_is_told_without_the_secret() {
    let server = Server::start(|_, _| {
        body(
            401,
            r#"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret planted-secret."}"#,
        )
    })
    .await;
    let base = application(EntraProof::Secret(SecretText::new("planted-secret".to_owned())));
    let cloud = open(&server, source(&server, base.clone()), &[]);
    let Err(SendError::NoCredentials(text)) = cloud.send("a", request(GROUP)).await else {
        panic!("there should be no token")
    };
    assert!(
        text.contains("AADSTS7000215") && text.contains("the application the-client"),
        "{text}"
    );
    assert!(!text.contains("planted"), "{text}");

    let without_tenant = EntraSource {
        tenant_id: None,
        ..source(&server, base)
    };
    let cloud = open(&server, without_tenant, &[]);
    let Err(SendError::NoCredentials(text)) = cloud.send("a", request(GROUP)).await else {
        panic!("there should be no token")
    };
    assert!(text.contains("credentials.tenant_id"), "{text}");
}
