//! Delivers records to receivers of a site. A delivery that is not known to have arrived has failed: it is made again, so a
//! record may come twice, and none is left out.

mod otlp;
mod syslog;

use std::time::Duration;

use konductor_alert::{AlertError, Network};
use konductor_model::AuditTarget;

use crate::record::AuditRecord;

/// How long one delivery may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Why records were not delivered, or it is not known that they were. No text holds a header or the path of a URL.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The request failed.
    #[error(transparent)]
    Request(#[from] AlertError),
    /// The receiver took the request and not all that was in it.
    #[error("the receiver refused {refused} of {sent} events: {reason}")]
    Refused {
        /// How many it refused.
        refused: u64,
        /// How many there were.
        sent: usize,
        /// What it says.
        reason: String,
    },
    /// The syslog receiver cannot be reached, or the connection ended.
    #[error("{place}: {reason}")]
    Connection {
        /// The receiver.
        place: String,
        /// All that is known.
        reason: String,
    },
    /// It took too long.
    #[error("it was not done within {} s", DEADLINE.as_secs())]
    TimedOut,
}

/// Delivers records.
///
/// # Errors
/// When it is not known that all of them arrived. Over UDP nothing is known of what was sent.
pub async fn deliver(
    target: &AuditTarget,
    records: &[AuditRecord],
    network: &Network,
) -> Result<(), ForwardError> {
    let delivering = async {
        match target {
            AuditTarget::Syslog(address) => syslog::send(address, records, network).await,
            AuditTarget::Otlp { url, headers } => {
                let answer = network.post(url, headers, &otlp::document(records)).await?;
                otlp::accepted(&answer, records.len())
            }
        }
    };
    tokio::time::timeout(DEADLINE, delivering)
        .await
        .unwrap_or(Err(ForwardError::TimedOut))
}
