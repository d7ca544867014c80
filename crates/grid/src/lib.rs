//! The grid: jobs, tasks, leases, results, over opaque payloads.
//!
//! A node owns the jobs it created and works on those of others. The owner is a coordinator: it
//! leases tasks to peers that pull them, takes back what a vanished peer held, and every
//! participant gets every result. The machine does not know what a task computes, how a message
//! travels, or what a leaf set is.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod config;
mod face;

pub use config::Config;
pub use face::{Event, Failure, Input, JobState, JobSummary, Output, Wake, WorkId, WorkerSummary};
