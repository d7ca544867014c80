//! Grid nodes in a world of virtual time: what a job owes its participants, under faults.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod cost;
mod directory;
mod faults;
mod hostile;
mod jobs;
mod owners;
mod services;
mod viewers;
mod world;
