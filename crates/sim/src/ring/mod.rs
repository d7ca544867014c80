//! A fast world of many bare overlay nodes: the machine of `crates/overlay`, without keys, jobs or a
//! server, so that a hundred thousand fit one process.
//!
//! [`World`] holds the hosts, the agenda and the network between them ([`Shape`], [`Faults`]). Hosts
//! reach each other by datagrams or by links with a cost, as [`overlay::Reach`] says. A scenario
//! calls [`World::next_call`] and [`World::run_for`]; what is measured is read from [`Tally`],
//! [`Lookup`] and the checkers ([`Census`], [`wrong_leaf_sets`], [`table_quality`]). Groups and a
//! store stand on the nodes where a scenario wants them ([`World::build_up`]), with checkers of
//! their own ([`tree`], [`Shelves`]). One seed gives one run, to the last bit ([`World::trace`]).

mod agenda;
mod bad;
mod carry;
mod census;
mod chance;
mod churn;
mod directory;
mod drive;
mod fault;
mod host;
mod kind;
mod link;
mod lives;
mod lookup;
mod numbers;
mod parcels;
mod quality;
mod settings;
mod shelves;
mod tally;
mod topology;
mod tree;
mod upper;
mod world;

pub use census::{Census, wrong_leaf_sets, wrong_leaf_sets_of};
pub use churn::{Churn, Sessions};
pub use fault::Faults;
pub use kind::{KINDS, kind};
pub use lookup::{Lookup, Summary, summary};
pub use numbers::Numbers;
pub use parcels::Parcels;
pub use quality::{RowQuality, table_quality};
pub use settings::Settings;
pub use shelves::Shelves;
pub use tally::Tally;
pub use topology::{PLANE_MICROS, Shape, Topology};
pub use tree::{Tree, tree};
pub use upper::{Heard, UpperConfig, Word};
pub use world::World;
