//! The picture itself, drawn without any other program.

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::Picture;

/// How many resources are drawn; a larger picture would take minutes and show nothing.
const LIMIT: usize = 2_000;

/// What resources of one component are filled with.
const FILLS: [&str; 6] = ["#e6eefc", "#e8f6e6", "#fdf0df", "#f3e8fa", "#fbe6e9", "#e3f5f5"];

/// Leaves out the edges that a longer way implies: they add lines and say nothing.
fn without_shortcuts(edges: &[(usize, usize)], nodes: usize) -> Vec<(usize, usize)> {
    let mut graph = petgraph::graph::DiGraph::<(), (), usize>::with_capacity(nodes, edges.len());
    for _ in 0..nodes {
        graph.add_node(());
    }
    for (from, to) in edges {
        graph.update_edge((*from).into(), (*to).into(), ());
    }
    let Ok(order) = petgraph::algo::toposort(&graph, None) else {
        return edges.to_vec();
    };
    let (sorted, position) =
        petgraph::algo::tred::dag_to_toposorted_adjacency_list::<_, usize>(&graph, &order);
    let (reduced, _) = petgraph::algo::tred::dag_transitive_reduction_closure(&sorted);
    // `position` says where a node stands in the order; the way back gives its own number.
    let mut original = vec![0; nodes];
    for (node, place) in position.iter().enumerate() {
        if let Some(slot) = original.get_mut(*place) {
            *slot = node;
        }
    }
    use petgraph::visit::{EdgeRef as _, IntoEdgeReferences as _};
    reduced
        .edge_references()
        .filter_map(|edge| Some((*original.get(edge.source())?, *original.get(edge.target())?)))
        .collect()
}

/// Says why there is no picture.
#[derive(Debug, thiserror::Error)]
#[error(
    "a picture of {0} resources would show nothing; the limit is {LIMIT}. Use --format dot with a tool made for large graphs"
)]
pub struct TooLarge(usize);

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Returns the picture as SVG.
///
/// # Errors
/// When there are too many resources to draw.
pub fn to_svg(picture: &Picture) -> Result<String, TooLarge> {
    if picture.nodes.len() > LIMIT {
        return Err(TooLarge(picture.nodes.len()));
    }
    let mut graph = VisualGraph::new(Orientation::LeftToRight);
    // Components are told by the names and colours of what belongs to them: as boxes of their own they would be
    // tied to everything.
    let mut handles = vec![None; picture.nodes.len()];
    for (position, node) in picture
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| !node.component)
    {
        let label = format!("{}\n{}", node.name, node.resource_type);
        let widest = label.lines().map(str::len).max().unwrap_or(8);
        let fill = node.parent.map_or("#ffffff", |parent| {
            FILLS.get(parent % FILLS.len()).copied().unwrap_or("#ffffff")
        });
        let style = StyleAttr::new(Color::fast("black"), 1, Some(Color::fast(fill)), 4, 13);
        #[allow(clippy::cast_precision_loss, reason = "labels are short")]
        let size = Point::new(widest as f64 * 8.5 + 16.0, 44.0);
        let element = Element::create(ShapeKind::new_box(&label), style, Orientation::LeftToRight, size);
        if let Some(handle) = handles.get_mut(position) {
            *handle = Some(graph.add_node(element));
        }
    }
    for (from, to) in without_shortcuts(&picture.edges, picture.nodes.len()) {
        if let (Some(Some(from)), Some(Some(to))) = (handles.get(from), handles.get(to)) {
            graph.add_edge(Arrow::simple(""), *from, *to);
        }
    }
    let mut writer = SVGWriter::new();
    graph.do_it(false, false, false, &mut writer);
    Ok(writer.finalize())
}

/// Returns the picture as a page that needs nothing else.
///
/// # Errors
/// When there are too many resources to draw.
pub fn to_html(picture: &Picture) -> Result<String, TooLarge> {
    let svg = to_svg(picture)?;
    // The XML declaration has no place inside a page.
    let svg = svg
        .find("<svg")
        .and_then(|start| svg.get(start..))
        .unwrap_or(&svg);
    let title = escaped(&picture.title);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <style>body{{font-family:sans-serif;margin:1rem}}svg{{max-width:100%;height:auto}}</style></head>\n\
         <body><h1>{title}</h1>\n<p>{} resources. An arrow points to what is depended on; one colour is one component.</p>\n{svg}\n</body>\n</html>\n",
        picture.nodes.iter().filter(|node| !node.component).count()
    ))
}
