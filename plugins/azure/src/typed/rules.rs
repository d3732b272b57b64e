//! What a description says beyond the definition of its type: rules between attributes.

use konductor_sdk::prelude::*;

use super::description::Rule;

impl Rule {
    /// Tells what inputs do against it.
    pub fn complaint(self, inputs: &Value) -> Option<Diagnostic> {
        let is_given = |name: &&&str| inputs.attribute(name).is_some_and(|value| !value.is_null());
        match self {
            Self::AtMostOne(names) => {
                let mut given = names.iter().filter(is_given);
                let (first, second) = (given.next()?, given.next()?);
                Some(
                    Diagnostic::error(format!("`{second}` is given, and so is `{first}`"))
                        .help(format!("give one of {}", listed(names)))
                        .at(Path::attribute(*second)),
                )
            }
            Self::AtLeastOne(names) => {
                let first = names.first()?;
                names.iter().find(is_given).is_none().then(|| {
                    Diagnostic::error(format!("none of {} is given", listed(names)))
                        .help("give one of them")
                        .at(Path::attribute(*first))
                })
            }
            Self::Needs(one, other) => (is_given(&&one) && !is_given(&&other)).then(|| {
                Diagnostic::error(format!("`{one}` is given without `{other}`"))
                    .help(format!("give `{other}` as well, or remove `{one}`"))
                    .at(Path::attribute(one))
            }),
        }
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_or_is_missing_is_told_where_it_is() {
        let inputs = Value::from([("a", Value::from(1)), ("b", Value::Unknown), ("c", Value::Null)]);
        let told = |rule: Rule| {
            rule.complaint(&inputs)
                .map(|told| format!("{}: {}", told.at.unwrap_or_default(), told.summary))
        };
        assert_eq!(
            told(Rule::AtMostOne(&["a", "c", "b"])).as_deref(),
            Some("b: `b` is given, and so is `a`")
        );
        assert_eq!(told(Rule::AtMostOne(&["a", "c"])), None);
        assert_eq!(
            told(Rule::AtLeastOne(&["c", "d"])).as_deref(),
            Some("c: none of `c`, `d` is given")
        );
        assert_eq!(told(Rule::AtLeastOne(&["c", "b"])), None);
        assert_eq!(
            told(Rule::Needs("a", "c")).as_deref(),
            Some("a: `a` is given without `c`")
        );
        assert_eq!(told(Rule::Needs("c", "a")), None);
        assert_eq!(told(Rule::Needs("a", "b")), None);
    }
}
