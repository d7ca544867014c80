//! What the page asks for: the class that `web/node-worker.js` calls.
//!
//! Every method posts and returns; answers come as messages to the page, listed in `web/peer.js`.

use std::cell::RefCell;
use std::rc::Rc;

use base::{PublicKey, Voucher, codec};
use node::{Class, LinkId};
use wasm_bindgen::prelude::*;
use web_sys::RtcDataChannel;

use crate::driver::Driver;
use crate::host::{Host, Note};
use crate::mailbox::{Happening, Mailbox};
use crate::workload::ViewObject;

/// Bytes of a kept voucher, with room to spare; longer ones are not ours.
const VOUCHER_BYTES_MAX: usize = 512;

/// A wish of the page.
pub(crate) enum Ask {
    /// Enter the network of the first of these servers that answers.
    Join { urls: String, public_key: PublicKey, epoch: u64, voucher: Option<Voucher> },
    /// Say goodbye.
    Leave,
    /// Use this many cores, this share of their time; whether to work for others.
    Cores { count: u16, paused: bool, intensity: u8 },
    /// Do what is in hand, take no more.
    Finish,
    /// Render a picture, with whoever helps.
    Launch { picture: String, view: ViewObject },
    /// Follow a job of the network.
    Watch(String),
    /// Which jobs does the network have?
    List,
    /// End a job, or take no further part in it.
    Cancel(String),
    /// Compute a picture for this page only.
    Preview { picture: String, view: ViewObject, only: Option<u32>, urgent: bool },
    /// The pictures whose name begins like this are not wanted any more.
    Forget(String),
    /// Try the server now.
    Retry,
    /// A data channel of a link.
    Channel { link: LinkId, class: Class, channel: RtcDataChannel },
    /// The local description of a link.
    Described { link: LinkId, sdp: String },
    /// A link is broken, or could not be made.
    Broken { link: LinkId, reason: String },
}

/// The peer of this tab.
#[wasm_bindgen]
pub struct Peer(Mailbox);

#[wasm_bindgen]
impl Peer {
    /// A peer that is connected to nobody and computes nothing.
    #[wasm_bindgen(constructor)]
    pub fn new(host: Host) -> Peer {
        let host = Rc::new(host);
        report_panics(Rc::clone(&host));
        let mailbox = Mailbox::new();
        mailbox.employ(Driver::new(host, mailbox.clone()));
        Peer(mailbox)
    }

    fn ask(&self, ask: Ask) {
        self.0.post(Happening::Asked(ask));
    }

    /// Enters the network of the first of these servers that answers with this key. Their URLs are
    /// separated by spaces.
    ///
    /// # Errors
    /// When the key is not 32 bytes.
    pub fn join(
        &self,
        urls: String,
        public_key: &[u8],
        epoch: f64,
        voucher: &[u8],
    ) -> Result<(), JsError> {
        let public_key =
            public_key.try_into().map_err(|_| JsError::new("an Ed25519 key has 32 bytes"))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a moment")]
        let epoch = epoch as u64;
        // One that cannot be read is like none: the server gives another.
        let voucher = codec::decode::<Voucher>(voucher, VOUCHER_BYTES_MAX).ok();
        self.ask(Ask::Join { urls, public_key: PublicKey(public_key), epoch, voucher });
        Ok(())
    }

    /// Says goodbye to everyone; `left` follows.
    pub fn leave(&self) {
        self.ask(Ask::Leave);
    }

    /// Uses this many cores, `intensity` percent of their time. A pause only ends work for others
    /// and jobs: one may still look.
    pub fn cores(&self, count: u16, paused: bool, intensity: u8) {
        self.ask(Ask::Cores { count, paused, intensity: intensity.clamp(1, 100) });
    }

    /// Does what is in hand for the network and takes no more; `finished` follows.
    pub fn finish(&self) {
        self.ask(Ask::Finish);
    }

    /// Renders a picture under this name until the network has another: `opened` or `refused`
    /// follows. A name that was used before would be taken for the same picture.
    pub fn launch(&self, picture: String, view: ViewObject) {
        self.ask(Ask::Launch { picture, view });
    }

    /// Follows a job by its id, as soon as this tab is a member: `opened` follows once a peer has
    /// shown what it is.
    pub fn watch(&self, job: String) {
        self.ask(Ask::Watch(job));
    }

    /// Asks which jobs the network has: `listed` follows, if this tab is a member.
    pub fn list(&self) {
        self.ask(Ask::List);
    }

    /// Ends a job of this tab, or takes no further part in another's.
    pub fn cancel(&self, job: String) {
        self.ask(Ask::Cancel(job));
    }

    /// Computes a picture for this page, or one tile of it: its tiles, or `refused`, follow.
    pub fn preview(&self, picture: String, view: ViewObject, urgent: bool, only: Option<u32>) {
        self.ask(Ask::Preview { picture, view, only, urgent });
    }

    /// Stops the pictures whose names begin with `prefix`.
    pub fn forget(&self, prefix: String) {
        self.ask(Ask::Forget(prefix));
    }

    /// Tries the server now instead of later.
    pub fn retry(&self) {
        self.ask(Ask::Retry);
    }

    /// Takes over a data channel.
    pub fn channel(&self, link: f64, bulk: bool, channel: RtcDataChannel) {
        let class = if bulk { Class::Bulk } else { Class::Control };
        self.ask(Ask::Channel { link: number(link), class, channel });
    }

    /// The page's description of a link is complete.
    pub fn described(&self, link: f64, sdp: String) {
        self.ask(Ask::Described { link: number(link), sdp });
    }

    /// The page could not make a connection, or has lost it.
    pub fn broken(&self, link: f64, reason: String) {
        self.ask(Ask::Broken { link: number(link), reason });
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made by this driver")]
fn number(link: f64) -> LinkId {
    LinkId(link as u64)
}

thread_local! {
    /// For the panic hook, which may capture nothing of one thread only.
    static HOST: RefCell<Option<Rc<Host>>> = const { RefCell::new(None) };
}

/// A panic ends this module; the page says so and offers another start.
fn report_panics(host: Rc<Host>) {
    HOST.set(Some(host));
    std::panic::set_hook(Box::new(|panic| {
        let reason = panic.to_string();
        HOST.with_borrow(|host| {
            if let Some(host) = host {
                Note::new("broken-down").with("reason", reason).post(host);
            }
        });
    }));
}
