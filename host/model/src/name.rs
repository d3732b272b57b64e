//! Names of types and resources.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Says why a text is not a name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: expected {expected}")]
pub struct NameError {
    /// The text as given.
    pub text: String,
    /// What it should have been.
    pub what: &'static str,
    /// The form expected.
    pub expected: &'static str,
}

macro_rules! text_name {
    ($name:ident, $what:literal, $expected:literal, $valid:expr) => {
        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError {
                        text: text.to_owned(),
                        what: $what,
                        expected: $expected,
                    })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// The type of a resource or component: `aws:ec2:Vpc`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceType(Arc<str>);

text_name!(
    ResourceType,
    "type",
    "`provider:module:Type`, for example `aws:ec2:Vpc`",
    |text| { text.split(':').count() == 3 && text.split(':').all(is_word) }
);

impl ResourceType {
    /// Returns the provider: `aws` of `aws:ec2:Vpc`.
    pub fn provider(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

/// The name of a resource in its stack, unique there: `web` or, below a component, `aws/vpc/public-a`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceName(Arc<str>);

text_name!(
    ResourceName,
    "resource name",
    "letters, digits, `_` and `-`, starting with a letter or digit; `/` between a component and its children; at most 255 characters",
    |text| {
        text.len() <= 255
            && text.split('/').all(|part| {
                part.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && part
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            })
    }
);

impl ResourceName {
    /// Returns the name of a child below this one.
    ///
    /// # Errors
    /// When the result is not a name.
    pub fn child(&self, name: &str) -> Result<Self, NameError> {
        format!("{}/{name}", self.0).parse()
    }

    /// Returns the name of the component this stands below.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.into()))
    }
}

/// The identity of a resource across runs: `urn:konductor:PROJECT:STACK:TYPE::NAME`.
///
/// All of one type share what stands before the name, so that a million of them are a million names.
#[derive(Clone)]
pub struct Urn {
    scope: Arc<Scope>,
    name: ResourceName,
}

/// What stands before the name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    project: Box<str>,
    stack: Box<str>,
    resource_type: ResourceType,
}

/// How many scopes a thread remembers to give them to what it reads next.
const REMEMBERED_SCOPES: usize = 32;

thread_local! {
    static SCOPES: RefCell<Vec<Arc<Scope>>> = const { RefCell::new(Vec::new()) };
}

impl Scope {
    /// Returns the scope of a project, a stack and a type: the one that was made before, where it is remembered.
    fn shared(project: &str, stack: &str, resource_type: &str) -> Result<Arc<Self>, NameError> {
        let same = |scope: &&Arc<Self>| {
            scope.resource_type.as_str() == resource_type
                && *scope.stack == *stack
                && *scope.project == *project
        };
        if let Some(known) = SCOPES.with_borrow(|scopes| scopes.iter().find(same).cloned()) {
            return Ok(known);
        }
        let scope = Arc::new(Self {
            project: project.into(),
            stack: stack.into(),
            resource_type: resource_type.parse()?,
        });
        SCOPES.with_borrow_mut(|scopes| {
            if scopes.len() >= REMEMBERED_SCOPES {
                scopes.remove(0);
            }
            scopes.push(scope.clone());
        });
        Ok(scope)
    }
}

impl PartialEq for Urn {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && (Arc::ptr_eq(&self.scope, &other.scope) || self.scope == other.scope)
    }
}

impl Eq for Urn {}

impl std::hash::Hash for Urn {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // In one stack a name is one resource; two that differ in the rest may fall together.
        self.name.hash(state);
    }
}

impl PartialOrd for Urn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Urn {
    fn cmp(&self, other: &Self) -> Ordering {
        let scope = if Arc::ptr_eq(&self.scope, &other.scope) {
            Ordering::Equal
        } else {
            self.scope.cmp(&other.scope)
        };
        scope.then_with(|| self.name.cmp(&other.name))
    }
}

impl Urn {
    /// Puts a name together.
    ///
    /// # Errors
    /// When project or stack is not a word.
    pub fn new(
        project: &str,
        stack: &str,
        resource_type: ResourceType,
        name: ResourceName,
    ) -> Result<Self, NameError> {
        for text in [project, stack] {
            if !is_word(text) {
                return Err(NameError {
                    text: text.to_owned(),
                    what: "project or stack name",
                    expected: "letters, digits, `_` and `-`, starting with a letter",
                });
            }
        }
        Ok(Self {
            scope: Scope::shared(project, stack, resource_type.as_str())?,
            name,
        })
    }

    /// Returns the project.
    pub fn project(&self) -> &str {
        &self.scope.project
    }

    /// Returns the stack.
    pub fn stack(&self) -> &str {
        &self.scope.stack
    }

    /// Returns the type.
    pub fn resource_type(&self) -> &ResourceType {
        &self.scope.resource_type
    }

    /// Returns the name.
    pub fn name(&self) -> &ResourceName {
        &self.name
    }

    /// Returns the same identity with another name.
    #[must_use]
    pub fn with_name(&self, name: ResourceName) -> Self {
        Self {
            scope: self.scope.clone(),
            name,
        }
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "urn:konductor:{}:{}:{}::{}",
            self.project(),
            self.stack(),
            self.resource_type(),
            self.name
        )
    }
}

impl fmt::Debug for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Urn {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bad = || NameError {
            text: text.to_owned(),
            what: "resource identity",
            expected: "`urn:konductor:PROJECT:STACK:TYPE::NAME`",
        };
        let (head, name) = text
            .strip_prefix("urn:konductor:")
            .and_then(|rest| rest.rsplit_once("::"))
            .ok_or_else(bad)?;
        let mut parts = head.splitn(3, ':');
        let (Some(project), Some(stack), Some(kind)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad());
        };
        let name = name.parse()?;
        if is_word(project) && is_word(stack) {
            return Ok(Self {
                scope: Scope::shared(project, stack, kind)?,
                name,
            });
        }
        Self::new(project, stack, kind.parse()?, name)
    }
}

impl Serialize for Urn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Urn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_as_it_is_written() {
        let text = "urn:konductor:shop:dev:aws:ec2:Subnet::aws/vpc/public-a";
        let urn: Urn = text.parse().unwrap();
        assert_eq!(urn.to_string(), text);
        assert_eq!(urn.resource_type().provider(), "aws");
        assert_eq!(urn.name().parent().unwrap().as_str(), "aws/vpc");
    }

    #[test]
    fn identities_of_one_type_share_what_stands_before_the_name() {
        let one: Urn = "urn:konductor:shop:dev:aws:ec2:Subnet::a".parse().unwrap();
        let other: Urn = "urn:konductor:shop:dev:aws:ec2:Subnet::b".parse().unwrap();
        assert!(Arc::ptr_eq(&one.scope, &other.scope));
        assert!(one < other && one != other);
        // More types than are remembered are still told apart.
        let many: Vec<Urn> = (0..3 * REMEMBERED_SCOPES)
            .map(|n| format!("urn:konductor:shop:dev:aws:ec2:T{n}::a").parse().unwrap())
            .collect();
        for (n, urn) in many.iter().enumerate() {
            assert_eq!(urn.resource_type().as_str(), format!("aws:ec2:T{n}"));
            assert_eq!(many.iter().filter(|other| *other == urn).count(), 1);
        }
        assert_eq!(many[0], many[0].to_string().parse().unwrap());
        assert!("urn:konductor:shop:dev:aws:ec2::a".parse::<Urn>().is_err());
        assert!("urn:konductor:1:dev:aws:ec2:T::a".parse::<Urn>().is_err());
    }

    #[test]
    fn names_that_could_be_mistaken_are_refused() {
        for text in ["", "a b", "a//b", "/a", "a/", "a.b", "-a", "${a}", "a\u{1b}[31m"] {
            assert!(text.parse::<ResourceName>().is_err(), "{text:?}");
        }
        for text in ["aws:Vpc", "aws:ec2:Vpc:x", "aws:ec2:", "aws:ec2:1Vpc", "a b:c:D"] {
            assert!(text.parse::<ResourceType>().is_err(), "{text:?}");
        }
    }
}
