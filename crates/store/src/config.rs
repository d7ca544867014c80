//! The store's settings, each with what it trades.

use base::Duration;

/// Settings of one node's store.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The address group of this node, if it knows it.
    pub group: Option<u32>,
    /// How often the holders of a value look for each other. Shorter repairs what a lost message or
    /// a dead holder broke sooner; each turn costs one short exchange a holder.
    pub period: Duration,
    /// How long after a change of neighbours the holders look: changes come together.
    pub settle: Duration,
    /// Before an unanswered request is repeated.
    pub retry: Duration,
    /// Bytes of values that this node holds for the ring. What comes beyond it is refused with a
    /// reason, and the next node takes its place.
    pub held_bytes_max: u64,
    /// Of those, bytes brought by one peer that is no neighbour. Beyond it that peer is refused.
    pub stranger_bytes_max: u64,
    /// Bytes of blobs kept because they came by. Beyond it the oldest is forgotten.
    pub cache_bytes_max: u64,
    /// Bytes that one peer may fetch at once; refilled over [`Config::period`]. Beyond it requests
    /// are ignored, and the peer turns to another holder.
    pub served_bytes_max: u64,
    /// The longest lifetime of a value. What asks for more gets this.
    pub lifetime_max: Duration,
    /// How long a leaving node hands over.
    pub leave_time: Duration,
}

impl Default for Config {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Config {
            group: None,
            period: Duration::from_secs(30),
            settle: Duration::from_secs(1),
            retry: Duration::from_secs(2),
            held_bytes_max: 256 * MIB,
            stranger_bytes_max: 64 * MIB,
            cache_bytes_max: 128 * MIB,
            served_bytes_max: 64 * MIB,
            lifetime_max: Duration::from_secs(24 * 3600),
            leave_time: Duration::from_secs(10),
        }
    }
}
