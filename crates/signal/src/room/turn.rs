//! Time-limited TURN credentials, as coturn's `use-auth-secret` checks them: the name says until
//! when it counts and for whom, the password is a MAC of the name. A relay needs no account of
//! any peer, and what leaks is worth nothing in ten minutes.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base::{Bounded, Duration, NodeId, Time};
use data_encoding::BASE64;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

use super::{ConnectionId, Room, State};
use crate::message::{ICE_SERVERS_MAX, IceServer, ServerMessage};

/// How long a credential counts (hostile.md T16).
pub const CREDENTIAL_LIFE: Duration = Duration::from_secs(600);
/// How often a peer is given a fresh one: a link that is begun with the old one has time to form.
const RENEWAL: Duration = Duration::from_secs(300);

/// The relays of a network.
#[derive(Clone, Debug)]
pub struct Turn {
    /// `turn:` or `turns:` URLs.
    pub urls: Bounded<String, ICE_SERVERS_MAX>,
    /// Shared with the relays.
    pub secret: Vec<u8>,
    /// Unix time at the room's [`Time::ZERO`], in seconds.
    pub unix_zero: u64,
}

impl Turn {
    fn servers(&self, now: Time, peer: NodeId) -> impl Iterator<Item = IceServer> + '_ {
        let until = self.unix_zero + (now + CREDENTIAL_LIFE).as_micros() / 1_000_000;
        let username = format!("{until}:{peer}");
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.secret).expect("a key of any length");
        mac.update(username.as_bytes());
        let credential = BASE64.encode(&mac.finalize().into_bytes());
        self.urls.iter().map(move |url| IceServer {
            url: url.clone(),
            username: username.clone(),
            credential: credential.clone(),
        })
    }
}

/// When whose credentials are renewed.
#[derive(Debug, Default)]
pub(super) struct Renewals {
    /// At most one for each logged-in connection.
    due: BTreeSet<(Time, ConnectionId)>,
}

impl Renewals {
    pub(super) fn first(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn remove(&mut self, at: Time, connection: ConnectionId) {
        self.due.remove(&(at, connection));
    }
}

impl Room {
    /// STUN and TURN for a peer, with credentials of its own.
    pub(super) fn ice_servers(
        &self,
        now: Time,
        peer: NodeId,
    ) -> Bounded<IceServer, ICE_SERVERS_MAX> {
        let turn = self.config.turn.iter().flat_map(|turn| turn.servers(now, peer));
        Bounded::truncating(self.config.ice_servers.iter().cloned().chain(turn))
    }

    /// When the credentials of a login at `now` are renewed, if there are any.
    pub(super) fn renew_later(&mut self, now: Time, connection: ConnectionId) -> Option<Time> {
        self.config.turn.as_ref()?;
        self.renewals.due.insert((now + RENEWAL, connection));
        Some(now + RENEWAL)
    }

    pub(super) fn renew(&mut self, now: Time) {
        while let Some(&(at, connection)) = self.renewals.due.first() {
            if at > now {
                break;
            }
            self.renewals.remove(at, connection);
            let next = self.renew_later(now, connection);
            let Some(peer) = self.connections.get_mut(&connection).and_then(|found| {
                let State::LoggedIn { peer, renew_at, .. } = &mut found.state else { return None };
                *renew_at = next;
                Some(*peer)
            }) else {
                continue;
            };
            let ice_servers = self.ice_servers(now, peer);
            self.send(connection, &ServerMessage::IceServers { ice_servers });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use super::*;

    /// Against `openssl dgst -sha1 -hmac north -binary | base64` of the name.
    #[test]
    fn a_credential_is_what_coturn_expects() {
        let turn = Turn {
            urls: Bounded::truncating(["turn:relay.example".to_string()]),
            secret: b"north".to_vec(),
            unix_zero: 1_700_000_000,
        };
        let server = turn.servers(Time::from_millis(1_500), NodeId::new(1)).next().expect("one");
        let username = "1700000601:00000000000000000000000000000001";
        assert_eq!((&*server.url, &*server.username), ("turn:relay.example", username));
        assert_eq!(server.credential, "Pg8yqmMRKcE3izFfopei6nGsmhg=");
    }
}
