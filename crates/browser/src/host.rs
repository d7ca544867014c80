//! What `web/node-worker.js` does for the driver: messages to the page, tile workers, the key.
//!
//! The secret key stays on the other side of this line, in WebCrypto.

use base::Signature;
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use peer::SignToken;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Worker;

use crate::mailbox::{Happening, Mailbox};

#[wasm_bindgen]
extern "C" {
    /// The object that `node-worker.js` passes in.
    pub type Host;
    #[wasm_bindgen(method)]
    pub(crate) fn post(this: &Host, note: &JsValue, transfer: &Array);
    #[wasm_bindgen(method)]
    pub(crate) fn worker(this: &Host) -> Worker;
    #[wasm_bindgen(method, catch)]
    fn sign(this: &Host, bytes: Uint8Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, js_name = keepVoucher)]
    pub(crate) fn keep_voucher(this: &Host, bytes: Uint8Array, introducers: &str);
}

impl Host {
    /// Starts a signature; [`Happening::Signed`] follows.
    pub(crate) fn start_signing(&self, mailbox: Mailbox, token: SignToken, bytes: &[u8]) {
        let promise = self.sign(Uint8Array::from(bytes));
        spawn_local(async move {
            let outcome = match promise {
                Ok(promise) => JsFuture::from(promise).await,
                Err(error) => Err(error),
            };
            let signature = outcome.map_err(|error| words(&error)).and_then(|value| {
                let bytes = Uint8Array::new(&value).to_vec();
                bytes.try_into().map(Signature).map_err(|_| "not a signature".to_owned())
            });
            mailbox.post(Happening::Signed(token, signature));
        });
    }
}

/// What a JS value that was thrown says.
pub(crate) fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|text| text.as_string());
    message.or_else(|| error.as_string()).unwrap_or_else(|| "no reason given".into())
}

/// A plain object, as messages to the page are.
pub(crate) struct Note(Object);

impl Note {
    /// A message of this kind, as listed in `web/peer.js`.
    pub(crate) fn new(kind: &str) -> Self {
        Note::plain().with("t", kind)
    }

    /// Something for the page's log.
    pub(crate) fn event(what: &str) -> Self {
        Note::new("event").with("what", what)
    }

    /// A picture that is not computed, in words.
    pub(crate) fn refused(picture: &str, reason: &str) -> Self {
        Note::new("refused").with("picture", picture).with("reason", reason)
    }

    /// An object without a kind, as a part of a message.
    pub(crate) fn plain() -> Self {
        Note(Object::new())
    }

    pub(crate) fn with(self, key: &str, value: impl Into<JsValue>) -> Self {
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&self.0, &key.into(), &value.into());
        self
    }

    pub(crate) fn post(self, host: &Host) {
        host.post(&self.0, &Array::new());
    }

    /// Posts the message; the buffer of `bytes` moves to the page without a copy.
    pub(crate) fn post_with_bytes(self, host: &Host, key: &str, bytes: &[u8]) {
        let buffer = Uint8Array::from(bytes).buffer();
        host.post(&self.with(key, &buffer).0, &Array::of1(&buffer));
    }
}

impl From<Note> for JsValue {
    fn from(note: Note) -> JsValue {
        note.0.into()
    }
}

/// A list for a message.
pub(crate) fn list(items: impl IntoIterator<Item = impl Into<JsValue>>) -> Array {
    items.into_iter().map(Into::into).collect()
}
