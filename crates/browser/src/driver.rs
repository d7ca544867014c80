//! The loop: one happening in, every machine drained, one alarm set.
//!
//! Invariant: a machine's outputs are taken right after its `handle`, into one queue, and performed
//! in order; so no machine is entered while it still has something to say.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use base::{Card, NodeId, PublicKey, Rng, Signature, Time, Voucher, codec};
use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use node::{
    Config, Event, Failure, GridEvent, JobId, LinkId, Node, SignedDescription, WorkId,
};
use signal::entry::{self, Entry};
use signal::message::IceServer;
use signal::negotiation::{self, Attempt, Negotiator, Path};

use crate::host::{Host, Note, list};
use crate::link::Link;
use crate::mailbox::{Happening, Mailbox, Purpose};
use crate::page::Ask;
use crate::pool::{Errand, Pool};
use crate::report::{self, Pace, Server};
use crate::socket::Socket;
use crate::solo::{Solo, Stage};
use crate::timer::Timer;
use crate::workload::{KIND, Picture, ViewObject, catalogue};

/// Pictures of jobs that are remembered for their tiles' places: twice what a node keeps of jobs.
/// Beyond it the one with the lowest id is forgotten, and its tiles are not shown any more.
const PICTURES_MAX: usize = 32;

/// Something that a machine wants done.
enum Deed {
    Entry(entry::Output),
    Negotiator(negotiation::Output),
    Node(node::Output),
}

/// A member of a network, from the first welcome on.
struct Member {
    node: Node,
    negotiator: Negotiator,
    links: BTreeMap<Attempt, Link>,
    /// Peers that the server named and that were not tried yet.
    anchors: VecDeque<NodeId>,
    /// To be joined through once its link is established.
    gate: Option<NodeId>,
}

pub(crate) struct Driver {
    host: Rc<Host>,
    mailbox: Mailbox,
    timer: Timer,
    now: Time,
    rng: Rng,
    deeds: VecDeque<Deed>,
    pool: Pool,
    cores: u16,
    paused: bool,
    url: String,
    entry: Option<Entry>,
    socket: Option<Socket>,
    server: Server,
    ice_servers: Array,
    member: Option<Member>,
    /// What the server was last told of the node.
    standing: (u32, bool),
    solo: Option<Solo>,
    previews: BTreeMap<Rc<str>, Picture>,
    pictures: BTreeMap<JobId, Picture>,
    launches: u32,
    pace: Pace,
}

impl Driver {
    pub(crate) fn new(host: Rc<Host>, mailbox: Mailbox) -> Self {
        catalogue().post(&host);
        let timer = Timer::new(mailbox.clone());
        let mut seed = [0; 8];
        // The one read of the browser's randomness in this start.
        getrandom::fill(&mut seed).expect("a worker has a source of randomness");
        Driver {
            now: timer.now(),
            timer,
            rng: Rng::new(u64::from_le_bytes(seed)),
            deeds: VecDeque::new(),
            pool: Pool::new(Rc::clone(&host), mailbox.clone()),
            cores: 0,
            paused: false,
            url: String::new(),
            entry: None,
            socket: None,
            server: Server::Off,
            ice_servers: Array::new(),
            member: None,
            standing: (0, false),
            solo: None,
            previews: BTreeMap::new(),
            pictures: BTreeMap::new(),
            launches: 0,
            pace: Pace::default(),
            host,
            mailbox,
        }
    }

    /// One turn: what happened, everything that follows from it, and the next alarm.
    pub(crate) fn turn(&mut self, happening: Happening) {
        self.now = self.timer.now();
        self.pace.touch();
        self.take(happening);
        self.perform_all();
        self.tell_standing();
        self.perform_all();
        if self.pace.take(self.now) {
            self.report();
        }
        let at = self.deadline();
        self.timer.set(self.now, at);
    }

    fn perform_all(&mut self) {
        while let Some(deed) = self.deeds.pop_front() {
            match deed {
                Deed::Entry(output) => self.on_entry(output),
                Deed::Negotiator(output) => self.on_negotiator(output),
                Deed::Node(output) => self.on_node(output),
            }
        }
    }

    fn deadline(&self) -> Option<Time> {
        let entry = self.entry.as_ref().and_then(Entry::poll_timeout).map(|(at, _)| at);
        let member = self.member.as_ref();
        let negotiator = member.and_then(|member| member.negotiator.poll_timeout());
        let node = member.and_then(|member| member.node.poll_timeout());
        let machines = [entry, negotiator.map(|(at, _)| at), node.map(|(at, _)| at)];
        machines.into_iter().flatten().chain(self.pace.due()).min()
    }

    // What happened.

    fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Asked(ask) => self.on_ask(ask),
            Happening::Timer => self.on_timer(),
            Happening::SocketOpened => self.tell_entry(entry::Input::Opened),
            Happening::SocketClosed(reason) => {
                self.socket = None;
                self.tell_entry(entry::Input::Closed(reason));
            }
            Happening::SocketReceived(bytes) => {
                self.tell_entry(entry::Input::Received(bytes.into()));
            }
            Happening::ChannelOpened(attempt, class) => {
                let attempt = Attempt(attempt);
                let Some(link) = self.link(attempt) else { return };
                if link.opened(class) {
                    self.tell_negotiator(negotiation::Input::Opened(attempt));
                }
            }
            Happening::ChannelReceived(attempt, class, bytes) => {
                let attempt = Attempt(attempt);
                let Some(link) = self.link(attempt) else { return };
                match link.received(class, bytes) {
                    Ok(Some(bytes)) => self.tell_node(node::Input::Received {
                        link: LinkId(attempt.0),
                        class,
                        chunk: bytes.into(),
                    }),
                    Ok(None) => {}
                    Err(()) => self.lose_link(attempt, "the peer sent too much too early"),
                }
            }
            Happening::ChannelLow(attempt, class) => self.report_drained(Attempt(attempt), class),
            Happening::ChannelClosed(attempt) => {
                self.lose_link(Attempt(attempt), "the peer closed the connection");
            }
            Happening::Signed(purpose, outcome) => self.on_signed(purpose, outcome),
            Happening::WorkerAnswered(number, ticket, outcome) => {
                if let Some(errand) = self.pool.answered(number, ticket) {
                    self.on_computed(errand, outcome);
                }
            }
            Happening::WorkerBroke(number, reason) => {
                let errand = self.pool.broke(number);
                Note::new("event").with("what", "worker-broke").with("reason", reason.as_str())
                    .post(&self.host);
                if let Some(errand) = errand {
                    self.on_computed(errand, Err(reason));
                }
            }
        }
    }

    fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Join { url, public_key, epoch, voucher } => {
                self.join(url, public_key, epoch, voucher);
            }
            Ask::Leave if self.member.is_some() => self.tell_node(node::Input::Leave),
            Ask::Leave => self.part(),
            Ask::Cores { count, paused } => self.set_cores(count, paused),
            Ask::Launch(view) => self.launch(&view),
            Ask::Cancel(job) => self.cancel(&job),
            Ask::Preview { picture, view, urgent } => self.preview(&picture, &view, urgent),
            Ask::Forget(prefix) => {
                self.previews.retain(|picture, _| !picture.starts_with(&prefix));
                self.pool.abandon(|errand| match errand {
                    Errand::Preview { picture, .. } => picture.starts_with(&prefix),
                    _ => false,
                });
            }
            Ask::Retry => self.tell_entry(entry::Input::RetryNow),
            Ask::Channel { attempt, class, channel } => {
                let mailbox = self.mailbox.clone();
                let Some(member) = &mut self.member else { return };
                let link = member.links.entry(Attempt(attempt)).or_default();
                link.adopt(attempt, class, channel, &mailbox);
            }
            Ask::Described { attempt, sdp } => {
                self.tell_negotiator(negotiation::Input::Described { attempt: Attempt(attempt), sdp });
            }
            Ask::Broken { attempt, reason } => self.lose_link(Attempt(attempt), &reason),
        }
    }

    fn on_timer(&mut self) {
        self.timer.rang();
        let now = self.now;
        let due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        if due(self.entry.as_ref().and_then(Entry::poll_timeout).map(|(at, _)| at)) {
            self.tell_entry(entry::Input::Timeout);
        }
        let Some(member) = &self.member else { return };
        let negotiator = due(member.negotiator.poll_timeout().map(|(at, _)| at));
        let node = due(member.node.poll_timeout().map(|(at, _)| at));
        if negotiator {
            self.tell_negotiator(negotiation::Input::Timeout);
        }
        if node {
            self.tell_node(node::Input::Timeout);
        }
    }

    fn on_signed(&mut self, purpose: Purpose, outcome: Result<Signature, String>) {
        let signature = match outcome {
            Ok(signature) => signature,
            Err(reason) => {
                let note = Note::new("event").with("what", "no-signature");
                return note.with("reason", reason).post(&self.host);
            }
        };
        match purpose {
            Purpose::Login => self.tell_entry(entry::Input::Signed(signature)),
            Purpose::Attempt(attempt) => {
                self.tell_negotiator(negotiation::Input::Signed { attempt, signature });
            }
            Purpose::Node(token) => self.tell_node(node::Input::Signed { token, signature }),
            Purpose::Job(description) => {
                let job = description.job();
                if let Some(solo) = &mut self.solo
                    && solo.stage == Stage::Signing
                {
                    solo.stage = Stage::Given;
                    Note::new("renamed")
                        .with("from", solo.name.as_str())
                        .with("to", job.to_string())
                        .post(&self.host);
                    let description = *description;
                    self.tell_node(node::Input::Submit(SignedDescription { description, signature }));
                }
            }
        }
    }

    fn on_computed(&mut self, errand: Errand, outcome: Result<Vec<u8>, String>) {
        match errand {
            Errand::Grid(work) => {
                let outcome = outcome.map(Bytes::from).map_err(Failure::Failed);
                self.tell_node(node::Input::Computed { work, outcome });
            }
            Errand::Solo(task) => self.on_solo_computed(task, outcome),
            Errand::Preview { picture, task } => {
                let Some(preview) = self.previews.get(&picture) else { return };
                match outcome {
                    Ok(payload) => {
                        let note = Note::new("tile").with("picture", &*picture).with("worker", "");
                        preview.place(note, task).post_with_bytes(&self.host, "payload", &payload);
                    }
                    Err(reason) => refuse(&self.host, &picture, &reason),
                }
            }
        }
    }

    // Machines.

    fn tell_entry(&mut self, input: entry::Input) {
        let Some(entry) = &mut self.entry else { return };
        entry.handle(self.now, input);
        self.deeds.extend(std::iter::from_fn(|| entry.poll_output()).map(Deed::Entry));
    }

    fn tell_negotiator(&mut self, input: negotiation::Input) {
        let Some(Member { negotiator, .. }) = &mut self.member else { return };
        negotiator.handle(self.now, input);
        self.deeds.extend(std::iter::from_fn(|| negotiator.poll_output()).map(Deed::Negotiator));
    }

    fn tell_node(&mut self, input: node::Input) {
        let Some(Member { node, .. }) = &mut self.member else { return };
        node.handle(self.now, input);
        self.deeds.extend(std::iter::from_fn(|| node.poll_output()).map(Deed::Node));
    }

    fn tell_standing(&mut self) {
        let Some(Member { node, .. }) = &self.member else { return };
        let standing = (node.link_count(), node.is_ready());
        if standing != self.standing {
            self.standing = standing;
            let (links, ready) = standing;
            self.tell_entry(entry::Input::Standing { links, ready });
        }
    }

    fn on_entry(&mut self, output: entry::Output) {
        match output {
            entry::Output::Connect => {
                self.server = Server::Connecting;
                self.socket = Socket::open(&self.url, &self.mailbox);
            }
            entry::Output::Disconnect => self.socket = None,
            entry::Output::Send(bytes) => {
                if let Some(socket) = &self.socket {
                    socket.send(&bytes);
                }
            }
            entry::Output::Sign(bytes) => self.sign(Purpose::Login, &bytes),
            entry::Output::Welcome { card, ice_servers, .. } => self.on_welcome(card, &ice_servers),
            entry::Output::Introduced(anchors) => {
                let Some(member) = &mut self.member else { return };
                member.anchors = anchors.into_iter().collect();
                self.dial_next_anchor();
            }
            entry::Output::Visitor(peer) => {
                self.tell_negotiator(negotiation::Input::Expect { peer, permit: 0 });
            }
            entry::Output::Alone => self.tell_node(node::Input::Found),
            entry::Output::Signal { from, payload } => {
                let path = Path::Server;
                self.tell_negotiator(negotiation::Input::Received { from, path, payload });
            }
            entry::Output::Absent(peer) => {
                self.tell_negotiator(negotiation::Input::Unreachable { peer });
            }
            entry::Output::Unreachable { reason, retry } => {
                self.server = Server::Unreachable { reason, retry_at: self.now + retry };
            }
            entry::Output::Refused(reason) => self.server = Server::Refused(reason),
        }
    }

    fn on_negotiator(&mut self, output: negotiation::Output) {
        match output {
            negotiation::Output::CreateOffer(attempt) => self
                .note_of("offer", attempt)
                .with("iceServers", &self.ice_servers)
                .post(&self.host),
            negotiation::Output::CreateAnswer { attempt, sdp } => self
                .note_of("answer", attempt)
                .with("iceServers", &self.ice_servers)
                .with("sdp", sdp)
                .post(&self.host),
            negotiation::Output::ApplyAnswer { attempt, sdp } => {
                self.note_of("apply", attempt).with("sdp", sdp).post(&self.host);
            }
            negotiation::Output::Close(attempt) => self.close(attempt, false),
            negotiation::Output::Sign { attempt, bytes } => {
                self.sign(Purpose::Attempt(attempt), &bytes);
            }
            negotiation::Output::Send { to, path: Path::Server, payload } => {
                self.tell_entry(entry::Input::Signal { to, payload });
            }
            negotiation::Output::Send { to, path: Path::Overlay { via }, payload } => {
                self.tell_node(node::Input::Signal { to, via, payload });
            }
            negotiation::Output::Established { attempt, card, introduced } => {
                self.on_established(attempt, card, introduced);
            }
            negotiation::Output::Failed { peer, reason, introduced } => {
                let note = Note::new("event").with("what", "dial-failed");
                note.with("peer", peer.to_string()).with("reason", reason).post(&self.host);
                if introduced {
                    self.dial_next_anchor();
                } else {
                    self.tell_node(node::Input::DialFailed(peer));
                }
            }
        }
    }

    fn on_node(&mut self, output: node::Output) {
        match output {
            node::Output::Send { link, class, chunk } => {
                let attempt = Attempt(link.0);
                let Some(link) = self.link(attempt) else { return };
                match link.send(class, &chunk) {
                    Ok(()) => self.report_drained(attempt, class),
                    Err(()) => self.lose_link(attempt, "the channel is closed"),
                }
            }
            node::Output::HangUp(link) => self.close(Attempt(link.0), true),
            node::Output::Dial { peer, permit, via } => {
                let path = Path::Overlay { via };
                self.tell_negotiator(negotiation::Input::Dial { peer, permit, path });
            }
            node::Output::Expect { peer, permit } => {
                self.tell_negotiator(negotiation::Input::Expect { peer, permit });
            }
            node::Output::Signal { from, via, payload } => {
                let path = Path::Overlay { via };
                self.tell_negotiator(negotiation::Input::Received { from, path, payload });
            }
            node::Output::Sign { token, bytes } => self.sign(Purpose::Node(token), &bytes),
            node::Output::Appraise { job, kind, params, tasks } => {
                let verdict = Picture::from_job(kind, &params, tasks).map(drop);
                self.tell_node(node::Input::Appraised { job, verdict });
            }
            node::Output::Compute { work, task, params, .. } => self.compute(work, task, &params),
            node::Output::Abandon(work) => {
                self.pool.abandon(|errand| *errand == Errand::Grid(work));
            }
            node::Output::Event(event) => self.on_event(event),
            node::Output::Left => self.part(),
        }
    }

    fn on_event(&mut self, event: Event) {
        if let Some(note) = report::event_note(&event) {
            note.post(&self.host);
        }
        match event {
            Event::Ready => self.give_solo(),
            Event::JoinFailed => self.tell_entry(entry::Input::Introduce),
            Event::Linked(peer) => {
                let Some(member) = &mut self.member else { return };
                if let Some(through) = member.gate.take_if(|gate| *gate == peer) {
                    self.tell_node(node::Input::Join { through });
                }
            }
            Event::Grid(GridEvent::JobOpened { job, owner, kind, params, tasks }) => {
                self.on_job_opened(job, owner, kind, &params, tasks);
            }
            Event::Grid(GridEvent::TaskDone { job, task, worker, payload }) => {
                let Some(picture) = self.pictures.get(&job) else { return };
                let note = Note::new("tile")
                    .with("picture", job.to_string())
                    .with("worker", worker.to_string());
                picture.place(note, task).post_with_bytes(&self.host, "payload", &payload);
            }
            _ => {}
        }
    }

    // Entering and leaving.

    fn join(&mut self, url: String, public_key: PublicKey, epoch: u64, voucher: Option<Voucher>) {
        if self.entry.is_some() {
            return;
        }
        self.url = url;
        let config = entry::Config { public_key, epoch, voucher, native: false };
        let mut entry = Entry::new(config, self.rng.next_u64(), self.now);
        self.deeds.extend(std::iter::from_fn(|| entry.poll_output()).map(Deed::Entry));
        self.entry = Some(entry);
    }

    fn on_welcome(&mut self, card: Card, ice_servers: &[IceServer]) {
        self.server = Server::Connected;
        self.ice_servers = list(ice_servers.iter().map(ice_note));
        self.host.keep_voucher(Uint8Array::from(codec::encode(&card.voucher).as_slice()));
        if self.member.is_some() {
            return;
        }
        let network = card.voucher.introducer;
        let seed = self.rng.next_u64();
        self.member = Some(Member {
            node: Node::new(Config::new(network, card), seed, self.now),
            negotiator: Negotiator::new(network, card, self.rng.next_u64(), self.now),
            links: BTreeMap::new(),
            anchors: VecDeque::new(),
            gate: None,
        });
        self.tell_slots();
    }

    fn dial_next_anchor(&mut self) {
        let Some(member) = &mut self.member else { return };
        match member.anchors.pop_front() {
            Some(peer) => {
                let path = Path::Server;
                self.tell_negotiator(negotiation::Input::Dial { peer, permit: 0, path });
            }
            None => self.tell_entry(entry::Input::Introduce),
        }
    }

    fn on_established(&mut self, attempt: Attempt, card: Card, introduced: bool) {
        let Some(member) = &mut self.member else { return };
        let Some(link) = member.links.get_mut(&attempt) else { return };
        let early = link.bring_up();
        if introduced {
            member.gate = Some(card.id());
        }
        let link = LinkId(attempt.0);
        self.tell_node(node::Input::LinkUp { link, card });
        for (class, bytes) in early {
            self.tell_node(node::Input::Received { link, class, chunk: bytes.into() });
        }
    }

    /// The goodbyes are on the channels, or there was nobody to say goodbye to.
    fn part(&mut self) {
        self.tell_entry(entry::Input::Leave);
        let attempts: Vec<Attempt> =
            self.member.iter().flat_map(|member| member.links.keys().copied()).collect();
        for attempt in attempts {
            self.close(attempt, true);
        }
        self.member = None;
        self.server = Server::Off;
        Note::new("left").post(&self.host);
    }

    // Links.

    fn link(&mut self, attempt: Attempt) -> Option<&mut Link> {
        self.member.as_mut()?.links.get_mut(&attempt)
    }

    fn report_drained(&mut self, attempt: Attempt, class: node::Class) {
        let bytes = self.link(attempt).map_or(0, |link| link.drained(class));
        if bytes > 0 {
            self.tell_node(node::Input::Drained { link: LinkId(attempt.0), class, bytes });
        }
    }

    /// A link or an attempt ended without this side's doing.
    fn lose_link(&mut self, attempt: Attempt, reason: &str) {
        let Some(member) = &mut self.member else { return };
        let was_up = member.links.get(&attempt).is_some_and(Link::is_up);
        if !was_up {
            // The negotiator closes it in turn, if it knows of it.
            let reason = reason.to_owned();
            return self.tell_negotiator(negotiation::Input::Broken { attempt, reason });
        }
        self.close(attempt, false);
        self.tell_node(node::Input::LinkDown(LinkId(attempt.0)));
        // Whoever was to let this node in has gone: another introduction.
        if let Some(member) = &mut self.member
            && member.gate.take().is_some()
        {
            self.tell_entry(entry::Input::Introduce);
        }
    }

    /// Releases a link; `after_sending` gives what it holds a second to leave.
    fn close(&mut self, attempt: Attempt, after_sending: bool) {
        let link = self.member.as_mut().and_then(|member| member.links.remove(&attempt));
        if let Some(link) = link
            && after_sending
        {
            link.close_after_sending();
        }
        self.note_of("close", attempt).with("afterSending", after_sending).post(&self.host);
    }

    fn note_of(&self, kind: &str, attempt: Attempt) -> Note {
        #[expect(clippy::cast_precision_loss, reason = "attempts stay below 2⁵³")]
        Note::new(kind).with("attempt", attempt.0 as f64)
    }

    fn sign(&self, purpose: Purpose, bytes: &[u8]) {
        self.host.start_signing(self.mailbox.clone(), purpose, bytes);
    }

    // Work.

    fn set_cores(&mut self, count: u16, paused: bool) {
        let resumed = self.paused && !paused;
        (self.cores, self.paused) = (count, paused);
        self.pool.resize(count);
        self.tell_slots();
        if let Some(solo) = &mut self.solo {
            match (paused, resumed) {
                (true, _) if solo.stage == Stage::Alone => solo.halt(&mut self.pool),
                (false, _) => solo.order(&mut self.pool, count),
                _ => {}
            }
        }
    }

    fn tell_slots(&mut self) {
        let slots = if self.paused { 0 } else { self.cores };
        self.tell_node(node::Input::Slots(slots));
    }

    fn compute(&mut self, work: WorkId, task: u32, params: &[u8]) {
        if let Some(payload) = self.solo.as_ref().and_then(|solo| solo.known(params, task)) {
            return self.tell_node(node::Input::Computed { work, outcome: Ok(payload) });
        }
        if !self.pool.order(Errand::Grid(work), params.into(), task, false) {
            self.tell_node(node::Input::Computed { work, outcome: Err(Failure::Stopped) });
        }
    }

    /// Renders for this tab: alone at once, and through the grid as soon as the node is a member.
    fn launch(&mut self, view: &ViewObject) {
        let picture = match Picture::from_page(view) {
            Ok(picture) => picture,
            Err(reason) => return refuse(&self.host, "", &reason),
        };
        self.launches += 1;
        if let Some(solo) = &mut self.solo {
            solo.halt(&mut self.pool);
        }
        let solo = Solo::new(self.launches, picture);
        opened_note(&solo.name, "", true, &solo.picture).post(&self.host);
        self.solo = Some(solo);
        if self.member.as_ref().is_some_and(|member| member.node.is_ready()) {
            self.give_solo();
        } else if let Some(solo) = &mut self.solo
            && !self.paused
        {
            solo.order(&mut self.pool, self.cores);
        }
    }

    /// The grid takes over what this tab has begun alone.
    fn give_solo(&mut self) {
        let (Some(member), Some(solo)) = (&self.member, &mut self.solo) else { return };
        if solo.stage != Stage::Alone {
            return;
        }
        solo.halt(&mut self.pool);
        solo.stage = Stage::Signing;
        let params = Bytes::copy_from_slice(&solo.picture.params);
        // A random serial, since this tab may have used small ones in an earlier start.
        let serial = self.rng.next_u64();
        let description = member.node.describe(serial, KIND, solo.picture.tasks(), params);
        let bytes = description.signing_bytes();
        self.sign(Purpose::Job(Box::new(description)), &bytes);
    }

    fn on_solo_computed(&mut self, task: u32, outcome: Result<Vec<u8>, String>) {
        let Some(solo) = &mut self.solo else { return };
        match outcome {
            Ok(payload) => {
                let me = self.member.as_ref().map(|member| member.node.id().to_string());
                let note = Note::new("tile")
                    .with("picture", solo.name.as_str())
                    .with("worker", me.unwrap_or_else(|| "self".into()));
                solo.picture.place(note, task).post_with_bytes(&self.host, "payload", &payload);
                if solo.finished(task, payload.into()) {
                    Note::new("event")
                        .with("what", "job-changed")
                        .with("job", solo.name.as_str())
                        .with("state", "finished")
                        .post(&self.host);
                }
                solo.order(&mut self.pool, self.cores);
            }
            Err(reason) => {
                solo.halt(&mut self.pool);
                solo.stage = Stage::Ended;
                refuse(&self.host, &solo.name, &reason);
            }
        }
    }

    fn cancel(&mut self, job: &str) {
        if let Some(solo) = &mut self.solo
            && solo.name == job
        {
            solo.halt(&mut self.pool);
            solo.stage = Stage::Ended;
            return Note::new("event")
                .with("what", "job-changed")
                .with("job", job)
                .with("state", "cancelled")
                .post(&self.host);
        }
        if let Ok(job) = job.parse() {
            self.tell_node(node::Input::Cancel(job));
        }
    }

    fn preview(&mut self, name: &str, view: &ViewObject, urgent: bool) {
        let picture = match Picture::from_page(view) {
            Ok(picture) => picture,
            Err(reason) => return refuse(&self.host, name, &reason),
        };
        let name: Rc<str> = name.into();
        for task in 0..picture.tasks() {
            let errand = Errand::Preview { picture: Rc::clone(&name), task };
            if !self.pool.order(errand, Rc::clone(&picture.params), task, urgent) {
                break;
            }
        }
        self.previews.insert(name, picture);
    }

    fn on_job_opened(&mut self, job: JobId, owner: NodeId, kind: u16, params: &[u8], tasks: u32) {
        // Both were appraised before; a job that cannot be read is no job of ours.
        let Ok(picture) = Picture::from_job(kind, params, tasks) else { return };
        let mine = self.member.as_ref().is_some_and(|member| member.node.id() == owner);
        opened_note(&job.to_string(), &owner.to_string(), mine, &picture).post(&self.host);
        self.pictures.insert(job, picture);
        if self.pictures.len() > PICTURES_MAX {
            self.pictures.pop_first();
        }
    }

    fn report(&self) {
        let (workers, busy) = self.pool.count();
        let mut note = Note::new("report")
            .with("server", report::server_note(&self.server, self.now))
            .with("workers", workers)
            .with("busy", busy)
            .with("paused", self.paused);
        if let Some(member) = &self.member {
            let snapshot = member.node.snapshot();
            note = note
                .with("node", report::node_note(&snapshot))
                .with("jobs", list(snapshot.jobs.iter().map(report::job_note)));
        }
        note.post(&self.host);
    }
}

fn opened_note(name: &str, owner: &str, mine: bool, picture: &Picture) -> Note {
    Note::new("opened")
        .with("picture", name)
        .with("owner", owner)
        .with("mine", mine)
        .with("tasks", picture.tasks())
        .with("view", picture.describe())
}

fn refuse(host: &Host, picture: &str, reason: &str) {
    Note::new("refused").with("picture", picture).with("reason", reason).post(host);
}

fn ice_note(server: &IceServer) -> Note {
    let note = Note::plain().with("urls", server.url.as_str());
    if server.username.is_empty() {
        return note;
    }
    note.with("username", server.username.as_str()).with("credential", server.credential.as_str())
}
