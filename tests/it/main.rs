//! The whole system: a real server, native peers and browsers, on real WebRTC.
//!
//! Tests run one at a time: each has the machine's cores for its peers.
//! They need `chromium`, `firefox-esr`, `node` and the packages of `tests/package.json`;
//! `cargo xtask test` installs and builds everything.

mod access;
mod colours;
mod donor;
mod embed;
mod explorer;
mod introducers;
mod kernel;
mod language;
mod lies;
mod outlive;
mod page;
mod picture;
mod rendering;
mod ring;
mod room;
mod scene;
mod series;
mod server;
mod speed;

use room::alone_on_this_machine;
