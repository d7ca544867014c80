//! The ring as it should be, against the ring as it is.

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
