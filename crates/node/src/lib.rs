//! Composition: sessions on links; overlay, groups, store and grid pumped together; the one machine
//! a driver sees.
//!
//! `node` carries the outputs of one machine to the inputs of another and turns messages into
//! chunks on links ([`session`]), or into sealed messages for peers without one ([`seal`]). It
//! does not know what a task computes, how a link is built, or what time it is.
//!
//! Driving contract: one [`Node::handle`], then [`Node::poll_output`] until `None`, then the next.
//! Call with [`Input::Timeout`] when [`Node::poll_timeout`] says so; early, late and repeated calls
//! do no harm.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod face;
mod inspect;
mod pump;
mod records;
mod seal;
mod session;
mod traffic;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{Duration, NodeId, Rng, SortedMap, Time};
use bytes::Bytes;
use grid::Grid;
use groups::Groups;
use overlay::Overlay;
use store::Store;
use wire::groups::WalkId;
use wire::overlay::Contact;
use wire::{Frame, Parcel};

pub use face::{Config, Event, Input, LinkId, Output, Wake};
pub use grid::{
    AuditId, AuditOrder, Event as GridEvent, Failure, JobListing, JobState, JobSummary, Measures,
    REVIEW_PLACES, SLOTS_MAX, Spans, Standing, Verdict, WorkId, WorkerSummary,
};
pub use inspect::{LinkView, Snapshot};
pub use overlay::GoneReason;
pub use session::WINDOW_BYTES;
pub use traffic::{Amount, Traffic};
pub use wire::Class;
pub use wire::grid::{Description, JobId, SignedDescription};
pub use wire::store::Name;

use pump::Wish;
use records::Records;
use seal::Sealer;
use session::{Refusal, Session};

/// How long the network keeps a job's record after its last change. Chosen: a picture can be looked
/// at the next morning.
const RECORD_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long it keeps a result: as long as the record that names it.
const RESULT_LIFETIME: Duration = RECORD_LIFETIME;

/// One peer of the network, whole.
#[derive(Debug)]
pub struct Node {
    config: Config,
    me: NodeId,
    rng: Rng,
    overlay: Overlay,
    groups: Groups,
    store: Store<Records>,
    grid: Grid,
    sealer: Sealer,
    /// Links that are open, by the driver's name. As many as the overlay's cap allows, plus the
    /// introductions under way; the driver opens none unasked.
    sessions: SortedMap<LinkId, Session>,
    /// The link of each peer whose session is established. Invariant: `sessions` holds it.
    links: SortedMap<NodeId, LinkId>,
    /// Peers to which a link is wished for, and by whom. As many as the grid and the trees name.
    wishes: SortedMap<NodeId, Wish>,
    /// Walks that wait for the grid's answer, by the name that it knows them under; and how many
    /// there have been.
    offers: SortedMap<u64, WalkId>,
    offered: u64,
    /// Cancellations that wait for a signature, by its token. The grid has one for a job at most.
    cancels: SortedMap<u64, JobId>,
    traffic: Traffic,
    farewell: Farewell,
    /// What the overlay was told of the grid.
    is_busy: bool,
    outputs: VecDeque<Output>,
}

/// How far the goodbye has come. What is sealed goes out before what ends a link: a neighbour that
/// heard the goodbye carries nothing more for this node.
#[derive(Debug)]
enum Farewell {
    /// Nobody asked for it.
    Unsaid,
    /// The grid and the groups have said it, and the store hands over.
    Store,
    /// The store has handed over; the overlay routes until all that is signed and on its way.
    Signing,
    /// The overlay has said it. Encoded frames for linked peers, which wait for what is sealed.
    Overlay(Vec<(LinkId, Vec<u8>)>),
    /// Everything is queued.
    Said,
}

impl Node {
    /// A node that knows nobody. `seed` must be unpredictable in a driver: permits and probe
    /// tokens are drawn from it.
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Time) -> Self {
        let mut rng = Rng::new(seed);
        let me = config.card.id();
        let contact = Contact { id: me, epoch: config.card.epoch };
        Node {
            me,
            overlay: Overlay::new(config.overlay, contact, rng.next_u64(), now),
            groups: Groups::new(config.groups, me, rng.next_u64(), now),
            store: Store::new(config.store, Records(config.network), me, rng.next_u64(), now),
            grid: Grid::new(config.grid, me, rng.next_u64(), now),
            sealer: Sealer::new(config.network, config.card),
            config,
            sessions: SortedMap::new(),
            links: SortedMap::new(),
            wishes: SortedMap::new(),
            offers: SortedMap::new(),
            offered: 0,
            cancels: SortedMap::new(),
            traffic: Traffic::default(),
            farewell: Farewell::Unsaid,
            is_busy: false,
            outputs: VecDeque::new(),
            rng,
        }
    }

    /// Who this node is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.me
    }

    /// The description of a job of this node, to be signed by the driver and given back with
    /// [`Input::Submit`]. `created` is the time, in microseconds since 1970; no two jobs
    /// of a node may have the same.
    #[must_use]
    pub fn describe(&self, created: u64, kind: u16, tasks: u32, params: Bytes) -> Description {
        Description { creator: self.config.card, created, kind, tasks, params }
    }

    /// The next thing to do. `None`: everything is done until the next input or deadline.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Timeout`] at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        let overlay = self.overlay.poll_timeout().map(|(at, why)| (at, Wake::Overlay(why)));
        let groups = self.groups.poll_timeout().map(|(at, why)| (at, Wake::Groups(why)));
        let store = self.store.poll_timeout().map(|(at, why)| (at, Wake::Store(why)));
        let grid = self.grid.poll_timeout().map(|(at, why)| (at, Wake::Grid(why)));
        let hello = self.sessions.values().filter_map(Session::hello_deadline).min();
        let hello = hello.map(|at| (at, Wake::Hello));
        let machines = [overlay, groups, store, grid, hello];
        machines.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Takes one input; drain [`Node::poll_output`] afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        debug_assert!(self.outputs.is_empty(), "drain poll_output before the next input");
        match input {
            Input::LinkUp { link, card } => self.on_link_up(now, link, card),
            Input::LinkDown(link) => self.on_link_down(now, link),
            Input::Received { link, class, chunk } => self.on_chunk(now, link, class, &chunk),
            Input::Drained { link, class, bytes } => self.on_drained(link, class, bytes),
            Input::Visitor(peer) => self.overlay.handle(now, overlay::Input::Visitor { peer }),
            Input::DialFailed(peer) => {
                self.overlay.handle(now, overlay::Input::DialFailed { peer });
            }
            Input::Signal { to, via, payload } => {
                self.seal_to_node(to, via, Class::Control, &Parcel::Signal(payload));
            }
            Input::Signed { token, signature } => self.on_signed(now, token, signature),
            Input::Found => self.overlay.handle(now, overlay::Input::Found),
            Input::Join { through } => self.overlay.handle(now, overlay::Input::Join { through }),
            Input::Submit(job) => self.grid.handle(now, grid::Input::Submit(job)),
            Input::Watch(job) => self.grid.handle(now, grid::Input::Watch(job)),
            Input::ListJobs => self.grid.handle(now, grid::Input::ListJobs),
            Input::Cancel(job) => self.grid.handle(now, grid::Input::Cancel(job)),
            Input::Appraised { job, verdict } => {
                self.grid.handle(now, grid::Input::Appraised { job, verdict });
            }
            Input::Computed { work, outcome } => {
                self.grid.handle(now, grid::Input::Computed { work, outcome });
            }
            Input::Audited { audit, verdict } => {
                self.grid.handle(now, grid::Input::Audited { audit, verdict });
            }
            Input::Loaded { name, value } => {
                self.store.handle(now, store::Input::Loaded { name, value });
            }
            Input::Restored { name, value, lifetime } => {
                self.store.handle(now, store::Input::Restored { name, value, lifetime });
            }
            Input::Slots(count) => self.grid.handle(now, grid::Input::Slots(count)),
            Input::Leave => self.on_leave(now),
            Input::Timeout => self.on_timeout(now),
        }
        self.pump(now);
        self.set_pace(now);
        self.go_on_leaving(now);
    }

    /// While jobs are under way, the overlay looks for failures at a quicker pace.
    fn set_pace(&mut self, now: Time) {
        let busy = self.grid.is_busy();
        if busy != self.is_busy {
            self.is_busy = busy;
            self.overlay.handle(now, overlay::Input::Busy(busy));
            self.pump(now);
        }
    }

    fn on_link_up(&mut self, now: Time, link: LinkId, card: base::Card) {
        let hello = Frame::Hello(self.hello());
        let mut session = Session::new(now, card);
        session.send(Class::Control, &hello.encode());
        self.sessions.insert(link, session);
        self.flush(link);
    }

    fn on_link_down(&mut self, now: Time, link: LinkId) {
        let Some(session) = self.sessions.remove(&link) else { return };
        let peer = session.peer();
        if self.links.get(&peer) == Some(&link) {
            self.links.remove(&peer);
            self.outputs.push_back(Output::Event(Event::Unlinked(peer)));
            self.overlay.handle(now, overlay::Input::LinkDown { peer });
            self.groups.handle(now, groups::Input::LinkDown { peer });
        } else {
            // It never said hello: to the overlay the attempt failed.
            self.overlay.handle(now, overlay::Input::DialFailed { peer });
        }
    }

    /// Ends a link for a reason of this side.
    pub(crate) fn break_link(&mut self, now: Time, link: LinkId, why: Option<&'static str>) {
        let Some(session) = self.sessions.get(&link) else { return };
        let peer = session.peer();
        if let Some(why) = why {
            self.outputs.push_back(Output::Event(Event::Misbehaved { peer, why }));
        }
        self.outputs.push_back(Output::HangUp(link));
        self.on_link_down(now, link);
    }

    fn on_chunk(&mut self, now: Time, link: LinkId, class: Class, chunk: &[u8]) {
        self.traffic.received(class, chunk.len());
        let Some(session) = self.sessions.get_mut(&link) else { return };
        match session.receive(class, chunk) {
            Ok(None) => {}
            Ok(Some(message)) => self.on_message(now, link, class, &message),
            Err(refusal) => self.on_refusal(now, link, refusal),
        }
    }

    fn on_refusal(&mut self, now: Time, link: LinkId, refusal: Refusal) {
        self.traffic.refused += 1;
        if refusal.is_final {
            self.break_link(now, link, Some(refusal.why));
        }
    }

    fn on_message(&mut self, now: Time, link: LinkId, class: Class, bytes: &[u8]) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        let frame = match Frame::decode(bytes) {
            Ok(frame) if frame.class() == class => frame,
            Ok(_) => {
                let refusal = session.mistake("frame on the wrong channel");
                return self.on_refusal(now, link, refusal);
            }
            Err(_) => {
                let refusal = session.mistake("malformed frame");
                return self.on_refusal(now, link, refusal);
            }
        };
        if !session.is_established() {
            return self.on_first_frame(now, link, frame);
        }
        let from = session.contact();
        match frame {
            Frame::Hello(_) => {
                let refusal = session.mistake("second hello");
                self.on_refusal(now, link, refusal);
            }
            Frame::Overlay(message) => {
                let input = overlay::Input::Received { from, via: None, message };
                self.overlay.handle(now, input);
            }
            Frame::Grid(message) => {
                self.grid.handle(now, grid::Input::Received { from: from.id, message });
            }
            Frame::Bye => self.break_link(now, link, None),
            Frame::Group(message) => {
                self.groups.handle(now, groups::Input::Received { from: from.id, message });
            }
            Frame::Store(message) => {
                self.store.handle(now, store::Input::Received { from: from.id, message });
            }
        }
    }

    fn on_first_frame(&mut self, now: Time, link: LinkId, frame: Frame) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        let peer = session.contact();
        let Frame::Hello(hello) = frame else {
            return self.break_link(now, link, Some("spoke before hello"));
        };
        if hello.version != base::PROTOCOL_VERSION || hello.epoch != peer.epoch {
            return self.break_link(now, link, Some("other protocol version or epoch"));
        }
        let held = session.establish();
        self.replace_older_link(now, peer);
        self.links.insert(peer.id, link);
        self.outputs.push_back(Output::Event(Event::Linked(peer.id)));
        self.overlay.handle(now, overlay::Input::LinkUp { peer });
        self.groups.handle(now, groups::Input::LinkUp { peer: peer.id });
        // Bulk may have overtaken the hello; its channel is another one.
        for message in held {
            self.on_message(now, link, Class::Bulk, &message);
        }
    }

    /// A peer has one link: the one that was established last.
    fn replace_older_link(&mut self, now: Time, peer: Contact) {
        if let Some(older) = self.links.get(&peer.id).copied() {
            self.outputs.push_back(Output::HangUp(older));
            self.on_link_down(now, older);
        }
    }

    fn on_drained(&mut self, link: LinkId, class: Class, bytes: u32) {
        if let Some(session) = self.sessions.get_mut(&link) {
            session.drained(class, bytes);
            self.flush(link);
        }
    }

    fn on_timeout(&mut self, now: Time) {
        let silent = |session: &Session| session.hello_deadline().is_some_and(|at| at <= now);
        while let Some(link) =
            self.sessions.iter().find(|(_, session)| silent(session)).map(|(link, _)| *link)
        {
            self.break_link(now, link, Some("no hello"));
        }
        self.overlay.handle(now, overlay::Input::Timeout);
        self.groups.handle(now, groups::Input::Timeout);
        self.store.handle(now, store::Input::Timeout);
        self.grid.handle(now, grid::Input::Timeout);
    }

    fn on_leave(&mut self, now: Time) {
        if matches!(self.farewell, Farewell::Unsaid) {
            self.farewell = Farewell::Store;
            self.grid.handle(now, grid::Input::Leave);
            // What the grid has to tell its groups goes out before their trees are left.
            self.pump(now);
            self.groups.handle(now, groups::Input::Shutdown);
            self.store.handle(now, store::Input::Leave);
        }
    }

    pub(crate) fn on_handed_over(&mut self) {
        if matches!(self.farewell, Farewell::Store) {
            self.farewell = Farewell::Signing;
        }
    }

    /// The next step of the goodbye, once nothing waits for a signature any more.
    fn go_on_leaving(&mut self, now: Time) {
        if matches!(self.farewell, Farewell::Signing) && !self.sealer.is_waiting() {
            self.farewell = Farewell::Overlay(Vec::new());
            self.overlay.handle(now, overlay::Input::Leave);
            self.pump(now);
        }
        if self.sealer.is_waiting() {
            return;
        }
        let Farewell::Overlay(frames) = &mut self.farewell else { return };
        let mut frames = core::mem::take(frames);
        self.farewell = Farewell::Said;
        let bye = Frame::Bye.encode();
        frames.extend(self.links.values().map(|link| (*link, bye.clone())));
        for (link, frame) in frames {
            self.send_frame(now, link, Class::Control, &frame);
        }
        self.outputs.push_back(Output::Left);
    }
}
