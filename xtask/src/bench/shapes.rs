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
    /// Not at all, declared once with `count`.
    WideCounted,
    /// Ten layers, each declared once with `count`, each resource on the one of its number in the layer above.
    LayeredCounted,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wide => "wide",
            Self::Layered => "layered",
            Self::Chain => "chain",
            Self::WideCounted => "wide, count",
            Self::LayeredCounted => "layered, count",
        })
    }
}

impl Shape {
    /// Returns what a resource depends on, out of `size` of them.
    pub fn dependencies(self, index: usize, size: usize) -> Vec<usize> {
        match self {
            Self::Wide | Self::WideCounted => Vec::new(),
            Self::LayeredCounted => index.checked_sub((size / 10).max(1)).into_iter().collect(),
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
        let counted = |text: &mut String, name: &str, count: usize, above: Option<String>| {
            let inputs = above
                .map(|above| format!("\"${{{above}[count.index].id}}\""))
                .unwrap_or_default();
            let _ = writeln!(
                text,
                "  {name}:\n    type: reference:test:Item\n    count: {count}\n    properties: {{ label: \"res-${{count.index}}\", value: {{ size: 3, inputs: [{inputs}] }}, tags: {{ env: prod }} }}"
            );
        };
        match self {
            Self::WideCounted => {
                counted(&mut text, "item", size, None);
                return text;
            }
            Self::LayeredCounted => {
                for layer in 0..10_usize {
                    let above = layer.checked_sub(1).map(|above| format!("layer{above}"));
                    counted(&mut text, &format!("layer{layer}"), size / 10, above);
                }
                return text;
            }
            Self::Wide | Self::Layered | Self::Chain => {}
        }
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
