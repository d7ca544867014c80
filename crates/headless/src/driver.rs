//! The heart: one loop that waits for something, tells it to the peer, and carries out what the
//! peer asks for until it is quiet.
//!
//! The peer is one pure machine ([`peer::Peer`]); here are its clock, its key, its sockets, links
//! and threads. It is handed one input and drained before the next, and what it asks for is
//! carried out in that order.

use std::collections::VecDeque;

use crate::clock::Clock;
use crate::link;
use crate::links::Links;
use anyhow::Context as _;
use base::{Bounded, Duration, Time};
use node::{AuditId, LinkId, Node, Verdict};
use peer::{Event, Input, Output, Peer, ServerId};

use crate::archive::{Archive, Loaded};
use crate::disk::Identity;
use crate::pace::Intensity;
use crate::pool::{Done, Ended, Pool};
use crate::socket::{self, Sockets, socket_url};
use crate::workload::{self, Compute};

/// The goodbyes and the flushing of all links take at most this long (hostile.md C2 gives 5 s).
const LEAVE_MAX: Duration = Duration::from_secs(4);
/// A pause without a deadline: any length will do.
const PAUSE_MAX: Duration = Duration::from_secs(3600);

/// What a driver is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Introducers of the network by their `http://` URLs, at least one: a later one stands in for
    /// those that cannot be reached.
    pub servers: Vec<String>,
    /// Tasks at once.
    pub threads: u16,
    /// How hard each of them is worked on.
    pub intensity: Intensity,
    /// Links at most.
    pub links_max: u16,
}

/// What a command may want to know.
#[derive(Clone, Debug)]
pub enum Notice {
    /// From the peer.
    Event(Event),
    /// The goodbyes are said and the links closed; nothing follows.
    Left,
}

/// What the loop waited for.
#[derive(Debug)]
enum Arrival {
    Datagrams,
    Server(ServerId, socket::Event),
    Computed(Done),
    Audited(AuditId, Verdict),
    Loaded(Loaded),
    Deadline,
}

/// One peer, driven.
#[derive(Debug)]
pub struct Driver {
    settings: Settings,
    clock: Clock,
    now: Time,
    identity: Identity,
    /// Values that outlive the process, with a data directory.
    archive: Option<Archive>,
    peer: Peer,
    sockets: Sockets,
    links: Links,
    pool: Pool,
    leaving: Option<Time>,
    todo: VecDeque<Output>,
    notices: VecDeque<Notice>,
}

impl Driver {
    /// Starts to connect. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a socket, a thread or the data directory is not to be had.
    pub fn start(settings: Settings, identity: Identity) -> anyhow::Result<Self> {
        Driver::start_with(settings, identity, workload::compute)
    }

    /// The same with something else that computes the tasks.
    ///
    /// # Errors
    /// As [`Driver::start`].
    pub fn start_with(
        settings: Settings,
        identity: Identity,
        compute: Compute,
    ) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let now = clock.now();
        let given = settings.servers.iter().map(|server| socket_url(server));
        let mut servers = given.collect::<anyhow::Result<Vec<_>>>()?;
        servers.extend_from_slice(&identity.servers);
        let config = peer::Config {
            public_key: identity.secret.public(),
            epoch: identity.epoch,
            voucher: identity.voucher,
            servers: Bounded::truncating(servers),
            native: true,
            loopback: settings.servers.iter().any(|server| signal::entry::is_loopback(server)),
            links_max: settings.links_max,
            result_bytes_max: peer::RESULT_BYTES_MAX,
        };
        let mut driver = Driver {
            sockets: Sockets::default(),
            links: Links::new(clock, seed()?).context("no UDP socket can be opened")?,
            archive: identity.vault().as_deref().map(Archive::open).transpose()?,
            pool: Pool::start_with(settings.threads, settings.intensity, compute)
                .context("no thread can be started")?,
            peer: Peer::new(config, seed()?, now),
            settings,
            clock,
            now,
            identity,
            leaving: None,
            todo: VecDeque::new(),
            notices: VecDeque::new(),
        };
        for address in driver.links.addresses() {
            tracing::debug!(%address, "listening");
        }
        driver.collect();
        driver.tell(Input::Slots(driver.settings.threads));
        driver.settle();
        Ok(driver)
    }

    /// Runs until something is worth telling. Cancel-safe: nothing is lost between two calls.
    pub async fn next(&mut self) -> Notice {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return notice;
            }
            let arrival = self.wait().await;
            self.now = self.clock.now();
            // What came before a deadline is heard before anybody is judged by it.
            self.links.receive(self.now);
            self.settle();
            match arrival {
                Arrival::Datagrams | Arrival::Deadline => {}
                Arrival::Server(server, event) => self.on_server(server, event),
                Arrival::Computed(Done { work, outcome }) => {
                    self.tell(Input::Computed { work, outcome });
                }
                Arrival::Audited(audit, verdict) => self.tell(Input::Audited { audit, verdict }),
                Arrival::Loaded(answer) => self.on_loaded(answer),
            }
            self.on_deadlines();
            self.settle();
        }
    }

    /// The node, once the server vouched for it.
    pub fn node(&self) -> Option<&Node> {
        self.peer.node()
    }

    /// When the loop last looked at the clock.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The time by this machine's clock, in microseconds since 1970.
    pub fn unix_micros(&self) -> u64 {
        self.clock.unix_micros()
    }

    /// Asks for something on behalf of a person.
    pub fn ask(&mut self, input: Input) {
        self.now = self.clock.now();
        self.tell(input);
        self.settle();
    }

    /// Hands everything back and says goodbye; [`Notice::Left`] follows within some seconds.
    pub fn leave(&mut self) {
        if self.leaving.is_none() {
            self.leaving = Some(self.clock.now() + LEAVE_MAX);
            self.ask(Input::Leave);
        }
    }

    async fn wait(&mut self) -> Arrival {
        let pause = self.deadline().map(|at| at.since(self.clock.now()));
        if pause.is_some_and(|pause| pause.is_zero()) {
            // After a hold-up: the runtime learns now what has come meanwhile.
            tokio::task::yield_now().await;
        }
        tokio::select! {
            () = self.links.readable() => Arrival::Datagrams,
            (server, event) = self.sockets.event() => Arrival::Server(server, event),
            ended = self.pool.ended() => match ended {
                Ended::Computed(done) => Arrival::Computed(done),
                Ended::Audited(audit, verdict) => Arrival::Audited(audit, verdict),
            },
            loaded = loaded(&mut self.archive) => Arrival::Loaded(loaded),
            () = tokio::time::sleep(pause.unwrap_or(PAUSE_MAX)) => Arrival::Deadline,
        }
    }

    fn deadline(&self) -> Option<Time> {
        let peer = self.peer.poll_timeout().map(|(at, _)| at);
        [peer, self.links.deadline(), self.leaving].into_iter().flatten().min()
    }

    fn on_deadlines(&mut self) {
        if self.links.deadline().is_some_and(|at| at <= self.now) {
            self.links.on_timeout(self.now);
        }
        if self.peer.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
            self.tell(Input::Timeout);
        }
    }

    fn tell(&mut self, input: Input) {
        self.peer.handle(self.now, input);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(output) = self.peer.poll_output() {
            self.todo.push_back(output);
        }
    }

    /// Carries out what is asked for until nothing is.
    fn settle(&mut self) {
        loop {
            if let Some(output) = self.todo.pop_front() {
                self.carry_out(output);
            } else if let Some((link, event)) = self.links.poll_event() {
                self.on_link(link, event);
            } else {
                break;
            }
        }
        if self.leaving.is_some_and(|at| self.links.is_empty() || at <= self.now) {
            self.leaving = None;
            self.notices.push_back(Notice::Left);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::ConnectServer { server, url } => self.sockets.connect(server, url),
            Output::DisconnectServer(server) => self.sockets.disconnect(server),
            Output::SendServer { server, message } => {
                if !self.sockets.send(server, message) {
                    self.sockets.disconnect(server);
                    let reason = "the server does not keep up".into();
                    self.tell(Input::ServerClosed { server, reason });
                }
            }
            Output::Sign { token, bytes } => {
                let signature = self.identity.secret.sign(&bytes);
                self.tell(Input::Signed { token, signature });
            }
            Output::CreateOffer(link) => self.links.offer(self.now, link),
            Output::CreateAnswer { link, sdp } => self.links.answer(self.now, link, &sdp),
            Output::ApplyAnswer { link, sdp } => self.links.accept(link, &sdp),
            Output::CloseLink(link) => self.links.finish(self.now, link),
            Output::Send { link, class, chunk } => self.links.send(link, class, chunk),
            Output::Appraise { job, kind, params, tasks } => {
                let verdict = workload::appraise(kind, &params, tasks).map(|_| ());
                self.tell(Input::Appraised { job, verdict });
            }
            Output::Compute { work, task, kind, params, .. } => {
                self.pool.compute(work, task, kind, params);
            }
            Output::Abandon(work) => self.pool.abandon(work),
            Output::Audit(order) => self.pool.audit(order),
            Output::Keep { name, value, lifetime } => {
                if let Some(archive) = &self.archive {
                    archive.keep(name, value, self.clock.unix_seconds() + lifetime.as_secs());
                }
            }
            Output::Forget(name) => {
                if let Some(archive) = &self.archive {
                    archive.forget(name);
                }
            }
            Output::Load(name) => match &self.archive {
                Some(archive) => archive.load(name),
                None => self.tell(Input::Loaded { name, value: None }),
            },
            Output::Event(event) => self.on_event(event),
            Output::Left => self.links.finish_all(self.now),
        }
    }

    fn on_loaded(&mut self, answer: Loaded) {
        self.tell(match answer {
            Loaded::Asked { name, value } => Input::Loaded { name, value },
            Loaded::Restored { name, value, until } => {
                let left = until.saturating_sub(self.clock.unix_seconds());
                Input::Restored { name, value, lifetime: Duration::from_secs(left) }
            }
        });
    }

    fn on_link(&mut self, link: LinkId, event: link::Event) {
        self.tell(match event {
            link::Event::Described(sdp) => Input::Described { link, sdp },
            link::Event::Opened => Input::LinkOpened(link),
            link::Event::Received(class, chunk) => Input::Received { link, class, chunk },
            link::Event::Drained(class, bytes) => Input::Drained { link, class, bytes },
            link::Event::Broken(reason) => {
                tracing::debug!(link = link.0, %reason, "link broken");
                Input::LinkBroken { link, reason }
            }
        });
    }

    fn on_server(&mut self, server: ServerId, event: socket::Event) {
        self.tell(match event {
            socket::Event::Opened => Input::ServerOpened(server),
            socket::Event::Closed(reason) => {
                tracing::debug!(server = server.0, %reason, "no connection to a server");
                Input::ServerClosed { server, reason }
            }
            socket::Event::Received(message) => Input::ServerReceived { server, message },
        });
    }

    fn on_event(&mut self, event: Event) {
        // STUN and TURN are for browsers: str0m has no client for either.
        if let Event::Named { card, servers } = &event
            && let Err(error) = self.identity.keep(&self.settings.servers, card.voucher, servers)
        {
            tracing::warn!(error = format!("{error:#}"), "the voucher could not be kept");
        }
        // There is a node from now on.
        if let (Event::Named { .. }, Some(archive)) = (&event, &self.archive) {
            archive.restore();
        }
        self.notices.push_back(Notice::Event(event));
    }
}

/// The archive's next answer; never without one.
async fn loaded(archive: &mut Option<Archive>) -> Loaded {
    match archive {
        Some(archive) => archive.loaded().await,
        None => std::future::pending().await,
    }
}

/// 64 bits that nobody can guess.
///
/// # Errors
/// Without a source of randomness.
pub fn seed() -> anyhow::Result<u64> {
    getrandom::u64().context("the system's random source")
}
