//! A link as this worker sees it: the two data channels of one peer connection.
//!
//! The peer connection itself stays on the page. What arrives before the node knows the link is
//! kept back, so that no first frame is lost.

use js_sys::{ArrayBuffer, Uint8Array};
use node::{Class, LinkId};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, RtcDataChannel, RtcDataChannelState, RtcDataChannelType};

use crate::listener::Listener;
use crate::mailbox::{Happening, Mailbox};

/// Bytes in the browser's buffer that count as passed on to the network. Chosen: at 50 ms there
/// and back this keeps 1.2 MiB/s flowing while the window is refilled.
const LOW_BYTES: u32 = 64 * 1024;

/// Bytes that may arrive before the link is up; a peer that sends more is not listening to us.
const EARLY_BYTES_MAX: usize = 512 * 1024;

/// A message that came before its time.
type Early = (Class, Vec<u8>);

/// Both channels of a peer connection.
#[derive(Default)]
pub(crate) struct Link {
    channels: [Option<Channel>; 2],
    up: bool,
    early: Vec<Early>,
    pub(crate) tally: Tally,
}

/// Bytes on a link so far, control and bulk.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) sent: [u64; 2],
    pub(crate) received: [u64; 2],
}

struct Channel {
    channel: RtcDataChannel,
    open: bool,
    /// Bytes sent and not yet reported as drained.
    owed_bytes: u32,
    _listeners: [Listener; 4],
}

fn at(class: Class) -> usize {
    match class {
        Class::Control => 0,
        Class::Bulk => 1,
    }
}

impl Link {
    /// Takes over a channel that the page has made.
    pub(crate) fn adopt(
        &mut self,
        link: LinkId,
        class: Class,
        channel: RtcDataChannel,
        mailbox: &Mailbox,
    ) {
        channel.set_binary_type(RtcDataChannelType::Arraybuffer);
        channel.set_buffered_amount_low_threshold(LOW_BYTES);
        let listen = |kind, report: fn(LinkId, Class, &web_sys::Event) -> Option<Happening>| {
            let mailbox = mailbox.clone();
            Listener::new(&channel, kind, move |event| {
                if let Some(happening) = report(link, class, &event) {
                    mailbox.post(happening);
                }
            })
        };
        let listeners = [
            listen("open", |link, class, _| Some(Happening::ChannelOpened(link, class))),
            listen("message", |link, class, event| {
                let data = event.unchecked_ref::<MessageEvent>().data();
                // Text is not part of the protocol.
                let buffer = data.dyn_into::<ArrayBuffer>().ok()?;
                let bytes = Uint8Array::new(&buffer).to_vec();
                Some(Happening::ChannelReceived(link, class, bytes))
            }),
            listen("bufferedamountlow", |link, class, _| Some(Happening::ChannelLow(link, class))),
            listen("close", |link, _, _| Some(Happening::ChannelClosed(link))),
        ];
        // It may have opened on its way here.
        match channel.ready_state() {
            RtcDataChannelState::Open => mailbox.post(Happening::ChannelOpened(link, class)),
            RtcDataChannelState::Closed => mailbox.post(Happening::ChannelClosed(link)),
            _ => {}
        }
        self.channels[at(class)] =
            Some(Channel { channel, open: false, owed_bytes: 0, _listeners: listeners });
    }

    /// A channel opened; true when it was the last one to.
    pub(crate) fn opened(&mut self, class: Class) -> bool {
        // A channel that changed hands may say so twice.
        match &mut self.channels[at(class)] {
            Some(channel) if !channel.open => channel.open = true,
            _ => return false,
        }
        self.channels.iter().all(|channel| channel.as_ref().is_some_and(|channel| channel.open))
    }

    /// A message arrived; given back if the node knows the link, else kept. An error when a peer
    /// sends too much too early.
    pub(crate) fn received(&mut self, class: Class, bytes: Vec<u8>) -> Result<Option<Vec<u8>>, ()> {
        self.tally.received[at(class)] += bytes.len() as u64;
        if self.up {
            return Ok(Some(bytes));
        }
        let held: usize = self.early.iter().map(|(_, bytes)| bytes.len()).sum();
        if held + bytes.len() > EARLY_BYTES_MAX {
            return Err(());
        }
        self.early.push((class, bytes));
        Ok(None)
    }

    /// The node knows the link; what came before.
    pub(crate) fn bring_up(&mut self) -> Vec<Early> {
        self.up = true;
        std::mem::take(&mut self.early)
    }

    /// Puts a chunk into the channel's buffer. An error when the channel is gone.
    pub(crate) fn send(&mut self, class: Class, chunk: &[u8]) -> Result<(), ()> {
        let channel = self.channels[at(class)].as_mut().ok_or(())?;
        channel.channel.send_with_u8_array(chunk).map_err(|_| ())?;
        channel.owed_bytes += u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        self.tally.sent[at(class)] += chunk.len() as u64;
        Ok(())
    }

    /// Bytes that the network took since the last call.
    pub(crate) fn drained(&mut self, class: Class) -> u32 {
        match &mut self.channels[at(class)] {
            Some(channel) if channel.channel.buffered_amount() <= LOW_BYTES => {
                std::mem::take(&mut channel.owed_bytes)
            }
            _ => 0,
        }
    }

    /// Closes the channels once what they hold is sent: that is what a data channel's close does.
    pub(crate) fn close_after_sending(&self) {
        for channel in self.channels.iter().flatten() {
            channel.channel.close();
        }
    }
}
