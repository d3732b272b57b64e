//! Which other stacks a stack reads.

use std::collections::BTreeSet;

use konductor_model::Value;

use crate::configuration::Configuration;
use crate::located::{Located, Node};
use crate::template::{self, Part};

impl Configuration {
    /// Returns the stacks of this project whose outputs are read anywhere in the settings, resources or outputs. Texts
    /// that are no references are left to [`Self::check`].
    pub fn stacks_read(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for tree in self.trees() {
            collect(tree, &mut |organization, project, stack| {
                let ours = organization.is_none_or(|name| Some(name) == self.organization())
                    && project.is_none_or(|name| name == self.project_name());
                if ours && stack != self.stack() {
                    found.insert(stack.to_owned());
                }
            });
        }
        found
    }
}

fn collect(located: &Located, found: &mut impl FnMut(Option<&str>, Option<&str>, &str)) {
    match &located.node {
        Node::Leaf(Value::Text(text)) if text.contains("${stack:") => {
            for written in template::parse(text).unwrap_or_default() {
                if let Part::Stack(reference) = written.part {
                    found(
                        reference.organization.as_deref(),
                        reference.project.as_deref(),
                        &reference.stack,
                    );
                }
            }
        }
        Node::Leaf(_) | Node::Sealed(_) => {}
        Node::List(list) => list.iter().for_each(|item| collect(item, found)),
        Node::Map(map) => map.values().for_each(|item| collect(item, found)),
    }
}
