//! `#[derive(Resource)]` and `#[derive(Attributes)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Ident};

use crate::declaration::Declaration;
use crate::field::documentation;
use crate::structure::Struct;
use crate::typed_attributes::typed_attributes;

/// Returns the implementation for the value of an attribute.
pub fn nested(input: &DeriveInput) -> Result<TokenStream, Error> {
    let name = &input.ident;
    let conversions = Struct::read(input, "Attributes")?.conversions(name, false);
    Ok(quote! {
        #conversions
        impl ::konductor_sdk::typed::AttributeType for #name {
            fn schema() -> ::konductor_sdk::model::schema::AttributeSchema {
                ::konductor_sdk::typed::object_schema::<Self>()
            }
            fn from_value(
                value: &::konductor_sdk::model::Value,
                at: &::konductor_sdk::model::Path,
                problems: &mut ::konductor_sdk::model::Diagnostics,
            ) -> ::core::option::Option<Self> {
                ::konductor_sdk::typed::object_from_value(value, at, problems)
            }
            fn to_value(&self) -> ::konductor_sdk::model::Value {
                ::konductor_sdk::model::Value::Map(::konductor_sdk::typed::Attributes::to_map(self))
            }
        }
    })
}

/// Returns the implementation for a resource type.
pub fn resource(input: &DeriveInput) -> Result<TokenStream, Error> {
    let declaration = Declaration::read(input)?;
    let description = documentation(&input.attrs);
    let fail = |message: &str| Err(Error::new_spanned(&input.ident, message));
    let Some(resource_type) = &declaration.resource_type else {
        return fail("name the type: `#[resource(type = \"plugin:module:Name\")]`");
    };
    check_type(resource_type)?;
    if description.is_empty() {
        return fail("say what the type is, in a doc comment");
    }
    let read = Struct::read(input, "Resource")?;
    let identity = read.named("identity");
    let (Some((format, identity_description)), false) = (&declaration.identity, identity.is_empty()) else {
        return fail(
            "say how an object is named from outside: `#[resource(identity(format = \"vpc-0123\", description = \
             \"The identifier.\"))]`, and `#[attribute(identity)]` on the attributes that name it",
        );
    };
    let tagged: Vec<_> = read.fields.iter().filter(|(_, field)| field.is("tags")).collect();
    let (tags, tagged) = match tagged.as_slice() {
        [] => (quote!(), quote!()),
        [(field, read)] => {
            let (ident, ty, tags) = (&field.ident, &field.ty, &read.name);
            let name = &input.ident;
            let tagged = quote! {
                impl ::konductor_sdk::typed::Tagged for #name {
                    type Tags = #ty;
                    fn tags(&self) -> &#ty {
                        &self.#ident
                    }
                }
            };
            (quote!(.tags_in(#tags)), tagged)
        }
        _ => return fail("one attribute takes the tags, not several"),
    };
    for unique in &declaration.unique {
        if !read.fields.iter().any(|(_, field)| field.name == unique.value()) {
            return Err(Error::new_spanned(unique, "there is no such attribute"));
        }
    }
    let renamed = read.fields.iter().any(|(_, field)| field.renamed_from.is_some());
    let version = match &declaration.version {
        Some(version) => version.base10_parse::<u32>()?,
        None => 0,
    };
    if renamed && version == 0 {
        return fail("an attribute was renamed, so raise the version: `#[resource(version = 1)]`");
    }
    let name = &input.ident;
    let conversions = read.conversions(name, declaration.replace_on_every_change);
    let (titles, yamls): (Vec<_>, Vec<_>) = declaration.examples.iter().cloned().unzip();
    let delete_before_replace = declaration
        .delete_before_replace
        .then(|| quote!(.delete_before_replace()));
    let known_as = declaration.known_as.iter().map(|said| match said.as_slice() {
        [tool, resource_type, identifier] => quote!(.known_as(#tool, #resource_type, #identifier)),
        said => quote!(.known_as(#(#said,)* "{id}")),
    });
    let permissions = declaration.permissions();
    let refusals = refusals(name, &declaration);
    let behaviour = declaration
        .behaviour
        .as_ref()
        .map(|path| quote!(#path! { #name }));
    let optional = optional(name, &declaration);
    let declarable = typed_attributes(name, &resource_type.value(), &read);
    // A renamed attribute is an upgrade that needs no code; any other new version does.
    let needs_upgrade = (version > 0 && !renamed).then(|| quote!(+ ::konductor_sdk::typed::Upgrade));
    Ok(quote! {
        #conversions
        #refusals
        #tagged
        impl ::konductor_sdk::typed::Resource for #name {
            const TYPE: &'static str = #resource_type;
            const IDENTITY: &'static [&'static str] = &[#(#identity),*];
            fn schema() -> ::core::result::Result<
                ::konductor_sdk::model::schema::ResourceSchema,
                ::konductor_sdk::schema_builder::SchemaError,
            > {
                let builder = ::konductor_sdk::schema_builder::schema(#resource_type, #description)
                    .version(#version)
                    .attributes(<Self as ::konductor_sdk::typed::Attributes>::attributes())
                    .identity(#format, #identity_description, &[#(#identity),*])
                    #tags
                    #delete_before_replace
                    #(#known_as)*
                    #(.example(#titles, #yamls))*;
                if <Self as ::konductor_sdk::typed::Optional>::reads_many() {
                    builder.batch_read().build()
                } else {
                    builder.build()
                }
            }
            fn permissions(operation: &str) -> ::std::vec::Vec<&'static str> {
                #permissions
            }
        }
        #optional
        #declarable
        #behaviour
        const _: () = {
            fn is_complete<R>()
            where
                R: ::konductor_sdk::typed::Create + ::konductor_sdk::typed::Read
                    + ::konductor_sdk::typed::Update + ::konductor_sdk::typed::Delete #needs_upgrade,
            {
            }
            let _ = is_complete::<#name>;
        };
    })
}

/// Checks that a type's name has its three parts.
pub fn check_type(name: &syn::LitStr) -> Result<(), Error> {
    if name.value().split(':').filter(|part| !part.is_empty()).count() != 3 {
        return Err(Error::new_spanned(
            name,
            "a type has three parts: \"plugin:module:Name\"",
        ));
    }
    Ok(())
}

/// Returns what stands in for `Delete` and `Update` where the author says that there is none.
fn refusals(name: &Ident, declaration: &Declaration) -> TokenStream {
    let delete = declaration.undeletable.as_ref().map(|why| {
        quote! {
            impl ::konductor_sdk::typed::Delete for #name {
                async fn delete(
                    _: &::konductor_sdk::Context,
                    request: ::konductor_sdk::typed::Deletion<'_, Self>,
                ) -> ::core::result::Result<::konductor_sdk::typed::Deleted, ::konductor_sdk::model::Failure> {
                    ::core::result::Result::Err(::konductor_sdk::typed::undeletable::<Self>(request.id(), #why))
                }
            }
        }
    });
    let update = declaration.replace_on_every_change.then(|| {
        quote! {
            impl ::konductor_sdk::typed::Update for #name {
                async fn update(
                    _: &::konductor_sdk::Context,
                    _: ::konductor_sdk::typed::Change<'_, Self>,
                ) -> ::core::result::Result<::konductor_sdk::typed::Made<Self>, ::konductor_sdk::model::Failure> {
                    ::core::result::Result::Err(::konductor_sdk::typed::unchangeable::<Self>())
                }
            }
        }
    });
    quote!(#delete #update)
}

/// Returns the way to the traits that a type may implement or not.
fn optional(name: &Ident, declaration: &Declaration) -> TokenStream {
    let unique = &declaration.unique;
    let unique = (!unique.is_empty())
        .then(|| quote!(::konductor_sdk::typed::delete_first_unless_changed(plan, &[#(#unique),*]);));
    quote! {
        const _: () = {
            // Which of them is used depends on what the type implements.
            #[allow(unused_imports)]
            use ::konductor_sdk::typed::probe::*;
            use ::konductor_sdk::model::provider as wire;
            use ::konductor_sdk::model::{Diagnostics, Failure, Value};
            use ::konductor_sdk::{Context, resource::ReadResult};

            // The borrow is what chooses between a trait that is implemented and what stands in for it.
            #[allow(clippy::needless_borrow)]
            impl ::konductor_sdk::typed::Optional for #name {
                fn reads_many() -> bool {
                    (&Probe::<Self>::new()).reads_many()
                }
                fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
                    (&Probe::<Self>::new()).check(inputs, diagnostics)
                }
                fn all_permissions(operation: &str) -> ::std::vec::Vec<&'static str> {
                    (&Probe::<Self>::new()).permissions(operation)
                }
                fn refine_plan(request: &wire::PlanRequest, plan: &mut wire::PlanResponse) {
                    #unique
                    (&Probe::<Self>::new()).refine_plan(request, plan)
                }
                fn read_many(
                    context: &Context,
                    requests: &[wire::ReadRequest],
                ) -> ::core::result::Result<::std::vec::Vec<ReadResult>, Failure> {
                    (&Probe::<Self>::new()).read_many(context, requests)
                }
                fn list(
                    context: &Context,
                    request: &wire::ListRequest,
                ) -> ::core::result::Result<wire::Listed, Failure> {
                    (&Probe::<Self>::new()).list(context, request)
                }
                fn import_id(id: &str) -> ::core::result::Result<::std::string::String, Failure> {
                    (&Probe::<Self>::new()).import_id(id)
                }
                fn poll(
                    context: &Context,
                    request: &wire::PollRequest,
                ) -> ::core::result::Result<wire::Outcome, Failure> {
                    (&Probe::<Self>::new()).poll(context, request)
                }
                fn upgrade(stored: wire::ObjectState) -> ::core::result::Result<wire::ObjectState, Failure> {
                    (&Probe::<Self>::new()).upgrade(stored)
                }
            }
        };
    }
}

#[cfg(test)]
mod tests;
