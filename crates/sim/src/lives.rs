//! What a scenario does to a world: hosts start, end and stand still, a server dies and comes
//! back, somebody submits a job.

use std::collections::BTreeMap;

use base::{Bounded, Duration, SECRET_BYTES, Secret};
use node::JobId;
use peer::{Config, Event, Input, Peer};

use crate::server::Server;
use crate::world::{Happening, World, index};
use crate::{Host, HostConfig, HostId, KIND, Work};

impl World {
    /// Starts a host; it asks for its server at once.
    pub fn start(&mut self, config: HostConfig) -> HostId {
        let mut seed = [0; SECRET_BYTES];
        self.rng.fill(&mut seed);
        self.start_as(config, Secret::from_seed(&seed), 1)
    }

    fn start_as(&mut self, config: HostConfig, secret: Secret, epoch: u64) -> HostId {
        let id = HostId(u32::try_from(self.hosts.len()).unwrap_or(u32::MAX));
        let settings = settings(config, &secret, epoch);
        let peer = Peer::new(settings, self.rng.next_u64(), self.now);
        self.hosts.push(Host {
            config,
            secret,
            epoch,
            peer,
            alive: true,
            frozen: false,
            is_far: false,
            servers: BTreeMap::new(),
            connections: BTreeMap::new(),
            computing: BTreeMap::new(),
            wake_at: None,
            created: 0,
            busy: Duration::ZERO,
            links_peak: 0,
            values: Vec::new(),
            events: Vec::new(),
        });
        self.drive(id, Input::Slots(config.slots));
        id
    }

    /// Ends a host's process without a word (SIGKILL, power cut).
    pub fn kill(&mut self, id: HostId) {
        let host = &mut self.hosts[index(id)];
        host.alive = false;
        host.computing.clear();
        let connections = std::mem::take(&mut host.connections);
        let notice = self.network.death_notice;
        for connection in connections.into_values() {
            self.break_far_end(connection, notice, "the peer is silent");
        }
        self.hang_up(id, Duration::ZERO);
    }

    /// Starts the node of a dead host again, with a higher epoch.
    pub fn restart(&mut self, id: HostId) -> HostId {
        let host = self.host(id);
        let (config, secret, epoch) = (host.config, host.secret.clone(), host.epoch + 1);
        self.start_as(config, secret, epoch)
    }

    /// Forgets what a dead host knew, for worlds in which thousands die. It cannot be asked about
    /// anything, nor started again.
    pub fn bury(&mut self, id: HostId) {
        let host = self.host(id);
        if !host.alive {
            let (config, secret) = (host.config, host.secret.clone());
            let peer = Peer::new(settings(config, &secret, host.epoch), 0, self.now);
            let host = &mut self.hosts[index(id)];
            host.peer = peer;
            host.values = Vec::new();
            host.events = Vec::new();
        }
    }

    /// Asks a host to leave: it hands back what it holds, says goodbye and ends.
    pub fn leave(&mut self, id: HostId) {
        self.drive(id, Input::Leave);
    }

    /// Stops a host's process (SIGSTOP): it handles nothing until [`World::thaw`].
    pub fn freeze(&mut self, id: HostId) {
        self.hosts[index(id)].frozen = true;
    }

    /// Lets a frozen host go on.
    pub fn thaw(&mut self, id: HostId) {
        self.hosts[index(id)].frozen = false;
        self.drive(id, Input::Timeout);
    }

    /// Ends the first server's process.
    pub fn kill_server(&mut self) {
        self.kill_server_number(0);
    }

    /// Ends a server's process.
    pub fn kill_server_number(&mut self, server: u8) {
        for (host, server) in self.servers[usize::from(server)].kill() {
            let latency = self.network.latency(&mut self.rng);
            let closed = Input::ServerClosed { server, reason: "connection lost".to_owned() };
            self.later(latency, Happening::Input(host, closed));
        }
    }

    /// Starts the first server again, with the same key.
    pub fn start_server(&mut self) {
        self.start_server_number(0);
    }

    /// Starts a server again, with the same key.
    pub fn start_server_number(&mut self, server: u8) {
        self.servers[usize::from(server)].start(&mut self.rng, self.now);
    }

    /// Submits a job at a host. The event `Submitted` names it.
    pub fn submit(&mut self, id: HostId, tasks: u32, work: Work) -> Option<JobId> {
        // No two jobs of a host at one moment have the same number.
        let host = &mut self.hosts[index(id)];
        host.created = self.now.as_micros().max(host.created + 1);
        let created = host.created;
        self.drive(id, Input::Submit { created, kind: KIND, tasks, params: work.encode() });
        self.host(id).events.iter().rev().find_map(|(_, event)| match event {
            Event::Submitted { created: of, job } if *of == created => Some(*job),
            _ => None,
        })
    }

    /// The process ends after its goodbyes: its transports close properly.
    pub(crate) fn end(&mut self, id: HostId) {
        let host = &mut self.hosts[index(id)];
        host.alive = false;
        let connections = std::mem::take(&mut host.connections);
        for connection in connections.into_values() {
            let latency = self.network.latency(&mut self.rng);
            self.break_far_end(connection, latency, "closed");
        }
        self.hang_up(id, Duration::ZERO);
    }
}

fn settings(config: HostConfig, secret: &Secret, epoch: u64) -> Config {
    Config {
        public_key: secret.public(),
        epoch,
        voucher: None,
        servers: Bounded::truncating([Server::url(config.entrance)]),
        native: true,
        loopback: false,
        links_max: config.links_max,
        result_bytes_max: config.result_bytes_max,
    }
}
