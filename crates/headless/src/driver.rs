//! The heart: one loop that waits for something, tells it to a machine, and carries out what the
//! machines ask for until all of them are quiet.
//!
//! Three machines live here: [`Entry`] (the server), [`Negotiator`] (a peer, before there is a
//! link), [`Node`] (everything else). Each is handed one input and drained before the next; what
//! comes out goes through one queue, so it is carried out in the order in which it was asked for.

use std::collections::{BTreeSet, VecDeque};

use anyhow::Context as _;
use base::{Card, Duration, NodeId, Time};
use node::{Config, JobId, LinkId, Node};
use signal::entry::{self, Entry};
use signal::negotiation::{self, Attempt, Negotiator, Path};

use crate::clock::Clock;
use crate::disk::Identity;
use crate::link;
use crate::links::Links;
use crate::pool::{Done, Pool};
use crate::socket::{self, Socket, socket_url};
use crate::workload;

/// The goodbyes and the flushing of all links take at most this long (hostile.md C2).
const LEAVE_MAX: Duration = Duration::from_secs(4);

/// What a driver is started with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `http://` URL.
    pub(crate) server: String,
    /// Tasks at once; 0 computes nothing for anybody.
    pub(crate) threads: u16,
    /// Links at most.
    pub(crate) links_max: u16,
}

/// What a command may want to know.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// The server knows this peer.
    Welcome { id: NodeId, peers: u32 },
    /// The server is out of reach. `ever`: it was reached before.
    Unreachable { reason: String, retry: Duration, ever: bool },
    /// The server refuses this peer for good.
    Refused(String),
    /// No link came about.
    DialFailed { peer: NodeId, reason: String },
    /// From the node.
    Event(node::Event),
    /// The goodbyes are said; nothing follows.
    Left,
}

/// Something to carry out.
#[derive(Debug)]
enum Step {
    Entry(entry::Output),
    Negotiator(negotiation::Output),
    Node(node::Output),
    Link(Attempt, link::Event),
}

/// What the loop waited for.
#[derive(Debug)]
enum Arrival {
    Datagrams(usize),
    Server(socket::Event),
    Computed(Done),
    Deadline,
}

/// One peer, driven.
pub(crate) struct Driver {
    settings: Settings,
    clock: Clock,
    now: Time,
    identity: Identity,
    entry: Entry,
    /// Both exist once the server vouched for this peer.
    negotiator: Option<Negotiator>,
    node: Option<Node>,
    socket: Socket,
    links: Links,
    pool: Pool,
    /// Links that the node knows.
    established: BTreeSet<Attempt>,
    /// Peers that the server named and that were not dialled yet.
    anchors: VecDeque<NodeId>,
    /// Whose ring to join once the link with it is up.
    join_through: Option<NodeId>,
    standing: (u32, bool),
    welcomed: bool,
    leaving: Option<Time>,
    todo: VecDeque<Step>,
    notices: VecDeque<Notice>,
}

impl Driver {
    /// Starts to connect. Must be called within a tokio runtime.
    pub(crate) fn start(settings: Settings, identity: Identity) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let now = clock.now();
        let config = entry::Config {
            public_key: identity.secret.public(),
            epoch: identity.epoch,
            voucher: identity.voucher,
            native: true,
        };
        let mut driver = Driver {
            socket: Socket::new(socket_url(&settings.server)?),
            links: Links::new(clock, seed()?).context("no UDP socket can be opened")?,
            pool: Pool::start(settings.threads).context("no thread can be started")?,
            entry: Entry::new(config, seed()?, now),
            settings,
            clock,
            now,
            identity,
            negotiator: None,
            node: None,
            established: BTreeSet::new(),
            anchors: VecDeque::new(),
            join_through: None,
            standing: (0, false),
            welcomed: false,
            leaving: None,
            todo: VecDeque::new(),
            notices: VecDeque::new(),
        };
        for address in driver.links.addresses() {
            tracing::debug!(%address, "listening");
        }
        driver.drain_entry();
        driver.settle();
        Ok(driver)
    }

    /// Runs until something is worth telling. Cancel-safe: nothing is lost between two calls.
    pub(crate) async fn next(&mut self) -> Notice {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return notice;
            }
            let arrival = self.wait().await;
            self.now = self.clock.now();
            match arrival {
                Arrival::Datagrams(port) => self.links.receive(self.now, port),
                Arrival::Server(event) => self.on_server(event),
                Arrival::Computed(Done { work, outcome }) => {
                    self.tell_node(node::Input::Computed { work, outcome });
                }
                Arrival::Deadline => {}
            }
            self.on_deadlines();
            self.settle();
        }
    }

    /// The node, once the server vouched for it.
    pub(crate) fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// Seconds since the start.
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Owns a job that computes this picture. Its parameters were checked.
    pub(crate) fn submit(&mut self, params: Vec<u8>, tasks: u32) -> anyhow::Result<JobId> {
        let node = self.node.as_ref().context("not a member of a network yet")?;
        let description = node.describe(seed()?, workload::KIND, tasks, params.into());
        let signature = self.identity.secret.sign(&description.signing_bytes());
        let job = description.job();
        self.command(node::Input::Submit(node::SignedDescription { description, signature }));
        Ok(job)
    }

    /// Ends an own job.
    pub(crate) fn cancel(&mut self, job: JobId) {
        self.command(node::Input::Cancel(job));
    }

    /// Hands everything back and says goodbye; [`Notice::Left`] follows within some seconds.
    pub(crate) fn leave(&mut self) {
        if self.leaving.is_some() {
            return;
        }
        self.now = self.clock.now();
        self.leaving = Some(self.now + LEAVE_MAX);
        self.tell_entry(entry::Input::Leave);
        self.command(node::Input::Leave);
    }

    fn command(&mut self, input: node::Input) {
        self.now = self.clock.now();
        self.tell_node(input);
        self.settle();
    }

    async fn wait(&mut self) -> Arrival {
        let pause = self.deadline().map(|at| at.since(self.clock.now()));
        // `sleep` counts milliseconds; a pause without end is a day.
        let pause = pause.unwrap_or(Duration::from_secs(86_400));
        tokio::select! {
            port = self.links.readable() => Arrival::Datagrams(port),
            event = self.socket.event() => Arrival::Server(event),
            done = self.pool.done() => Arrival::Computed(done),
            () = tokio::time::sleep(pause) => Arrival::Deadline,
        }
    }

    fn deadline(&self) -> Option<Time> {
        let machines = [
            self.entry.poll_timeout().map(|(at, _)| at),
            self.negotiator.as_ref().and_then(|n| n.poll_timeout()).map(|(at, _)| at),
            self.node.as_ref().and_then(|n| n.poll_timeout()).map(|(at, _)| at),
        ];
        machines.into_iter().chain([self.links.deadline(), self.leaving]).flatten().min()
    }

    fn on_deadlines(&mut self) {
        let now = self.now;
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        if is_due(self.links.deadline()) {
            self.links.on_timeout(now);
        }
        if is_due(self.entry.poll_timeout().map(|(at, _)| at)) {
            self.tell_entry(entry::Input::Timeout);
        }
        if is_due(self.negotiator.as_ref().and_then(|n| n.poll_timeout()).map(|(at, _)| at)) {
            self.tell_negotiator(negotiation::Input::Timeout);
        }
        if is_due(self.node.as_ref().and_then(|n| n.poll_timeout()).map(|(at, _)| at)) {
            self.tell_node(node::Input::Timeout);
        }
    }

    /// Carries out what is asked for until nothing is.
    fn settle(&mut self) {
        loop {
            if let Some(step) = self.todo.pop_front() {
                self.carry_out(step);
            } else if let Some((attempt, event)) = self.links.poll_event() {
                self.todo.push_back(Step::Link(attempt, event));
            } else if !self.report_standing() {
                break;
            }
        }
        if let Some(at) = self.leaving
            && (self.links.is_empty() || at <= self.now)
        {
            self.leaving = None;
            self.notices.push_back(Notice::Left);
        }
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Entry(output) => self.on_entry(output),
            Step::Negotiator(output) => self.on_negotiator(output),
            Step::Node(output) => self.on_node(output),
            Step::Link(attempt, event) => self.on_link(attempt, event),
        }
    }

    fn on_entry(&mut self, output: entry::Output) {
        use entry::Output;
        match output {
            Output::Connect => self.socket.connect(),
            Output::Disconnect => self.socket.disconnect(),
            Output::Send(message) => {
                if !self.socket.send(message) {
                    self.socket.disconnect();
                    self.tell_entry(entry::Input::Closed("the server does not keep up".into()));
                }
            }
            Output::Sign(bytes) => {
                let signature = self.identity.secret.sign(&bytes);
                self.tell_entry(entry::Input::Signed(signature));
            }
            Output::Welcome { card, ice_servers, peers } => {
                tracing::debug!(count = ice_servers.len(), "ICE servers named");
                self.on_welcome(card, peers);
            }
            Output::Introduced(anchors) => {
                self.anchors = anchors.into_iter().collect();
                self.dial_anchor();
            }
            Output::Visitor(peer) => {
                self.tell_negotiator(negotiation::Input::Expect { peer, permit: 0 });
            }
            Output::Alone => self.tell_node(node::Input::Found),
            Output::Signal { from, payload } => {
                let path = Path::Server;
                self.tell_negotiator(negotiation::Input::Received { from, path, payload });
            }
            Output::Absent(peer) => {
                self.tell_negotiator(negotiation::Input::Unreachable { peer });
            }
            Output::Unreachable { reason, retry } => {
                let ever = self.welcomed;
                self.notices.push_back(Notice::Unreachable { reason, retry, ever });
            }
            Output::Refused(reason) => self.notices.push_back(Notice::Refused(reason)),
        }
    }

    fn on_negotiator(&mut self, output: negotiation::Output) {
        use negotiation::Output;
        match output {
            Output::CreateOffer(attempt) => self.links.offer(self.now, attempt),
            Output::CreateAnswer { attempt, sdp } => self.links.answer(self.now, attempt, &sdp),
            Output::ApplyAnswer { attempt, sdp } => self.links.accept(attempt, &sdp),
            Output::Close(attempt) => self.links.close(attempt),
            Output::Sign { attempt, bytes } => {
                let signature = self.identity.secret.sign(&bytes);
                self.tell_negotiator(negotiation::Input::Signed { attempt, signature });
            }
            Output::Send { to, path: Path::Server, payload } => {
                self.tell_entry(entry::Input::Signal { to, payload });
            }
            Output::Send { to, path: Path::Overlay { via }, payload } => {
                self.tell_node(node::Input::Signal { to, via, payload });
            }
            Output::Established { attempt, card, introduced } => {
                self.established.insert(attempt);
                if introduced {
                    self.anchors.clear();
                    self.join_through = Some(card.id());
                }
                self.tell_node(node::Input::LinkUp { link: LinkId(attempt.0), card });
            }
            Output::Failed { peer, reason, introduced: true } => {
                self.notices.push_back(Notice::DialFailed { peer, reason });
                self.dial_anchor();
            }
            Output::Failed { peer, reason, introduced: false } => {
                self.notices.push_back(Notice::DialFailed { peer, reason });
                self.tell_node(node::Input::DialFailed(peer));
            }
        }
    }

    fn on_node(&mut self, output: node::Output) {
        use node::Output;
        match output {
            Output::Send { link, class, chunk } => {
                self.links.send(Attempt(link.0), class, chunk);
            }
            Output::HangUp(link) => {
                self.established.remove(&Attempt(link.0));
                self.links.finish(self.now, Attempt(link.0));
            }
            Output::Dial { peer, permit, via } => {
                let path = Path::Overlay { via };
                self.tell_negotiator(negotiation::Input::Dial { peer, permit, path });
            }
            Output::Expect { peer, permit } => {
                self.tell_negotiator(negotiation::Input::Expect { peer, permit });
            }
            Output::Signal { from, via, payload } => {
                let path = Path::Overlay { via };
                self.tell_negotiator(negotiation::Input::Received { from, path, payload });
            }
            Output::Sign { token, bytes } => {
                let signature = self.identity.secret.sign(&bytes);
                self.tell_node(node::Input::Signed { token, signature });
            }
            Output::Appraise { job, kind, params, tasks } => {
                let verdict = workload::appraise(kind, &params, tasks).map(|_| ());
                self.tell_node(node::Input::Appraised { job, verdict });
            }
            Output::Compute { work, task, kind, params, .. } => {
                self.pool.compute(work, task, kind, params);
            }
            Output::Abandon(work) => self.pool.abandon(work),
            Output::Event(event) => self.on_event(event),
            Output::Left => self.links.finish_all(self.now),
        }
    }

    fn on_link(&mut self, attempt: Attempt, event: link::Event) {
        use link::Event;
        let link = LinkId(attempt.0);
        match event {
            Event::Described(sdp) => {
                self.tell_negotiator(negotiation::Input::Described { attempt, sdp });
            }
            Event::Opened => self.tell_negotiator(negotiation::Input::Opened(attempt)),
            Event::Received(class, chunk) => {
                self.tell_node(node::Input::Received { link, class, chunk });
            }
            Event::Drained(class, bytes) => {
                self.tell_node(node::Input::Drained { link, class, bytes });
            }
            Event::Broken(reason) if self.established.remove(&attempt) => {
                tracing::debug!(%reason, "link down");
                self.tell_node(node::Input::LinkDown(link));
            }
            Event::Broken(reason) => {
                self.tell_negotiator(negotiation::Input::Broken { attempt, reason });
            }
        }
    }

    fn on_event(&mut self, event: node::Event) {
        match &event {
            node::Event::Linked(peer) if self.join_through == Some(*peer) => {
                self.join_through = None;
                self.tell_node(node::Input::Join { through: *peer });
            }
            node::Event::JoinFailed => self.tell_entry(entry::Input::Introduce),
            _ => {}
        }
        self.notices.push_back(Notice::Event(event));
    }

    fn on_server(&mut self, event: socket::Event) {
        self.tell_entry(match event {
            socket::Event::Opened => entry::Input::Opened,
            socket::Event::Closed(reason) => entry::Input::Closed(reason),
            socket::Event::Received(bytes) => entry::Input::Received(bytes),
        });
    }

    fn on_welcome(&mut self, card: Card, peers: u32) {
        self.welcomed = true;
        if let Err(error) = self.identity.keep(&self.settings.server, card.voucher) {
            tracing::warn!(%error, "the voucher could not be kept");
        }
        let id = card.id();
        if self.node.as_ref().is_none_or(|node| node.id() != id) {
            if let Err(error) = self.begin(card) {
                return self.notices.push_back(Notice::Refused(format!("{error:#}")));
            }
            self.tell_node(node::Input::Slots(self.settings.threads));
        }
        self.notices.push_back(Notice::Welcome { id, peers });
    }

    fn begin(&mut self, card: Card) -> anyhow::Result<()> {
        let network = card.voucher.introducer;
        let mut config = Config::new(network, card);
        config.overlay.links_max = self.settings.links_max;
        self.negotiator = Some(Negotiator::new(network, card, seed()?, self.now));
        self.node = Some(Node::new(config, seed()?, self.now));
        Ok(())
    }

    /// Meets the next peer that the server named, or asks for others.
    fn dial_anchor(&mut self) {
        match self.anchors.pop_front() {
            Some(peer) => {
                let path = Path::Server;
                self.tell_negotiator(negotiation::Input::Dial { peer, permit: 0, path });
            }
            None => self.tell_entry(entry::Input::Introduce),
        }
    }

    /// Tells the server machine how the node stands, if that changed.
    fn report_standing(&mut self) -> bool {
        let Some(node) = &self.node else { return false };
        let standing = (node.link_count(), node.is_ready());
        if self.standing == standing || self.leaving.is_some() {
            return false;
        }
        self.standing = standing;
        let (links, ready) = standing;
        self.tell_entry(entry::Input::Standing { links, ready });
        true
    }

    fn tell_entry(&mut self, input: entry::Input) {
        self.entry.handle(self.now, input);
        self.drain_entry();
    }

    fn drain_entry(&mut self) {
        while let Some(output) = self.entry.poll_output() {
            self.todo.push_back(Step::Entry(output));
        }
    }

    fn tell_negotiator(&mut self, input: negotiation::Input) {
        let Some(negotiator) = &mut self.negotiator else { return };
        negotiator.handle(self.now, input);
        while let Some(output) = negotiator.poll_output() {
            self.todo.push_back(Step::Negotiator(output));
        }
    }

    fn tell_node(&mut self, input: node::Input) {
        let Some(node) = &mut self.node else { return };
        node.handle(self.now, input);
        while let Some(output) = node.poll_output() {
            self.todo.push_back(Step::Node(output));
        }
    }
}

/// 64 bits that nobody can guess.
fn seed() -> anyhow::Result<u64> {
    getrandom::u64().context("the system's random source")
}

