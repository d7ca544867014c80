//! What goes into the machine and what comes out.

use alloc::vec::Vec;

use base::NodeId;
use bytes::Bytes;
use wire::Class;
use wire::groups::{Group, Message, WalkId};

/// Where the overlay would send a message for a key next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To this linked peer.
    Hop(NodeId),
    /// Nowhere: this node is the key's root.
    Root,
    /// Nowhere yet: the overlay is not ready.
    None,
}

/// What happened, or what is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// Be a member of a group: its multicasts are delivered here, and anycasts offered.
    Join {
        /// Which.
        group: Group,
    },
    /// Be no member any more. The node may stay in the tree while it has children there.
    Leave {
        /// Which.
        group: Group,
    },
    /// Tell every member, whether this node is one or not. As a member, or in the tree, it is sent
    /// over each edge once, and again to whoever missed it; otherwise it goes towards the key until
    /// it meets the tree, and is lost if that fails.
    Multicast {
        /// Whom.
        group: Group,
        /// What, at most [`BODY_BYTES_MAX`](wire::groups::BODY_BYTES_MAX) bytes; a longer one
        /// gives [`Event::Refused`].
        body: Bytes,
    },
    /// Find members that accept an offer. Ends with [`Event::WalkEnded`].
    Anycast {
        /// Its name: this node's id, and a number that it used for no other walk in any of its
        /// starts (a random one).
        walk: WalkId,
        /// Among whom.
        group: Group,
        /// How many, at least 1 and at most [`WANTED_MAX`](crate::WANTED_MAX); what exceeds it is
        /// not looked for.
        wanted: u16,
        /// The offer, at most [`OFFER_BYTES_MAX`](wire::groups::OFFER_BYTES_MAX) bytes; a longer
        /// one gives [`Event::Refused`].
        body: Bytes,
    },
    /// The answer to [`Output::AskWay`]. One that was not asked for is taken as well.
    Way {
        /// Towards which key.
        group: Group,
        /// Where to.
        way: Way,
    },
    /// The answer to [`Output::AskNearest`].
    Nearest {
        /// In which group.
        group: Group,
        /// One of those named.
        peer: NodeId,
    },
    /// An authenticated message, over a link or sealed.
    Received {
        /// Who said it.
        from: NodeId,
        /// What.
        message: Message,
    },
    /// A link to this peer is open.
    LinkUp {
        /// Who.
        peer: NodeId,
    },
    /// The link to this peer is gone, or the peer is.
    LinkDown {
        /// Who.
        peer: NodeId,
    },
    /// The overlay's ways may be others: keys may have another root, or another next hop.
    WaysChanged,
    /// Whether the overlay routes.
    Ready(bool),
    /// The answer to [`Output::Offer`]. None within a heartbeat counts as no.
    Answer {
        /// To which.
        walk: WalkId,
        /// Whether this member accepts.
        accepted: bool,
    },
    /// A deadline of `poll_timeout` came; early, late and repeated ones are fine.
    Timeout,
    /// Say goodbye to parents and children, and fall silent.
    Shutdown,
}

/// What the driver must do or learn.
#[derive(Clone, Debug)]
pub enum Output {
    /// Where does the overlay send a message for this key? Answer with [`Input::Way`], best at
    /// once.
    AskWay {
        /// The key.
        group: Group,
    },
    /// Which of these is the nearest to this node, as far as their distances are known? The first, if
    /// none is. Answer with [`Input::Nearest`] at once.
    AskNearest {
        /// For a place in which group.
        group: Group,
        /// Never empty.
        peers: Vec<NodeId>,
    },
    /// Send to one node, over its link or sealed where there is none.
    Send {
        /// To whom.
        to: NodeId,
        /// Which channel.
        class: Class,
        /// What.
        message: Message,
    },
    /// Send one message to several nodes: to be encoded once.
    Publish {
        /// To whom; never empty.
        to: Vec<NodeId>,
        /// Which channel.
        class: Class,
        /// What.
        message: Message,
    },
    /// A multicast arrived, for the first time at this member. Never one of its own. In no certain
    /// order. Whoever carried it could have changed body and origin: believe a body for what it
    /// proves itself (a signature, a digest known from elsewhere).
    Deliver {
        /// In which group.
        group: Group,
        /// Who is said to have sent it.
        origin: NodeId,
        /// What.
        body: Bytes,
    },
    /// An anycast reached this member: will it accept? Answer with [`Input::Answer`]. Origin and
    /// body are to be believed as those of a multicast.
    Offer {
        /// Which.
        walk: WalkId,
        /// In which group.
        group: Group,
        /// Who is said to offer.
        origin: NodeId,
        /// What.
        body: Bytes,
    },
    /// This node has a tree edge to a peer that the overlay would not link by itself; a link is
    /// worth its slot.
    Prefer(NodeId),
    /// No longer.
    Unprefer(NodeId),
    /// This peer did not answer, though the overlay may still name it as the way: is it gone? What
    /// the overlay finds out comes back as [`Input::LinkDown`], or as another way.
    Doubt(NodeId),
    /// Something the composer may want to know.
    Event(Event),
}

/// What happened in the groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node's place in a tree reaches up to its root, for the first time or again.
    Attached {
        /// In which group.
        group: Group,
    },
    /// An input could not be carried out; nothing was changed.
    Refused {
        /// In which group.
        group: Group,
        /// Why.
        why: &'static str,
    },
    /// Multicasts of this origin did not arrive here and nobody near has them any more. They are
    /// delivered if they arrive after all.
    Missed {
        /// In which group.
        group: Group,
        /// Whose.
        origin: NodeId,
        /// How many.
        count: u16,
    },
    /// A member accepts. Its word reached this node authenticated: no other node can have said it.
    /// There can be more than were wanted where messages were lost.
    Accepted {
        /// Which of this node's walks.
        walk: WalkId,
        /// Who.
        by: NodeId,
    },
    /// A walk is over.
    WalkEnded {
        /// Which of this node's walks.
        walk: WalkId,
        /// How many accepted.
        accepted: u16,
    },
    /// A peer sent what no honest peer sends.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What it did.
        why: &'static str,
    },
}

/// This node's place in a group, for people and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whether it is a member, or only carries for others.
    pub is_member: bool,
    /// Whether it is the root.
    pub is_root: bool,
    /// Its parent, if it has one.
    pub parent: Option<NodeId>,
    /// Edges to the root; `None` while the way up is broken.
    pub depth: Option<u16>,
    /// Its children.
    pub children: Vec<NodeId>,
}

/// What this node did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Multicasts delivered here.
    pub delivered: u64,
    /// Multicasts sent on, one for each receiver.
    pub forwarded: u64,
    /// Multicasts that arrived again.
    pub duplicates: u64,
    /// Multicasts asked for.
    pub wanted: u64,
    /// Multicasts sent again on request.
    pub resent: u64,
    /// Multicasts given up.
    pub missed: u64,
    /// Times that a place in a tree was lost.
    pub lost_places: u64,
    /// Messages that meant nothing here: stale, of an unknown group, beyond a bound.
    pub ignored: u64,
    /// Messages that no honest peer sends.
    pub misbehaved: u64,
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Signs of life are due, or their absence is to be noticed.
    Heartbeat,
    /// A place in a tree is to be asked for again.
    Rejoin,
    /// A gap has waited long enough to be asked about.
    Gap,
    /// An anycast has waited long enough.
    Walk,
}
