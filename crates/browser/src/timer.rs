//! The clock and the one alarm of the driver.
//!
//! Both live in the worker: its timers keep their pace while the page is hidden.

use base::Time;
use js_sys::global;
use wasm_bindgen::prelude::*;
use web_sys::DedicatedWorkerGlobalScope;

use crate::mailbox::{Happening, Mailbox};

/// Longer waits are cut into pieces: `setTimeout` counts milliseconds in 31 bits.
const WAIT_MILLIS_MAX: u64 = 3_600_000;

/// Set to one moment at a time.
pub(crate) struct Timer {
    scope: DedicatedWorkerGlobalScope,
    callback: Closure<dyn FnMut()>,
    running: Option<(i32, Time)>,
}

impl Timer {
    pub(crate) fn new(mailbox: Mailbox) -> Self {
        let callback = Closure::new(move || mailbox.post(Happening::Timer));
        Timer { scope: global().unchecked_into(), callback, running: None }
    }

    /// The time since the worker started.
    pub(crate) fn now(&self) -> Time {
        let millis = self.scope.performance().map_or(0.0, |clock| clock.now());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive")]
        Time::from_micros((millis * 1_000.0) as u64)
    }

    /// The time by this machine's clock, in microseconds since 1970.
    #[expect(clippy::unused_self, reason = "whoever has the timer may read clocks")]
    pub(crate) fn unix_micros(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive")]
        let millis = js_sys::Date::now() as u64;
        millis * 1_000
    }

    /// The alarm has rung.
    pub(crate) fn rang(&mut self) {
        self.running = None;
    }

    /// Wakes the driver at `at`, or never.
    pub(crate) fn set(&mut self, now: Time, at: Option<Time>) {
        if self.running.map(|(_, at)| at) == at {
            return;
        }
        if let Some((handle, _)) = self.running.take() {
            self.scope.clear_timeout_with_handle(handle);
        }
        let Some(at) = at else { return };
        let micros = at.as_micros().saturating_sub(now.as_micros());
        let millis = i32::try_from(micros.div_ceil(1_000).min(WAIT_MILLIS_MAX)).unwrap_or(i32::MAX);
        let callback = self.callback.as_ref().unchecked_ref();
        let set =
            self.scope.set_timeout_with_callback_and_timeout_and_arguments_0(callback, millis);
        let Ok(handle) = set else { unreachable!("a worker has timers") };
        self.running = Some((handle, at));
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some((handle, _)) = self.running {
            self.scope.clear_timeout_with_handle(handle);
        }
    }
}
