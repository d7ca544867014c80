//! Trees and walks measured against Scribe's figures (an oracle's, on perfect tables: reproduced
//! with an unbounded fan-out) and beside them the same with the bound.

use base::Key;
use bytes::Bytes;
use groups::{Config, Input};

use crate::world::{World, secs};

/// What many groups of one size in one network give.
#[derive(Debug, Default)]
struct Figures {
    /// Mean depth of a member, and the most.
    depth: f64,
    deepest: usize,
    /// Edges of the tree, a member.
    edges: f64,
    /// The most children of a node: mean over the groups, and the most.
    fan_out: f64,
    widest: usize,
    /// Share of edges that are no links.
    unlinked: f64,
    /// Messages a multicast, a member.
    casts: f64,
    /// Stops until the one member that accepts.
    walk: f64,
}

/// Groups measured in one network, one after the other.
const GROUPS_A_WORLD: u64 = 10;

fn measure(nodes: usize, size: usize, groups: u64, children_max: usize) -> Figures {
    let config = Config { children_max, ..Config::default() };
    let mut figures = Figures::default();
    let mut depths = 0;
    let mut walks = 0;
    let mut world = World::with(0, nodes, config);
    for seed in 0..groups {
        if seed % GROUPS_A_WORLD == 0 {
            world = World::with(seed, nodes, config);
        }
        let group = Key::new(world.rng.next_u128());
        let members = world.some(size);
        for node in &members {
            world.join(*node, group);
        }
        world.grow(secs(60), group);
        let places: Vec<_> =
            world.living().filter_map(|node| world.hosts[node].groups.place(group)).collect();
        let widest = places.iter().map(|place| place.children.len()).max().unwrap();
        figures.fan_out += widest as f64;
        figures.widest = figures.widest.max(widest);
        figures.edges += (places.len() - 1) as f64 / size as f64;
        for node in &members {
            let depth = world.climb(*node, group).unwrap();
            depths += depth;
            figures.deepest = figures.deepest.max(depth);
        }
        let far: usize =
            world.living().filter(|node| world.is_far_from_parent(*node, group)).count();
        figures.unlinked += far as f64 / (places.len() - 1) as f64;
        let before = world.sent.casts;
        world.multicast(members[0], group, Bytes::from_static(b"figure"));
        world.run_for(secs(5));
        assert!(world.all_got(&members, group, members[0], &Bytes::from_static(b"figure")));
        figures.casts += (world.sent.casts - before) as f64 / size as f64;
        for member in &members {
            world.hosts[*member].accepts = true;
        }
        for sender in world.some(40) {
            if members.contains(&sender) {
                continue;
            }
            let before = world.sent.walks;
            let walk = world.anycast(sender, group, 1);
            world.run_until(secs(20), |world| world.ended(sender, walk).is_some());
            assert_eq!(world.ended(sender, walk), Some(1));
            figures.walk += (world.sent.walks - before) as f64;
            walks += 1;
        }
        for member in &members {
            world.hosts[*member].accepts = false;
            world.input(*member, Input::Leave { group });
        }
        world.run_for(secs(5));
    }
    let count = groups as f64;
    figures.depth = depths as f64 / (count * size as f64);
    figures.walk /= f64::from(walks.max(1));
    for mean in
        [&mut figures.edges, &mut figures.fan_out, &mut figures.unlinked, &mut figures.casts]
    {
        *mean /= count;
    }
    println!("{nodes} nodes, {size} members, {children_max} children: {figures:.3?}");
    figures
}

#[track_caller]
fn assert_at_most(value: f64, reference: f64, what: &str) {
    assert!(value <= 1.05 * reference, "{what}: {value:.3}, reference {reference}");
}

/// Pass line: 1.05 times the oracle's depth and edges; an unbounded node has as many children.
#[test]
fn unbounded_trees_are_those_of_the_oracle() {
    let cases = [
        (200, 10, 200, 1.86, 1.51, 2.40),
        (200, 100, 100, 1.88, 1.05, 0.75),
        (1000, 10, 200, 2.49, 2.03, 3.55),
        (1000, 100, 50, 2.48, 1.39, 1.95),
        (1000, 1000, 4, 2.48, 1.00, 0.0),
    ];
    for (nodes, size, groups, depth, edges, walk) in cases {
        let figures = measure(nodes, size, groups, nodes);
        // The oracle's senders are of all nodes, and members accept their own offers at once.
        let outside = 1.0 - size as f64 / nodes as f64;
        assert_at_most(figures.walk * outside, walk, "anycast hops");
        assert_at_most(figures.depth, depth, "depth");
        assert_at_most(figures.edges, edges, "edges a member");
        assert_eq!(figures.casts, figures.edges, "each edge once");
        assert_eq!(figures.unlinked, 0.0, "tree edges are hops");
    }
}

/// The bound costs depth, and little of it.
#[test]
fn bounded_trees_are_hardly_deeper() {
    for (nodes, size, groups, depth) in
        [(200, 100, 30, 3.0), (1000, 100, 10, 3.0), (1000, 1000, 4, 4.5)]
    {
        let figures = measure(nodes, size, groups, 16);
        assert!(figures.widest <= 16 && figures.depth <= depth);
        assert_eq!(figures.casts, figures.edges, "each edge once");
    }
}
