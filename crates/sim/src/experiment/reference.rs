//! Published figures (`pastry.md` §2): the Pastry paper's Figs 4–7 and 10, and the oracle's.

use super::{Chart, Series};

/// Nodes, mean hops (Fig 4), distance over direct distance (Fig 6).
pub(super) const BY_NODES: [(u32, f64, f64); 7] = [
    (1_000, 2.485, 1.329),
    (2_000, 2.689, 1.318),
    (5_000, 2.954, 1.308),
    (10_000, 3.232, 1.346),
    (20_000, 3.494, 1.364),
    (50_000, 3.746, 1.323),
    (100_000, 3.976, 1.333),
];

/// Part of the routes by hops at 100,000 nodes (Fig 5).
pub(super) const HISTOGRAM: [f64; 7] = [0.0, 0.0006, 0.0156, 0.1643, 0.6449, 0.1745, 0.0];

/// Optimal, sub-optimal and empty entries of a row at 5,000 nodes with the second stage (Fig 7).
pub(super) const ROWS: [[f64; 3]; 4] =
    [[14.42, 0.58, 0.0], [14.26, 0.74, 0.0], [10.38, 0.09, 4.52], [1.12, 0.0, 13.88]];

/// Bamboo's table of sessions (USENIX'04): medians in minutes.
pub(super) const SESSIONS: [f64; 6] = [180.0, 47.0, 23.0, 12.0, 6.0, 1.4];

/// The published hops and distance for a ring of `nodes`, between two published sizes on the line
/// through them.
pub(super) fn at(nodes: u32) -> Option<(f64, f64)> {
    let place = BY_NODES.iter().position(|(size, ..)| *size >= nodes)?;
    let (size, hops, distance) = BY_NODES[place];
    if size == nodes {
        return Some((hops, distance));
    }
    let (below, lower_hops, lower_distance) = *BY_NODES.get(place.checked_sub(1)?)?;
    let log = |nodes: u32| libm::log(f64::from(nodes));
    let part = (log(nodes) - log(below)) / (log(size) - log(below));
    let between = |a: f64, b: f64| a + (b - a) * part;
    Some((between(lower_hops, hops), between(lower_distance, distance)))
}

/// A curve over the sizes of rings beside the published one, of which `figure` says the name and
/// picks the value (hops, distance).
pub(super) fn chart_by_nodes(
    (file, title, y): (&'static str, &str, &'static str),
    (figure, pick): (&str, fn(f64, f64) -> f64),
    ours: Vec<(f64, f64)>,
) -> Chart {
    let published = BY_NODES.map(|(nodes, hops, distance)| (nodes.into(), pick(hops, distance)));
    Chart {
        file,
        title: title.into(),
        x: "nodes",
        y,
        log_x: true,
        series: vec![
            Series { name: figure.into(), points: published.to_vec(), published: true },
            Series { name: "measured".into(), points: ours, published: false },
        ],
    }
}
