//! The types that Azure publishes, from the table that the plugin carries.

use konductor_schema_body::property;
use konductor_schema_table::{Entry, Flags, Node, Property, Table};
use konductor_sdk::model::suggestion;

use crate::arm_id::Scope;

static BYTES: &[u8] = include_bytes!("../types/types.table");

/// A type at one of its versions.
#[derive(Debug, Clone)]
pub struct ArmType {
    /// Its name, as Azure spells it: `Microsoft.Network/virtualNetworks`.
    pub name: String,
    /// The version of its API.
    pub api_version: String,
    /// What its objects look like, where the table knows.
    pub body: Option<Node<'static>>,
    /// The scopes that it can be at, a bit each; see [`Scope`].
    pub scopes: u32,
}

/// Every scope, for types that nothing is known of.
pub const EVERY_SCOPE: u32 = u32::MAX;

/// Returns the table; none when it is damaged, which a test rules out.
pub fn table() -> Option<Table<'static>> {
    Table::open(BYTES).ok()
}

/// Returns the versions of a type that the table has, the newest first.
pub fn versions(name: &str) -> Vec<Entry<'static>> {
    let mut found: Vec<Entry<'static>> = table()
        .map(|table| table.starting_with(&format!("{name}@")).collect())
        .unwrap_or_default();
    found.reverse();
    found
}

impl ArmType {
    /// Finds a type at a version, or at its newest; a version that the table does not have is taken as it is, with
    /// nothing known of it. None when neither the table nor anybody says the version.
    pub fn find(name: &str, api_version: Option<&str>) -> Option<Self> {
        let entries = versions(name);
        let entry = match api_version {
            Some(version) => entries.iter().find(|entry| version_of(entry) == version),
            None => entries.first(),
        };
        match (entry, api_version) {
            (Some(entry), _) => Some(Self::of(entry)),
            (None, Some(version)) => Some(Self {
                name: entries
                    .first()
                    .map_or_else(|| name.to_owned(), |entry| type_of(entry).to_owned()),
                api_version: version.to_owned(),
                body: None,
                scopes: EVERY_SCOPE,
            }),
            (None, None) => None,
        }
    }

    fn of(entry: &Entry<'static>) -> Self {
        let scopes: u32 = entry
            .fact("writable_scopes")
            .and_then(|scopes| scopes.parse().ok())
            .unwrap_or_default();
        Self {
            name: type_of(entry).to_owned(),
            api_version: version_of(entry).to_owned(),
            body: Some(entry.body()),
            scopes,
        }
    }

    /// Tells whether it can stand in a scope itself, and not only in what stands there.
    pub fn stands_in(&self, scope: Scope) -> bool {
        scope.is_in(self.scopes)
    }

    /// Returns a property of its objects, by the names that lead to it.
    pub fn property(&self, path: &[&str]) -> Option<Property<'static>> {
        let mut here = self.body?;
        let (last, way) = path.split_last()?;
        for name in way {
            here = property(here, name)?.node();
        }
        property(here, last)
    }

    /// Tells whether its objects have a property that can be given.
    pub fn takes(&self, name: &str) -> bool {
        self.property(&[name])
            .is_some_and(|property| !property.flags().contains(Flags::READ_ONLY))
    }
}

fn type_of(entry: &Entry<'static>) -> &'static str {
    entry
        .name()
        .split_once('@')
        .map_or(entry.name(), |(name, _)| name)
}

fn version_of(entry: &Entry<'static>) -> &'static str {
    entry.name().split_once('@').map_or("", |(_, version)| version)
}

/// Returns the type whose name is most like one, where any is.
pub fn nearest(name: &str) -> Option<&'static str> {
    suggestion::nearest(name, table()?.entries().map(|entry| type_of(&entry)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_says_where_it_comes_from() {
        let table = table().unwrap();
        table.verify().unwrap();
        assert!(table.len() > 700, "{}", table.len());
        assert_eq!(
            table.fact("source"),
            Some("https://github.com/Azure/bicep-types-az")
        );
        assert!(table.fact("licence").unwrap().starts_with("MIT"));
    }

    #[test]
    fn the_newest_version_is_taken_unless_one_is_named() {
        let newest = ArmType::find("microsoft.network/DNSZONES", None).unwrap();
        assert_eq!(
            (newest.name.as_str(), newest.api_version.as_str()),
            ("Microsoft.Network/dnsZones", "2018-05-01")
        );
        let older = ArmType::find("Microsoft.Network/dnsZones", Some("2016-04-01")).unwrap();
        assert!(older.body.is_some());
        let unknown = ArmType::find("Microsoft.Network/dnsZones", Some("2099-01-01")).unwrap();
        assert!(unknown.body.is_none());
        assert!(ArmType::find("Contoso.Things/things", None).is_none());
        assert!(ArmType::find("Contoso.Things/things", Some("2020-01-01")).is_some());
        assert_eq!(
            nearest("Microsoft.Network/virtualNetwork"),
            Some("Microsoft.Network/virtualNetworks")
        );
    }

    #[test]
    fn what_cannot_be_changed_is_flagged_in_the_types_that_the_list_names() {
        let flags = |name, path: &[&str]| ArmType::find(name, None).unwrap().property(path).unwrap().flags();
        let create_only = |name, path: &[&str]| flags(name, path).contains(Flags::CREATE_ONLY);
        assert!(create_only("Microsoft.Network/virtualNetworks", &["location"]));
        assert!(create_only(
            "Microsoft.Storage/storageAccounts",
            &["properties", "isHnsEnabled"]
        ));
        assert!(!create_only(
            "Microsoft.Storage/storageAccounts",
            &["properties", "accessTier"]
        ));
        assert!(
            flags(
                "Microsoft.Sql/servers",
                &["properties", "administratorLoginPassword"]
            )
            .contains(Flags::WRITE_ONLY)
        );
    }
}
