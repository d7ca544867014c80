//! The checker of groups: a group's tree as somebody sees it who sees every host at once.

use base::Key;

use super::World;

/// Steps from a member to the root at most; whoever needs more goes in circles.
const DEPTH_MAX: u32 = 64;

/// One group's tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Edges to the root, of each member that has a way there.
    pub depths: Vec<u32>,
    /// Live members without a way to the root, or with a way that only its lower end knows.
    pub orphans: u64,
    /// Nodes in the tree besides the root: as many edges.
    pub edges: u64,
    /// The most children of a node.
    pub fan_out: u64,
}

/// The tree of `group`, and how its live `members` stand in it.
#[must_use]
pub fn tree(world: &World, group: Key, members: &[u32]) -> Tree {
    let mut tree = Tree::default();
    for host in world.live_hosts() {
        let Some(place) = world.groups(host).and_then(|groups| groups.place(group)) else {
            continue;
        };
        tree.edges += u64::from(place.parent.is_some());
        tree.fan_out = tree.fan_out.max(place.children.len() as u64);
    }
    for member in members.iter().filter(|host| world.groups(**host).is_some()) {
        match climb(world, group, *member) {
            Some(depth) => tree.depths.push(depth),
            None => tree.orphans += 1,
        }
    }
    tree
}

/// Edges from a member up to the node that answers for the group's key.
fn climb(world: &World, group: Key, member: u32) -> Option<u32> {
    let mut at = member;
    let is_member = world.groups(at)?.place(group)?.is_member;
    for depth in (0..DEPTH_MAX).take_while(|_| is_member) {
        let place = world.groups(at)?.place(group)?;
        let Some(parent) = place.parent else {
            let root = world.census().root(group).map(|(_, host)| host);
            return (place.is_root && root == Some(at)).then_some(depth);
        };
        let me = world.overlay(at)?.me().id;
        at = world.host_of(parent)?;
        if !world.groups(at)?.place(group)?.children.contains(&me) {
            return None;
        }
    }
    None
}
