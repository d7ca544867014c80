//! What a scenario does to hosts: they start, join, end, stand still, and are cut off.

use base::{Duration, NodeId};
use overlay::{Input, Overlay};
use wire::overlay::Contact;

use super::World;
use super::drive::Given;
use super::host::Host;
use super::world::Happening;

/// From a host's goodbye to its end.
const GOODBYE: Duration = Duration::from_secs(1);

impl World {
    /// Starts a host with a random id that knows nobody.
    pub fn start(&mut self) -> u32 {
        let id = NodeId::new(self.rng.next_u128());
        self.start_as(Contact { id, epoch: 1 })
    }

    /// Where the host that is started next will be, for a scenario that picks its entrance.
    pub fn reserve(&mut self) -> u32 {
        let next = self.host_count();
        if !self.topology.has(next) {
            self.topology.place(&mut self.rng);
        }
        next
    }

    /// Starts a host that knows nobody.
    pub fn start_as(&mut self, contact: Contact) -> u32 {
        let number = self.host_count();
        let overlay = Overlay::new(self.settings.overlay, contact, self.rng.next_u64(), self.now);
        self.reserve();
        self.hosts.push(Host::new(contact, Box::new(overlay), self.now));
        self.directory.insert(contact.id, number);
        self.build_up_on(number);
        self.live += 1;
        number
    }

    /// Starts the first node of a ring.
    pub fn found(&mut self) -> u32 {
        let host = self.start();
        self.input(host, Input::Found);
        host
    }

    /// Starts a host and shows it the ring, through `entrance` or, if there is none, one that the
    /// introducer picks.
    pub fn join(&mut self, entrance: Option<u32>) -> u32 {
        let host = self.start();
        match entrance {
            Some(entrance) if self.is_direct() => self.enter(host, entrance),
            _ => self.push(Duration::ZERO, Happening::Introduce(host)),
        }
        host
    }

    /// Shows a host that knows nobody the ring through `entrance`, by a datagram.
    pub fn introduce_to(&mut self, host: u32, entrance: u32) {
        self.enter(host, entrance);
    }

    pub(crate) fn enter(&mut self, host: u32, entrance: u32) {
        let peer = self.hosts[entrance as usize].contact;
        self.input(host, Input::LinkUp { peer });
        self.input(host, Input::Join { through: peer.id });
    }

    /// Ends a host without a word.
    pub fn kill(&mut self, host: u32) {
        let Some(gone) = self.hosts.get_mut(host as usize) else { return };
        if gone.overlay.take().is_none() {
            return;
        }
        gone.inbox = Vec::new();
        gone.upper = None;
        let id = gone.contact.id;
        self.census.leave(id, host);
        self.live -= 1;
        self.shelves.died(host);
        self.drop_links(host);
    }

    /// The host says goodbye, and ends a second later.
    pub fn leave(&mut self, host: u32) {
        if self.overlay(host).is_none() {
            return;
        }
        let id = self.hosts[host as usize].contact.id;
        self.hosts[host as usize].left = true;
        self.census.leave(id, host);
        self.input(host, Input::Leave);
        self.push(GOODBYE, Happening::End(host));
    }

    /// Stops a host's clock and ears.
    pub fn freeze(&mut self, host: u32) {
        let frozen = &mut self.hosts[host as usize];
        frozen.frozen = true;
        let id = frozen.contact.id;
        self.census.leave(id, host);
    }

    /// Lets a frozen host go on: the overdue timer first, then what waited at the door.
    pub fn thaw(&mut self, host: u32) {
        let thawed = &mut self.hosts[host as usize];
        thawed.frozen = false;
        let inbox = std::mem::take(&mut thawed.inbox);
        if let Some(overlay) = self.overlay(host)
            && overlay.is_ready()
        {
            self.census.enter(overlay.me().id, host);
        }
        for given in [Given::Overlay(Input::Timeout)].into_iter().chain(inbox) {
            self.give(host, given);
        }
    }

    /// Puts a host on one side of a partition.
    pub fn set_side(&mut self, host: u32, side: u8) {
        self.hosts[host as usize].side = side;
    }

    /// Cuts the network between the sides.
    pub fn part(&mut self) {
        self.settings.faults.partitioned = true;
        self.cut_links_between_sides();
    }

    /// Heals the network.
    pub fn heal(&mut self) {
        self.settings.faults.partitioned = false;
    }
}
