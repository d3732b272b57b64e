//! Mail by SMTP.

use konductor_model::{SecretText, with_causes};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use url::Url;

use crate::http::is_loopback;
use crate::{AlertError, DEADLINE, Message, Network};

/// A mail before it is written.
pub(crate) struct Mail<'a> {
    pub(crate) server: &'a str,
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a SecretText>,
    pub(crate) from: &'a str,
    pub(crate) to: &'a [String],
}

/// Sends a mail.
pub(crate) async fn send(mail: &Mail<'_>, message: &Message, network: &Network) -> Result<(), AlertError> {
    let failed = |reason: String| AlertError::Mail { reason };
    let mailbox = |text: &str| -> Result<Mailbox, AlertError> {
        text.parse()
            .map_err(|error| failed(format!("`{text}` is no mail address: {error}")))
    };
    let mut builder = lettre::Message::builder()
        .from(mailbox(mail.from)?)
        .subject(message.title.as_str());
    for to in mail.to {
        builder = builder.to(mailbox(to)?);
    }
    let text = if message.text.trim().is_empty() {
        format!("{}\n", message.title)
    } else {
        message.text.clone()
    };
    let written = builder.body(text).map_err(|error| failed(with_causes(&error)))?;
    let transport = transport(mail, network)?;
    transport
        .send(written)
        .await
        .map(|_| ())
        .map_err(|error| failed(with_causes(&error)))
}

fn transport(mail: &Mail<'_>, network: &Network) -> Result<AsyncSmtpTransport<Tokio1Executor>, AlertError> {
    let address = |reason: &str| AlertError::Address {
        reason: reason.to_owned(),
    };
    let url: Url = mail
        .server
        .parse()
        .map_err(|_| address("the mail server is written like smtps://mail.example.org"))?;
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| address("the mail server has no host"))?
        .to_owned();
    let (port, tls) = match url.scheme() {
        "smtps" => (465, Tls::Wrapper(parameters(&host, network)?)),
        "smtp" if is_loopback(&host) => (25, Tls::None),
        "smtp" => (587, Tls::Required(parameters(&host, network)?)),
        _ => return Err(address("the mail server begins with smtps:// or smtp://")),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(url.port().unwrap_or(port))
        .timeout(Some(DEADLINE))
        .tls(tls);
    if let (Some(user), Some(password)) = (mail.user, mail.password) {
        builder = builder.credentials(Credentials::new(user.to_owned(), password.reveal().to_owned()));
    }
    Ok(builder.build())
}

fn parameters(host: &str, network: &Network) -> Result<TlsParameters, AlertError> {
    // A provider that something else has installed stays: there is one for the process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let unusable = |file: &str, error: &lettre::transport::smtp::Error| AlertError::Certificate {
        file: file.to_owned(),
        reason: with_causes(error),
    };
    let mut builder = TlsParameters::builder(host.to_owned());
    for (file, pem) in network.certificates()? {
        let file = file.display().to_string();
        let root = Certificate::from_pem(&pem).map_err(|error| unusable(&file, &error))?;
        builder = builder.add_root_certificate(root);
    }
    builder
        .build_rustls()
        .map_err(|error| unusable("of the system", &error))
}
