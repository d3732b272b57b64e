//! `cargo xtask docs`: the book, with the reference that is made from the interface.

mod interface_reference;

use std::fs;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, command, output, run, step};
use crate::{folders, python};

/// What `cargo xtask docs` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing into `docs`: fail where the reference is not what `wit` makes it.
    #[arg(long)]
    check: bool,
}

/// The page that is made.
const REFERENCE: &str = "docs/interface-reference.md";
/// The program that makes a book of the pages; the version that `docs/book.toml` was written for.
const MDBOOK: &str = "0.5.4";

/// Makes the reference and the book.
///
/// # Errors
/// When the interface cannot be read, a link leads nowhere, or mdBook has something to say.
pub fn run_arguments(arguments: &Arguments) -> Result<()> {
    if arguments.check {
        return check();
    }
    step("docs: interface reference");
    let page = folders::root().join(REFERENCE);
    fs::write(&page, reference()?).with_context(|| format!("writing {}", page.display()))?;
    println!("    {REFERENCE}");
    links()?;
    book()
}

/// Checks that the reference is of this interface and that no link is dead, and builds the book.
///
/// # Errors
/// As [`run_arguments`], and when the reference is not what the interface makes it.
pub fn check() -> Result<()> {
    step("docs: interface reference");
    let page = folders::root().join(REFERENCE);
    let committed = fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    if committed != reference()? {
        bail!(
            "{REFERENCE} is not of the interface in wit/: run `cargo xtask docs`, and commit what it writes"
        );
    }
    links()?;
    book()
}

fn reference() -> Result<String> {
    interface_reference::of_folder(&folders::root().join("wit"))
}

/// Checks that the links between pages lead to pages and headings that are there.
fn links() -> Result<()> {
    step("docs: links");
    python::environment("docs-venv", "docs/requirements.txt")?;
    run(command(folders::target().join("docs-venv/bin/rumdl")).args([
        "check",
        "--no-cache",
        // Links without a target, and to headings, references and files that are not there.
        "--enable=MD042,MD051,MD052,MD057",
        "README.md",
        "docs",
    ]))
}

fn book() -> Result<()> {
    step("docs: book");
    let folder = folders::target().join("mdbook");
    let mdbook = folder.join(format!("bin/mdbook{}", std::env::consts::EXE_SUFFIX));
    let wanted = format!("mdbook v{MDBOOK}");
    let is_there = mdbook.is_file() && output(command(&mdbook).arg("--version"))?.trim() == wanted;
    if !is_there {
        // Unoptimised and without its server, which is what takes long to build.
        run(cargo()
            .args([
                "install",
                "--quiet",
                "--debug",
                "--locked",
                "mdbook",
                "--version",
                MDBOOK,
            ])
            .args(["--no-default-features", "--root"])
            .arg(&folder))?;
    }
    let said = command(&mdbook)
        .args(["build", "docs"])
        .output()
        .context("mdbook could not be started")?;
    let said = [said.stdout, said.stderr]
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .concat();
    // It only warns of what it cannot find.
    if !folders::target().join("book/index.html").is_file() || said.contains("WARN") || said.contains("ERROR")
    {
        bail!("mdbook could not make the book:\n{said}");
    }
    println!("    target/book/index.html");
    Ok(())
}
