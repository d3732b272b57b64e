//! Signs plugins, packages of policies and statements about runs, and verifies who signed them. Nothing here opens a
//! socket or a file: a bundle, trusted keys and the bytes go in, a verdict comes out.
//!
//! A signature is a Sigstore bundle v0.3: an in-toto statement with SLSA provenance, signed with a managed key and
//! stamped by a timestamp authority, or signed by a workload identity that a trust root vouches for.

mod bundle_form;
mod envelope;
pub mod key;
pub mod signing;
pub mod statement;
pub mod timestamp;
pub mod trust;
pub mod verification;

pub use bundle_form::{BUNDLE_LIMIT, BundleError};
pub use envelope::{EnvelopeError, OpenedEnvelope, open_statement, sign_statement};
pub use key::{KeyError, PublicKey, SigningKey};
pub use signing::{Attestation, SignedAttestation, SigningError};
pub use statement::{Built, Provenance, SourceCode, StatementError, StatementFacts};
pub use timestamp::TimestampError;
pub use trust::{
    IdentityPattern, KeylessSigner, ManagedSigner, Signer, TimestampAuthority, TrustError, TrustRoot,
};
pub use verification::{VerificationError, VerifiedSignature, verify};
