//! What a registry wants to know before it answers: the challenge in `WWW-Authenticate`, and the token it leads to.

use konductor_model::SecretText;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

use super::client::OciError;
use super::credential_file::RegistryCredential;
use crate::network::{Authorization, HttpClient, ReadLimits, Request, is_loopback, shown};

/// How large a token service's answer may be.
const TOKEN_LIMIT: u64 = 256 * 1024;

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

/// What is going to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Pull,
    Push,
}

impl Access {
    fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

/// Reads the challenge of an answer; a bearer one is preferred.
pub(crate) fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let mut found = None;
    for header in headers.get_all(WWW_AUTHENTICATE) {
        match header.to_str().ok().and_then(parse_challenge) {
            Some(bearer @ Challenge::Bearer { .. }) => return Some(bearer),
            Some(basic) => found = Some(basic),
            None => {}
        }
    }
    found
}

/// Reads one challenge: `Bearer realm="https://…",service="…"`.
fn parse_challenge(text: &str) -> Option<Challenge> {
    let (scheme, mut rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service) = (None, None);
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        let Some((name, value)) = rest.split_once('=') else {
            break;
        };
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_once(',').unwrap_or((value, "")),
        };
        match name.trim() {
            name if name.eq_ignore_ascii_case("realm") => realm = Some(value.to_owned()),
            name if name.eq_ignore_ascii_case("service") => service = Some(value.to_owned()),
            _ => {}
        }
        rest = after;
    }
    Some(Challenge::Bearer {
        realm: realm?,
        service,
    })
}

/// Answers a challenge. `None` when there is nothing to answer with.
pub(crate) async fn authorize(
    http: &HttpClient,
    challenge: &Challenge,
    credential: &RegistryCredential,
    repository_path: &str,
    access: Access,
) -> Result<Option<Authorization>, OciError> {
    let password = match credential {
        RegistryCredential::Password { user, password } => Some(Authorization::Basic {
            user: user.clone(),
            password: password.clone(),
        }),
        _ => None,
    };
    let Challenge::Bearer { realm, service } = challenge else {
        return Ok(password);
    };
    let bad_realm = || OciError::TokenService {
        place: realm.chars().take(200).collect(),
        reason: "it is no address".to_owned(),
    };
    let mut url: Url = realm.parse().map_err(|_| bad_realm())?;
    // The registry chooses the service, and the service is given the password.
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err(crate::network::NetworkError::Unprotected { place: shown(&url) }.into());
    }
    let scope = format!("repository:{repository_path}:{}", access.actions());
    let mut parameters: Vec<(&str, &str)> = vec![("scope", &scope)];
    if let Some(service) = service {
        parameters.push(("service", service));
    }
    let request = match credential {
        RegistryCredential::IdentityToken(token) => {
            parameters.extend([
                ("grant_type", "refresh_token"),
                ("client_id", "konductor"),
                ("refresh_token", token.reveal()),
            ]);
            let body = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(parameters)
                .finish();
            let mut request = Request::new(Method::POST, url)
                .with_header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            request.body = body.into_bytes();
            request
        }
        _ => {
            url.query_pairs_mut().extend_pairs(parameters);
            let mut request = Request::new(Method::GET, url);
            request.authorization = password;
            request
        }
    };
    let place = shown(&request.url);
    let answer = http.send(request, ReadLimits::short(TOKEN_LIMIT)).await?;
    if !answer.status.is_success() {
        return Err(OciError::TokenService {
            place,
            reason: format!("it answers {}", answer.status),
        });
    }
    token(&answer.body)
        .map(|token| Some(Authorization::Bearer(token)))
        .ok_or_else(|| OciError::TokenService {
            place,
            reason: "there is no token in its answer".to_owned(),
        })
}

/// Takes the token out of a token service's answer.
fn token(body: &[u8]) -> Option<SecretText> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    answer
        .token
        .or(answer.access_token)
        .filter(|token| !token.is_empty())
        .map(SecretText::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn challenges_are_read_in_every_order_and_case() {
        let bearer = Some(Challenge::Bearer {
            realm: "https://auth.example/token".into(),
            service: Some("registry.example".into()),
        });
        for text in [
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a:pull,push""#,
            r#"bearer scope="repository:a:pull,push", service="registry.example", realm="https://auth.example/token""#,
            r#"Bearer realm="https://auth.example/token",service=registry.example"#,
        ] {
            assert_eq!(parse_challenge(text), bearer, "{text}");
        }
        assert_eq!(
            parse_challenge(r#"Basic realm="basic-realm""#),
            Some(Challenge::Basic)
        );
        assert_eq!(parse_challenge("Basic"), Some(Challenge::Basic));
        for text in [
            "",
            "Negotiate",
            "Bearer",
            r#"Bearer service="x""#,
            r#"Bearer realm="open"#,
        ] {
            assert_eq!(parse_challenge(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_has_two_names_and_is_not_shown() {
        for body in [r#"{"token":"abc"}"#, r#"{"access_token":"abc","expires_in":60}"#] {
            let found = token(body.as_bytes()).unwrap();
            assert_eq!(found.reveal(), "abc");
            assert!(!format!("{:?}", Authorization::Bearer(found)).contains("abc"));
        }
        for body in ["", "{}", r#"{"token":""}"#, r#"{"token":1}"#] {
            assert!(token(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[tokio::test]
    async fn a_password_is_not_sent_to_a_token_service_without_tls() {
        let http = HttpClient::new(&crate::network::NetworkSettings::default(), "x").unwrap();
        let challenge = Challenge::Bearer {
            realm: "http://auth.example/token".into(),
            service: None,
        };
        let credential = RegistryCredential::Password {
            user: "me".into(),
            password: SecretText::new("hunter2"),
        };
        let error = authorize(&http, &challenge, &credential, "a", Access::Pull)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("without TLS"), "{error}");
    }

    proptest! {
        #[test]
        fn no_challenge_makes_the_reader_panic(text in "\\PC{0,80}|[Bb]earer [a-z=\", ]{0,40}") {
            let _ = parse_challenge(&text);
        }
    }
}
