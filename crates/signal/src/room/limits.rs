//! How much of everything one room takes, and from one connection.

use base::Duration;

/// Connections at once, logged in or not, unless the settings say otherwise; one more is closed at
/// once. Chosen: at about 10 KiB a connection in the driver this is 200 MiB.
pub const CONNECTIONS_MAX: u32 = 20_000;
/// One in this many of the places is kept for peers that this network vouched for before: a crowd
/// of fresh identities does not lock them out.
pub(super) const KEPT_FOR_KNOWN: u32 = 10;
/// A connection that has not logged in by then is closed (hostile.md §3.1).
pub const LOGIN_PATIENCE: Duration = Duration::from_secs(5);
/// Messages that a connection may send at once, besides what it owes; one more closes it.
pub const MESSAGE_BURST_MAX: u32 = 20;
/// It regains one message in this time: 5 messages a second.
pub const MESSAGE_INTERVAL: Duration = Duration::from_millis(200);
/// Answers that a connection owes at most to the newcomers that the room sent it, and that it may
/// send above its rate: a crowd that arrives at once meets whoever is there. Chosen: several times
/// the visitors that a peer awaits; beyond it the rate alone counts.
pub const OWED_MAX: u32 = 256;
/// Offers that a connection may send at once, and the time in which it regains one: 30 a minute
/// (hostile.md §3.1). One more closes it: a newcomer sends one for each introduction.
pub const OFFER_BURST_MAX: u32 = 30;
/// See [`OFFER_BURST_MAX`].
pub const OFFER_INTERVAL: Duration = Duration::from_secs(2);
/// Introductions that a connection gets at once; beyond them it is told to wait.
pub const INTRODUCTION_BURST_MAX: u32 = 10;
/// It regains one introduction in this time. Chosen: a dial has a deadline of 10 s.
pub const INTRODUCTION_INTERVAL: Duration = Duration::from_secs(5);
/// How long the first newcomers of a restarted server wait for members to come back: above the
/// 30 s in which linked peers make their first try.
pub const GRACE: Duration = Duration::from_secs(35);
/// How long a founder may take to become ready before the next newcomer is told to found.
pub const FOUNDER_PATIENCE: Duration = Duration::from_secs(10);
