//! Links between hosts: built at a cost, refused without a permit, noticed late when they die.

use base::Duration;
use overlay::{Input, Output, Reach};

use super::World;
use super::world::Happening;

/// Between two looks for a free construction slot.
const SLOT_WAIT: Duration = Duration::from_millis(100);
/// From an attempt that fails to both ends giving up.
const DIAL_FAILS: Duration = Duration::from_secs(1);
/// Hosts that the introducer looks at for one with room.
const ENTRANCES_MAX: u32 = 64;

impl World {
    pub(crate) fn obey_link(&mut self, me: u32, output: Output) {
        let (Output::Dial { peer, .. } | Output::Expect { peer, .. } | Output::HangUp { peer }) =
            output
        else {
            return;
        };
        let Some(to) = self.host_of(peer) else { return };
        match output {
            Output::Dial { permit, .. } => {
                self.push(Duration::ZERO, Happening::Dial { from: me, to, permit: Some(permit) });
            }
            Output::Expect { permit, .. } => {
                self.hosts[me as usize].expects.insert(to, permit);
            }
            _ => self.hang_up(me, to),
        }
    }

    fn hang_up(&mut self, me: u32, peer: u32) {
        let Some(end) = self.hosts[me as usize].ends.remove(&peer) else { return };
        let Some(link) = end.serial else { return };
        if let Some(far) = self.hosts[peer as usize].ends.get_mut(&me) {
            far.serial = None;
            self.push(
                self.topology.delay(me, peer),
                Happening::Closed { link, to: peer, peer: me },
            );
        }
    }

    /// A construction begins when both ends have a slot for it.
    pub(crate) fn begin_link(&mut self, from: u32, to: u32, permit: Option<u64>) {
        let most = self.settings.setups_max;
        if [from, to].iter().any(|end| self.hosts[*end as usize].setups >= most) {
            return self.push(SLOT_WAIT, Happening::Dial { from, to, permit });
        }
        for end in [from, to] {
            self.hosts[end as usize].setups += 1;
        }
        self.push(self.settings.link_setup, Happening::Built { from, to, permit });
    }

    pub(crate) fn end_link(&mut self, from: u32, to: u32, permit: Option<u64>) {
        for end in [from, to] {
            self.hosts[end as usize].setups -= 1;
        }
        let expected = permit.and_then(|_| self.hosts[to as usize].expects.remove(&from));
        let alive = |host: u32| self.overlay(host).is_some();
        let faults = self.settings.faults;
        let apart =
            faults.partitioned && self.hosts[from as usize].side != self.hosts[to as usize].side;
        let linkable = permit.is_none() || faults.is_linkable(self.salt, from, to);
        if alive(from) && alive(to) && expected == permit && linkable && !apart {
            self.connect(from, to);
            if permit.is_none() {
                let through = self.hosts[to as usize].contact.id;
                self.input(from, Input::Join { through });
            }
            return;
        }
        self.tally.links_failed += 1;
        for (me, peer) in [(from, to), (to, from)] {
            let peer = self.hosts[peer as usize].contact.id;
            self.push(DIAL_FAILS, Happening::Give(me, Input::DialFailed { peer }));
        }
        if permit.is_none() {
            self.push(DIAL_FAILS, Happening::Introduce(from));
        }
    }

    fn connect(&mut self, a: u32, b: u32) {
        self.next_link += 1;
        self.tally.links_built += 1;
        let serial = self.next_link;
        for (me, peer) in [(a, b), (b, a)] {
            self.hosts[me as usize].ends.entry(peer).or_default().serial = Some(serial);
        }
        for (me, peer) in [(a, b), (b, a)] {
            if self.hosts[me as usize].serial(peer) == Some(serial) {
                let peer = self.hosts[peer as usize].contact;
                self.input(me, Input::LinkUp { peer });
            }
        }
    }

    pub(crate) fn close_end(&mut self, link: u32, to: u32, peer: u32) {
        let Some(end) = self.hosts[to as usize].ends.get(&peer) else { return };
        if end.serial.is_none_or(|serial| serial == link) {
            let peer = self.hosts[peer as usize].contact.id;
            self.input(to, Input::LinkDown { peer });
        }
    }

    /// Keeps what this end believes of its links.
    pub(crate) fn note_link(&mut self, me: u32, input: &Input) {
        if self.settings.overlay.reach == Reach::Direct {
            return;
        }
        match input {
            Input::LinkUp { peer } => {
                if let Some(peer) = self.host_of(peer.id) {
                    self.hosts[me as usize].ends.entry(peer).or_default().open = true;
                }
            }
            Input::LinkDown { peer } => {
                if let Some(peer) = self.host_of(*peer) {
                    self.hosts[me as usize].ends.remove(&peer);
                }
            }
            _ => {}
        }
    }

    /// The links of a dead host: their other ends notice after a while.
    pub(crate) fn drop_links(&mut self, dead: u32) {
        let goodbye = self.hosts[dead as usize].left;
        let ends = std::mem::take(&mut self.hosts[dead as usize].ends);
        for (peer, end) in ends {
            let Some(link) = end.serial else { continue };
            if let Some(far) = self.hosts[peer as usize].ends.get_mut(&dead) {
                far.serial = None;
            }
            let after =
                if goodbye { self.topology.delay(dead, peer) } else { self.settings.death_notice };
            self.push(after, Happening::Closed { link, to: peer, peer: dead });
        }
    }

    pub(crate) fn cut_links_between_sides(&mut self) {
        let mut cut = Vec::new();
        for (host, me) in self.hosts.iter().zip(0u32..) {
            let other = |peer: u32| self.hosts[peer as usize].side != host.side;
            let ends = host.ends.iter().filter(|(peer, _)| other(**peer));
            cut.extend(ends.filter_map(|(peer, end)| Some((me, *peer, end.serial?))));
        }
        for (to, peer, link) in cut {
            if let Some(end) = self.hosts[to as usize].ends.get_mut(&peer) {
                end.serial = None;
            }
            self.push(self.settings.death_notice, Happening::Closed { link, to, peer });
        }
    }

    /// Finds an entrance for a host that has none, and brings the two together.
    pub(crate) fn introduce(&mut self, newcomer: u32) {
        let Some(overlay) = self.overlay(newcomer).filter(|overlay| !overlay.is_ready()) else {
            return;
        };
        let id = overlay.me().id;
        let Some(entrance) = self.pick_entrance(newcomer) else {
            return self.push(Duration::from_secs(1), Happening::Introduce(newcomer));
        };
        if self.is_direct() {
            return self.enter(newcomer, entrance);
        }
        self.input(entrance, Input::Visitor { peer: id });
        self.push(Duration::ZERO, Happening::Dial { from: newcomer, to: entrance, permit: None });
    }

    fn pick_entrance(&mut self, newcomer: u32) -> Option<u32> {
        for _ in 0..ENTRANCES_MAX {
            let entrance = self.random_ready()?;
            let overlay = self.overlay(entrance)?;
            let cap = u64::from(self.settings.overlay.links_max);
            let host = &self.hosts[entrance as usize];
            let fits = self.is_direct()
                || overlay.slots_used() < cap
                    && host.setups < self.settings.setups_max
                    && host.serial(newcomer).is_none();
            let reachable = !self.settings.faults.partitioned
                || host.side == self.hosts[newcomer as usize].side;
            if fits && reachable && entrance != newcomer {
                return Some(entrance);
            }
        }
        None
    }

    pub(crate) fn check_cap(&mut self, me: u32) {
        let Some(slots) = self.overlay(me).map(overlay::Overlay::slots_used) else { return };
        let open = self.hosts[me as usize].ends.values().filter(|end| end.open).count() as u64;
        self.tally.slots_peak = self.tally.slots_peak.max(slots).max(open);
        let cap = u64::from(self.settings.overlay.links_max);
        self.tally.over_cap += u64::from(slots > cap || open > cap);
    }
}
