//! The conversations with the network's introducers: which there are, which is begun when, and what
//! they come to together.
//!
//! A newcomer tries those that it was told of, one after the other, until one lets it in; that
//! welcome names the network and its other introducers. A member keeps up a conversation with each,
//! so that whoever comes to any of them is introduced into the same ring. A person is told the best
//! of all: a server that is lost is nobody's concern while another answers.

use alloc::string::String;
use alloc::vec::Vec;

use base::{Bounded, Duration, PublicKey, Time};
use signal::entry::{self, Entry, Input, ServerId, Status, is_loopback};
use signal::message::{COMPANIONS_MAX, Companion, ICE_SERVERS_MAX, IceServer, URL_BYTES_MAX};

/// Servers that a peer may be told of at its start; the first of them are tried.
pub const SERVERS_MAX: usize = 8;
/// How long one may take to let a newcomer in before the next is tried beside it. Chosen: longer
/// than all of it takes where the server is well, and a third of the time after which one that
/// swallows what it is sent is known to be lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// STUN and TURN servers of one introducer.
type IceServers = Bounded<IceServer, ICE_SERVERS_MAX>;

#[derive(Debug)]
struct Conversation {
    url: String,
    /// Whose it is, as a companion or it itself said.
    key: Option<PublicKey>,
    stage: Stage,
    /// What it said last.
    ice_servers: IceServers,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a few, and they begin soon")]
enum Stage {
    /// Until the others are too slow, or this peer is a member.
    Waiting,
    Begun(Entry),
    /// Another leads to the same introducer.
    Dropped,
}

/// What all conversations come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Some server is there, or being asked.
    Open,
    /// None is; the next try.
    Closed(Time),
    /// None is, and only a person may try again.
    Refused,
}

#[derive(Debug)]
pub(crate) struct Servers {
    /// What each conversation begins with.
    config: entry::Config,
    /// Whether servers on this machine are meant.
    loopback: bool,
    seed: u64,
    /// By number. At most [`SERVERS_MAX`] and [`COMPANIONS_MAX`] of the network.
    conversations: Vec<Conversation>,
    /// When the next is begun.
    next_at: Option<Time>,
    /// Links, and whether this peer is a member.
    standing: (u32, bool),
    /// Whose STUN and TURN servers are used.
    relays_of: Option<usize>,
}

impl Servers {
    /// The first of these is tried at once. Addresses are those of WebSockets.
    pub(crate) fn new(
        addresses: &Bounded<String, SERVERS_MAX>,
        config: entry::Config,
        loopback: bool,
        seed: u64,
        now: Time,
    ) -> Self {
        let (conversations, next_at) = (Vec::new(), None);
        let (standing, relays_of) = ((0, false), None);
        let mut servers =
            Servers { config, loopback, seed, conversations, next_at, standing, relays_of };
        for url in addresses {
            servers.add(url, None);
        }
        servers.begin_next(now);
        servers
    }

    /// One more to be tried, unless it is known.
    fn add(&mut self, url: &str, key: Option<PublicKey>) {
        let is_same = |other: &&mut Conversation| {
            other.url == url || key.is_some() && other.key == key && !other.is_dropped()
        };
        if let Some(known) = self.conversations.iter_mut().find(is_same) {
            known.key = known.key.or(key);
            return;
        }
        let (url, ice_servers) = (url.into(), Bounded::new());
        self.conversations.push(Conversation { url, key, stage: Stage::Waiting, ice_servers });
    }

    /// Begins the next conversation; false when there is none.
    pub(crate) fn begin_next(&mut self, now: Time) -> bool {
        self.next_at = None;
        let is_spared = self.lead().is_some();
        let mut waiting = (0..).zip(&mut self.conversations).filter(|(_, one)| one.is_waiting());
        let Some((number, next)) = waiting.next() else { return false };
        let mut entry = Entry::new(self.config.clone(), self.seed.wrapping_add(number), now);
        if self.config.network.is_some() {
            let (links, ready) = self.standing;
            if !ready {
                entry.handle(now, Input::Introduce);
            }
            entry.handle(now, Input::Standing { links, ready });
            entry.handle(now, Input::Spared(is_spared));
        }
        next.stage = Stage::Begun(entry);
        self.next_at = waiting.next().map(|_| now + PATIENCE);
        true
    }

    /// The first welcome: what this peer is called in all conversations, and where else it is to go.
    pub(crate) fn named(
        &mut self,
        now: Time,
        server: ServerId,
        voucher: base::Voucher,
        companions: &Bounded<Companion, COMPANIONS_MAX>,
    ) -> base::Network {
        let named = self.entry(server).and_then(|entry| entry.network());
        let network = named.expect("a welcome names a network");
        (self.config.voucher, self.config.network) = (Some(voucher), Some(network));
        self.tell_all(now, &Input::Named { voucher, network });
        for Companion { key, url } in companions {
            if self.is_address(url) {
                self.add(url, Some(*key));
            }
        }
        if self.conversations.iter().any(Conversation::is_waiting) {
            self.next_at = Some(now + PATIENCE);
        }
        network
    }

    /// Whether a server may send its peers there.
    fn is_address(&self, url: &str) -> bool {
        url.len() <= URL_BYTES_MAX
            && url.bytes().all(|byte| byte.is_ascii_graphic())
            && (url.starts_with("ws://") || url.starts_with("wss://"))
            && (self.loopback || !is_loopback(url))
    }

    /// Where the network's introducers are, as far as that is known, for the next start.
    pub(crate) fn addresses(&self) -> Bounded<String, SERVERS_MAX> {
        let is_ours = |one: &&Conversation| {
            let key = one.key.filter(|_| !one.is_dropped());
            self.config.network.zip(key).is_some_and(|(network, key)| network.has(&key))
        };
        let ours = self.conversations.iter().filter(is_ours);
        Bounded::truncating(ours.map(|one| one.url.clone()))
    }

    /// A server has shown whose it is. False when another conversation with the same introducer is
    /// logged in: a peer has one, since each login ends the last. One that is not gives way.
    pub(crate) fn claim(&mut self, now: Time, server: ServerId) -> bool {
        let at = usize::from(server.0);
        let Some(key) = self.entry(server).and_then(|entry| entry.introducer()) else {
            return false;
        };
        self.conversations[at].key = Some(key);
        let twin = (0..)
            .zip(&self.conversations)
            .find(|(number, other)| *number != at && other.key == Some(key) && !other.is_dropped());
        let Some((twin, other)) = twin else { return true };
        let is_first = other.status() != Some(Status::LoggedIn);
        self.end(now, if is_first { twin } else { at });
        is_first
    }

    fn end(&mut self, now: Time, at: usize) {
        match &mut self.conversations[at].stage {
            // What it still has to say is heard, and nothing comes after it.
            Stage::Begun(entry) => entry.handle(now, Input::Leave),
            stage => *stage = Stage::Dropped,
        }
    }

    /// Carries an input to one conversation.
    pub(crate) fn tell(&mut self, now: Time, server: ServerId, input: Input) {
        if let Some(entry) = self.entry(server) {
            entry.handle(now, input);
        }
    }

    /// Carries an input to all that have begun.
    pub(crate) fn tell_all(&mut self, now: Time, input: &Input) {
        for entry in self.begun() {
            entry.handle(now, input.clone());
        }
    }

    /// Links, and whether this peer is a member: then it keeps up with every introducer.
    pub(crate) fn stand(&mut self, now: Time, links: u32, ready: bool) {
        self.standing = (links, ready);
        self.tell_all(now, &Input::Standing { links, ready });
        while ready && self.begin_next(now) {}
    }

    /// Who is logged in has changed.
    pub(crate) fn spare(&mut self, now: Time) {
        let is_in = |entry: &Entry| entry.status() == Status::LoggedIn;
        let all = self.begun().filter(|entry| is_in(entry)).count();
        for entry in self.begun() {
            let is_spared = all > usize::from(is_in(entry));
            entry.handle(now, Input::Spared(is_spared));
        }
    }

    pub(crate) fn on_timeout(&mut self, now: Time) {
        self.tell_all(now, &Input::Timeout);
        if self.next_at.is_some_and(|at| at <= now) {
            self.begin_next(now);
        }
    }

    pub(crate) fn leave(&mut self, now: Time) {
        self.next_at = None;
        (0..self.conversations.len()).for_each(|at| self.end(now, at));
    }

    pub(crate) fn poll_output(&mut self) -> Option<(ServerId, entry::Output)> {
        (0..).zip(self.conversations.iter_mut()).find_map(|(number, one)| match &mut one.stage {
            Stage::Begun(entry) => entry.poll_output().map(|output| (ServerId(number), output)),
            _ => None,
        })
    }

    /// When the first conversation wants to be woken, and why.
    pub(crate) fn poll_timeout(&self) -> Option<(Time, entry::Wake)> {
        let entries = self.conversations.iter().filter_map(|one| match &one.stage {
            Stage::Begun(entry) => entry.poll_timeout(),
            _ => None,
        });
        entries.min_by_key(|(at, _)| *at)
    }

    /// When another is tried beside those that have begun.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.next_at
    }

    pub(crate) fn url(&self, server: ServerId) -> String {
        self.conversations.get(usize::from(server.0)).map(|one| one.url.clone()).unwrap_or_default()
    }

    pub(crate) fn outlook(&self) -> Outlook {
        let mut next = None;
        for status in self.conversations.iter().filter_map(Conversation::status) {
            match status {
                Status::LoggedIn | Status::UnderWay => return Outlook::Open,
                Status::Away(retry) => next = retry.into_iter().chain(next).min(),
                Status::Left => {}
            }
        }
        next.map_or(Outlook::Refused, Outlook::Closed)
    }

    /// Keeps what a server says of STUN and TURN.
    pub(crate) fn note_ice_servers(&mut self, server: ServerId, ice_servers: IceServers) {
        if let Some(one) = self.conversations.get_mut(usize::from(server.0)) {
            one.ice_servers = ice_servers;
        }
    }

    /// The STUN and TURN servers to use after something has changed at `server`: those of the first
    /// that is logged in, unless they are the same as before. A lost server's do not last.
    pub(crate) fn ice_servers_after(&mut self, server: ServerId) -> Option<IceServers> {
        let lead = self.lead()?;
        let is_other = self.relays_of.replace(lead) != Some(lead);
        let is_news = is_other || lead == usize::from(server.0);
        is_news.then(|| self.conversations[lead].ice_servers.clone())
    }

    fn lead(&self) -> Option<usize> {
        self.conversations.iter().position(|one| one.status() == Some(Status::LoggedIn))
    }

    fn entry(&mut self, server: ServerId) -> Option<&mut Entry> {
        match &mut self.conversations.get_mut(usize::from(server.0))?.stage {
            Stage::Begun(entry) => Some(entry),
            _ => None,
        }
    }

    fn begun(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.conversations.iter_mut().filter_map(|one| match &mut one.stage {
            Stage::Begun(entry) => Some(entry),
            _ => None,
        })
    }
}

impl Conversation {
    /// `None` before it has begun.
    fn status(&self) -> Option<Status> {
        match &self.stage {
            Stage::Begun(entry) => Some(entry.status()),
            _ => None,
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    fn is_dropped(&self) -> bool {
        matches!(self.stage, Stage::Dropped) || self.status() == Some(Status::Left)
    }
}
