//! One event listener, removed when its owner goes.

use wasm_bindgen::prelude::*;
use web_sys::{Event, EventTarget};

/// A registered callback. Dropping it unregisters and frees the callback, so nothing that it holds
/// outlives the link, socket or worker that owns it.
pub(crate) struct Listener {
    target: EventTarget,
    kind: &'static str,
    callback: Closure<dyn FnMut(Event)>,
}

impl Listener {
    pub(crate) fn new(
        target: &EventTarget,
        kind: &'static str,
        callback: impl FnMut(Event) + 'static,
    ) -> Self {
        let callback = Closure::new(callback);
        let added =
            target.add_event_listener_with_callback(kind, callback.as_ref().unchecked_ref());
        assert!(added.is_ok(), "a listener without options can always be added");
        Listener { target: target.clone(), kind, callback }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.callback.as_ref().unchecked_ref();
        // Only a missing method could fail here, and `new` has used its twin.
        let _ = self.target.remove_event_listener_with_callback(self.kind, callback);
    }
}
