//! The whole system: a real server, native peers and browsers, on real WebRTC.
//!
//! Tests run one at a time: each has the machine's cores for its peers.
//! They need `chromium`, `firefox-esr`, `node` and the packages of `tests/package.json`;
//! `cargo xtask test` installs and builds everything.

mod access;
mod donor;
mod embed;
mod explorer;
mod kernel;
mod outlive;
mod page;
mod picture;
mod scene;
mod server;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time. A test that failed does not take the others with it.
fn alone_on_this_machine() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}
