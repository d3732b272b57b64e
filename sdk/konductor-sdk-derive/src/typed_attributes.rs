//! A type's attributes as the compiler knows them, for components that declare it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericArgument, Ident, PathArguments, Type};

use crate::structure::Struct;

/// Returns the implementation of `Declarable`. Its struct stands in a block of its own, so that it takes no name.
pub fn typed_attributes(name: &Ident, type_name: &str, read: &Struct<'_>) -> TokenStream {
    let fields = read.fields.iter().map(|(field, read)| {
        let (ident, attribute) = (&field.ident, &read.name);
        let ty = bare(&field.ty);
        let kind = if read.is("output") {
            quote!(OutputAttribute)
        } else {
            quote!(InputAttribute)
        };
        (
            quote!(pub #ident: typed::#kind<#name, #ty>),
            quote!(#ident: typed::#kind::named(#attribute)),
        )
    });
    let (declared, made): (Vec<_>, Vec<_>) = fields.unzip();
    quote! {
        const _: () = {
            use ::konductor_sdk::typed;
            #[allow(missing_docs, missing_debug_implementations, dead_code)]
            pub struct TypedAttributes {
                #(#declared,)*
            }
            impl typed::Declarable for #name {
                const DECLARED_TYPE: &'static str = #type_name;
                type Attributes = TypedAttributes;
                fn typed_attributes() -> TypedAttributes {
                    TypedAttributes { #(#made,)* }
                }
            }
        };
    }
}

/// Returns the type of the values of a field: `String` of `Option<Input<String>>`.
fn bare(ty: &Type) -> &Type {
    let Type::Path(path) = ty else {
        return ty;
    };
    let Some(last) = path.path.segments.last() else {
        return ty;
    };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return ty;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) if last.ident == "Option" || last.ident == "Input" => bare(inner),
        _ => ty,
    }
}
