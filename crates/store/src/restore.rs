//! What an earlier start of this node held, from the driver's disk: held again, and so offered to
//! those who should hold it. A network whose nodes all stopped comes back with what they had.

use base::Duration;
use bytes::Bytes;
use wire::store::Name;

use crate::{Merge, Output, Store};

impl<M: Merge> Store<M> {
    /// A value from the disk, which should live for so long from now on. What is not what its name
    /// says, is too old, or finds no room is not kept there any longer.
    pub(crate) fn on_restored(&mut self, name: Name, value: &Bytes, lifetime: Duration) {
        if self.shelf.has(&name) {
            return;
        }
        let value = match name {
            Name::Blob(digest) => Self::is_blob(&digest, value).then(|| value.clone()),
            Name::Record(key) => Self::merged(self.merging, key, None, value).ok().flatten(),
        };
        let value = value.filter(|value| self.has_room(self.me, value.len() as u64));
        match value.filter(|_| !lifetime.is_zero()) {
            Some(value) => {
                let expires = self.expiry(lifetime);
                self.shelve(name, value, expires, self.me);
            }
            None => self.outputs.push_back(Output::Forget(name)),
        }
    }
}
