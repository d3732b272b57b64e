//! `#[derive(Component)]` and `#[derive(Module)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{DeriveInput, Error, LitStr, Token};

use crate::field::documentation;
use crate::resource::check_type;
use crate::structure::Struct;
use crate::typed_attributes::typed_attributes;

/// What stands for objects of a cloud, and means nothing for declarations.
const OF_RESOURCES: [&str; 5] = ["identity", "replaces", "volatile", "computed", "write_only"];

/// Returns the implementation for a component type.
pub fn component(input: &DeriveInput) -> Result<TokenStream, Error> {
    let mut component_type: Option<LitStr> = None;
    let (mut titles, mut examples) = (Vec::new(), Vec::new());
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("component")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("type") {
                component_type = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("example") {
                let inside;
                syn::parenthesized!(inside in meta.input);
                titles.push(inside.parse::<LitStr>()?);
                inside.parse::<Token![,]>()?;
                examples.push(inside.parse::<syn::Expr>()?);
                inside.parse::<Option<Token![,]>>()?;
            } else {
                return Err(meta.error("unknown: expected `type` or `example`"));
            }
            Ok(())
        })?;
    }
    let Some(component_type) = component_type else {
        return Err(Error::new_spanned(
            &input.ident,
            "name the type: `#[component(type = \"plugin:module:Name\")]`",
        ));
    };
    check_type(&component_type)?;
    let description = documentation(&input.attrs);
    if description.is_empty() {
        return Err(Error::new_spanned(
            &input.ident,
            "say what the component is, in a doc comment",
        ));
    }
    let read = structure(input, "Component")?;
    let name = &input.ident;
    let tags = read.named("tags").first().map(|tags| quote!(.tags_in(#tags)));
    let conversions = read.conversions(name, false);
    let declarable = typed_attributes(name, &component_type.value(), &read);
    Ok(quote! {
        #conversions
        #declarable
        impl ::konductor_sdk::typed::ComponentType for #name {
            const TYPE: &'static str = #component_type;
            fn schema() -> ::core::result::Result<
                ::konductor_sdk::model::schema::ResourceSchema,
                ::konductor_sdk::schema_builder::SchemaError,
            > {
                ::konductor_sdk::schema_builder::component(#component_type, #description)
                    .attributes(<Self as ::konductor_sdk::typed::Attributes>::attributes())
                    #tags
                    #(.example(#titles, #examples))*
                    .build()
            }
        }
    })
}

/// Returns the implementation for the section of a module.
pub fn module(input: &DeriveInput) -> Result<TokenStream, Error> {
    let mut namespace: Option<LitStr> = None;
    let mut dependencies: Vec<LitStr> = Vec::new();
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("namespace") {
                namespace = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("dependencies") {
                let inside;
                syn::parenthesized!(inside in meta.input);
                dependencies.extend(Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)?);
            } else {
                return Err(meta.error("unknown: expected `namespace` or `dependencies`"));
            }
            Ok(())
        })?;
    }
    let Some(namespace) = namespace else {
        return Err(Error::new_spanned(
            &input.ident,
            "name the section of the configuration: `#[module(namespace = \"shop\")]`",
        ));
    };
    let name = &input.ident;
    let conversions = structure(input, "Module")?.conversions(name, false);
    Ok(quote! {
        #conversions
        impl ::konductor_sdk::typed::ModuleSection for #name {
            const NAMESPACE: &'static str = #namespace;
            const DEPENDENCIES: &'static [&'static str] = &[#(#dependencies),*];
        }
    })
}

fn structure<'i>(input: &'i DeriveInput, macro_name: &str) -> Result<Struct<'i>, Error> {
    let read = Struct::read(input, macro_name)?;
    let mut problems: Option<Error> = None;
    for (field, read) in &read.fields {
        for flag in OF_RESOURCES.into_iter().filter(|flag| read.is(flag)) {
            let problem = Error::new_spanned(
                field,
                format!("`{flag}` is about objects of a cloud: remove it, this is about what is declared"),
            );
            match &mut problems {
                Some(problems) => problems.combine(problem),
                None => problems = Some(problem),
            }
        }
    }
    problems.map_or(Ok(read), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn said(result: Result<TokenStream, Error>) -> String {
        let problems = result.unwrap_err().into_iter();
        problems
            .map(|error| error.to_string())
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn what_only_an_object_of_a_cloud_has_is_refused_all_at_once() {
        let said = said(component(&parse_quote! {
            /// A shop.
            #[component(type = "a:b:Shop")]
            struct Shop {
                /// Its name.
                #[attribute(identity, replaces)]
                name: String,
            }
        }));
        assert!(
            said.contains("`identity` is about objects") && said.contains("`replaces` is"),
            "{said}"
        );
    }

    #[test]
    fn a_component_says_its_type_and_a_module_its_section() {
        let shop: DeriveInput = parse_quote! {
            /// A shop.
            struct Shop {
                /// Its name.
                name: String,
            }
        };
        assert!(said(component(&shop)).contains("#[component(type"));
        assert!(said(module(&shop)).contains("#[module(namespace"));
        let two_parts = parse_quote! {
            /// A shop.
            #[component(type = "a:Shop")]
            struct Shop {}
        };
        assert!(said(component(&two_parts)).contains("three parts"));
    }
}
