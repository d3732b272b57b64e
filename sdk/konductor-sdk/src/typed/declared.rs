//! Declarations whose attributes the compiler knows: a name that no type has, or a value of another type, does not
//! compile.

use std::marker::PhantomData;

use konductor_model::ResourceOptions;

use super::{AttributeType, Input};
use crate::component::{Construction, DeclarationBuilder, Sibling};

/// A resource or component type that components can declare. The derives write it.
pub trait Declarable: 'static {
    /// The type's name, for example `aws:ec2:Vpc`.
    const DECLARED_TYPE: &'static str;
    /// A struct with a field for each attribute.
    type Attributes;

    /// Returns the attributes.
    fn typed_attributes() -> Self::Attributes;
}

/// An attribute that may be given.
pub struct InputAttribute<R, T> {
    name: &'static str,
    of: PhantomData<fn() -> (R, T)>,
}

/// An attribute that only the provider sets.
pub struct OutputAttribute<R, T> {
    name: &'static str,
    of: PhantomData<fn() -> (R, T)>,
}

macro_rules! attribute {
    ($kind:ident) => {
        impl<R, T> $kind<R, T> {
            /// Names an attribute. For the derives: they know which there are.
            #[doc(hidden)]
            pub const fn named(name: &'static str) -> Self {
                Self {
                    name,
                    of: PhantomData,
                }
            }
        }
        impl<R, T> std::fmt::Debug for $kind<R, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name)
            }
        }
        impl<R, T> AttributeOf for $kind<R, T> {
            type Of = R;
            type Type = T;
            fn name(&self) -> &'static str {
                self.name
            }
        }
    };
}
attribute!(InputAttribute);
attribute!(OutputAttribute);

/// An attribute of a type, given or provided.
pub trait AttributeOf {
    /// The type that has it.
    type Of;
    /// The type of its values.
    type Type;

    /// Returns its name.
    fn name(&self) -> &'static str;
}

impl Construction {
    /// Starts the declaration of a type that the compiler knows; it stands once [`TypedDeclaration::add`] is called.
    ///
    /// ```
    /// # use konductor_sdk::typed::prelude::*;
    /// # /// A door.
    /// # #[derive(Component)]
    /// # #[component(type = "house:parts:Door")]
    /// # struct Door {
    /// #     /// How wide.
    /// #     width: i64,
    /// #     /// Its number.
    /// #     #[attribute(output)]
    /// #     number: Option<Input<i64>>,
    /// # }
    /// let mut construction = Construction::default();
    /// let first = construction.declare_as::<Door>("first").set(|it| it.width, 90).add();
    /// construction.declare_as::<Door>("second").set(|it| it.width, first.get(|it| it.number)).add();
    /// ```
    ///
    /// An output cannot be set, nor an attribute to a value of another type:
    ///
    /// ```compile_fail,E0308
    /// # use konductor_sdk::typed::prelude::*;
    /// # /// A door.
    /// # #[derive(Component)]
    /// # #[component(type = "house:parts:Door")]
    /// # struct Door {
    /// #     /// Its number.
    /// #     #[attribute(output)]
    /// #     number: Option<Input<i64>>,
    /// # }
    /// Construction::default().declare_as::<Door>("first").set(|it| it.number, 1).add();
    /// ```
    ///
    /// ```compile_fail,E0277
    /// # use konductor_sdk::typed::prelude::*;
    /// # /// A door.
    /// # #[derive(Component)]
    /// # #[component(type = "house:parts:Door")]
    /// # struct Door {
    /// #     /// How wide.
    /// #     width: i64,
    /// # }
    /// Construction::default().declare_as::<Door>("first").set(|it| it.width, "wide").add();
    /// ```
    pub fn declare_as<R: Declarable>(&mut self, name: impl Into<String>) -> TypedDeclaration<'_, R> {
        TypedDeclaration {
            builder: self.declare(name, R::DECLARED_TYPE),
            of: PhantomData,
        }
    }
}

/// A declaration under construction.
#[derive(Debug)]
#[must_use = "the declaration stands once `add` is called"]
pub struct TypedDeclaration<'c, R> {
    builder: DeclarationBuilder<'c>,
    of: PhantomData<fn() -> R>,
}

impl<R: Declarable> TypedDeclaration<'_, R> {
    /// Sets an attribute.
    pub fn set<T: AttributeType>(
        mut self,
        pick: impl FnOnce(R::Attributes) -> InputAttribute<R, T>,
        value: impl Into<Input<T>>,
    ) -> Self {
        let attribute = pick(R::typed_attributes());
        self.builder = self.builder.set(attribute.name, value.into().to_value());
        self
    }

    /// Sets an attribute, where there is a value for it.
    pub fn set_optional<T: AttributeType, V: Into<Input<T>>>(
        self,
        pick: impl FnOnce(R::Attributes) -> InputAttribute<R, T>,
        value: Option<V>,
    ) -> Self {
        match value {
            Some(value) => self.set(pick, value),
            None => self,
        }
    }

    /// Makes it depend on another declaration that it does not refer to.
    pub fn depends_on<S>(mut self, other: &Declared<S>) -> Self {
        self.builder = self.builder.depends_on(&other.sibling);
        self
    }

    /// Changes its options.
    pub fn options(mut self, change: impl FnOnce(&mut ResourceOptions)) -> Self {
        self.builder = self.builder.options(change);
        self
    }

    /// Adds the declaration and returns what others refer to it by.
    pub fn add(self) -> Declared<R> {
        Declared {
            sibling: self.builder.add(),
            of: PhantomData,
        }
    }
}

/// A declaration of the same answer, for others to refer to.
#[derive(Debug)]
pub struct Declared<R> {
    sibling: Sibling,
    of: PhantomData<fn() -> R>,
}

impl<R: Declarable> Declared<R> {
    /// Returns a reference to one of its attributes.
    pub fn get<A: AttributeOf<Of = R>>(&self, pick: impl FnOnce(R::Attributes) -> A) -> Input<A::Type> {
        Input::Later(self.sibling.attribute(pick(R::typed_attributes()).name()))
    }

    /// Returns it without its type, for places inside an attribute.
    pub fn sibling(&self) -> &Sibling {
        &self.sibling
    }
}
