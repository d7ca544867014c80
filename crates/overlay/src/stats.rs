//! Counters, for inspectors and tests. Nothing decides by them.

/// What one node has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages said to other nodes, routed ones and acknowledgements included.
    pub sent: u64,
    /// Routed messages sent on to a next hop, repetitions included.
    pub forwarded: u64,
    /// Routed messages delivered here.
    pub delivered: u64,
    /// Links that the delivered messages had crossed, summed.
    pub hops: u64,
    /// Routed messages sent to another hop because the first did not take or keep them.
    pub rerouted: u64,
    /// Routed messages that had to wait for a way.
    pub held: u64,
    /// Routed messages given up here.
    pub dropped: u64,
    /// Routed messages that came again after they were delivered or passed on.
    pub repeated: u64,
}
