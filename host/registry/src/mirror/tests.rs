use super::*;
use crate::component::tests::component;
use crate::source::PluginSource;

fn plugin(version: &str) -> FetchedPlugin {
    let bytes = component("aws", version);
    let mut plugin = FetchedPlugin::new("aws", PluginSource::Bundled, "x".into(), bytes).unwrap();
    plugin.bundles = vec![b"bundle one".to_vec(), b"bundle two".to_vec()];
    plugin.manifest_digest = Some(Digest::of(b"manifest"));
    plugin
}

fn version(text: &str) -> semver::Version {
    text.parse().unwrap()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found.sort();
    found
}

fn add(root: &Path, form: MirrorForm, plugin: &FetchedPlugin) -> Result<Vec<PathBuf>, MirrorError> {
    match form {
        MirrorForm::Directory => write(root, plugin),
        MirrorForm::OciLayout => layout::write(root, plugin),
    }
}

const FORMS: [MirrorForm; 2] = [MirrorForm::Directory, MirrorForm::OciLayout];

#[test]
fn what_is_put_into_a_mirror_is_read_from_it() {
    for form in FORMS {
        let folder = tempfile::tempdir().unwrap();
        for text in ["1.10.0", "1.2.3", "2.0.0-rc.1"] {
            add(folder.path(), form, &plugin(text)).unwrap();
        }
        let all = versions(folder.path(), "aws").unwrap();
        assert_eq!(all, ["1.2.3", "1.10.0", "2.0.0-rc.1"].map(version), "{form:?}");
        assert_eq!(versions(folder.path(), "azure").unwrap(), []);
        let release = read(folder.path(), "aws", &version("1.2.3")).unwrap();
        assert_eq!(release.bytes, plugin("1.2.3").bytes);
        assert_eq!(release.bundles, plugin("1.2.3").bundles, "{form:?}");
        assert!(matches!(
            read(folder.path(), "aws", &version("9.0.0")),
            Err(MirrorError::NoRelease { .. })
        ));
    }
}

#[test]
fn the_files_lie_where_people_look_for_them() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &plugin("1.2.3")).unwrap();
    let names: Vec<String> = files(folder.path())
        .iter()
        .map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
        .collect();
    assert_eq!(
        names,
        [
            "aws/1.2.3/aws.json",
            "aws/1.2.3/aws.sigstore.1.json",
            "aws/1.2.3/aws.sigstore.json",
            "aws/1.2.3/aws.wasm"
        ]
    );
}

#[test]
fn adding_a_release_again_writes_nothing_and_another_under_its_version_is_refused() {
    for form in FORMS {
        let folder = tempfile::tempdir().unwrap();
        assert!(!add(folder.path(), form, &plugin("1.2.3")).unwrap().is_empty());
        assert!(
            add(folder.path(), form, &plugin("1.2.3")).unwrap().is_empty(),
            "{form:?}"
        );
        let manifest = br#"{"name":"aws","version":"1.2.3","description":"another"}"#;
        let bytes = crate::component::with_manifest(&plugin("1.2.3").bytes, manifest).unwrap();
        let other = FetchedPlugin::new("aws", PluginSource::Bundled, "x".into(), bytes).unwrap();
        assert!(
            matches!(
                add(folder.path(), form, &other),
                Err(MirrorError::Conflict { .. })
            ),
            "{form:?}"
        );
    }
}

#[test]
fn a_signature_that_a_site_adds_is_found_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &plugin("1.2.3")).unwrap();
    std::fs::write(
        folder.path().join("aws/1.2.3/aws.sigstore.2.json"),
        b"of the site",
    )
    .unwrap();
    let found = read(folder.path(), "aws", &version("1.2.3")).unwrap();
    assert_eq!(found.bundles[2], b"of the site");
    let mut more = plugin("1.2.3");
    more.bundles.push(b"later".to_vec());
    write(folder.path(), &more).unwrap();
    let found = read(folder.path(), "aws", &version("1.2.3")).unwrap();
    assert_eq!(found.bundles.len(), 4);
}

#[test]
fn a_change_of_any_byte_of_any_file_is_refused() {
    for form in FORMS {
        let folder = tempfile::tempdir().unwrap();
        add(folder.path(), form, &plugin("1.2.3")).unwrap();
        for path in files(folder.path()) {
            // What names blobs in an image layout has no checksum of its own: see the next test.
            if path.ends_with("index.json") || path.ends_with("oci-layout") {
                continue;
            }
            // The layout keeps configurations that say nothing as `{}`, which no reader looks at.
            let content = std::fs::read(&path).unwrap();
            if content == b"{}" {
                continue;
            }
            for position in 0..content.len() {
                let mut changed = content.clone();
                changed[position] ^= 1;
                std::fs::write(&path, &changed).unwrap();
                let result = read(folder.path(), "aws", &version("1.2.3"));
                assert!(result.is_err(), "{} byte {position}", path.display());
            }
            std::fs::write(&path, &content[..content.len() - 1]).unwrap();
            assert!(read(folder.path(), "aws", &version("1.2.3")).is_err());
            std::fs::write(&path, &content).unwrap();
        }
        assert!(read(folder.path(), "aws", &version("1.2.3")).is_ok());
    }
}

#[test]
fn no_change_of_an_image_layouts_index_leads_to_other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    layout::write(folder.path(), &plugin("1.2.3")).unwrap();
    let path = folder.path().join("index.json");
    let content = std::fs::read(&path).unwrap();
    for position in 0..content.len() {
        let mut changed = content.clone();
        changed[position] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        if let Ok(release) = read(folder.path(), "aws", &version("1.2.3")) {
            assert_eq!(release.bytes, plugin("1.2.3").bytes, "byte {position}");
        }
    }
}

#[test]
fn a_name_that_leads_out_of_the_mirror_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("mirror");
    std::fs::create_dir(&root).unwrap();
    for name in ["../aws", "..", "/etc", "a/b"] {
        assert!(
            matches!(versions(&root, name), Err(MirrorError::Name(_))),
            "{name}"
        );
        assert!(matches!(
            read(&root, name, &version("1.2.3")),
            Err(MirrorError::Name(_))
        ));
        let mut plugin = plugin("1.2.3");
        plugin.name = name.to_owned();
        assert!(matches!(write(&root, &plugin), Err(MirrorError::Name(_))));
    }
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[cfg(unix)]
#[test]
fn links_out_of_the_mirror_are_neither_read_nor_written_through() {
    use std::os::unix::fs::symlink;
    for form in FORMS {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("mirror"), folder.path().join("outside"));
        add(&root, form, &plugin("1.2.3")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        let file = read(&root, "aws", &version("1.2.3")).unwrap().place;
        // The same bytes, so only the link can be what is refused.
        std::fs::rename(&file, outside.join("file")).unwrap();
        symlink(outside.join("file"), &file).unwrap();
        let error = read(&root, "aws", &version("1.2.3")).unwrap_err();
        assert!(matches!(error, MirrorError::Outside { .. }), "{form:?}: {error}");
        // A link to another place of the mirror will do.
        std::fs::rename(outside.join("file"), root.join("moved")).unwrap();
        std::fs::remove_file(&file).unwrap();
        symlink(root.join("moved"), &file).unwrap();
        assert!(read(&root, "aws", &version("1.2.3")).is_ok());
    }
    let folder = tempfile::tempdir().unwrap();
    let (root, outside) = (folder.path().join("mirror"), folder.path().join("outside"));
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::create_dir_all(&root).unwrap();
    symlink(&outside, root.join("aws")).unwrap();
    symlink(&outside, root.join("blobs")).unwrap();
    for form in FORMS {
        let error = add(&root, form, &plugin("1.2.3")).unwrap_err();
        assert!(matches!(error, MirrorError::NotPlain { .. }), "{error}");
    }
    assert_eq!(files(&outside), Vec::<PathBuf>::new());
}

#[test]
fn a_release_without_its_descriptor_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &plugin("1.2.3")).unwrap();
    std::fs::remove_file(folder.path().join("aws/1.2.3/aws.json")).unwrap();
    assert_eq!(versions(folder.path(), "aws").unwrap(), []);
    assert!(matches!(
        read(&folder.path().join("nowhere"), "aws", &version("1.2.3")),
        Err(MirrorError::Missing { .. })
    ));
}
