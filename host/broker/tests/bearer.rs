//! Requests to Google Cloud: tokens are fetched, kept, renewed and kept from guests by the host.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use konductor_broker::{
    BearerSource, Broker, BrokerError, EndpointGrant, GoogleBase, GooglePlaces, GoogleSource, Impersonation,
    SessionOptions,
};
use konductor_model::SecretText;
use konductor_model::cloud::{Cloud, CloudRequest, SendError};
use konductor_model::manifest::EndpointProtocol;
use serde_json::{Value as Json, json};

use support::{
    Received, Records, Reply, Server, assertion, bearer, body, form, opened, options, reading, status,
};

const TOKEN: &str = "planted-token-";

/// A token service and an API at one address. Each token has the number of the question that it answers.
struct Cloudlike {
    server: Server,
    asked: Arc<AtomicUsize>,
}

impl Cloudlike {
    /// Starts both. The API answers as it is told, given the request.
    async fn start(lifetime: u64, api: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let server = Server::start(move |request, _| match request.target.as_str() {
            "/token" | "/sts" | "/computeMetadata/v1/instance/service-accounts/default/token" => {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let answer =
                    json!({"access_token": format!("{TOKEN}{number}"), "expires_in": lifetime, "token_type": "Bearer"});
                body(200, answer.to_string())
            }
            target if target.contains(":generateAccessToken") => {
                let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3600);
                let answer = json!({"accessToken": format!("{TOKEN}acting"), "expireTime": expires.to_string()});
                body(200, answer.to_string())
            }
            "/subject" => body(200, r#"{"value": "planted-subject"}"#),
            _ => api(request),
        })
        .await;
        Self { server, asked }
    }

    fn url(&self, path: &str) -> String {
        self.server.url.join(path).unwrap().to_string()
    }

    fn to_api(&self) -> Vec<Received> {
        let mut received = self.server.received();
        received.retain(|request| request.target.starts_with("/compute/"));
        received
    }

    fn only(&self, target: &str) -> Received {
        let mut received = self.server.received();
        received.retain(|request| request.target.starts_with(target));
        assert_eq!(received.len(), 1, "{target}: {received:?}");
        received.remove(0)
    }

    fn open(&self, source: BearerSource) -> Arc<dyn Cloud> {
        self.open_with(source, |_| {}).0
    }

    fn open_with(
        &self,
        source: BearerSource,
        change: impl Fn(&mut EndpointGrant),
    ) -> (Arc<dyn Cloud>, Arc<Records>) {
        let mut endpoint = endpoint("compute");
        endpoint.override_url = Some(self.server.url.clone());
        change(&mut endpoint);
        opened(bearer("gcp", endpoint, source))
    }

    fn key_file(&self, key: &str) -> String {
        json!({
            "type": "service_account",
            "client_email": "robot@mine.iam.gserviceaccount.com",
            "private_key": key,
            "private_key_id": "key-one",
            "token_uri": self.url("token"),
        })
        .to_string()
    }
}

fn endpoint(service: &str) -> EndpointGrant {
    EndpointGrant {
        protocol: EndpointProtocol::Google,
        ..EndpointGrant::aws(service, "")
    }
}

fn request(path: &str) -> CloudRequest {
    reading("compute", path)
}

const NETWORKS: &str = "/compute/v1/projects/mine/global/networks";

fn source(base: GoogleBase) -> GoogleSource {
    GoogleSource {
        base,
        ..GoogleSource::default()
    }
}

fn of_text(text: String) -> BearerSource {
    BearerSource::Google(Box::new(source(GoogleBase::Json(SecretText::new(text)))))
}

fn fails(result: Result<konductor_model::cloud::CloudResponse, SendError>) -> String {
    match result {
        Err(SendError::NoCredentials(text)) => text,
        Err(error) => panic!("{error}"),
        Ok(answer) => panic!("{}", answer.status),
    }
}

#[tokio::test]
async fn a_service_account_key_signs_an_assertion_that_is_exchanged_for_a_token_of_the_service() {
    let cloudlike = Cloudlike::start(3600, |_| body(200, "{}")).await;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let cloud = cloudlike.open(of_text(cloudlike.key_file(&key.serialize_pem())));
    assert_eq!(cloud.send("a", request(NETWORKS)).await.unwrap().status, 200);
    assert_eq!(
        cloudlike.to_api()[0].header("authorization"),
        Some("Bearer planted-token-0")
    );

    let form = form(&cloudlike.only("/token"));
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (header, said) = assertion(
        &form["assertion"],
        &RSA_PKCS1_2048_8192_SHA256,
        key.public_key_raw(),
    );
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "key-one"}));
    assert_eq!(said["iss"], "robot@mine.iam.gserviceaccount.com");
    assert_eq!(said["aud"], cloudlike.url("token"));
    assert_eq!(said["scope"], "https://www.googleapis.com/auth/compute");
    let lasts = said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap();
    assert_eq!(lasts, 3600);
    assert!((jiff::Timestamp::now().as_second() - said["iat"].as_i64().unwrap()).abs() < 60);
}

#[tokio::test]
async fn many_calls_at_once_fetch_one_token_and_later_ones_none() {
    let cloudlike = Cloudlike::start(3600, |_| body(200, "{}")).await;
    let cloud = cloudlike.open(metadata(&cloudlike));
    let calls = (0..20).map(|_| cloud.send("a", request(NETWORKS)));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    cloud.send("a", request(NETWORKS)).await.unwrap();
    assert_eq!(cloudlike.asked.load(Ordering::SeqCst), 1);
    assert_eq!(cloudlike.to_api().len(), 21);
    let asked = cloudlike.only("/computeMetadata");
    assert_eq!(asked.header("metadata-flavor"), Some("Google"));
}

fn metadata(cloudlike: &Cloudlike) -> BearerSource {
    let host = cloudlike.server.url.authority().to_owned();
    BearerSource::Google(Box::new(GoogleSource {
        base: GoogleBase::MetadataServer,
        places: GooglePlaces {
            metadata_host: Some(host),
            ..GooglePlaces::default()
        },
        ..GoogleSource::default()
    }))
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires_and_when_the_cloud_refuses_it() {
    // Within the time for renewal from the beginning.
    let short = Cloudlike::start(200, |_| body(200, "{}")).await;
    let cloud = short.open(metadata(&short));
    for _ in 0..2 {
        cloud.send("a", request(NETWORKS)).await.unwrap();
    }
    assert_eq!(short.asked.load(Ordering::SeqCst), 2);

    let refusing = Cloudlike::start(3600, |request| {
        let first = request.header("authorization") == Some("Bearer planted-token-0");
        status(if first { 401 } else { 200 })
    })
    .await;
    let cloud = refusing.open(metadata(&refusing));
    assert_eq!(cloud.send("a", request(NETWORKS)).await.unwrap().status, 200);
    assert_eq!(refusing.asked.load(Ordering::SeqCst), 2);

    let closed = Cloudlike::start(3600, |_| status(401)).await;
    let cloud = closed.open(metadata(&closed));
    assert_eq!(cloud.send("a", request(NETWORKS)).await.unwrap().status, 401);
    assert_eq!(closed.to_api().len(), 2, "asked again once and not for ever");
}

#[tokio::test]
async fn no_guest_sees_a_token_and_none_can_bring_its_own() {
    let cloudlike = Cloudlike::start(3600, |request| {
        let seen = request.header("authorization").unwrap().to_owned();
        Reply::Answer(200, vec![("x-echo", seen.clone())], seen.into_bytes())
    })
    .await;
    let (cloud, records) = cloudlike.open_with(metadata(&cloudlike), |_| {});
    let answer = cloud.send("a", request(NETWORKS)).await.unwrap();
    let shown = format!(
        "{:?} {} {:?}",
        answer.headers,
        String::from_utf8_lossy(&answer.body),
        records.all()
    );
    assert!(
        shown.contains("[redacted]") && !shown.contains("planted"),
        "{shown}"
    );
    for name in [
        "authorization",
        "x-goog-user-project",
        "x-goog-iam-authorization-token",
    ] {
        let mut own = request(NETWORKS);
        own.headers.push((name.to_owned(), "mine".to_owned()));
        assert!(
            matches!(cloud.send("a", own).await, Err(SendError::Denied(_))),
            "{name}"
        );
    }
    for name in ["access_token", "oauth_token"] {
        let mut own = request(NETWORKS);
        own.query.push((name.to_owned(), "mine".to_owned()));
        assert!(
            matches!(cloud.send("a", own).await, Err(SendError::Denied(_))),
            "{name}"
        );
    }
}

#[tokio::test]
async fn acting_as_a_service_account_asks_for_what_is_needed_and_names_who_pays() {
    let cloudlike = Cloudlike::start(3600, |_| body(200, "{}")).await;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let acting = GoogleSource {
        impersonate: Some(Impersonation {
            service_account: "target@mine.iam.gserviceaccount.com".to_owned(),
            delegates: vec!["between@mine.iam.gserviceaccount.com".to_owned()],
        }),
        quota_project: Some("payer".to_owned()),
        places: GooglePlaces {
            iam_credentials: Some(cloudlike.server.url.clone()),
            ..GooglePlaces::default()
        },
        ..source(GoogleBase::Json(SecretText::new(
            cloudlike.key_file(&key.serialize_pem()),
        )))
    };
    let cloud = cloudlike.open(BearerSource::Google(Box::new(acting)));
    cloud.send("a", request(NETWORKS)).await.unwrap();
    let sent = &cloudlike.to_api()[0];
    assert_eq!(sent.header("authorization"), Some("Bearer planted-token-acting"));
    assert_eq!(sent.header("x-goog-user-project"), Some("payer"));
    let target = "/v1/projects/-/serviceAccounts/target@mine.iam.gserviceaccount.com:generateAccessToken";
    let asked = cloudlike.only(target);
    assert_eq!(asked.header("authorization"), Some("Bearer planted-token-0"));
    let body: Json = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body["scope"], json!(["https://www.googleapis.com/auth/compute"]));
    assert_eq!(
        body["delegates"],
        json!(["projects/-/serviceAccounts/between@mine.iam.gserviceaccount.com"])
    );
    let form = form(&cloudlike.only("/token"));
    let (_, claims) = assertion(
        &form["assertion"],
        &RSA_PKCS1_2048_8192_SHA256,
        key.public_key_raw(),
    );
    assert_eq!(
        claims["scope"], "https://www.googleapis.com/auth/iam",
        "the base can do nothing else"
    );
}

#[tokio::test]
async fn a_token_of_another_provider_is_exchanged() {
    let cloudlike = Cloudlike::start(3600, |_| body(200, "{}")).await;
    let federation = |place: Json| {
        json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": cloudlike.url("sts"),
            "quota_project_id": "payer",
            "credential_source": place,
        })
    };
    let from_url = federation(json!({
        "url": cloudlike.url("subject"),
        "headers": {"authorization": "planted-header"},
        "format": {"type": "json", "subject_token_field_name": "value"},
    }));
    let cloud = cloudlike.open(of_text(from_url.to_string()));
    cloud.send("a", request(NETWORKS)).await.unwrap();
    assert_eq!(
        cloudlike.only("/subject").header("authorization"),
        Some("planted-header")
    );
    let asked = form(&cloudlike.only("/sts"));
    assert_eq!(asked["subject_token"], "planted-subject");
    assert_eq!(asked["scope"], "https://www.googleapis.com/auth/compute");
    assert_eq!(
        asked["grant_type"],
        "urn:ietf:params:oauth:grant-type:token-exchange"
    );
    assert_eq!(
        cloudlike.to_api()[0].header("x-goog-user-project"),
        Some("payer"),
        "as the file says"
    );

    let other = Cloudlike::start(3600, |_| body(200, "{}")).await;
    let mut from_missing = federation(json!({"file": "/nonexistent/subject"}));
    from_missing["token_url"] = other.url("sts").into();
    let error = fails(
        other
            .open(of_text(from_missing.to_string()))
            .send("a", request(NETWORKS))
            .await,
    );
    assert!(error.contains("/nonexistent/subject"), "{error}");
    assert!(other.server.received().is_empty());
}

#[tokio::test]
async fn a_users_login_is_renewed_and_default_credentials_are_found_in_their_order() {
    let cloudlike = Cloudlike::start(3600, |_| body(200, "{}")).await;
    let folder = std::env::temp_dir().join(format!("konductor-bearer-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let login = folder.join("login.json");
    let written = json!({"type": "authorized_user", "client_id": "id", "client_secret": "planted-secret",
        "refresh_token": "planted-refresh", "token_uri": cloudlike.url("token"), "quota_project_id": "payer"});
    std::fs::write(&login, written.to_string()).unwrap();
    let default = |named: Option<PathBuf>, login: Option<PathBuf>| {
        let places = GooglePlaces {
            named_file: named,
            login_file: login,
            metadata_host: Some(cloudlike.server.url.authority().to_owned()),
            ..GooglePlaces::default()
        };
        BearerSource::Google(Box::new(GoogleSource {
            places,
            ..GoogleSource::default()
        }))
    };
    let cloud = cloudlike.open(default(None, Some(login.clone())));
    cloud.send("a", request(NETWORKS)).await.unwrap();
    let asked = form(&cloudlike.only("/token"));
    assert_eq!(asked["refresh_token"], "planted-refresh");
    assert!(
        !asked.contains_key("scope"),
        "a login is good for what it was made for"
    );
    assert_eq!(cloudlike.to_api()[0].header("x-goog-user-project"), Some("payer"));

    let cloud = cloudlike.open(default(None, Some(folder.join("missing.json"))));
    cloud.send("a", request(NETWORKS)).await.unwrap();
    cloudlike.only("/computeMetadata");

    // A file that is named counts, also where it is missing.
    let cloud = cloudlike.open(default(Some(folder.join("named.json")), Some(login)));
    let error = fails(cloud.send("a", request(NETWORKS)).await);
    assert!(
        error.contains("cannot be read") && error.contains("GOOGLE_APPLICATION_CREDENTIALS"),
        "{error}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_refusal_of_the_token_service_is_told_without_what_it_was_asked_with() {
    let server = Server::start(|request, _| {
        let echo = String::from_utf8_lossy(&request.body).into_owned();
        let answer = json!({"error": "invalid_grant", "error_description": format!("Bad Request: {echo}")});
        body(400, answer.to_string())
    })
    .await;
    let file = json!({"type": "authorized_user", "client_id": "id", "client_secret": "planted-secret",
        "refresh_token": "planted-refresh", "token_uri": server.url.join("token").unwrap().as_str()});
    let cloudlike = Cloudlike {
        server,
        asked: Arc::default(),
    };
    let cloud = cloudlike.open(of_text(file.to_string()));
    for _ in 0..3 {
        let error = fails(cloud.send("a", request(NETWORKS)).await);
        assert!(
            error.contains("400: invalid_grant") && !error.contains("planted"),
            "{error}"
        );
    }
    assert_eq!(
        cloudlike.server.received().len(),
        1,
        "a failure stands for a while, and nothing goes to the API"
    );
}

#[tokio::test]
async fn a_grant_for_reading_asks_for_a_token_that_can_only_read() {
    let cloudlike = Cloudlike::start(3600, |_| body(200, "{}")).await;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let source = of_text(cloudlike.key_file(&key.serialize_pem()));
    let (cloud, _) = cloudlike.open_with(source, |endpoint| {
        endpoint.methods = Some(["GET".to_owned()].into())
    });
    cloud.send("a", request(NETWORKS)).await.unwrap();
    let form = form(&cloudlike.only("/token"));
    let (_, claims) = assertion(
        &form["assertion"],
        &RSA_PKCS1_2048_8192_SHA256,
        key.public_key_raw(),
    );
    assert_eq!(
        claims["scope"],
        "https://www.googleapis.com/auth/compute.readonly"
    );
}

#[tokio::test]
async fn a_grant_that_binds_projects_lets_nothing_through_to_others() {
    let cloudlike = Cloudlike::start(3600, |_| body(200, "{}")).await;
    let (cloud, _) = cloudlike.open_with(metadata(&cloudlike), |endpoint| {
        endpoint.accounts = ["mine".to_owned()].into();
    });
    cloud.send("a", request(NETWORKS)).await.unwrap();
    for path in [
        "/compute/v1/projects/other/global/networks",
        "/compute/v1/projects/mine%2F..%2Fother/global/networks",
        "/compute/v1/projects",
        "/batch/compute/v1",
    ] {
        let refused = cloud.send("a", request(path)).await;
        assert!(matches!(refused, Err(SendError::Denied(_))), "{path}");
    }
    assert_eq!(cloudlike.to_api().len(), 1);
    let Err(SendError::Denied(text)) = cloud
        .send("a", request("/compute/v1/projects/other/global/networks"))
        .await
    else {
        panic!("it passed")
    };
    assert!(
        text.contains("`other`") && text.contains("plugins.gcp.grant.endpoints.compute.accounts"),
        "{text}"
    );
}

#[tokio::test]
async fn what_cannot_be_granted_or_authenticated_is_told_when_the_session_is_made() {
    let broker = Broker::new(options(), Arc::new(Records::default())).unwrap();
    let refused = |options: SessionOptions| match broker.session(options) {
        Err(BrokerError::Grant { problems, .. }) => problems.concat(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was taken"),
    };
    let token = || BearerSource::Fixed(SecretText::new("planted"));
    let mut with_regions = bearer("gcp", endpoint("compute"), token());
    with_regions.grant.endpoints[0].regions = ["us-central1".to_owned()].into();
    assert!(refused(with_regions).contains("one host for all regions"));
    let with_prefixes = EndpointGrant {
        resource_prefixes: ["corp-".to_owned()].into(),
        ..endpoint("compute")
    };
    assert!(refused(bearer("gcp", with_prefixes, token())).contains("`resource_prefixes`"));
    let mut without = bearer("gcp", endpoint("compute"), token());
    without.bearer_sources.clear();
    assert!(refused(without).contains("not configured"));
}

#[tokio::test]
async fn a_bucket_is_reached_only_where_its_name_is_granted() {
    let cloudlike = Cloudlike::start(3600, |_| body(200, "{}")).await;
    let (cloud, _) = cloudlike.open_with(metadata(&cloudlike), |endpoint| {
        endpoint.service = "storage".to_owned();
        endpoint.accounts = ["mine".to_owned()].into();
        endpoint.resource_prefixes = ["corp-".to_owned()].into();
    });
    let create = |name: &str| CloudRequest {
        method: "POST".to_owned(),
        query: vec![("project".to_owned(), "mine".to_owned())],
        body: json!({ "name": name }).to_string().into_bytes(),
        ..request("/storage/v1/b")
    };
    assert!(cloud.send("a", create("corp-one")).await.is_ok());
    assert!(cloud.send("a", request("/storage/v1/b/corp-one")).await.is_ok());
    for refused in [
        create("other"),
        request("/storage/v1/b/other"),
        request("/storage/v1/b/corp-one/o/x/rewriteTo/b/other/o/y"),
        request("/storage/v1/b"),
    ] {
        let path = refused.path.clone();
        let result = cloud.send("a", refused).await;
        assert!(matches!(result, Err(SendError::Denied(_))), "{path}");
    }
}
