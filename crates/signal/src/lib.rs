//! Introduction: how two peers that share no link come to build one.
//!
//! Three machines with the same face as every other: [`room::Room`] is the server's (who is here,
//! who meets whom), [`entry::Entry`] is a peer's conversation with the server (challenge, voucher,
//! introduction, coming back after a loss), [`negotiation::Negotiator`] is a peer's conversation
//! with another peer (signed offer and answer), over the server or over the overlay alike.
//! Nothing here knows an overlay, a socket or a browser.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod entry;
pub mod message;
pub mod negotiation;
pub mod rate;
pub mod room;
mod sdp;
