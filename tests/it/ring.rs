//! Many native peers of few links on this machine: one ring, and one ring again after many died at once.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::{Peer, Server};

use crate::alone_on_this_machine;

const PEERS: usize = 60;
const LINKS: usize = 16;

/// Positions on the ring of those who die: neighbours among them, so that a leaf set loses half of a side.
const VICTIMS: [usize; 10] = [3, 4, 5, 6, 14, 23, 31, 38, 47, 55];

/// A peer, and whom it is linked to as far as it said.
struct Member {
    peer: Peer,
    links: BTreeSet<String>,
    /// The most links that it had at any moment.
    most: usize,
}

impl Member {
    fn new(peer: Peer) -> Self {
        Member { peer, links: BTreeSet::new(), most: 0 }
    }

    fn listen(&mut self) {
        for line in self.peer.process.lines.drain() {
            note(&mut self.links, &line);
            self.most = self.most.max(self.links.len());
        }
    }

    fn has(&self, wanted: &[String]) -> bool {
        wanted.iter().all(|id| self.links.contains(id))
    }

    /// Until it has noticed that these are gone.
    fn wait_without(&mut self, dead: &BTreeSet<String>) -> Result<()> {
        self.listen();
        if !self.links.is_disjoint(dead) {
            let Member { peer, links, .. } = self;
            peer.process.lines.wait("no link to the dead", |line| {
                note(links, line);
                links.is_disjoint(dead)
            })?;
        }
        Ok(())
    }

    fn wait_for(&mut self, wanted: &[String]) -> Result<()> {
        self.listen();
        if !self.has(wanted) {
            let Member { peer, links, most } = self;
            peer.process.lines.wait("links to both neighbours", |line| {
                note(links, line);
                *most = (*most).max(links.len());
                wanted.iter().all(|id| links.contains(id))
            })?;
        }
        Ok(())
    }
}

fn note(links: &mut BTreeSet<String>, line: &Value) {
    let Some(other) = line["peer"].as_str() else { return };
    match line["event"].as_str() {
        Some("linked") => drop(links.insert(other.to_owned())),
        Some("unlinked") => drop(links.remove(other)),
        _ => {}
    }
}

/// Whom each is to be linked to in a ring of these, which are in the order of their ids.
fn neighbours(members: &[Member]) -> Vec<[String; 2]> {
    let id = |at: usize| members[at % members.len()].peer.id.clone();
    (0..members.len()).map(|at| [id(at + members.len() - 1), id(at + 1)]).collect()
}

/// Waits until everybody is linked to both of its neighbours, all at the same time.
fn wait_for_ring(members: &mut [Member]) -> Result<()> {
    let wanted = neighbours(members);
    loop {
        for (member, wanted) in members.iter_mut().zip(&wanted) {
            member.wait_for(wanted).with_context(|| member.peer.id.clone())?;
        }
        members.iter_mut().for_each(Member::listen);
        if members.iter().zip(&wanted).all(|(member, wanted)| member.has(wanted)) {
            return Ok(());
        }
    }
}

#[test]
fn sixty_peers_of_sixteen_links_are_one_ring_and_are_one_again_when_ten_die_at_once() -> Result<()>
{
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let links = LINKS.to_string();
    let peers = Peer::start_all(&server, PEERS, &["--threads", "1", "--links", &links])?;
    let mut members: Vec<Member> = peers.into_iter().map(Member::new).collect();
    members.sort_by(|a, b| a.peer.id.cmp(&b.peer.id));
    wait_for_ring(&mut members)?;

    for at in VICTIMS {
        members[at].peer.process.signal("KILL")?;
    }
    let mut dead = BTreeSet::new();
    for at in VICTIMS.into_iter().rev() {
        dead.insert(members.remove(at).peer.id.clone());
    }
    for member in &mut members {
        member.wait_without(&dead)?;
    }
    wait_for_ring(&mut members)?;

    for Member { peer, most, .. } in &members {
        ensure!(*most <= LINKS, "{} had {most} links", peer.id);
    }
    Ok(())
}
