//! All links of this process over a few UDP sockets, and which of them a datagram belongs to.
//!
//! A STUN request names its session (ufrag). Everything else belongs to the session that last
//! proved to live at the datagram's source; while that is unknown, the newest session that accepts
//! it. Newest first, because a peer may dial anew from the port of a session that is dead and not
//! yet known to be.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base::{Duration, Rng, Time};
use bytes::Bytes;
use node::LinkId;
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive};
use str0m::{IceCreds, Input};
use wire::Class;

use crate::clock::Clock;
use crate::link::{Event, Link, Setup};
use crate::ports::Ports;

/// Sources that are remembered; a further one is looked up at each datagram. More than any honest
/// set of links has.
const ROUTES_MAX: usize = 4096;
/// Datagrams taken from all sockets in a row, so that everything else gets its turn: what came while
/// this process was held up for a second or two.
const DATAGRAMS_PER_TURN: usize = 1024;
/// An open link has a deadline every two seconds, so a longer pause is this process' own.
const GAP: Duration = Duration::from_secs(4);
/// Longer than any datagram that str0m takes.
const DATAGRAM_BYTES_MAX: usize = 2048;

/// All links.
#[derive(Debug)]
pub struct Links {
    setup: Setup,
    rng: Rng,
    ports: Ports,
    links: BTreeMap<LinkId, Link>,
    /// By the name that STUN requests carry.
    names: BTreeMap<String, LinkId>,
    /// By (own address, source): who proved last that it lives there.
    routes: BTreeMap<(SocketAddr, SocketAddr), LinkId>,
    events: VecDeque<(LinkId, Event)>,
    last_turn: Time,
}

impl Links {
    /// No links yet. `seed` must be unpredictable. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no UDP socket can be opened, or no certificate made.
    pub fn new(clock: Clock, seed: u64) -> anyhow::Result<Self> {
        let certificate = str0m::crypto::from_feature_flags()
            .dtls_provider
            .generate_certificate()
            .ok_or_else(|| anyhow::anyhow!("no DTLS certificate could be made"))?;
        Ok(Links {
            setup: Setup { clock, certificate },
            rng: Rng::new(seed),
            ports: Ports::bind()?,
            links: BTreeMap::new(),
            names: BTreeMap::new(),
            routes: BTreeMap::new(),
            events: VecDeque::new(),
            last_turn: clock.now(),
        })
    }

    /// Whether no link is left, not even one that is closing.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Where this process can be reached.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.ports.addresses()
    }

    /// The next thing that happened on any link. After [`Event::Broken`] the link does not exist.
    pub fn poll_event(&mut self) -> Option<(LinkId, Event)> {
        self.events.pop_front()
    }

    /// When to call [`Links::on_timeout`].
    pub fn deadline(&self) -> Option<Time> {
        self.links.values().map(Link::deadline).min()
    }

    /// Makes an offer: [`Event::Described`] or [`Event::Broken`] follows.
    pub fn offer(&mut self, now: Time, id: LinkId) {
        let creds = self.creds();
        let link = guarded(|| Link::offering(&self.setup, creds, now, &mut self.ports));
        self.insert(id, link);
    }

    /// Answers an offer: [`Event::Described`] or [`Event::Broken`] follows.
    pub fn answer(&mut self, now: Time, id: LinkId, offer: &str) {
        let creds = self.creds();
        let link = guarded(|| Link::answering(&self.setup, creds, now, &mut self.ports, offer));
        self.insert(id, link);
    }

    /// Takes the answer to an offer.
    pub fn accept(&mut self, id: LinkId, answer: &str) {
        self.with(id, |link, ports| link.accept(answer, ports));
    }

    /// Queues a chunk. [`Event::Drained`] follows when it is on its way.
    pub fn send(&mut self, id: LinkId, class: Class, chunk: Bytes) {
        self.with(id, |link, ports| link.send(class, chunk, ports));
    }

    /// Closes a link; no event follows.
    pub fn close(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.close(&mut self.ports);
        }
        self.remove(id);
    }

    /// Closes a link after what was sent on it; no event follows.
    pub fn finish(&mut self, now: Time, id: LinkId) {
        self.with(id, |link, ports| link.finish(now, ports));
    }

    /// As [`Links::finish`] for all that are left.
    pub fn finish_all(&mut self, now: Time) {
        for id in self.links.keys().copied().collect::<Vec<_>>() {
            self.finish(now, id);
        }
    }

    /// Waits until a socket has something. Cancel-safe.
    pub async fn readable(&self) {
        self.ports.readable().await;
    }

    /// Takes what the sockets have.
    pub fn receive(&mut self, now: Time) {
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        for _ in 0..DATAGRAMS_PER_TURN {
            let Some((source, to, length)) = self.ports.receive(&mut buffer) else { return };
            self.on_datagram(now, source, to, &buffer[..length]);
        }
    }

    /// A deadline came.
    pub fn on_timeout(&mut self, now: Time) {
        if now.since(std::mem::replace(&mut self.last_turn, now)) > GAP {
            self.links.values_mut().for_each(|link| link.pardon(now));
        }
        let is_due = |(id, link): (&LinkId, &Link)| (link.deadline() <= now).then_some(*id);
        for id in self.links.iter().filter_map(is_due).collect::<Vec<_>>() {
            let moment = self.setup.clock.moment(now);
            self.with(id, |link, ports| link.handle(now, Input::Timeout(moment), ports));
        }
    }

    fn on_datagram(&mut self, now: Time, source: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let Ok(Ok(received)) =
            catch_unwind(|| Receive::new(Protocol::Udp, source, to, datagram).map_err(|_| ()))
        else {
            return;
        };
        let input = Input::Receive(self.setup.clock.moment(now), received);
        if let Some(id) = self.addressee(source, to, datagram, &input) {
            self.with(id, |link, ports| link.handle(now, input, ports));
        }
    }

    fn addressee(
        &mut self,
        source: SocketAddr,
        to: SocketAddr,
        datagram: &[u8],
        input: &Input,
    ) -> Option<LinkId> {
        let accepts =
            |id: &LinkId| self.links.get(id).is_some_and(|link| link.accepts(input)).then_some(*id);
        // RFC 7983: the first byte of a STUN packet is 0 or 1.
        let is_stun = datagram.first().is_some_and(|byte| *byte < 2);
        if !is_stun {
            let known = self.routes.get(&(to, source)).and_then(accepts);
            return known.or_else(|| self.links.keys().rev().find_map(accepts));
        }
        let Some(name) = requested_name(datagram) else {
            return self.links.keys().rev().find_map(accepts);
        };
        let id = self.names.get(&name).and_then(accepts)?;
        if self.routes.len() < ROUTES_MAX || self.routes.contains_key(&(to, source)) {
            self.routes.insert((to, source), id);
        }
        Some(id)
    }

    fn creds(&mut self) -> IceCreds {
        let mut text = |bytes: &mut [u8]| {
            self.rng.fill(bytes);
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        IceCreds { ufrag: text(&mut [0; 8]), pass: text(&mut [0; 16]) }
    }

    fn insert(&mut self, id: LinkId, link: Result<Link, String>) {
        match link {
            Ok(link) => {
                self.names.insert(link.ufrag().to_owned(), id);
                self.links.insert(id, link);
                self.with(id, |_, _| Ok(()));
            }
            Err(reason) => self.events.push_back((id, Event::Broken(reason))),
        }
    }

    /// Does something with a link, then collects its events and removes it if it is over.
    fn with(&mut self, id: LinkId, what: impl FnOnce(&mut Link, &mut Ports) -> Result<(), String>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let outcome = guarded(|| what(link, &mut self.ports));
        while let Some(event) = link.poll_event() {
            self.events.push_back((id, event));
        }
        match outcome {
            Ok(()) if link.is_over() => self.remove(id),
            Ok(()) => {}
            Err(reason) => {
                self.close(id);
                self.events.push_back((id, Event::Broken(reason)));
            }
        }
    }

    fn remove(&mut self, id: LinkId) {
        if let Some(link) = self.links.remove(&id) {
            self.names.remove(link.ufrag());
            self.routes.retain(|_, at| *at != id);
        }
    }
}

/// A panic in the session costs the link, not the process: its input is written by strangers.
fn guarded<T>(what: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|_| Err("the session panicked".into()))
}

/// The receiver's half of the user name of a STUN request. Responses carry none.
fn requested_name(datagram: &[u8]) -> Option<String> {
    let message = StunMessage::parse(datagram).ok()?;
    message.split_username().map(|(local, _)| local.to_owned())
}

#[cfg(test)]
impl Links {
    /// Drops a link without a word to its peer.
    fn forget(&mut self, id: LinkId) {
        self.remove(id);
    }
}

#[cfg(test)]
mod tests;
