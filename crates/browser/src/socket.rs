//! The WebSocket to the server.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::host::words;
use crate::listener::Listener;
use crate::mailbox::{Happening, Mailbox};

/// One connection, also while it is being opened. Dropping it closes it silently.
pub(crate) struct Socket {
    socket: WebSocket,
    _listeners: [Listener; 4],
}

impl Socket {
    /// Begins to connect; `None` when the browser refuses, which is reported like a failure.
    pub(crate) fn open(url: &str, mailbox: &Mailbox) -> Option<Self> {
        let socket = match WebSocket::new(url) {
            Ok(socket) => socket,
            Err(error) => {
                mailbox.post(Happening::SocketClosed(words(&error)));
                return None;
            }
        };
        socket.set_binary_type(BinaryType::Arraybuffer);
        let listen = |kind, report: fn(&web_sys::Event) -> Option<Happening>| {
            let mailbox = mailbox.clone();
            Listener::new(&socket, kind, move |event| {
                if let Some(happening) = report(&event) {
                    mailbox.post(happening);
                }
            })
        };
        let listeners = [
            listen("open", |_| Some(Happening::SocketOpened)),
            listen("message", |event| {
                let data = event.unchecked_ref::<MessageEvent>().data();
                // Text is not part of the protocol.
                let buffer = data.dyn_into::<ArrayBuffer>().ok()?;
                Some(Happening::SocketReceived(Uint8Array::new(&buffer).to_vec()))
            }),
            listen("close", |event| {
                let event = event.unchecked_ref::<CloseEvent>();
                let reason = event.reason();
                Some(Happening::SocketClosed(if reason.is_empty() {
                    format!("the connection to the server closed (code {})", event.code())
                } else {
                    reason
                }))
            }),
            // A close event follows, with everything that a page may know.
            listen("error", |_| None),
        ];
        Some(Socket { socket, _listeners: listeners })
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        // Fails only while connecting, which the machine never does; a close follows otherwise.
        let _ = self.socket.send_with_u8_array(bytes);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = self.socket.close();
    }
}
