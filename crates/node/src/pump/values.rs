//! The store: to whom it speaks, and what the grid learns of its records and payloads.

use base::Time;
use wire::overlay::Contact;
use wire::store::{COPIES, Name};

use super::Speech;
use crate::seal::Route;
use crate::{Event, Node, Output};

impl Node {
    pub(super) fn on_store(&mut self, now: Time, output: store::Output) {
        match output {
            store::Output::Send { to, class, message } => {
                self.say(now, &[to], class, Speech::Store(message));
            }
            store::Output::Route { key, target, message } => {
                let route = Route { key, target, via: None, class: message.class() };
                self.seal(route, &wire::Parcel::Store(message));
            }
            store::Output::Keep { name, value, lifetime } => {
                self.outputs.push_back(Output::Keep { name, value, lifetime });
            }
            store::Output::Forget(name) => {
                if let Name::Record(job) = name {
                    self.grid.handle(now, grid::Input::RecordGone { job });
                }
                self.outputs.push_back(Output::Forget(name));
            }
            store::Output::Load(name) => self.outputs.push_back(Output::Load(name)),
            store::Output::Event(event) => self.on_store_event(now, event),
        }
    }

    fn on_store_event(&mut self, now: Time, event: store::Event) {
        let input = match event {
            store::Event::Stored { name: Name::Record(job), copies } => {
                grid::Input::Copies { job, count: copies.into(), wanted: self.copies_wanted() }
            }
            store::Event::Stored { name: Name::Blob(digest), copies } => {
                grid::Input::Kept { digest, count: copies.into() }
            }
            store::Event::Found { digest, blob } => {
                grid::Input::Loaded { digest, payload: Some(blob) }
            }
            store::Event::Missing { name: Name::Blob(digest), .. } => {
                grid::Input::Loaded { digest, payload: None }
            }
            store::Event::Record { key: job, record, is_root } => {
                grid::Input::Record { job, record, is_root }
            }
            store::Event::FoundRecord { key: job, record } => {
                let is_root = self.overlay.next_hop(job) == Some(overlay::NextHop::Root);
                grid::Input::Record { job, record, is_root }
            }
            store::Event::NotStored { name: Name::Blob(digest) } => grid::Input::NotKept { digest },
            store::Event::NotStored { name: Name::Record(job) } => grid::Input::NotRecorded { job },
            store::Event::Missing { name: Name::Record(job), denied: true } => {
                grid::Input::NoRecord { job }
            }
            // The grid repeats what it still wants.
            store::Event::Missing { name: Name::Record(_), denied: false } => return,
            store::Event::HandedOver { .. } => return self.on_handed_over(),
            store::Event::Misbehaved { peer, why } => {
                return self.on_misbehaviour(now, Event::Misbehaved { peer, why }, peer, why);
            }
        };
        self.grid.handle(now, input);
    }

    /// k, or all nodes of a smaller ring.
    fn copies_wanted(&self) -> u16 {
        let (left, right) = self.overlay.leaf_set();
        let others: base::SortedSet<_> = left.iter().chain(right).map(|one| one.id).collect();
        u16::try_from(COPIES.min(others.len() + 1)).unwrap_or(u16::MAX)
    }

    /// The leaf set is another one: values may have other holders, and trees other ways.
    pub(super) fn on_neighbours(&mut self, now: Time) {
        let (left, right) = self.overlay.leaf_set();
        let list = |side: &[Contact]| side.iter().map(|one| one.id.into()).collect();
        let neighbours = store::Input::Neighbours { left: list(left), right: list(right) };
        self.store.handle(now, neighbours);
        self.grid.handle(now, grid::Input::NeighboursChanged);
    }
}
