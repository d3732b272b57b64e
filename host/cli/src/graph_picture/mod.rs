//! Pictures of a stack: Graphviz, Mermaid, SVG and a page.

mod page;
mod text;

pub use page::{TooLarge, to_html, to_svg};
pub use text::{to_dot, to_mermaid};

/// A stack's resources and what depends on what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// The stack, as a title.
    pub title: String,
    /// Resources and components.
    pub nodes: Vec<Node>,
    /// From the dependent to what it depends on, as positions in `nodes`.
    pub edges: Vec<(usize, usize)>,
}

/// A resource or component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The name.
    pub name: String,
    /// The type.
    pub resource_type: String,
    /// The component it belongs to, as a position in `nodes`.
    pub parent: Option<usize>,
    /// Whether it is a component.
    pub component: bool,
}

impl Picture {
    /// Makes a picture. A component depends on all that belongs to it; those edges say nothing and are left out.
    pub fn new(title: String, nodes: Vec<Node>, mut edges: Vec<(usize, usize)>) -> Self {
        let belongs = |mut node: usize, to: usize| {
            while let Some(parent) = nodes.get(node).and_then(|node| node.parent) {
                if parent == to {
                    return true;
                }
                node = parent;
            }
            false
        };
        edges.retain(|(from, to)| !belongs(*to, *from));
        Self { title, nodes, edges }
    }

    fn children(&self, parent: Option<usize>) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(move |(_, node)| node.parent == parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Picture {
        let node = |name: &str, kind: &str, parent, component| Node {
            name: name.into(),
            resource_type: kind.into(),
            parent,
            component,
        };
        Picture::new(
            "shop/dev <1>".into(),
            vec![
                node("vpc", "aws:vpc:SecureVpc", None, true),
                node("vpc/network", "aws:ec2:Vpc", Some(0), false),
                node("vpc/public-a", "aws:ec2:Subnet", Some(0), false),
                node("web", "aws:ec2:Instance", None, false),
            ],
            vec![(0, 1), (0, 2), (2, 1), (3, 2), (3, 1)],
        )
    }

    #[test]
    fn dot_groups_components() {
        insta::assert_snapshot!(to_dot(&example()));
    }

    #[test]
    fn mermaid_groups_components() {
        insta::assert_snapshot!(to_mermaid(&example()));
    }

    #[test]
    fn the_page_holds_every_name_and_needs_nothing_else() {
        let page = to_html(&example()).unwrap();
        for name in ["vpc/network", "vpc/public-a", "web", "aws:ec2:Instance"] {
            assert!(page.contains(name), "{name}");
        }
        assert!(page.contains("shop/dev &lt;1&gt;"));
        assert!(
            !page.contains("src=") && !page.contains("<link"),
            "the page loads something"
        );
    }
}
