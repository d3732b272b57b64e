//! What is said of resources: inherited from the run and from components, and written onto them as tags.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use konductor_model::schema::TypeKind;
use konductor_model::{ResourceOptions, TagRules, Value};
use sha2::{Digest, Sha256};

use crate::bind::ancestors;
use crate::node::{Expanded, Node, Template};

/// How many characters of a digest stand at the end of what was cut.
const DIGEST: usize = 8;
/// The value of a tag whose key is a control.
const APPLIES: &str = "applies";

/// What is said of everything in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunMetadata {
    /// The fields that every resource inherits.
    pub fields: BTreeMap<String, String>,
    /// The tags that fields are written as, by the field. A field that nothing has is not written.
    pub tags: BTreeMap<String, String>,
    /// The controls that are written as tags, by the type of resource, in lower case, and the framework. A type of a
    /// cloud's own that stands in a generic resource follows that: `gcp:rest:resource storage/v1/buckets`.
    pub controls: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl RunMetadata {
    /// Tells whether there is nothing to inherit or to write.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.tags.is_empty() && self.controls.is_empty()
    }

    /// Returns the controls that apply to a node.
    fn controls_of(&self, node: &Node) -> BTreeMap<String, Vec<String>> {
        if self.controls.is_empty() {
            return BTreeMap::new();
        }
        let name = node.urn.resource_type().as_str().to_lowercase();
        let found = self.controls.get(&name).cloned().or_else(|| {
            let properties = node.properties();
            let own = properties.attribute("type")?.as_text()?.to_lowercase();
            self.controls.get(&format!("{name} {own}")).cloned()
        });
        found.unwrap_or_default()
    }

    /// Returns what the run says, as the options of everything in it.
    pub(crate) fn options(&self) -> Arc<ResourceOptions> {
        let fields = self.fields.iter();
        Arc::new(ResourceOptions {
            metadata: fields
                .map(|(field, value)| (field.clone(), Some(value.clone())))
                .collect(),
            ..ResourceOptions::default()
        })
    }
}

/// Lays what is above under the own fields, the nearest first. Fields that were taken away are gone afterwards.
pub(crate) fn inherit<'o>(
    own: &mut BTreeMap<String, Option<String>>,
    above: impl IntoIterator<Item = &'o ResourceOptions>,
) {
    for options in above {
        for (field, value) in &options.metadata {
            own.entry(field.clone()).or_insert_with(|| value.clone());
        }
    }
    own.retain(|_, value| value.is_some());
}

/// Gives every node what is said of it: its own fields, those of the components around it, and those of the run.
pub(crate) fn inherit_metadata(expanded: &mut Expanded, run: &RunMetadata) {
    if run.is_empty() && expanded.nodes.iter().all(|node| node.options.metadata.is_empty()) {
        return;
    }
    let of_run = run.options();
    // As they were declared: what a component takes away is above it.
    let declared: HashMap<usize, Arc<ResourceOptions>> = expanded
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.kind == TypeKind::Component)
        .map(|(index, node)| (index, node.options.clone()))
        .collect();
    // Instances of one declaration share their options, and go on doing so.
    let mut shared: Option<Shared> = None;
    for index in 0..expanded.nodes.len() {
        let Some(node) = expanded.nodes.get(index) else {
            continue;
        };
        let known = shared
            .as_ref()
            .filter(|known| known.is_of(node) && (run.controls.is_empty() || known.is_declared_with(node)));
        let options = match known {
            Some(known) => known.options.clone(),
            None => {
                let before = node.options.clone();
                let mut options = before.as_ref().clone();
                let above = ancestors(expanded, index);
                let above = above.iter().filter_map(|ancestor| declared.get(ancestor));
                inherit(&mut options.metadata, above.chain([&of_run]).map(Arc::as_ref));
                options.metadata_tags.clone_from(&run.tags);
                options.control_tags = run.controls_of(node);
                let options = Arc::new(options);
                shared = Some(Shared {
                    before,
                    parent: node.parent,
                    template: node.template.clone(),
                    options: options.clone(),
                });
                options
            }
        };
        if let Some(node) = expanded.nodes.get_mut(index) {
            node.options = options;
        }
    }
}

/// The options of the node before, which the next one may share.
struct Shared {
    before: Arc<ResourceOptions>,
    parent: Option<usize>,
    template: Arc<Template>,
    options: Arc<ResourceOptions>,
}

impl Shared {
    /// Tells whether a node inherits the same.
    fn is_of(&self, node: &Node) -> bool {
        Arc::ptr_eq(&self.before, &node.options) && self.parent == node.parent
    }

    /// Tells whether a node is an instance of the same declaration.
    fn is_declared_with(&self, node: &Node) -> bool {
        Arc::ptr_eq(&self.template, &node.template)
    }
}

/// Writes the metadata of a resource into the attribute that takes its tags. A tag that was given stays, and so does one
/// that is kept as it is.
///
/// # Errors
/// When two fields become one tag, or there are more tags than the cloud allows: one sentence for people.
pub(crate) fn write(
    inputs: &mut Value,
    attribute: &str,
    rules: &TagRules,
    options: &ResourceOptions,
    is_kept: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let mut written: BTreeMap<String, &str> = BTreeMap::new();
    let mut tags: BTreeMap<String, Value> = BTreeMap::new();
    for (field, tag) in &options.metadata_tags {
        let Some(Some(value)) = options.metadata.get(field) else {
            continue;
        };
        let key = fitted(tag, rules, rules.longest_key);
        if let Some(other) = written.insert(key.clone(), field) {
            return Err(format!(
                "the metadata `{other}` and `{field}` would both be the tag `{key}`"
            ));
        }
        if is_kept(&key) {
            continue;
        }
        tags.insert(key, Value::Text(fitted(value, rules, rules.longest_value)));
    }
    let Some(inputs) = inputs.as_map_mut() else {
        return Ok(());
    };
    let own = inputs.get(attribute).and_then(Value::as_map);
    let taken = own.map_or(0, |own| own.keys().filter(|key| !tags.contains_key(*key)).count());
    let room = rules.most.saturating_sub(taken + tags.len());
    for (key, value) in control_tags(&options.control_tags, rules, room) {
        if !is_kept(&key) {
            tags.entry(key).or_insert(Value::Text(value));
        }
    }
    if tags.is_empty() {
        return Ok(());
    }
    match inputs.entry(attribute.to_owned()).or_insert(Value::Null) {
        given @ Value::Null => *given = Value::Map(tags),
        Value::Map(own) => {
            for (key, value) in tags {
                own.entry(key).or_insert(value);
            }
            let (all, most) = (own.len(), rules.most);
            if all > most {
                return Err(format!(
                    "with its metadata there are {all} tags, and the cloud allows {most}"
                ));
            }
        }
        // An unknown map of tags, or one that the provider will refuse.
        _ => {}
    }
    Ok(())
}

/// Returns the tags that say which controls apply: one for each, or where there is no room for as many one for each
/// framework, with its controls as the value.
fn control_tags(
    controls: &BTreeMap<String, Vec<String>>,
    rules: &TagRules,
    room: usize,
) -> BTreeMap<String, String> {
    let key = |name: String| fitted(&name, rules, rules.longest_key);
    let each: BTreeMap<String, String> = controls
        .iter()
        .flat_map(|(framework, controls)| {
            let controls = controls.iter();
            controls.map(move |control| {
                (
                    key(format!("compliance:{framework}:{control}")),
                    APPLIES.to_owned(),
                )
            })
        })
        .collect();
    if each.len() <= room {
        return each;
    }
    let together = controls.iter().map(|(framework, controls)| {
        let value = fitted(&controls.join(" "), rules, rules.longest_value);
        (key(format!("compliance:{framework}")), value)
    });
    together.collect()
}

/// Returns a text as the cloud allows it: characters that are not allowed become `_`, and what is too long is cut and ends
/// in a digest of the whole, so that two long texts stay apart and the same one stays the same.
fn fitted(text: &str, rules: &TagRules, longest: usize) -> String {
    let allowed = |character: char| {
        let beside = rules
            .besides
            .as_ref()
            .is_none_or(|besides| besides.contains(character) || character.is_alphanumeric());
        beside && !character.is_control() && !rules.never.contains(character)
    };
    let text: String = match rules.lower_case {
        true => text.to_lowercase(),
        false => text.to_owned(),
    };
    let fit: String = text
        .chars()
        .map(|character| if allowed(character) { character } else { '_' })
        .collect();
    if fit.chars().count() <= longest {
        return fit;
    }
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    let digest = digest.get(..DIGEST).unwrap_or_default();
    let kept: String = fit.chars().take(longest.saturating_sub(DIGEST + 1)).collect();
    format!("{kept}_{digest}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options(metadata: &[(&str, Option<&str>)], tags: &[(&str, &str)]) -> ResourceOptions {
        let own = |text: &str| text.to_owned();
        ResourceOptions {
            metadata: metadata
                .iter()
                .map(|(field, value)| (own(field), value.map(own)))
                .collect(),
            metadata_tags: tags.iter().map(|(field, tag)| (own(field), own(tag))).collect(),
            ..ResourceOptions::default()
        }
    }

    #[test]
    fn the_nearest_field_holds_and_one_without_a_value_takes_it_away() {
        let mut own = options(&[("owner", Some("me")), ("residency", None)], &[]).metadata;
        let component = options(&[("owner", Some("them")), ("environment", Some("test"))], &[]);
        let run = options(
            &[
                ("residency", Some("eu")),
                ("environment", Some("live")),
                ("a", Some("1")),
            ],
            &[],
        );
        inherit(&mut own, [&component, &run]);
        let expected = [
            ("a", Some("1")),
            ("environment", Some("test")),
            ("owner", Some("me")),
        ];
        assert_eq!(own, options(&expected, &[]).metadata);
    }

    #[test]
    fn a_tag_that_was_given_stays_and_what_is_not_said_is_not_written() {
        let options = options(
            &[("owner", Some("Team A")), ("cost_centre", Some("47"))],
            &[
                ("owner", "Owner"),
                ("cost_centre", "Cost"),
                ("residency", "Residency"),
            ],
        );
        let mut inputs = Value::from([("tags", Value::from([("Owner", "own")]))]);
        write(&mut inputs, "tags", &TagRules::aws(), &options, |_| false).unwrap();
        let tags = Value::from([("Owner", "own"), ("Cost", "47")]);
        assert_eq!(inputs, Value::from([("tags", tags)]));
        let mut inputs = Value::empty_map();
        write(&mut inputs, "labels", &TagRules::google(), &options, |_| false).unwrap();
        let labels = Value::from([("owner", "team_a"), ("cost", "47")]);
        assert_eq!(inputs, Value::from([("labels", labels)]));
    }

    #[test]
    fn two_fields_that_would_be_one_tag_and_too_many_tags_are_told() {
        let twice = options(
            &[("a", Some("1")), ("b", Some("2"))],
            &[("a", "Tag"), ("b", "tag")],
        );
        let mut inputs = Value::empty_map();
        assert!(write(&mut inputs, "tags", &TagRules::aws(), &twice, |_| false).is_ok());
        let error = write(
            &mut Value::empty_map(),
            "labels",
            &TagRules::google(),
            &twice,
            |_| false,
        )
        .unwrap_err();
        assert!(
            error.contains("`a` and `b`") && error.contains("`tag`"),
            "{error}"
        );
        let given: BTreeMap<String, Value> = (0..50).map(|n| (format!("k{n}"), Value::from("v"))).collect();
        let mut inputs = Value::from([("tags", Value::Map(given))]);
        let error = write(&mut inputs, "tags", &TagRules::aws(), &twice, |_| false).unwrap_err();
        assert!(error.contains("52 tags") && error.contains("50"), "{error}");
    }

    fn controlled(controls: &[&str]) -> ResourceOptions {
        let controls = controls.iter().map(|control| (*control).to_owned()).collect();
        ResourceOptions {
            control_tags: [("nist-800-53".to_owned(), controls)].into(),
            ..options(&[("owner", Some("shop"))], &[("owner", "owner")])
        }
    }

    #[test]
    fn a_control_is_a_tag_of_its_own_in_the_letters_of_the_cloud() {
        let options = controlled(&["ac-2.1", "sc-28"]);
        let mut inputs = Value::from([("tags", Value::from([("mine", Value::from("x"))]))]);
        write(&mut inputs, "tags", &TagRules::aws(), &options, |_| false).unwrap();
        let expected = Value::from([
            ("mine", Value::from("x")),
            ("owner", Value::from("shop")),
            ("compliance:nist-800-53:ac-2.1", Value::from("applies")),
            ("compliance:nist-800-53:sc-28", Value::from("applies")),
        ]);
        assert_eq!(inputs.attribute("tags"), Some(&expected));

        let mut inputs = Value::empty_map();
        let kept = |tag: &str| tag == "compliance_nist-800-53_sc-28";
        write(&mut inputs, "labels", &TagRules::google(), &options, kept).unwrap();
        let expected = Value::from([
            ("owner", Value::from("shop")),
            ("compliance_nist-800-53_ac-2_1", Value::from("applies")),
        ]);
        assert_eq!(inputs.attribute("labels"), Some(&expected));
    }

    #[test]
    fn where_there_is_no_room_for_each_control_they_stand_together() {
        let many: Vec<String> = (0..49).map(|n| format!("ac-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut fits = Value::empty_map();
        write(&mut fits, "tags", &TagRules::aws(), &controlled(&many), |_| false).unwrap();
        let tags = |inputs: &Value| inputs.attribute("tags").and_then(Value::as_map).cloned().unwrap();
        assert_eq!(tags(&fits).len(), 50);
        // One tag of one's own is in the way.
        let mut full = Value::from([("tags", Value::from([("mine", Value::from("x"))]))]);
        write(&mut full, "tags", &TagRules::aws(), &controlled(&many), |_| false).unwrap();
        let full = tags(&full);
        assert_eq!(
            full.keys().collect::<Vec<_>>(),
            ["compliance:nist-800-53", "mine", "owner"]
        );
        let together = full["compliance:nist-800-53"].as_text().unwrap();
        assert!(
            together.starts_with("ac-0 ac-1 ") && together.chars().count() <= 256,
            "{together}"
        );
        let mut again = Value::from([("tags", Value::from([("mine", Value::from("x"))]))]);
        write(&mut again, "tags", &TagRules::aws(), &controlled(&many), |_| {
            false
        })
        .unwrap();
        assert_eq!(tags(&again), full, "it is the same each time");
    }

    proptest! {
        #[test]
        fn whatever_is_said_fits_and_stays_what_it_is(text in ".{0,300}") {
            for rules in [TagRules::aws(), TagRules::azure(), TagRules::google()] {
                let once = fitted(&text, &rules, rules.longest_value);
                prop_assert!(once.chars().count() <= rules.longest_value);
                prop_assert_eq!(&fitted(&once, &rules, rules.longest_value), &once);
                prop_assert!(!once.chars().any(|c| rules.never.contains(c)));
                if rules.lower_case {
                    prop_assert_eq!(&once.to_lowercase(), &once);
                }
            }
        }

        #[test]
        fn long_texts_that_differ_stay_apart(left in "[a-z]{300}", right in "[a-z]{300}") {
            let rules = TagRules::google();
            let same = fitted(&left, &rules, 63) == fitted(&right, &rules, 63);
            prop_assert_eq!(same, left == right);
        }
    }
}
