//! The loop: one happening in, the peer drained, one alarm set.
//!
//! The peer decides; here its outputs become calls of the browser, and what the browser reports
//! becomes its inputs. `links` has the channels' part of that, `jobs` the part of the work, and
//! `events` what the page is shown of it.

mod events;
mod jobs;
mod links;

use std::collections::VecDeque;
use std::rc::Rc;

use base::{Bounded, PublicKey, Rng, SortedMap, Time, Voucher};
use js_sys::Array;
use node::{JobId, LinkId};
use peer::{Input, Output, Peer, ServerId, SignToken};

use self::links::note_of;
use crate::host::{Host, Note, list};
use crate::link::Link;
use crate::mailbox::{Happening, Mailbox};
use crate::page::Ask;
use crate::pool::{Errand, Pool};
use crate::preview::Previews;
use crate::report::{self, Pace, Server};
use crate::socket::Socket;
use crate::solo::Solo;
use crate::timer::Timer;
use crate::workload::{Picture, catalogue};

/// Links of a tab at most (design §3).
const LINKS_MAX: u16 = 64;

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
    /// What is in hand is the last: see [`Driver::finish`].
    finishing: bool,
    /// From the moment a person pressed Start.
    peer: Option<Peer>,
    links: SortedMap<LinkId, Link>,
    sockets: SortedMap<ServerId, Socket>,
    server: Server,
    ice_servers: Array,
    solo: Option<Solo>,
    /// The job that the page asked to follow last.
    watched: Option<JobId>,
    previews: Previews,
    pictures: SortedMap<JobId, Picture>,
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
            finishing: false,
            peer: None,
            links: SortedMap::new(),
            sockets: SortedMap::new(),
            server: Server::Off,
            ice_servers: Array::new(),
            solo: None,
            watched: None,
            previews: Previews::new(Rc::clone(&host)),
            pictures: SortedMap::new(),
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
            Output::ConnectServer { server, url } => {
                // Beside one that answers, another is nothing to tell of.
                if !matches!(self.server, Server::Connected) {
                    self.server = Server::Connecting;
                }
                if let Some(socket) = Socket::open(server, &url, &self.mailbox) {
                    self.sockets.insert(server, socket);
                }
            }
            Output::DisconnectServer(server) => drop(self.sockets.remove(&server)),
            Output::SendServer { server, message } => {
                if let Some(socket) = self.sockets.get(&server) {
                    socket.send(&message);
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
            Output::Send { link, class, chunk } => self.send(link, class, &chunk),
            Output::Appraise { job, kind, params, tasks } => {
                let verdict = Picture::from_job(kind, &params, tasks).map(drop);
                self.tell(Input::Appraised { job, verdict });
            }
            Output::Compute { work, task, params, .. } => self.compute(work, task, &params),
            Output::Audit(order) => self.audit(order),
            Output::Abandon(work) => self.pool.abandon(|errand| *errand == Errand::Grid(work)),
            // A tab has no disk: what it holds, others hold as well.
            Output::Keep { .. } | Output::Forget(_) => {}
            Output::Load(name) => self.tell(Input::Loaded { name, value: None }),
            Output::Event(event) => self.on_event(event),
            Output::Left => self.part(),
        }
    }

    // What happened.

    fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Asked(ask) => self.on_ask(ask),
            Happening::Timer => self.on_timer(),
            Happening::SocketOpened(server) => self.tell(Input::ServerOpened(server)),
            Happening::SocketClosed(server, reason) => {
                self.sockets.remove(&server);
                self.tell(Input::ServerClosed { server, reason });
            }
            Happening::SocketReceived(server, message) => {
                self.tell(Input::ServerReceived { server, message: message.into() });
            }
            Happening::ChannelOpened(link, class) => self.on_channel_opened(link, class),
            Happening::ChannelReceived(link, class, bytes) => {
                self.on_channel_received(link, class, bytes);
            }
            Happening::ChannelLow(link, class) => self.report_drained(link, class),
            Happening::ChannelClosed(link) => {
                self.lose_link(link, "the peer closed the connection");
            }
            Happening::Signed(token, Ok(signature)) => {
                self.tell(Input::Signed { token, signature })
            }
            Happening::Signed(token, Err(reason)) => {
                Note::event("no-signature").with("reason", reason).post(&self.host);
                if let SignToken::Job(created) = token {
                    self.take_back(created);
                }
            }
            Happening::WorkerAnswered(number, ticket, outcome) => {
                if let Some(errand) = self.pool.answered(number, ticket) {
                    self.on_answer(errand, outcome);
                }
            }
            Happening::WorkerBroke(number, reason) => self.on_worker_broke(number, &reason),
        }
    }

    fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Join { urls, public_key, epoch, voucher } => {
                self.join(&urls, public_key, epoch, voucher);
            }
            Ask::Leave if self.peer.is_some() => self.tell(Input::Leave),
            Ask::Leave => self.part(),
            Ask::Cores { count, paused, intensity } => self.set_cores(count, paused, intensity),
            Ask::Finish => self.finish(),
            Ask::Launch { picture, view } => self.launch(picture, &view),
            Ask::Watch(job) => self.watch(&job),
            Ask::List => self.tell(Input::ListJobs),
            Ask::Cancel(job) => self.cancel(&job),
            Ask::Preview { picture, view, only, urgent } => {
                self.previews.order(&mut self.pool, (&picture, &view), only, urgent);
            }
            Ask::Forget(prefix) => self.previews.forget(&mut self.pool, &prefix),
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

    // Entering and leaving.

    fn join(&mut self, urls: &str, public_key: PublicKey, epoch: u64, voucher: Option<Voucher>) {
        if self.peer.is_some() {
            return;
        }
        let config = peer::Config {
            public_key,
            epoch,
            voucher,
            servers: Bounded::truncating(urls.split(' ').map(str::to_owned)),
            native: false,
            loopback: signal::entry::is_loopback(urls),
            links_max: LINKS_MAX,
            result_bytes_max: peer::RESULT_BYTES_MAX,
        };
        let mut peer = Peer::new(config, self.rng.next_u64(), self.now);
        self.outputs.extend(std::iter::from_fn(|| peer.poll_output()));
        self.peer = Some(peer);
        self.tell_slots();
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

    fn node(&self) -> Option<&node::Node> {
        self.peer.as_ref().and_then(Peer::node)
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
            let tally = |link| self.links.get(&link).map(|link| link.tally).unwrap_or_default();
            note = note
                .with("node", report::node_note(&snapshot, tally))
                .with("jobs", list(snapshot.jobs.iter().map(report::job_note)));
        }
        note.post(&self.host);
    }
}
