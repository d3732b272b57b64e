//! What the macros refuse, and what they say.

use super::*;
use syn::parse_quote;

fn refused(input: &DeriveInput) -> String {
    resource(input)
        .unwrap_err()
        .into_iter()
        .map(|error| error.to_string())
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn a_type_without_identity_is_told_to_declare_it() {
    let said = refused(&parse_quote! {
        /// A note.
        #[resource(type = "a:b:C")]
        struct Note {
            /// The title.
            title: String,
        }
    });
    assert!(
        said.contains("how an object is named from outside") && said.contains("#[attribute(identity)]"),
        "{said}"
    );
}

#[test]
fn an_identity_of_no_attribute_is_none() {
    let said = refused(&parse_quote! {
        /// A note.
        #[resource(type = "a:b:C", identity(format = "1", description = "Its number."))]
        struct Note {
            /// The title.
            title: String,
        }
    });
    assert!(said.contains("#[attribute(identity)]"), "{said}");
}

#[test]
fn everything_wrong_with_the_fields_is_said_at_once() {
    let said = refused(&parse_quote! {
        /// A note.
        #[resource(type = "a:b:C", identity(format = "1", description = "Its number."))]
        struct Note {
            title: String,
            /// The number.
            #[attribute(output, identity)]
            number: i64,
            /// The colour.
            #[attribute(colour)]
            colour: String,
            /// When it last changed.
            #[attribute(volatile)]
            changed: Option<String>,
            /// How many.
            #[attribute(range(1..5))]
            count: i64,
        }
    });
    for expected in [
        "say what `title` is",
        "`number` is output, so it is not always there: make it an `Option`",
        "unknown: expected one of required",
        "`changed` is volatile",
        "a range includes its end",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
}

#[test]
fn a_renamed_attribute_needs_a_new_version() {
    let said = refused(&parse_quote! {
        /// A note.
        #[resource(type = "a:b:C", identity(format = "1", description = "Its number."))]
        struct Note {
            /// The title.
            #[attribute(identity, renamed_from = "name")]
            title: String,
        }
    });
    assert!(said.contains("raise the version"), "{said}");
}

#[test]
fn what_is_unique_must_be_an_attribute() {
    let said = refused(&parse_quote! {
        /// A note.
        #[resource(type = "a:b:C", identity(format = "1", description = "Its number."), unique("name"))]
        struct Note {
            /// The title.
            #[attribute(identity)]
            title: String,
        }
    });
    assert!(said.contains("there is no such attribute"), "{said}");
}

#[test]
fn an_example_without_a_title_is_told_where_it_goes() {
    let said = refused(&parse_quote! {
        /// A note.
        #[resource(
            type = "a:b:C",
            identity(format = "1", description = "Its number."),
            example = "note:\n  type: a:b:C\n"
        )]
        struct Note {
            /// The title.
            #[attribute(identity)]
            title: String,
        }
    });
    assert!(
        said.contains("begin it with the line `# What it shows`"),
        "{said}"
    );
}

#[test]
fn an_identity_in_one_text_says_what_it_is() {
    let said = refused(&parse_quote! {
        /// A note.
        #[resource(type = "a:b:C", identity = "arn:a:1")]
        struct Note {
            /// The title.
            #[attribute(identity)]
            title: String,
        }
    });
    assert!(said.contains("joined by `: `"), "{said}");
}

#[test]
fn tags_stand_in_one_attribute() {
    let said = refused(&parse_quote! {
        /// A note.
        #[resource(type = "a:b:C", identity(format = "1", description = "Its number."))]
        struct Note {
            /// The title.
            #[attribute(identity)]
            title: String,
            #[attribute(tags)]
            labels: BTreeMap<String, String>,
            #[attribute(tags)]
            marks: BTreeMap<String, String>,
        }
    });
    assert!(said.contains("one attribute takes the tags"), "{said}");
}
