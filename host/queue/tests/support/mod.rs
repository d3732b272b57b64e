//! What the tests of the queue share.

use konductor_model::SecretText;
use konductor_state::backend::{NetworkSettings, PostgreSqlSettings};
use konductor_tests::PostgreSqlServer;

/// Returns how a server of a test is reached.
pub fn settings(server: &PostgreSqlServer) -> PostgreSqlSettings {
    PostgreSqlSettings {
        url: SecretText::new(server.url()),
        password: None,
        user: None,
        network: NetworkSettings::default(),
    }
}
