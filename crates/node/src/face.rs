//! What goes into the machine and what comes out.

use alloc::string::String;

use base::{Card, Duration, Network, NodeId, Signature};
use bytes::Bytes;
use grid::{AuditId, AuditOrder, Failure, Verdict, WorkId};
use overlay::GoneReason;
use wire::Class;
use wire::grid::{JobId, SignedDescription};
use wire::store::Name;

/// How long a leaving node hands over what it holds. Chosen: whoever closes a tab or a terminal
/// does not wait longer, and four others hold the same values.
const LEAVE_TIME: Duration = Duration::from_secs(3);

/// Settings of a node.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Whose nodes are met.
    pub network: Network,
    /// Who this node is, in this start.
    pub card: Card,
    /// Of the overlay.
    pub overlay: overlay::Config,
    /// Of the groups.
    pub groups: groups::Config,
    /// Of the store.
    pub store: store::Config,
    /// Of the grid.
    pub grid: grid::Config,
}

impl Config {
    /// The defaults, for a node with this card.
    #[must_use]
    pub fn new(network: Network, card: Card) -> Self {
        Config {
            network,
            card,
            overlay: overlay::Config::default(),
            groups: groups::Config::default(),
            store: store::Config { leave_time: LEAVE_TIME, ..store::Config::default() },
            grid: grid::Config::new(network),
        }
    }
}

/// Names a link between the machine and its driver. The driver chooses it and never reuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// What happened, or what is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// Both channels of a link are open, and negotiation proved its other end.
    LinkUp {
        /// The link.
        link: LinkId,
        /// Who is at its other end.
        card: Card,
    },
    /// The link is closed.
    LinkDown(LinkId),
    /// A channel message arrived.
    Received {
        /// On which link.
        link: LinkId,
        /// On which channel.
        class: Class,
        /// One chunk.
        chunk: Bytes,
    },
    /// The driver's buffers passed bytes of [`Output::Send`] on to the network: that much more may
    /// be sent.
    Drained {
        /// On which link.
        link: LinkId,
        /// On which channel.
        class: Class,
        /// How many.
        bytes: u32,
    },
    /// The introducer sent this peer, and a link to it is under construction: keep one of
    /// [`crate::Node::free_slots`] for it. `LinkUp` or `DialFailed` must follow.
    Visitor(NodeId),
    /// A link that [`Output::Dial`], [`Output::Expect`] or [`Input::Visitor`] announced did not come
    /// about.
    DialFailed(NodeId),
    /// Carry an offer or answer to a peer over the overlay.
    Signal {
        /// To whom.
        to: NodeId,
        /// A node linked to it.
        via: Option<NodeId>,
        /// Opaque.
        payload: Bytes,
    },
    /// The signature that [`Output::Sign`] asked for.
    Signed {
        /// Of the request.
        token: u64,
        /// The signature.
        signature: Signature,
    },
    /// There is no ring: be its first node.
    Found,
    /// Join the ring of this linked peer.
    Join {
        /// The first hop.
        through: NodeId,
    },
    /// Own this job (see [`crate::Node::describe`]); its parameters were checked.
    Submit(SignedDescription),
    /// Follow a job without working on it, whoever owns it and even if it has ended.
    Watch(JobId),
    /// Which jobs does the network have? [`grid::Event::Listed`] answers, after some heartbeats at
    /// the latest.
    ListJobs,
    /// End an own job, or take no further part in another's.
    Cancel(JobId),
    /// The answer to [`Output::Appraise`].
    Appraised {
        /// Which job.
        job: JobId,
        /// The reason in words.
        verdict: Result<(), String>,
    },
    /// A computation that [`Output::Compute`] started has ended.
    Computed {
        /// Which.
        work: WorkId,
        /// The payload, or why there is none.
        outcome: Result<Bytes, Failure>,
    },
    /// An audit that [`Output::Audit`] started has ended.
    Audited {
        /// Which.
        audit: AuditId,
        /// What it showed.
        verdict: Verdict,
    },
    /// The answer to [`Output::Load`].
    Loaded {
        /// Which value.
        name: Name,
        /// Its bytes, if the driver has them.
        value: Option<Bytes>,
    },
    /// From a driver with a disk, after its start: what an earlier start kept there and did not
    /// forget. It is held again.
    Restored {
        /// Which.
        name: Name,
        /// Its bytes.
        value: Bytes,
        /// What is left of its life.
        lifetime: Duration,
    },
    /// How many computations may run at once; 0 is a pause.
    Slots(u16),
    /// Hand everything back and say goodbye; [`Output::Left`] follows.
    Leave,
    /// A deadline of `poll_timeout` came; early, late and repeated ones are fine.
    Timeout,
}

/// What the driver must do or learn.
#[derive(Clone, Debug)]
pub enum Output {
    /// Put one chunk on a channel. The driver buffers what the channel does not take yet and
    /// reports it with [`Input::Drained`]; at most [`crate::WINDOW_BYTES`] are outstanding on a
    /// channel.
    Send {
        /// On which link.
        link: LinkId,
        /// On which channel.
        class: Class,
        /// At most 16 KiB.
        chunk: Bytes,
    },
    /// Close a link after what was sent on it. `LinkDown` need not follow.
    HangUp(LinkId),
    /// Build a link (`Negotiator`): `LinkUp` or `DialFailed` must follow.
    Dial {
        /// With whom.
        peer: NodeId,
        /// To be shown in the offer.
        permit: u64,
        /// A node linked to the peer.
        via: Option<NodeId>,
    },
    /// An offer with this permit may come (`Negotiator`): `LinkUp` or `DialFailed` must follow.
    Expect {
        /// From whom.
        peer: NodeId,
        /// To be shown in the offer.
        permit: u64,
    },
    /// An offer or answer arrived over the overlay.
    Signal {
        /// From whom; proved.
        from: NodeId,
        /// Through whom an answer reaches it.
        via: Option<NodeId>,
        /// Opaque.
        payload: Bytes,
    },
    /// Sign with the node's key; answer with [`Input::Signed`].
    Sign {
        /// Names the request.
        token: u64,
        /// What.
        bytes: Bytes,
    },
    /// May this job be worked on here? Answer with [`Input::Appraised`].
    Appraise {
        /// Which job.
        job: JobId,
        /// The workload.
        kind: u16,
        /// Its parameters.
        params: Bytes,
        /// How many tasks its creator claims.
        tasks: u32,
    },
    /// Compute a task on a free worker. Answer with [`Input::Computed`].
    Compute {
        /// Names the computation.
        work: WorkId,
        /// Of which job.
        job: JobId,
        /// Which task.
        task: u32,
        /// The workload.
        kind: u16,
        /// The job's parameters.
        params: Bytes,
    },
    /// Stop a computation; an answer that is under way is ignored.
    Abandon(WorkId),
    /// Compute some places of a task again and compare. Answer with [`Input::Audited`].
    Audit(AuditOrder),
    /// This value is held here now, or changed. For a driver with a disk.
    Keep {
        /// Which.
        name: Name,
        /// Its bytes.
        value: Bytes,
        /// How long it lives from now on, unless that is told anew.
        lifetime: Duration,
    },
    /// This value is not held here any more.
    Forget(Name),
    /// Is this value on the disk? Answer with [`Input::Loaded`], with nothing if there is no disk.
    Load(Name),
    /// Something a person may want to know.
    Event(Event),
    /// The goodbyes are queued on the links; close them once they are sent.
    Left,
}

/// What happened at this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node is a full member of the ring.
    Ready,
    /// It is not, until it is ready again.
    NotReady,
    /// The join got no answer; ask the server for another introduction.
    JoinFailed,
    /// The leaf set changed.
    NeighboursChanged,
    /// A link is up and its first frames agreed.
    Linked(NodeId),
    /// A link is down.
    Unlinked(NodeId),
    /// A peer left or died.
    PeerGone {
        /// Who.
        peer: NodeId,
        /// How it is known.
        reason: GoneReason,
    },
    /// A peer sent what no honest peer sends.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What it did.
        why: &'static str,
    },
    /// From the grid.
    Grid(grid::Event),
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The overlay's reason.
    Overlay(overlay::Wake),
    /// The groups' reason.
    Groups(groups::Wake),
    /// The store's reason.
    Store(store::Wake),
    /// The grid's reason.
    Grid(grid::Wake),
    /// A link has not said hello in time.
    Hello,
}
