//! The way to a welcome, and the ways back out: lost, refused, left.

use alloc::format;
use alloc::string::{String, ToString as _};

use base::{
    Bounded, Card, Duration, Network, PROTOCOL_VERSION, PublicKey, Signature, Time, Voucher,
};
use bytes::Bytes;

use super::{ANSWER_PATIENCE, Entry, OPEN_PATIENCE, Output, State};
use crate::message::{
    COMPANIONS_MAX, ClientMessage, Companion, ICE_SERVERS_MAX, IceServer, login_bytes, network_of,
};

/// How long a server may keep a peer away at most (hostile.md T9).
const LATER_MAX: Duration = Duration::from_secs(60);

/// What a server says of itself.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) introducer: PublicKey,
    network: Network,
    companions: Bounded<Companion, COMPANIONS_MAX>,
}

impl Told {
    pub(super) fn new(
        introducer: PublicKey,
        companions: Bounded<Companion, COMPANIONS_MAX>,
    ) -> Self {
        Told { introducer, network: network_of(introducer, &companions), companions }
    }
}

/// A login that waits for its signature.
#[derive(Debug)]
pub(super) struct Pending {
    voucher: Option<Voucher>,
    /// What is signed.
    bytes: Bytes,
}

impl Entry {
    pub(super) fn connect(&mut self, now: Time) {
        self.state = State::Opening { deadline: now + OPEN_PATIENCE };
        self.outputs.push_back(Output::Connect);
    }

    pub(super) fn on_opened(&mut self, now: Time) {
        if matches!(self.state, State::Opening { .. }) {
            self.state = State::Opened { deadline: now + ANSWER_PATIENCE };
        }
    }

    pub(super) fn on_challenge(&mut self, now: Time, version: u16, told: Told, nonce: &[u8; 16]) {
        if version != PROTOCOL_VERSION {
            return self.give_up(format!(
                "the server speaks protocol {version}, this peer speaks {PROTOCOL_VERSION}: load \
                 the page again or update the program"
            ));
        }
        let voucher = self.voucher.filter(|voucher| told.network.has(&voucher.introducer));
        let is_foreign = |network: Network| !network.has(&told.introducer) || voucher.is_none();
        if self.network.is_some_and(is_foreign) {
            // An id lasts for a start: links and records hang on it.
            let reason = "the server introduces another network now: start again to join it";
            return self.lose(now, reason.to_string());
        }
        let bytes = Bytes::from(login_bytes(&told.introducer, nonce, self.epoch));
        let deadline = now + ANSWER_PATIENCE;
        self.outputs.push_back(Output::Sign(bytes.clone()));
        self.state = State::Signing { login: Pending { voucher, bytes }, deadline };
        self.told = Some(told);
    }

    pub(super) fn on_signed(&mut self, now: Time, signature: Signature) {
        let State::Signing { login: Pending { voucher, bytes }, .. } = &self.state else {
            return;
        };
        let voucher = *voucher;
        // A signature asked for on an earlier connection may come late.
        if self.public_key.verify(bytes, &signature).is_err() {
            return;
        }
        self.state = State::Answering { deadline: now + ANSWER_PATIENCE };
        self.send(&ClientMessage::Login {
            version: PROTOCOL_VERSION,
            public_key: self.public_key,
            epoch: self.epoch,
            voucher,
            native: self.native,
            signature,
        });
    }

    pub(super) fn on_welcome(
        &mut self,
        now: Time,
        voucher: Voucher,
        ice_servers: Bounded<IceServer, ICE_SERVERS_MAX>,
        peers: u32,
    ) {
        let card = Card { public_key: self.public_key, voucher, epoch: self.epoch };
        let told = self.told.as_ref().expect("a challenge came before the welcome");
        let (network, companions) = (told.network, told.companions.clone());
        if card.verify(&network).is_err() {
            return self.lose(now, "the server's voucher is not valid".to_string());
        }
        if self.network.is_some() && self.voucher != Some(voucher) {
            return self.lose(now, "the server knows this peer by another id".to_string());
        }
        // The first one counts, in one conversation as among several.
        self.network.get_or_insert(network);
        self.voucher = Some(voucher);
        self.retry.reset();
        self.state = State::LoggedIn { deadline: None };
        self.outputs.push_back(Output::Welcome { card, companions, ice_servers, peers });
        if self.ready {
            self.send(&ClientMessage::Member { ready: true });
        }
        self.asking.logged_in(now, peers, &mut self.rng);
        self.ask_when_due(now);
    }

    pub(super) fn on_closed(&mut self, now: Time, reason: String) {
        if !matches!(self.state, State::Away { .. }) {
            self.retry_later(now, reason);
        }
    }

    /// Closes the connection because of what the server did, and tries again later.
    pub(super) fn lose(&mut self, now: Time, reason: String) {
        self.disconnect();
        self.retry_later(now, reason);
    }

    /// The server sends this peer away and says for how long: it knows best when it is back.
    pub(super) fn come_back_later(&mut self, now: Time, millis: u32) {
        self.disconnect();
        let retry = Duration::from_millis(u64::from(millis)).min(LATER_MAX);
        self.state = State::Away { retry_at: Some(now + retry) };
        let reason = "the server asks to come back later".to_string();
        self.outputs.push_back(Output::Unreachable { reason, retry });
    }

    /// The server will not have this peer: only a person may try again.
    pub(super) fn give_up(&mut self, reason: String) {
        self.disconnect();
        self.state = State::Away { retry_at: None };
        self.outputs.push_back(Output::Refused(reason));
    }

    pub(super) fn disconnect(&mut self) {
        if !matches!(self.state, State::Away { .. }) {
            self.outputs.push_back(Output::Disconnect);
        }
    }

    fn retry_later(&mut self, now: Time, reason: String) {
        let retry = self.retry.next(self.links, self.is_spared, &mut self.rng);
        self.state = State::Away { retry_at: Some(now + retry) };
        self.outputs.push_back(Output::Unreachable { reason, retry });
    }
}
