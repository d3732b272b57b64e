//! What `#[resource(…)]` says.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{DeriveInput, Error, Expr, LitInt, LitStr, Path, Token};

/// The declaration of a resource type, besides its attributes.
#[derive(Default)]
pub struct Declaration {
    pub resource_type: Option<LitStr>,
    /// The form of the identifier, and what it is.
    pub identity: Option<(String, String)>,
    /// The macro that writes what several types do alike.
    pub behaviour: Option<Path>,
    pub version: Option<LitInt>,
    pub unique: Vec<LitStr>,
    pub undeletable: Option<LitStr>,
    pub replace_on_every_change: bool,
    pub delete_before_replace: bool,
    /// A tool, what it calls the type, and how the identifier is put together.
    pub known_as: Vec<Vec<LitStr>>,
    permissions: Vec<(String, Vec<LitStr>)>,
    /// Each example's title and text.
    pub examples: Vec<(String, TokenStream)>,
}

const OPTIONS: &str = "type, identity, version, unique, undeletable, replace_on_every_change, \
                       delete_before_replace, behaviour, permissions, create, read, update, delete, list, write, \
                       known_as, example";
/// What permissions are named for.
const OPERATIONS: [&str; 6] = ["create", "read", "update", "delete", "list", "write"];

fn texts(input: syn::parse::ParseStream<'_>) -> Result<Vec<LitStr>, Error> {
    let inside;
    syn::parenthesized!(inside in input);
    Ok(Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)?
        .into_iter()
        .collect())
}

impl Declaration {
    /// Reads the declaration of a struct.
    pub fn read(input: &DeriveInput) -> Result<Self, Error> {
        let mut read = Self::default();
        for attribute in input.attrs.iter().filter(|a| a.path().is_ident("resource")) {
            attribute.parse_nested_meta(|meta| read.option(&meta))?;
        }
        Ok(read)
    }

    fn option(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> Result<(), Error> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "type" => self.resource_type = Some(meta.value()?.parse()?),
            "version" => self.version = Some(meta.value()?.parse()?),
            "unique" => self.unique = texts(meta.input)?,
            "undeletable" => self.undeletable = Some(meta.value()?.parse()?),
            "replace_on_every_change" => self.replace_on_every_change = true,
            "delete_before_replace" => self.delete_before_replace = true,
            "identity" => self.identity = Some(identity(meta)?),
            "behaviour" => self.behaviour = Some(meta.value()?.parse()?),
            "known_as" => {
                let said = texts(meta.input)?;
                if !matches!(said.len(), 2 | 3) {
                    return Err(meta.error(
                        "expected the tool, its name of the type and, where that is not `{id}`, how the identifier is \
                         put together: known_as(\"terraform\", \"aws_subnet\")",
                    ));
                }
                self.known_as.push(said);
            }
            "permissions" => meta.parse_nested_meta(|meta| {
                let operation = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                if !OPERATIONS.contains(&operation.as_str()) {
                    return Err(meta.error("unknown: expected create, read, update, delete, list or write"));
                }
                self.permissions.push((operation, texts(meta.input)?));
                Ok(())
            })?,
            operation if OPERATIONS.contains(&operation) => {
                self.permissions.push((name, texts(meta.input)?));
            }
            "example" if meta.input.peek(Token![=]) => {
                self.examples.push(titled(&meta.value()?.parse()?)?);
            }
            "example" => {
                let inside;
                syn::parenthesized!(inside in meta.input);
                let title: LitStr = inside.parse()?;
                inside.parse::<Token![,]>()?;
                let yaml: Expr = inside.parse()?;
                inside.parse::<Option<Token![,]>>()?;
                self.examples.push((title.value(), quote!(#yaml)));
            }
            _ => return Err(meta.error(format!("unknown: expected one of {OPTIONS}"))),
        }
        Ok(())
    }

    /// Returns the body that answers an operation with its permissions. `write` stands for each of create, update and
    /// delete that says nothing, and a list that says nothing needs those of a read.
    pub fn permissions(&self) -> TokenStream {
        let of = |name: &str| self.permissions.iter().find(|(operation, _)| operation == name);
        let arms = [
            ("create", "write"),
            ("update", "write"),
            ("delete", "write"),
            ("read", "read"),
            ("list", "read"),
        ]
        .into_iter()
        .filter_map(|(operation, instead)| {
            let (_, names) = of(operation).or_else(|| of(instead))?;
            Some(quote!(#operation => ::std::vec![#(#names),*]))
        });
        quote! {
            match operation {
                #(#arms,)*
                _ => ::std::vec::Vec::new(),
            }
        }
    }
}

/// Returns the title and the text of an example whose first line is `# ` and the title.
fn titled(example: &LitStr) -> Result<(String, TokenStream), Error> {
    let text = example.value();
    let Some((title, yaml)) = text.strip_prefix("# ").and_then(|text| text.split_once('\n')) else {
        return Err(Error::new_spanned(
            example,
            "the example has no title: begin it with the line `# What it shows`",
        ));
    };
    Ok((title.trim().to_owned(), quote!(#yaml)))
}

fn identity(meta: &syn::meta::ParseNestedMeta<'_>) -> Result<(String, String), Error> {
    let expected = "an identity has a `format`, for example \"vpc-0123\", and a `description`; in one text they are \
                    joined by `: `";
    if meta.input.peek(Token![=]) {
        let text: LitStr = meta.value()?.parse()?;
        let value = text.value();
        let Some((format, description)) = value.split_once(": ") else {
            return Err(Error::new_spanned(text, expected));
        };
        return Ok((format.to_owned(), description.to_owned()));
    }
    let mut format: Option<LitStr> = None;
    let mut description: Option<LitStr> = None;
    meta.parse_nested_meta(|meta| {
        if meta.path.is_ident("format") {
            format = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("description") {
            description = Some(meta.value()?.parse()?);
        } else {
            return Err(meta.error("unknown: expected `format` or `description`"));
        }
        Ok(())
    })?;
    match (format, description) {
        (Some(format), Some(description)) => Ok((format.value(), description.value())),
        _ => Err(meta.error(expected)),
    }
}
