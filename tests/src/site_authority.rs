//! What a locked-down site has of its own: keys that sign plugins, and an authority that stamps the time.
//! All of it is made by `openssl`.

use std::path::{Path, PathBuf};

use crate::openssl::{CertificateAuthority, openssl};

/// The kind of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA with the curve P-256 and SHA-256.
    P256,
    /// Ed25519.
    Ed25519,
}

/// A signing key that `openssl` made and keeps.
pub struct SiteKey {
    kind: KeyKind,
    private: PathBuf,
    public: PathBuf,
    folder: PathBuf,
}

impl SiteKey {
    /// Returns the private key's file, in PEM.
    pub fn private(&self) -> &Path {
        &self.private
    }

    /// Returns the public key's file, in PEM.
    pub fn public(&self) -> &Path {
        &self.public
    }

    /// Returns the public key, in PEM.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn public_text(&self) -> String {
        std::fs::read_to_string(&self.public).unwrap()
    }

    /// Signs bytes, as a person with `openssl` at hand would, and returns the signature as it comes: DER for P-256.
    ///
    /// # Panics
    /// When `openssl` fails.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new_in(&self.folder).unwrap();
        std::fs::write(file.path(), message).unwrap();
        let message = file.path().to_str().unwrap();
        let key = self.private.to_str().unwrap();
        let mut arguments = vec!["pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", message];
        if self.kind == KeyKind::P256 {
            arguments.extend(["-digest", "sha256"]);
        }
        openssl(&self.folder, arguments)
    }
}

/// The authority of a site, in a folder of its own.
pub struct SiteAuthority {
    authority: CertificateAuthority,
    folder: tempfile::TempDir,
}

/// What `openssl ts` is told. The policy is an identifier that is reserved for examples.
const TIMESTAMPS: &str = "\
[tsa]
default_tsa = here
[here]
serial = serial
signer_digest = sha256
digests = sha256, sha384, sha512
default_policy = 1.2.3.4.1
accuracy = secs:1
ess_cert_id_alg = sha256
";

impl SiteAuthority {
    /// Makes the authority and its certificate for time stamps.
    ///
    /// # Panics
    /// When `openssl` fails.
    pub fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = CertificateAuthority::create(folder.path());
        authority.issue("timestamps", "timestamps");
        std::fs::write(folder.path().join("timestamps.cnf"), TIMESTAMPS).unwrap();
        std::fs::write(folder.path().join("serial"), "01\n").unwrap();
        Self { authority, folder }
    }

    /// Returns the authority's own certificate, in PEM: the root that its time stamps lead to.
    pub fn certificate(&self) -> PathBuf {
        self.authority.certificate()
    }

    /// Returns the certificate that stamps the time, in PEM.
    pub fn timestamp_certificate(&self) -> PathBuf {
        self.folder.path().join("timestamps.pem")
    }

    /// Makes a signing key.
    ///
    /// # Panics
    /// When `openssl` fails.
    pub fn key(&self, name: &str, kind: KeyKind) -> SiteKey {
        let folder = self.folder.path();
        let private = folder.join(format!("signer-{name}.key"));
        let public = folder.join(format!("signer-{name}.pub"));
        let file = private.to_str().unwrap();
        match kind {
            KeyKind::P256 => openssl(
                folder,
                [
                    "genpkey",
                    "-algorithm",
                    "EC",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-out",
                    file,
                ],
            ),
            KeyKind::Ed25519 => openssl(folder, ["genpkey", "-algorithm", "ED25519", "-out", file]),
        };
        openssl(
            folder,
            ["pkey", "-in", file, "-pubout", "-out", public.to_str().unwrap()],
        );
        SiteKey {
            kind,
            private,
            public,
            folder: folder.to_owned(),
        }
    }

    /// Stamps bytes, and returns the RFC 3161 response in DER with the certificate in it.
    ///
    /// # Panics
    /// When `openssl` fails.
    pub fn timestamp(&self, bytes: &[u8]) -> Vec<u8> {
        let folder = self.folder.path();
        let file = tempfile::NamedTempFile::new_in(folder).unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let data = file.path().to_str().unwrap();
        let query = openssl(folder, ["ts", "-query", "-data", data, "-sha256", "-cert"]);
        self.answer_query(&query)
    }

    /// Answers a query in DER, for those that made it themselves.
    ///
    /// # Panics
    /// When `openssl` fails.
    pub fn answer_query(&self, query: &[u8]) -> Vec<u8> {
        let folder = self.folder.path();
        let file = tempfile::NamedTempFile::new_in(folder).unwrap();
        std::fs::write(file.path(), query).unwrap();
        openssl(
            folder,
            [
                "ts",
                "-reply",
                "-config",
                "timestamps.cnf",
                "-queryfile",
                file.path().to_str().unwrap(),
                "-signer",
                "timestamps.pem",
                "-inkey",
                "timestamps.key",
                "-chain",
                "authority.pem",
            ],
        )
    }
}
