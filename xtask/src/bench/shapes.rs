//! Stacks of no-op resources: how they depend on each other, and how each tool writes them.

use std::fmt::Write as _;

/// How resources depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// Not at all.
    Wide,
    /// Ten layers, each resource on three of the layer above.
    Layered,
    /// Each on the one before it.
    Chain,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wide => "wide",
            Self::Layered => "layered",
            Self::Chain => "chain",
        })
    }
}

impl Shape {
    /// Returns what a resource depends on, out of `size` of them.
    pub fn dependencies(self, index: usize, size: usize) -> Vec<usize> {
        match self {
            Self::Wide => Vec::new(),
            Self::Chain => index.checked_sub(1).into_iter().collect(),
            Self::Layered => {
                let width = (size / 10).max(1);
                let Some(above) = (index / width).checked_sub(1) else {
                    return Vec::new();
                };
                let mut found: Vec<usize> = (0..3)
                    .map(|nth| above * width + (index * 7 + nth * 13) % width)
                    .collect();
                found.sort_unstable();
                found.dedup();
                found
            }
        }
    }

    /// Writes the project file of a stack of the reference plugin's resource.
    pub fn konductor(self, size: usize) -> String {
        let mut text = String::from("name: bench\nplugins: { reference: { source: bundled } }\nresources:\n");
        for index in 0..size {
            let references: Vec<String> = self
                .dependencies(index, size)
                .iter()
                .map(|other| format!("\"${{r{other}.id}}\""))
                .collect();
            let _ = writeln!(
                text,
                "  r{index}:\n    type: reference:test:Item\n    properties: {{ label: res-{index}, value: {{ size: {}, inputs: [{}] }}, tags: {{ env: prod }} }}",
                index % 7,
                references.join(", ")
            );
        }
        text
    }

    /// Writes the same for Terraform, with its built-in no-op resource.
    pub fn terraform(self, size: usize) -> String {
        let mut text = String::from("terraform {\n  required_version = \">= 1.4\"\n}\n");
        for index in 0..size {
            let references: Vec<String> = self
                .dependencies(index, size)
                .iter()
                .map(|other| format!("terraform_data.r{other}.id"))
                .collect();
            let _ = writeln!(
                text,
                "resource \"terraform_data\" \"r{index}\" {{\n  input = {{ label = \"res-{index}\", value = {{ size = {}, inputs = [{}] }}, tags = {{ env = \"prod\" }} }}\n}}",
                index % 7,
                references.join(", ")
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dependency_is_an_earlier_resource() {
        for shape in [Shape::Wide, Shape::Layered, Shape::Chain] {
            for size in [1, 9, 10, 100, 1_000] {
                for index in 0..size {
                    let found = shape.dependencies(index, size);
                    assert!(
                        found.iter().all(|other| *other < index),
                        "{shape} {size} {index}: {found:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn layered_resources_depend_on_three_of_the_layer_above() {
        let found = Shape::Layered.dependencies(950, 1_000);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|other| (800..900).contains(other)));
        assert!(Shape::Layered.dependencies(99, 1_000).is_empty());
    }
}
