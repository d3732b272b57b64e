//! The described types, by service.

pub mod authorization;
pub mod balancing;
pub mod compute;
pub mod cosmos;
pub mod dns;
pub mod identity;
pub mod keyvault;
pub mod kubernetes;
pub mod network;
pub mod policy;
pub mod redis;
pub mod resources;
pub mod security;
pub mod sql;
pub mod storage;
pub mod vpn;
pub mod web;

#[cfg(test)]
mod tests {
    use konductor_schema_table::Flags;
    use konductor_sdk::model::schema::{AttributeKind, AttributeSchema};
    use konductor_sdk::prelude::ResourceProvider as _;

    use crate::typed::TYPES;
    use crate::types::ArmType;

    #[test]
    fn every_attribute_is_a_member_that_azure_defines() {
        for description in TYPES {
            let arm_type = ArmType::find(description.arm_type, Some(description.api_version)).unwrap();
            assert!(arm_type.body.is_some(), "{}", description.name);
            for attribute in description.attributes {
                let property = arm_type.property(&attribute.steps());
                let property = property.unwrap_or_else(|| panic!("{}: {}", description.name, attribute.path));
                let read_only = property.flags().contains(Flags::READ_ONLY);
                assert!(
                    attribute.output || !read_only,
                    "{}: {} is read-only",
                    description.name,
                    attribute.path
                );
            }
            for (_, json) in description.fixed {
                serde_json::from_str::<serde_json::Value>(json).unwrap();
            }
            description.schema().unwrap();
        }
    }

    /// Tells whether an attribute's schema says replacement at a place below it, or above that place.
    fn replaces(schema: &AttributeSchema, below: &[&str]) -> bool {
        let Some((first, rest)) = below.split_first() else {
            return schema.replaces;
        };
        if schema.replaces {
            return true;
        }
        match &schema.kind {
            AttributeKind::Object { attributes } => attributes
                .get(*first)
                .is_some_and(|schema| replaces(schema, rest)),
            AttributeKind::List { items, .. } => replaces(items, below),
            // What can be anything, ARM judges.
            kind => matches!(kind, AttributeKind::Any),
        }
    }

    #[test]
    fn what_microsoft_says_cannot_be_changed_is_planned_as_a_replacement() {
        let published = include_str!("../../../types/published-create-only.txt");
        let lines = published
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (mut lines_seen, mut attributes_seen) = (0, 0);
        for line in lines {
            lines_seen += 1;
            let (type_name, path) = line.split_once(' ').unwrap();
            let steps: Vec<&str> = path.split('.').collect();
            let arm_type = ArmType::find(type_name, None).unwrap();
            let flags = arm_type
                .property(&steps)
                .unwrap_or_else(|| panic!("{line}"))
                .flags();
            assert!(
                flags.contains(Flags::CREATE_ONLY),
                "the table does not say: {line}"
            );
            for description in TYPES.iter().filter(|known| known.arm_type == type_name) {
                for attribute in description.attributes {
                    let own = attribute.steps();
                    let schema = attribute.schema(&arm_type);
                    let is_told = match (own.strip_prefix(&*steps), steps.strip_prefix(&*own)) {
                        (Some(_), _) => schema.replaces,
                        (None, Some(below)) => replaces(&schema, below),
                        (None, None) => continue,
                    };
                    attributes_seen += 1;
                    assert!(
                        is_told,
                        "{}: `{}` is not replaced: {line}",
                        description.name, attribute.name
                    );
                }
            }
        }
        assert!(
            lines_seen > 35 && attributes_seen > 10,
            "{lines_seen}, {attributes_seen}"
        );
    }
}
