//! Keys, certificates and a timestamp authority, made with the `openssl` command in a folder of their own.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder with what `openssl` made in it.
pub struct Workshop {
    folder: TempDir,
}

const AUTHORITY_CONFIGURATION: &str = "
[ca]
default_ca = ca_section
[ca_section]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[stamping]
extendedKeyUsage = critical,timeStamping
basicConstraints = critical,CA:false
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[tsa]
default_tsa = tsa_section
[tsa_section]
serial = tsa.serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256,sha384
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
";

impl Workshop {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("openssl.cnf"), AUTHORITY_CONFIGURATION).unwrap();
        std::fs::write(folder.path().join("index"), "").unwrap();
        std::fs::write(folder.path().join("tsa.serial"), "01").unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs `openssl` with words parted by spaces.
    pub fn openssl(&self, words: &str) {
        let output = Command::new("openssl")
            .args(words.split_whitespace())
            .current_dir::<&Path>(self.folder.path())
            .env("OPENSSL_CONF", self.path("openssl.cnf"))
            .output()
            .expect("these tests need the `openssl` command");
        assert!(
            output.status.success(),
            "openssl {words}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Makes `NAME.key` and `NAME.pub`; `ed25519` or a curve.
    pub fn key(&self, name: &str, kind: &str) {
        match kind {
            "ed25519" => self.openssl(&format!("genpkey -algorithm ED25519 -out {name}.key")),
            curve => self.openssl(&format!(
                "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out {name}.key"
            )),
        }
        self.openssl(&format!("pkey -in {name}.key -pubout -out {name}.pub"));
    }

    /// Makes the root certificate `NAME.pem` with a new key.
    pub fn root(&self, name: &str) {
        self.key(name, "P-256");
        self.openssl(&format!(
            "req -x509 -new -key {name}.key -subj /CN={name} -days 30 -config openssl.cnf -extensions authority -out {name}.pem"
        ));
    }

    /// Makes a timestamp authority `NAME` under a root: `NAME.chain.pem` is what a policy names. `validity` are two
    /// times such as `20200101000000Z`.
    pub fn timestamp_authority(&self, name: &str, root: &str, curve: &str, validity: Option<[&str; 2]>) {
        self.key(name, curve);
        self.openssl(&format!(
            "req -new -key {name}.key -subj /CN={name} -out {name}.csr -config openssl.cnf"
        ));
        let validity = match validity {
            Some([from, to]) => format!("-startdate {from} -enddate {to}"),
            None => "-days 30".to_owned(),
        };
        self.openssl(&format!(
            "ca -batch -notext -config openssl.cnf -extensions stamping -cert {root}.pem -keyfile {root}.key \
             -in {name}.csr -out {name}.pem {validity}"
        ));
        let chain = self.text(&format!("{name}.pem")) + &self.text(&format!("{root}.pem"));
        self.write(&format!("{name}.chain.pem"), chain.as_bytes());
    }

    /// Answers a timestamp request. With `chain` the certificates are sent along.
    pub fn stamp(&self, authority: &str, request: &[u8]) -> Vec<u8> {
        self.write("request.tsq", request);
        self.openssl(&format!(
            "ts -reply -config openssl.cnf -queryfile request.tsq -signer {authority}.pem -inkey {authority}.key -out response.tsr"
        ));
        self.bytes("response.tsr")
    }

    /// Signs bytes with OpenSSL alone.
    pub fn sign(&self, key: &str, bytes: &[u8]) -> Vec<u8> {
        self.write("message", bytes);
        let digest = if self.text(&format!("{key}.key")).len() < 130 {
            ""
        } else {
            "-digest sha256"
        };
        self.openssl(&format!(
            "pkeyutl -sign -inkey {key}.key -rawin -in message -out signature {digest}"
        ));
        self.bytes("signature")
    }
}
