//! Tells people and machines of drift: webhooks, Slack and its likes, mail, programs, and figures for Prometheus.
//!
//! This is the host's own traffic. Its addresses come from the configuration of whoever runs the host, never from a
//! plugin, and no plugin sees its answers: so it does not go through the broker, whose rules, credentials and audit are
//! those of plugins. What is told is in the stack's log all the same.

mod email;
mod http;
mod metrics;
mod program;

pub use http::Network;
pub use metrics::{CheckResult, Metrics, MetricsServer};

use std::collections::BTreeMap;
use std::time::Duration;

use konductor_model::AlertTarget;

/// How long one alert may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// What is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// One line.
    pub title: String,
    /// Everything, as text.
    pub text: String,
    /// Everything, as data.
    pub document: serde_json::Value,
}

/// Why nobody could be told. No text holds an address, a header or a password: those may be secret.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The address cannot be used.
    #[error("the address is not one that can be used: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate file cannot be read or used.
    #[error("the certificate file {file} cannot be used: {reason}")]
    Certificate {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// There is no answer.
    #[error("{host} does not answer: {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// All that is known.
        reason: String,
    },
    /// The other side refused.
    #[error("{host} answered with {status}")]
    Refused {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The mail cannot be written or was not taken.
    #[error("the mail was not sent: {reason}")]
    Mail {
        /// Why.
        reason: String,
    },
    /// The program did not do it.
    #[error("`{program}` failed: {reason}")]
    Program {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
    /// It took too long.
    #[error("it was not done within {} s", DEADLINE.as_secs())]
    TimedOut,
    /// The figures cannot be offered.
    #[error("figures cannot be offered at {address}: {reason}")]
    Metrics {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
}

/// Tells somebody.
///
/// # Errors
/// When it is not known that it was told; it may have been.
pub async fn tell(target: &AlertTarget, message: &Message, network: &Network) -> Result<(), AlertError> {
    let telling = async {
        match target {
            AlertTarget::Webhook { url, headers } => {
                network.post(url, headers, &message.document).await.map(drop)
            }
            AlertTarget::Slack { url } => network
                .post(url, &BTreeMap::new(), &slack(message))
                .await
                .map(drop),
            AlertTarget::Email {
                server,
                user,
                password,
                from,
                to,
            } => {
                let mail = email::Mail {
                    server,
                    user: user.as_deref(),
                    password: password.as_ref(),
                    from,
                    to,
                };
                email::send(&mail, message, network).await
            }
            AlertTarget::Command { run } => program::run(run, message).await,
        }
    };
    tokio::time::timeout(DEADLINE, telling)
        .await
        .unwrap_or(Err(AlertError::TimedOut))
}

/// How long a message may be for Slack, in characters.
const SLACK: usize = 3_000;

/// Returns a message in the form that Slack's incoming webhooks take. What was read from a cloud cannot become a mention
/// or a link.
fn slack(message: &Message) -> serde_json::Value {
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let mut text: String = message.text.replace("```", "'''").chars().take(SLACK).collect();
    if message.text.chars().count() > SLACK {
        text.push('…');
    }
    let text = if text.trim().is_empty() {
        escaped(&message.title)
    } else {
        format!(
            "*{}*\n```\n{}\n```",
            escaped(&message.title),
            escaped(text.trim_end())
        )
    };
    serde_json::json!({ "text": text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_cloud_becomes_no_mention_and_no_end_of_the_block() {
        let message = Message {
            title: "drift in shop/dev".to_owned(),
            text: "tags.Name: <!channel> ``` <https://example.org|click>".to_owned(),
            document: serde_json::Value::Null,
        };
        let text = slack(&message)["text"].as_str().unwrap().to_owned();
        assert!(!text.contains('<') && !text.contains('>'), "{text}");
        assert_eq!(text.matches("```").count(), 2, "{text}");
    }

    #[test]
    fn a_long_message_is_cut() {
        let message = Message {
            title: "t".to_owned(),
            text: "x".repeat(10_000),
            document: serde_json::Value::Null,
        };
        let text = slack(&message)["text"].as_str().unwrap().to_owned();
        assert!(text.chars().count() < SLACK + 20);
        assert!(text.contains('…'));
    }
}
