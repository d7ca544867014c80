//! What goes into the machine and what comes out.

use alloc::string::String;

use base::{Bounded, Card, Duration, Signature};
use bytes::Bytes;
use node::{AuditId, AuditOrder, Class, Failure, JobId, LinkId, Name, Verdict, WorkId};
use signal::entry::ServerId;
use signal::message::{ICE_SERVERS_MAX, IceServer};
use signal::negotiation::Attempt;

use crate::SERVERS_MAX;

/// Which signature is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignToken {
    /// The login at a server.
    Login(ServerId),
    /// An offer or answer.
    Proposal(Attempt),
    /// A sealed message of the node.
    Sealed(u64),
    /// A job's description, by when it was created.
    Job(u64),
}

/// What happened, or what is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// The WebSocket to a server is open.
    ServerOpened(ServerId),
    /// It is closed, or could not be opened.
    ServerClosed {
        /// Which.
        server: ServerId,
        /// In words.
        reason: String,
    },
    /// A binary message of a server.
    ServerReceived {
        /// Which.
        server: ServerId,
        /// What.
        message: Bytes,
    },
    /// A person pressed "retry": connect to the servers now.
    RetryNow,
    /// The signature that [`Output::Sign`] asked for.
    Signed {
        /// Of the request.
        token: SignToken,
        /// The signature.
        signature: Signature,
    },
    /// The local description of a link under construction, complete with candidates.
    Described {
        /// Which link.
        link: LinkId,
        /// The session description.
        sdp: String,
    },
    /// Both channels of a link are open.
    LinkOpened(LinkId),
    /// A link is closed, failed, or could not be constructed.
    LinkBroken {
        /// Which link.
        link: LinkId,
        /// In words.
        reason: String,
    },
    /// A channel message arrived.
    Received {
        /// On which link.
        link: LinkId,
        /// On which channel.
        class: Class,
        /// One chunk.
        chunk: Bytes,
    },
    /// Bytes of [`Output::Send`] left the driver's buffers for the network.
    Drained {
        /// On which link.
        link: LinkId,
        /// On which channel.
        class: Class,
        /// How many.
        bytes: u32,
    },
    /// Create a job. Its parameters were checked. [`Event::Submitted`](crate::Event::Submitted)
    /// names it, with when it was created.
    Submit {
        /// The time, in microseconds since 1970; no two jobs of a peer may have the same.
        created: u64,
        /// The workload.
        kind: u16,
        /// How many tasks.
        tasks: u32,
        /// Its parameters.
        params: Bytes,
    },
    /// Follow a job without working on it, whoever owns it and even if it has ended.
    Watch(JobId),
    /// Which jobs does the network have? The grid's event `Listed` answers, after some heartbeats
    /// at the latest; never without a node.
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
    /// Open the WebSocket to a server: `ServerOpened` or `ServerClosed` must follow.
    ConnectServer {
        /// Which: names it from now on.
        server: ServerId,
        /// Where it is.
        url: String,
    },
    /// Close it.
    DisconnectServer(ServerId),
    /// Send a server a binary message.
    SendServer {
        /// Which.
        server: ServerId,
        /// What.
        message: Bytes,
    },
    /// Sign with the node's key: `Signed` must follow.
    Sign {
        /// Names the request.
        token: SignToken,
        /// What.
        bytes: Bytes,
    },
    /// Construct a peer connection with both channels and make an offer: `Described` or
    /// `LinkBroken` must follow.
    CreateOffer(LinkId),
    /// Construct a peer connection with both channels, take this offer and make an answer:
    /// `Described` or `LinkBroken` must follow.
    CreateAnswer {
        /// Which link.
        link: LinkId,
        /// The remote description.
        sdp: String,
    },
    /// Take this answer; `LinkOpened` or `LinkBroken` must follow.
    ApplyAnswer {
        /// Which link.
        link: LinkId,
        /// The remote description.
        sdp: String,
    },
    /// Close a peer connection after what was sent on it, and release everything of it.
    /// `LinkBroken` need not follow.
    CloseLink(LinkId),
    /// Put one chunk on a channel, and report it as drained once the channel has taken it.
    Send {
        /// On which link.
        link: LinkId,
        /// On which channel.
        class: Class,
        /// At most 16 KiB.
        chunk: Bytes,
    },
    /// May this job be worked on here? `Appraised` must follow.
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
    /// Compute a task on a free worker: `Computed` must follow.
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
    /// Compute some places of a task again and compare, soon: `Audited` must follow.
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
    /// Is this value on the disk? `Loaded` must follow, with nothing if there is no disk.
    Load(Name),
    /// Something a person may want to know.
    Event(Event),
    /// The goodbyes are queued on the links; close them once they are sent.
    Left,
}

/// What happened at this peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A server vouched for this peer: keep the voucher. Once in a start.
    Named {
        /// Key, voucher, epoch.
        card: Card,
        /// Where the network's introducers are, to be kept for the next start beside those that a
        /// person names.
        servers: Bounded<String, SERVERS_MAX>,
    },
    /// The STUN and TURN servers for links from now on, after the first welcome and whenever they
    /// change: their credentials do not last.
    IceServers(Bounded<IceServer, ICE_SERVERS_MAX>),
    /// Logged in at a server.
    ServerReached {
        /// Peers connected to it.
        peers: u32,
    },
    /// Every server is out of reach; links and jobs go on without.
    ServerUnreachable {
        /// In words.
        reason: String,
        /// Until the next try.
        retry: Duration,
    },
    /// No server takes this peer, in words; none is asked again unprompted.
    ServerRefused(String),
    /// A submission has its name now.
    Submitted {
        /// Of the request.
        created: u64,
        /// The job.
        job: JobId,
    },
    /// A submission could not be made: this peer has no voucher yet.
    NotSubmitted {
        /// Of the request.
        created: u64,
    },
    /// No link to this peer came about, in words.
    LinkFailed {
        /// With whom.
        peer: base::NodeId,
        /// In words.
        reason: String,
    },
    /// From the node.
    Node(node::Event),
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The node's reason.
    Node(node::Wake),
    /// A conversation with a server.
    Entry(signal::entry::Wake),
    /// Another server is to be tried, too.
    NextServer,
    /// The conversation with a peer about a link.
    Negotiation(signal::negotiation::Wake),
}
