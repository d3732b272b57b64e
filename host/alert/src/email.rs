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
    deliver(mail, written, connection(mail.server)?, network).await
}

/// Where a server is, and when TLS begins.
struct Connection {
    host: String,
    port: u16,
    security: Security,
}

enum Security {
    /// Never: what is sent does not leave this machine.
    None,
    /// When the server was asked for it, and before anything else is said.
    StartTls,
    /// With the first byte.
    Tls,
}

async fn deliver(
    mail: &Mail<'_>,
    written: lettre::Message,
    connection: Connection,
    network: &Network,
) -> Result<(), AlertError> {
    let failed = |reason: String| AlertError::Mail { reason };
    transport(mail, connection, network)?
        .send(written)
        .await
        .map(|_| ())
        .map_err(|error| failed(with_causes(&error)))
}

fn connection(server: &str) -> Result<Connection, AlertError> {
    let address = |reason: &str| AlertError::Address {
        reason: reason.to_owned(),
    };
    let url: Url = server
        .parse()
        .map_err(|_| address("the mail server is written like smtps://mail.example.org"))?;
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| address("the mail server has no host"))?
        .to_owned();
    let (port, security) = match url.scheme() {
        "smtps" => (465, Security::Tls),
        "smtp" if is_loopback(&host) => (25, Security::None),
        "smtp" => (587, Security::StartTls),
        _ => return Err(address("the mail server begins with smtps:// or smtp://")),
    };
    Ok(Connection {
        host,
        port: url.port().unwrap_or(port),
        security,
    })
}

fn transport(
    mail: &Mail<'_>,
    connection: Connection,
    network: &Network,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, AlertError> {
    let Connection { host, port, security } = connection;
    let tls = match security {
        Security::None => Tls::None,
        Security::StartTls => Tls::Required(parameters(&host, network)?),
        Security::Tls => Tls::Wrapper(parameters(&host, network)?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(port)
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

#[cfg(test)]
mod tests {
    use konductor_tests::MailServer;

    use super::*;

    #[test]
    fn tls_comes_first_or_is_asked_for_and_is_left_out_on_this_machine_alone() {
        let of = |server: &str| connection(server).map(|found| (found.port, found.security));
        assert!(matches!(of("smtps://mail.example.org"), Ok((465, Security::Tls))));
        assert!(matches!(of("smtps://127.0.0.1:2465"), Ok((2465, Security::Tls))));
        assert!(matches!(
            of("smtp://mail.example.org"),
            Ok((587, Security::StartTls))
        ));
        assert!(matches!(of("smtp://[::1]"), Ok((25, Security::None))));
        assert!(of("https://mail.example.org").is_err());
    }

    /// Sends a mail to the port with STARTTLS, as to a server on another machine.
    async fn sent(server: &MailServer, password: &str, trusted: bool) -> Result<(), String> {
        let password = SecretText::new(password);
        let mail = Mail {
            server: "smtp://mail.example.org",
            user: Some(MailServer::USER),
            password: Some(&password),
            from: "konductor@example.org",
            to: &[],
        };
        let written = lettre::Message::builder()
            .from(mail.from.parse().unwrap())
            .to("operations@example.org".parse().unwrap())
            .subject("drift")
            .body("here\n".to_owned())
            .unwrap();
        let connection = Connection {
            host: "127.0.0.1".to_owned(),
            port: server.starttls(),
            security: connection(mail.server).unwrap().security,
        };
        let network = Network {
            certificate_files: trusted.then(|| server.authority()).into_iter().collect(),
            ..Network::default()
        };
        let result = deliver(&mail, written, connection, &network).await;
        result.map_err(|error| with_causes(&error))
    }

    #[tokio::test]
    async fn with_starttls_a_mail_goes_over_tls_to_a_server_that_is_trusted() {
        let server = MailServer::start();
        sent(&server, MailServer::PASSWORD, true).await.unwrap();
        let mail = server.next();
        assert_eq!(mail["to"], serde_json::json!(["operations@example.org"]));
        assert_eq!(
            (&mail["tls"], &mail["user"]),
            (&"TLSv1.3".into(), &MailServer::USER.into())
        );

        let error = sent(&server, MailServer::PASSWORD, false).await.unwrap_err();
        assert!(error.contains("invalid peer certificate"), "{error}");
        let error = sent(&server, "wrong", true).await.unwrap_err();
        assert!(error.contains("535"), "{error}");
        assert!(!server.has_mail());
    }
}
