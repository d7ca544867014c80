//! Grid nodes in a world of virtual time: what a job owes its participants, under faults.

mod cost;
mod faults;
mod hostile;
mod jobs;
mod world;
