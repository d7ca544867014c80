//! PAST: values kept at the k nodes closest to a key, handed over before they are dropped.
//!
//! Two kinds of value: immutable blobs, named by their SHA-256, and records that grow by merging
//! ([`Merge`]). Each node knows from its leaf set which values it should hold (`place`). The holder
//! closest to the key looks after a value: it offers it to the others, and those who lack it fetch
//! it from whom they like. Any holder that does not hear from a closer one does the same (`hold`).
//!
//! Two rules keep a value alive. A copy is dropped only when every node that should hold the value
//! has just acknowledged it; and who acknowledged keeps its own copy for a while, whatever it
//! learns meanwhile. So two holders never drop their copies trusting in each other.
//!
//! The machine does not know what a value means, how a message travels, or how a leaf set is kept.
//! Any message may be lost: each conversation is repeated by whoever waits for its answer.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod cache;
mod config;
mod face;
mod fetch;
mod hold;
mod leave;
mod mail;
mod merge;
mod news;
mod offer;
mod place;
mod put;
mod record;
mod restore;
mod serve;
mod shelf;

use alloc::collections::VecDeque;

use base::{Digest, Duration, Key, NodeId, Rng, Time};
use bytes::Bytes;
use wire::limits::PAYLOAD_BYTES_MAX;
use wire::overlay::Target;
use wire::store::{Message, Name};

pub use config::Config;
pub use face::{Counters, Event, Input, Neighbour, Output, Wake};
pub use merge::{Merge, Merged, Refusal};

use cache::Cache;
use fetch::Fetches;
use leave::Leaving;
use mail::Mail;
use news::News;
use place::Place;
use put::Puts;
use serve::Served;
use shelf::Shelf;

/// One node's part in the store; `M` knows the records.
#[derive(Clone, Debug)]
pub struct Store<M> {
    config: Config,
    me: NodeId,
    now: Time,
    /// The overlay routes.
    ready: bool,
    leaving: Leaving,
    place: Place,
    shelf: Shelf,
    cache: Cache,
    puts: Puts,
    fetches: Fetches,
    news: News,
    served: Served,
    /// Lists for other holders, sent at the end of a turn.
    mail: Mail,
    counters: Counters,
    /// Drained by the driver after each input.
    outputs: VecDeque<Output>,
    merging: M,
}

impl<M: Merge> Store<M> {
    /// An empty store, outside every overlay.
    #[must_use]
    pub fn new(config: Config, merging: M, me: NodeId, seed: u64, now: Time) -> Self {
        let mut rng = Rng::new(seed);
        Store {
            config,
            me,
            now,
            ready: false,
            leaving: Leaving::No,
            place: Place::new(Neighbour { id: me, group: config.group }),
            shelf: Shelf::default(),
            cache: Cache::new(config.cache_bytes_max),
            puts: Puts::default(),
            fetches: Fetches::default(),
            news: News::new(rng.next_u64()),
            served: Served::new(config.served_bytes_max, config.period),
            mail: Mail::default(),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            merging,
        }
    }

    /// Something happened, or is asked. Drain [`Store::poll_output`] afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        if matches!(self.leaving, Leaving::Gone) {
            return;
        }
        self.now = now;
        match input {
            Input::Neighbours { left, right } => {
                self.place.set(&left, &right);
                self.place_anew();
            }
            Input::Ready(ready) => self.on_ready(ready),
            Input::Put { blob, lifetime } => self.on_put(blob, lifetime),
            Input::Merge { key, delta, lifetime } => self.on_merge(key, &delta, lifetime),
            Input::Get(digest) => self.on_get(Name::Blob(digest)),
            Input::GetRecord(key) => self.on_get(Name::Record(key)),
            Input::Cache(blob) => {
                let digest = Digest::of(&[&blob]);
                if blob.len() <= PAYLOAD_BYTES_MAX && !self.shelf.has(&Name::Blob(digest)) {
                    self.cache.add(digest, blob);
                }
            }
            Input::Received { from, message } => self.on_received(from, message),
            Input::Delivered { key, from, message } => self.on_delivered(key, from, message),
            Input::PeerGone(peer) => self.on_peer_gone(peer),
            Input::Loaded { name, value } => self.on_loaded(name, value),
            Input::Restored { name, value, lifetime } => {
                self.on_restored(name, &value, lifetime);
            }
            Input::Leave => self.on_leave(),
            Input::Timeout => self.on_timeout(),
        }
        self.settle();
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come with [`Input::Timeout`], and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        if let Leaving::Gone = self.leaving {
            return None;
        }
        let retry = [self.puts.next_due(), self.fetches.next_due(), self.news.next_due()];
        let deadlines = [
            self.shelf.next_due().map(|at| (at, Wake::Check)),
            retry.into_iter().flatten().min().map(|at| (at, Wake::Retry)),
            self.leaving.until().map(|at| (at, Wake::Leave)),
        ];
        deadlines.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// A value that this node holds, or a blob that came by.
    #[must_use]
    pub fn value(&self, name: &Name) -> Option<&Bytes> {
        let held = self.shelf.get(name).map(|held| &held.bytes);
        held.or_else(|| self.at_hand(name))
    }

    /// Whether this node is one of those who hold the value for the ring.
    #[must_use]
    pub fn holds(&self, name: &Name) -> bool {
        self.shelf.has(name)
    }

    /// Bytes that this node holds for the ring.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.shelf.bytes()
    }

    /// What this node did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters { held: self.shelf.len() as u64, ..self.counters }
    }

    fn on_received(&mut self, from: NodeId, message: Message) {
        match message {
            _ if from == self.me => self.counters.ignored += 1,
            Message::Put(_) => self.counters.ignored += 1,
            Message::Offer(items) => {
                for item in items {
                    self.on_offered(from, item);
                }
            }
            Message::Have(items) => {
                for item in items {
                    self.on_have(from, item);
                }
            }
            Message::Refuse { names, reason } => {
                for name in names {
                    self.on_refused(from, name, reason);
                }
            }
            Message::Fetch(name) => self.on_fetch(from, name),
            Message::Blob { digest, blob } => self.on_blob(from, digest, blob),
            Message::Absent { name, holders } => self.on_absent(from, name, &holders),
            Message::Outline { key, pieces } => self.on_outline(from, key, pieces.into_vec()),
            Message::FetchPieces { key, pieces } => self.on_fetch_pieces(from, key, &pieces),
            Message::Piece { key, piece } => self.on_piece(from, key, piece),
            Message::News { ticket, key, lifetime, delta } => {
                self.on_news(from, ticket, key, lifetime, &delta);
            }
            Message::Took { ticket, copies } => self.on_took(from, ticket, copies),
        }
    }

    /// Routed messages: what the root of a key, or any holder, is asked by those who do not know the
    /// holders.
    fn on_delivered(&mut self, key: Key, from: NodeId, message: Message) {
        match message {
            Message::Put(item) if item.version.name().key() == key => self.on_put_here(from, item),
            Message::Fetch(name) if name.key() == key => self.on_fetch(from, name),
            Message::News { ticket, key: record, lifetime, delta } if record == key => {
                self.lead_news(from, ticket, key, lifetime, delta);
            }
            _ => self.misbehaved(from, "routed what does not belong to the key"),
        }
    }

    fn on_ready(&mut self, ready: bool) {
        if ready != self.ready {
            self.ready = ready;
            self.place_anew();
        }
    }

    fn on_peer_gone(&mut self, peer: NodeId) {
        self.place.forget(peer);
        self.fetches.forget(peer, self.now);
        self.news_without(peer);
        self.place_anew();
    }

    fn on_timeout(&mut self) {
        self.check_due();
        self.repeat_puts();
        self.repeat_fetches();
        self.repeat_news();
    }

    /// What follows from the state, whatever changed it.
    fn settle(&mut self) {
        self.start_fetches();
        self.review_leave();
        self.send_mail();
    }

    /// A lifetime as it is granted, counted from now.
    fn expiry(&self, lifetime: Duration) -> Time {
        self.now + lifetime.min(self.config.lifetime_max)
    }

    fn send(&mut self, to: NodeId, message: Message) {
        self.outputs.push_back(Output::Send { to, class: message.class(), message });
    }

    fn route(&mut self, key: Key, target: Target, message: Message) {
        self.outputs.push_back(Output::Route { key, target, message });
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn misbehaved(&mut self, peer: NodeId, why: &'static str) {
        self.counters.misbehaved += 1;
        self.event(Event::Misbehaved { peer, why });
    }
}
