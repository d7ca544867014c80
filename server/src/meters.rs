//! What the server counts besides the room: requests, WebSockets, callers turned away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the classes of request durations, in microseconds.
pub(crate) const CLASSES_MICROS: [u64; 5] = [1_000, 5_000, 25_000, 100_000, 500_000];

#[derive(Debug, Default)]
pub(crate) struct Meters {
    /// Requests by duration; the last class has no bound.
    pub(crate) requests: [AtomicU64; CLASSES_MICROS.len() + 1],
    pub(crate) request_micros: AtomicU64,
    /// Open WebSockets.
    pub(crate) sockets: AtomicU64,
    /// Requests and connections refused for their number or rate.
    pub(crate) limited: AtomicU64,
}

impl Meters {
    pub(crate) fn request(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let class = CLASSES_MICROS.iter().take_while(|&&bound| bound < micros).count();
        self.requests[class].fetch_add(1, Ordering::Relaxed);
        self.request_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn limited(&self) {
        self.limited.fetch_add(1, Ordering::Relaxed);
    }
}
