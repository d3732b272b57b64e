//! `cargo xtask bench`: figures, not tests.

use anyhow::Result;

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many resources, several separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    sizes: Vec<usize>,
}

/// Measures.
pub fn run(arguments: &Arguments) -> Result<()> {
    println!("{:?}", arguments.sizes);
    Ok(())
}
