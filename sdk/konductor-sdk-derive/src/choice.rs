//! `#[derive(Choice)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr};

/// Returns the implementation for an enum whose variants have no fields.
pub fn choice(input: &DeriveInput) -> Result<TokenStream, Error> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`Choice` is for enums: a closed set of texts",
        ));
    };
    let mut variants = Vec::new();
    let mut texts: Vec<LitStr> = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(
                variant,
                "a choice is a text and has no fields",
            ));
        }
        let mut text = LitStr::new(&variant.ident.to_string(), variant.ident.span());
        for attribute in variant.attrs.iter().filter(|a| a.path().is_ident("choice")) {
            text = attribute.parse_args()?;
        }
        if texts.iter().any(|other| other.value() == text.value()) {
            return Err(Error::new_spanned(variant, "another choice has this text"));
        }
        variants.push(&variant.ident);
        texts.push(text);
    }
    let name = &input.ident;
    Ok(quote! {
        impl ::konductor_sdk::typed::Choice for #name {
            const TEXTS: &'static [&'static str] = &[#(#texts),*];
            fn as_text(&self) -> &'static str {
                match self { #(Self::#variants => #texts),* }
            }
            fn from_text(text: &str) -> ::core::option::Option<Self> {
                match text {
                    #(#texts => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }
        impl ::konductor_sdk::typed::AttributeType for #name {
            fn schema() -> ::konductor_sdk::model::schema::AttributeSchema {
                ::konductor_sdk::typed::choice_schema::<Self>()
            }
            fn from_value(
                value: &::konductor_sdk::model::Value,
                at: &::konductor_sdk::model::Path,
                problems: &mut ::konductor_sdk::model::Diagnostics,
            ) -> ::core::option::Option<Self> {
                ::konductor_sdk::typed::choice_from_value(value, at, problems)
            }
            fn to_value(&self) -> ::konductor_sdk::model::Value {
                ::konductor_sdk::model::Value::from(::konductor_sdk::typed::Choice::as_text(self))
            }
        }
    })
}
