//! Machines that are told anything at all: an input is read as a log of what happens to them.
//!
//! What a stranger cannot do (sign for others) the log cannot either; what any peer can do (log in,
//! say hello, sign for itself) it can, so that what lies behind is reached too.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base::{Card, Duration, NodeId, Secret, Signature, Time};
use bytes::Bytes;
use node::{Class, LinkId, Node, SignedDescription, WorkId};
use signal::message::{ClientMessage, ServerMessage, login_bytes};
use signal::room::{self, ConnectionId, Room};
use wire::{Frame, Hello, chunk};

use crate::Verdict;
use crate::decode::rest;

/// Outputs of one input: more is a machine that talks to itself.
const OUTPUTS_MAX: usize = 10_000;

/// A log, read from its front.
struct Log<'a>(&'a [u8]);

impl<'a> Log<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    /// As many bytes as the next one says, or what is left.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes)
    }
}

fn introducer() -> Secret {
    Secret::from_seed(&[200; 32])
}

/// A few peers have keys.
const PEERS: u8 = 8;

fn secret(of: u8) -> Secret {
    Secret::from_seed(&[of % PEERS; 32])
}

fn card(of: u8) -> Card {
    static CARDS: OnceLock<Vec<Card>> = OnceLock::new();
    let cards = CARDS.get_or_init(|| {
        let card = |of| {
            let public_key = secret(of).public();
            let voucher = introducer().vouch(public_key, [of; 16]);
            Card { public_key, voucher, epoch: 1 }
        };
        (0..PEERS).map(card).collect()
    });
    cards[usize::from(of % PEERS)]
}

/// The server's room, several connections.
pub(crate) fn room(bytes: &[u8], verdict: &mut Verdict) {
    let config = room::Config { connections_max: 6, ..room::Config::default() };
    let mut now = Time::ZERO;
    let mut room = Room::new(config, introducer(), 1, now);
    // The driver numbers connections and never uses a number again.
    let mut connections = [0; PEERS as usize];
    let mut nonces = BTreeMap::new();
    let mut log = Log(bytes);
    while let Some(what) = log.byte() {
        let peer = what >> 5;
        let who = &mut connections[usize::from(peer)];
        if matches!(what & 0x1f, 0 | 1) {
            *who += 1;
        }
        let connection = ConnectionId(*who * u64::from(PEERS) + u64::from(peer));
        let say =
            |message: ClientMessage| room::Input::Received(connection, message.encode().into());
        let input = match what & 0x1f {
            0 | 1 => room::Input::Connected(connection),
            2 => room::Input::Disconnected(connection),
            3..=5 => {
                let nonce = nonces.get(&connection).copied().unwrap_or_default();
                log_in(&nonce, peer, connection)
            }
            6 | 7 => say(ClientMessage::Introduce),
            8 => say(ClientMessage::Member { ready: true }),
            9 => say(ClientMessage::Member { ready: false }),
            10..=15 => {
                let Some(payload) = log.bytes() else { break };
                let to = card(what ^ u8::try_from(payload.len()).unwrap_or(0)).id();
                say(ClientMessage::Signal { to, payload: rest(payload) })
            }
            16 => room::Input::Stop,
            17..=22 => {
                let Some(millis) = log.number() else { break };
                now = now + Duration::from_millis(u64::from(millis));
                room::Input::Timeout
            }
            _ => {
                let Some(bytes) = log.bytes() else { break };
                room::Input::Received(connection, rest(bytes))
            }
        };
        room.handle(now, input);
        for count in 0.. {
            assert!(count < OUTPUTS_MAX, "the room does not come to rest");
            let Some(output) = room.poll_output() else { break };
            if let room::Output::Send(to, bytes) = &output
                && let Ok(ServerMessage::Challenge { nonce, .. }) = ServerMessage::decode(bytes)
            {
                nonces.insert(*to, nonce);
            }
            verdict.note(&output);
        }
    }
    verdict.note(&room.stats());
}

fn log_in(nonce: &[u8; 16], who: u8, connection: ConnectionId) -> room::Input {
    let (secret, Card { voucher, .. }) = (secret(who), card(who));
    let signature = secret.sign(&login_bytes(&introducer().public(), nonce, 1));
    let login = ClientMessage::Login {
        version: base::PROTOCOL_VERSION,
        public_key: secret.public(),
        epoch: 1,
        voucher: (who < 6).then_some(voucher),
        native: who.is_multiple_of(2),
        signature,
    };
    room::Input::Received(connection, login.encode().into())
}

/// A whole peer, with links to others.
pub(crate) fn node(bytes: &[u8], verdict: &mut Verdict) {
    let me = 7;
    let network = introducer().public().into();
    let mut now = Time::from_millis(1_000);
    let mut node = Node::new(node::Config::new(network, card(me)), 5, now);
    let mut asked = Asked::default();
    let mut log = Log(bytes);
    while let Some(what) = log.byte() {
        let Some(inputs) = inputs(what, &mut log, &mut now, &node, &mut asked) else { break };
        for input in inputs {
            node.handle(now, input);
            for count in 0.. {
                assert!(count < OUTPUTS_MAX, "the node does not come to rest");
                let Some(output) = node.poll_output() else { break };
                asked.hear(&output);
                verdict.note(&output);
            }
        }
        if let Some((at, _)) = node.poll_timeout() {
            verdict.note(&at);
        }
    }
    verdict.note(&node.link_count());
}

/// What the node asked its driver for, latest only.
#[derive(Default)]
struct Asked {
    sign: Option<(u64, Bytes)>,
    job: Option<node::JobId>,
    work: Option<WorkId>,
    load: Option<node::Name>,
    dialled: Option<NodeId>,
}

impl Asked {
    fn hear(&mut self, output: &node::Output) {
        match output {
            node::Output::Sign { token, bytes } => self.sign = Some((*token, bytes.clone())),
            node::Output::Appraise { job, .. } => self.job = Some(*job),
            node::Output::Compute { work, job, .. } => {
                (self.work, self.job) = (Some(*work), Some(*job));
            }
            node::Output::Load(name) => self.load = Some(*name),
            node::Output::Dial { peer, .. } | node::Output::Expect { peer, .. } => {
                self.dialled = Some(*peer);
            }
            _ => {}
        }
    }
}

/// The next inputs of a log; `None` at its end.
fn inputs(
    what: u8,
    log: &mut Log<'_>,
    now: &mut Time,
    node: &Node,
    asked: &mut Asked,
) -> Option<Vec<node::Input>> {
    let who = what >> 5;
    let link = LinkId(u64::from(who));
    let class = if what & 1 == 0 { Class::Control } else { Class::Bulk };
    let one = |input| Some(vec![input]);
    match what & 0x1f {
        0 | 1 => {
            // A link as it comes about: up, and the first word.
            let hello = Hello { version: base::PROTOCOL_VERSION, epoch: 1 };
            let mut inputs = vec![node::Input::LinkUp { link, card: card(who) }];
            inputs.extend(received(link, Class::Control, &Frame::Hello(hello).encode()));
            Some(inputs)
        }
        2 => one(node::Input::LinkDown(link)),
        3 | 4 => one(node::Input::Received { link, class, chunk: rest(log.bytes()?) }),
        5..=12 => {
            let bytes = log.bytes()?;
            let class = Frame::decode(bytes).map_or(class, |frame| frame.class());
            Some(received(link, class, bytes))
        }
        13..=15 => {
            *now = *now + Duration::from_millis(u64::from(log.number()?));
            one(node::Input::Timeout)
        }
        16 => one(node::Input::Found),
        17 => one(node::Input::Join { through: card(who).id() }),
        18 => {
            let params = rest(log.bytes()?);
            let description = node.describe(u64::from(who), fractal::KIND, 2, params);
            let signature = secret(7).sign(&description.signing_bytes());
            one(node::Input::Submit(SignedDescription { description, signature }))
        }
        19 => one(node::Input::Watch(asked.job?)),
        20 => one(node::Input::Cancel(asked.job?)),
        21 => one(node::Input::Appraised { job: asked.job?, verdict: Ok(()) }),
        22 => {
            one(node::Input::Computed { work: asked.work.take()?, outcome: Ok(rest(log.bytes()?)) })
        }
        23 => {
            one(node::Input::Loaded { name: asked.load.take()?, value: Some(rest(log.bytes()?)) })
        }
        24 => one(node::Input::Slots(u16::from(who))),
        25 => one(node::Input::Drained { link, class, bytes: u32::from(log.number()?) }),
        26 => one(node::Input::Visitor(card(who).id())),
        27 => one(node::Input::DialFailed(asked.dialled.take()?)),
        28 => {
            let payload = rest(log.bytes()?);
            one(node::Input::Signal { to: card(who).id(), via: None, payload })
        }
        29 | 30 => {
            let (token, bytes) = asked.sign.take()?;
            let signature = if who == 0 { Signature([0; 64]) } else { secret(7).sign(&bytes) };
            one(node::Input::Signed { token, signature })
        }
        _ => one(node::Input::Leave),
    }
}

/// A message as chunks.
fn received(link: LinkId, class: Class, message: &[u8]) -> Vec<node::Input> {
    let chunks = chunk::split(message).into_iter();
    chunks.map(|chunk| node::Input::Received { link, class, chunk }).collect()
}
