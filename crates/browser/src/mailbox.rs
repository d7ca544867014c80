//! Everything that happens to the driver, one after the other.
//!
//! A callback posts and returns; whoever posts first runs the turns until the mailbox is empty. So
//! the driver is never entered twice, also when something it calls reports at once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use base::Signature;
use node::{Class, LinkId};
use peer::{ServerId, SignToken};

use crate::driver::Driver;
use crate::page::Ask;
use crate::pool::Answer;

/// What happened.
pub(crate) enum Happening {
    /// The page asks for something.
    Asked(Ask),
    /// The deadline of the timer came.
    Timer,
    /// A WebSocket is open.
    SocketOpened(ServerId),
    /// It is closed, or could not be opened.
    SocketClosed(ServerId, String),
    /// A binary message of a server.
    SocketReceived(ServerId, Vec<u8>),
    /// A data channel is open.
    ChannelOpened(LinkId, Class),
    /// A data channel brought a message.
    ChannelReceived(LinkId, Class, Vec<u8>),
    /// A data channel's buffer is low.
    ChannelLow(LinkId, Class),
    /// A data channel is closed.
    ChannelClosed(LinkId),
    /// A signature is made, or could not be.
    Signed(SignToken, Result<Signature, String>),
    /// A tile worker answered: its number, the ticket, and the answer or the reason in words.
    WorkerAnswered(u32, f64, Result<Answer, String>),
    /// A tile worker broke down.
    WorkerBroke(u32, String),
}

/// The way to the driver, for every callback.
#[derive(Clone)]
pub(crate) struct Mailbox(Rc<Inner>);

struct Inner {
    queue: RefCell<VecDeque<Happening>>,
    driver: RefCell<Option<Driver>>,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Mailbox(Rc::new(Inner { queue: RefCell::default(), driver: RefCell::new(None) }))
    }

    pub(crate) fn employ(&self, driver: Driver) {
        *self.0.driver.borrow_mut() = Some(driver);
    }

    pub(crate) fn post(&self, happening: Happening) {
        self.0.queue.borrow_mut().push_back(happening);
        // Borrowed: a turn is under way, and takes this one next.
        let Ok(mut driver) = self.0.driver.try_borrow_mut() else { return };
        let Some(driver) = driver.as_mut() else { return };
        loop {
            let Some(next) = self.0.queue.borrow_mut().pop_front() else { return };
            driver.turn(next);
        }
    }
}
