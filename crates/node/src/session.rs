//! One link: hello, chunks in, queues out.
//!
//! Control and bulk have a queue each, and a window: what the driver has not passed on yet is
//! bounded, so that a slow link fills this queue, which knows priorities, and not the driver's.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{Card, Duration, NodeId, Time};
use bytes::Bytes;
use wire::Class;
use wire::chunk::{self, Reader};
use wire::limits::{CONTROL_BYTES_MAX, MESSAGE_BYTES_MAX};
use wire::overlay::Contact;

/// Bytes that a driver may hold for one channel before it reports them as drained.
pub const WINDOW_BYTES: usize = 256 * 1024;
/// Control bytes queued on a link; above it the peer does not keep up and the link ends.
const CONTROL_QUEUE_MAX: usize = 4 * 1024 * 1024;
/// Bulk bytes queued on a link; above it the newest message is dropped. Its receiver asks for it
/// when it notices (grid `Fetch`).
const BULK_QUEUE_MAX: usize = 32 * 1024 * 1024;
/// A link without hello for this long is closed.
const HELLO_DEADLINE: Duration = Duration::from_secs(10);
/// Bulk messages kept while the hello is under way; above it the link ends.
const HELD_MAX: usize = 8;
/// Malformed, misplaced or impossible messages after which the link ends (hostile.md W1–W4).
const MISTAKES_MAX: u8 = 3;

/// Bytes of a peer that were not taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) why: &'static str,
    /// The link must end.
    pub(crate) is_final: bool,
}

/// What [`Session::send`] did with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    Yes,
    /// The bulk queue is full; the message is dropped.
    Dropped,
    /// The control queue is full; the link is of no use.
    Stuck,
}

#[derive(Debug)]
struct Lane {
    reader: Reader,
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
    queue_bytes_max: usize,
    /// Given to the driver and not reported as drained.
    outstanding_bytes: usize,
}

impl Lane {
    fn new(message_bytes_max: usize, queue_bytes_max: usize) -> Self {
        Lane {
            reader: Reader::new(message_bytes_max),
            queue: VecDeque::new(),
            queued_bytes: 0,
            queue_bytes_max,
            outstanding_bytes: 0,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Session {
    peer: NodeId,
    epoch: u64,
    since: Time,
    established: bool,
    mistakes: u8,
    control: Lane,
    bulk: Lane,
    held: Vec<Vec<u8>>,
}

impl Session {
    pub(crate) fn new(now: Time, card: Card) -> Self {
        Session {
            peer: card.id(),
            epoch: card.epoch,
            since: now,
            established: false,
            mistakes: 0,
            control: Lane::new(CONTROL_BYTES_MAX, CONTROL_QUEUE_MAX),
            bulk: Lane::new(MESSAGE_BYTES_MAX, BULK_QUEUE_MAX),
            held: Vec::new(),
        }
    }

    pub(crate) fn peer(&self) -> NodeId {
        self.peer
    }

    pub(crate) fn contact(&self) -> Contact {
        Contact { id: self.peer, epoch: self.epoch }
    }

    pub(crate) fn is_established(&self) -> bool {
        self.established
    }

    /// Until when the peer must have said hello.
    pub(crate) fn hello_deadline(&self) -> Option<Time> {
        (!self.established).then(|| self.since + HELLO_DEADLINE)
    }

    /// The hello agreed; returns the bulk messages that overtook it.
    pub(crate) fn establish(&mut self) -> Vec<Vec<u8>> {
        self.established = true;
        core::mem::take(&mut self.held)
    }

    /// Bytes queued here and not given to the driver, control and bulk.
    pub(crate) fn queued_bytes(&self) -> (usize, usize) {
        (self.control.queued_bytes, self.bulk.queued_bytes)
    }

    fn lane(&mut self, class: Class) -> &mut Lane {
        match class {
            Class::Control => &mut self.control,
            Class::Bulk => &mut self.bulk,
        }
    }

    /// Takes a chunk; returns the message that it completes.
    pub(crate) fn receive(
        &mut self,
        class: Class,
        chunk: &[u8],
    ) -> Result<Option<Vec<u8>>, Refusal> {
        match self.lane(class).reader.push(chunk) {
            Err(_) => Err(self.mistake("bad chunk")),
            Ok(Some(message)) if class == Class::Bulk && !self.established => {
                if self.held.len() >= HELD_MAX {
                    return Err(Refusal { why: "bulk before hello", is_final: true });
                }
                self.held.push(message);
                Ok(None)
            }
            Ok(message) => Ok(message),
        }
    }

    /// Counts something that no honest peer sends.
    pub(crate) fn mistake(&mut self, why: &'static str) -> Refusal {
        self.mistakes = self.mistakes.saturating_add(1);
        Refusal { why, is_final: self.mistakes >= MISTAKES_MAX }
    }

    /// Queues an encoded frame.
    pub(crate) fn send(&mut self, class: Class, message: &[u8]) -> Queued {
        let lane = self.lane(class);
        if lane.queued_bytes + message.len() > lane.queue_bytes_max {
            return if class == Class::Bulk { Queued::Dropped } else { Queued::Stuck };
        }
        for chunk in chunk::split(message) {
            lane.queued_bytes += chunk.len();
            lane.queue.push_back(chunk);
        }
        Queued::Yes
    }

    /// The next chunk for the driver, control before bulk, within the windows.
    pub(crate) fn next_chunk(&mut self) -> Option<(Class, Bytes)> {
        for class in [Class::Control, Class::Bulk] {
            let lane = self.lane(class);
            let fits = |chunk: &Bytes| lane.outstanding_bytes + chunk.len() <= WINDOW_BYTES;
            if lane.queue.front().is_some_and(fits)
                && let Some(chunk) = lane.queue.pop_front()
            {
                lane.queued_bytes -= chunk.len();
                lane.outstanding_bytes += chunk.len();
                return Some((class, chunk));
            }
        }
        None
    }

    /// The driver passed this much on.
    pub(crate) fn drained(&mut self, class: Class, bytes: u32) {
        let lane = self.lane(class);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        lane.outstanding_bytes = lane.outstanding_bytes.saturating_sub(bytes);
    }
}
