//! The ring as it should be, against the ring as it is.

use std::collections::{BTreeMap, BTreeSet};

use base::NodeId;

use crate::World;

const LEAF_HALF: usize = 8;

/// Every ready node's leaf set holds the nearest live nodes on each side.
///
/// # Errors
/// The first node whose leaf set is wrong, and how.
pub fn leaf_sets_are_right(world: &World) -> Result<(), String> {
    let mut ids: Vec<NodeId> = world.alive().filter_map(|(_, host)| host.id()).collect();
    ids.sort();
    for (at, host) in world.alive() {
        let Some(node) = host.node() else { return Err(format!("{at:?} has no id")) };
        if !node.is_ready() {
            return Err(format!("{at:?} {:?} is not ready", node.id()));
        }
        let place = ids.iter().position(|id| *id == node.id()).unwrap_or(0);
        let count = ids.len();
        let reach = LEAF_HALF.min(count - 1);
        let right: Vec<NodeId> = (1..=reach).map(|step| ids[(place + step) % count]).collect();
        let left: Vec<NodeId> =
            (1..=reach).map(|step| ids[(place + count - step) % count]).collect();
        let snapshot = node.snapshot();
        if snapshot.right != right || snapshot.left != left {
            return Err(format!(
                "{at:?} {:?}: left {:?} should be {left:?}, right {:?} should be {right:?}",
                node.id(),
                snapshot.left,
                snapshot.right
            ));
        }
    }
    Ok(())
}

/// Whether all ready nodes that move are of one ring: from each there is a way to all others over leaf
/// sets.
#[must_use]
pub fn is_one_ring(world: &World) -> bool {
    let ready = world.alive().filter(|(_, host)| host.is_ready() && !host.frozen);
    let leaves: BTreeMap<NodeId, Vec<NodeId>> = ready
        .filter_map(|(_, host)| {
            let snapshot = host.node()?.snapshot();
            Some((snapshot.id, [snapshot.left, snapshot.right].concat()))
        })
        .collect();
    let mut open: Vec<NodeId> = leaves.keys().copied().take(1).collect();
    let mut seen: BTreeSet<NodeId> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        let others = leaves.iter().filter(|(other, its)| {
            its.contains(&id) || leaves.get(&id).is_some_and(|mine| mine.contains(other))
        });
        open.extend(others.map(|(other, _)| *other).filter(|other| seen.insert(*other)));
    }
    seen.len() == leaves.len()
}

/// No node ever had more established links than its cap.
///
/// # Errors
/// The first one that had.
pub fn links_within_caps(world: &World) -> Result<(), String> {
    for (at, host) in world.hosts() {
        let cap = u32::from(host.config.links_max);
        if host.links_peak() > cap {
            return Err(format!("{at:?} had {} links, its cap is {cap}", host.links_peak()));
        }
    }
    Ok(())
}
