//! Counters of what groups and stores say. A scenario takes them before and after, and subtracts.

use wire::Parcel;
use wire::groups::Message;

/// Messages of groups and stores, by sort.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parcels {
    /// Asked to be a parent.
    pub joins: u64,
    /// Multicasts over an edge.
    pub casts: u64,
    /// Anycasts handed on.
    pub walks: u64,
    /// Whatever else groups say.
    pub groups: u64,
    /// Of stores.
    pub store: u64,
}

impl Parcels {
    pub(crate) fn count(&mut self, parcel: &Parcel) {
        let counter = match parcel {
            Parcel::Group(Message::Join { .. }) => &mut self.joins,
            Parcel::Group(Message::Cast { .. }) => &mut self.casts,
            Parcel::Group(Message::Walk(_)) => &mut self.walks,
            Parcel::Group(_) => &mut self.groups,
            _ => &mut self.store,
        };
        *counter += 1;
    }

    /// What was said since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Parcels) -> Parcels {
        Parcels {
            joins: self.joins - earlier.joins,
            casts: self.casts - earlier.casts,
            walks: self.walks - earlier.walks,
            groups: self.groups - earlier.groups,
            store: self.store - earlier.store,
        }
    }
}
