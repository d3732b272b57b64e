//! The harness of the end-to-end tests: the built binary in a clean environment, an emulated AWS account that
//! checks signatures, and boto3 to look into that account without Konductor.
//!
//! For plugins that travel there are an OCI registry and a site's own keys and time stamps, made by `openssl`.
//!
//! It needs `cargo xtask plugins`, `python`, `languages`, `examples`, `registry`, `postgresql` and `browser` once; `cargo xtask test` does all.

mod alert_receiver;
mod audit_receiver;
mod aws_account;
mod azure_account;
mod binary;
mod checkout;
mod cutting_proxy;
mod devpi;
mod gcp_project;
mod installation;
mod kinto;
mod line_process;
mod mail_server;
mod node_tools;
mod oci_registry;
mod openbao;
mod openssl;
mod postgresql;
mod power_dns;
mod project;
mod running;
mod rust_tools;
mod search;
mod service;
mod simulator;
mod site_authority;
mod site_signature;

pub use alert_receiver::{AlertReceiver, fetched};
pub use audit_receiver::AuditReceiver;
pub use aws_account::AwsAccount;
pub use azure_account::AzureAccount;
pub use binary::konductor as binary;
pub use checkout::{
    archive, archived, audit_environment, browser, example, example_plugins, guest, javascript_plugins,
    kubernetes_environment, node_programs, oscal_environment, python, python_environment, python_plugins,
    root,
};
pub use cutting_proxy::{CuttingProxy, Target};
pub use devpi::Devpi;
pub use gcp_project::GcpProject;
pub use installation::{Installation, SHIPPED};
pub use kinto::Kinto;
pub use mail_server::MailServer;
pub use oci_registry::{OciRegistry, RegistryAnswer, write_docker_configuration};
pub use openbao::OpenBao;
pub use postgresql::PostgreSqlServer;
pub use power_dns::PowerDns;
pub use project::{Finished, Project};
pub use running::{Running, Signal};
pub use rust_tools::rust_tools;
pub use search::{files_that_hold, holds};
pub use site_authority::{KeyKind, SiteAuthority, SiteKey};
pub use site_signature::{CERTIFICATES_FILE, KEY_FILE, certificates, sign_in_two_steps, site_policy};
