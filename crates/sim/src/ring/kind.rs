//! What sort of message it is, for counting. The only file that knows all of them.

use wire::overlay::{Message, Target};

/// Names of the sorts, by number.
pub const KINDS: [&str; 14] = [
    "lookup",
    "sealed",
    "ack",
    "join",
    "probe",
    "heartbeat",
    "leaf set",
    "row",
    "suspect",
    "link",
    "leaving",
    "ping",
    "state",
    "measured",
];

/// Whether the message answers a question: the two together are one remote call. What is said unasked
/// is a call by itself, and so is a [`Message::State`], which may be either.
#[must_use]
pub(super) fn is_answer(message: &Message) -> bool {
    matches!(
        message,
        Message::RouteAck(_)
            | Message::JoinReply { .. }
            | Message::JoinRefused { .. }
            | Message::ProbeReply { .. }
            | Message::Pong { .. }
            | Message::Row { .. }
            | Message::LinkGrant { .. }
            | Message::LinkRefuse { .. }
    )
}

/// The number of a message's sort: an index into [`KINDS`].
#[must_use]
pub fn kind(message: &Message) -> usize {
    match message {
        Message::Route(routed) => match routed.target {
            Target::Root | Target::Replica(_) => 0,
            Target::Node => 1,
        },
        Message::RouteAck(_) => 2,
        Message::Join { .. } | Message::JoinReply { .. } | Message::JoinRefused { .. } => 3,
        Message::Probe { .. } | Message::ProbeReply { .. } => 4,
        Message::Heartbeat(_) => 5,
        Message::LeafSet(_) => 6,
        Message::RowRequest { .. } | Message::Row { .. } => 7,
        Message::Suspect { .. } => 8,
        Message::LinkRequest { .. } | Message::LinkGrant { .. } | Message::LinkRefuse { .. } => 9,
        Message::Leaving(_) => 10,
        Message::Ping { .. } | Message::Pong { .. } => 11,
        Message::StateRequest { .. } | Message::State { .. } => 12,
        Message::Measured { .. } => 13,
    }
}
