//! Stores in a world of virtual time: what a value owes to who put it, under loss, deaths and joins.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod blobs;
mod churn;
mod hostile;
mod records;
mod union;
mod world;
