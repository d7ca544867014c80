//! Carries the outputs of node, entries and negotiator to one another's inputs, until all are quiet.

use alloc::string::String;
use alloc::vec::Vec;

use base::{Card, Network, NodeId, Time};
use bytes::Bytes;
use node::{LinkId, Node};
use signal::entry::{self, ServerId};
use signal::negotiation::{self, Negotiator, Path};

use crate::servers::Outlook;
use crate::{Event, Input, Named, Output, Peer, SUBMISSIONS_MAX, SignToken, attempt_of, link_of};

/// Steps of one pump; machines that keep each other busy beyond it have a bug.
const STEPS_MAX: u32 = 1_000_000;

impl Peer {
    pub(crate) fn take(&mut self, now: Time, input: Input) {
        match input {
            Input::ServerOpened(server) => self.servers.tell(now, server, entry::Input::Opened),
            Input::ServerClosed { server, reason } => {
                self.servers.tell(now, server, entry::Input::Closed(reason));
            }
            Input::ServerReceived { server, message } => {
                self.servers.tell(now, server, entry::Input::Received(message));
            }
            Input::RetryNow => self.servers.tell_all(now, &entry::Input::RetryNow),
            Input::Signed { token, signature } => self.on_signed(now, token, signature),
            Input::Described { link, sdp } => {
                let attempt = attempt_of(link);
                self.negotiate(now, negotiation::Input::Described { attempt, sdp });
            }
            Input::LinkOpened(link) => {
                self.negotiate(now, negotiation::Input::Opened(attempt_of(link)));
            }
            Input::LinkBroken { link, reason } => self.on_link_broken(now, link, reason),
            Input::Received { link, class, chunk } => {
                self.tell(now, node::Input::Received { link, class, chunk });
            }
            Input::Drained { link, class, bytes } => {
                self.tell(now, node::Input::Drained { link, class, bytes });
            }
            Input::Submit { created, kind, tasks, params } => {
                self.on_submit(created, kind, tasks, params);
            }
            Input::ListJobs => self.tell(now, node::Input::ListJobs),
            Input::Watch(job) => self.tell(now, node::Input::Watch(job)),
            Input::Loaded { name, value } => {
                self.tell(now, node::Input::Loaded { name, value });
            }
            Input::Restored { name, value, lifetime } => {
                self.tell(now, node::Input::Restored { name, value, lifetime });
            }
            Input::Cancel(job) => self.tell(now, node::Input::Cancel(job)),
            Input::Appraised { job, verdict } => {
                self.tell(now, node::Input::Appraised { job, verdict });
            }
            Input::Computed { work, outcome } => {
                self.tell(now, node::Input::Computed { work, outcome });
            }
            Input::Audited { audit, verdict } => {
                self.tell(now, node::Input::Audited { audit, verdict });
            }
            Input::Slots(count) => {
                self.slots = count;
                self.tell(now, node::Input::Slots(count));
            }
            Input::Leave => self.on_leave(now),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// To the node, if there is one. It is drained before its next input.
    fn tell(&mut self, now: Time, input: node::Input) {
        if let Some(named) = &mut self.named {
            named.node.handle(now, input);
        }
        self.drain_node(now);
    }

    fn negotiate(&mut self, now: Time, input: negotiation::Input) {
        if let Some(named) = &mut self.named {
            named.negotiator.handle(now, input);
        }
    }

    fn on_timeout(&mut self, now: Time) {
        self.servers.on_timeout(now);
        self.negotiate(now, negotiation::Input::Timeout);
        self.tell(now, node::Input::Timeout);
    }

    fn on_leave(&mut self, now: Time) {
        self.servers.leave(now);
        if self.named.is_some() {
            self.tell(now, node::Input::Leave);
        } else {
            self.outputs.push_back(Output::Left);
        }
    }

    fn on_signed(&mut self, now: Time, token: SignToken, signature: base::Signature) {
        match token {
            SignToken::Login(server) => {
                self.servers.tell(now, server, entry::Input::Signed(signature));
            }
            SignToken::Proposal(attempt) => {
                self.negotiate(now, negotiation::Input::Signed { attempt, signature });
            }
            SignToken::Sealed(token) => self.tell(now, node::Input::Signed { token, signature }),
            SignToken::Job(created) => {
                let Some(description) = self.submissions.remove(&created) else { return };
                let job = description.job();
                self.event(Event::Submitted { created, job });
                let job = node::SignedDescription { description, signature };
                self.tell(now, node::Input::Submit(job));
            }
        }
    }

    fn on_submit(&mut self, created: u64, kind: u16, tasks: u32, params: Bytes) {
        let Some(named) = self.named.as_ref().filter(|_| self.submissions.len() < SUBMISSIONS_MAX)
        else {
            return self.event(Event::NotSubmitted { created });
        };
        let description = named.node.describe(created, kind, tasks, params);
        let bytes = Bytes::from(description.signing_bytes());
        self.submissions.insert(created, description);
        self.outputs.push_back(Output::Sign { token: SignToken::Job(created), bytes });
    }

    fn on_link_broken(&mut self, now: Time, link: LinkId, reason: alloc::string::String) {
        if self.open.remove(&link) {
            self.tell(now, node::Input::LinkDown(link));
            self.on_link_gone(now, link);
        } else {
            let attempt = attempt_of(link);
            self.negotiate(now, negotiation::Input::Broken { attempt, reason });
        }
    }

    /// An open link is closed, by whomever: perhaps before it was of any use.
    fn on_link_gone(&mut self, now: Time, link: LinkId) {
        if self.introduction.is_way_in(link) {
            self.dial_next(now);
        }
    }

    pub(crate) fn pump(&mut self, now: Time) {
        for _ in 0..STEPS_MAX {
            if let Some((server, output)) = self.servers.poll_output() {
                self.on_entry(now, server, output);
            } else if let Some(output) =
                self.named.as_mut().and_then(|named| named.negotiator.poll_output())
            {
                self.on_negotiation(now, output);
            } else {
                return;
            }
        }
        panic!("entries, negotiator and node keep each other busy");
    }

    fn on_entry(&mut self, now: Time, server: ServerId, output: entry::Output) {
        match output {
            entry::Output::Connect => {
                let url = self.servers.url(server);
                self.outputs.push_back(Output::ConnectServer { server, url });
            }
            entry::Output::Disconnect => {
                self.outputs.push_back(Output::DisconnectServer(server));
            }
            entry::Output::Send(message) => {
                self.outputs.push_back(Output::SendServer { server, message });
            }
            entry::Output::Sign(bytes) => {
                if self.servers.claim(now, server) {
                    self.outputs.push_back(Output::Sign { token: SignToken::Login(server), bytes });
                }
            }
            entry::Output::Welcome { card, companions, ice_servers, peers } => {
                self.servers.note_ice_servers(server, ice_servers);
                if self.named.is_none() {
                    let network = self.servers.named(now, server, card.voucher, &companions);
                    self.on_named(now, network, card);
                    let servers = self.servers.addresses();
                    self.event(Event::Named { card, servers });
                }
                self.tell_ice_servers(server);
                self.servers.spare(now);
                self.event(Event::ServerReached { peers });
            }
            entry::Output::IceServers(ice_servers) => {
                self.servers.note_ice_servers(server, ice_servers);
                self.tell_ice_servers(server);
            }
            entry::Output::Introduced(anchors) => {
                let through = self.introduction.start(server, self.strangers_of(&anchors));
                self.dial_anchor(now, through);
            }
            entry::Output::Visitor(peer) => {
                self.negotiate(now, negotiation::Input::Expect { peer, permit: 0 });
            }
            entry::Output::Alone => {
                if self.node().is_some_and(|node| !node.is_ready() && node.link_count() == 0) {
                    self.tell(now, node::Input::Found);
                }
            }
            entry::Output::Signal { from, payload } => {
                let path = Path::Server(server);
                self.negotiate(now, negotiation::Input::Received { from, path, payload });
            }
            entry::Output::Absent(peer) => {
                self.negotiate(now, negotiation::Input::Unreachable { peer });
            }
            entry::Output::Unreachable { reason, .. } | entry::Output::Refused(reason) => {
                self.on_server_lost(now, server, reason);
            }
        }
    }

    /// The next is tried if there is one, and a person hears of it if none is left.
    fn on_server_lost(&mut self, now: Time, server: ServerId, reason: String) {
        self.servers.begin_next(now);
        self.servers.spare(now);
        self.tell_ice_servers(server);
        match self.servers.outlook() {
            Outlook::Open => {}
            Outlook::Closed(at) => {
                self.event(Event::ServerUnreachable { reason, retry: at.since(now) });
            }
            Outlook::Refused => self.event(Event::ServerRefused(reason)),
        }
    }

    fn tell_ice_servers(&mut self, changed: ServerId) {
        if let Some(ice_servers) = self.servers.ice_servers_after(changed) {
            self.event(Event::IceServers(ice_servers));
        }
    }

    /// A server vouched for this peer: it has an id from now on, and looks for its ring.
    fn on_named(&mut self, now: Time, network: Network, card: Card) {
        let mut config = node::Config::new(network, card);
        config.overlay.links_max = self.config.links_max;
        config.grid.result_bytes_max = self.config.result_bytes_max;
        let half = self.config.result_bytes_max / 2;
        config.groups.kept_bytes_max = config.groups.kept_bytes_max.min(half);
        config.store.cache_bytes_max = config.store.cache_bytes_max.min(half as u64);
        self.named = Some(Named {
            node: Node::new(config, self.rng.next_u64(), now),
            negotiator: Negotiator::new(
                network,
                card,
                self.config.loopback,
                self.rng.next_u64(),
                now,
            ),
        });
        self.tell(now, node::Input::Slots(self.slots));
        self.servers.tell_all(now, &entry::Input::Introduce);
    }

    /// A member that a server named others to: they may be of another ring, but whoever is linked
    /// is of this one.
    fn has_ring(&self) -> bool {
        self.node().is_some_and(|node| node.is_ready() && node.link_count() > 0)
    }

    /// Whom of these to dial: a member dials no neighbour of its own, and nobody without a free slot.
    fn strangers_of(&self, anchors: &[NodeId]) -> Vec<NodeId> {
        let is_stranger = |anchor: &NodeId| {
            let Some(node) = self.node().filter(|_| self.has_ring()) else { return true };
            node.free_slots() > 0 && !node.is_linked(*anchor)
        };
        anchors.iter().copied().filter(is_stranger).collect()
    }

    /// The way in that was tried is none: the next, or others that a server names. A member waits
    /// for its next look for other rings.
    fn dial_next(&mut self, now: Time) {
        let next = self.introduction.failed();
        if next.is_none() && !self.has_ring() {
            self.servers.tell_all(now, &entry::Input::Introduce);
        }
        self.dial_anchor(now, next);
    }

    /// Dials the peer to join through.
    fn dial_anchor(&mut self, now: Time, through: Option<(ServerId, NodeId)>) {
        if let Some((server, peer)) = through {
            let dial = negotiation::Input::Dial { peer, permit: 0, path: Path::Server(server) };
            self.negotiate(now, dial);
        }
    }

    fn on_negotiation(&mut self, now: Time, output: negotiation::Output) {
        match output {
            negotiation::Output::CreateOffer(attempt) => {
                self.outputs.push_back(Output::CreateOffer(link_of(attempt)));
            }
            negotiation::Output::CreateAnswer { attempt, sdp, visitor } => {
                self.on_offer(now, link_of(attempt), sdp, visitor);
            }
            negotiation::Output::ApplyAnswer { attempt, sdp } => {
                self.outputs.push_back(Output::ApplyAnswer { link: link_of(attempt), sdp });
            }
            negotiation::Output::Close(attempt) => {
                self.outputs.push_back(Output::CloseLink(link_of(attempt)));
            }
            negotiation::Output::Sign { attempt, bytes } => {
                self.outputs.push_back(Output::Sign { token: SignToken::Proposal(attempt), bytes });
            }
            negotiation::Output::Send { to, path: Path::Server(server), payload } => {
                self.servers.tell(now, server, entry::Input::Signal { to, payload });
            }
            negotiation::Output::Send { to, path: Path::Overlay { via }, payload } => {
                self.tell(now, node::Input::Signal { to, via, payload });
            }
            negotiation::Output::Established { attempt, card } => {
                let link = link_of(attempt);
                self.open.insert(link);
                self.introduction.opened(card.id(), link);
                self.tell(now, node::Input::LinkUp { link, card });
            }
            negotiation::Output::Failed { peer, reason, introduced } => {
                self.event(Event::LinkFailed { peer, reason });
                // The overlay may have wanted the same link: its dial joined the server's.
                self.tell(now, node::Input::DialFailed(peer));
                if introduced {
                    self.dial_next(now);
                }
            }
        }
    }

    /// A proved and expected offer. One that the server sent needs a free slot; without one its
    /// author is told at once and tries another peer.
    fn on_offer(
        &mut self,
        now: Time,
        link: LinkId,
        sdp: alloc::string::String,
        visitor: Option<NodeId>,
    ) {
        if visitor.is_some() && self.node().is_none_or(|node| node.free_slots() == 0) {
            let reason = "no free link".into();
            let refusal = negotiation::Input::Broken { attempt: attempt_of(link), reason };
            return self.negotiate(now, refusal);
        }
        self.outputs.push_back(Output::CreateAnswer { link, sdp });
        if let Some(peer) = visitor {
            self.tell(now, node::Input::Visitor(peer));
        }
    }

    fn drain_node(&mut self, now: Time) {
        for _ in 0..STEPS_MAX {
            let Some(output) = self.named.as_mut().and_then(|named| named.node.poll_output())
            else {
                let Some(through) = self.join_through.take() else { return };
                if let Some(named) = &mut self.named {
                    named.node.handle(now, node::Input::Join { through });
                }
                continue;
            };
            self.on_node(now, output);
        }
        panic!("the node does not come to rest");
    }

    fn on_node(&mut self, now: Time, output: node::Output) {
        let output = match output {
            node::Output::Send { link, class, chunk } => Output::Send { link, class, chunk },
            node::Output::HangUp(link) => {
                self.open.remove(&link);
                self.on_link_gone(now, link);
                Output::CloseLink(link)
            }
            node::Output::Dial { peer, permit, via } => {
                let path = Path::Overlay { via };
                return self.negotiate(now, negotiation::Input::Dial { peer, permit, path });
            }
            node::Output::Expect { peer, permit } => {
                return self.negotiate(now, negotiation::Input::Expect { peer, permit });
            }
            node::Output::Signal { from, via, payload } => {
                let path = Path::Overlay { via };
                return self.negotiate(now, negotiation::Input::Received { from, path, payload });
            }
            node::Output::Sign { token, bytes } => {
                Output::Sign { token: SignToken::Sealed(token), bytes }
            }
            node::Output::Appraise { job, kind, params, tasks } => {
                Output::Appraise { job, kind, params, tasks }
            }
            node::Output::Compute { work, job, task, kind, params } => {
                Output::Compute { work, job, task, kind, params }
            }
            node::Output::Abandon(work) => Output::Abandon(work),
            node::Output::Audit(order) => Output::Audit(order),
            node::Output::Keep { name, value, lifetime } => Output::Keep { name, value, lifetime },
            node::Output::Forget(name) => Output::Forget(name),
            node::Output::Load(name) => Output::Load(name),
            node::Output::Event(event) => return self.on_node_event(now, event),
            node::Output::Left => Output::Left,
        };
        self.outputs.push_back(output);
    }

    fn on_node_event(&mut self, now: Time, event: node::Event) {
        match event {
            // The first frames agreed: only now does the overlay know the link.
            node::Event::Linked(peer) if self.introduction.linked(peer) => {
                self.event(Event::Node(event));
                // The node is being drained: this input waits for the end of it.
                self.join_through = Some(peer);
            }
            node::Event::JoinFailed => {
                self.servers.tell_all(now, &entry::Input::Introduce);
                self.event(Event::Node(event));
            }
            _ => self.event(Event::Node(event)),
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// The entries need to know whether this peer is a member, and how urgent a server is.
    pub(crate) fn report_standing(&mut self, now: Time) {
        let Some(named) = &self.named else { return };
        let standing = (named.node.link_count(), named.node.is_ready());
        if standing != self.standing {
            self.standing = standing;
            let (links, ready) = standing;
            self.servers.stand(now, links, ready);
            self.pump(now);
        }
    }
}
