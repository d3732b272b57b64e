//! Dividing a network's block in clouds whose subnets span a region.

use std::net::Ipv4Addr;

use cidr::Ipv4Cidr;
use konductor_model::{Diagnostic, Path, Value};

use super::inputs::not_known;
use crate::access::AttributeAccess as _;

/// The smallest subnet that Azure and Google make, as a prefix length.
const LONGEST_PREFIX: u8 = 29;

/// The blocks of a network's two subnets.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionalSubnets {
    /// The block of the public subnet; none without one.
    pub public: Option<Value>,
    /// The block of the private subnet.
    pub private: Value,
}

impl RegionalSubnets {
    /// Returns the blocks that the inputs `public_subnet_cidr_block` and `private_subnet_cidr_block` give. What they do not
    /// is computed from `cidr_block`: the public subnet takes the first quarter, the private one the third, so that each can
    /// grow into the quarter behind it.
    ///
    /// # Errors
    /// When something has to be computed from a block that is not known, or too small.
    pub fn of(inputs: &Value, has_public: bool) -> Result<Self, Box<Diagnostic>> {
        let given = |name: &str| inputs.attribute(name).filter(|value| !value.is_null()).cloned();
        let public = given("public_subnet_cidr_block").filter(|_| has_public);
        let private = given("private_subnet_cidr_block");
        if let Some(private) = &private
            && (public.is_some() || !has_public)
        {
            let private = private.clone();
            return Ok(Self { public, private });
        }
        let whole = inputs
            .optional_text("cidr_block")
            .and_then(|text| text.parse().ok());
        let Some(whole) = whole else {
            return Err(Box::new(not_known("cidr_block").detail(
                "the blocks of the subnets are computed from it where they are not given",
            )));
        };
        let (Some(first), Some(third)) = (quarter(whole, 0), quarter(whole, 2)) else {
            return Err(Box::new(
                Diagnostic::error(format!("`{whole}` is too small for two subnets"))
                    .detail(format!("the smallest subnet that there is is /{LONGEST_PREFIX}"))
                    .help("give a block of /27 or larger, or the blocks of the subnets")
                    .at(Path::attribute("cidr_block")),
            ));
        };
        Ok(Self {
            public: has_public.then(|| public.unwrap_or_else(|| first.to_string().into())),
            private: private.unwrap_or_else(|| third.to_string().into()),
        })
    }
}

/// Returns a quarter of a block; none where it would be smaller than any subnet.
fn quarter(block: Ipv4Cidr, number: u32) -> Option<Ipv4Cidr> {
    let length = block
        .network_length()
        .checked_add(2)
        .filter(|length| *length <= LONGEST_PREFIX)?;
    let size = 1_u32.checked_shl(32_u32.checked_sub(length.into())?)?;
    let first = u32::from(block.first_address()).checked_add(number.checked_mul(size)?)?;
    Ipv4Cidr::new(Ipv4Addr::from(first), length).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computed(block: &str) -> Result<(String, String), String> {
        let found = RegionalSubnets::of(&Value::from([("cidr_block", block)]), true);
        let text = |value: &Value| value.as_text().unwrap().to_owned();
        found
            .map(|found| (text(&found.public.unwrap()), text(&found.private)))
            .map_err(|wrong| wrong.summary)
    }

    #[test]
    fn the_second_and_the_fourth_quarter_stay_free() {
        let blocks = |public: &str, private: &str| Ok((public.to_owned(), private.to_owned()));
        assert_eq!(computed("10.0.0.0/16"), blocks("10.0.0.0/18", "10.0.128.0/18"));
        assert_eq!(
            computed("255.255.255.0/24"),
            blocks("255.255.255.0/26", "255.255.255.128/26")
        );
        assert_eq!(computed("0.0.0.0/0"), blocks("0.0.0.0/2", "128.0.0.0/2"));
    }

    #[test]
    fn what_is_too_small_is_not_divided() {
        assert!(computed("10.0.0.0/27").is_ok());
        for block in ["10.0.0.0/28", "10.0.0.1/32"] {
            assert!(computed(block).unwrap_err().contains("too small"));
        }
    }

    #[test]
    fn blocks_that_are_given_stay_and_need_no_other() {
        let given = |public: &str| {
            Value::from([
                ("public_subnet_cidr_block", Value::from(public)),
                ("private_subnet_cidr_block", Value::Unknown),
            ])
        };
        let found = RegionalSubnets::of(&given("10.0.0.0/24"), true).unwrap();
        assert_eq!(found.public, Some("10.0.0.0/24".into()));
        assert_eq!(found.private, Value::Unknown);
        let without = RegionalSubnets::of(&given("10.0.0.0/24"), false).unwrap();
        assert_eq!(without.public, None);
    }
}
