//! A room and connections that speak to it byte by byte.

use std::string::{String, ToString as _};
use std::vec::Vec;

use base::{Bounded, Card, Duration, PROTOCOL_VERSION, PublicKey, Signature, Voucher};
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::message::{Companion, PeerSignal, Proposal, login_bytes};

mod introduce;
mod later;
mod login;
mod relay;

const NOW: Time = Time::from_millis(1_000);

struct Hall {
    room: Room,
    next: u64,
}

struct Guest {
    connection: ConnectionId,
    secret: Secret,
    voucher: Voucher,
    id: NodeId,
}

fn hall(may_have_members: bool) -> Hall {
    let config = Config { may_have_members, ..Config::default() };
    hall_of(200, config)
}

fn hall_of(introducer: u8, config: Config) -> Hall {
    Hall { room: Room::new(config, secret(introducer), 1, NOW), next: 0 }
}

/// A room of one introducer that has these companions.
fn hall_among(introducer: u8, companions: &[u8]) -> Hall {
    let url = "wss://other.example/v1/ws".to_string();
    let companions = companions.iter().map(|other| secret(*other).public());
    let companions = companions.map(|key| Companion { key, url: url.clone() });
    let companions = Bounded::truncating(companions);
    hall_of(introducer, Config { companions, ..Config::default() })
}

fn secret(seed: u8) -> Secret {
    Secret::from_seed(&[seed; 32])
}

impl Hall {
    fn handle(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.room.handle(now, input);
        core::iter::from_fn(|| self.room.poll_output()).collect()
    }

    fn say(&mut self, now: Time, who: ConnectionId, message: &ClientMessage) -> Vec<Output> {
        self.handle(now, Input::Received(who, message.encode().into()))
    }

    fn connect(&mut self, now: Time) -> (ConnectionId, PublicKey, [u8; 16]) {
        let connection = ConnectionId(self.next);
        self.next += 1;
        let outputs = self.handle(now, Input::Connected(connection));
        let ServerMessage::Challenge { version, introducer, companions, nonce } =
            told(&outputs, connection)
        else {
            panic!("{outputs:?}")
        };
        assert_eq!(version, PROTOCOL_VERSION);
        assert_eq!(companions, self.room.config.companions);
        (connection, introducer, nonce)
    }

    /// Logs in on a fresh connection; what the room said to everybody.
    fn log_in(
        &mut self,
        now: Time,
        secret: &Secret,
        epoch: u64,
        voucher: Option<Voucher>,
    ) -> (ConnectionId, Vec<Output>) {
        let (connection, network, nonce) = self.connect(now);
        let signature = secret.sign(&login_bytes(&network, &nonce, epoch));
        let message = login(secret.public(), epoch, voucher, signature);
        (connection, self.say(now, connection, &message))
    }

    fn guest(&mut self, seed: u8) -> Guest {
        let secret = secret(seed);
        let (connection, outputs) = self.log_in(NOW, &secret, 1, None);
        let ServerMessage::Welcome { voucher, .. } = told(&outputs, connection) else {
            panic!("{outputs:?}")
        };
        let card = Card { public_key: secret.public(), voucher, epoch: 1 };
        assert_eq!(card.verify(&self.room.network), Ok(card.id()));
        Guest { connection, secret, voucher, id: card.id() }
    }

    fn member(&mut self, seed: u8) -> Guest {
        let guest = self.guest(seed);
        let ready = ClientMessage::Member { ready: true };
        assert!(self.say(NOW, guest.connection, &ready).is_empty());
        guest
    }

    fn introduce(&mut self, now: Time, guest: &Guest) -> ServerMessage {
        let outputs = self.say(now, guest.connection, &ClientMessage::Introduce);
        told(&outputs, guest.connection)
    }
}

fn login(
    public_key: PublicKey,
    epoch: u64,
    voucher: Option<Voucher>,
    signature: Signature,
) -> ClientMessage {
    let version = PROTOCOL_VERSION;
    ClientMessage::Login { version, public_key, epoch, voucher, native: true, signature }
}

/// The last message to a connection.
fn told(outputs: &[Output], to: ConnectionId) -> ServerMessage {
    let bytes = outputs.iter().rev().find_map(|output| match output {
        Output::Send(connection, bytes) if *connection == to => Some(bytes),
        _ => None,
    });
    ServerMessage::decode(bytes.unwrap_or_else(|| panic!("{outputs:?}"))).expect("well-formed")
}

fn closed(outputs: &[Output], which: ConnectionId) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Close(closed, _) if *closed == which))
}

fn proposal(sdp: String) -> Proposal {
    let secret = secret(9);
    let voucher = secret.vouch(secret.public(), [0; 16]);
    Proposal {
        card: Card { public_key: secret.public(), voucher, epoch: 1 },
        attempt: 1,
        permit: 0,
        sdp,
        signature: Signature([0; 64]),
    }
}

fn carried(to: NodeId, signal: &PeerSignal) -> ClientMessage {
    ClientMessage::Signal { to, payload: signal.encode().into() }
}

/// An offer with a description of so many bytes.
fn signal(to: NodeId, bytes: usize) -> ClientMessage {
    carried(to, &PeerSignal::Offer(proposal("x".repeat(bytes))))
}

fn answer(to: NodeId, bytes: usize) -> ClientMessage {
    carried(to, &PeerSignal::Answer(proposal("x".repeat(bytes))))
}
