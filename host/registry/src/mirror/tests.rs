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
fn a_change_of_any_byte_of_any_file_is_refused_with_its_name_and_what_to_do() {
    for (form, count) in [(MirrorForm::Directory, 4), (MirrorForm::OciLayout, 11)] {
        let folder = tempfile::tempdir().unwrap();
        add(folder.path(), form, &plugin("1.2.3")).unwrap();
        let refused = |path: &Path, content: &[u8], what: &str| {
            std::fs::write(path, content).unwrap();
            let error = read(folder.path(), "aws", &version("1.2.3"));
            let error = error
                .expect_err(&format!("{} {what}", path.display()))
                .to_string();
            assert!(error.contains(path.to_str().unwrap()), "{what}: {error}");
            assert!(error.contains("from its source again"), "{what}: {error}");
        };
        let files = files(folder.path());
        assert_eq!(files.len(), count, "{form:?}: {files:?}");
        for path in files {
            let content = std::fs::read(&path).unwrap();
            for position in 0..content.len() {
                let mut changed = content.clone();
                changed[position] ^= 1;
                refused(&path, &changed, &format!("byte {position}"));
            }
            refused(&path, &content[..content.len() - 1], "cut short");
            refused(&path, &[&content[..], b"\n"].concat(), "with a line end more");
            std::fs::write(&path, &content).unwrap();
        }
        assert!(read(folder.path(), "aws", &version("1.2.3")).is_ok());
    }
}

#[test]
fn the_checksums_of_an_image_layout_name_every_file_as_sha256sum_does() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["1.2.3", "1.3.0"] {
        layout::write(folder.path(), &plugin(text)).unwrap();
    }
    let mut expected: Vec<String> = files(folder.path())
        .iter()
        .filter(|path| !path.ends_with("SHA256SUMS"))
        .map(|path| {
            let name = path.strip_prefix(folder.path()).unwrap().display();
            format!("{}  {name}\n", Digest::of(&std::fs::read(path).unwrap()).hex())
        })
        .collect();
    expected.sort_by_key(|line| line[64..].to_owned());
    assert_eq!(
        std::fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap(),
        expected.concat()
    );
}

#[test]
fn an_image_layout_that_another_tool_writes_to_is_refused_until_its_checksums_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    layout::write(folder.path(), &plugin("1.2.3")).unwrap();
    let (sums, index) = (folder.path().join("SHA256SUMS"), folder.path().join("index.json"));
    // As a tool that copies an image into it would.
    let text = std::fs::read_to_string(&index).unwrap();
    let text = text.replacen(r#""manifests":["#, r#""annotations":{"a":"b"},"manifests":["#, 1);
    std::fs::write(&index, text).unwrap();
    for error in [
        read(folder.path(), "aws", &version("1.2.3")).map(drop),
        versions(folder.path(), "aws").map(drop),
        layout::write(folder.path(), &plugin("1.3.0")).map(drop),
    ] {
        let error = error.unwrap_err().to_string();
        assert!(error.contains(&format!("remove {}", sums.display())), "{error}");
    }
    std::fs::remove_file(&sums).unwrap();
    assert!(read(folder.path(), "aws", &version("1.2.3")).is_ok());
    layout::write(folder.path(), &plugin("1.3.0")).unwrap();
    assert!(sums.exists() && read(folder.path(), "aws", &version("1.3.0")).is_ok());
}

#[test]
fn without_checksums_no_change_of_an_image_layouts_index_leads_to_other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    layout::write(folder.path(), &plugin("1.2.3")).unwrap();
    std::fs::remove_file(folder.path().join("SHA256SUMS")).unwrap();
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
    std::fs::write(&path, &content).unwrap();
    std::fs::write(
        folder.path().join("oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    let error = read(folder.path(), "aws", &version("1.2.3")).unwrap_err();
    assert!(error.to_string().contains("imageLayoutVersion"), "{error}");
}

#[test]
fn an_image_layout_that_was_left_half_written_is_no_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    layout::write(folder.path(), &plugin("1.2.3")).unwrap();
    // A blob in a folder's place stops the second release before the index names it or the checksums are touched.
    let blob = folder
        .path()
        .join("blobs/sha256")
        .join(plugin("1.3.0").digest.hex());
    std::fs::create_dir(&blob).unwrap();
    assert!(matches!(
        layout::write(folder.path(), &plugin("1.3.0")),
        Err(MirrorError::Unwritable { .. })
    ));
    assert!(read(folder.path(), "aws", &version("1.2.3")).is_ok());
    std::fs::remove_dir(&blob).unwrap();
    // Here it stops when the index was written and the checksums were not.
    let sums = folder.path().join("SHA256SUMS");
    std::fs::remove_file(&sums).unwrap();
    std::fs::create_dir(&sums).unwrap();
    assert!(layout::write(folder.path(), &plugin("1.3.0")).is_err());
    std::fs::remove_dir(&sums).unwrap();
    assert!(read(folder.path(), "aws", &version("1.2.3")).is_ok());
    layout::write(folder.path(), &plugin("1.3.0")).unwrap();
    assert!(sums.is_file() && read(folder.path(), "aws", &version("1.3.0")).is_ok());
}

#[test]
fn every_release_in_an_image_layout_has_its_own_signatures() {
    let folder = tempfile::tempdir().unwrap();
    let count = u64::try_from(BUNDLE_COUNT_LIMIT).unwrap();
    let release = |minor: u64| {
        let mut plugin = plugin(&format!("1.{minor}.0"));
        plugin.bundles = vec![format!("bundle of {minor}").into_bytes()];
        plugin
    };
    for minor in 0..=count {
        layout::write(folder.path(), &release(minor)).unwrap();
    }
    for minor in 0..=count {
        let found = read(folder.path(), "aws", &semver::Version::new(1, minor, 0)).unwrap();
        assert_eq!(found.bundles, release(minor).bundles, "{minor}");
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
