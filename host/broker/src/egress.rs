//! The one gate between a request and the network: which hosts and addresses may be connected to.
//!
//! The guest never names a host, so this is the second wall: it stops a name that resolves into the machine's
//! own network, and an override that points at a metadata service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cidr::IpCidr;
use url::{Host, Url};

/// Turns names into addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Looks a name up.
    ///
    /// # Errors
    /// When it has no address or the look-up fails.
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0))
            .await?
            .map(|address| address.ip())
            .collect())
    }
}

/// Why a connection is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EgressDenied(String);

/// The gate. Hosts of operator overrides pass it at exactly the configured port.
pub struct Egress {
    resolver: Arc<dyn Resolver>,
    private_networks: Vec<IpCidr>,
    overrides: Mutex<BTreeMap<String, BTreeSet<u16>>>,
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress")
            .field("private_networks", &self.private_networks)
            .finish_non_exhaustive()
    }
}

impl Egress {
    /// Makes a gate. `private_networks` are networks of the operator that cloud hosts may resolve into, such as
    /// those of VPC endpoints; loopback, link-local and metadata addresses stay denied in them.
    pub fn new(resolver: Arc<dyn Resolver>, private_networks: Vec<IpCidr>) -> Self {
        Self {
            resolver,
            private_networks,
            overrides: Mutex::default(),
        }
    }

    /// Lets requests to one host and port pass, because the operator configured it.
    ///
    /// # Errors
    /// When it is a metadata service: those give out credentials, so no configuration opens them to a plugin.
    pub fn allow(&self, url: &Url) -> Result<(), EgressDenied> {
        let (host, port) = host_and_port(url)?;
        if is_metadata_name(&host) || literal(url).is_some_and(is_metadata) {
            return Err(EgressDenied(format!(
                "`{host}` is a metadata service; no endpoint may point at it"
            )));
        }
        self.overrides
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(host)
            .or_default()
            .insert(port);
        Ok(())
    }

    /// Checks a request's address before anything is resolved or connected.
    ///
    /// # Errors
    /// When plain HTTP, a private or special address, or a metadata service is asked for without an override for
    /// exactly this host and port.
    pub fn check(&self, url: &Url) -> Result<(), EgressDenied> {
        let (host, port) = host_and_port(url)?;
        if is_metadata_name(&host) || literal(url).is_some_and(is_metadata) {
            return Err(EgressDenied(format!(
                "`{host}` is a metadata service; no plugin may reach it"
            )));
        }
        match self.override_ports(&host) {
            Some(ports) if ports.contains(&port) => return Ok(()),
            Some(_) => {
                return Err(EgressDenied(format!(
                    "`{host}` is an endpoint override at another port than {port}; configure `{host}:{port}` as well"
                )));
            }
            None => {}
        }
        if url.scheme() != "https" {
            return Err(EgressDenied(format!(
                "`{host}:{port}` would be reached without TLS; only an override may be"
            )));
        }
        match literal(url) {
            Some(address) => self.check_address(&host, address),
            None if is_local_name(&host) => Err(EgressDenied(format!(
                "`{host}` is this machine; to reach a local emulator configure its address as endpoint override"
            ))),
            None => Ok(()),
        }
    }

    /// Checks a request that fetches credentials. Its address comes from the operator's own environment and
    /// profile, so instance and container credential services and loopback pass as literal addresses.
    pub(crate) fn check_identity(&self, url: &Url) -> Result<(), EgressDenied> {
        match literal(url) {
            Some(address) if is_metadata(address) || address.is_loopback() => Ok(()),
            _ if host_and_port(url)?.0 == "localhost" => self.allow(url),
            _ => self.check(url),
        }
    }

    /// Looks a name up and keeps the addresses that may be connected to.
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let host = normal_name(host);
        let found = self.resolver.resolve(&host).await?;
        let overridden = self.override_ports(&host).is_some();
        let mut denied = None;
        let mut allowed = Vec::with_capacity(found.len());
        for address in found {
            let result = if overridden && !is_metadata(address) {
                Ok(())
            } else {
                self.check_address(&host, address)
            };
            match result {
                Ok(()) => allowed.push(address),
                Err(error) => denied = Some(error),
            }
        }
        match (allowed.is_empty(), denied) {
            (false, _) => Ok(allowed),
            (true, Some(error)) => Err(Box::new(error)),
            (true, None) => Err(format!("`{host}` has no address").into()),
        }
    }

    fn check_address(&self, host: &str, address: IpAddr) -> Result<(), EgressDenied> {
        let address = address.to_canonical();
        let listed = || {
            self.private_networks
                .iter()
                .any(|network| network.contains(&address))
        };
        if !is_metadata(address) && (is_public(address) || (is_private_use(address) && listed())) {
            return Ok(());
        }
        Err(EgressDenied(format!(
            "`{host}` is at {address}, which is not a public address; if that is right, configure the endpoint's \
             override as `https://{host}` or list the network under the broker's private networks"
        )))
    }

    fn override_ports(&self, host: &str) -> Option<BTreeSet<u16>> {
        self.overrides
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .cloned()
    }
}

/// Hands the gate to the HTTP client, which connects only to what it returns.
pub(crate) struct GatedResolver(pub(crate) Arc<Egress>);

impl reqwest::dns::Resolve for GatedResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let egress = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = egress.resolve(name.as_str()).await?;
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as reqwest::dns::Addrs)
        })
    }
}

fn host_and_port(url: &Url) -> Result<(String, u16), EgressDenied> {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => Ok((normal_name(host), port)),
        _ => Err(EgressDenied("the address has no host".to_owned())),
    }
}

fn normal_name(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Returns the address of a host that is written as one. The URL parser has brought every spelling
/// (`0x7f.1`, `2130706433`, `0177.0.0.1`) into one form.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address).to_canonical()),
        Host::Domain(_) => None,
    }
}

fn is_local_name(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.ends_with(".local") || !host.contains('.')
}

fn is_metadata_name(host: &str) -> bool {
    matches!(
        host,
        "metadata.google.internal"
            | "metadata.goog"
            | "metadata"
            | "instance-data"
            | "instance-data.ec2.internal"
    )
}

/// Says whether an address gives out credentials to whoever asks: instance, container and platform metadata.
fn is_metadata(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            matches!(
                address.octets(),
                [169, 254, 169, 254] | [169, 254, 170, 2 | 23] | [168, 63, 129, 16]
            ) || matches!(
                address.octets(),
                [169, 254, 169, 253] | [100, 100, 100, 200] | [192, 0, 0, 192]
            )
        }
        IpAddr::V6(address) => {
            matches!(
                address.segments(),
                [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23 | 0x253 | 0x254]
            ) || matches!(address.segments(), [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254])
                || embedded(address).is_some_and(|address| is_metadata(IpAddr::V4(address)))
        }
    }
}

/// Returns the IPv4 address inside a translated one (NAT64, 6to4, IPv4-compatible).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(w, x, y, z)
    };
    match (a, b) {
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => Some(join(g, h)),
        (0x2002, _) => Some(join(b, c)),
        (0, 0) if (c, d, e, f) == (0, 0, 0, 0) => Some(join(g, h)),
        _ => None,
    }
}

/// Says whether an address is one of those set aside for private networks, which an operator may list.
fn is_private_use(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || matches!(address.octets(), [100, 64..=127, ..]),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// Says whether an address is globally reachable unicast.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !matches!(
            address.octets(),
            [0 | 10 | 127 | 224.., ..]
                | [100, 64..=127, ..]
                | [169, 254, ..]
                | [172, 16..=31, ..]
                | [192, 168, ..]
                | [192, 0, 0 | 2, _]
                | [198, 18 | 19, ..]
                | [198, 51, 100, _]
                | [203, 0, 113, _]
        ),
        IpAddr::V6(address) => {
            if let Some(inner) = embedded(address) {
                // Only NAT64 leads to a real host; the other forms are ways around a filter.
                return matches!(address.segments(), [0x64, ..]) && is_public(IpAddr::V4(inner));
            }
            let [first, second, ..] = address.segments();
            // 2000::/3 is all that is given out; Teredo, ORCHID and documentation lie inside it.
            (0x2000..=0x3fff).contains(&first)
                && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
                && first != 0x3fff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Vec<IpAddr>);

    #[async_trait]
    impl Resolver for Fixed {
        async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    fn gate(addresses: &[&str], networks: &[&str]) -> Egress {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Egress::new(
            Arc::new(Fixed(addresses)),
            networks.iter().map(|network| network.parse().unwrap()).collect(),
        )
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn private_and_metadata_addresses_are_denied_in_every_spelling() {
        let gate = gate(&[], &[]);
        for host in [
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "169.254.43518",
            "0xa9.0xfe.0xa9.0xfe",
            "169.254.169.254.",
            "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::]",
            "[::169.254.169.254]",
            "[fd00:ec2::254]",
            "①⑥⑨.254.169.254",
            "169。254。169。254",
            "169.254.170.2",
            "169.254.0.1",
            "[fe80::1]",
            "metadata.google.internal",
            "metadata.google.internal.",
            "METADATA.GOOGLE.INTERNAL",
            "instance-data",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "0.0.0.0",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "localhost",
            "LOCALHOST.",
            "x.localhost",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "[fc00::1]",
            "[fec0::1]",
            "[ff02::1]",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.1",
            "198.18.0.1",
            "[2001::1]",
            "[2001:db8::1]",
            "[64:ff9b::10.0.0.1]",
            "100.100.100.200",
            "168.63.129.16",
            "intranet",
        ] {
            assert!(
                gate.check(&url(&format!("https://{host}/"))).is_err(),
                "{host} passed"
            );
        }
    }

    #[tokio::test]
    async fn metadata_and_loopback_stay_denied_where_every_private_network_is_allowed() {
        let networks = ["0.0.0.0/0", "::/0"];
        let open = gate(&[], &networks);
        assert!(
            open.check(&url("https://10.0.0.1/")).is_ok(),
            "the networks are open"
        );
        for host in [
            "169.254.169.254",
            "169.254.169.254.",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::a9fe:a9fe]",
            "[fd00:ec2::254]",
            "[FD00:0EC2:0:0:0:0:0:0254]",
            "[fd20:ce::254]",
            "168.63.129.16",
            "2822734096",
            "[::ffff:168.63.129.16]",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "metadata.google.internal.",
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "localhost.",
            "0.0.0.0",
            "[fe80::1]",
        ] {
            assert!(
                open.check(&url(&format!("https://{host}/"))).is_err(),
                "{host} passed"
            );
        }
        for address in [
            "169.254.169.254",
            "168.63.129.16",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "127.0.0.1",
        ] {
            let gate = gate(&[address], &networks);
            assert!(
                gate.resolve("ec2.us-east-1.amazonaws.com").await.is_err(),
                "{address}"
            );
        }
    }

    #[test]
    fn public_addresses_and_names_pass_over_tls_only() {
        let gate = gate(&[], &[]);
        for host in [
            "52.94.76.1",
            "ec2.us-east-1.amazonaws.com",
            "[2600:1f18::1]",
            "172.32.0.1",
        ] {
            assert!(
                gate.check(&url(&format!("https://{host}/"))).is_ok(),
                "{host} was denied"
            );
            assert!(
                gate.check(&url(&format!("http://{host}/"))).is_err(),
                "{host} passed without TLS"
            );
        }
    }

    #[test]
    fn an_override_opens_exactly_its_host_and_port() {
        let gate = gate(&[], &[]);
        gate.allow(&url("http://127.0.0.1:4566")).unwrap();
        assert!(gate.check(&url("http://127.0.0.1:4566/x")).is_ok());
        assert!(gate.check(&url("http://127.0.0.1:4567/x")).is_err());
        assert!(gate.check(&url("https://127.0.0.1/x")).is_err());
        assert!(gate.check(&url("http://127.0.0.2:4566/x")).is_err());
        assert!(gate.check(&url("http://localhost:4566/x")).is_err());
    }

    #[test]
    fn no_override_opens_a_metadata_service() {
        let gate = gate(&[], &[]);
        for target in [
            "http://169.254.169.254",
            "http://[fd00:ec2::254]",
            "http://metadata.google.internal",
            "http://0xa9fea9fe",
        ] {
            assert!(gate.allow(&url(target)).is_err(), "{target}");
        }
    }

    #[tokio::test]
    async fn a_name_that_resolves_into_the_private_network_is_denied() {
        for address in [
            "10.0.0.7",
            "127.0.0.1",
            "169.254.169.254",
            "::1",
            "fd00:ec2::254",
            "::ffff:10.0.0.1",
        ] {
            let gate = gate(&[address], &[]);
            let error = gate.resolve("ec2.us-east-1.amazonaws.com").await.unwrap_err();
            assert!(
                error.downcast_ref::<EgressDenied>().is_some(),
                "{address}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn of_mixed_addresses_only_the_public_ones_are_kept() {
        let gate = gate(&["10.0.0.7", "52.94.76.1", "::1"], &[]);
        assert_eq!(
            gate.resolve("x.amazonaws.com").await.unwrap(),
            ["52.94.76.1".parse::<IpAddr>().unwrap()]
        );
    }

    #[tokio::test]
    async fn listed_private_networks_and_overridden_names_pass_but_never_metadata() {
        let gate = gate(
            &["10.1.2.3", "10.2.0.1", "169.254.169.254", "127.0.0.1"],
            &["10.1.0.0/16", "0.0.0.0/0"],
        );
        let allowed = gate.resolve("ec2.us-east-1.amazonaws.com").await.unwrap();
        assert_eq!(
            allowed,
            ["10.1.2.3".parse::<IpAddr>().unwrap(), "10.2.0.1".parse().unwrap()]
        );
        gate.allow(&url("http://emulator.test:4566")).unwrap();
        assert_eq!(gate.resolve("emulator.test").await.unwrap().len(), 3);
    }
}
