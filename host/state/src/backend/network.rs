//! How a database is reached: over TLS, with the system's certificates and more.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::backend::error::BackendError;

/// How a database is reached.
#[derive(Debug, Clone, Default)]
pub struct NetworkSettings {
    /// Root certificates beside the system's, each file in PEM.
    pub root_certificates: Vec<Vec<u8>>,
}

impl NetworkSettings {
    /// Makes the TLS settings: the server's certificate and name are always checked.
    ///
    /// # Errors
    /// When a certificate is not PEM or no certificate.
    pub fn tls(&self) -> Result<rustls::ClientConfig, BackendError> {
        // A provider that something else has installed stays: there is one for the process.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let provider = rustls::crypto::CryptoProvider::get_default().map_or_else(
            || Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            Arc::clone,
        );
        let unusable = |error: &dyn std::error::Error| {
            BackendError::settings(
                format!("a root certificate cannot be used: {error}"),
                "AWS_CA_BUNDLE and SSL_CERT_FILE name files with certificates in PEM",
            )
        };
        let mut extra = Vec::new();
        for pem in &self.root_certificates {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                extra.push(certificate.map_err(|error| unusable(&error))?);
            }
        }
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        Ok(match Verifier::new_with_extra_roots(extra.clone(), provider) {
            Ok(verifier) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier)),
            // A machine without root certificates can still talk to whom the extra ones are for.
            Err(_) => {
                let mut roots = rustls::RootCertStore::empty();
                for certificate in extra {
                    roots.add(certificate).map_err(|error| unusable(&error))?;
                }
                builder.with_root_certificates(roots)
            }
        }
        .with_no_client_auth())
    }
}
