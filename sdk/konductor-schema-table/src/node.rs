//! One definition in a table: what a value must look like.

use crate::encoding::Cursor;
use crate::flags::Flags;
use crate::table::Table;

pub(crate) mod tag {
    pub(crate) const ANY: u8 = 0;
    pub(crate) const BOOLEAN: u8 = 1;
    pub(crate) const INTEGER: u8 = 2;
    pub(crate) const NUMBER: u8 = 3;
    pub(crate) const TEXT: u8 = 4;
    pub(crate) const CHOICE: u8 = 5;
    pub(crate) const LIST: u8 = 6;
    pub(crate) const MAP: u8 = 7;
    pub(crate) const OBJECT: u8 = 8;
    pub(crate) const VARIANTS: u8 = 9;
}

/// A definition. Two of the same table are equal when they are one.
#[derive(Debug, Clone, Copy)]
pub struct Node<'b> {
    table: Table<'b>,
    index: u32,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl Eq for Node<'_> {}

/// What a value must look like.
#[derive(Debug, Clone, Copy)]
pub enum Kind<'b> {
    /// Anything.
    Any,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer(IntegerRules),
    /// A number.
    Number,
    /// A text.
    Text(TextRules<&'b str>),
    /// One of some texts.
    Choice(Choices<'b>),
    /// Values in order.
    List(List<'b>),
    /// Values by free keys.
    Map(Node<'b>),
    /// Values by fixed keys.
    Object(Object<'b>),
    /// An object whose form one of its properties tells.
    Variants(Variants<'b>),
}

/// The limits of a whole number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntegerRules {
    /// The smallest allowed.
    pub minimum: Option<i64>,
    /// The largest allowed.
    pub maximum: Option<i64>,
}

/// What a text must look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextRules<S> {
    /// The fewest characters.
    pub minimum: Option<u64>,
    /// The most characters.
    pub maximum: Option<u64>,
    /// A regular expression as the cloud publishes it: the dialect is the cloud's, mostly that of JavaScript.
    pub pattern: Option<S>,
    /// The name of its form, such as `date-time` or `int64`.
    pub format: Option<S>,
    /// It must never be shown.
    pub sensitive: bool,
}

/// The texts that are allowed.
#[derive(Debug, Clone, Copy)]
pub struct Choices<'b> {
    table: Table<'b>,
    /// Others may be allowed as well: the list is what was known when it was published.
    pub open: bool,
    count: usize,
    rest: Cursor<'b>,
}

/// Values in order.
#[derive(Debug, Clone, Copy)]
pub struct List<'b> {
    /// What each is.
    pub items: Node<'b>,
    /// The fewest allowed.
    pub minimum: Option<u64>,
    /// The most allowed.
    pub maximum: Option<u64>,
}

/// Values by fixed keys.
#[derive(Debug, Clone, Copy)]
pub struct Object<'b> {
    table: Table<'b>,
    additional: Option<u32>,
    count: usize,
    rest: Cursor<'b>,
}

/// An object whose form one of its properties tells.
#[derive(Debug, Clone, Copy)]
pub struct Variants<'b> {
    table: Table<'b>,
    discriminator: &'b str,
    base: u32,
    count: usize,
    rest: Cursor<'b>,
}

/// A property of an object.
#[derive(Debug, Clone, Copy)]
pub struct Property<'b> {
    name: &'b str,
    flags: Flags,
    node: Node<'b>,
}

impl<'b> Node<'b> {
    pub(crate) fn new(table: Table<'b>, index: u32) -> Self {
        Self { table, index }
    }

    /// Returns what a value must look like; anything, where it cannot be read.
    pub fn kind(self) -> Kind<'b> {
        self.read().unwrap_or(Kind::Any)
    }

    fn read(self) -> Option<Kind<'b>> {
        let mut cursor = self.table.node(self.index)?;
        Some(match cursor.byte()? {
            tag::ANY => Kind::Any,
            tag::BOOLEAN => Kind::Boolean,
            tag::NUMBER => Kind::Number,
            tag::INTEGER => Kind::Integer(IntegerRules {
                minimum: cursor.optional_signed()?,
                maximum: cursor.optional_signed()?,
            }),
            tag::TEXT => Kind::Text(TextRules {
                sensitive: cursor.byte()? != 0,
                minimum: cursor.optional()?,
                maximum: cursor.optional()?,
                pattern: self.optional_string(&mut cursor)?,
                format: self.optional_string(&mut cursor)?,
            }),
            tag::CHOICE => Kind::Choice(Choices {
                table: self.table,
                open: cursor.byte()? != 0,
                count: cursor.size()?,
                rest: cursor,
            }),
            tag::LIST => Kind::List(List {
                items: self.child(&mut cursor)?,
                minimum: cursor.optional()?,
                maximum: cursor.optional()?,
            }),
            tag::MAP => Kind::Map(self.child(&mut cursor)?),
            tag::OBJECT => {
                let additional = match cursor.optional()? {
                    Some(index) => Some(u32::try_from(index).ok()?),
                    None => None,
                };
                Kind::Object(Object {
                    table: self.table,
                    additional,
                    count: cursor.size()?,
                    rest: cursor,
                })
            }
            tag::VARIANTS => Kind::Variants(Variants {
                table: self.table,
                discriminator: self.table.string(cursor.size()?)?,
                base: u32::try_from(cursor.number()?).ok()?,
                count: cursor.size()?,
                rest: cursor,
            }),
            _ => return None,
        })
    }

    fn child(self, cursor: &mut Cursor<'b>) -> Option<Self> {
        Some(Self::new(self.table, u32::try_from(cursor.number()?).ok()?))
    }

    fn optional_string(self, cursor: &mut Cursor<'b>) -> Option<Option<&'b str>> {
        Some(match cursor.optional()? {
            None => None,
            Some(offset) => Some(self.table.string(usize::try_from(offset).ok()?)?),
        })
    }

    /// Reads all of it, but not what it refers to.
    pub(crate) fn verify(self) -> Option<()> {
        let exists = |node: Node<'_>| self.table.has_node(node.index);
        let sound = match self.read()? {
            Kind::Any | Kind::Boolean | Kind::Integer(_) | Kind::Number | Kind::Text(_) => true,
            Kind::Choice(choices) => choices.values().count() == choices.count,
            Kind::List(list) => exists(list.items),
            Kind::Map(values) => exists(values),
            Kind::Object(object) => {
                object.additional().is_none_or(exists)
                    && object.properties().count() == object.count
                    && object.properties().all(|property| exists(property.node))
            }
            Kind::Variants(variants) => {
                self.table.has_node(variants.base)
                    && variants.all().count() == variants.count
                    && variants.all().all(|(_, node)| exists(node))
            }
        };
        sound.then_some(())
    }
}

impl<'b> Choices<'b> {
    /// Returns the texts, in the order in which they are published.
    pub fn values(self) -> impl Iterator<Item = &'b str> {
        let mut cursor = self.rest;
        (0..self.count).map_while(move |_| self.table.string(cursor.size()?))
    }
}

impl<'b> Object<'b> {
    /// Returns what may stand under keys that are no property; none when there may be no others.
    pub fn additional(self) -> Option<Node<'b>> {
        self.additional.map(|index| Node::new(self.table, index))
    }

    /// Returns the properties by name.
    pub fn properties(self) -> impl Iterator<Item = Property<'b>> {
        let mut cursor = self.rest;
        (0..self.count).map_while(move |_| {
            Some(Property {
                name: self.table.string(cursor.size()?)?,
                flags: Flags::from_bits(u32::try_from(cursor.number()?).ok()?),
                node: Node::new(self.table, u32::try_from(cursor.number()?).ok()?),
            })
        })
    }

    /// Returns the property of a name, as it is spelled.
    pub fn property(self, name: &str) -> Option<Property<'b>> {
        self.properties().find(|property| property.name == name)
    }
}

impl<'b> Variants<'b> {
    /// Returns the name of the property that tells the form.
    pub fn discriminator(self) -> &'b str {
        self.discriminator
    }

    /// Returns what all forms have in common, which is an object.
    pub fn base(self) -> Node<'b> {
        Node::new(self.table, self.base)
    }

    /// Returns the forms: what the property says, and what the object then has besides.
    pub fn all(self) -> impl Iterator<Item = (&'b str, Node<'b>)> {
        let mut cursor = self.rest;
        (0..self.count).map_while(move |_| {
            let name = self.table.string(cursor.size()?)?;
            let index = u32::try_from(cursor.number()?).ok()?;
            Some((name, Node::new(self.table, index)))
        })
    }

    /// Returns one form by what the property says.
    pub fn variant(self, value: &str) -> Option<Node<'b>> {
        self.all().find(|(name, _)| *name == value).map(|(_, node)| node)
    }
}

impl<'b> Property<'b> {
    /// Returns its name.
    pub fn name(&self) -> &'b str {
        self.name
    }

    /// Returns what may be done with it.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// Returns what its values look like.
    pub fn node(&self) -> Node<'b> {
        self.node
    }
}
