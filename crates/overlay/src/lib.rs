//! Pastry: leaf set, routing table, neighbourhood set, join, repair, liveness, link budget.
//!
//! The machine routes opaque bodies to keys over linked peers and keeps the tables that make
//! routes short. It does not know what a body says, how a link is built or how a sender is proved:
//! whatever it receives is authenticated, over a link or by a seal, before it arrives here.
//!
//! This file holds the machine's four functions and the dispatch; each conversation has its own
//! file. `route` carries messages, `hop` chooses their way, `spread` chooses many, and `replica` one
//! to whoever of several is near; `seek` finds an entrance near by and `join` enters the ring;
//! `survey` makes the tables near; `heartbeat` and `liveness` notice who is gone and `death` draws
//! the consequences; `repair`, `sharing` and `hearsay` keep the tables full; `unity` looks for
//! another ring; `budget` and `admission` spend the link budget.
//!
//! The rules a reader could break:
//! - A contact enters a table after it spoke itself, and leaves it after this node's own probes
//!   failed or its own goodbye. Hearsay starts probes and nothing else.
//! - Tables hold contacts, routes use links. `Route`, `RouteAck` and `Join` go to linked peers
//!   only; everything else can be said to any contact.
//! - A message is delivered by a ready node that knows nobody closer to the key and holds its
//!   neighbour's lease on it.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod admission;
mod budget;
mod candidates;
mod config;
mod custody;
mod datagram;
mod death;
mod density;
mod face;
mod health;
mod hearsay;
mod heartbeat;
mod hop;
mod inspect;
mod join;
mod leaf_set;
mod lease;
mod links;
mod liveness;
mod message_map;
mod met;
mod neighbourhood;
mod peers;
mod recent;
mod repair;
mod replica;
mod retries;
mod route;
mod routing_table;
mod seek;
mod sharing;
mod spread;
mod stats;
mod survey;
mod tuning;
mod unity;
mod watch;

use alloc::collections::VecDeque;

use base::{Duration, NodeId, Rng, Time};
use wire::overlay::{Contact, Message};

pub use config::{Config, Reach};
pub use face::{Event, GoneReason, Input, Output, Wake};
pub use hop::NextHop;
pub use stats::Stats;

use candidates::Candidates;
use custody::Routes;
use health::Health;
use join::Join;
use leaf_set::LeafSet;
use lease::Withheld;
use links::Links;
use neighbourhood::Neighbourhood;
use peers::Peers;
use repair::Repair;
use routing_table::RoutingTable;
use survey::Survey;
use tuning::Tuning;
use unity::Unity;
use watch::Watch;

/// Places for outputs that a node keeps when nothing is waiting. The end of a join says something to
/// everybody at once; what that took is given back.
const OUTPUTS_KEPT: usize = 16;

/// One node of the overlay.
#[derive(Debug)]
pub struct Overlay {
    config: Config,
    me: Contact,
    rng: Rng,
    now: Time,
    /// Whether this node answers for its keys.
    ready: bool,
    /// Whether jobs are under way at this node.
    busy: bool,
    /// Whether it said goodbye; it takes no further part.
    left: bool,
    /// An attempt to enter a ring, or to make sure of still being in it.
    join: Option<Join>,
    leaf: LeafSet,
    table: RoutingTable,
    near: Neighbourhood,
    peers: Peers,
    links: Links,
    watch: Watch,
    withheld: Withheld,
    tuning: Tuning,
    health: Health,
    unity: Unity,
    repair: Repair,
    candidates: Candidates,
    survey: Survey,
    routes: Routes,
    /// What `settle` must look at before `handle` returns.
    stale: Stale,
    due: Option<(Time, Wake)>,
    /// The same without the messages in custody.
    due_besides: Option<(Time, Wake)>,
    outputs: VecDeque<Output>,
    stats: Stats,
}

/// What changed during one `handle`.
#[derive(Clone, Copy, Debug, Default)]
struct Stale {
    /// The leaf set: tell the driver.
    leaf: bool,
    /// Something that may give a waiting message a way.
    ways: bool,
    /// Something that may call for another link.
    links: bool,
    /// Anything that has a deadline, but for messages in custody: those are passed on so often that
    /// it counts what is looked at besides.
    deadlines: bool,
}

impl Overlay {
    /// A node outside any ring. Nothing happens before the first input.
    #[must_use]
    pub fn new(config: Config, me: Contact, seed: u64, now: Time) -> Self {
        let mut rng = Rng::new(seed);
        let first_beat = now + random_part(&mut rng, config.heartbeat);
        let leaf = LeafSet::new(me.id, config.leaf_half);
        Overlay {
            config,
            me,
            now,
            ready: false,
            left: false,
            join: None,
            links: Links::new(config.links_max, leaf.half()),
            leaf,
            table: RoutingTable::new(me.id, config.digits, config.gain()),
            near: Neighbourhood::default(),
            peers: Peers::default(),
            watch: Watch::default(),
            withheld: Withheld::default(),
            tuning: Tuning::new(now),
            health: Health::default(),
            unity: Unity::new(first_beat),
            busy: false,
            repair: Repair::new(first_beat),
            candidates: Candidates::default(),
            survey: Survey::new(),
            routes: Routes::new(rng.next_u64(), now),
            stale: Stale::default(),
            due: None,
            due_besides: None,
            outputs: VecDeque::new(),
            stats: Stats::default(),
            rng,
        }
    }

    /// Takes in one input. Drain [`Overlay::poll_output`] before the next.
    pub fn handle(&mut self, now: Time, input: Input) {
        let slept = now.since(self.now);
        self.now = self.now.max(now);
        let is_late = self.health.note_turn(now, self.due.map(|(due, _)| due));
        // After a hold-up others' answers wait behind this input; the timeout comes behind them.
        let judges = !is_late || matches!(input, Input::Timeout);
        self.stale.deadlines = !is_on_its_way(&input);
        if self.left {
            // Its sealed goodbyes come back signed; they go out while the links are open.
            if let Input::Route { key, target, via, class, body } = input {
                self.on_route_request(key, target, via, class, body);
            }
            return;
        }
        // Others may have declared this node dead, and what waited at the door is as old.
        if slept > self.unnoticed_stop() {
            self.stale.deadlines = true;
            self.on_thaw();
        }
        match input {
            Input::LinkUp { peer } => self.on_link_up(peer),
            Input::LinkDown { peer } => self.on_link_down(peer),
            Input::Visitor { peer } => self.on_visitor(peer),
            Input::DialFailed { peer } => self.on_dial_failed(peer),
            Input::Received { from, via, message } => self.on_received(from, via, message),
            Input::Route { key, target, via, class, body } => {
                self.on_route_request(key, target, via, class, body);
            }
            Input::Spread { key, class, body } => self.on_spread_request(key, class, body),
            Input::Prefer { peer } => self.on_prefer(peer),
            Input::Unprefer { peer } => self.on_unprefer(peer),
            Input::Doubt { peer } => self.suspect(peer),
            Input::Busy(busy) => self.on_busy(busy),
            Input::Found => self.on_found(),
            Input::Join { through } => self.on_join_request(through),
            Input::Leave => self.on_leave(),
            Input::Timeout => {}
        }
        if judges {
            self.on_deadlines();
        }
        self.settle();
    }

    /// What the driver must do or learn, in order; `None` when it has been told everything.
    pub fn poll_output(&mut self) -> Option<Output> {
        let next = self.outputs.pop_front();
        if next.is_none() && self.outputs.capacity() > OUTPUTS_KEPT {
            self.outputs = VecDeque::new();
        }
        next
    }

    /// When to call `handle` with [`Input::Timeout`] at the latest, and why. Poll after `handle`.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        self.due
    }

    fn on_received(&mut self, from: Contact, via: Option<NodeId>, message: Message) {
        if !self.hear(from, via) {
            return;
        }
        match message {
            Message::Route(routed) => self.on_route(from.id, routed),
            Message::RouteAck(id) => self.on_route_ack(from.id, id),
            Message::Join { joiner, attempt, via, hops, rows } => {
                self.on_join(from.id, join::Newcomer { joiner, attempt, via, hops, rows });
            }
            Message::JoinReply { attempt, rows, leaf, session } => {
                self.on_join_reply(from, attempt, rows, leaf, session);
            }
            Message::JoinRefused { attempt } => self.on_join_refused(attempt),
            Message::Probe { token, leaf } => self.on_probe(from, via, token, &leaf),
            Message::ProbeReply { token, leaf } => self.on_probe_reply(from, via, token, &leaf),
            Message::Ping { token } => self.on_ping(from, via, token),
            Message::Pong { token, ready } => self.on_pong(from, via, token, ready),
            Message::Measured { rtt } => self.on_measured(from, rtt),
            Message::StateRequest { rtt } => self.on_state_request(from, rtt),
            Message::State { rtt, entries, near } => {
                self.on_state(from, rtt, &entries, &near);
            }
            Message::Heartbeat(beat) => self.on_heartbeat(from.id, beat),
            Message::LeafSet(leaf) => self.on_leaf_set(from, &leaf),
            Message::RowRequest { row } => self.on_row_request(from.id, row),
            Message::Row { row, entries } => self.on_row(from.id, row, &entries),
            Message::Suspect { contact, leaf } => self.on_suspect(from, contact, &leaf),
            Message::LinkRequest { permit } => self.on_link_request(from, permit),
            Message::LinkGrant { permit } => self.on_link_grant(from.id, permit),
            Message::LinkRefuse { permit, reason } => self.on_link_refuse(from.id, permit, reason),
            Message::Leaving(leaf) => self.on_leaving(from, &leaf),
        }
    }

    fn on_deadlines(&mut self) {
        if self.due.is_some_and(|(due, _)| due > self.now) {
            return;
        }
        self.stale.deadlines = true;
        self.on_probes_due();
        self.on_withheld_due();
        self.on_neighbours_due();
        self.on_join_due();
        self.on_links_due();
        self.on_routes_due();
        self.on_survey_due();
        if self.repair.next_beat <= self.now {
            self.on_beat();
        }
    }

    /// Draws the consequences of one input.
    fn settle(&mut self) {
        if self.left {
            self.due = None;
            return;
        }
        let Stale { leaf, ways, links, deadlines } = self.stale;
        if !(leaf || ways || links || deadlines) {
            return self.set_due();
        }
        self.advance_survey();
        self.probe_candidates();
        self.advance_seek();
        self.check_isolation();
        self.check_join();
        if core::mem::take(&mut self.stale.leaf) {
            self.event(Event::NeighboursChanged);
            self.stale.ways = true;
            self.stale.links = true;
        }
        if core::mem::take(&mut self.stale.links) {
            self.fill_links();
        }
        if core::mem::take(&mut self.stale.ways) {
            self.event(Event::WaysChanged);
            self.retry_waiting();
        }
        self.due_besides = Some(self.next_due_besides());
        self.set_due();
    }

    fn set_due(&mut self) {
        let routes = self.routes.next_due().map(|due| (due, Wake::Deadline));
        let both = [self.due_besides, routes].into_iter().flatten();
        self.due = both.min_by_key(|(due, _)| *due);
    }

    /// The next deadline of all but the messages in custody.
    fn next_due_besides(&self) -> (Time, Wake) {
        let beat = (self.repair.next_beat, Wake::Maintenance);
        let neighbours = self.neighbours_due().map(|due| (due, Wake::Heartbeat));
        let deadlines = [
            self.watch.next_due(),
            self.join.as_ref().map(|join| join.due),
            self.links.next_due(),
            self.survey.next_due(),
            self.withheld.next_due(),
        ];
        let deadline = deadlines.into_iter().flatten().min().map(|due| (due, Wake::Deadline));
        let rest = [neighbours, deadline].into_iter().flatten();
        rest.fold(beat, |first, other| if other.0 < first.0 { other } else { first })
    }

    /// Says `message` to any contact, over its link or the best known way.
    fn send(&mut self, to: NodeId, message: Message) {
        let direct = self.is_direct() || self.links.is_open(to);
        let via = if direct { None } else { self.peers.via(self.now, to) };
        self.send_by(to, via.filter(|via| *via != self.me.id), message);
    }

    fn send_by(&mut self, to: NodeId, via: Option<NodeId>, message: Message) {
        if to == self.me.id {
            return;
        }
        self.stats.sent += 1;
        self.outputs.push_back(Output::Send { to, via, message });
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn misbehaved(&mut self, peer: NodeId, why: &'static str) {
        self.event(Event::Misbehaved { peer, why });
    }

    /// Whether anybody can be sent to, linked or not.
    fn is_direct(&self) -> bool {
        self.config.reach == Reach::Direct
    }
}

/// Whether the input is a message on its way through, or the word that the next hop has it.
fn is_on_its_way(input: &Input) -> bool {
    matches!(input, Input::Received { message: Message::Route(_) | Message::RouteAck(_), .. })
}

/// A random part of `span`, so that nodes that started together do not act together.
fn random_part(rng: &mut Rng, span: Duration) -> Duration {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rng.below(micros))
}
