//! The browser that pages are looked at with: the one of this machine, or Debian's, unpacked and not installed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::{command, output, step};
use crate::{debian, folders};

/// Programs that understand `--headless`, the wanted one first.
const PROGRAMS: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "google-chrome-stable",
    "google-chrome",
];
/// What is unpacked where none is installed; text needs a font.
const PACKAGES: [&str; 2] = ["chromium-headless-shell", "fonts-dejavu-core"];

/// Makes `target/browser/bin/browser` a program that starts the browser with the libraries and fonts it needs.
///
/// # Errors
/// When no browser is installed and Debian's archive is out of reach.
pub fn prepare() -> Result<()> {
    step("browser: what pages are looked at with");
    let folder = folders::target().join("browser");
    let program = folder.join("bin/browser");
    if let Ok(version) = version_of(&program) {
        println!("    target/browser is up to date: {version}");
        return Ok(());
    }
    let installed = PROGRAMS
        .iter()
        .map(|name| Path::new("/usr/bin").join(name))
        .find(|program| version_of(program).is_ok());
    let script = match installed {
        Some(program) => format!("#!/bin/sh\nexec {} \"$@\"\n", program.display()),
        None => {
            debian::unpack(&folder, &PACKAGES).context(
                "no browser to look at pages with: let `apt-get` reach a Debian archive, or install chromium",
            )?;
            start_unpacked(&folder)?
        }
    };
    fs::create_dir_all(folder.join("bin")).with_context(|| format!("making {}", folder.display()))?;
    fs::write(&program, script).with_context(|| format!("writing {}", program.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    }
    println!("    {}", version_of(&program)?);
    Ok(())
}

/// Returns a script that starts what was unpacked.
fn start_unpacked(folder: &Path) -> Result<String> {
    let program = folder.join("usr/lib/chromium/chromium-headless-shell");
    if !program.is_file() {
        bail!("Debian's package has no {}", program.display());
    }
    let fonts = folder.join("fonts.conf");
    let known = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig><dir>{}</dir><dir>/usr/share/fonts</dir></fontconfig>\n",
        folder.join("usr/share/fonts").display()
    );
    fs::write(&fonts, known).with_context(|| format!("writing {}", fonts.display()))?;
    let mut libraries = Vec::new();
    for parent in ["lib", "usr/lib"] {
        folders_of_libraries(&folder.join(parent), 2, &mut libraries);
    }
    let libraries: Vec<String> = libraries
        .iter()
        .map(|library| library.display().to_string())
        .collect();
    let mut script = String::from("#!/bin/sh\n");
    let _ = writeln!(script, "export LD_LIBRARY_PATH='{}'", libraries.join(":"));
    let _ = writeln!(script, "export FONTCONFIG_FILE='{}'", fonts.display());
    let _ = writeln!(script, "exec '{}' \"$@\"", program.display());
    Ok(script)
}

/// Finds the folders that hold libraries: that of the processor, and those that packages have below it.
fn folders_of_libraries(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let entries: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    if entries.iter().any(|path| path.to_string_lossy().contains(".so")) {
        found.push(folder.to_owned());
    }
    if depth > 0 {
        for below in entries.iter().filter(|path| path.is_dir()) {
            folders_of_libraries(below, depth - 1, found);
        }
    }
}

/// Asks the browser for its version, which also shows that it runs on this machine with its libraries.
fn version_of(program: &Path) -> Result<String> {
    let answer = output(command(program).arg("--version"))?;
    if !answer.contains("Chrom") {
        bail!("`{} --version` answered {answer:?}", program.display());
    }
    Ok(answer.trim().to_owned())
}
