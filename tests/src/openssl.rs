//! The `openssl` program: what makes keys and certificates in these tests is not what checks them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs `openssl` in a folder and returns what it wrote to standard output.
///
/// # Panics
/// When it is not installed or fails, with what it said.
#[track_caller]
pub(crate) fn openssl<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let output = command
        .output()
        .expect("`openssl` 3 is needed for the tests of registries and signatures");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A certificate authority of one test.
pub(crate) struct CertificateAuthority {
    folder: PathBuf,
}

/// What `openssl` is told, so that the machine's own configuration does not matter.
const CONFIGURATION: &str = "\
[req]
prompt = no
distinguished_name = name
[name]
O = Konductor tests
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
[timestamps]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
";

impl CertificateAuthority {
    /// Makes an authority in a folder: `authority.pem`, its key and its configuration.
    pub(crate) fn create(folder: &Path) -> Self {
        std::fs::write(folder.join("openssl.cnf"), CONFIGURATION).unwrap();
        let authority = Self {
            folder: folder.to_owned(),
        };
        authority.key("authority");
        openssl(
            folder,
            [
                "req",
                "-x509",
                "-config",
                "openssl.cnf",
                "-extensions",
                "authority",
                "-subj",
                "/O=Konductor tests/CN=Authority",
                "-key",
                "authority.key",
                "-days",
                "2",
                "-sha256",
                "-out",
                "authority.pem",
            ],
        );
        authority
    }

    /// Returns the authority's certificate, in PEM.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Makes the key `NAME.key` and the certificate `NAME.pem` for a use that the configuration names.
    pub(crate) fn issue(&self, name: &str, usage: &str) {
        self.key(name);
        let (key, request, certificate) = (
            format!("{name}.key"),
            format!("{name}.csr"),
            format!("{name}.pem"),
        );
        let subject = format!("/O=Konductor tests/CN={name}");
        openssl(
            &self.folder,
            [
                "req",
                "-new",
                "-config",
                "openssl.cnf",
                "-subj",
                &subject,
                "-key",
                &key,
                "-out",
                &request,
            ],
        );
        openssl(
            &self.folder,
            [
                "x509",
                "-req",
                "-in",
                &request,
                "-CA",
                "authority.pem",
                "-CAkey",
                "authority.key",
                "-CAcreateserial",
                "-days",
                "2",
                "-sha256",
                "-extfile",
                "openssl.cnf",
                "-extensions",
                usage,
                "-out",
                &certificate,
            ],
        );
    }

    fn key(&self, name: &str) {
        let file = format!("{name}.key");
        openssl(
            &self.folder,
            [
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-out",
                &file,
            ],
        );
    }
}
