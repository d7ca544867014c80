//! A network that falls into two: nothing passes between the sides until it is whole again. The
//! servers are on the first side.

use peer::Input;

use crate::world::{Happening, index};
use crate::{HostId, World};

impl World {
    /// Splits the network: these hosts on one side, all others, the servers and every newcomer on
    /// the other. Transports notice it as they notice a death.
    pub fn part(&mut self, far_side: &[HostId]) {
        self.is_parted = true;
        for id in far_side {
            self.hosts[index(*id)].is_far = true;
        }
        let hosts: Vec<HostId> = self.alive().map(|(id, _)| id).collect();
        for id in hosts {
            self.break_across(id);
            if self.host(id).is_far {
                self.lose_servers(id);
                self.hang_up(id, self.network.death_notice);
            }
        }
    }

    fn lose_servers(&mut self, id: HostId) {
        let servers: Vec<_> = self.host(id).servers.keys().copied().collect();
        for server in servers {
            let latency = self.network.latency(&mut self.rng);
            let closed = Input::ServerClosed { server, reason: "connection lost".to_owned() };
            self.later(latency, Happening::Input(id, closed));
        }
    }

    /// The network is whole again.
    pub fn heal(&mut self) {
        self.is_parted = false;
        self.hosts.iter_mut().for_each(|host| host.is_far = false);
    }

    /// Whether the network is split.
    #[must_use]
    pub fn is_parted(&self) -> bool {
        self.is_parted
    }

    /// Whether nothing passes between two hosts.
    pub(crate) fn are_apart(&self, a: HostId, b: HostId) -> bool {
        self.is_parted && self.host(a).is_far != self.host(b).is_far
    }

    /// Whether the servers are out of a host's reach.
    pub(crate) fn is_cut_off(&self, id: HostId) -> bool {
        self.is_parted && self.host(id).is_far
    }

    /// This host's ends of the connections to the other side. They stay open for whoever does not
    /// know better, and carry nothing.
    fn break_across(&mut self, id: HostId) {
        let far = |connection: &crate::host::Connection| connection.far.map(|far| far.host);
        let connections = &self.host(id).connections;
        let ends = connections.iter().filter_map(|(link, end)| Some((*link, far(end)?)));
        let across: Vec<_> = ends.filter(|(_, other)| self.are_apart(id, *other)).collect();
        for (link, _) in across {
            if let Some(end) = self.hosts[index(id)].connections.get_mut(&link) {
                end.open = false;
                end.far = None;
            }
            let reason = "the peer is silent".to_owned();
            let broken = Input::LinkBroken { link, reason };
            self.later(self.network.death_notice, Happening::Input(id, broken));
        }
    }
}
