//! The PostgreSQL that the tests keep state in: the one of this machine, or Debian's, unpacked and not installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::{command, output, step};
use crate::{debian, folders};

/// The versions that the tests are known to pass with or should, the wanted one first.
const VERSIONS: [u32; 4] = [15, 16, 17, 18];

/// Makes `target/postgresql/bin` the folder of a server's programs.
///
/// # Errors
/// When no server is installed and Debian's archive is out of reach.
pub fn prepare() -> Result<()> {
    step("postgresql: the server that state is kept in");
    let folder = folders::target().join("postgresql");
    let programs = folder.join("bin");
    if let Ok(version) = version_of(&programs) {
        println!("    target/postgresql is up to date: {version}");
        return Ok(());
    }
    let version = match find(Path::new("/usr/lib/postgresql")) {
        Some(installed) => {
            fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
            link(&installed, &programs)?
        }
        None => unpack(&folder, &programs)?,
    };
    println!("    {version}");
    Ok(())
}

/// Returns the folder of programs of the first version that there is below a folder.
fn find(versions: &Path) -> Option<PathBuf> {
    VERSIONS
        .iter()
        .map(|version| versions.join(version.to_string()).join("bin"))
        .find(|programs| programs.join("postgres").is_file() && programs.join("psql").is_file())
}

fn unpack(folder: &Path, programs: &Path) -> Result<String> {
    for version in VERSIONS {
        let packages = [
            format!("postgresql-{version}"),
            format!("postgresql-client-{version}"),
        ];
        if let Err(error) = debian::unpack(folder, &packages.each_ref().map(String::as_str)) {
            println!("    {error:#}");
            continue;
        }
        if let Some(unpacked) = find(&folder.join("usr/lib/postgresql")) {
            return link(&unpacked, programs);
        }
    }
    bail!(
        "no PostgreSQL to test with: let `apt-get` reach a Debian or Ubuntu archive, or install one (Debian: \
         `apt-get install postgresql`)"
    )
}

fn link(from: &Path, programs: &Path) -> Result<String> {
    if programs.symlink_metadata().is_ok() {
        fs::remove_file(programs).with_context(|| format!("removing {}", programs.display()))?;
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(from, programs)
        .with_context(|| format!("linking {} to {}", programs.display(), from.display()))?;
    version_of(programs)
}

/// Asks the server for its version, which also shows that it runs on this machine with its libraries.
fn version_of(programs: &Path) -> Result<String> {
    let mut server = command(programs.join("postgres"));
    // Beside what was unpacked; where the server was installed there is no such folder.
    if let Some(libraries) = libraries() {
        server.env("LD_LIBRARY_PATH", libraries);
    }
    let answer = output(server.arg("--version"))?;
    if !answer.contains("PostgreSQL") {
        bail!(
            "`{} --version` answered {answer:?}",
            programs.join("postgres").display()
        );
    }
    Ok(answer.trim().to_owned())
}

fn libraries() -> Option<PathBuf> {
    let unpacked = folders::target().join("postgresql/usr/lib");
    let folders = fs::read_dir(unpacked).ok()?.filter_map(Result::ok);
    folders
        .map(|entry| entry.path())
        .find(|folder| folder.join("libpq.so.5").exists())
}
