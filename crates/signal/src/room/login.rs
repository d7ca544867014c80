//! The way in: a challenge for each connection, and the login that says who it is.

use alloc::format;
use alloc::string::ToString as _;

use base::{Card, NodeId, PROTOCOL_VERSION, PublicKey, Signature, Time, Voucher};

use super::limits::{
    INTRODUCTION_BURST_MAX, INTRODUCTION_INTERVAL, KEPT_FOR_KNOWN, LOGIN_PATIENCE,
    MESSAGE_BURST_MAX, MESSAGE_INTERVAL, OFFER_BURST_MAX, OFFER_INTERVAL,
};
use super::{Connection, ConnectionId, Output, Room, State};
use crate::message::{ServerMessage, login_bytes};
use crate::rate::Bucket;

/// The fields of a login message.
pub(super) struct Login {
    pub(super) version: u16,
    pub(super) public_key: PublicKey,
    pub(super) epoch: u64,
    pub(super) voucher: Option<Voucher>,
    pub(super) native: bool,
    pub(super) signature: Signature,
}

impl Room {
    pub(super) fn on_connected(&mut self, now: Time, connection: ConnectionId) {
        if self.connections.len() as u64 >= u64::from(self.config.connections_max) {
            self.stats.refused += 1;
            self.outputs.push_back(Output::Close(connection, "the server is full"));
            return;
        }
        let mut nonce = [0; 16];
        self.rng.fill(&mut nonce);
        let deadline = now + LOGIN_PATIENCE;
        self.logins.insert((deadline, connection));
        self.connections.insert(
            connection,
            Connection {
                state: State::Challenged { nonce, deadline },
                messages: Bucket::new(MESSAGE_BURST_MAX, MESSAGE_INTERVAL),
                introductions: Bucket::new(INTRODUCTION_BURST_MAX, INTRODUCTION_INTERVAL),
                offers: Bucket::new(OFFER_BURST_MAX, OFFER_INTERVAL),
                owed: 0,
            },
        );
        let challenge = ServerMessage::Challenge {
            version: PROTOCOL_VERSION,
            introducer: self.secret.public(),
            companions: self.config.companions.clone(),
            nonce,
        };
        self.send(connection, &challenge);
    }

    pub(super) fn on_login(
        &mut self,
        now: Time,
        connection: ConnectionId,
        nonce: &[u8; 16],
        login: &Login,
    ) {
        if login.version != PROTOCOL_VERSION {
            let words = format!(
                "this server speaks protocol {PROTOCOL_VERSION}, this peer speaks {}: load the \
                 page again or update the program",
                login.version
            );
            return self.refuse(connection, words, "another protocol version");
        }
        let signed = login_bytes(&self.secret.public(), nonce, login.epoch);
        if login.public_key.verify(&signed, &login.signature).is_err() {
            let words = "the login is not signed by its key".to_string();
            return self.refuse(connection, words, "a bad login signature");
        }
        let known = self.known_card(login);
        if known.is_none() && self.is_full_for_strangers() {
            self.send_away(connection);
            return self.expel(connection, "full for strangers");
        }
        let card = known.unwrap_or_else(|| self.fresh_card(login));
        let peer = card.id();
        if let Some(&earlier) = self.peers.get(&peer) {
            if self.epoch_of(earlier) > Some(login.epoch) {
                let words = "a later start of this peer is connected".to_string();
                return self.refuse(connection, words, "a stale epoch");
            }
            self.close(earlier, "replaced by another connection of the same peer");
        }
        self.admit(now, connection, peer, login);
        let welcome = ServerMessage::Welcome {
            voucher: card.voucher,
            ice_servers: self.ice_servers(now, peer),
            peers: u32::try_from(self.peers.len()).unwrap_or(u32::MAX),
        };
        self.send(connection, &welcome);
    }

    /// The card with the voucher that the peer showed, if an introducer of this network gave it.
    fn known_card(&self, login: &Login) -> Option<Card> {
        let Login { public_key, epoch, voucher, .. } = *login;
        let card = Card { public_key, voucher: voucher?, epoch };
        card.verify(&self.network).is_ok().then_some(card)
    }

    fn fresh_card(&mut self, login: &Login) -> Card {
        let Login { public_key, epoch, .. } = *login;
        let mut nonce = [0; 16];
        self.rng.fill(&mut nonce);
        Card { public_key, voucher: self.secret.vouch(public_key, nonce), epoch }
    }

    fn is_full_for_strangers(&self) -> bool {
        let max = self.config.connections_max;
        self.peers.len() as u64 >= u64::from(max - max / KEPT_FOR_KNOWN)
    }

    fn epoch_of(&self, connection: ConnectionId) -> Option<u64> {
        match self.connections.get(&connection)?.state {
            State::LoggedIn { epoch, .. } => Some(epoch),
            State::Challenged { .. } => None,
        }
    }

    fn admit(&mut self, now: Time, connection: ConnectionId, peer: NodeId, login: &Login) {
        let renew_at = self.renew_later(now, connection);
        let admitted = self.connections.get_mut(&connection).expect("it sent the login");
        let Login { epoch, native, .. } = *login;
        if let State::Challenged { deadline, .. } = admitted.state {
            self.logins.remove(&(deadline, connection));
        }
        admitted.state = State::LoggedIn { peer, epoch, native, renew_at };
        self.peers.insert(peer, connection);
        self.stats.logins += 1;
        let kind = if native { &mut self.stats.natives } else { &mut self.stats.browsers };
        *kind += 1;
    }
}
