//! Lists for other holders, gathered during a turn: many values share a message.

use alloc::vec::Vec;

use base::{Bounded, NodeId, SortedMap};
use wire::store::{Holding, ITEMS_MAX, Message, Name, Offered, RefuseReason};

use crate::{Merge, Store};

/// What one peer will be told. Empty between turns; within one, at most a line for each value held
/// and each line received.
#[derive(Clone, Debug, Default)]
struct Letter {
    offers: Vec<Offered>,
    haves: SortedMap<Name, Holding>,
    full: Vec<Name>,
    not_mine: Vec<Name>,
}

/// Letters by receiver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    letters: SortedMap<NodeId, Letter>,
}

impl Mail {
    pub(crate) fn offer(&mut self, to: NodeId, item: Offered) {
        self.letters.entry(to).or_default().offers.push(item);
    }

    /// The last word counts.
    pub(crate) fn have(&mut self, to: NodeId, item: Holding) {
        self.letters.entry(to).or_default().haves.insert(item.version.name(), item);
    }

    pub(crate) fn refuse(&mut self, to: NodeId, name: Name, reason: RefuseReason) {
        let letter = self.letters.entry(to).or_default();
        match reason {
            RefuseReason::Full => letter.full.push(name),
            RefuseReason::NotMine => letter.not_mine.push(name),
        }
    }
}

impl<M: Merge> Store<M> {
    pub(crate) fn send_mail(&mut self) {
        for (to, letter) in core::mem::take(&mut self.mail.letters) {
            for items in letter.offers.chunks(ITEMS_MAX) {
                self.send(to, Message::Offer(Bounded::truncating(items.iter().copied())));
            }
            let haves: Vec<Holding> = letter.haves.into_values().collect();
            for items in haves.chunks(ITEMS_MAX) {
                self.send(to, Message::Have(Bounded::truncating(items.iter().copied())));
            }
            let refusals =
                [(letter.full, RefuseReason::Full), (letter.not_mine, RefuseReason::NotMine)];
            for (names, reason) in refusals {
                for names in names.chunks(ITEMS_MAX) {
                    let names = Bounded::truncating(names.iter().copied());
                    self.send(to, Message::Refuse { names, reason });
                }
            }
        }
    }
}
