//! Dividing a network's block among public and private subnets.

use std::net::Ipv4Addr;

use cidr::Ipv4Cidr;

/// The largest block a VPC or a subnet may have, as a prefix length.
pub const SHORTEST_PREFIX: u8 = 16;
/// The smallest block a VPC or a subnet may have, as a prefix length.
pub const LONGEST_PREFIX: u8 = 28;
/// Places kept in each half, so that a network can grow to this many zones without new addresses for the subnets
/// it has.
const PLACES: u32 = 4;

/// The blocks of the subnets, one of each kind per zone, in the order of the zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// From the lower half of the network's block.
    pub public: Vec<Ipv4Cidr>,
    /// From the upper half of the network's block.
    pub private: Vec<Ipv4Cidr>,
}

/// Says why a block cannot be divided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// AWS takes no network of this size.
    #[error("`{block}` cannot be the block of a VPC: AWS allows /16 to /28")]
    NetworkSize {
        /// The block.
        block: Ipv4Cidr,
    },
    /// The subnets would be smaller than AWS allows.
    #[error("`{block}` is too small for {zones} public and {zones} private subnets")]
    TooSmall {
        /// The block.
        block: Ipv4Cidr,
        /// The number of zones.
        zones: usize,
        /// The longest prefix that would do.
        needed: u8,
    },
}

/// Divides a block: public subnets take the lower half, private ones the upper, each half in equal parts. There are
/// four parts in a half, eight where there are more than four zones, and fewer only where the block is too small
/// for four. A part belongs to a place in the list of zones, so adding a zone at the end moves nothing.
///
/// # Errors
/// When AWS takes no network or no subnets of these sizes.
pub fn lay_out(block: Ipv4Cidr, zones: usize) -> Result<Layout, LayoutError> {
    let length = block.network_length();
    if !(SHORTEST_PREFIX..=LONGEST_PREFIX).contains(&length) {
        return Err(LayoutError::NetworkSize { block });
    }
    let fewest = u32::try_from(zones)
        .unwrap_or(u32::MAX)
        .clamp(1, 1 << 30)
        .next_power_of_two();
    let prefix = |places: u32| length.saturating_add(1).saturating_add(bits(places));
    let places = if prefix(fewest.max(PLACES)) <= LONGEST_PREFIX {
        fewest.max(PLACES)
    } else {
        fewest
    };
    let subnet = prefix(places);
    let too_small = LayoutError::TooSmall {
        block,
        zones,
        needed: LONGEST_PREFIX.saturating_sub(1).saturating_sub(bits(fewest)),
    };
    if subnet > LONGEST_PREFIX {
        return Err(too_small);
    }
    let part = |place: u32| {
        let start = u32::from(block.first_address()) | (place << (32 - u32::from(subnet)));
        Ipv4Cidr::new(Ipv4Addr::from(start), subnet).ok()
    };
    let half = |first: u32| -> Option<Vec<Ipv4Cidr>> {
        (first..first.saturating_add(places))
            .take(zones)
            .map(part)
            .collect()
    };
    match (half(0), half(places)) {
        (Some(public), Some(private)) => Ok(Layout { public, private }),
        _ => Err(too_small),
    }
}

/// Returns how many bits number that many places; `places` is a power of two.
fn bits(places: u32) -> u8 {
    u8::try_from(places.trailing_zeros()).unwrap_or(u8::MAX)
}

/// Tells whether `inner` lies wholly in `outer`.
pub fn lies_in(inner: &Ipv4Cidr, outer: &Ipv4Cidr) -> bool {
    outer.contains(&inner.first_address()) && outer.contains(&inner.last_address())
}

/// Tells whether two blocks share an address.
pub fn overlap(left: &Ipv4Cidr, right: &Ipv4Cidr) -> bool {
    left.contains(&right.first_address()) || right.contains(&left.first_address())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks(cidrs: &[Ipv4Cidr]) -> Vec<String> {
        cidrs.iter().map(ToString::to_string).collect()
    }

    fn layout(block: &str, zones: usize) -> Result<Layout, LayoutError> {
        lay_out(block.parse().unwrap(), zones)
    }

    #[test]
    fn a_large_block_keeps_a_fourth_place_free() {
        let found = layout("10.0.0.0/16", 3).unwrap();
        assert_eq!(
            blocks(&found.public),
            ["10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19"]
        );
        assert_eq!(
            blocks(&found.private),
            ["10.0.128.0/19", "10.0.160.0/19", "10.0.192.0/19"]
        );
    }

    #[test]
    fn a_small_block_is_used_up() {
        let found = layout("10.0.0.0/26", 2).unwrap();
        assert_eq!(blocks(&found.public), ["10.0.0.0/28", "10.0.0.16/28"]);
        assert_eq!(blocks(&found.private), ["10.0.0.32/28", "10.0.0.48/28"]);
        assert_eq!(
            blocks(&layout("10.0.0.0/27", 1).unwrap().private),
            ["10.0.0.16/28"]
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_size_that_would() {
        assert!(matches!(
            layout("10.0.0.0/27", 3),
            Err(LayoutError::TooSmall { needed: 25, .. })
        ));
        assert!(matches!(
            layout("10.0.0.0/28", 1),
            Err(LayoutError::TooSmall { needed: 27, .. })
        ));
        assert!(layout("10.0.0.0/25", 3).is_ok());
        assert!(matches!(
            layout("10.0.0.0/8", 3),
            Err(LayoutError::NetworkSize { .. })
        ));
        assert!(matches!(
            layout("10.0.0.0/29", 1),
            Err(LayoutError::NetworkSize { .. })
        ));
    }

    #[test]
    fn growing_to_four_zones_moves_nothing() {
        for zones in 1..4 {
            let (small, large) = (
                layout("10.1.0.0/20", zones).unwrap(),
                layout("10.1.0.0/20", zones + 1).unwrap(),
            );
            assert!(large.public.starts_with(&small.public));
            assert!(large.private.starts_with(&small.private));
        }
    }

    proptest! {
        #[test]
        fn subnets_lie_in_the_block_and_never_overlap(address: u32, length in 16u8..=28, zones in 1usize..=6) {
            let mask = u32::MAX << (32 - u32::from(length));
            let block = Ipv4Cidr::new(Ipv4Addr::from(address & mask), length).unwrap();
            match lay_out(block, zones) {
                Ok(found) => {
                    prop_assert_eq!((found.public.len(), found.private.len()), (zones, zones));
                    let all: Vec<Ipv4Cidr> = found.public.into_iter().chain(found.private).collect();
                    for (index, one) in all.iter().enumerate() {
                        prop_assert!(lies_in(one, &block));
                        prop_assert!((SHORTEST_PREFIX..=LONGEST_PREFIX).contains(&one.network_length()));
                        for other in all.iter().skip(index + 1) {
                            prop_assert!(!overlap(one, other), "{} and {}", one, other);
                        }
                    }
                }
                Err(LayoutError::TooSmall { needed, .. }) => prop_assert!(needed < length),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }
}
