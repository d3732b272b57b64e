//! The attributes of Azure's types that stand for members of a resource in the spelling of its resource manager.

mod table;

use table::ALL;

/// The attributes of one type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The type, as Konductor calls it.
    pub(crate) resource_type: &'static str,
    /// The type, as Azure calls it.
    pub(crate) kind: &'static str,
    /// The attributes, each with the path that it stands for. Others stand for themselves.
    pub(crate) paths: &'static [(&'static str, &'static str)],
}

/// Returns the attributes of a type; none where it is no type of Azure's with attributes of its own.
pub(crate) fn names(resource_type: &str) -> Option<&'static Names> {
    ALL.iter().find(|names| names.resource_type == resource_type)
}

/// Returns the type with attributes of its own for one of Azure's.
pub(crate) fn type_of(kind: &str) -> Option<&'static str> {
    let found = ALL.iter().find(|names| names.kind.eq_ignore_ascii_case(kind))?;
    Some(found.resource_type)
}

/// Returns the attribute that stands for a path, with what of the path is below it.
pub(crate) fn declared(names: &Names, path: &str) -> Option<String> {
    names.paths.iter().find_map(|(name, known)| {
        if *known == path {
            return Some((*name).to_owned());
        }
        let below = path.strip_prefix(known)?.strip_prefix('.')?;
        Some(format!("{name}.{below}"))
    })
}

#[cfg(test)]
mod tests {
    use konductor_plugin_azure::typed::TYPES;

    use super::*;

    #[test]
    fn the_attributes_are_those_of_the_plugin() {
        for description in TYPES {
            let names = names(description.name).unwrap_or_else(|| panic!("{} is missing", description.name));
            assert_eq!(names.kind, description.arm_type);
            let paths: Vec<_> = description
                .attributes
                .iter()
                .map(|known| (known.name, known.path))
                .collect();
            assert_eq!(names.paths, paths, "{}", description.name);
        }
        assert_eq!(ALL.len(), TYPES.len());
    }

    #[test]
    fn a_path_is_declared_by_the_attribute_above_it() {
        let account = names("azure:storage:StorageAccount").unwrap();
        let path = declared(account, "properties.networkAcls.defaultAction");
        assert_eq!(path.as_deref(), Some("network_rules.defaultAction"));
        assert_eq!(declared(account, "properties.sasPolicy"), None);
    }
}
