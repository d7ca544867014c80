//! The bounds of everything on the wire. What exceeds one is refused, counted, and never stored.

/// Bytes of one channel message. Browsers and native stacks interoperate up to 256 KiB; 16 KiB
/// keeps a control message from waiting long behind bulk on a slow link (design §3).
pub const CHUNK_BYTES_MAX: usize = 16 * 1024;

/// Bytes of one reassembled message: a result of one task with room to spare.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one message on the control channel; a longer one is refused while its chunks arrive.
pub const CONTROL_BYTES_MAX: usize = 64 * 1024;

/// Bytes of the opaque body that the overlay routes.
pub const BODY_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 1024;

/// Bytes of a result's payload.
pub const PAYLOAD_BYTES_MAX: usize = 900 * 1024;

/// Bytes of an offer or answer that travels over the overlay.
pub const SIGNAL_BYTES_MAX: usize = 16 * 1024;

/// Overlay hops after which a message is dropped. Routes at 10⁶ nodes take 5; the rest is room for
/// detours around the dead.
pub const HOPS_MAX: u8 = 32;
