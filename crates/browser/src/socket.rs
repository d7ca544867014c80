//! The WebSocket to a server.

use js_sys::{ArrayBuffer, Uint8Array};
use peer::ServerId;
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
    pub(crate) fn open(server: ServerId, url: &str, mailbox: &Mailbox) -> Option<Self> {
        let socket = match WebSocket::new(url) {
            Ok(socket) => socket,
            Err(error) => {
                mailbox.post(Happening::SocketClosed(server, words(&error)));
                return None;
            }
        };
        socket.set_binary_type(BinaryType::Arraybuffer);
        let listen = |kind, report: fn(ServerId, &web_sys::Event) -> Option<Happening>| {
            let mailbox = mailbox.clone();
            Listener::new(&socket, kind, move |event| {
                if let Some(happening) = report(server, &event) {
                    mailbox.post(happening);
                }
            })
        };
        let listeners = [
            listen("open", |server, _| Some(Happening::SocketOpened(server))),
            listen("message", |server, event| {
                let data = event.unchecked_ref::<MessageEvent>().data();
                // Text is not part of the protocol.
                let buffer = data.dyn_into::<ArrayBuffer>().ok()?;
                Some(Happening::SocketReceived(server, Uint8Array::new(&buffer).to_vec()))
            }),
            listen("close", |server, event| {
                let event = event.unchecked_ref::<CloseEvent>();
                let mut reason = event.reason();
                if reason.is_empty() {
                    reason = format!("the connection to the server closed (code {})", event.code());
                }
                Some(Happening::SocketClosed(server, reason))
            }),
            // A close event follows, with everything that a page may know.
            listen("error", |_, _| None),
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
