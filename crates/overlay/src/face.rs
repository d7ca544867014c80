//! What goes into the machine and what comes out.

use base::{Key, NodeId};
use bytes::Bytes;
use wire::Class;
use wire::overlay::{Contact, Message, Target};

/// What happened, or what is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// An authenticated link to this peer is open, built by either side.
    LinkUp {
        /// Who is at its other end.
        peer: Contact,
    },
    /// The link is gone. A suspicion, not a death.
    LinkDown {
        /// Who was at its other end.
        peer: NodeId,
    },
    /// The introducer sent this peer, and a link to it is under construction: keep a slot for it.
    /// Ask only while [`crate::Overlay::slots_used`] leaves one. Answer with `LinkUp` or
    /// `DialFailed`.
    Visitor {
        /// Who.
        peer: NodeId,
    },
    /// A link that [`Output::Dial`], [`Output::Expect`] or [`Input::Visitor`] announced did not come
    /// about.
    DialFailed {
        /// With whom.
        peer: NodeId,
    },
    /// An authenticated message from `from`: over a link, or sealed and routed.
    Received {
        /// Who said it.
        from: Contact,
        /// Through whom an answer reaches the sender before the ring knows it.
        via: Option<NodeId>,
        /// What.
        message: Message,
    },
    /// Route a body. Delivered here at once where this node is the target.
    Route {
        /// Where to.
        key: Key,
        /// Who may take it.
        target: Target,
        /// A node linked to the target, for [`Target::Node`].
        via: Option<NodeId>,
        /// Its channel.
        class: Class,
        /// Opaque.
        body: Bytes,
    },
    /// Route a body to the root of a key over many ways at once: for what went out once and got no
    /// answer, as hops may be bad. Delivered once, at about twenty times the cost.
    Spread {
        /// Where to.
        key: Key,
        /// Its channel.
        class: Class,
        /// Opaque.
        body: Bytes,
    },
    /// The application exchanges much with this peer: link up when a slot is free.
    Prefer {
        /// With whom.
        peer: NodeId,
    },
    /// The wish of [`Input::Prefer`] is over.
    Unprefer {
        /// With whom.
        peer: NodeId,
    },
    /// The application was not answered by this peer: is it gone? Found out by this node's own
    /// probes, and meanwhile messages go by others where they can. Of a peer that this node does not
    /// know nothing follows.
    Doubt {
        /// Who is silent.
        peer: NodeId,
    },
    /// Whether jobs are under way here: then failures are looked for at a quicker pace.
    Busy(bool),
    /// There is no ring yet: be its first node, ready at once.
    Found,
    /// Join the ring of this linked peer. A node that is ready and has neighbours finds out whether
    /// it is another ring than its own; then the two become one.
    Join {
        /// The first hop.
        through: NodeId,
    },
    /// Say goodbye to the neighbours. The driver closes the links afterwards.
    Leave,
    /// A deadline of `poll_timeout` came; early, late and repeated ones are fine.
    Timeout,
}

/// What the driver must do or learn.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this message to a peer: over its link if there is one, else sealed and routed to it
    /// (through `via`, if given).
    Send {
        /// To whom.
        to: NodeId,
        /// A node linked to the receiver.
        via: Option<NodeId>,
        /// What. [`Message::Route`], [`Message::RouteAck`] and [`Message::Join`] go to linked
        /// peers only.
        message: Message,
    },
    /// A routed body arrived at its target: once for each message.
    Deliver {
        /// The key it was routed to.
        key: Key,
        /// Who may take it.
        target: Target,
        /// Opaque.
        body: Bytes,
    },
    /// Build a link: the peer has granted `permit`. Answer with `LinkUp` or `DialFailed`.
    Dial {
        /// With whom.
        peer: NodeId,
        /// To be shown in the offer.
        permit: u64,
        /// A node linked to the peer.
        via: Option<NodeId>,
    },
    /// An offer with this permit may come. Answer with `LinkUp` or `DialFailed`.
    Expect {
        /// From whom.
        peer: NodeId,
        /// To be shown in the offer.
        permit: u64,
    },
    /// Close this link: its slot is wanted, or the peer is gone. Here it is down already: no
    /// `LinkDown` need follow, and a late one must not come after the peer's next `LinkUp`.
    HangUp {
        /// To whom.
        peer: NodeId,
    },
    /// Something a person or another machine may want to know.
    Event(Event),
}

/// Why a peer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneReason {
    /// It said goodbye.
    Left,
    /// It was silent over every path.
    Silent,
}

/// What happened in the overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The whole leaf set answered: this node answers for its keys from now on.
    Ready,
    /// This node does not answer for keys any more, until it is ready again.
    NotReady,
    /// No answer to the join, over any path tried, or every link was lost at once; the driver may
    /// ask for another introduction, and gives [`Input::Join`] after it. May come repeatedly.
    JoinFailed,
    /// The leaf set changed. Keys may have moved.
    NeighboursChanged,
    /// Keys may have other next hops: a peer is ready, or not any more, or may be answered for. The
    /// leaf set may be what it was. Comes also after [`Event::NeighboursChanged`].
    WaysChanged,
    /// A peer of the tables, a link or a preference is gone for good (in this epoch).
    PeerGone {
        /// Who.
        peer: NodeId,
        /// How it is known.
        reason: GoneReason,
    },
    /// A message could not reach its target node: nobody by that id was found.
    Undeliverable {
        /// Its key.
        key: Key,
    },
    /// A peer sent what no honest peer sends.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What it did.
        why: &'static str,
    },
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A heartbeat is due.
    Heartbeat,
    /// A probe, join, acknowledgement or link request has waited long enough.
    Deadline,
    /// Leaf set or routing table maintenance.
    Maintenance,
}
