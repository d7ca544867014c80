//! What stands on a host's overlay here: its groups and its store, carried to and fro (`carry`) as
//! `node` carries them. What `node` adds besides is left out: chunks, seals and signatures, the grid.
//!
//! A host has them once the scenario asks ([`World::build_up`]); until then it is a bare overlay
//! node. What its groups and store tell is heard by the scenario ([`World::take_heard`]).

use std::collections::BTreeSet;

use base::{Key, Time};
use bytes::Bytes;
use groups::Groups;
use store::Store;

use super::World;
use super::drive::Given;
use super::numbers::Numbers;

/// Settings of what stands on every overlay node.
#[derive(Clone, Copy, Debug, Default)]
pub struct UpperConfig {
    /// Of the groups.
    pub groups: groups::Config,
    /// Of the store.
    pub store: store::Config,
}

/// The machines on one overlay node.
#[derive(Debug)]
pub(crate) struct Upper {
    pub(crate) groups: Groups,
    pub(crate) store: Store<Numbers>,
    /// The groups in which it accepts what anycasts offer.
    pub(crate) accepts: BTreeSet<Key>,
}

/// What a host's groups or store told.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When.
    pub at: Time,
    /// Which host.
    pub host: u32,
    /// What.
    pub word: Word,
}

/// What is told.
#[derive(Clone, Debug)]
pub enum Word {
    /// A multicast came to this member.
    Multicast {
        /// In which group.
        group: Key,
        /// What.
        body: Bytes,
    },
    /// An anycast came to this member, after so many hops, and it accepted.
    Taken {
        /// Which.
        walk: wire::groups::WalkId,
        /// Links and edges crossed.
        hops: u32,
    },
    /// Another word of the groups.
    Groups(groups::Event),
    /// A word of the store.
    Store(store::Event),
}

impl Upper {
    /// When one of the machines wants to be woken.
    pub(crate) fn due(&self) -> Option<Time> {
        let groups = self.groups.poll_timeout().map(|(at, _)| at);
        let store = self.store.poll_timeout().map(|(at, _)| at);
        [groups, store].into_iter().flatten().min()
    }
}

impl World {
    /// Puts fresh groups and a store on every live host, and on those that start from now on. What
    /// stood there is gone without a word.
    pub fn build_up(&mut self, config: UpperConfig) {
        self.settings.upper = Some(config);
        for host in self.live_hosts().collect::<Vec<_>>() {
            self.build_up_on(host);
            let is_ready = self.overlay(host).is_some_and(overlay::Overlay::is_ready);
            self.tell_neighbours(host);
            self.give(host, Given::Groups(groups::Input::Ready(is_ready)));
            self.give(host, Given::Store(store::Input::Ready(is_ready)));
        }
    }

    pub(crate) fn build_up_on(&mut self, host: u32) {
        let Some(config) = self.settings.upper else { return };
        let me = self.hosts[host as usize].contact.id;
        let (seed, other) = (self.rng.next_u64(), self.rng.next_u64());
        let groups = Groups::new(config.groups, me, seed, self.now);
        let store = Store::new(config.store, Numbers, me, other, self.now);
        let upper = Box::new(Upper { groups, store, accepts: BTreeSet::new() });
        self.hosts[host as usize].upper = Some(upper);
    }

    /// A host's groups, while it lives.
    #[must_use]
    pub fn groups(&self, host: u32) -> Option<&Groups> {
        self.hosts.get(host as usize)?.upper.as_deref().map(|upper| &upper.groups)
    }

    /// A host's store, while it lives.
    #[must_use]
    pub fn store(&self, host: u32) -> Option<&Store<Numbers>> {
        self.hosts.get(host as usize)?.upper.as_deref().map(|upper| &upper.store)
    }

    /// Gives a host's groups an input.
    pub fn groups_input(&mut self, host: u32, input: groups::Input) {
        self.give(host, Given::Groups(input));
    }

    /// Gives a host's store an input.
    pub fn store_input(&mut self, host: u32, input: store::Input) {
        self.give(host, Given::Store(input));
    }

    /// From now on this host accepts what anycasts offer in a group, or does not.
    pub fn set_accepts(&mut self, host: u32, group: Key, accepts: bool) {
        let Some(upper) = self.upper_mut(host) else { return };
        if accepts {
            upper.accepts.insert(group);
        } else {
            upper.accepts.remove(&group);
        }
    }

    /// What groups and stores told since this was asked last.
    pub fn take_heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    /// Forgets how far anycasts have come; none is under way.
    pub fn forget_walks(&mut self) {
        self.walks.clear();
    }

    pub(crate) fn hear(&mut self, host: u32, word: Word) {
        self.heard.push(Heard { at: self.now, host, word });
    }

    pub(crate) fn upper_mut(&mut self, host: u32) -> Option<&mut Upper> {
        self.hosts[host as usize].upper.as_deref_mut()
    }
}
