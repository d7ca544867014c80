//! What is done to the network: peers killed and replaced, stopped and continued, cut off and joined
//! again, alone and several together; tabs closed and opened; the server restarted.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use base::Rng;
use serde_json::{Value, json};
use tests::{Browser, Engine, Page, Peer, Scratch, Server};

use crate::Options;
use crate::recovery::Recovery;
use crate::wires::{Place, Wires};

/// Between two blows.
const PAUSE: Duration = Duration::from_secs(6);
/// How long a stopped peer stands still at most: longer than any lease.
const STOP_MAX: Duration = Duration::from_secs(45);
/// How long one is cut off at most.
const CUT_MAX: Duration = Duration::from_secs(60);

/// What was done to the network so far.
#[derive(Default)]
struct Blows {
    kills: u32,
    stops: u32,
    cuts: u32,
    partitions: u32,
    closes: u32,
    restarts: u32,
}

/// A native peer, perhaps in a namespace.
struct Native {
    peer: Peer,
    place: Option<Place>,
}

/// What comes to an end by itself.
enum Spell {
    /// Stands still.
    Stopped(Native),
    /// Cut off.
    Cut(Native, Place),
    /// Those at far places, from all others.
    Parted,
}

/// The network.
pub(crate) struct Chaos {
    rng: Rng,
    key: PathBuf,
    pub(crate) server: Server,
    /// Where it listens, as the namespaces see it.
    far_url: String,
    /// Neither stopped nor cut off alone.
    natives: Vec<Native>,
    spells: Vec<(Instant, Spell)>,
    browser: Browser,
    tabs: Vec<Page>,
    /// `None` where namespaces are not to be had.
    wires: Option<Wires>,
    /// Places without a peer.
    free: Vec<Place>,
    pub(crate) recovery: Recovery,
    /// Whether owners are killed, and nothing else is done.
    is_for_owners: bool,
    next_blow: Instant,
    blows: Blows,
}

impl Chaos {
    pub(crate) fn start(options: &Options, scratch: &Scratch) -> Result<Self> {
        // Before the first peer: it looks for its addresses when it starts.
        let wires = Wires::lay();
        if let Err(why) = &wires {
            eprintln!("chaos: nobody is cut off, for there are no network namespaces: {why:#}");
        }
        let wires = wires.ok();
        let key = scratch.file("introducer.key");
        let (server, far_url) = serve("0.0.0.0:0", &key, wires.as_ref())?;
        let mut chaos = Chaos {
            rng: Rng::new(options.seed),
            key,
            server,
            far_url,
            natives: Vec::new(),
            spells: Vec::new(),
            browser: Browser::start(Engine::Chromium)?,
            tabs: Vec::new(),
            free: wires.iter().flat_map(Wires::places).collect(),
            wires,
            recovery: Recovery::default(),
            is_for_owners: options.owners.is_some(),
            next_blow: Instant::now(),
            blows: Blows::default(),
        };
        for _ in 0..options.peers {
            chaos.add_peer()?;
        }
        for _ in 0..options.tabs {
            chaos.add_tab()?;
        }
        Ok(chaos)
    }

    /// In a free place that is not cut off, if there is one.
    fn add_peer(&mut self) -> Result<()> {
        let is_parted = self.spells.iter().any(|(_, spell)| matches!(spell, Spell::Parted));
        let at = self.free.iter().position(|place| !(is_parted && place.is_far()));
        let place = at.map(|at| self.free.swap_remove(at));
        let arguments = ["--threads", "1"];
        let peer = match (place, &self.wires) {
            (Some(place), Some(wires)) => {
                Peer::start_by(wires.launcher(place), &self.far_url, &arguments)
            }
            _ => Peer::start(&self.server, &arguments),
        };
        self.natives.push(Native { peer: peer?, place });
        Ok(())
    }

    fn add_tab(&mut self) -> Result<()> {
        let tab = self.browser.open(&self.server.url)?;
        self.browser.eval(tab, "window.millefeuille.start({cores: 1})")?;
        self.tabs.push(tab);
        Ok(())
    }

    /// When to strike.
    pub(crate) fn next_blow(&self) -> Instant {
        self.next_blow
    }

    pub(crate) fn strike(&mut self) -> Result<()> {
        self.next_blow = Instant::now() + PAUSE;
        self.listen();
        self.end_spells()?;
        if self.is_for_owners {
            return self.kill_owner();
        }
        match self.rng.below(12) {
            0..=4 => self.kill(),
            5..=6 => self.stop(),
            7..=8 => self.cut(),
            9 => self.part(),
            10 => self.close_tab(),
            _ => self.restart_server(),
        }
    }

    fn listen(&mut self) {
        let spells = self.spells.iter().filter_map(|(_, spell)| match spell {
            Spell::Stopped(native) | Spell::Cut(native, _) => Some(native),
            Spell::Parted => None,
        });
        // Owners are named by everybody before anybody's first lease is looked at.
        for native in self.natives.iter().chain(spells) {
            self.recovery.listen(&native.peer);
        }
    }

    fn end_spells(&mut self) -> Result<()> {
        let now = Instant::now();
        while let Some(at) = self.spells.iter().position(|(until, _)| *until <= now) {
            match self.spells.swap_remove(at).1 {
                Spell::Stopped(native) => {
                    native.peer.process.signal("CONT")?;
                    self.natives.push(native);
                }
                Spell::Cut(native, place) => {
                    self.wires()?.cut(place, false)?;
                    self.natives.push(native);
                }
                Spell::Parted => self.wires()?.cut_trunk(false)?,
            }
        }
        Ok(())
    }

    fn wires(&self) -> Result<&Wires> {
        self.wires.as_ref().context("only who has namespaces cuts them off")
    }

    fn begin_spell(&mut self, spell: Spell, longest: Duration) {
        let until = Instant::now() + longest.mul_f64(self.rng.unit());
        self.spells.push((until, spell));
    }

    fn owner(&self) -> Option<usize> {
        self.natives.iter().position(|one| self.recovery.is_owner(&one.peer))
    }

    /// One of those that run, the job's owner every other time.
    fn pick(&mut self) -> Option<usize> {
        let owner = self.owner();
        let at = self.rng.index(self.natives.len());
        if self.rng.chance(0.5) { owner.or(at) } else { at }
    }

    fn kill(&mut self) -> Result<()> {
        self.pick().map_or(Ok(()), |at| self.kill_one(at))
    }

    /// If there is one, and the loss of the last is made good.
    fn kill_owner(&mut self) -> Result<()> {
        let owner = self.owner().filter(|_| !self.recovery.is_awaited());
        owner.map_or(Ok(()), |at| self.kill_one(at))
    }

    fn kill_one(&mut self, at: usize) -> Result<()> {
        let native = self.natives.swap_remove(at);
        self.recovery.strikes(&native.peer);
        native.peer.process.signal("KILL")?;
        self.blows.kills += 1;
        self.free.extend(native.place);
        self.add_peer()
    }

    fn stop(&mut self) -> Result<()> {
        // A third of the network at most stands still or is cut off at once.
        if self.spells.len() * 3 < self.natives.len()
            && let Some(at) = self.pick()
        {
            let native = self.natives.swap_remove(at);
            self.recovery.strikes(&native.peer);
            native.peer.process.signal("STOP")?;
            self.blows.stops += 1;
            self.begin_spell(Spell::Stopped(native), STOP_MAX);
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<()> {
        let placed = self.natives.iter().filter(|native| native.place.is_some()).count();
        let Some(nth) = self.rng.index(placed) else { return Ok(()) };
        let is_placed = |native: &(usize, &Native)| native.1.place.is_some();
        let at = self.natives.iter().enumerate().filter(is_placed).nth(nth).map(|(at, _)| at);
        let Some(at) = at.filter(|_| self.spells.len() * 3 < self.natives.len()) else {
            return Ok(());
        };
        let native = self.natives.swap_remove(at);
        if let Some(place) = native.place {
            self.wires()?.cut(place, true)?;
            self.blows.cuts += 1;
            self.begin_spell(Spell::Cut(native, place), CUT_MAX);
        }
        Ok(())
    }

    fn part(&mut self) -> Result<()> {
        let is_parted = self.spells.iter().any(|(_, spell)| matches!(spell, Spell::Parted));
        if let Some(wires) = self.wires.as_ref().filter(|_| !is_parted) {
            wires.cut_trunk(true)?;
            self.blows.partitions += 1;
            self.begin_spell(Spell::Parted, CUT_MAX);
        }
        Ok(())
    }

    fn close_tab(&mut self) -> Result<()> {
        if let Some(at) = self.rng.index(self.tabs.len()) {
            let tab = self.tabs.swap_remove(at);
            self.browser.close(tab)?;
            self.blows.closes += 1;
            self.add_tab()?;
        }
        Ok(())
    }

    fn restart_server(&mut self) -> Result<()> {
        self.server.process.signal("KILL")?;
        self.server.process.wait()?;
        let address = self.server.address.clone();
        (self.server, self.far_url) = serve(&address, &self.key, self.wires.as_ref())?;
        self.blows.restarts += 1;
        Ok(())
    }

    /// What was done, and what was measured.
    pub(crate) fn tell(&mut self, report: &mut Value) {
        self.listen();
        let Blows { kills, stops, cuts, partitions, closes, restarts } = self.blows;
        report["blows"] = json!({
            "kills": kills, "stops": stops, "cut_off": cuts, "partitions": partitions,
            "tabs_closed": closes, "server_restarts": restarts,
        });
        report["recovery"] = self.recovery.tell();
    }
}

/// A server for this machine and for the namespaces: to a browser only the loopback is a safe place.
fn serve(listen: &str, key: &std::path::Path, wires: Option<&Wires>) -> Result<(Server, String)> {
    let mut server = Server::start_with(listen, Some(key))?;
    let port = server.address.rsplit(':').next().context("an address has a port")?.to_owned();
    server.url = format!("http://127.0.0.1:{port}/");
    let gateway = wires.map_or_else(|| "127.0.0.1".to_owned(), Wires::gateway);
    Ok((server, format!("http://{gateway}:{port}/")))
}
