//! Where resources of Azure stand: in a resource group, at a location.

use konductor_sdk::prelude::*;

use crate::expansion::Expansion;

/// Where what carries a component in Azure, and what belongs to it, stands.
pub(crate) struct AzurePlace {
    /// The resource group, by name.
    pub(crate) group: Value,
    /// Where it is; null where the configuration says it.
    pub(crate) location: Value,
}

impl AzurePlace {
    /// Takes what `azure: {…}` says, and declares a resource group where that names none.
    pub(crate) fn of(expansion: &mut Expansion<'_>, name: &str) -> Self {
        let location = expansion.over("location").cloned().unwrap_or_default();
        let group = match expansion.over("resource_group").cloned() {
            Some(given) => given,
            None => expansion
                .declare(
                    "group",
                    "azure:resources:ResourceGroup",
                    [
                        ("name", name.into()),
                        ("location", location.clone()),
                        ("tags", expansion.input("tags")),
                    ],
                )
                .attribute("name"),
        };
        Self { group, location }
    }

    /// Declares something there.
    pub(crate) fn declare<const N: usize>(
        &self,
        expansion: &mut Expansion<'_>,
        sibling: &str,
        type_name: &str,
        name: &str,
        rest: [(&str, Value); N],
    ) -> Sibling {
        let own = [
            ("name", name.into()),
            ("resource_group", self.group.clone()),
            ("location", self.location.clone()),
            ("tags", expansion.input("tags")),
        ];
        expansion.declare(sibling, type_name, own.into_iter().chain(rest))
    }
}
