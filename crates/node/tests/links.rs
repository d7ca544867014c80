//! One node and a peer at the other end of a link, played by hand.

use base::{Card, Digest, Secret, Time};
use bytes::Bytes;
use node::{Class, Config, Input, LinkId, Node, Output, SignedDescription};
use wire::grid::Message as GridMessage;
use wire::overlay::Message as OverlayMessage;
use wire::{Frame, Hello, chunk};

const NOW: Time = Time::from_millis(1_000);
const LINK: LinkId = LinkId(7);

struct Pair {
    node: Node,
    secret: Secret,
    peer: Card,
}

fn card(secret: &Secret, seed: u8) -> Card {
    let introducer = Secret::from_seed(&[200; 32]);
    let voucher = introducer.vouch(secret.public(), [seed; 16]);
    Card { public_key: secret.public(), voucher, epoch: 1 }
}

impl Pair {
    /// Linked, both have said hello.
    fn new() -> Self {
        let secret = Secret::from_seed(&[1; 32]);
        let network = Secret::from_seed(&[200; 32]).public().into();
        let node = Node::new(Config::new(network, card(&secret, 1)), 5, NOW);
        let peer = card(&Secret::from_seed(&[2; 32]), 2);
        let mut pair = Pair { node, secret, peer };
        pair.handle(Input::Found);
        pair.handle(Input::LinkUp { link: LINK, card: peer });
        let hello = Hello { version: base::PROTOCOL_VERSION, epoch: 1 };
        assert!(!pair.say(&Frame::Hello(hello)));
        pair
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        self.node.handle(NOW, input);
        std::iter::from_fn(|| self.node.poll_output()).collect()
    }

    /// The peer says something; whether the node hangs up.
    fn say(&mut self, frame: &Frame) -> bool {
        let mut ended = false;
        for chunk in chunk::split(&frame.encode()) {
            let input = Input::Received { link: LINK, class: frame.class(), chunk };
            let outputs = self.handle(input);
            ended |= outputs.iter().any(|output| matches!(output, Output::HangUp(LINK)));
        }
        ended
    }
}

#[test]
fn impossible_overlay_messages_end_a_link() {
    let mut pair = Pair::new();
    let frame = Frame::Overlay(OverlayMessage::RowRequest { row: 200 });
    assert_eq!([1, 2, 3].map(|_| pair.say(&frame)), [false, false, true]);
    assert_eq!(pair.node.link_count(), 0);
}

#[test]
fn impossible_grid_messages_end_a_link() {
    let mut pair = Pair::new();
    let description = pair.node.describe(1, 9, 2, Bytes::new());
    let signature = pair.secret.sign(&description.signing_bytes());
    let job = description.job();
    pair.handle(Input::Submit(SignedDescription { description, signature }));
    let payload = Bytes::from_static(b"numbers");
    let (worker, digest) = (pair.peer.id(), Digest::of(&[&payload]));
    let frame = Frame::Grid(GridMessage::Result { job, task: 99, worker, digest, payload });
    assert_eq!(frame.class(), Class::Bulk);
    assert_eq!([1, 2, 3].map(|_| pair.say(&frame)), [false, false, true]);
}
