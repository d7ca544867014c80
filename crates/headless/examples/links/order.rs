//! What a near end asks of a far end, the same over a link, over TCP and of a tab
//! (`tests/bench/link/far.js`).

use anyhow::Result;
use wire::limits;

/// A full piece of a message, as a node sends them.
pub(crate) const CHUNK_BYTES: usize = limits::CHUNK_BYTES_MAX;

/// Every order has this size; on a link it goes over the control channel.
pub(crate) const ORDER_BYTES: usize = 32;

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Return this order.
    Echo,
    /// Send so many chunks.
    Send(u32),
    /// Return this order once so many chunks have come.
    Take(u32),
}

impl Order {
    pub(crate) fn encode(self) -> [u8; ORDER_BYTES] {
        let (kind, chunks) = match self {
            Order::Echo => (0, 0),
            Order::Send(chunks) => (1, chunks),
            Order::Take(chunks) => (2, chunks),
        };
        let mut bytes = [0; ORDER_BYTES];
        bytes[0] = kind;
        bytes[1..5].copy_from_slice(&u32::to_le_bytes(chunks));
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let [kind, a, b, c, d, ..] = *bytes else { return None };
        let chunks = u32::from_le_bytes([a, b, c, d]);
        match kind {
            0 => Some(Order::Echo),
            1 => Some(Order::Send(chunks)),
            2 => Some(Order::Take(chunks)),
            _ => None,
        }
    }
}

/// The near end of a connection.
pub(crate) trait Wire {
    /// Gives an order to the far end, does the near end's part, and returns when it is done.
    fn carry_out(&mut self, order: Order) -> Result<()>;
}
