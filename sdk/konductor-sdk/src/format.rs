//! The forms of text that a schema can ask for, checked by form alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cidr::{AnyIpCidr, IpInet, Ipv4Cidr, Ipv4Inet, Ipv6Cidr, Ipv6Inet};
use konductor_model::schema::TextFormat;

/// Says what is wrong with a text, or nothing when it has the form.
pub fn complaint(format: TextFormat, text: &str) -> Option<String> {
    match format {
        TextFormat::Any => None,
        TextFormat::Ipv4Cidr => block::<Ipv4Cidr>(text, "10.0.0.0/16", || {
            text.parse::<Ipv4Inet>()
                .ok()
                .map(|inet| inet.network().to_string())
        }),
        TextFormat::Ipv6Cidr => block::<Ipv6Cidr>(text, "2001:db8::/56", || {
            text.parse::<Ipv6Inet>()
                .ok()
                .map(|inet| inet.network().to_string())
        }),
        TextFormat::Cidr => block::<AnyIpCidr>(text, "10.0.0.0/16", || {
            text.parse::<IpInet>().ok().map(|inet| inet.network().to_string())
        }),
        TextFormat::Ipv4Address => text
            .parse::<std::net::Ipv4Addr>()
            .is_err()
            .then(|| "expected four numbers from 0 to 255, such as `10.0.0.1`".to_owned()),
        TextFormat::S3BucketName => bucket_name(text).map(str::to_owned),
        TextFormat::Arn => {
            let mut parts = text.splitn(6, ':');
            let arn = parts.next() == Some("arn")
                && parts.next().is_some_and(|partition| partition.starts_with("aws"))
                && parts.next().is_some_and(|service| !service.is_empty())
                && parts.nth(2).is_some_and(|resource| !resource.is_empty());
            (!arn).then(|| "expected `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`".to_owned())
        }
        TextFormat::Base64 => STANDARD
            .decode(text)
            .is_err()
            .then(|| "expected base64 with padding".to_owned()),
    }
}

fn block<C: std::str::FromStr>(
    text: &str,
    example: &str,
    network: impl FnOnce() -> Option<String>,
) -> Option<String> {
    // The parser takes a lone address for a block of one; a cloud's API does not.
    if text.contains('/') && text.parse::<C>().is_ok() {
        return None;
    }
    Some(match network().filter(|_| text.contains('/')) {
        Some(network) => format!("it has host bits set; the block it lies in is `{network}`"),
        None => format!("expected an address and a prefix length, such as `{example}`"),
    })
}

/// Says what is wrong with the name of a general purpose bucket.
fn bucket_name(name: &str) -> Option<&'static str> {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(3..=63).contains(&name.len()) {
        Some("expected 3 to 63 characters")
    } else if !name.chars().all(|c| edge(c) || matches!(c, '.' | '-')) {
        Some("expected lower-case letters, digits, `.` and `-` only")
    } else if !name.starts_with(edge) || !name.ends_with(edge) {
        Some("expected a letter or digit at both ends")
    } else if name.contains("..") {
        Some("two dots must not follow each other")
    } else if name.parse::<std::net::Ipv4Addr>().is_ok() {
        Some("it must not look like an IP address")
    } else if ["xn--", "sthree-", "amzn-s3-demo-"]
        .iter()
        .any(|p| name.starts_with(p))
    {
        Some("the prefixes `xn--`, `sthree-` and `amzn-s3-demo-` are reserved")
    } else if ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an"]
        .iter()
        .any(|s| name.ends_with(s))
    {
        Some("the suffixes `-s3alias`, `--ol-s3`, `.mrap`, `--x-s3`, `--table-s3` and `-an` are reserved")
    } else {
        None
    }
}

/// Tells whether two texts of a format mean the same.
pub fn same(format: TextFormat, left: &str, right: &str) -> bool {
    left == right
        || match format {
            TextFormat::Ipv6Cidr | TextFormat::Cidr => {
                matches!((left.parse::<AnyIpCidr>(), right.parse::<AnyIpCidr>()), (Ok(l), Ok(r)) if l == r)
            }
            TextFormat::Base64 => {
                matches!((STANDARD.decode(left), STANDARD.decode(right)), (Ok(l), Ok(r)) if l == r)
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_with_host_bits_is_refused_with_the_block_that_was_meant() {
        assert_eq!(complaint(TextFormat::Ipv4Cidr, "10.0.0.0/16"), None);
        let complaint = |text| complaint(TextFormat::Ipv4Cidr, text).unwrap();
        assert!(complaint("10.0.1.0/16").contains("`10.0.0.0/16`"));
        for text in ["10.0.0.0", "10.0.0.0/33", "", "2001:db8::/56", "300.0.0.0/8"] {
            assert!(complaint(text).contains("expected an address"), "{text}");
        }
    }

    #[test]
    fn bucket_names_follow_amazons_rules() {
        for name in ["abc", "my-bucket.logs", "0a9"] {
            assert_eq!(complaint(TextFormat::S3BucketName, name), None, "{name}");
        }
        for name in [
            "ab",
            "Abc",
            "-abc",
            "abc-",
            "a..b",
            "10.0.0.1",
            "xn--abc",
            "abc-s3alias",
            "a_b",
            "ä-bc",
        ] {
            assert!(complaint(TextFormat::S3BucketName, name).is_some(), "{name}");
        }
        assert!(complaint(TextFormat::S3BucketName, &"a".repeat(64)).is_some());
    }

    #[test]
    fn other_forms_are_told_apart() {
        assert_eq!(complaint(TextFormat::Arn, "arn:aws:s3:::bucket"), None);
        assert_eq!(
            complaint(TextFormat::Arn, "arn:aws-us-gov:iam::123456789012:role/a:b"),
            None
        );
        assert!(complaint(TextFormat::Arn, "arn:aws:s3").is_some());
        assert!(complaint(TextFormat::Arn, "bucket").is_some());
        assert_eq!(complaint(TextFormat::Base64, "aGk="), None);
        assert!(complaint(TextFormat::Base64, "h i").is_some());
        assert!(complaint(TextFormat::Ipv4Address, "10.0.0.256").is_some());
        assert!(same(TextFormat::Cidr, "2001:DB8::/32", "2001:db8:0::/32"));
    }
}
