//! `cargo xtask dist`: the release archive, the same bytes on every machine.

mod build;
mod comparison;
mod licences;
mod packages;
mod sbom;
mod signature;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use konductor_archive::Archive;
use sha2::{Digest as _, Sha256};

use crate::command::{command, output, run, step};
use crate::{folders, plugins};
use build::Build;
use licences::Licences;
use packages::{Artifact, Dependencies};
use sbom::Built;
use signature::Origin;

/// What `cargo xtask dist` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Build a second time in a clone in another folder, and compare every byte.
    #[arg(long)]
    check: bool,
    /// The time of the files in the archive, in seconds since 1970; else that of the last commit.
    #[arg(long, env = "SOURCE_DATE_EPOCH", value_name = "SECONDS")]
    time: Option<u64>,
    /// Sign the release with this private key, PKCS#8 in PEM form: P-256 or Ed25519.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Who builds, as a URI. It stands in the statement that is signed.
    #[arg(
        long,
        value_name = "URI",
        default_value = "https://konductor.dev/builders/by-hand"
    )]
    builder: String,
}

/// Shells, with the place where each looks for completions.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/konductor"),
    ("fish", "share/fish/vendor_completions.d/konductor.fish"),
    ("zsh", "share/zsh/site-functions/_konductor"),
];

/// Where documents and licences stand in the archive.
const DOCUMENTS: &str = "share/doc/konductor";

/// Does what `cargo xtask dist` is for.
pub fn run_arguments(arguments: &Arguments) -> Result<()> {
    let root = folders::root();
    if arguments.check {
        let changes = output(command("git").args(["status", "--porcelain"]))?;
        ensure!(
            changes.trim().is_empty(),
            "`--check` compares with a clone of the last commit, and there are changes since:\n{changes}"
        );
    }
    let time = match arguments.time {
        Some(time) => time,
        None => output(command("git").args(["log", "-1", "--format=%ct"]))
            .context("the time of the last commit; outside a checkout give --time")?
            .trim()
            .parse()
            .context("the time of the last commit")?,
    };
    let made = release(root, time)?;
    if arguments.check {
        step("dist: again, in a clone");
        let folder = tempfile::Builder::new()
            .prefix("konductor-dist-")
            .tempdir()
            .context("making a folder for the clone")?;
        let clone = folder.path().join("clone");
        let commit = output(command("git").args(["rev-parse", "HEAD"]))?;
        run(command("git")
            .args(["clone", "--quiet", "--no-checkout"])
            .arg(root)
            .arg(&clone))?;
        run(command("git")
            .current_dir(&clone)
            .args(["checkout", "--quiet", "--detach", commit.trim()]))?;
        let again = release(&clone, time)?;
        if let Some(difference) = comparison::first_difference(&made, &again)? {
            // Kept, to be looked into.
            let kept = folder.keep();
            bail!(
                "the build is not reproducible: {difference}; the second one is in {}",
                kept.display()
            );
        }
        println!("    both builds are the same, bit for bit");
    }
    match &arguments.key {
        Some(key) => sign_release(&made, key, &arguments.builder),
        None => Ok(()),
    }
}

/// Signs what is listed in the sums of a release. Afterwards, because no two signatures are the same.
fn sign_release(folder: &Path, key: &Path, builder: &str) -> Result<()> {
    let sums = folder.join("SHA256SUMS");
    let text = fs::read_to_string(&sums).with_context(|| format!("reading {}", sums.display()))?;
    let files: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(digest, name)| (name.to_owned(), digest.to_owned()))
        .collect();
    let commit = output(command("git").args(["rev-parse", "HEAD"]))?;
    let repository = format!("git+{}", env!("CARGO_PKG_REPOSITORY"));
    let origin = Origin {
        commit: commit.trim(),
        repository: &repository,
        builder,
    };
    let place = folder.join("release.sigstore.json");
    fs::write(&place, signature::sign(&files, &origin, key)?)
        .with_context(|| format!("writing {}", place.display()))?;
    println!("    target/dist/release.sigstore.json");
    Ok(())
}

/// Builds a checkout and writes the files of its release. Returns their folder.
fn release(root: &Path, time: u64) -> Result<PathBuf> {
    let version = output(command("rustc").arg("-vV").current_dir(root))?;
    let triple = version.lines().find_map(|line| line.strip_prefix("host: "));
    let triple = triple.context("`rustc -vV` names no host")?;
    let dependencies = Dependencies::read(root, &artifacts(triple))?;
    let build = Build::new(root, time)?;
    build.run()?;

    step("dist: archive");
    let read = |path: &Path| fs::read(path).with_context(|| format!("reading {}", path.display()));
    let mut archive = Archive::default();
    let mut built = Vec::new();
    let mut shipped = |package: String, path: String, bytes: &[u8]| {
        built.push(Built {
            package,
            path,
            sha256: hex::encode(Sha256::digest(bytes)),
        });
    };
    let binary = build.binary();
    let bytes = read(&binary)?;
    shipped("konductor".to_owned(), "bin/konductor".to_owned(), &bytes);
    archive.add_executable("bin/konductor", bytes)?;
    for name in plugins::PRODUCT {
        let bytes = packed(&binary, &build.plugin(name))?;
        let path = format!("share/konductor/plugins/{name}.wasm");
        shipped(format!("konductor-plugin-{name}"), path.clone(), &bytes);
        archive.add(path, bytes)?;
    }
    for (shell, path) in COMPLETIONS {
        archive.add(path, output(command(&binary).args(["completions", shell]))?)?;
    }
    add_manual(&mut archive, &binary)?;
    for name in ["README.md", "LICENSE"] {
        archive.add(format!("{DOCUMENTS}/{name}"), read(&root.join(name))?)?;
    }
    add_licences(&mut archive, &build, &dependencies)?;
    let bill = sbom::write(&dependencies, &built, &build.compiler, time)?;
    archive.add(format!("{DOCUMENTS}/konductor.cdx.json"), bill.as_str())?;

    let name = format!("konductor-{}-{}", dependencies.version, build.triple);
    let files = [
        (format!("{name}.cdx.json"), bill.into_bytes()),
        (format!("{name}.tar.gz"), archive.write(&name, time)?),
    ];
    let folder = root.join("target/dist");
    write_release(&folder, &files)?;
    try_out(&folder.join(format!("{name}.tar.gz")), &name)?;
    Ok(folder)
}

fn artifacts(triple: &str) -> Vec<Artifact<'_>> {
    let host = Artifact {
        name: "konductor",
        package: "konductor".to_owned(),
        target: triple,
        workspace: String::new(),
    };
    let guests = plugins::PRODUCT.into_iter().map(|name| Artifact {
        name,
        package: format!("konductor-plugin-{name}"),
        target: plugins::TARGET,
        workspace: if plugins::APART.contains(&name) {
            format!("plugins/{name}")
        } else {
            String::new()
        },
    });
    std::iter::once(host).chain(guests).collect()
}

/// Writes the files, and what `sha256sum --check` reads, into a folder that holds nothing else.
fn write_release(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let mut sums = String::new();
    for (name, bytes) in files {
        let digest = hex::encode(Sha256::digest(bytes));
        let _ = writeln!(sums, "{digest}  {name}");
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        println!(
            "    target/dist/{name}  {} KiB  sha256:{digest}",
            bytes.len() / 1024
        );
    }
    let path = folder.join("SHA256SUMS");
    fs::write(&path, sums).with_context(|| format!("writing {}", path.display()))
}

/// Returns a plugin with its manifest in it, so that it can be read and approved without being run.
fn packed(binary: &Path, plugin: &Path) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().context("making a folder for the plugin")?;
    let file = folder.path().join("packed.wasm");
    run(command(binary)
        .args(["plugin", "pack"])
        .arg(plugin)
        .arg("--output")
        .arg(&file))?;
    fs::read(&file).with_context(|| format!("reading {}", file.display()))
}

fn add_manual(archive: &mut Archive, binary: &Path) -> Result<()> {
    let pages = tempfile::tempdir().context("making a folder for the manual")?;
    run(command(binary).arg("manual").arg(pages.path()))?;
    for entry in fs::read_dir(pages.path())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        archive.add(format!("share/man/man1/{name}"), fs::read(&path)?)?;
    }
    Ok(())
}

/// Collects what every package says, and what the compiler puts into everything it builds.
fn add_licences(archive: &mut Archive, build: &Build, dependencies: &Dependencies) -> Result<()> {
    let of_compiler = |name: &str| {
        let path = build.remapping.sysroot.join("share/doc/rust").join(name);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    let (apache, mit) = (
        of_compiler("licenses/Apache-2.0.txt")?,
        of_compiler("licenses/MIT.txt")?,
    );
    let exception = format!("{apache}\n{}", of_compiler("licenses/LLVM-exception.txt")?);
    let standard = BTreeMap::from([
        ("Apache-2.0", apache.clone()),
        ("Apache-2.0 WITH LLVM-exception", exception),
        ("MIT", mit.clone()),
    ]);
    let mut licences = Licences::collect(dependencies, &standard)?;
    let texts = [apache, mit];
    let version = build.compiler.split(' ').next().unwrap_or_default();
    let everywhere = format!("konductor, {}", plugins::PRODUCT.join(", "));
    licences.add(
        "Rust standard library",
        version,
        "MIT OR Apache-2.0",
        &everywhere,
        &texts,
    );
    licences.add(
        "wasi-libc",
        &format!("of Rust {version}"),
        "MIT OR Apache-2.0",
        &plugins::PRODUCT.join(", "),
        &texts,
    );
    archive.add(format!("{DOCUMENTS}/THIRD-PARTY.md"), licences.summary())?;
    archive.add(format!("{DOCUMENTS}/THIRD-PARTY-LICENSES.txt"), licences.texts())?;
    // The standard library has dependencies of its own, which cargo does not list.
    archive.add(
        format!("{DOCUMENTS}/RUST-STANDARD-LIBRARY.html"),
        of_compiler("COPYRIGHT-library.html")?,
    )?;
    Ok(())
}

/// Unpacks the archive elsewhere, and sees that the binary finds the plugins beside it without being told.
fn try_out(archive: &Path, name: &str) -> Result<()> {
    step("dist: the archive, unpacked elsewhere");
    let folder = tempfile::tempdir().context("making a folder to unpack in")?;
    run(command("tar").current_dir(folder.path()).arg("-xzf").arg(archive))?;
    let home = folder.path().join("home");
    let listed = output(
        command(folder.path().join(name).join("bin/konductor"))
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", &home)
            .args(["plugin", "list"]),
    )?;
    for plugin in plugins::PRODUCT {
        ensure!(
            listed.contains(plugin),
            "the unpacked binary does not find `{plugin}`:\n{listed}"
        );
    }
    print!("{listed}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_of_a_release_has_a_licence_with_its_text() {
        let root = folders::root();
        let version = output(command("rustc").arg("-vV")).unwrap();
        let triple = version.lines().find_map(|line| line.strip_prefix("host: "));
        let dependencies = Dependencies::read(root, &artifacts(triple.unwrap())).unwrap();
        assert!(
            dependencies.packages.len() > 200,
            "{}",
            dependencies.packages.len()
        );
        let build = Build::new(root, 0).unwrap();
        let mut archive = Archive::default();
        add_licences(&mut archive, &build, &dependencies).unwrap();
    }

    #[test]
    fn a_release_folder_holds_its_files_their_sums_and_nothing_older() {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join("dist");
        for name in ["old", "new"] {
            write_release(&release, &[(name.to_owned(), b"abc".to_vec())]).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(&release)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["SHA256SUMS", "new"]);
        assert_eq!(
            fs::read_to_string(release.join("SHA256SUMS")).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  new\n"
        );
    }
}
