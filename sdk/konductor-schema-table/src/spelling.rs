//! Names of properties in the spelling of attributes.

/// Returns a property's name in the spelling of attributes: `ipCidrRange` is `ip_cidr_range`, `IPProtocol` is
/// `ip_protocol`.
pub fn attribute_name(property: &str) -> String {
    // One word, though not in one case.
    let property = property.replace("IPv", "Ipv").replace("IPs", "Ips");
    let characters: Vec<char> = property.chars().collect();
    let mut name = String::new();
    for (index, character) in characters.iter().enumerate() {
        if character.is_ascii_uppercase() {
            let before = index.checked_sub(1).and_then(|before| characters.get(before));
            let after = characters.get(index + 1);
            let begins = before.is_some_and(|before| !before.is_ascii_uppercase())
                || (index > 0 && after.is_some_and(char::is_ascii_lowercase));
            if begins && !name.ends_with('_') {
                name.push('_');
            }
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_attributes() {
        for (property, attribute) in [
            ("ipCidrRange", "ip_cidr_range"),
            ("IPProtocol", "ip_protocol"),
            ("selfLink", "self_link"),
            ("enableIPv6", "enable_ipv6"),
            ("name", "name"),
            ("natIPs", "nat_ips"),
            ("gatewayIPv4", "gateway_ipv4"),
            ("IPAddress", "ip_address"),
            ("I", "i"),
        ] {
            assert_eq!(attribute_name(property), attribute, "{property}");
        }
    }
}
