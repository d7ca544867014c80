//! An introducer in the world: a server's room behind a network, which can be killed.

use base::{Bounded, Rng, Secret, Time};
use peer::ServerId;
use signal::message::{COMPANIONS_MAX, Companion};
use signal::room::{Config, ConnectionId, Input, Output, Room, Stats};

use crate::HostId;

/// A host's WebSocket: whose, and by what number the host calls this server.
pub(crate) type Caller = (HostId, ServerId);

/// A server of a world.
#[derive(Debug)]
pub(crate) struct Server {
    secret: Secret,
    companions: Bounded<Companion, COMPANIONS_MAX>,
    starts: u32,
    room: Option<Room>,
    connections: std::collections::BTreeMap<ConnectionId, Caller>,
    next: u64,
}

/// What the world must carry to a host.
#[derive(Debug)]
pub(crate) enum Carry {
    Message(Caller, bytes::Bytes),
    Close(Caller),
}

impl Server {
    pub(crate) fn new(secret: Secret) -> Self {
        let (companions, connections) = (Bounded::new(), std::collections::BTreeMap::new());
        Server { secret, companions, starts: 0, room: None, connections, next: 0 }
    }

    /// Where hosts find the server of this number.
    pub(crate) fn url(number: u8) -> String {
        format!("ws://server/{number}")
    }

    /// The number of the server at `url`.
    pub(crate) fn number(url: &str) -> Option<u8> {
        url.strip_prefix("ws://server/")?.parse().ok()
    }

    /// Servers that introduce into one network.
    pub(crate) fn companions(secrets: Vec<Secret>) -> Vec<Self> {
        let all: Vec<Companion> = (0..)
            .zip(&secrets)
            .map(|(number, secret)| Companion { key: secret.public(), url: Self::url(number) })
            .collect();
        let server = |secret: Secret| {
            let others = all.iter().filter(|other| other.key != secret.public()).cloned();
            Server { companions: Bounded::truncating(others), ..Server::new(secret) }
        };
        secrets.into_iter().map(server).collect()
    }

    pub(crate) fn start(&mut self, rng: &mut Rng, now: Time) {
        let companions = self.companions.clone();
        let may_have_members = self.starts > 0;
        let config = Config { may_have_members, companions, ..Config::default() };
        self.room = Some(Room::new(config, self.secret.clone(), rng.next_u64(), now));
        self.starts += 1;
    }

    /// Ends the process; returns whose connections break.
    pub(crate) fn kill(&mut self) -> Vec<Caller> {
        self.room = None;
        std::mem::take(&mut self.connections).into_values().collect()
    }

    pub(crate) fn stats(&self) -> Option<Stats> {
        self.room.as_ref().map(Room::stats)
    }

    pub(crate) fn wake_at(&self) -> Option<Time> {
        self.room.as_ref()?.poll_timeout().map(|(at, _)| at)
    }

    fn connection_of(&self, caller: Caller) -> Option<ConnectionId> {
        self.connections.iter().find(|(_, other)| **other == caller).map(|(id, _)| *id)
    }

    /// A WebSocket is accepted; false when no server listens.
    pub(crate) fn connect(&mut self, now: Time, caller: Caller) -> (bool, Vec<Carry>) {
        if self.room.is_none() {
            return (false, Vec::new());
        }
        let old = self.disconnect(now, caller);
        self.next += 1;
        let id = ConnectionId(self.next);
        self.connections.insert(id, caller);
        let mut carry = old;
        carry.extend(self.handle(now, Input::Connected(id)));
        (true, carry)
    }

    pub(crate) fn disconnect(&mut self, now: Time, caller: Caller) -> Vec<Carry> {
        let Some(id) = self.connection_of(caller) else { return Vec::new() };
        self.connections.remove(&id);
        self.handle(now, Input::Disconnected(id))
    }

    pub(crate) fn receive(&mut self, now: Time, caller: Caller, bytes: bytes::Bytes) -> Vec<Carry> {
        let Some(id) = self.connection_of(caller) else { return Vec::new() };
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
                    if let Some(caller) = self.connections.get(&id) {
                        carry.push(Carry::Message(*caller, bytes));
                    }
                }
                Output::Close(id, _) => {
                    if let Some(caller) = self.connections.remove(&id) {
                        carry.push(Carry::Close(caller));
                    }
                }
            }
        }
        carry
    }
}
