//! Records as syslog messages of RFC 5424, over TLS (RFC 5425), TCP with counted octets (RFC 6587) or UDP (RFC 5426).

#![allow(
    clippy::disallowed_types,
    reason = "events are the host's own traffic: no plugin names an address or sees an answer"
)]

use std::fmt::Write as _;
use std::time::Duration;

use konductor_alert::Network;
use konductor_model::{SyslogAddress, SyslogTransport, with_causes};
use konductor_state::backend::NetworkSettings;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use super::ForwardError;
use crate::record::{AuditRecord, Outcome};

/// The facility of audits.
const FACILITY: u8 = 13;
/// The longest message over UDP; receivers and networks drop longer ones.
const DATAGRAM: usize = 8 * 1024;
/// How long a receiver may take to close a connection whose end it was told.
const CLOSING: Duration = Duration::from_secs(10);
/// The number of the names of our structured data: the one that RFC 5612 keeps for examples, because there is no other.
const DATA: &str = "konductor@32473";

/// Sends records.
pub(super) async fn send(
    address: &SyslogAddress,
    records: &[AuditRecord],
    network: &Network,
) -> Result<(), ForwardError> {
    let place = format!("{}:{}", address.host, address.port);
    let failed = |error: &dyn std::error::Error| ForwardError::Connection {
        place: place.clone(),
        reason: with_causes(error),
    };
    let to = (address.host.as_str(), address.port);
    if address.transport == SyslogTransport::Udp {
        return send_datagrams(to, records).await.map_err(|error| failed(&error));
    }
    let mut bytes = Vec::new();
    for record in records {
        let message = message(record);
        bytes.extend_from_slice(format!("{} ", message.len()).as_bytes());
        bytes.extend_from_slice(message.as_bytes());
    }
    let stream = TcpStream::connect(to).await.map_err(|error| failed(&error))?;
    if address.transport == SyslogTransport::Tcp {
        return write(stream, &bytes).await.map_err(|error| failed(&error));
    }
    let certificates = network.certificates()?.into_iter().map(|(_, pem)| pem).collect();
    let settings = NetworkSettings {
        root_certificates: certificates,
    };
    let tls = settings.tls().map_err(|error| failed(&error))?;
    let name = ServerName::try_from(address.host.clone()).map_err(|error| failed(&error))?;
    let stream = TlsConnector::from(std::sync::Arc::new(tls))
        .connect(name, stream)
        .await
        .map_err(|error| failed(&error))?;
    write(stream, &bytes).await.map_err(|error| failed(&error))
}

/// Writes everything, says that this was all, and waits until the receiver closes: syslog has no other acknowledgement, and
/// what is written to a connection that has just ended fails for nobody.
async fn write(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    let closed = async {
        let mut rest = [0; 256];
        loop {
            match stream.read(&mut rest).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // A receiver that closes without the farewell of TLS has read all the same.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    };
    tokio::time::timeout(CLOSING, closed).await.unwrap_or_else(|_| {
        Err(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "the receiver did not close the connection, so it is not known whether it has read everything",
        ))
    })
}

async fn send_datagrams(to: (&str, u16), records: &[AuditRecord]) -> std::io::Result<()> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the host has no address");
    for found in tokio::net::lookup_host(to).await? {
        let own = if found.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(own).await?;
        if let Err(error) = socket.connect(found).await {
            last = error;
            continue;
        }
        for record in records {
            let message = message(record);
            let end = message.floor_char_boundary(DATAGRAM);
            socket
                .send(message.get(..end).unwrap_or_default().as_bytes())
                .await?;
        }
        return Ok(());
    }
    Err(last)
}

/// Returns a record as a message. What follows the structured data is the record as JSON.
fn message(record: &AuditRecord) -> String {
    let severity = match record.outcome {
        Outcome::Failure => 4,
        Outcome::Success | Outcome::Unknown => 6,
    };
    let time = record.written.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
    let host = record.actor.as_deref().and_then(|actor| actor.rsplit_once('@'));
    let host = host.map(|(_, host)| host).filter(|host| {
        !host.is_empty() && host.len() <= 255 && host.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let mut message = format!(
        "<{}>1 {time} {} konductor - {} [{DATA}",
        FACILITY * 8 + severity,
        host.unwrap_or("-"),
        record.kind
    );
    let serial = record.serial.to_string();
    let resource = record.resource.as_ref();
    let parameters = [
        ("project", Some(&record.project)),
        ("stack", Some(&record.stack)),
        ("serial", Some(&serial)),
        ("hash", Some(&record.hash)),
        ("actor", record.actor.as_ref()),
        ("run", record.run.as_ref()),
        ("resource", resource.map(|resource| &resource.name)),
        (
            "type",
            resource.and_then(|resource| resource.resource_type.as_ref()),
        ),
    ];
    for (name, value) in parameters {
        if let Some(value) = value {
            let _ = write!(message, " {name}=\"{}\"", escaped(value));
        }
    }
    let _ = write!(message, " outcome=\"{}\"]", record.outcome.word());
    // No mark of the order of bytes before it: readers of JSON stumble over one.
    let _ = write!(message, " {}", serde_json::json!(record));
    message
}

/// Escapes a value of structured data: `"`, `\` and `]`. Control characters become spaces.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' | '\\' | ']' => escaped.extend(['\\', character]),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use proptest::prelude::*;

    #[test]
    fn a_message_has_the_fields_of_its_header_and_a_time_with_six_digits() {
        let mut record = record();
        record.written = "2025-11-22T08:26:40.123456789Z".parse().unwrap();
        let message = message(&record);
        assert!(
            message.starts_with(
                "<108>1 2025-11-22T08:26:40.123456Z analytical konductor - end [konductor@32473 project=\"shop\""
            ),
            "{message}"
        );
        let json: serde_json::Value = serde_json::from_str(message.split_once("] ").unwrap().1).unwrap();
        assert_eq!(json["serial"], 42);
    }

    #[test]
    fn a_host_that_cannot_stand_in_the_header_is_left_out() {
        for actor in ["ada", "ada@", "ada@two words", "ada@höst"] {
            let mut record = record();
            record.actor = Some(actor.to_owned());
            assert!(message(&record).contains("Z - konductor "), "{actor}");
        }
    }

    proptest! {
        #[test]
        fn a_value_ends_where_it_should_and_says_what_it_said(text in "[a \"\\\\\\]é\n]{0,30}") {
            let written = escaped(&text);
            let mut read = String::new();
            let mut characters = written.chars();
            while let Some(character) = characters.next() {
                prop_assert!(character != '"' && character != ']' && character != '\n');
                read.push(if character == '\\' { characters.next().unwrap() } else { character });
            }
            prop_assert_eq!(read, text.replace('\n', " "));
        }
    }
}
