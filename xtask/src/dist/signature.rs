//! The signature of a release: a Sigstore bundle v0.3 with SLSA provenance for every file, made by `openssl`.
//!
//! Plugins are signed by `konductor plugin sign`. A release is what `konductor` is unpacked from, so whoever checks it
//! does so with another tool; `openssl` is enough.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::command::{command, output};

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What is known of how the files came to be.
pub struct Origin<'a> {
    /// The full identifier of the commit.
    pub commit: &'a str,
    /// The repository's address.
    pub repository: &'a str,
    /// Who builds, as a URI.
    pub builder: &'a str,
}

/// Signs files, given by name and SHA-256, with a private key in PEM: P-256 or Ed25519. Returns the bundle.
///
/// # Errors
/// When `openssl` is not there or cannot use the key.
pub fn sign(files: &[(String, String)], origin: &Origin<'_>, key: &Path) -> Result<String> {
    let folder = tempfile::tempdir().context("making a folder for the signature")?;
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": files
            .iter()
            .map(|(name, sha256)| json!({ "name": name, "digest": { "sha256": sha256 } }))
            .collect::<Vec<_>>(),
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://konductor.dev/build/release/v1",
                "externalParameters": {},
                "resolvedDependencies": [{ "uri": origin.repository, "digest": { "gitCommit": origin.commit } }],
            },
            "runDetails": { "builder": { "id": origin.builder } },
        },
    });
    let payload = serde_json::to_vec(&statement)?;
    let (message, signature) = (folder.path().join("message"), folder.path().join("signature"));
    fs::write(&message, encoded_for_signing(&payload)).context("writing what is signed")?;
    let described = output(
        command("openssl")
            .args(["pkey", "-noout", "-text", "-in"])
            .arg(key),
    )
    .with_context(|| format!("{} is no private key", key.display()))?;
    let digest: &[&str] = if described.contains("ED25519") {
        &[]
    } else {
        ensure!(
            described.contains("prime256v1"),
            "{} is neither a P-256 nor an Ed25519 key",
            key.display()
        );
        &["-digest", "sha256"]
    };
    output(
        command("openssl")
            .args(["pkeyutl", "-sign", "-rawin", "-inkey"])
            .arg(key)
            .args(digest)
            .arg("-in")
            .arg(&message)
            .arg("-out")
            .arg(&signature),
    )?;
    let public = folder.path().join("public");
    output(
        command("openssl")
            .args(["pkey", "-pubout", "-outform", "DER", "-in"])
            .arg(key)
            .arg("-out")
            .arg(&public),
    )?;
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "publicKey": { "hint": STANDARD.encode(Sha256::digest(fs::read(&public)?)) },
        },
        "dsseEnvelope": {
            "payload": STANDARD.encode(&payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": STANDARD.encode(fs::read(&signature)?) }],
        },
    });
    Ok(format!("{bundle}\n"))
}

/// Returns the bytes that are signed: the pre-authentication encoding of DSSE.
fn encoded_for_signing(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn openssl(folder: &Path, words: &str) -> Result<String> {
        output(
            command("openssl")
                .current_dir(folder)
                .args(words.split_whitespace()),
        )
    }

    #[test]
    fn openssl_verifies_what_it_signed_and_the_statement_names_every_file() {
        for (algorithm, digest) in [
            ("EC -pkeyopt ec_paramgen_curve:P-256", "-digest sha256"),
            ("ED25519", ""),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let at = folder.path();
            openssl(at, &format!("genpkey -algorithm {algorithm} -out key.pem")).unwrap();
            openssl(at, "pkey -in key.pem -pubout -out key.pub.pem").unwrap();
            let files = [
                ("a.tar.gz".to_owned(), "ab".repeat(32)),
                ("b.json".to_owned(), "cd".repeat(32)),
            ];
            let origin = Origin {
                commit: "0123",
                repository: "git+https://example.com/konductor",
                builder: "https://example.com/builder",
            };
            let bundle: Value =
                serde_json::from_str(&sign(&files, &origin, &at.join("key.pem")).unwrap()).unwrap();
            let envelope = &bundle["dsseEnvelope"];
            let decode = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
            let payload = decode(&envelope["payload"]);
            let statement: Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(statement["subject"][1]["name"], "b.json");
            assert_eq!(statement["subject"][1]["digest"]["sha256"], "cd".repeat(32));

            fs::write(at.join("signature"), decode(&envelope["signatures"][0]["sig"])).unwrap();
            let verify = format!(
                "pkeyutl -verify -rawin -pubin -inkey key.pub.pem {digest} -in message -sigfile signature"
            );
            fs::write(at.join("message"), encoded_for_signing(&payload)).unwrap();
            openssl(at, &verify).unwrap();
            fs::write(at.join("message"), encoded_for_signing(b"another statement")).unwrap();
            assert!(openssl(at, &verify).is_err());
        }
    }

    #[test]
    fn another_kind_of_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        openssl(folder.path(), "genpkey -algorithm RSA -out key.pem").unwrap();
        let origin = Origin {
            commit: "0123",
            repository: "r",
            builder: "b",
        };
        let error = sign(&[], &origin, &folder.path().join("key.pem")).unwrap_err();
        assert!(
            error.to_string().contains("neither a P-256 nor an Ed25519 key"),
            "{error}"
        );
    }
}
