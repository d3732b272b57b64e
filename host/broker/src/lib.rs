//! The only way a plugin's request leaves the machine: egress rules, signing, throttling, retry and audit.
//!
//! A run makes one [`Broker`]. For every plugin it makes a [`konductor_model::cloud::Cloud`] with
//! [`Broker::session`], which holds the plugin's [`Grant`] and cannot be widened afterwards. The guest names
//! an endpoint, a path, parameters, headers and a body; host name, scheme, signing scope and credentials
//! always come from this side. Sealed secrets ([`Vault`]) reach the guest as tokens; their values are put in here, and
//! taken out of what comes back. What a run sends can be recorded ([`Recorder`]) and replayed without a network ([`Replay`]);
//! both stand behind every gate. A session has a client and a gate of its own, so two share no connection.
//!
//! What is not covered: a response body that the cloud sends compressed (`Content-Encoding: gzip` on a stored
//! object) is handed over as it is, so an echo of a credential or a secret inside it is not found; and behind a proxy
//! the proxy resolves names, so the address filter sees only the proxy's address.

mod account;
mod admission;
mod admitted;
pub mod audit;
mod authentication;
mod bearer;
pub mod broker;
mod credential_cache;
pub mod credentials;
mod denial;
mod echo;
pub mod egress;
mod endpoint;
mod fips;
pub mod grant;
pub mod http_credential;
mod identity_http;
mod named_account;
mod named_secrets;
mod neutral;
mod operation;
mod own_requests;
mod placement;
mod presentation;
mod recorder;
mod redaction;
mod renewal_cache;
mod replay;
pub mod request;
pub mod retry;
mod section;
mod session;
mod shared_limit;
mod signing;
pub mod throttle;
mod token_operation;
mod transport;
pub mod vault;
mod xml_text;

pub use audit::{AuditPermit, AuditSink, AuditUnavailable, CallRecord};
pub use bearer::BearerSource;
pub use bearer::entra::{AzureCloud, EntraApplication, EntraBase, EntraPlaces, EntraProof, EntraSource};
pub use bearer::google::{GoogleBase, GooglePlaces, GoogleSource, Impersonation};
pub use broker::{Broker, BrokerError, BrokerOptions, CallLimits, SessionOptions};
pub use credentials::{AccessKeys, AssumeRole, CredentialBase, CredentialSource, WebIdentity};
pub use egress::{Resolver, SystemResolver};
pub use grant::{EndpointGrant, EndpointSettings, Grant};
pub use http_credential::HttpCredential;
pub use named_secrets::NamedSecrets;
pub use own_requests::{OwnRequestError, OwnRequests};
pub use recorder::{RecordError, Recorder};
pub use replay::{Replay, ReplayOutcome};
pub use retry::RetryOptions;
pub use shared_limit::{RightsGiven, RightsWanted, SharedLimits};
pub use throttle::ThrottleOptions;
pub use vault::Vault;
