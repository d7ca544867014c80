//! Everything that happens to the driver, one after the other.
//!
//! A callback posts and returns; whoever posts first runs the turns until the mailbox is empty. So
//! the driver is never entered twice, also when something it calls reports at once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use base::Signature;
use node::Class;

use crate::driver::Driver;
use crate::page::Ask;

/// What happened.
pub(crate) enum Happening {
    /// The page asks for something.
    Asked(Ask),
    /// The deadline of the timer came.
    Timer,
    /// The WebSocket is open.
    SocketOpened,
    /// It is closed, or could not be opened.
    SocketClosed(String),
    /// A binary message of the server.
    SocketReceived(Vec<u8>),
    /// A data channel is open.
    ChannelOpened(u64, Class),
    /// A data channel brought a message.
    ChannelReceived(u64, Class, Vec<u8>),
    /// A data channel's buffer is low.
    ChannelLow(u64, Class),
    /// A data channel is closed.
    ChannelClosed(u64),
    /// A signature is made, or could not be.
    Signed(Purpose, Result<Signature, String>),
    /// A tile worker answered: its number, the ticket, and the tile or the reason in words.
    WorkerAnswered(u32, f64, Result<Vec<u8>, String>),
    /// A tile worker broke down.
    WorkerBroke(u32, String),
}

/// For whom a signature is made.
#[derive(Clone)]
pub(crate) enum Purpose {
    /// The login at the server.
    Login,
    /// An offer or answer.
    Attempt(signal::negotiation::Attempt),
    /// The node's request with this token.
    Node(u64),
    /// A job of this tab.
    Job(Box<node::Description>),
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
