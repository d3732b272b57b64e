//! The tunnels of a VPN connection, as the configuration for the device at the other end tells them. EC2 says the keys and
//! the addresses in the tunnels there and nowhere else.
//! <https://docs.aws.amazon.com/vpn/latest/s2svpn/VPNTunnels.html>

use cidr::Ipv4Inet;
use serde::Deserialize;

/// The root element, of which only the tunnels matter.
#[derive(Deserialize, Default)]
struct Configuration {
    #[serde(default, rename = "ipsec_tunnel")]
    tunnels: Vec<Tunnel>,
}

/// One tunnel.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Tunnel {
    pub(super) customer_gateway: End,
    pub(super) vpn_gateway: End,
    pub(super) ike: Exchange,
}

/// One end of a tunnel.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct End {
    #[serde(rename = "tunnel_outside_address")]
    pub(super) outside: Address,
    #[serde(rename = "tunnel_inside_address")]
    pub(super) inside: Address,
    bgp: Bgp,
}

/// An address.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Address {
    #[serde(rename = "ip_address")]
    pub(super) address: Option<String>,
    network_cidr: Option<u8>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Bgp {
    asn: Option<i64>,
}

/// How the ends make themselves known.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Exchange {
    pub(super) pre_shared_key: Option<String>,
}

impl Tunnel {
    /// Returns the tunnels of a configuration, in the order in which EC2 counts them; none where it cannot be read.
    pub(super) fn all_of(configuration: &str) -> Vec<Self> {
        quick_xml::de::from_str::<Configuration>(configuration)
            .unwrap_or_default()
            .tunnels
    }

    /// Returns the range of the addresses in the tunnel.
    pub(super) fn inside_cidr(&self) -> Option<String> {
        let inside = &self.vpn_gateway.inside;
        let address = inside.address.as_deref()?.parse().ok()?;
        let range = Ipv4Inet::new(address, inside.network_cidr?).ok()?;
        Some(range.network().to_string())
    }

    /// Returns the number of the autonomous system at AWS's end.
    pub(super) fn vpn_gateway_asn(&self) -> Option<i64> {
        self.vpn_gateway.bgp.asn
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const CONFIGURATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<vpn_connection id="vpn-1">
  <customer_gateway_id>cgw-1</customer_gateway_id>
  <ipsec_tunnel>
    <customer_gateway>
      <tunnel_outside_address><ip_address>198.51.100.7</ip_address></tunnel_outside_address>
      <tunnel_inside_address>
        <ip_address>169.254.44.42</ip_address><network_mask>255.255.255.252</network_mask><network_cidr>30</network_cidr>
      </tunnel_inside_address>
      <bgp><asn>65010</asn><hold_time>30</hold_time></bgp>
    </customer_gateway>
    <vpn_gateway>
      <tunnel_outside_address><ip_address>203.0.113.1</ip_address></tunnel_outside_address>
      <tunnel_inside_address>
        <ip_address>169.254.44.41</ip_address><network_mask>255.255.255.252</network_mask><network_cidr>30</network_cidr>
      </tunnel_inside_address>
      <bgp><asn>64512</asn><hold_time>30</hold_time></bgp>
    </vpn_gateway>
    <ike><lifetime>28800</lifetime><pre_shared_key>first &amp; last</pre_shared_key></ike>
    <ipsec><protocol>esp</protocol></ipsec>
  </ipsec_tunnel>
  <ipsec_tunnel>
    <vpn_gateway><tunnel_outside_address><ip_address>203.0.113.2</ip_address></tunnel_outside_address></vpn_gateway>
  </ipsec_tunnel>
</vpn_connection>"#;

    #[test]
    fn addresses_ranges_and_keys_are_read_from_the_configuration_of_the_device() {
        let tunnels = Tunnel::all_of(CONFIGURATION);
        assert_eq!(tunnels.len(), 2);
        let first = &tunnels[0];
        assert_eq!(first.vpn_gateway.outside.address.as_deref(), Some("203.0.113.1"));
        assert_eq!(
            first.customer_gateway.inside.address.as_deref(),
            Some("169.254.44.42")
        );
        assert_eq!(first.inside_cidr().as_deref(), Some("169.254.44.40/30"));
        assert_eq!(first.vpn_gateway_asn(), Some(64512));
        assert_eq!(first.ike.pre_shared_key.as_deref(), Some("first & last"));
    }

    #[test]
    fn what_is_not_said_of_a_tunnel_is_not_known() {
        let second = Tunnel::all_of(CONFIGURATION).remove(1);
        assert_eq!(second.vpn_gateway.outside.address.as_deref(), Some("203.0.113.2"));
        assert!(second.inside_cidr().is_none() && second.ike.pre_shared_key.is_none());
        assert!(Tunnel::all_of("<not xml").is_empty());
    }
}
