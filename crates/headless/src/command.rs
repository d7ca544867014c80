//! The commands, and what those that join a network have in common.

mod colours;
pub(crate) mod gallery;
mod gather;
pub(crate) mod job;
pub(crate) mod peer;
pub(crate) mod probe;
pub(crate) mod render;
pub(crate) mod watch;
mod which;
pub(crate) mod zoom;

use std::path::PathBuf;

use ::peer::{Event, SERVERS_MAX};
use base::{Duration, Time};
use node::Event as NodeEvent;

use crate::disk::Identity;
use crate::driver::{Driver, Notice, Settings};
use crate::failure::{Code, Failure};
use crate::pace::Intensity;
use crate::pool::{Pool, THREADS_MAX};
use crate::signals::Signals;

/// A server that was never reached counts as unreachable after this many tries, if no other is due
/// within this time of the start (a server may be starting too).
const FIRST_TRIES: u32 = 3;
const FIRST_TRIES_MAX: Duration = Duration::from_secs(5);
/// Tries that end in silence take longer; no more begin after this time.
const SILENT_TRIES_MAX: Duration = Duration::from_secs(15);

/// Who computes a picture: a network, or this machine alone.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["server", "alone"]))]
pub(crate) struct Helpers {
    /// The server that introduces peers, as http://HOST:PORT. Repeatable, in the environment separated
    /// by spaces: one that cannot be reached is one the next stands in for
    #[arg(long, value_name = "URL", env = "MILLEFEUILLE_SERVER", value_delimiter = ' ')]
    server: Vec<String>,
    /// Compute everything here, without a network
    #[arg(long)]
    alone: bool,
    #[command(flatten)]
    resources: Resources,
}

impl Helpers {
    /// The servers of the network, if one is to help.
    fn servers(&self) -> Option<&[String]> {
        Some(self.server.as_slice()).filter(|servers| !self.alone && !servers.is_empty())
    }
}

/// How to compute and what to keep.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Resources {
    /// Tiles computed at once; as many as processors unless given, at most 128
    #[arg(long, value_name = "N", env = "MILLEFEUILLE_THREADS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(THREADS_MAX)))]
    threads: Option<u16>,
    /// The share of its time that each of them computes, in percent: 10 to 100
    #[arg(long, value_name = "PERCENT", env = "MILLEFEUILLE_INTENSITY", default_value_t)]
    intensity: Intensity,
    /// Where to keep this peer's key and what it holds for the network; without it every start is a
    /// new peer
    #[arg(long, value_name = "DIR", env = "MILLEFEUILLE_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Links to other peers, at most
    #[arg(long, value_name = "N", env = "MILLEFEUILLE_LINKS", default_value_t = 256)]
    #[arg(value_parser = clap::value_parser!(u16).range(8..=1024))]
    links: u16,
}

impl Resources {
    fn threads(&self) -> u16 {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(|| u16::try_from(all()).unwrap_or(THREADS_MAX).min(THREADS_MAX))
    }

    /// Starts the threads of a picture that is computed here alone.
    fn pool(&self) -> anyhow::Result<Pool> {
        Ok(Pool::start(self.threads(), self.intensity)?)
    }

    /// Starts a driver. Must be called within a tokio runtime.
    fn join(&self, servers: &[String]) -> Result<Driver, Failure> {
        // A mistake in a URL is worth no key on the disk.
        for server in servers {
            crate::socket::socket_url(server)
                .map_err(|error| Failure::usage(format_args!("{error:#}")))?;
        }
        if servers.len() > SERVERS_MAX {
            return Err(Failure::usage(format_args!("at most {SERVERS_MAX} servers are tried")));
        }
        let identity = match &self.data_dir {
            Some(directory) => Identity::load(directory, servers)?,
            None => Identity::ephemeral()?,
        };
        let settings = Settings {
            servers: servers.to_vec(),
            threads: self.threads(),
            intensity: self.intensity,
            links_max: self.links,
        };
        Ok(Driver::start(settings, identity)?)
    }
}

/// Tells the events apart that end a command.
#[derive(Debug, Default)]
struct Patience {
    /// Peers that the server told of, this one among them, once it was reached.
    peers: Option<u32>,
    tries: u32,
}

impl Patience {
    /// # Errors
    /// When the server refuses a peer that is no member yet, or could never be reached. A member
    /// goes on without its server.
    fn check(&mut self, servers: &[String], driver: &Driver, event: &Event) -> Result<(), Failure> {
        let is_member = driver.node().is_some_and(node::Node::is_ready);
        let now = driver.now();
        match event {
            Event::ServerReached { peers } => self.peers = Some(*peers),
            Event::ServerRefused(reason) if !is_member => {
                let message = format!("the server refuses this peer: {reason}");
                return Err(Failure::new(Code::Runtime, message));
            }
            Event::ServerUnreachable { reason, retry } if self.peers.is_none() => {
                self.tries += 1;
                let next = (now + *retry).since(Time::ZERO);
                let is_enough = self.tries >= FIRST_TRIES && next > FIRST_TRIES_MAX;
                if is_enough || next > SILENT_TRIES_MAX {
                    let servers = servers.join(" or ");
                    let message = format!("the server {servers} cannot be reached: {reason}");
                    return Err(Failure::new(Code::Unreachable, message));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A command that is no member of the network by then gives up.
const MEMBER_MAX: Duration = Duration::from_secs(60);

/// Joins the network, and returns once this peer is a member of the ring: how many peers the server
/// told of, or 0 where it was not asked.
async fn become_member(
    driver: &mut Driver,
    servers: &[String],
    signals: &mut Signals,
) -> Result<u32, Failure> {
    if driver.node().is_some_and(node::Node::is_ready) {
        return Ok(0);
    }
    let mut patience = Patience::default();
    let mut hindrance = "no peer of the network answers".to_owned();
    let too_late = tokio::time::sleep(MEMBER_MAX);
    tokio::pin!(too_late);
    loop {
        tokio::select! {
            notice = driver.next() => if let Notice::Event(event) = notice {
                patience.check(servers, driver, &event)?;
                match event {
                    Event::Node(NodeEvent::Ready) => return Ok(patience.peers.unwrap_or(0)),
                    Event::LinkFailed { reason, .. } => hindrance = reason,
                    _ => {}
                }
            },
            code = signals.next() => return Err(interrupted(code)),
            () = &mut too_late => {
                let message = format!("the network cannot be joined: {hindrance}");
                return Err(Failure::new(Code::Unreachable, message));
            }
        }
    }
}

fn interrupted(code: u8) -> Failure {
    Failure::new(Code::Signal(code), "interrupted")
}

/// Hands everything back, says goodbye, and closes the links. Another signal ends the process.
async fn say_goodbye(driver: &mut Driver, signals: &mut Signals) {
    driver.leave();
    loop {
        tokio::select! {
            notice = driver.next() => if matches!(notice, Notice::Left) { return },
            code = signals.next() => std::process::exit(code.into()),
        }
    }
}
