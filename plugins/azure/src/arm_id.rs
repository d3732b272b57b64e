//! Identifiers of Azure Resource Manager: `/subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/…`.

use konductor_sdk::prelude::*;

/// The type whose objects have no provider in their identifiers.
pub const RESOURCE_GROUP: &str = "Microsoft.Resources/resourceGroups";

/// An identifier, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmId {
    /// The whole of it.
    pub id: String,
    /// What it stands in: a subscription, a resource group or another resource.
    pub parent: String,
    /// The type.
    pub type_name: String,
    /// The last name.
    pub name: String,
}

impl ArmId {
    /// Puts an identifier together.
    ///
    /// # Errors
    /// When an object of the type cannot stand there, or the name holds a slash.
    pub fn new(type_name: &str, parent: &str, name: &str) -> Result<Self, Failure> {
        let parent = parent.trim_end_matches('/');
        if name.is_empty() || name.contains('/') {
            return Err(invalid(
                format!("`{name}` cannot be the name of a resource"),
                "name",
            ));
        }
        let (namespace, types) = type_name.split_once('/').ok_or_else(|| {
            invalid(
                format!("`{type_name}` is not a type: `Microsoft.Network/virtualNetworks` is"),
                "type",
            )
        })?;
        let id = if type_name.eq_ignore_ascii_case(RESOURCE_GROUP) {
            format!("{parent}/resourceGroups/{name}")
        } else if let Some((above, last)) = types.rsplit_once('/') {
            let expected = format!("{namespace}/{above}");
            let found = Self::parse(parent).map(|parent| parent.type_name);
            if !found
                .as_ref()
                .is_some_and(|found| found.eq_ignore_ascii_case(&expected))
            {
                let found = found.unwrap_or_else(|| "none".to_owned());
                return Err(invalid(
                    format!(
                        "a {type_name} stands in a {expected}, and `{parent}` is the identifier of {found}"
                    ),
                    "parent_id",
                ));
            }
            format!("{parent}/{last}/{name}")
        } else {
            format!("{parent}/providers/{namespace}/{types}/{name}")
        };
        Ok(Self {
            id,
            parent: parent.to_owned(),
            type_name: type_name.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Takes an identifier apart; none when it is none of a resource or a resource group.
    pub fn parse(id: &str) -> Option<Self> {
        let trimmed = id.trim_end_matches('/');
        if !trimmed.starts_with('/')
            || trimmed
                .split('/')
                .skip(1)
                .any(|part| matches!(part, "" | "." | ".."))
        {
            return None;
        }
        let whole = |parent: &str, type_name: String, name: &str| {
            Some(Self {
                id: trimmed.to_owned(),
                parent: parent.to_owned(),
                type_name,
                name: name.to_owned(),
            })
        };
        let lower = trimmed.to_ascii_lowercase();
        let Some(at) = lower.rfind("/providers/") else {
            let parts: Vec<&str> = trimmed.split('/').skip(1).collect();
            return match parts.as_slice() {
                [subscriptions, subscription, groups, name]
                    if subscriptions.eq_ignore_ascii_case("subscriptions")
                        && groups.eq_ignore_ascii_case("resourceGroups") =>
                {
                    whole(
                        &format!("/subscriptions/{subscription}"),
                        RESOURCE_GROUP.to_owned(),
                        name,
                    )
                }
                _ => None,
            };
        };
        let (before, rest) = (trimmed.get(..at)?, trimmed.get(at + "/providers/".len()..)?);
        let parts: Vec<&str> = rest.split('/').collect();
        let (namespace, pairs) = parts.split_first()?;
        if pairs.is_empty() || pairs.len() % 2 != 0 {
            return None;
        }
        let types: Vec<&str> = pairs.iter().step_by(2).copied().collect();
        let name = pairs.last()?;
        let parent = if types.len() == 1 {
            before.to_owned()
        } else {
            let above = pairs.get(..pairs.len() - 2)?.join("/");
            format!("{before}/providers/{namespace}/{above}")
        };
        whole(&parent, format!("{namespace}/{}", types.join("/")), name)
    }

    /// Returns the parts of its path.
    pub fn segments(&self) -> Vec<&str> {
        self.id.split('/').skip(1).collect()
    }

    /// Tells whether it stands directly in a resource group, or is one.
    pub fn is_top_level(&self) -> bool {
        Self::is_top_level_type(&self.type_name)
    }

    /// Tells whether objects of a type stand in a scope themselves, and not in an object of another type.
    pub fn is_top_level_type(type_name: &str) -> bool {
        type_name.matches('/').count() == 1
    }
}

/// What a resource can stand in, as Azure's definitions count scopes: a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Scope {
    /// All of Azure.
    Tenant = 1,
    /// A management group.
    ManagementGroup = 2,
    /// A subscription.
    Subscription = 4,
    /// A resource group.
    ResourceGroup = 8,
    /// Another resource.
    Resource = 16,
}

/// The type of management groups, which stand in no subscription.
const MANAGEMENT_GROUP: &str = "Microsoft.Management/managementGroups";

impl Scope {
    /// All of them, the widest first.
    pub const ALL: [Self; 5] = [
        Self::Tenant,
        Self::ManagementGroup,
        Self::Subscription,
        Self::ResourceGroup,
        Self::Resource,
    ];

    /// Returns the scope that an identifier is; none where it is none.
    pub fn of(id: &str) -> Option<Self> {
        if id == "/" {
            return Some(Self::Tenant);
        }
        if let Some(found) = ArmId::parse(id) {
            return Some(if found.type_name == RESOURCE_GROUP {
                Self::ResourceGroup
            } else if found.type_name.eq_ignore_ascii_case(MANAGEMENT_GROUP) {
                Self::ManagementGroup
            } else {
                Self::Resource
            });
        }
        let parts: Vec<&str> = id.trim_end_matches('/').split('/').collect();
        match parts.as_slice() {
            ["", word, subscription]
                if word.eq_ignore_ascii_case("subscriptions") && !subscription.is_empty() =>
            {
                Some(Self::Subscription)
            }
            _ => None,
        }
    }

    /// Tells whether definitions that count scopes so allow it.
    pub fn is_in(self, scopes: u32) -> bool {
        scopes & self as u32 != 0
    }

    /// Returns what people call one.
    pub fn words(self) -> &'static str {
        match self {
            Self::Tenant => "all of Azure",
            Self::ManagementGroup => "a management group",
            Self::Subscription => "a subscription",
            Self::ResourceGroup => "a resource group",
            Self::Resource => "another resource",
        }
    }
}

/// Returns what stands after a word in an identifier: the name after `resourceGroups`.
pub fn after<'i>(id: &'i str, word: &str) -> Option<&'i str> {
    let mut parts = id.split('/').skip(1);
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        if key.eq_ignore_ascii_case(word) {
            return Some(value);
        }
        if key.eq_ignore_ascii_case("providers") {
            return None;
        }
    }
    None
}

fn invalid(message: String, attribute: &str) -> Failure {
    Failure {
        at: Some(Path::attribute(attribute)),
        ..Failure::new(Disposition::Invalid, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/0/resourceGroups/shop";

    #[test]
    fn identifiers_are_put_together_and_taken_apart_again() {
        for (type_name, parent, id) in [
            (
                RESOURCE_GROUP,
                "/subscriptions/0",
                "/subscriptions/0/resourceGroups/x".to_owned(),
            ),
            (
                "Microsoft.Network/virtualNetworks",
                GROUP,
                format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/x"),
            ),
            (
                "Microsoft.Network/virtualNetworks/subnets",
                "/subscriptions/0/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/net",
                format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/x"),
            ),
            (
                "Microsoft.Authorization/policyAssignments",
                "/subscriptions/0/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/net",
                format!(
                    "{GROUP}/providers/Microsoft.Network/virtualNetworks/net/providers/Microsoft.Authorization/policyAssignments/x"
                ),
            ),
        ] {
            let made = ArmId::new(type_name, parent, "x").unwrap();
            assert_eq!(made.id, id);
            assert_eq!(ArmId::parse(&id), Some(made));
        }
    }

    #[test]
    fn what_cannot_stand_there_is_refused() {
        let refused = |type_name, parent, name| ArmId::new(type_name, parent, name).unwrap_err().message;
        assert!(
            refused("Microsoft.Network/virtualNetworks/subnets", GROUP, "a")
                .contains("stands in a Microsoft.Network/virtualNetworks")
        );
        assert!(refused("nonsense", GROUP, "a").contains("is not a type"));
        assert!(refused(RESOURCE_GROUP, "/subscriptions/0", "a/b").contains("a/b"));
        for id in [
            "",
            "shop",
            "/subscriptions/0",
            "/subscriptions/0/resourceGroups/a/../b",
            "/subscriptions/0/providers/A/b",
        ] {
            assert_eq!(ArmId::parse(id), None, "{id}");
        }
    }

    #[test]
    fn an_identifier_says_which_scope_it_is() {
        for (id, scope) in [
            ("/", Some(Scope::Tenant)),
            (
                "/providers/Microsoft.Management/managementGroups/root",
                Some(Scope::ManagementGroup),
            ),
            ("/subscriptions/0", Some(Scope::Subscription)),
            ("/subscriptions/0/", Some(Scope::Subscription)),
            (GROUP, Some(Scope::ResourceGroup)),
            (
                "/subscriptions/0/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/net",
                Some(Scope::Resource),
            ),
            ("shop", None),
            ("/subscriptions", None),
            ("/subscriptions/", None),
            ("/shops/0", None),
        ] {
            assert_eq!(Scope::of(id), scope, "{id}");
        }
        assert!(Scope::Subscription.is_in(6) && !Scope::ResourceGroup.is_in(6));
    }

    #[test]
    fn words_of_an_identifier_are_found_before_the_provider_only() {
        assert_eq!(
            after(&format!("{GROUP}/providers/A/subscriptions/9"), "subscriptions"),
            Some("0")
        );
        assert_eq!(after(GROUP, "resourcegroups"), Some("shop"));
        assert_eq!(after("/providers/A/resourceGroups/9", "resourceGroups"), None);
    }
}
