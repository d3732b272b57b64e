//! The types that Google publishes, from the table that the plugin carries.

use konductor_schema_body::property;
use konductor_schema_table::{Entry, Flags, Node, Property, Table};
use konductor_sdk::model::suggestion;

use crate::link::{matched, parameters, segments};

static BYTES: &[u8] = include_bytes!("../types/types.table");

/// Returns the table; none when it is damaged, which a test rules out.
pub fn table() -> Option<Table<'static>> {
    Table::open(BYTES).ok()
}

/// A collection of an API: what its objects look like and how they are addressed.
#[derive(Debug, Clone, Copy)]
pub struct RestType {
    entry: Entry<'static>,
}

/// A method of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// `GET`, `POST`, …
    pub verb: &'static str,
    /// The path with its parameters: `compute/v1/projects/{project}/global/networks`, `v1/{+name}`.
    pub path: &'static str,
    /// The query parameters that say how or where something is made or changed.
    pub query: Vec<&'static str>,
}

impl Method {
    fn read(text: &'static str) -> Option<Self> {
        let mut words = text.split(' ');
        Some(Self {
            verb: words.next()?,
            path: words.next()?,
            query: words.collect(),
        })
    }

    /// Tells whether it takes a query parameter.
    pub fn takes(&self, name: &str) -> bool {
        self.query.contains(&name)
    }
}

/// A method that sets one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setter {
    /// What is called.
    pub method: Method,
    /// The request is the property itself, and not an object with it as a member.
    pub is_whole: bool,
}

impl RestType {
    /// Finds a type by its name: `compute/v1/networks`.
    pub fn find(name: &str) -> Option<Self> {
        Some(Self {
            entry: table()?.find(name)?,
        })
    }

    /// Finds the type of the object that a self link leads to.
    pub fn of_link(link: &str) -> Option<Self> {
        table()?
            .entries()
            .map(|entry| Self { entry })
            .find(|rest| rest.leads_to(link))
    }

    fn leads_to(self, link: &str) -> bool {
        let (Some(found), Some(get)) = (segments(self.service(), link), self.method("get")) else {
            return false;
        };
        let Some(values) = matched(get.path, &found) else {
            return false;
        };
        // `v1/{+name}` is the path of many types: the name itself says which, `projects/p/topics/t`.
        let Some((whole, _)) = parameters(get.path).find(|(_, whole)| *whole) else {
            return true;
        };
        let steps = self.name().rsplit('/').next().unwrap_or_default();
        let named: Vec<&str> = values
            .get(whole)
            .map(|name| name.split('/').step_by(2).collect())
            .unwrap_or_default();
        named == steps.split('.').collect::<Vec<_>>()
    }

    /// Returns its name, as the table spells it.
    pub fn name(self) -> &'static str {
        self.entry.name()
    }

    /// Returns the service, which is also the endpoint of the manifest: `compute`.
    pub fn service(self) -> &'static str {
        self.entry.fact("service").unwrap_or_default()
    }

    /// Returns what its objects look like.
    pub fn body(self) -> Node<'static> {
        self.entry.body()
    }

    /// Returns a method by what it does: `create`, `get`, `list`, `aggregated`, `patch`, `update`, `delete`.
    pub fn method(self, what: &str) -> Option<Method> {
        Method::read(self.entry.fact(what)?)
    }

    /// Returns the member of a request that holds the object, where the request wraps it: of `create` or `patch`.
    pub fn wrapper(self, what: &str) -> Option<&'static str> {
        self.entry.fact(&format!("{what} in"))
    }

    /// Returns the members that stand beside the object where a request wraps it.
    pub fn beside(self, what: &str) -> impl Iterator<Item = &'static str> {
        self.entry
            .fact(&format!("{what} beside"))
            .unwrap_or_default()
            .split_whitespace()
    }

    /// Returns the version in the path of its operations; none where it answers at once.
    pub fn operation_version(self) -> Option<&'static str> {
        self.entry.fact("operation")
    }

    /// Returns the method that sets a property.
    pub fn setter(self, property: &str) -> Option<Setter> {
        let (shape, method) = self.entry.fact(&format!("set {property}"))?.split_once(' ')?;
        Some(Setter {
            method: Method::read(method)?,
            is_whole: shape == "whole",
        })
    }

    /// Returns a property of its objects.
    pub fn property(self, name: &str) -> Option<Property<'static>> {
        property(self.body(), name)
    }

    /// Tells whether its objects have a property that can be given.
    pub fn takes(self, name: &str) -> bool {
        self.property(name)
            .is_some_and(|property| !property.flags().contains(Flags::READ_ONLY))
    }
}

/// Returns the type whose name is most like one, where any is.
pub fn nearest(name: &str) -> Option<&'static str> {
    suggestion::nearest(name, table()?.entries().map(|entry| entry.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_says_where_it_comes_from() {
        let table = table().unwrap();
        table.verify().unwrap();
        assert!(table.len() > 300, "{}", table.len());
        assert!(table.fact("licence").unwrap().starts_with("Apache-2.0"));
        assert!(table.fact("revision compute.v1").is_some());
        for entry in table.entries() {
            let rest = RestType { entry };
            assert!(rest.method("create").is_some(), "{}", rest.name());
            assert!(rest.method("get").is_some(), "{}", rest.name());
            assert!(!rest.service().is_empty(), "{}", rest.name());
        }
    }

    #[test]
    fn a_type_says_how_it_is_addressed() {
        let subnetwork = RestType::find("compute/v1/subnetworks").unwrap();
        let create = subnetwork.method("create").unwrap();
        assert_eq!(create.verb, "POST");
        assert_eq!(
            create.path,
            "compute/v1/projects/{project}/regions/{region}/subnetworks"
        );
        assert!(create.takes("requestId"));
        let account = RestType::find("iam/v1/projects.serviceAccounts").unwrap();
        assert_eq!(account.wrapper("create"), Some("serviceAccount"));
        assert_eq!(account.beside("create").collect::<Vec<_>>(), ["accountId"]);
        let instance = RestType::find("compute/v1/instances").unwrap();
        assert!(instance.setter("metadata").unwrap().is_whole);
        assert!(!instance.setter("labels").unwrap().is_whole);
        assert_eq!(nearest("compute/v1/network"), Some("compute/v1/networks"));
    }

    #[test]
    fn the_type_of_a_link_is_found() {
        for (link, name) in [
            (
                "https://compute.googleapis.com/compute/v1/projects/p/global/networks/n",
                Some("compute/v1/networks"),
            ),
            (
                "https://www.googleapis.com/compute/v1/projects/p/zones/z/disks/d",
                Some("compute/v1/disks"),
            ),
            (
                "https://pubsub.googleapis.com/v1/projects/p/topics/t",
                Some("pubsub/v1/projects.topics"),
            ),
            (
                "https://pubsub.googleapis.com/v1/projects/p/subscriptions/s",
                Some("pubsub/v1/projects.subscriptions"),
            ),
            (
                "https://storage.googleapis.com/storage/v1/b/b",
                Some("storage/v1/buckets"),
            ),
            ("https://pubsub.googleapis.com/v1/projects/p/nothing/s", None),
            (
                "https://evil.example/compute/v1/projects/p/global/networks/n",
                None,
            ),
        ] {
            assert_eq!(RestType::of_link(link).map(RestType::name), name, "{link}");
        }
    }

    #[test]
    fn what_can_be_given_and_changed_is_known() {
        let flags =
            |name: &str, property: &str| RestType::find(name).unwrap().property(property).unwrap().flags();
        assert!(flags("compute/v1/networks", "autoCreateSubnetworks").contains(Flags::CREATE_ONLY));
        assert!(!flags("compute/v1/networks", "routingConfig").contains(Flags::CREATE_ONLY));
        assert!(flags("compute/v1/networks", "selfLink").contains(Flags::READ_ONLY));
        assert!(flags("compute/v1/subnetworks", "network").contains(Flags::REQUIRED | Flags::CREATE_ONLY));
        assert!(flags("compute/v1/addresses", "address").contains(Flags::CREATE_ONLY));
        assert!(!flags("compute/v1/addresses", "labels").contains(Flags::CREATE_ONLY));
        assert!(flags("storage/v1/buckets", "location").contains(Flags::CREATE_ONLY));
        assert!(flags("dns/v1/managedZones", "dnsName").contains(Flags::CREATE_ONLY));
        assert!(flags("pubsub/v1/projects.subscriptions", "topic").contains(Flags::CREATE_ONLY));
    }
}
