//! The loop: one happening in, the peer drained, one alarm set.
//!
//! The peer decides; here its outputs become calls of the browser. Jobs that this tab renders
//! without a network, and pictures that only this page shows, are the driver's own.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use base::{Bounded, NodeId, PublicKey, Rng, Time, Voucher, codec};
use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use node::{Failure, GridEvent, JobId, LinkId, WorkId};
use peer::{Event, Input, Output, Peer};
use signal::message::{ICE_SERVERS_MAX, IceServer};

use crate::host::{Host, Note, list};
use crate::link::Link;
use crate::mailbox::{Happening, Mailbox};
use crate::page::Ask;
use crate::pool::{Errand, Pool};
use crate::report::{self, Pace, Server};
use crate::socket::Socket;
use crate::solo::{Solo, Stage};
use crate::timer::Timer;
use crate::workload::{KIND, Picture, ViewObject, catalogue};

/// Links of a tab at most (design §3).
const LINKS_MAX: u16 = 64;

/// Pictures of jobs that are remembered for their tiles' places: twice what a node keeps of jobs.
/// Beyond it the one with the lowest id is forgotten, and its tiles are not shown any more.
const PICTURES_MAX: usize = 32;

pub(crate) struct Driver {
    host: Rc<Host>,
    mailbox: Mailbox,
    timer: Timer,
    now: Time,
    rng: Rng,
    outputs: VecDeque<Output>,
    pool: Pool,
    cores: u16,
    paused: bool,
    url: String,
    /// From the moment a person pressed Start.
    peer: Option<Peer>,
    links: BTreeMap<LinkId, Link>,
    socket: Option<Socket>,
    server: Server,
    ice_servers: Array,
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
            outputs: VecDeque::new(),
            pool: Pool::new(Rc::clone(&host), mailbox.clone()),
            cores: 0,
            paused: false,
            url: String::new(),
            peer: None,
            links: BTreeMap::new(),
            socket: None,
            server: Server::Off,
            ice_servers: Array::new(),
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
        while let Some(output) = self.outputs.pop_front() {
            self.perform(output);
        }
        if self.pace.take(self.now) {
            self.report();
        }
        let peer = self.peer.as_ref().and_then(Peer::poll_timeout).map(|(at, _)| at);
        self.timer.set(self.now, [peer, self.pace.due()].into_iter().flatten().min());
    }

    /// To the peer, if there is one. What it answers is performed in this turn, in order; so it is
    /// never entered while it still has something to say.
    fn tell(&mut self, input: Input) {
        let Some(peer) = &mut self.peer else { return };
        peer.handle(self.now, input);
        self.outputs.extend(std::iter::from_fn(|| peer.poll_output()));
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::ConnectServer => {
                self.server = Server::Connecting;
                self.socket = Socket::open(&self.url, &self.mailbox);
            }
            Output::DisconnectServer => self.socket = None,
            Output::SendServer(bytes) => {
                if let Some(socket) = &self.socket {
                    socket.send(&bytes);
                }
            }
            Output::Sign { token, bytes } => {
                self.host.start_signing(self.mailbox.clone(), token, &bytes);
            }
            Output::CreateOffer(link) => {
                note_of("offer", link).with("iceServers", &self.ice_servers).post(&self.host);
            }
            Output::CreateAnswer { link, sdp } => note_of("answer", link)
                .with("iceServers", &self.ice_servers)
                .with("sdp", sdp)
                .post(&self.host),
            Output::ApplyAnswer { link, sdp } => {
                note_of("apply", link).with("sdp", sdp).post(&self.host);
            }
            Output::CloseLink(link) => self.close(link),
            Output::Send { link, class, chunk } => {
                let Some(channels) = self.links.get_mut(&link) else { return };
                match channels.send(class, &chunk) {
                    Ok(()) => self.report_drained(link, class),
                    Err(()) => self.lose_link(link, "the channel is closed"),
                }
            }
            Output::Appraise { job, kind, params, tasks } => {
                let verdict = Picture::from_job(kind, &params, tasks).map(drop);
                self.tell(Input::Appraised { job, verdict });
            }
            Output::Compute { work, task, params, .. } => self.compute(work, task, &params),
            Output::Abandon(work) => self.pool.abandon(|errand| *errand == Errand::Grid(work)),
            Output::Event(event) => self.on_event(event),
            Output::Left => self.part(),
        }
    }

    // What happened.

    fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Asked(ask) => self.on_ask(ask),
            Happening::Timer => self.on_timer(),
            Happening::SocketOpened => self.tell(Input::ServerOpened),
            Happening::SocketClosed(reason) => {
                self.socket = None;
                self.tell(Input::ServerClosed(reason));
            }
            Happening::SocketReceived(bytes) => self.tell(Input::ServerReceived(bytes.into())),
            Happening::ChannelOpened(link, class) => self.on_channel_opened(link, class),
            Happening::ChannelReceived(link, class, bytes) => {
                let Some(channels) = self.links.get_mut(&link) else { return };
                match channels.received(class, bytes) {
                    Ok(Some(bytes)) => {
                        self.tell(Input::Received { link, class, chunk: bytes.into() });
                    }
                    Ok(None) => {}
                    Err(()) => self.lose_link(link, "the peer sent too much too early"),
                }
            }
            Happening::ChannelLow(link, class) => self.report_drained(link, class),
            Happening::ChannelClosed(link) => {
                self.lose_link(link, "the peer closed the connection");
            }
            Happening::Signed(token, Ok(signature)) => {
                self.tell(Input::Signed { token, signature })
            }
            Happening::Signed(_, Err(reason)) => {
                Note::event("no-signature").with("reason", reason).post(&self.host);
            }
            Happening::WorkerAnswered(number, ticket, outcome) => {
                if let Some(errand) = self.pool.answered(number, ticket) {
                    self.on_computed(errand, outcome);
                }
            }
            Happening::WorkerBroke(number, reason) => {
                let errand = self.pool.broke(number);
                Note::event("worker-broke").with("reason", reason.as_str()).post(&self.host);
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
            Ask::Leave if self.peer.is_some() => self.tell(Input::Leave),
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
            Ask::Retry => self.tell(Input::RetryNow),
            Ask::Channel { link, class, channel } => {
                if self.peer.is_some() {
                    let channels = self.links.entry(link).or_default();
                    channels.adopt(link, class, channel, &self.mailbox);
                }
            }
            Ask::Described { link, sdp } => self.tell(Input::Described { link, sdp }),
            Ask::Broken { link, reason } => self.lose_link(link, &reason),
        }
    }

    fn on_timer(&mut self) {
        self.timer.rang();
        let due = self.peer.as_ref().and_then(Peer::poll_timeout);
        if due.is_some_and(|(at, _)| at <= self.now) {
            self.tell(Input::Timeout);
        }
    }

    fn on_channel_opened(&mut self, link: LinkId, class: node::Class) {
        let Some(channels) = self.links.get_mut(&link) else { return };
        if !channels.opened(class) {
            return;
        }
        let early = channels.bring_up();
        self.tell(Input::LinkOpened(link));
        for (class, bytes) in early {
            self.tell(Input::Received { link, class, chunk: bytes.into() });
        }
    }

    fn on_computed(&mut self, errand: Errand, outcome: Result<Vec<u8>, String>) {
        match errand {
            Errand::Grid(work) => {
                let outcome = outcome.map(Bytes::from).map_err(Failure::Failed);
                self.tell(Input::Computed { work, outcome });
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

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Named { card, ice_servers } => self.on_named(card.voucher, &ice_servers),
            Event::ServerReached { .. } => self.server = Server::Connected,
            Event::ServerUnreachable { reason, retry } => {
                self.server = Server::Unreachable { reason, retry_at: self.now + retry };
            }
            Event::ServerRefused(reason) => self.server = Server::Refused(reason),
            Event::Submitted { serial, job } => self.on_submitted(serial, job),
            Event::NotSubmitted { .. } => {
                if let Some(solo) = &mut self.solo {
                    solo.take_back(&mut self.pool, self.cores);
                }
            }
            Event::LinkFailed { peer, reason } => Note::event("link-failed")
                .with("peer", peer.to_string())
                .with("reason", reason)
                .post(&self.host),
            Event::Node(event) => self.on_node_event(event),
        }
    }

    fn on_node_event(&mut self, event: node::Event) {
        if let Some(note) = report::event_note(&event) {
            note.post(&self.host);
        }
        match event {
            node::Event::Ready => self.give_solo(),
            node::Event::Grid(GridEvent::JobOpened { job, owner, kind, params, tasks }) => {
                self.on_job_opened(job, owner, kind, &params, tasks);
            }
            node::Event::Grid(GridEvent::TaskDone { job, task, worker, payload }) => {
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
        if self.peer.is_some() {
            return;
        }
        self.url = url;
        let config =
            peer::Config { public_key, epoch, voucher, native: false, links_max: LINKS_MAX };
        let mut peer = Peer::new(config, self.rng.next_u64(), self.now);
        self.outputs.extend(std::iter::from_fn(|| peer.poll_output()));
        self.peer = Some(peer);
        self.tell_slots();
    }

    fn on_named(&mut self, voucher: Voucher, ice_servers: &Bounded<IceServer, ICE_SERVERS_MAX>) {
        self.ice_servers = list(ice_servers.iter().map(ice_note));
        self.host.keep_voucher(Uint8Array::from(codec::encode(&voucher).as_slice()));
    }

    /// The goodbyes are on the channels, or there was nobody to say goodbye to.
    fn part(&mut self) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.close(link);
        }
        self.peer = None;
        self.server = Server::Off;
        Note::new("left").post(&self.host);
    }

    // Links.

    fn report_drained(&mut self, link: LinkId, class: node::Class) {
        let bytes = self.links.get_mut(&link).map_or(0, |channels| channels.drained(class));
        if bytes > 0 {
            self.tell(Input::Drained { link, class, bytes });
        }
    }

    /// A link, or an attempt at one, ended without this side's doing.
    fn lose_link(&mut self, link: LinkId, reason: &str) {
        self.close(link);
        self.tell(Input::LinkBroken { link, reason: reason.to_owned() });
    }

    /// Releases a link. The page keeps its connection for the second that its last bytes need.
    fn close(&mut self, link: LinkId) {
        if let Some(channels) = self.links.remove(&link) {
            channels.close_after_sending();
        }
        note_of("close", link).post(&self.host);
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
        self.tell(Input::Slots(slots));
    }

    fn compute(&mut self, work: WorkId, task: u32, params: &[u8]) {
        if let Some(payload) = self.solo.as_ref().and_then(|solo| solo.known(params, task)) {
            return self.tell(Input::Computed { work, outcome: Ok(payload) });
        }
        if !self.pool.order(Errand::Grid(work), params.into(), task, false) {
            self.tell(Input::Computed { work, outcome: Err(Failure::Stopped) });
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
        if self.node().is_some_and(node::Node::is_ready) {
            self.give_solo();
        } else if let Some(solo) = &mut self.solo
            && !self.paused
        {
            solo.order(&mut self.pool, self.cores);
        }
    }

    fn node(&self) -> Option<&node::Node> {
        self.peer.as_ref().and_then(Peer::node)
    }

    /// The grid takes over what this tab has begun alone.
    fn give_solo(&mut self) {
        // A random serial, since this key may have used small ones in an earlier start.
        let serial = self.rng.next_u64();
        let Some(solo) = &mut self.solo else { return };
        if solo.stage != Stage::Alone {
            return;
        }
        solo.halt(&mut self.pool);
        solo.stage = Stage::Submitting { serial };
        let params = Bytes::copy_from_slice(&solo.picture.params);
        let tasks = solo.picture.tasks();
        self.tell(Input::Submit { serial, kind: KIND, tasks, params });
    }

    fn on_submitted(&mut self, serial: u64, job: JobId) {
        match &mut self.solo {
            Some(solo) if solo.stage == (Stage::Submitting { serial }) => {
                solo.stage = Stage::Given;
                Note::new("renamed")
                    .with("from", solo.name.as_str())
                    .with("to", job.to_string())
                    .post(&self.host);
            }
            // Cancelled, or replaced by another, while it was being signed.
            _ => self.tell(Input::Cancel(job)),
        }
    }

    fn on_solo_computed(&mut self, task: u32, outcome: Result<Vec<u8>, String>) {
        let Some(solo) = &mut self.solo else { return };
        match outcome {
            Ok(payload) => {
                let me = self.peer.as_ref().and_then(Peer::node).map(|node| node.id().to_string());
                let note = Note::new("tile")
                    .with("picture", solo.name.as_str())
                    .with("worker", me.unwrap_or_else(|| "self".into()));
                solo.picture.place(note, task).post_with_bytes(&self.host, "payload", &payload);
                if solo.finished(task, payload.into()) {
                    Note::event("job-changed")
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
            return Note::event("job-changed")
                .with("job", job)
                .with("state", "cancelled")
                .post(&self.host);
        }
        if let Ok(job) = job.parse() {
            self.tell(Input::Cancel(job));
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
        let mine = self.node().is_some_and(|node| node.id() == owner);
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
        if let Some(node) = self.node() {
            let snapshot = node.snapshot();
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

/// A message about a link.
fn note_of(kind: &str, link: LinkId) -> Note {
    #[expect(clippy::cast_precision_loss, reason = "a peer numbers its links below 2⁵³")]
    Note::new(kind).with("link", link.0 as f64)
}

fn ice_note(server: &IceServer) -> Note {
    let note = Note::plain().with("urls", server.url.as_str());
    if server.username.is_empty() {
        return note;
    }
    note.with("username", server.username.as_str()).with("credential", server.credential.as_str())
}
