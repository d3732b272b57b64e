//! Signs the assertions (JSON Web Tokens, RFC 7523) by which a holder of a key asks for a token.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value as Json;

/// How an assertion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// RSA with PKCS #1 v1.5, as Google asks for.
    Rs256,
    /// RSA with PSS, as Entra ID asks for.
    Ps256,
}

/// Writes and signs an assertion with RS256. `header` gets `alg` and `typ`.
///
/// # Errors
/// When the key is no RSA key in PEM; the text holds nothing of it.
pub(crate) fn signed(key: &str, header: Json, claims: &Json) -> Result<String, String> {
    signed_by(Algorithm::Rs256, key, header, claims)
}

/// Writes and signs an assertion. `header` gets `alg` and `typ`.
///
/// # Errors
/// When the key is no RSA key in PEM; the text holds nothing of it.
pub(crate) fn signed_by(
    algorithm: Algorithm,
    key: &str,
    mut header: Json,
    claims: &Json,
) -> Result<String, String> {
    let (name, encoding): (_, &'static dyn RsaEncoding) = match algorithm {
        Algorithm::Rs256 => ("RS256", &RSA_PKCS1_SHA256),
        Algorithm::Ps256 => ("PS256", &RSA_PSS_SHA256),
    };
    if let Some(header) = header.as_object_mut() {
        header.insert("alg".to_owned(), name.into());
        header.insert("typ".to_owned(), "JWT".into());
    }
    let part = |value: &Json| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(claims));
    let pair = key_pair(key)?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message.as_bytes(), &mut signature)
        .map_err(|_| "the private key cannot sign".to_owned())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn key_pair(pem: &str) -> Result<RsaKeyPair, String> {
    let expected = "the private key is not an RSA key in PEM (`-----BEGIN PRIVATE KEY-----`)";
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| expected.to_owned())?;
    match &key {
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err(expected.to_owned()),
    }
    .map_err(|_| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::json;

    use super::*;

    #[test]
    fn an_assertion_is_signed_by_the_key_and_says_what_was_given() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let pem = key.serialize_pem();
        let token = signed(&pem, json!({"kid": "one"}), &json!({"iss": "me"})).unwrap();
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let read =
            |part: &str| -> Json { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
        assert_eq!(read(header), json!({"alg": "RS256", "typ": "JWT", "kid": "one"}));
        assert_eq!(read(claims), json!({"iss": "me"}));
        let pair = key_pair(&pem).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        public
            .verify(format!("{header}.{claims}").as_bytes(), &signature)
            .unwrap();
        assert!(public.verify(b"something else", &signature).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for text in ["planted", "", elliptic.as_str()] {
            let error = signed(text, json!({}), &json!({})).unwrap_err();
            assert!(
                error.contains("BEGIN PRIVATE KEY") && !error.contains("planted"),
                "{error}"
            );
        }
    }
}
