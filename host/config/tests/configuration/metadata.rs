use konductor_config::{Context, MetadataSettings};

use crate::{Given, lines, load, project};

fn fields(fields: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    let own = |(field, value): &(&str, &str)| ((*field).to_owned(), (*value).to_owned());
    fields.iter().map(own).collect()
}

#[test]
fn metadata_comes_from_the_layers_and_is_written_under_its_own_names() {
    let configuration = load(Given {
        project: "name: shop\nconfig:\n  metadata: {owner: shop, cost_centre: 4711, public: false, note: x}\n",
        stack: "config:\n  metadata: {owner: team, note: null}\n",
        environment: &[("KONDUCTOR_METADATA__RESIDENCY", "eu")],
        ..Given::default()
    })
    .unwrap();
    let expected = [
        ("owner", "team"),
        ("cost_centre", "4711"),
        ("public", "false"),
        ("residency", "eu"),
    ];
    let found = configuration.metadata(Context::default()).unwrap();
    assert_eq!(found.fields, fields(&expected));
    let keys: Vec<&String> = found.fields.keys().collect();
    assert_eq!(found.tags.keys().collect::<Vec<_>>(), keys);
    assert_eq!(found.tags.values().collect::<Vec<_>>(), keys);
    assert!(configuration.modules().unwrap().is_empty());
}

#[test]
fn what_is_written_can_be_said_and_without_the_section_nothing_is() {
    let found = project("name: shop\n").metadata(Context::default()).unwrap();
    assert_eq!(found, MetadataSettings::default());
    let configuration =
        project("name: shop\nconfig:\n  metadata: {owner: shop, tags: {owner: Owner, git_commit: Commit}}\n");
    let found = configuration.metadata(Context::default()).unwrap();
    assert_eq!(found.fields, fields(&[("owner", "shop")]));
    assert_eq!(
        found.tags,
        fields(&[("owner", "Owner"), ("git_commit", "Commit")])
    );
    let none = project("name: shop\nconfig:\n  metadata: {owner: shop, tags: {}}\n");
    assert!(none.metadata(Context::default()).unwrap().tags.is_empty());
}

#[test]
fn everything_wrong_in_the_section_is_said_at_once_with_its_place() {
    let configuration = project(
        "name: shop\nconfig:\n  metadata:\n    Owner: me\n    teams: [a, b]\n    tags: {owner: 7, Team: x}\n",
    );
    let told = lines(&configuration.metadata(Context::default()).unwrap_err());
    assert_eq!(told.len(), 4, "{told:#?}");
    for (what, place) in [
        ("`Owner` cannot be a field of metadata", "konductor.yaml:4:12"),
        ("`metadata.teams` is a list", "konductor.yaml:5:12"),
        (
            "`metadata.tags.owner` is 7, expected the key of a tag",
            "konductor.yaml:6:19",
        ),
        ("`Team` cannot be a field of metadata", "konductor.yaml:6:28"),
    ] {
        let found = told.iter().find(|line| line.contains(what));
        assert!(
            found.is_some_and(|line| line.contains(place)),
            "{what} at {place}: {told:#?}"
        );
    }
}
