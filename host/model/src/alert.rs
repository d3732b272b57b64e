//! Who is told when something is found, and how.

use std::collections::BTreeMap;

use crate::secret::SecretText;

/// How somebody is told.
#[derive(Debug, Clone)]
pub enum AlertTarget {
    /// A request with the drift as JSON.
    Webhook {
        /// Where to; it may carry a token.
        url: SecretText,
        /// Headers, for example with a credential.
        headers: BTreeMap<String, SecretText>,
    },
    /// A message in the form that Slack and its likes take.
    Slack {
        /// The incoming webhook.
        url: SecretText,
    },
    /// A mail.
    Email {
        /// `smtps://HOST[:PORT]`, `smtp://HOST[:PORT]` with STARTTLS, or on this machine without TLS.
        server: String,
        /// Who logs in.
        user: Option<String>,
        /// With what.
        password: Option<SecretText>,
        /// The sender.
        from: String,
        /// The recipients.
        to: Vec<String>,
    },
    /// A program that gets the drift as JSON on its standard input.
    Command {
        /// The program and its arguments; no shell is between.
        run: Vec<String>,
    },
}
