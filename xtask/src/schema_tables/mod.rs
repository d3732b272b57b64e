//! `cargo xtask schema-table CLOUD FOLDER`: packs the types that a cloud publishes into the table its plugin carries.
//!
//! The tables are committed, so that nothing else needs the cloud's own definitions.

mod azure;
mod google;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use konductor_schema_table::Table;

use crate::folders;

/// What `cargo xtask schema-table` takes.
#[derive(clap::Subcommand)]
pub enum Cloud {
    /// Pack the type definitions of Azure, `generated/…/types.json` of the repository `Azure/bicep-types-az`.
    Azure {
        /// The folder with the files; every `.json` file in it and below it is read.
        folder: PathBuf,
    },
    /// Pack Google's discovery documents, as `google-api-python-client` carries them.
    Google {
        /// The folder `googleapiclient/discovery_cache/documents` of the installed package.
        folder: PathBuf,
    },
}

/// Builds a table, verifies and writes it, and says how large it is.
///
/// # Errors
/// When the definitions cannot be read or the table cannot be written.
pub fn run(cloud: &Cloud) -> Result<()> {
    match cloud {
        Cloud::Azure { folder } => {
            let types = folders::root().join("plugins/azure/types");
            let create_only = [
                text(&types, "create-only.txt")?,
                text(&types, "published-create-only.txt")?,
            ];
            let models = types.join("vendor-models");
            let table = azure::table(&[folder.as_path(), models.as_path()], &create_only.join("\n"))?;
            write(&types.join("types.table"), &table)
        }
        Cloud::Google { folder } => {
            let types = folders::root().join("plugins/gcp/types");
            let table = google::table(
                folder,
                &text(&types, "documents.txt")?,
                &text(&types, "facts.txt")?,
            )?;
            write(&types.join("types.table"), &table)
        }
    }
}

fn text(folder: &Path, name: &str) -> Result<String> {
    let file = folder.join(name);
    fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
}

/// Verifies and writes a table.
fn write(place: &Path, bytes: &[u8]) -> Result<()> {
    let table = Table::open(bytes)?;
    table.verify()?;
    fs::write(place, bytes).with_context(|| format!("writing {}", place.display()))?;
    println!(
        "    {}: {} types, {} definitions, {} bytes",
        place.display(),
        table.len(),
        table.node_count(),
        bytes.len()
    );
    Ok(())
}
