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
    let handles: Vec<_> = picture
        .nodes
        .iter()
        .map(|node| {
            let label = format!("{}\n{}", node.name, node.resource_type);
            let widest = label.lines().map(str::len).max().unwrap_or(8);
            let fill = if node.component { "#e6eefc" } else { "#ffffff" };
            let style = StyleAttr::new(Color::fast("black"), 1, Some(Color::fast(fill)), 4, 13);
            #[allow(clippy::cast_precision_loss)]
            let size = Point::new(widest as f64 * 8.5 + 16.0, 44.0);
            graph.add_node(Element::create(
                ShapeKind::new_box(&label),
                style,
                Orientation::LeftToRight,
                size,
            ))
        })
        .collect();
    let belongs = picture
        .nodes
        .iter()
        .enumerate()
        .filter_map(|(child, node)| Some((node.parent?, child)));
    let arrows = belongs.map(|(parent, child)| (Arrow::simple("part"), parent, child));
    let depends = picture
        .edges
        .iter()
        .map(|(from, to)| (Arrow::simple(""), *from, *to));
    for (arrow, from, to) in arrows.chain(depends) {
        if let (Some(from), Some(to)) = (handles.get(from), handles.get(to)) {
            graph.add_edge(arrow, *from, *to);
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
         <body><h1>{title}</h1>\n<p>{} resources and components. An arrow points to what is depended on; \
         <em>part</em> leads from a component to what belongs to it.</p>\n{svg}\n</body>\n</html>\n",
        picture.nodes.len()
    ))
}
