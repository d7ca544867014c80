//! Where a visit takes place: a server of its own, and a browser that visits share.
//!
//! A browser costs seconds to start, and nothing that one visit leaves behind reaches the next: each has
//! another server, so another origin with a storage of its own, and its tabs are closed at its end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::{Browser, Engine, Page, Server};

/// The browsers of all visits, each started by the first that needs it. They end with the tests.
#[derive(Default)]
pub(crate) struct Machine {
    chromium: Option<Browser>,
    firefox: Option<Browser>,
}

/// One test at a time. A test that failed does not take the others with it.
pub(crate) fn alone_on_this_machine() -> MutexGuard<'static, Machine> {
    static MACHINE: Mutex<Machine> = Mutex::new(Machine { chromium: None, firefox: None });
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A visit: one tab, or more.
pub(crate) struct Room {
    machine: MutexGuard<'static, Machine>,
    pub(crate) engine: Engine,
    pub(crate) server: Server,
}

impl Drop for Room {
    fn drop(&mut self) {
        // A browser that does not close its tabs is replaced by the next visit.
        if self.browser().clear().is_err() {
            *self.slot() = None;
        }
    }
}

impl Room {
    pub(crate) fn begin(engine: Engine) -> Result<Self> {
        let machine = alone_on_this_machine();
        let mut room = Room { machine, engine, server: Server::start()? };
        if room.slot().is_none() {
            *room.slot() = Some(Browser::start(engine)?);
        }
        Ok(room)
    }

    fn slot(&mut self) -> &mut Option<Browser> {
        match self.engine {
            Engine::Chromium => &mut self.machine.chromium,
            Engine::Firefox => &mut self.machine.firefox,
        }
    }

    pub(crate) fn browser(&mut self) -> &mut Browser {
        self.slot().as_mut().expect("a room begins with its browser")
    }

    /// A tab with the page, at this hash.
    pub(crate) fn open(&mut self, hash: &str) -> Result<Tab<'_>> {
        self.open_after(hash, "")
    }

    /// The same, where `script` runs before anything of the page does.
    pub(crate) fn open_after(&mut self, hash: &str, script: &str) -> Result<Tab<'_>> {
        let url = format!("{}{hash}", self.server.url);
        let page = self.browser().open_after(&url, script)?;
        Ok(Tab { page, engine: self.engine, browser: self.browser() })
    }

    /// The first tab of this room again, after something was done to the server.
    pub(crate) fn tab(&mut self, page: Page) -> Tab<'_> {
        Tab { page, engine: self.engine, browser: self.browser() }
    }

    pub(crate) fn logins(&self) -> Result<f64> {
        self.server.metric("millefeuille_logins_total")
    }
}

/// A tab of a room.
pub(crate) struct Tab<'a> {
    pub(crate) page: Page,
    pub(crate) engine: Engine,
    pub(crate) browser: &'a mut Browser,
}

impl Tab<'_> {
    pub(crate) fn eval(&mut self, expression: &str) -> Result<Value> {
        self.browser.eval(self.page, expression).with_context(|| expression.to_owned())
    }

    pub(crate) fn wait(&mut self, expression: &str) -> Result<Value> {
        self.browser.wait(self.page, expression).with_context(|| expression.to_owned())
    }

    /// Fails unless the expression is true now.
    pub(crate) fn expect(&mut self, expression: &str) -> Result<()> {
        let value = self.eval(expression)?;
        ensure!(value == true, "{value}: {expression}");
        Ok(())
    }

    pub(crate) fn number(&mut self, expression: &str) -> Result<f64> {
        self.eval(expression)?.as_f64().with_context(|| format!("{expression} is no number"))
    }

    pub(crate) fn text(&mut self, selector: &str) -> Result<String> {
        let text = self.eval(&format!("document.querySelector('{selector}').textContent"))?;
        text.as_str().map(str::to_owned).with_context(|| format!("there is no {selector}"))
    }

    pub(crate) fn click(&mut self, selector: &str) -> Result<()> {
        self.browser.click(self.page, selector).with_context(|| selector.to_owned())
    }

    pub(crate) fn press(&mut self, key: &str) -> Result<()> {
        self.browser.press(self.page, key)
    }

    /// Becomes a peer by the visitor's own press.
    pub(crate) fn donate(&mut self) -> Result<()> {
        self.click("#start")?;
        self.wait("window.millefeuille.state().ready").map(drop)
    }

    /// What the page wrote to its console; an error if there is any.
    pub(crate) fn no_complaints(&mut self) -> Result<()> {
        let complaints = self.browser.complaints(self.page)?;
        ensure!(complaints.is_empty(), "{complaints:?}");
        Ok(())
    }
}

/// Makes each visit a test for each browser in which it can take place.
macro_rules! visits {
    (both: $($both:ident),*; chromium: $($one:ident),*;) => {
        mod chromium {
            use tests::Engine::Chromium;
            $(#[test] fn $both() -> anyhow::Result<()> {
                super::$both(&mut crate::room::Room::begin(Chromium)?)
            })*
            $(#[test] fn $one() -> anyhow::Result<()> {
                super::$one(&mut crate::room::Room::begin(Chromium)?)
            })*
        }
        mod firefox {
            $(#[test] fn $both() -> anyhow::Result<()> {
                super::$both(&mut crate::room::Room::begin(tests::Engine::Firefox)?)
            })*
        }
    };
}
pub(crate) use visits;
