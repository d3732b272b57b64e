//! A struct with named fields, and its conversions.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Ident};

use crate::field::Field;

/// The named fields of a struct, with what their attributes say.
pub struct Struct<'i> {
    pub fields: Vec<(&'i syn::Field, Field)>,
}

impl<'i> Struct<'i> {
    /// Reads the fields; everything that is wrong with them is said at once.
    pub fn read(input: &'i DeriveInput, macro_name: &str) -> Result<Self, Error> {
        let named = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(named) => Some(named),
                _ => None,
            },
            _ => None,
        };
        let Some(named) = named else {
            return Err(Error::new_spanned(
                &input.ident,
                format!("`{macro_name}` is for structs with named fields, one for each attribute"),
            ));
        };
        if !input.generics.params.is_empty() {
            return Err(Error::new_spanned(
                &input.generics,
                "a schema belongs to one type: remove the generics",
            ));
        }
        let mut fields = Vec::new();
        let mut problems: Option<Error> = None;
        for field in &named.named {
            match Field::read(field) {
                Ok(read) => fields.push((field, read)),
                Err(error) => match &mut problems {
                    Some(problems) => problems.combine(error),
                    None => problems = Some(error),
                },
            }
        }
        problems.map_or(Ok(Self { fields }), Err)
    }

    /// Returns the names of the fields that have a flag.
    pub fn named(&self, flag: &str) -> Vec<String> {
        self.fields
            .iter()
            .filter(|(_, field)| field.is(flag))
            .map(|(_, field)| field.name.clone())
            .collect()
    }

    /// Returns the conversions between the struct and a map of values.
    pub fn conversions(&self, name: &Ident, replaces: bool) -> TokenStream {
        let schemas = self
            .fields
            .iter()
            .map(|(field, read)| read.schema(&field.ty, replaces));
        let idents: Vec<_> = self.fields.iter().map(|(field, _)| &field.ident).collect();
        let reads = self.fields.iter().map(|(field, read)| read.reading(&field.ty));
        let names: Vec<_> = self.fields.iter().map(|(_, read)| &read.name).collect();
        let shown = self.fields.iter().map(|(field, read)| {
            let ident = &field.ident;
            if read.is("sensitive") {
                quote!(&::core::format_args!("<secret>"))
            } else {
                quote!(&self.#ident)
            }
        });
        let title = name.to_string();
        quote! {
            impl ::core::fmt::Debug for #name {
                /// Shows no sensitive attribute.
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#title)#(.field(#names, #shown))*.finish()
                }
            }
            impl ::konductor_sdk::typed::Attributes for #name {
                fn attributes() -> ::std::collections::BTreeMap<
                    ::std::string::String,
                    ::konductor_sdk::model::schema::AttributeSchema,
                > {
                    let mut attributes = ::std::collections::BTreeMap::new();
                    #(#schemas)*
                    attributes
                }
                fn from_map(
                    map: &::std::collections::BTreeMap<::std::string::String, ::konductor_sdk::model::Value>,
                    at: &::konductor_sdk::model::Path,
                    problems: &mut ::konductor_sdk::model::Diagnostics,
                ) -> ::core::option::Option<Self> {
                    // Every field is read before any is missed, so that all that is wrong is said at once.
                    #(let #idents = #reads;)*
                    ::core::option::Option::Some(Self { #(#idents: #idents?),* })
                }
                fn to_map(&self) -> ::std::collections::BTreeMap<::std::string::String, ::konductor_sdk::model::Value> {
                    let mut map = ::std::collections::BTreeMap::new();
                    #(::konductor_sdk::typed::write_field(&mut map, #names, &self.#idents);)*
                    map
                }
            }
        }
    }
}
