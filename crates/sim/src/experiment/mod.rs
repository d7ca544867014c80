//! The measurements: each builds a world, does its work in it, and holds what it found against the
//! published figure and the pass line (`pastry.md` §2 and §5).
//!
//! Nothing here prints, draws or reads a clock: an experiment takes a [`Request`] and gives a
//! [`Report`]; the command line does the rest.

mod adversary;
mod aftermath;
mod anycast;
mod build;
mod burst;
mod churn;
mod crowd;
mod distance;
mod failures;
mod forest;
mod groups;
mod hops;
mod job;
mod links;
mod owner;
mod peers;
mod reference;
mod replicas;
mod report;
mod scale;
mod store;
mod tables;
mod trace;
mod verify;

pub use trace::trace_of;

pub use report::{Bound, Chart, Figure, Report, Series, Source};

use crate::ring::{Settings, Shape};
use base::Duration;
use overlay::{Config, Reach};

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Nodes; `None`: the experiment's own choice.
    pub nodes: Option<u32>,
    /// Tasks of a job, where there is one; `None`: the experiment's own choice.
    pub tasks: Option<u32>,
    /// Of everything random.
    pub seed: u64,
    /// How many seeds from there, for an experiment that takes several.
    pub seeds: u64,
    /// Only the cases whose name contains this; empty for all.
    pub only: &'a str,
    /// Links of a node at most, where there are links.
    pub cap: Option<u16>,
    /// Distances.
    pub shape: Shape,
    /// Virtual time to measure, where an experiment has a length of its own.
    pub span: Option<Duration>,
    /// The median session of nodes that come and go, where an experiment has them stay otherwise.
    pub sessions: Option<Duration>,
    /// Told what goes on, how much is done, and of how much.
    pub progress: &'a dyn Fn(&str, u64, u64),
}

/// One measurement.
#[derive(Clone, Copy)]
pub struct Experiment {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it measures, in a line.
    pub about: &'static str,
    /// Does it.
    pub run: fn(&Request) -> Report,
}

/// All of them.
pub const EXPERIMENTS: &[Experiment] = &[
    hops::HOPS,
    distance::DISTANCE,
    tables::TABLES,
    replicas::REPLICAS,
    failures::FAILURES,
    churn::CHURN,
    churn::LOSS,
    crowd::MASSFAILURE,
    burst::BURST,
    links::LINKS,
    crowd::PARTITION,
    crowd::FREEZE,
    adversary::ADVERSARY,
    groups::GROUPS,
    anycast::ANYCAST,
    store::STORE,
    scale::SCALE,
    owner::OWNER,
    job::JOB,
    trace::TRACE,
    verify::VERIFY,
];

/// Heartbeats of a ring in which nothing happens, as MSPastry has them (`pastry.md` §1.2).
const SLOW_HEARTBEAT: Duration = Duration::from_secs(30);

impl Request<'_> {
    /// Whether this case is asked for.
    fn wants(&self, case: &str) -> bool {
        case.contains(self.only)
    }

    /// A world of datagrams.
    fn datagrams(&self, heartbeat: Duration, idle_heartbeat: Duration) -> Settings {
        let overlay =
            Config { reach: Reach::Direct, heartbeat, idle_heartbeat, ..Config::default() };
        Settings { seed: self.seed, overlay, shape: self.shape, ..Settings::default() }
    }

    /// A ring in which nothing happens, for what does not depend on time.
    fn quiet(&self) -> Settings {
        self.datagrams(SLOW_HEARTBEAT, SLOW_HEARTBEAT)
    }

    /// A ring without jobs, as it is shipped.
    fn idle(&self) -> Settings {
        self.datagrams(Config::default().heartbeat, Config::default().idle_heartbeat)
    }

    /// A ring with jobs everywhere.
    fn busy(&self) -> Settings {
        self.datagrams(Config::default().heartbeat, Config::default().heartbeat)
    }

    /// A ring with jobs everywhere, over links that cost something.
    fn linked(&self, cap: u16) -> Settings {
        let busy = self.busy();
        let overlay = Config { reach: Reach::Links, links_max: cap, ..busy.overlay };
        Settings { overlay, ..busy }
    }
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}
