//! Peer connections between hosts: offer, answer, two channels, their end.

use base::Duration;
use bytes::Bytes;
use node::{Class, LinkId};
use peer::Input;

use crate::host::{Connection, Far};
use crate::world::{Happening, describe, index, lane};
use crate::{HostId, World};

/// What a browser takes to gather candidates on a local network.
const GATHERING: Duration = Duration::from_millis(20);

impl World {
    pub(crate) fn create_offer(&mut self, id: HostId, link: LinkId) {
        self.construct(id, link, None);
        let sdp = describe(id, link);
        self.later(GATHERING, Happening::Input(id, Input::Described { link, sdp }));
    }

    pub(crate) fn create_answer(&mut self, id: HostId, link: LinkId, remote: &str) {
        self.construct(id, link, far_end(remote));
        let sdp = describe(id, link);
        self.later(GATHERING, Happening::Input(id, Input::Described { link, sdp }));
    }

    fn construct(&mut self, id: HostId, link: LinkId, far: Option<Far>) {
        let host = &mut self.hosts[index(id)];
        let connection = Connection { far, ..Connection::default() };
        host.connections.insert(link, connection);
    }

    /// The answerer's half knows the offerer's since the offer; now both open.
    pub(crate) fn apply_answer(&mut self, id: HostId, link: LinkId, remote: &str) {
        let Some(far) = far_end(remote).filter(|far| !self.are_apart(id, far.host)) else {
            return; // The deadlines of both sides end the attempt.
        };
        let here = Far { host: id, link };
        let answered = self.hosts[index(far.host)].connections.get(&far.link);
        if answered.is_none_or(|connection| connection.far != Some(here)) {
            return; // The answerer gave up meanwhile: this side's deadline ends the attempt.
        }
        if let Some(connection) = self.hosts[index(id)].connections.get_mut(&link) {
            connection.far = Some(far);
        }
        for end in [here, far] {
            if let Some(half) = self.hosts[index(end.host)].connections.get_mut(&end.link) {
                half.open = true;
            }
            let opened = Happening::Input(end.host, Input::LinkOpened(end.link));
            self.later(self.network.link_setup, opened);
        }
    }

    pub(crate) fn close_link(&mut self, id: HostId, link: LinkId) {
        let Some(connection) = self.hosts[index(id)].connections.remove(&link) else { return };
        // The close follows what was sent.
        let last = connection.arrives_at[0].max(connection.arrives_at[1]);
        let delay = last.since(self.now) + self.network.latency_max;
        self.break_far_end(connection, delay, "closed by the peer");
    }

    pub(crate) fn break_far_end(&mut self, connection: Connection, delay: Duration, why: &str) {
        let Some(far) = connection.far.filter(|_| connection.open) else { return };
        if self.hosts[index(far.host)].connections.contains_key(&far.link) {
            let broken = Input::LinkBroken { link: far.link, reason: why.to_owned() };
            self.later(delay, Happening::Input(far.host, broken));
        }
    }

    pub(crate) fn send(&mut self, id: HostId, link: LinkId, class: Class, chunk: Bytes) {
        let bytes = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        let latency = self.network.latency(&mut self.rng);
        let transmission = self.network.transmission(u64::from(bytes));
        let Some(connection) = self.hosts[index(id)].connections.get_mut(&link) else { return };
        let Some(far) = connection.far.filter(|_| connection.open) else { return };
        let lane = lane(class);
        let sent_at = connection.free_at[lane].max(self.now) + transmission;
        let arrives_at = (sent_at + latency).max(connection.arrives_at[lane]);
        connection.free_at[lane] = sent_at;
        connection.arrives_at[lane] = arrives_at;
        let drained = Input::Drained { link, class, bytes };
        self.at(sent_at, Happening::Input(id, drained));
        if self.hosts[index(far.host)].alive {
            let received = Input::Received { link: far.link, class, chunk };
            self.at(arrives_at, Happening::Input(far.host, received));
        }
    }
}

fn far_end(sdp: &str) -> Option<Far> {
    let mut words = sdp.strip_prefix("sim ")?.split(' ');
    let host = HostId(words.next()?.parse().ok()?);
    let link = LinkId(words.next()?.parse().ok()?);
    Some(Far { host, link })
}
