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

/// Whom a peer is linked to, as far as it said.
#[derive(Default)]
struct Links {
    now: BTreeSet<String>,
    /// The most links at any moment.
    most: usize,
}

impl Links {
    fn note(&mut self, line: &Value) {
        let Some(other) = line["peer"].as_str() else { return };
        match line["event"].as_str() {
            Some("linked") => drop(self.now.insert(other.to_owned())),
            Some("unlinked") => drop(self.now.remove(other)),
            _ => {}
        }
        self.most = self.most.max(self.now.len());
    }

    fn has(&self, wanted: &[String]) -> bool {
        wanted.iter().all(|id| self.now.contains(id))
    }
}

struct Member {
    peer: Peer,
    links: Links,
}

impl Member {
    fn listen(&mut self) {
        for line in self.peer.process.lines.drain() {
            self.links.note(&line);
        }
    }

    /// Until its links are so.
    fn wait(&mut self, what: &str, is_so: impl Fn(&Links) -> bool) -> Result<()> {
        self.listen();
        let Member { peer, links } = self;
        if !is_so(links) {
            peer.process.lines.wait(what, |line| {
                links.note(line);
                is_so(links)
            })?;
        }
        Ok(())
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
            let linked = member.wait("links to both neighbours", |links| links.has(wanted));
            linked.with_context(|| member.peer.id.clone())?;
        }
        members.iter_mut().for_each(Member::listen);
        if members.iter().zip(&wanted).all(|(member, wanted)| member.links.has(wanted)) {
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
    let mut members: Vec<Member> =
        peers.into_iter().map(|peer| Member { peer, links: Links::default() }).collect();
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
        member.wait("no link to the dead", |links| links.now.is_disjoint(&dead))?;
    }
    wait_for_ring(&mut members)?;

    for Member { peer, links } in &members {
        ensure!(links.most <= LINKS, "{} had {} links", peer.id, links.most);
    }
    Ok(())
}
