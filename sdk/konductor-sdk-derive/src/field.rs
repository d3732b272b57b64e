//! One field: what its attributes say, and the code that follows.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, ExprLit, ExprRange, Ident, Lit, LitStr, RangeLimits, Token, Type};

/// A field of a struct that is a resource or the value of an attribute.
#[derive(Default)]
pub struct Field {
    pub name: String,
    description: String,
    flags: Vec<&'static str>,
    default: Option<Expr>,
    one_of: Vec<Expr>,
    pattern: Option<LitStr>,
    range: Option<(Option<Expr>, Option<Expr>)>,
    format: Option<Ident>,
    simulated: Option<LitStr>,
    deprecated: Option<LitStr>,
    pub renamed_from: Option<LitStr>,
}

const FLAGS: [&str; 9] = [
    "required",
    "computed",
    "output",
    "volatile",
    "replaces",
    "sensitive",
    "write_only",
    "tags",
    "identity",
];
const VALUES: &str = "default, one_of, pattern, range, format, simulated, deprecated, renamed_from, name";

/// Returns the text of the doc comments; lines of a paragraph are joined.
pub fn documentation(attributes: &[Attribute]) -> String {
    let mut paragraphs = vec![String::new()];
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        let syn::Meta::NameValue(pair) = &attribute.meta else {
            continue;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(text), ..
        }) = &pair.value
        else {
            continue;
        };
        let text = text.value();
        if text.trim().is_empty() {
            paragraphs.push(String::new());
        } else if let Some(last) = paragraphs.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(text.trim());
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n\n")
}

impl Field {
    /// Reads a field.
    pub fn read(field: &syn::Field) -> Result<Self, Error> {
        let ident = field
            .ident
            .as_ref()
            .ok_or_else(|| Error::new_spanned(field, "an attribute needs a name: use named fields"))?;
        let name = ident.to_string();
        let mut read = Self {
            name: name.strip_prefix("r#").unwrap_or(&name).to_owned(),
            description: documentation(&field.attrs),
            ..Self::default()
        };
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("attribute")) {
            attribute.parse_nested_meta(|meta| read.option(&meta))?;
        }
        // What tags are needs no saying.
        if read.is("tags") && read.description.is_empty() {
            read.description = "Tags by key.".to_owned();
        }
        read.validate(field)?;
        Ok(read)
    }

    fn option(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> Result<(), Error> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        if let Some(flag) = FLAGS.iter().find(|flag| **flag == name) {
            self.flags.push(flag);
            return Ok(());
        }
        match name.as_str() {
            "name" => self.name = meta.value()?.parse::<LitStr>()?.value(),
            "default" => self.default = Some(meta.value()?.parse()?),
            "pattern" => self.pattern = Some(meta.value()?.parse()?),
            "format" => self.format = Some(meta.value()?.parse()?),
            "simulated" => self.simulated = Some(meta.value()?.parse()?),
            "deprecated" => self.deprecated = Some(meta.value()?.parse()?),
            "renamed_from" => self.renamed_from = Some(meta.value()?.parse()?),
            "one_of" => {
                let inside;
                syn::parenthesized!(inside in meta.input);
                self.one_of = Punctuated::<Expr, Token![,]>::parse_terminated(&inside)?
                    .into_iter()
                    .collect();
            }
            "range" => {
                let inside;
                syn::parenthesized!(inside in meta.input);
                let range: ExprRange = inside.parse()?;
                if range.end.is_some() && !matches!(range.limits, RangeLimits::Closed(_)) {
                    return Err(Error::new_spanned(
                        range,
                        "a range includes its end: write `range(1..=255)` or `range(1..)`",
                    ));
                }
                self.range = Some((range.start.map(|e| *e), range.end.map(|e| *e)));
            }
            _ => {
                return Err(meta.error(format!("unknown: expected one of {}, {VALUES}", FLAGS.join(", "))));
            }
        }
        Ok(())
    }

    /// Tells whether a flag is set.
    pub fn is(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    fn validate(&self, field: &syn::Field) -> Result<(), Error> {
        let fail = |message: String| Err(Error::new_spanned(field, message));
        let name = &self.name;
        if self.description.is_empty() {
            return fail(format!("say what `{name}` is, in a doc comment"));
        }
        for flag in ["output", "computed", "write_only"] {
            if self.is(flag) && !is_option(&field.ty) {
                return fail(format!(
                    "`{name}` is {flag}, so it is not always there: make it an `Option`"
                ));
            }
        }
        if self.is("output") && (self.is("required") || self.default.is_some()) {
            return fail(format!(
                "`{name}` is only set by the provider: nobody can be required to give it"
            ));
        }
        if self.is("required") && self.default.is_some() {
            return fail(format!(
                "`{name}` has a default, so nobody is required to give it"
            ));
        }
        if self.is("volatile") && !(self.is("output") || self.is("computed")) {
            return fail(format!(
                "`{name}` is volatile, so the provider sets it: add `computed` or `output`"
            ));
        }
        Ok(())
    }

    /// Returns the statement that puts the schema of the field into `attributes`. `replaces` makes every input mean
    /// replacement.
    pub fn schema(&self, ty: &Type, replaces: bool) -> TokenStream {
        let (name, description) = (&self.name, &self.description);
        let output = self.is("output");
        let computed = self.is("computed") || output;
        let replaces = self.is("replaces") || (replaces && !output);
        let [volatile, sensitive, write_only] =
            ["volatile", "sensitive", "write_only"].map(|flag| self.is(flag));
        let required = if self.is("required") {
            quote!(true)
        } else if computed || self.default.is_some() {
            quote!(false)
        } else {
            quote!(!<#ty as ::konductor_sdk::typed::AttributeType>::OPTIONAL)
        };
        let mut more = Vec::new();
        if let Some(default) = self.default_value(ty) {
            more.push(quote!(attribute.default = ::core::option::Option::Some(#default);));
        }
        if !self.one_of.is_empty() {
            let one_of = &self.one_of;
            more.push(
                quote!(attribute.allowed = ::std::vec![#(::konductor_sdk::model::Value::from(#one_of)),*];),
            );
        }
        let texts = [
            (quote!(pattern), &self.pattern),
            (quote!(simulated), &self.simulated),
            (quote!(deprecated), &self.deprecated),
            (quote!(renamed_from), &self.renamed_from),
        ];
        for (member, text) in texts {
            if let Some(text) = text {
                more.push(
                    quote!(attribute.#member = ::core::option::Option::Some(::std::borrow::ToOwned::to_owned(#text));),
                );
            }
        }
        let mut limits = Vec::new();
        if let Some((from, to)) = &self.range {
            limits.extend(from.iter().map(|from| quote!(.at_least(#from))));
            limits.extend(to.iter().map(|to| quote!(.at_most(#to))));
        }
        if let Some(format) = &self.format {
            limits.push(quote!(.format(::konductor_sdk::model::schema::TextFormat::#format)));
        }
        quote! {{
            let mut attribute = <#ty as ::konductor_sdk::typed::AttributeType>::schema();
            attribute.description = ::std::borrow::ToOwned::to_owned(#description);
            attribute.required = #required;
            attribute.computed = #computed;
            attribute.output_only = #output;
            attribute.volatile = #volatile;
            attribute.replaces = #replaces;
            attribute.sensitive = #sensitive;
            attribute.write_only = #write_only;
            #(#more)*
            let attribute = ::konductor_sdk::schema_builder::Attribute::from(attribute)#(#limits)*;
            attributes.insert(::std::borrow::ToOwned::to_owned(#name), attribute.into());
        }}
    }

    fn default_value(&self, ty: &Type) -> Option<TokenStream> {
        let default = self.default.as_ref()?;
        // A literal stands for itself; anything else is a value of the field's own type.
        Some(if matches!(default, Expr::Lit(_)) {
            quote!(::konductor_sdk::model::Value::from(#default))
        } else {
            quote!(<#ty as ::konductor_sdk::typed::AttributeType>::to_value(&#default))
        })
    }

    /// Returns the expression that reads the field from `map`.
    pub fn reading(&self, ty: &Type) -> TokenStream {
        let name = &self.name;
        let default = match self.default_value(ty) {
            Some(default) => quote!(::core::option::Option::Some(#default)),
            None => quote!(::core::option::Option::None),
        };
        quote!(::konductor_sdk::typed::read_field::<#ty>(map, #name, #default, at, problems))
    }
}

/// Tells whether a type is written `Option<…>`.
fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}
