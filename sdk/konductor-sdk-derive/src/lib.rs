//! The derive macros of `konductor-sdk`, which re-exports and documents them.

mod choice;
mod component;
mod declaration;
mod field;
mod resource;
mod structure;
mod typed_attributes;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a resource type: its schema, its conversions, and what depends on them. See
/// `konductor_sdk::typed`.
#[proc_macro_derive(Resource, attributes(resource, attribute))]
pub fn derive_resource(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    resource::resource(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a struct the value of an attribute: an object with fixed keys. See `konductor_sdk::typed`.
#[proc_macro_derive(Attributes, attributes(attribute))]
pub fn derive_attributes(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    resource::nested(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes an enum without fields the value of an attribute: one of a closed set of texts. See
/// `konductor_sdk::typed`.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    choice::choice(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a struct the inputs and outputs of a component type. See `konductor_sdk::typed`.
#[proc_macro_derive(Component, attributes(component, attribute))]
pub fn derive_component(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    component::component(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a struct the section of the configuration that a module reads. See `konductor_sdk::typed`.
#[proc_macro_derive(Module, attributes(module, attribute))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    component::module(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
