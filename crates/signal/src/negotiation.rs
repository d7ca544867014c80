//! A peer's conversation with another peer that ends in a link: signed offer, signed answer.
//!
//! One attempt is one peer connection. No offer costs a peer connection before its author is
//! proved and expected; every attempt has a deadline; an answer after it is ignored.
//!
//! Every `Dial` and every `Expect` ends in one `Established` or one `Failed` with its peer, except
//! where two meet: a second dial or expectation of the same link joins the first, and of two
//! offers that cross, the one of the smaller id counts. An established attempt is forgotten here;
//! the driver looks after open links. A stranger's wrong message changes nothing and is not
//! answered, since its author is not known.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString as _};

use base::{Card, Duration, Network, NodeId, Rng, Signature, SortedMap, Time};
use bytes::Bytes;

use crate::entry::ServerId;
use crate::message::{PeerSignal, Proposal};
use crate::sdp;
use attempts::{Dialogue, Role, Stage};
use expected::Expected;
use proof::Proof;

mod answering;
mod attempts;
mod expected;
mod offering;
mod proof;
#[cfg(test)]
mod tests;

pub use crate::sdp::{CANDIDATES_MAX, SDP_BYTES_MAX};
pub use expected::{EXPECTED_MAX, VISITORS_MAX};

/// Attempts under way at once; a dial beyond them fails, an offer beyond them is declined. Chosen:
/// above the rate at which a page may construct peer connections for [`ATTEMPT_PATIENCE`].
pub const ATTEMPTS_MAX: u32 = 64;
/// How long an attempt, or the wait for an expected offer, may take (webrtc.md §5.10).
pub const ATTEMPT_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a peer's words that are shown; the rest is cut off.
pub const REASON_BYTES_MAX: u32 = 200;
/// Attempts are numbered from a random start below this, so that nobody off the path can name one;
/// they stay below 2⁵³, which a number in a page can hold.
const FIRST_ATTEMPT_MAX: u64 = 1 << 48;

/// How offers and answers of an attempt travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Through a server, to a peer that it introduced.
    Server(ServerId),
    /// As a message routed over the overlay, through `via` if given.
    Overlay {
        /// A node linked to the peer.
        via: Option<NodeId>,
    },
}

/// Names one attempt, and the link that it becomes. Chosen here, never reused in one start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u64);

/// What happened, or what is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// Build a link to a peer that granted `permit` (0: the server introduced it).
    Dial {
        /// To whom.
        peer: NodeId,
        /// Shown in the offer.
        permit: u64,
        /// How to reach it.
        path: Path,
    },
    /// An offer with this permit may come (0: through the server).
    Expect {
        /// From whom.
        peer: NodeId,
        /// To be shown in the offer.
        permit: u64,
    },
    /// An encoded [`crate::message::PeerSignal`] arrived.
    Received {
        /// From whom, as the path says. The signature decides.
        from: NodeId,
        /// How.
        path: Path,
        /// What.
        payload: Bytes,
    },
    /// The peer is not reachable on this path.
    Unreachable {
        /// Who.
        peer: NodeId,
    },
    /// The local description of an attempt, complete with candidates.
    Described {
        /// Which attempt.
        attempt: Attempt,
        /// The session description.
        sdp: String,
    },
    /// Both channels of an attempt are open.
    Opened(Attempt),
    /// The peer connection of an attempt failed, closed, or could not be constructed.
    Broken {
        /// Which attempt.
        attempt: Attempt,
        /// In words.
        reason: String,
    },
    /// The signature that [`Output::Sign`] asked for.
    Signed {
        /// Of the request.
        attempt: Attempt,
        /// The signature.
        signature: Signature,
    },
    /// A deadline of `poll_timeout` came.
    Timeout,
}

/// What the driver must do or learn.
#[derive(Clone, Debug)]
pub enum Output {
    /// Construct a peer connection with both channels and make an offer: answer with
    /// [`Input::Described`] or [`Input::Broken`].
    CreateOffer(Attempt),
    /// Construct a peer connection with both channels, take this offer and make an answer: answer
    /// with [`Input::Described`] or [`Input::Broken`].
    CreateAnswer {
        /// Which attempt.
        attempt: Attempt,
        /// The remote description.
        sdp: String,
        /// The offerer, when the server sent it: it was granted no slot. Answer with
        /// [`Input::Broken`] when there is no room.
        visitor: Option<NodeId>,
    },
    /// Take this answer.
    ApplyAnswer {
        /// Which attempt.
        attempt: Attempt,
        /// The remote description.
        sdp: String,
    },
    /// Close the peer connection and release everything of it.
    Close(Attempt),
    /// Sign with the node's key; answer with [`Input::Signed`].
    Sign {
        /// For which attempt.
        attempt: Attempt,
        /// What.
        bytes: Bytes,
    },
    /// Send an encoded [`crate::message::PeerSignal`].
    Send {
        /// To whom.
        to: NodeId,
        /// How.
        path: Path,
        /// What.
        payload: Bytes,
    },
    /// The link is open and its other end is proved.
    Established {
        /// The attempt, from now on the link's name.
        attempt: Attempt,
        /// Who is at its other end.
        card: Card,
    },
    /// No link came about.
    Failed {
        /// With whom.
        peer: NodeId,
        /// In words.
        reason: String,
        /// Whether the server had introduced the two, and this side is the newcomer.
        introduced: bool,
    },
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// An attempt has taken too long.
    Deadline,
}

/// The machine.
#[derive(Debug)]
pub struct Negotiator {
    card: Card,
    me: NodeId,
    /// Whether candidates on the loopback are taken.
    loopback: bool,
    proof: Proof,
    next_attempt: u64,
    /// At most [`ATTEMPTS_MAX`].
    attempts: SortedMap<Attempt, Dialogue>,
    expected: Expected,
    outputs: VecDeque<Output>,
}

impl Negotiator {
    /// A peer with this card, in this network. `loopback`: whether peers on
    /// its own machine may be met at the loopback address.
    #[must_use]
    pub fn new(network: Network, card: Card, loopback: bool, seed: u64, _now: Time) -> Self {
        Negotiator {
            me: card.id(),
            card,
            loopback,
            proof: Proof::new(network, card.id()),
            next_attempt: Rng::new(seed).below(FIRST_ATTEMPT_MAX),
            attempts: SortedMap::new(),
            expected: Expected::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input; drain [`Negotiator::poll_output`] afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Dial { peer, permit, path } => self.on_dial(now, peer, permit, path),
            Input::Expect { peer, permit } => self.on_expect(now, peer, permit),
            Input::Received { from, path, payload } => {
                self.on_received(now, from, path, &payload);
            }
            Input::Unreachable { peer } => self.on_unreachable(peer),
            Input::Described { attempt, sdp } => self.on_described(attempt, &sdp),
            Input::Opened(attempt) => self.on_opened(attempt),
            Input::Broken { attempt, reason } => self.on_broken(attempt, reason),
            Input::Signed { attempt, signature } => self.on_signed(attempt, signature),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Timeout`] at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        let attempt = self.attempts.values().map(|dialogue| dialogue.deadline).min();
        let expected = self.expected.deadline();
        let first = attempt.into_iter().chain(expected).min()?;
        Some((first, Wake::Deadline))
    }

    fn on_received(&mut self, now: Time, from: NodeId, path: Path, payload: &[u8]) {
        match PeerSignal::decode(payload) {
            Ok(PeerSignal::Offer(offer)) => self.on_offer(now, from, path, &offer),
            Ok(PeerSignal::Answer(answer)) => self.on_answer(now, from, answer),
            Ok(PeerSignal::Decline { attempt, reason }) => {
                self.on_decline(from, Attempt(attempt), &reason);
            }
            Err(_) => {}
        }
    }

    fn on_expect(&mut self, now: Time, peer: NodeId, permit: u64) {
        if !self.expected.insert(now, peer, permit) {
            let reason = "too many peers are expected".to_string();
            self.outputs.push_back(Output::Failed { peer, reason, introduced: false });
        }
    }

    /// The local description is there: have it signed for the peer.
    fn on_described(&mut self, attempt: Attempt, sdp: &str) {
        let Some(dialogue) = self.attempts.get_mut(&attempt) else { return };
        if !matches!(dialogue.stage, Stage::Describing) {
            return;
        }
        let sdp = sdp::cleaned(sdp, true);
        if !sdp::is_acceptable(&sdp) {
            return self.on_broken(attempt, "the local description is too long".to_string());
        }
        let answer = matches!(dialogue.role, Role::Answerer { .. });
        let number = dialogue.number(attempt);
        let bytes = Proposal::signing_bytes(
            answer,
            &self.card,
            dialogue.peer,
            number,
            dialogue.permit,
            &sdp,
        );
        dialogue.stage = Stage::Signing { sdp };
        self.outputs.push_back(Output::Sign { attempt, bytes: bytes.into() });
    }

    /// Sends the offer or answer that was signed.
    fn on_signed(&mut self, attempt: Attempt, signature: Signature) {
        let Some(dialogue) = self.attempts.get_mut(&attempt) else { return };
        let sent = match dialogue.role {
            Role::Offerer => Stage::Offered,
            Role::Answerer { card, .. } => Stage::Connecting { card },
        };
        let sdp = match core::mem::replace(&mut dialogue.stage, sent) {
            Stage::Signing { sdp } => sdp,
            other => {
                dialogue.stage = other;
                return;
            }
        };
        let (peer, path, permit) = (dialogue.peer, dialogue.path, dialogue.permit);
        let number = dialogue.number(attempt);
        let proposal = Proposal { card: self.card, attempt: number, permit, sdp, signature };
        let signal = match dialogue.role {
            Role::Offerer => PeerSignal::Offer(proposal),
            Role::Answerer { .. } => PeerSignal::Answer(proposal),
        };
        self.send(peer, path, &signal);
    }

    fn on_opened(&mut self, attempt: Attempt) {
        let Some(dialogue) = self.attempts.get(&attempt) else { return };
        let Stage::Connecting { card } = dialogue.stage else { return };
        let peer = dialogue.peer;
        self.attempts.remove(&attempt);
        // What was expected of this peer is there.
        self.expected.remove_all(peer);
        self.outputs.push_back(Output::Established { attempt, card });
    }

    fn on_broken(&mut self, attempt: Attempt, reason: String) {
        let Some(dialogue) = self.attempts.get(&attempt) else { return };
        // The offerer learns at once that no answer will come.
        if let Role::Answerer { number, .. } = dialogue.role
            && matches!(dialogue.stage, Stage::Describing | Stage::Signing { .. })
        {
            let (peer, path) = (dialogue.peer, dialogue.path);
            self.decline(peer, path, number, "the peer could not make a connection");
        }
        self.fail(attempt, reason);
    }

    fn on_unreachable(&mut self, peer: NodeId) {
        let lost = |dialogue: &Dialogue| {
            let answered = dialogue.role == Role::Offerer
                && matches!(dialogue.stage, Stage::Connecting { .. });
            dialogue.peer == peer && !answered
        };
        while let Some(attempt) = self.find(lost) {
            self.fail(attempt, "the peer is not reachable".to_string());
        }
    }

    fn on_timeout(&mut self, now: Time) {
        while let Some(attempt) = self.find(|dialogue| dialogue.deadline <= now) {
            self.fail(attempt, "no link came about in time".to_string());
        }
        while let Some((peer, permit)) = self.expected.pop_overdue(now) {
            // A visitor had a choice of anchors and took another.
            if permit != 0 {
                let reason = "no offer came".to_string();
                self.outputs.push_back(Output::Failed { peer, reason, introduced: false });
            }
        }
    }

    fn find(&self, which: impl Fn(&Dialogue) -> bool) -> Option<Attempt> {
        self.attempts.iter().find(|(_, dialogue)| which(dialogue)).map(|(attempt, _)| *attempt)
    }

    /// Ends an attempt without a link.
    fn fail(&mut self, attempt: Attempt, reason: String) {
        let Some(Dialogue { peer, introduced, .. }) = self.attempts.remove(&attempt) else {
            return;
        };
        self.outputs.push_back(Output::Close(attempt));
        self.outputs.push_back(Output::Failed { peer, reason, introduced });
    }

    fn decline(&mut self, to: NodeId, path: Path, attempt: u64, reason: &str) {
        let reason = reason.to_string();
        self.send(to, path, &PeerSignal::Decline { attempt, reason });
    }

    fn send(&mut self, to: NodeId, path: Path, signal: &PeerSignal) {
        self.outputs.push_back(Output::Send { to, path, payload: signal.encode().into() });
    }
}
