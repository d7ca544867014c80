//! Those who were here once: measured, and without a place in any table.
//!
//! They are not measured again whenever somebody names them, and they are the first to be asked
//! when a place becomes free. Whether they still live is not known here.

use alloc::vec::Vec;

use base::{NodeId, Time};
use wire::overlay::Contact;

/// Remembered at most. When full, any of them makes room.
const MET_MAX: usize = 256;

/// One of them, as it was when it was here last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Met {
    pub(crate) contact: Contact,
    /// The round trip in microseconds.
    pub(crate) rtt: u32,
    /// When it spoke last.
    pub(crate) heard: Time,
}

/// All of them, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllMet(Vec<Met>);

impl AllMet {
    pub(crate) fn get(&self, id: NodeId) -> Option<&Met> {
        self.0.get(self.place(id).ok()?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Met> {
        self.0.iter()
    }

    pub(crate) fn take(&mut self, id: NodeId) -> Option<Met> {
        self.place(id).ok().map(|at| self.0.remove(at))
    }

    pub(crate) fn note(&mut self, met: Met) {
        let id = met.contact.id;
        match self.place(id) {
            Ok(at) => self.0[at] = met,
            Err(_) if self.0.len() >= MET_MAX => {
                // Ids are random: so is the one next to it on the ring of places.
                self.0.remove(usize::from(id.to_bytes()[15]) % MET_MAX);
                self.note(met);
            }
            Err(at) => self.0.insert(at, met),
        }
    }

    fn place(&self, id: NodeId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |met| met.contact.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(id: u128, rtt: u32) -> Met {
        let contact = Contact { id: NodeId::new(id), epoch: 1 };
        Met { contact, rtt, heard: Time::ZERO }
    }

    #[test]
    fn the_latest_word_counts_and_the_list_is_bounded() {
        let mut all = AllMet::default();
        all.note(met(1, 5));
        all.note(met(1, 7));
        assert_eq!(all.get(NodeId::new(1)).map(|met| met.rtt), Some(7));
        for id in 0..1_000 {
            all.note(met(id * 12_345, 5));
        }
        assert_eq!(all.iter().count(), MET_MAX);
        assert!(all.iter().map(|met| met.contact.id).is_sorted());
        let some = all.iter().next().map(|met| met.contact.id).expect("there are many");
        assert!(all.take(some).is_some() && all.take(some).is_none());
    }
}
