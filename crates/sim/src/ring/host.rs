//! One machine with one overlay node on it.

use std::collections::BTreeMap;

use base::Time;
use overlay::Overlay;
use wire::overlay::Contact;

use super::drive::Given;
use super::upper::Upper;

/// One end of a link.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct End {
    /// Which link there is between the two at present; the same at both ends.
    pub(crate) serial: Option<u32>,
    /// Whether this end believes it to be open.
    pub(crate) open: bool,
}

/// A node that does harm at the world's border. Its overlay runs as everybody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Harm {
    /// It acknowledges what it is to route for others, and throws it away.
    pub(crate) drops: bool,
    /// It names only bad nodes to others.
    pub(crate) lies: bool,
}

/// One start of one node. Another start under the same id is another host.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) contact: Contact,
    /// `None` once it is dead.
    pub(crate) overlay: Option<Box<Overlay>>,
    /// What stands on it, if anything does.
    pub(crate) upper: Option<Box<Upper>>,
    /// When the agenda wakes it.
    pub(crate) armed: Time,
    pub(crate) frozen: bool,
    pub(crate) left: bool,
    pub(crate) harm: Harm,
    /// Which side of a partition it is on.
    pub(crate) side: u8,
    /// Inputs that came while it was frozen.
    pub(crate) inbox: Vec<Given>,
    /// Its links, by the host at the other end.
    pub(crate) ends: BTreeMap<u32, End>,
    /// Whose offer it waits for, with which permit.
    pub(crate) expects: BTreeMap<u32, u64>,
    /// Links under construction.
    pub(crate) setups: u8,
    pub(crate) started: Time,
    pub(crate) ready_at: Option<Time>,
}

impl Host {
    pub(crate) fn new(contact: Contact, overlay: Box<Overlay>, now: Time) -> Self {
        Host {
            contact,
            overlay: Some(overlay),
            upper: None,
            armed: Time::FAR_FUTURE,
            frozen: false,
            left: false,
            harm: Harm::default(),
            side: 0,
            inbox: Vec::new(),
            ends: BTreeMap::new(),
            expects: BTreeMap::new(),
            setups: 0,
            started: now,
            ready_at: None,
        }
    }

    /// When it wants to be woken.
    pub(crate) fn due(&self) -> Option<Time> {
        let overlay = self.overlay.as_deref()?.poll_timeout().map(|(at, _)| at);
        let upper = self.upper.as_deref().and_then(Upper::due);
        [overlay, upper].into_iter().flatten().min()
    }

    pub(crate) fn is_open(&self, peer: u32) -> bool {
        self.ends.get(&peer).is_some_and(|end| end.open)
    }

    pub(crate) fn serial(&self, peer: u32) -> Option<u32> {
        self.ends.get(&peer).and_then(|end| end.serial)
    }
}
