use crate::{Given, lines, load, project, refused};

#[test]
fn moved_and_removed_are_read_from_both_files_with_their_places() {
    let configuration = load(Given {
        project: "name: shop\nmoved: { old: new }\nremoved: [gone]\n",
        stack: "moved:\n  net/a: net/b\nremoved:\n  - other\n",
        ..Given::default()
    })
    .unwrap();
    let moved: Vec<String> = configuration
        .moved()
        .iter()
        .map(|(old, new)| format!("{} {} {} {}", old.text, old.origin, new.text, new.origin))
        .collect();
    assert_eq!(
        moved,
        [
            "old konductor.yaml:2:10 new konductor.yaml:2:15",
            "net/a konductor.dev.yaml:2:3 net/b konductor.dev.yaml:2:10"
        ]
    );
    let removed: Vec<&str> = configuration
        .removed()
        .iter()
        .map(|name| name.text.as_str())
        .collect();
    assert_eq!(removed, ["gone", "other"]);
}

#[test]
fn everything_wrong_about_them_is_said_at_once() {
    let told = refused("name: shop\nmoved: { a: a, b: 1, c: \"-x\" }\nremoved: { a: b }\n");
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(
        told.iter().any(|line| line.contains("`a` is moved to itself")),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|line| line.contains("konductor.yaml:3:10") && line.contains("a list of names")),
        "{told:#?}"
    );
    let configuration = project("name: shop\n");
    assert!(configuration.moved().is_empty() && lines(configuration.warnings()).is_empty());
}
