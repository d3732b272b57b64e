//! Where events of the log are forwarded to.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::secret::SecretText;

/// Where events are forwarded to.
#[derive(Debug, Clone)]
pub enum AuditTarget {
    /// A receiver of syslog messages (RFC 5424).
    Syslog(SyslogAddress),
    /// A receiver of OpenTelemetry's logs, by OTLP over HTTP.
    Otlp {
        /// Where to, with the path: `https://HOST/v1/logs`.
        url: SecretText,
        /// Headers, for example with a credential.
        headers: BTreeMap<String, SecretText>,
    },
}

/// How syslog messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyslogTransport {
    /// TLS over TCP (RFC 5425).
    Tls,
    /// TCP, with counted octets (RFC 6587).
    Tcp,
    /// UDP (RFC 5426): what is lost on the way is not noticed.
    Udp,
}

/// The address of a receiver of syslog messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogAddress {
    /// How messages travel.
    pub transport: SyslogTransport,
    /// The host, without the brackets of an IPv6 address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for SyslogAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "expected `tcp+tls://HOST[:PORT]`, `tcp://HOST:PORT` or `udp://HOST[:PORT]`; an IPv6 address stands in brackets"
                .to_owned()
        };
        let (scheme, place) = text.split_once("://").ok_or_else(wrong)?;
        let (transport, usual) = match scheme {
            "tcp+tls" => (SyslogTransport::Tls, Some(6514)),
            // No port is registered for plain TCP.
            "tcp" => (SyslogTransport::Tcp, None),
            "udp" => (SyslogTransport::Udp, Some(514)),
            _ => return Err(wrong()),
        };
        let (host, rest) = match place.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').ok_or_else(wrong)?,
            None => match place.find(':') {
                Some(colon) => place.split_at(colon),
                None => (place, ""),
            },
        };
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0),
            None if rest.is_empty() => usual,
            None => None,
        };
        let is_host = !host.is_empty() && !host.contains(['/', '@', ' ', '?', '#']);
        Ok(Self {
            transport,
            host: Some(host.to_owned()).filter(|_| is_host).ok_or_else(wrong)?,
            port: port.ok_or_else(wrong)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_transport_a_host_and_a_port() {
        let read = |text: &str| {
            let found: SyslogAddress = text.parse().unwrap();
            (found.transport, found.host, found.port)
        };
        let tls = SyslogTransport::Tls;
        assert_eq!(
            read("tcp+tls://logs.example.com"),
            (tls, "logs.example.com".to_owned(), 6514)
        );
        assert_eq!(read("tcp+tls://[::1]:99"), (tls, "::1".to_owned(), 99));
        assert_eq!(
            read("tcp://10.0.0.1:601"),
            (SyslogTransport::Tcp, "10.0.0.1".to_owned(), 601)
        );
        assert_eq!(read("udp://logs"), (SyslogTransport::Udp, "logs".to_owned(), 514));
        for wrong in [
            "logs.example.com:514",
            "tcp://logs",
            "tls://logs:6514",
            "udp://:514",
            "udp://logs:0",
            "udp://logs:70000",
            "tcp+tls://user@logs",
            "tcp+tls://logs/path",
            "tcp+tls://[::1",
            "tcp+tls://::1",
            "tcp+tls://[::1]99",
        ] {
            assert!(wrong.parse::<SyslogAddress>().is_err(), "{wrong}");
        }
    }
}
