//! Network namespaces, so that peers can be cut off: one alone, or some of them together from all
//! others and the server. Two bridges with a trunk between them; each place is a namespace of its own
//! at one of the two. Nothing is lost or delayed while nothing is cut.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Places at each of the bridges.
const PER_SIDE: usize = 4;
/// The first address of a place.
const FIRST: usize = 10;

/// Bridges, trunk and namespaces of this process. Removed when dropped.
pub(crate) struct Wires {
    /// What the names of all of them begin with.
    name: String,
    /// Of the addresses, `10.213.SUBNET.x`.
    subnet: u32,
}

/// Which namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

impl Place {
    /// Whether the trunk lies between this place and the server.
    pub(crate) fn is_far(self) -> bool {
        self.0 >= PER_SIDE
    }
}

impl Wires {
    /// # Errors
    /// When this is not Linux, `ip` is not there, or this user may not lay wires.
    pub(crate) fn lay() -> Result<Self> {
        let process = std::process::id();
        let wires = Wires { name: format!("mf{}", process % 10_000), subnet: process % 250 };
        let name = &wires.name;
        let (near, far) = (format!("{name}a"), format!("{name}b"));
        for bridge in [&near, &far] {
            ip(&format!("link add {bridge} type bridge"))?;
            ip(&format!("link set {bridge} up"))?;
        }
        ip(&format!("address add {}/24 dev {near}", wires.gateway()))?;
        ip(&format!("link add {name}t type veth peer name {name}u"))?;
        for (end, bridge) in [('t', &near), ('u', &far)] {
            ip(&format!("link set {name}{end} master {bridge} up"))?;
        }
        for place in wires.places() {
            let bridge = if place.is_far() { &far } else { &near };
            wires.furnish(place, bridge)?;
        }
        Ok(wires)
    }

    fn furnish(&self, place: Place, bridge: &str) -> Result<()> {
        let (space, wire) = (self.space(place), self.wire(place));
        let address = format!("10.213.{}.{}", self.subnet, FIRST + place.0);
        ip(&format!("netns add {space}"))?;
        ip(&format!("link add {wire} type veth peer name eth0 netns {space}"))?;
        ip(&format!("link set {wire} master {bridge} up"))?;
        ip(&format!("-n {space} address add {address}/24 dev eth0"))?;
        ip(&format!("-n {space} link set lo up"))?;
        ip(&format!("-n {space} link set eth0 up"))?;
        ip(&format!("-n {space} route add default via {}", self.gateway()))
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        (0..PER_SIDE * 2).map(Place)
    }

    /// Where this machine is, seen from the places.
    pub(crate) fn gateway(&self) -> String {
        format!("10.213.{}.1", self.subnet)
    }

    /// Starts what is added to it as arguments, in a place.
    pub(crate) fn launcher(&self, place: Place) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(place)]);
        command
    }

    /// Nothing passes to or from a place any more, or everything again.
    pub(crate) fn cut(&self, place: Place, is_cut: bool) -> Result<()> {
        ip(&format!("link set {} {}", self.wire(place), state(is_cut)))
    }

    /// The same for all far places, which still reach each other.
    pub(crate) fn cut_trunk(&self, is_cut: bool) -> Result<()> {
        ip(&format!("link set {}t {}", self.name, state(is_cut)))
    }

    fn space(&self, place: Place) -> String {
        format!("{}-{}", self.name, place.0)
    }

    fn wire(&self, place: Place) -> String {
        format!("{}w{}", self.name, place.0)
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        // What is left behind carries nothing; failing here would hide the end of the run.
        for place in self.places() {
            let _ = ip(&format!("link delete {}", self.wire(place)));
            let _ = ip(&format!("netns delete {}", self.space(place)));
        }
        for end in ['t', 'a', 'b'] {
            let _ = ip(&format!("link delete {}{end}", self.name));
        }
    }
}

fn state(is_cut: bool) -> &'static str {
    if is_cut { "down" } else { "up" }
}

fn ip(words: &str) -> Result<()> {
    let output = Command::new("ip").args(words.split(' ')).output().context("ip (iproute2)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {words}: {}", said.trim());
    Ok(())
}
