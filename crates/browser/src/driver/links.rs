//! The driver's links: channels that open, fill, drain and break.
//!
//! Connections are made by the page and channels are kept by [`crate::link`]; here both are brought
//! together with what the peer is told. Whom to connect to is the peer's decision.

use node::{Class, LinkId};
use peer::Input;

use super::Driver;
use crate::host::Note;

impl Driver {
    pub(super) fn on_channel_opened(&mut self, link: LinkId, class: Class) {
        let Some(channels) = self.links.get_mut(&link) else { return };
        if !channels.opened(class) {
            return;
        }
        let early = channels.bring_up();
        self.tell(Input::LinkOpened(link));
        for (class, bytes) in early {
            self.tell(Input::Received { link, class, chunk: bytes.into() });
        }
    }

    pub(super) fn on_channel_received(&mut self, link: LinkId, class: Class, bytes: Vec<u8>) {
        let Some(channels) = self.links.get_mut(&link) else { return };
        match channels.received(class, bytes) {
            Ok(Some(bytes)) => self.tell(Input::Received { link, class, chunk: bytes.into() }),
            Ok(None) => {}
            Err(()) => self.lose_link(link, "the peer sent too much too early"),
        }
    }

    pub(super) fn send(&mut self, link: LinkId, class: Class, chunk: &[u8]) {
        let Some(channels) = self.links.get_mut(&link) else { return };
        match channels.send(class, chunk) {
            Ok(()) => self.report_drained(link, class),
            Err(()) => self.lose_link(link, "the channel is closed"),
        }
    }

    pub(super) fn report_drained(&mut self, link: LinkId, class: Class) {
        let bytes = self.links.get_mut(&link).map_or(0, |channels| channels.drained(class));
        if bytes > 0 {
            self.tell(Input::Drained { link, class, bytes });
        }
    }

    /// A link, or an attempt at one, ended without this side's doing.
    pub(super) fn lose_link(&mut self, link: LinkId, reason: &str) {
        self.close(link);
        self.tell(Input::LinkBroken { link, reason: reason.to_owned() });
    }

    /// Releases a link. The page keeps its connection for the second that its last bytes need.
    pub(super) fn close(&mut self, link: LinkId) {
        if let Some(channels) = self.links.remove(&link) {
            channels.close_after_sending();
        }
        note_of("close", link).post(&self.host);
    }
}

/// A message about a link.
pub(super) fn note_of(kind: &str, link: LinkId) -> Note {
    #[expect(clippy::cast_precision_loss, reason = "a peer numbers its links below 2⁵³")]
    Note::new(kind).with("link", link.0 as f64)
}
