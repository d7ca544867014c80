//! The introducer in the world: the server's room behind a network, which can be killed.

use base::{Rng, Secret, Time};
use signal::room::{Config, ConnectionId, Input, Output, Room, Stats};

use crate::HostId;

/// The server of a world.
#[derive(Debug)]
pub(crate) struct Server {
    secret: Secret,
    starts: u32,
    room: Option<Room>,
    connections: std::collections::BTreeMap<ConnectionId, HostId>,
    next: u64,
}

/// What the world must carry to a host.
#[derive(Debug)]
pub(crate) enum Carry {
    Message(HostId, bytes::Bytes),
    Close(HostId),
}

impl Server {
    pub(crate) fn new(secret: Secret) -> Self {
        let connections = std::collections::BTreeMap::new();
        Server { secret, starts: 0, room: None, connections, next: 0 }
    }

    pub(crate) fn start(&mut self, rng: &mut Rng, now: Time) {
        let config = Config { may_have_members: self.starts > 0, ..Config::default() };
        self.room = Some(Room::new(config, self.secret.clone(), rng.next_u64(), now));
        self.starts += 1;
    }

    /// Ends the process; returns the hosts whose connections break.
    pub(crate) fn kill(&mut self) -> Vec<HostId> {
        self.room = None;
        std::mem::take(&mut self.connections).into_values().collect()
    }

    pub(crate) fn stats(&self) -> Option<Stats> {
        self.room.as_ref().map(Room::stats)
    }

    pub(crate) fn wake_at(&self) -> Option<Time> {
        self.room.as_ref()?.poll_timeout().map(|(at, _)| at)
    }

    fn connection_of(&self, host: HostId) -> Option<ConnectionId> {
        self.connections.iter().find(|(_, other)| **other == host).map(|(id, _)| *id)
    }

    /// A WebSocket is accepted; false when no server listens.
    pub(crate) fn connect(&mut self, now: Time, host: HostId) -> (bool, Vec<Carry>) {
        if self.room.is_none() {
            return (false, Vec::new());
        }
        let old = self.disconnect(now, host);
        self.next += 1;
        let id = ConnectionId(self.next);
        self.connections.insert(id, host);
        let mut carry = old;
        carry.extend(self.handle(now, Input::Connected(id)));
        (true, carry)
    }

    pub(crate) fn disconnect(&mut self, now: Time, host: HostId) -> Vec<Carry> {
        let Some(id) = self.connection_of(host) else { return Vec::new() };
        self.connections.remove(&id);
        self.handle(now, Input::Disconnected(id))
    }

    pub(crate) fn receive(&mut self, now: Time, host: HostId, bytes: bytes::Bytes) -> Vec<Carry> {
        let Some(id) = self.connection_of(host) else { return Vec::new() };
        self.handle(now, Input::Received(id, bytes))
    }

    pub(crate) fn timeout(&mut self, now: Time) -> Vec<Carry> {
        self.handle(now, Input::Timeout)
    }

    fn handle(&mut self, now: Time, input: Input) -> Vec<Carry> {
        let Some(room) = &mut self.room else { return Vec::new() };
        room.handle(now, input);
        let mut carry = Vec::new();
        while let Some(output) = room.poll_output() {
            match output {
                Output::Send(id, bytes) => {
                    if let Some(host) = self.connections.get(&id) {
                        carry.push(Carry::Message(*host, bytes));
                    }
                }
                Output::Close(id, _) => {
                    if let Some(host) = self.connections.remove(&id) {
                        carry.push(Carry::Close(host));
                    }
                }
            }
        }
        carry
    }
}
