//! `docs/interface-reference.md`: every world, interface, function and type of `wit/`, as its comments describe it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use wit_parser::{
    Docs, Enum, Function, Handle, InterfaceId, PackageId, Record, Resolve, Type, TypeDef, TypeDefKind,
    Variant, WorldItem, WorldKey,
};

/// What stands before the first world.
const HEAD: &str = "# Interface reference

Made from the comments in `wit/` by `cargo xtask docs`; a change belongs there. What the functions owe each other is in
[The plugin interface](plugin-interface.md), what may change between versions in [Compatibility](compatibility.md).
";

/// Writes the reference of the package in a folder, as Markdown.
///
/// # Errors
/// When the folder holds no valid package.
pub fn of_folder(folder: &Path) -> Result<String> {
    let mut resolve = Resolve::default();
    let pushed = resolve.push_dir(folder);
    // Only the resolver knows the place in a file.
    let (package, _) = pushed.map_err(|error| anyhow::anyhow!("{}", resolve.render_error(&error)))?;
    Ok(Reference { resolve, package }.page())
}

struct Reference {
    resolve: Resolve,
    package: PackageId,
}

#[allow(
    clippy::indexing_slicing,
    reason = "an identifier of an arena is only ever given out by that arena"
)]
impl Reference {
    fn page(&self) -> String {
        let package = &self.resolve.packages[self.package];
        let mut page = format!("{HEAD}\nThe package is `{}`.\n", package.name);
        page.push_str("\n## Worlds\n");
        for (name, world) in &package.worlds {
            let world = &self.resolve.worlds[*world];
            let _ = write!(page, "\n### World `{name}`\n{}", paragraphs(&world.docs));
            for (verb, items) in [("imports", &world.imports), ("exports", &world.exports)] {
                let names: Vec<String> = items
                    .iter()
                    .filter_map(|(key, item)| self.item(key, item))
                    .collect();
                if !names.is_empty() {
                    let _ = write!(page, "\nIt {verb} {}.\n", names.join(", "));
                }
            }
        }
        for (name, interface) in &package.interfaces {
            self.interface(&mut page, name, *interface);
        }
        page
    }

    /// Writes what a world imports or exports.
    fn item(&self, key: &WorldKey, item: &WorldItem) -> Option<String> {
        match item {
            WorldItem::Interface { id, .. } => {
                let name = self.resolve.interfaces[*id].name.as_deref()?;
                Some(format!("[`{name}`](#interface-{name})"))
            }
            WorldItem::Function(_) | WorldItem::Type { .. } => {
                let WorldKey::Name(name) = key else {
                    return None;
                };
                Some(format!("`{name}`"))
            }
        }
    }

    fn interface(&self, page: &mut String, name: &str, id: InterfaceId) {
        let interface = &self.resolve.interfaces[id];
        let _ = write!(page, "\n## Interface `{name}`\n{}", paragraphs(&interface.docs));
        for function in interface.functions.values() {
            self.function(page, name, function);
        }
        for type_id in interface.types.values() {
            let definition = &self.resolve.types[*type_id];
            // A name that another interface lends is described there.
            if !self.is_borrowed(definition) {
                self.definition(page, name, definition);
            }
        }
    }

    fn is_borrowed(&self, definition: &TypeDef) -> bool {
        matches!(definition.kind, TypeDefKind::Type(Type::Id(inner))
            if self.resolve.types[inner].owner != definition.owner && self.resolve.types[inner].name.is_some())
    }

    fn function(&self, page: &mut String, interface: &str, function: &Function) {
        let name = &function.name;
        let _ = write!(page, "\n### `{name}`\n\n<a id=\"{interface}-{name}\"></a>\n");
        page.push_str(&paragraphs(&function.docs));
        if !function.params.is_empty() {
            page.push_str("\n| parameter | type |\n|---|---|\n");
            for parameter in &function.params {
                let _ = writeln!(page, "| `{}` | {} |", parameter.name, self.type_of(&parameter.ty));
            }
        }
        if let Some(result) = &function.result {
            let _ = write!(page, "\nReturns {}.\n", self.type_of(result));
        }
    }

    fn definition(&self, page: &mut String, interface: &str, definition: &TypeDef) {
        let name = definition.name.as_deref().unwrap_or_default();
        let (word, form) = match &definition.kind {
            TypeDefKind::Record(record) => ("Record", self.fields(record)),
            TypeDefKind::Variant(variant) => ("Variant", self.cases(variant)),
            TypeDefKind::Enum(cases) => ("Enum", enum_cases(cases)),
            kind => ("Type", format!("\nThe same as {}.\n", self.kind(kind))),
        };
        let _ = write!(
            page,
            "\n### {word} `{name}`\n\n<a id=\"{interface}-{name}\"></a>\n{}{form}",
            paragraphs(&definition.docs)
        );
    }

    fn fields(&self, record: &Record) -> String {
        let mut table = "\n| field | type | meaning |\n|---|---|---|\n".to_owned();
        for field in &record.fields {
            let _ = writeln!(
                table,
                "| `{}` | {} | {} |",
                field.name,
                self.type_of(&field.ty),
                line(&field.docs)
            );
        }
        table
    }

    fn cases(&self, variant: &Variant) -> String {
        let mut table = "\n| case | holds | meaning |\n|---|---|---|\n".to_owned();
        for case in &variant.cases {
            let holds = case.ty.as_ref().map(|ty| self.type_of(ty)).unwrap_or_default();
            let _ = writeln!(table, "| `{}` | {holds} | {} |", case.name, line(&case.docs));
        }
        table
    }

    fn type_of(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "`bool`".to_owned(),
            Type::U8 => "`u8`".to_owned(),
            Type::U16 => "`u16`".to_owned(),
            Type::U32 => "`u32`".to_owned(),
            Type::U64 => "`u64`".to_owned(),
            Type::S8 => "`s8`".to_owned(),
            Type::S16 => "`s16`".to_owned(),
            Type::S32 => "`s32`".to_owned(),
            Type::S64 => "`s64`".to_owned(),
            Type::F32 => "`f32`".to_owned(),
            Type::F64 => "`f64`".to_owned(),
            Type::Char => "`char`".to_owned(),
            Type::String => "`string`".to_owned(),
            Type::ErrorContext => "`error-context`".to_owned(),
            Type::Id(id) => {
                let definition = &self.resolve.types[*id];
                match (&definition.name, &definition.kind) {
                    (Some(_), TypeDefKind::Type(inner)) if self.is_borrowed(definition) => {
                        self.type_of(inner)
                    }
                    (Some(name), _) => format!("[`{name}`](#{}-{name})", self.interface_of(definition)),
                    (None, kind) => self.kind(kind),
                }
            }
        }
    }

    fn interface_of(&self, definition: &TypeDef) -> &str {
        match definition.owner {
            wit_parser::TypeOwner::Interface(id) => {
                self.resolve.interfaces[id].name.as_deref().unwrap_or_default()
            }
            wit_parser::TypeOwner::World(_) | wit_parser::TypeOwner::None => "",
        }
    }

    /// Writes a type without a name, or what a name stands for.
    fn kind(&self, kind: &TypeDefKind) -> String {
        let optional = |ty: &Option<Type>| {
            ty.as_ref()
                .map_or_else(|| "`_`".to_owned(), |ty| self.type_of(ty))
        };
        match kind {
            TypeDefKind::Type(inner) => self.type_of(inner),
            TypeDefKind::Option(inner) => format!("option of {}", self.type_of(inner)),
            TypeDefKind::List(inner) => format!("list of {}", self.type_of(inner)),
            TypeDefKind::FixedLengthList(inner, length) => format!("{length} of {}", self.type_of(inner)),
            TypeDefKind::Map(key, value) => {
                format!("map of {} to {}", self.type_of(key), self.type_of(value))
            }
            TypeDefKind::Tuple(tuple) => {
                let parts: Vec<String> = tuple.types.iter().map(|ty| self.type_of(ty)).collect();
                format!("({})", parts.join(", "))
            }
            TypeDefKind::Result(result) => match (&result.ok, &result.err) {
                (None, Some(error)) => format!("nothing, or {}", self.type_of(error)),
                (ok, error) => format!("{}, or {}", optional(ok), optional(error)),
            },
            TypeDefKind::Future(inner) => format!("future of {}", optional(inner)),
            TypeDefKind::Stream(inner) => format!("stream of {}", optional(inner)),
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => {
                format!("handle of {}", self.type_of(&Type::Id(*id)))
            }
            TypeDefKind::Record(_)
            | TypeDefKind::Resource
            | TypeDefKind::Flags(_)
            | TypeDefKind::Variant(_)
            | TypeDefKind::Enum(_)
            | TypeDefKind::Unknown => kind.as_str().to_owned(),
        }
    }
}

fn enum_cases(cases: &Enum) -> String {
    let mut table = "\n| case | meaning |\n|---|---|\n".to_owned();
    for case in &cases.cases {
        let _ = writeln!(table, "| `{}` | {} |", case.name, line(&case.docs));
    }
    table
}

/// Returns a comment as paragraphs, with an empty line before them.
fn paragraphs(docs: &Docs) -> String {
    docs.contents
        .as_deref()
        .map(|text| format!("\n{}\n", text.trim()))
        .unwrap_or_default()
}

/// Returns a comment in one line, fit for a cell of a table.
fn line(docs: &Docs) -> String {
    let text = docs.contents.as_deref().unwrap_or_default();
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("one.wit"), text).unwrap();
        of_folder(folder.path()).unwrap()
    }

    #[test]
    fn a_type_is_described_once_and_linked_from_where_it_is_used() {
        let page = reference(
            "package a:b@1.0.0;
             interface first { /// A thing.
               record thing { /// Its | name.
                 name: string } }
             interface second { use first.{thing}; /// Takes one.
               take: func(it: option<thing>) -> result<_, string>; }
             world w { export second; }",
        );
        assert_eq!(page.matches("<a id=\"first-thing\"></a>").count(), 1, "{page}");
        assert!(
            page.contains("| `it` | option of [`thing`](#first-thing) |"),
            "{page}"
        );
        assert!(page.contains("Returns nothing, or `string`."), "{page}");
        assert!(page.contains("| `name` | `string` | Its \\| name. |"), "{page}");
        assert!(
            page.contains("It exports [`second`](#interface-second)."),
            "{page}"
        );
    }

    #[test]
    fn a_folder_that_is_no_package_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("one.wit"), "package a:b;\ninterface {").unwrap();
        let error = format!("{:#}", of_folder(folder.path()).unwrap_err());
        assert!(error.contains("one.wit:2:11"), "{error}");
    }
}
