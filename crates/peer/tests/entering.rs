//! A newcomer and its way in, with the server and two anchors played by hand.

use base::{Bounded, Card, NodeId, Secret, Time};
use bytes::Bytes;
use node::LinkId;
use peer::{Config, Input, Output, Peer, ServerId, SignToken};
use signal::message::{ClientMessage, ServerMessage};
use signal::negotiation::{self, Negotiator, Path};

const NOW: Time = Time::from_millis(1_000);
const SERVER: ServerId = ServerId(0);

fn secret(seed: u8) -> Secret {
    Secret::from_seed(&[seed; 32])
}

fn network() -> Secret {
    secret(200)
}

struct Newcomer {
    secret: Secret,
    peer: Peer,
}

impl Newcomer {
    /// A peer that was welcomed and asks to be introduced.
    fn new() -> Self {
        let secret = secret(1);
        let config = Config {
            public_key: secret.public(),
            epoch: 1,
            voucher: None,
            servers: Bounded::truncating(["ws://server/v1/ws".to_owned()]),
            native: true,
            loopback: false,
            links_max: 16,
            result_bytes_max: peer::RESULT_BYTES_MAX,
        };
        let mut newcomer = Newcomer { peer: Peer::new(config, 5, NOW), secret };
        newcomer.handle(Input::ServerOpened(SERVER));
        newcomer.hear(&ServerMessage::Challenge {
            version: base::PROTOCOL_VERSION,
            introducer: network().public(),
            companions: Bounded::new(),
            nonce: [5; 16],
        });
        let voucher = network().vouch(newcomer.secret.public(), [6; 16]);
        let ice_servers = Bounded::new();
        let outputs = newcomer.hear(&ServerMessage::Welcome { voucher, ice_servers, peers: 3 });
        assert!(asks(&outputs), "{outputs:?}");
        newcomer
    }

    /// Hands in an input and does what a driver does: describes and signs at once.
    fn handle(&mut self, input: Input) -> Vec<Output> {
        self.peer.handle(NOW, input);
        let mut outputs = Vec::new();
        while let Some(output) = self.peer.poll_output() {
            let reply = match &output {
                Output::Sign { token, bytes } => {
                    Some(Input::Signed { token: *token, signature: self.secret.sign(bytes) })
                }
                Output::CreateOffer(link) => {
                    Some(Input::Described { link: *link, sdp: "an offer".to_owned() })
                }
                _ => None,
            };
            outputs.push(output);
            if let Some(reply) = reply {
                self.peer.handle(NOW, reply);
            }
        }
        outputs
    }

    fn hear(&mut self, message: &ServerMessage) -> Vec<Output> {
        let message = message.encode().into();
        self.handle(Input::ServerReceived { server: SERVER, message })
    }

    /// Both channels of the link to `anchor` open; nobody says hello.
    fn link(&mut self, anchor: &mut Anchor, offered: &Offer) -> LinkId {
        let id = self.peer.node().expect("it was welcomed").id();
        let answer = anchor.answer(id, &offered.payload);
        let signal = ServerMessage::Signal { from: anchor.id, payload: answer };
        let outputs = self.hear(&signal);
        assert!(outputs.iter().any(|output| matches!(output, Output::ApplyAnswer { .. })));
        self.handle(Input::LinkOpened(offered.link));
        offered.link
    }
}

struct Anchor {
    secret: Secret,
    id: NodeId,
    negotiator: Negotiator,
}

impl Anchor {
    fn new(seed: u8) -> Self {
        let secret = secret(seed);
        let voucher = network().vouch(secret.public(), [seed; 16]);
        let card = Card { public_key: secret.public(), voucher, epoch: 1 };
        let network = network().public().into();
        let negotiator = Negotiator::new(network, card, false, u64::from(seed), NOW);
        Anchor { secret, id: card.id(), negotiator }
    }

    fn answer(&mut self, newcomer: NodeId, offer: &Bytes) -> Bytes {
        use negotiation::{Input, Output};
        let (path, payload) = (Path::Server(SERVER), offer.clone());
        self.negotiator.handle(NOW, Input::Expect { peer: newcomer, permit: 0 });
        self.negotiator.handle(NOW, Input::Received { from: newcomer, path, payload });
        loop {
            match self.negotiator.poll_output().expect("an answer") {
                Output::CreateAnswer { attempt, .. } => {
                    let sdp = "an answer".to_owned();
                    self.negotiator.handle(NOW, Input::Described { attempt, sdp });
                }
                Output::Sign { attempt, bytes } => {
                    let signature = self.secret.sign(&bytes);
                    self.negotiator.handle(NOW, Input::Signed { attempt, signature });
                }
                Output::Send { payload, .. } => return payload,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[derive(Debug)]
struct Offer {
    to: NodeId,
    link: LinkId,
    payload: Bytes,
}

fn said(outputs: &[Output]) -> impl Iterator<Item = ClientMessage> + '_ {
    outputs.iter().filter_map(|output| match output {
        Output::SendServer { message, .. } => {
            Some(ClientMessage::decode(message).expect("well-formed"))
        }
        _ => None,
    })
}

fn asks(outputs: &[Output]) -> bool {
    said(outputs).any(|message| message == ClientMessage::Introduce)
}

fn offer(outputs: &[Output]) -> Option<Offer> {
    let link = outputs.iter().find_map(|output| match output {
        Output::Sign { token: SignToken::Proposal(attempt), .. } => Some(LinkId(attempt.0)),
        _ => None,
    })?;
    said(outputs).find_map(|message| match message {
        ClientMessage::Signal { to, payload } => Some(Offer { to, link, payload }),
        _ => None,
    })
}

#[test]
fn a_link_that_breaks_before_the_hello_is_no_dead_end() {
    let mut newcomer = Newcomer::new();
    let (mut first, mut second) = (Anchor::new(2), Anchor::new(3));
    let anchors = Bounded::truncating([first.id, second.id]);
    let outputs = newcomer.hear(&ServerMessage::Introduced { anchors });
    let offered = offer(&outputs).expect("an offer to the first anchor");
    assert_eq!(offered.to, first.id);
    let link = newcomer.link(&mut first, &offered);
    let reason = "closed by the peer".to_owned();
    let outputs = newcomer.handle(Input::LinkBroken { link, reason });
    let offered = offer(&outputs).expect("an offer to the second anchor");
    assert_eq!(offered.to, second.id);
    // The second says something else than hello: this side ends the link.
    let link = newcomer.link(&mut second, &offered);
    let chunk = Bytes::from_static(b"nonsense");
    let mut ended = false;
    for _ in 0..3 {
        let class = node::Class::Control;
        let outputs = newcomer.handle(Input::Received { link, class, chunk: chunk.clone() });
        ended |= outputs.iter().any(|output| matches!(output, Output::CloseLink(_)));
    }
    assert!(ended);
    // Nobody is left to try: the server's next introduction counts.
    let anchors = Bounded::truncating([first.id]);
    let outputs = newcomer.hear(&ServerMessage::Introduced { anchors });
    assert_eq!(offer(&outputs).map(|offer| offer.to), Some(first.id));
}
