//! What went over this node's links, counted as bytes of channel messages.

use wire::Class;

/// Bytes of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Everything that is not a result.
    pub control: u64,
    /// Results, with their frames.
    pub results: u64,
}

impl Amount {
    fn add(&mut self, class: Class, bytes: usize) {
        let bytes = bytes as u64;
        match class {
            Class::Control => self.control += bytes,
            Class::Bulk => self.results += bytes,
        }
    }
}

/// Counters since the start. Control bytes over result bytes, as sent, is the overhead of
/// communication ([`Measures`](crate::Measures)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Sent over links, also on behalf of others.
    pub sent: Amount,
    /// Received over links.
    pub received: Amount,
    /// Messages that were refused: malformed, misplaced, unproved, repeated.
    pub refused: u64,
    /// Messages dropped because a queue was full.
    pub dropped: u64,
}

impl Traffic {
    pub(crate) fn received(&mut self, class: Class, bytes: usize) {
        self.received.add(class, bytes);
    }

    pub(crate) fn sent(&mut self, class: Class, bytes: usize) {
        self.sent.add(class, bytes);
    }
}
