//! A peer and several introducers of its network, which are played by hand.

use base::{Bounded, Duration, NodeId, Secret, Time, Voucher};
use peer::{Config, Event, Input, Output, Peer, ServerId, SignToken};
use signal::message::{ClientMessage, Companion, IceServer, ServerMessage};

const NOW: Time = Time::from_millis(1_000);
const A: &str = "ws://a.example/v1/ws";
const B: &str = "wss://b.example/v1/ws";
const FIRST: ServerId = ServerId(0);
const SECOND: ServerId = ServerId(1);

fn secret(seed: u8) -> Secret {
    Secret::from_seed(&[seed; 32])
}

/// The introducer at an address.
fn introducer(url: &str) -> Secret {
    secret(if url == A { 200 } else { 201 })
}

struct Guest {
    secret: Secret,
    peer: Peer,
}

impl Guest {
    /// A peer that was told of these servers, and what it does at once.
    fn told(servers: &[&str]) -> (Self, Vec<Output>) {
        let secret = secret(1);
        let config = Config {
            public_key: secret.public(),
            epoch: 1,
            voucher: None,
            servers: Bounded::truncating(servers.iter().map(|&server| server.to_owned())),
            native: true,
            loopback: false,
            links_max: 16,
            result_bytes_max: peer::RESULT_BYTES_MAX,
        };
        let mut guest = Guest { peer: Peer::new(config, 5, NOW), secret };
        let outputs = guest.drain(NOW);
        (guest, outputs)
    }

    /// A founder that came by A, and what it did when it had founded.
    fn founder(companions: &[Companion]) -> (Self, Vec<Output>) {
        let (mut guest, _) = Guest::told(&[A]);
        guest.log_in(FIRST, A, companions);
        let outputs = guest.hear(FIRST, &ServerMessage::Alone);
        (guest, outputs)
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        self.handle_at(NOW, input)
    }

    fn handle_at(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.peer.handle(now, input);
        self.drain(now)
    }

    /// Signs at once, as a driver does.
    fn drain(&mut self, now: Time) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(output) = self.peer.poll_output() {
            let signed = match &output {
                Output::Sign { token, bytes } => Some((*token, self.secret.sign(bytes))),
                _ => None,
            };
            outputs.push(output);
            if let Some((token, signature)) = signed {
                self.peer.handle(now, Input::Signed { token, signature });
            }
        }
        outputs
    }

    fn hear(&mut self, server: ServerId, message: &ServerMessage) -> Vec<Output> {
        let message = message.encode().into();
        self.handle(Input::ServerReceived { server, message })
    }

    fn challenge(&mut self, server: ServerId, url: &str, others: &[Companion]) -> Vec<Output> {
        self.handle(Input::ServerOpened(server));
        self.hear(
            server,
            &ServerMessage::Challenge {
                version: base::PROTOCOL_VERSION,
                introducer: introducer(url).public(),
                companions: Bounded::truncating(others.to_vec()),
                nonce: [5; 16],
            },
        )
    }

    /// From the open WebSocket to the welcome; what it did then.
    fn log_in(&mut self, server: ServerId, url: &str, others: &[Companion]) -> Vec<Output> {
        let outputs = self.challenge(server, url, others);
        let shown = said(&outputs, server).find_map(|message| match message {
            ClientMessage::Login { voucher, .. } => Some(voucher),
            _ => None,
        });
        let shown = shown.unwrap_or_else(|| panic!("no login: {outputs:?}"));
        let voucher = shown.unwrap_or_else(|| self.fresh_voucher(url));
        let url = format!("stun:{}", url.len());
        let stun = IceServer { url, username: String::new(), credential: String::new() };
        let ice_servers = Bounded::truncating([stun]);
        self.hear(server, &ServerMessage::Welcome { voucher, ice_servers, peers: 2 })
    }

    fn fresh_voucher(&self, url: &str) -> Voucher {
        introducer(url).vouch(self.secret.public(), [6; 16])
    }

    fn lose(&mut self, server: ServerId) -> Vec<Output> {
        self.handle(Input::ServerClosed { server, reason: "gone".to_owned() })
    }
}

fn companion(of: &str, url: &str) -> Companion {
    Companion { key: introducer(of).public(), url: url.to_owned() }
}

fn said(outputs: &[Output], to: ServerId) -> impl Iterator<Item = ClientMessage> + '_ {
    outputs.iter().filter_map(move |output| match output {
        Output::SendServer { server, message } if *server == to => {
            Some(ClientMessage::decode(message).expect("well-formed"))
        }
        _ => None,
    })
}

fn connects(outputs: &[Output]) -> Vec<(ServerId, &str)> {
    let connects = outputs.iter().filter_map(|output| match output {
        Output::ConnectServer { server, url } => Some((*server, url.as_str())),
        _ => None,
    });
    connects.collect()
}

fn events(outputs: &[Output]) -> Vec<&Event> {
    let events = outputs.iter().filter_map(|output| match output {
        Output::Event(event) => Some(event),
        _ => None,
    });
    events.collect()
}

fn is_unreachable(event: &&Event) -> bool {
    matches!(event, Event::ServerUnreachable { .. })
}

#[test]
fn the_next_stands_in_for_one_that_cannot_be_reached() {
    let (mut guest, outputs) = Guest::told(&[A, B]);
    assert_eq!(connects(&outputs), [(FIRST, A)]);
    let outputs = guest.lose(FIRST);
    assert_eq!(connects(&outputs), [(SECOND, B)]);
    assert!(events(&outputs).is_empty(), "not before the other was asked: {outputs:?}");
    let outputs = guest.lose(SECOND);
    assert_eq!(events(&outputs).into_iter().filter(is_unreachable).count(), 1, "{outputs:?}");
    // Both are tried again, and the one that answers is enough.
    guest.handle(Input::RetryNow);
    let outputs = guest.log_in(SECOND, B, &[]);
    assert!(events(&outputs).iter().any(|event| matches!(event, Event::Named { .. })));
    assert!(events(&guest.lose(FIRST)).is_empty());
}

#[test]
fn the_next_is_tried_beside_one_that_is_slow() {
    let (mut guest, _) = Guest::told(&[A, B]);
    let (at, why) = guest.peer.poll_timeout().expect("patience has an end");
    assert_eq!((at, why), (NOW + Duration::from_secs(5), peer::Wake::NextServer));
    assert_eq!(connects(&guest.handle_at(at, Input::Timeout)), [(SECOND, B)]);
    guest.log_in(SECOND, B, &[companion(A, A)]);
    // The slow one knows it by the same name, in the end.
    let outputs = guest.challenge(FIRST, A, &[companion(B, B)]);
    let shown = said(&outputs, FIRST).next();
    let voucher = Some(guest.fresh_voucher(B));
    assert!(
        matches!(shown, Some(ClientMessage::Login { voucher: shown, .. }) if shown == voucher),
        "{shown:?}"
    );
}

#[test]
fn refused_by_one_is_not_refused_by_all() {
    let (mut guest, _) = Guest::told(&[A, B]);
    guest.handle(Input::ServerOpened(FIRST));
    let reason = "no".to_owned();
    let outputs = guest.hear(FIRST, &ServerMessage::Refused { reason: reason.clone() });
    assert_eq!(connects(&outputs), [(SECOND, B)]);
    assert!(events(&outputs).is_empty());
    guest.handle(Input::ServerOpened(SECOND));
    let outputs = guest.hear(SECOND, &ServerMessage::Refused { reason });
    assert!(matches!(events(&outputs)[..], [Event::ServerRefused(_)]), "{outputs:?}");
}

#[test]
fn a_newcomer_asks_one_and_a_member_keeps_up_with_all() {
    let (mut guest, _) = Guest::told(&[A]);
    let outputs = guest.log_in(FIRST, A, &[companion(B, B)]);
    assert!(connects(&outputs).is_empty(), "one is enough to enter");
    let named = events(&outputs).into_iter().find_map(|event| match event {
        Event::Named { servers, .. } => Some(servers.to_vec()),
        _ => None,
    });
    assert_eq!(named.expect("it is named"), [A, B], "for the next start");
    let outputs = guest.hear(FIRST, &ServerMessage::Alone);
    assert_eq!(connects(&outputs), [(SECOND, B)], "it is a member");
    let outputs = guest.log_in(SECOND, B, &[companion(A, A)]);
    let ready = ClientMessage::Member { ready: true };
    assert!(said(&outputs, SECOND).any(|message| message == ready), "{outputs:?}");
}

#[test]
fn a_lost_server_is_nobodys_concern_while_another_answers() {
    let (mut guest, _) = Guest::founder(&[companion(B, B)]);
    guest.log_in(SECOND, B, &[companion(A, A)]);
    let outputs = guest.lose(FIRST);
    assert!(!events(&outputs).iter().any(is_unreachable), "{outputs:?}");
    // Relays are the other's from now on.
    let [Event::IceServers(ice_servers)] = events(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(ice_servers[0].url, format!("stun:{}", B.len()));
    let outputs = guest.lose(SECOND);
    let told = events(&outputs).into_iter().find(is_unreachable).expect("nobody is left");
    let Event::ServerUnreachable { retry, .. } = told else { unreachable!() };
    assert!(*retry <= Duration::from_secs(2), "without a link and a server: {retry:?}");
}

#[test]
fn an_offer_travels_by_the_server_that_introduced() {
    let (mut guest, _) = Guest::founder(&[companion(B, B)]);
    guest.log_in(SECOND, B, &[companion(A, A)]);
    let anchors = Bounded::truncating([NodeId::new(7)]);
    // It asks because there are others and it has no link.
    let (due, _) = guest.peer.poll_timeout().expect("it looks for them");
    guest.handle_at(due.max(NOW + Duration::from_secs(3)), Input::Timeout);
    let outputs = guest.hear(SECOND, &ServerMessage::Introduced { anchors });
    let created = outputs.iter().find_map(|output| match output {
        Output::CreateOffer(link) => Some(*link),
        _ => None,
    });
    let link = created.unwrap_or_else(|| panic!("nobody is dialled: {outputs:?}"));
    let outputs = guest.handle(Input::Described { link, sdp: "an offer".to_owned() });
    let signal = |message| matches!(message, ClientMessage::Signal { .. });
    assert!(said(&outputs, SECOND).any(signal), "{outputs:?}");
    assert!(!said(&outputs, FIRST).any(signal));
}

#[test]
fn two_addresses_of_one_introducer_are_one_conversation() {
    let alias = "ws://alias.example/v1/ws";
    let (mut guest, _) = Guest::told(&[alias, B]);
    guest.lose(FIRST);
    guest.log_in(SECOND, B, &[companion(A, A)]);
    let outputs = guest.hear(SECOND, &ServerMessage::Alone);
    let third = ServerId(2);
    assert_eq!(connects(&outputs), [(third, A)]);
    guest.log_in(third, A, &[companion(B, B)]);
    // The other name of A leads to it, too: a login there would end the one here.
    guest.handle(Input::RetryNow);
    let outputs = guest.challenge(FIRST, A, &[companion(B, B)]);
    assert!(matches!(outputs[..], [Output::DisconnectServer(FIRST)]), "{outputs:?}");
    for input in [Input::RetryNow, Input::ServerOpened(FIRST)] {
        assert!(guest.handle(input).is_empty());
    }
}

#[test]
fn a_server_that_answers_takes_the_place_of_an_address_that_does_not() {
    let alias = "ws://alias.example/v1/ws";
    let (mut guest, _) = Guest::told(&[alias, B]);
    guest.lose(FIRST);
    guest.log_in(SECOND, B, &[companion(A, A)]);
    guest.hear(SECOND, &ServerMessage::Alone);
    let third = ServerId(2);
    guest.lose(third);
    guest.handle(Input::RetryNow);
    let outputs = guest.challenge(FIRST, A, &[companion(B, B)]);
    assert!(
        outputs.iter().any(|output| matches!(output, Output::DisconnectServer(it) if *it == third))
    );
    let login =
        |output: &Output| matches!(output, Output::Sign { token: SignToken::Login(FIRST), .. });
    assert!(outputs.iter().any(login), "{outputs:?}");
}

#[test]
fn a_server_sends_nobody_to_odd_addresses() {
    let long = format!("wss://{}.example/v1/ws", "x".repeat(300));
    let odd = ["http://b.example/", "ws://127.0.0.1:80/v1/ws", "ws://b.example/\nws://c", &long];
    for url in odd {
        let (guest, outputs) = Guest::founder(&[companion(B, url)]);
        assert!(connects(&outputs).is_empty(), "{url}");
        assert!(guest.peer.node().is_some_and(node::Node::is_ready));
    }
}

#[test]
fn who_leaves_leaves_all() {
    let (mut guest, _) = Guest::founder(&[companion(B, B)]);
    let outputs = guest.handle(Input::Leave);
    for server in [FIRST, SECOND] {
        let is_left =
            |output: &Output| matches!(output, Output::DisconnectServer(it) if *it == server);
        assert!(outputs.iter().any(is_left), "{outputs:?}");
    }
    let (mut guest, _) = Guest::told(&[A, B]);
    guest.handle(Input::Leave);
    assert_eq!(guest.peer.poll_timeout(), None);
    assert!(connects(&guest.handle(Input::Timeout)).is_empty());
}
