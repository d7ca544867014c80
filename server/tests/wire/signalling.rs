//! The WebSocket: logins, introductions, signals, and who is shown the door.

use base::{NodeId, Signature};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use signal::entry::{Input, Output};
use signal::message::{ClientMessage, PeerSignal, Proposal, ServerMessage, login_bytes};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::http::get;
use crate::peer::{Peer, Socket};
use crate::process::{Folder, PATIENCE, Server};
use crate::raw::Raw;

/// The length of Chromium's description of one data channel with four candidates.
const DESCRIPTION_BYTES: usize = 820;

pub(crate) fn proposal(peer: &Peer) -> Proposal {
    let card = peer.card.expect("it is logged in");
    let sdp = "x".repeat(DESCRIPTION_BYTES);
    Proposal { card, attempt: 1 << 40, permit: 0, sdp, signature: Signature([7; 64]) }
}

pub(crate) fn introduced(output: &Output) -> Option<Vec<NodeId>> {
    match output {
        Output::Introduced(anchors) => Some(anchors.to_vec()),
        _ => None,
    }
}

fn signal(output: &Output) -> Option<(NodeId, Bytes)> {
    match output {
        Output::Signal { from, payload } => Some((*from, payload.clone())),
        _ => None,
    }
}

pub(crate) async fn metric(address: &str, name: &str) -> u64 {
    let text = get(address, "/metrics", "").await.body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {text}")).parse().expect("a number")
}

async fn all_bytes(address: &str) -> u64 {
    metric(address, "millefeuille_signal_bytes_total{direction=\"in\"}").await
        + metric(address, "millefeuille_signal_bytes_total{direction=\"out\"}").await
}

/// A founder that has told the room it is ready, and knows that the room heard it.
pub(crate) async fn founder(server: &Server) -> Peer {
    let mut founder = Peer::new(&server.address(), 1, true);
    founder.tell(Input::Introduce);
    founder.until(|output| matches!(output, Output::Alone).then_some(())).await;
    founder.tell(Input::Standing { links: 1, ready: true });
    // A newcomer that is introduced to it proves that it is a member.
    let mut probe = Peer::new(&server.address(), 99, false);
    probe.tell(Input::Introduce);
    let ((), _) = tokio::join!(
        founder.until(|output| matches!(output, Output::Visitor(_)).then_some(())),
        probe.until(introduced),
    );
    founder
}

#[tokio::test]
async fn two_peers_are_introduced_and_exchange_signals() {
    let server = Server::start(&["--ice-server", "stun:stun.example:3478"]).await;
    let address = server.address();
    let mut anchor = founder(&server).await;
    let anchor_id = anchor.card.expect("it is logged in").id();
    let before = all_bytes(&address).await;

    let mut newcomer = Peer::new(&address, 2, false);
    newcomer.tell(Input::Introduce);
    assert_eq!(newcomer.until(introduced).await, [anchor_id]);
    let newcomer_id = newcomer.card.expect("it is logged in").id();
    let visitor = anchor
        .until(|output| match output {
            Output::Visitor(peer) => Some(*peer),
            _ => None,
        })
        .await;
    assert_eq!(visitor, newcomer_id);

    let offer: Bytes = PeerSignal::Offer(proposal(&newcomer)).encode().into();
    newcomer.tell(Input::Signal { to: anchor_id, payload: offer.clone() });
    let relayed = tokio::select! {
        relayed = anchor.until(signal) => relayed,
        _ = newcomer.until(|output| matches!(output, Output::Absent(_)).then_some(())) => {
            panic!("the anchor is there")
        }
    };
    assert_eq!(relayed, (newcomer_id, offer.clone()));
    let answer: Bytes = PeerSignal::Answer(proposal(&anchor)).encode().into();
    anchor.tell(Input::Signal { to: newcomer_id, payload: answer.clone() });
    let relayed = tokio::select! {
        relayed = newcomer.until(signal) => relayed,
        _ = anchor.until(|output| matches!(output, Output::Absent(_)).then_some(())) => {
            panic!("the newcomer is there")
        }
    };
    assert_eq!(relayed, (anchor_id, answer.clone()));

    assert_eq!(metric(&address, "millefeuille_relayed_signals_total").await, 2);
    let relayed = u64::try_from(offer.len() + answer.len()).expect("small");
    assert_eq!(metric(&address, "millefeuille_relayed_signal_bytes_total").await, relayed);
    assert_eq!(metric(&address, "millefeuille_introductions_total").await, 2);
    assert_eq!(metric(&address, "millefeuille_members").await, 1);
    assert_eq!(metric(&address, "millefeuille_refused_total").await, 0);
    // Login, introduction and one negotiation with descriptions of a browser's size.
    let spent = all_bytes(&address).await - before;
    println!("{spent} bytes at the server for one introduction to one anchor");
    assert!(spent < 6_000, "{spent} bytes");
}

#[tokio::test]
async fn a_restarted_server_gets_its_members_back() {
    let folder = Folder::new();
    let key = folder.file("introducer.key");
    let server = Server::start(&["--key", &key]).await;
    let address = server.address();
    let mut anchor = founder(&server).await;
    let card = anchor.card.expect("it is logged in");
    server.stop().await;
    let lost = |output: &Output| matches!(output, Output::Unreachable { .. }).then_some(());
    anchor.until(lost).await;

    let server = Server::start(&["--key", &key, "--listen", &address]).await;
    let mut newcomer = Peer::new(&server.address(), 2, true);
    newcomer.tell(Input::Introduce);
    newcomer.log_in().await;
    anchor.tell(Input::RetryNow);
    assert_eq!(anchor.log_in().await, card, "the voucher outlives the server");
    // The newcomer waits for a member and does not found a second ring.
    let (anchors, ()) = tokio::join!(
        newcomer.until(|output| {
            assert!(!matches!(output, Output::Alone), "a second founder");
            introduced(output)
        }),
        anchor.until(|output| matches!(output, Output::Visitor(_)).then_some(())),
    );
    assert_eq!(anchors, [card.id()]);
}

#[tokio::test]
async fn whom_a_companion_vouched_for_keeps_its_id() {
    let first = Server::start(&[]).await;
    let companion = format!("http://{}={}", first.address(), first.field("network"));
    let second = Server::start(&["--introducer", &companion]).await;
    let apart = Server::start(&[]).await;
    let card = Peer::new(&first.address(), 1, true).log_in().await;
    let known = |server: &Server| Peer::known(&server.address(), 1, true, Some(card.voucher));
    assert_eq!(known(&second).log_in().await, card);
    assert_ne!(known(&apart).log_in().await.id(), card.id(), "a server of another network");
}

async fn connect(server: &Server, origin: Option<&str>) -> Result<Socket, Error> {
    let url = format!("ws://{}/v1/ws", server.address());
    let mut request = url.into_client_request()?;
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().expect("a value"));
    }
    Ok(connect_async(request).await?.0)
}

#[tokio::test]
async fn a_foreign_page_is_refused_before_the_upgrade() {
    let listed = Server::start(&["--origin", "https://ours.example"]).await;
    let own = format!("http://{}", listed.address());
    for foreign in [
        "null",
        "https://evil.example",
        "https://ours.example.evil.example",
        "http://ours.example",
        "https://ours.example:8443",
        &own,
    ] {
        match connect(&listed, Some(foreign)).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status().as_u16(), 403, "{foreign}");
                assert_eq!(response.headers()["content-type"], "application/problem+json");
            }
            other => panic!("{foreign}: {other:?}"),
        }
    }
    for welcome in [Some("https://ours.example"), None] {
        connect(&listed, welcome).await.expect("a welcome");
    }
    let plain = Server::start(&[]).await;
    let own = format!("http://{}", plain.address());
    connect(&plain, Some(own.as_str())).await.expect("its own page");
    assert!(connect(&plain, Some("https://evil.example")).await.is_err());
}

#[tokio::test]
async fn a_native_client_brings_the_token_if_one_is_asked_for() {
    let folder = Folder::new();
    folder.write("token", "a token of enough bytes\n");
    let server = Server::start(&["--native-token-file", &folder.file("token")]).await;
    let open = async |header: &str| {
        let raw = Raw::open_from([127, 0, 0, 1].into(), &server.address(), header).await;
        raw.status()
    };
    assert_eq!(open("").await, 403);
    assert_eq!(open("authorization: Bearer a token of other bytes\r\n").await, 403);
    assert_eq!(open("authorization: Bearer a token of enough bytes\r\n").await, 101);
    let own = format!("origin: http://{}\r\n", server.address());
    assert_eq!(open(&own).await, 101, "a page is known by its origin");
}

#[tokio::test]
async fn the_sender_of_a_signal_is_who_logged_in() {
    let server = Server::start(&[]).await;
    let mut anchor = founder(&server).await;
    let mut newcomer = Peer::new(&server.address(), 2, true);
    newcomer.tell(Input::Introduce);
    newcomer.until(introduced).await;
    // The card of another inside changes nothing.
    let forged: Bytes = PeerSignal::Offer(proposal(&anchor)).encode().into();
    let to = anchor.card.expect("it is logged in").id();
    newcomer.tell(Input::Signal { to, payload: forged });
    newcomer.flush().await;
    let (from, _) = anchor.until(signal).await;
    assert_eq!(from, newcomer.card.expect("it is logged in").id());
}

#[tokio::test]
async fn a_challenge_is_used_once() {
    let server = Server::start(&[]).await;
    let secret = base::Secret::from_seed(&[5; 32]);
    let mut signed = None;
    for attempt in 0..2 {
        let mut socket = connect(&server, None).await.expect("a connection");
        let Some(Ok(Message::Binary(challenge))) = socket.next().await else { panic!() };
        let challenge = ServerMessage::decode(&challenge).expect("well-formed");
        let ServerMessage::Challenge { version, introducer, nonce, .. } = challenge else {
            panic!()
        };
        let login =
            *signed.get_or_insert_with(|| secret.sign(&login_bytes(&introducer, &nonce, 1)));
        let login = ClientMessage::Login {
            version,
            public_key: secret.public(),
            epoch: 1,
            voucher: None,
            native: true,
            signature: login,
        };
        socket.send(Message::Binary(login.encode().into())).await.expect("a write");
        let Some(Ok(Message::Binary(answer))) = socket.next().await else { panic!() };
        let answer = ServerMessage::decode(&answer).expect("well-formed");
        match (attempt, answer) {
            (0, ServerMessage::Welcome { .. }) | (1, ServerMessage::Refused { .. }) => {}
            (_, other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn relays_are_named_with_credentials_of_ones_own() {
    let folder = Folder::new();
    folder.write("secret", "shared with the relay\n");
    let secret = folder.file("secret");
    let flags = ["--turn-url", "turn:relay.example", "--turn-secret-file", &secret];
    let server = Server::start(&flags).await;
    let mut peer = Peer::new(&server.address(), 1, true);
    let (card, servers) = peer
        .until(|output| match output {
            Output::Welcome { card, ice_servers, .. } => Some((*card, ice_servers.clone())),
            _ => None,
        })
        .await;
    assert_eq!(servers[0].url, "turn:relay.example");
    assert!(servers[0].username.ends_with(&format!(":{}", card.id())), "{servers:?}");
    let config = get(&server.address(), "/v1/config", "").await.body;
    assert!(config.contains("turn:relay.example") && !config.contains("credential"), "{config}");
}

/// Sends one message after the challenge; the code of the close that follows.
async fn close_code(server: &Server, message: Message) -> u16 {
    let mut socket = connect(server, None).await.expect("a connection");
    let closing = async {
        assert!(matches!(socket.next().await, Some(Ok(Message::Binary(_)))), "a challenge");
        // The server may close while the message is under way.
        let _ = socket.send(message).await;
        match socket.next().await {
            Some(Ok(Message::Close(Some(frame)))) => u16::from(frame.code),
            other => panic!("{other:?}"),
        }
    };
    timeout(PATIENCE, closing).await.expect("in time")
}

#[tokio::test]
async fn wrong_messages_close_with_a_code() {
    let server = Server::start(&[]).await;
    let long = Message::Binary(vec![0; 16 * 1024 + 1].into());
    assert_eq!(close_code(&server, long).await, 1009);
    assert_eq!(close_code(&server, Message::Text("hello".into())).await, 1003);
    let malformed = Message::Binary(Bytes::from_static(&[0xff; 40]));
    assert_eq!(close_code(&server, malformed).await, 1008);
    assert_eq!(metric(&server.address(), "millefeuille_refused_total").await, 1);
}

#[tokio::test]
async fn a_flood_of_pings_is_closed() {
    let server = Server::start(&[]).await;
    let mut socket = connect(&server, None).await.expect("a connection");
    let flood = async {
        for _ in 0..40 {
            if socket.send(Message::Ping(Bytes::new())).await.is_err() {
                return;
            }
        }
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Close(_)) {
                return;
            }
        }
    };
    timeout(PATIENCE, flood).await.expect("in time");
}

#[tokio::test]
async fn who_does_not_log_in_is_closed_after_five_seconds() {
    let server = Server::start(&[]).await;
    let mut socket = connect(&server, None).await.expect("a connection");
    let started = tokio::time::Instant::now();
    let closed = async {
        loop {
            if let Some(Ok(Message::Close(Some(frame)))) = socket.next().await {
                return u16::from(frame.code);
            }
        }
    };
    assert_eq!(timeout(PATIENCE, closed).await.expect("in time"), 1008);
    assert!(started.elapsed() >= std::time::Duration::from_secs(4));
}

#[tokio::test]
async fn a_stopping_server_says_goodbye() {
    let mut server = Server::start(&[]).await;
    let mut socket = connect(&server, None).await.expect("a connection");
    assert!(matches!(socket.next().await, Some(Ok(Message::Binary(_)))), "a challenge");
    server.signal("TERM").await;
    let goodbye = timeout(PATIENCE, socket.next()).await.expect("in time");
    match goodbye {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), 1001),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.wait().await.code(), Some(0));
}

#[tokio::test]
async fn a_stopping_server_says_when_to_come_back() {
    let mut server = Server::start(&[]).await;
    let mut peer = Peer::new(&server.address(), 1, true);
    peer.log_in().await;
    server.signal("TERM").await;
    let retry = peer
        .until(|output| match output {
            Output::Unreachable { retry, .. } => Some(*retry),
            _ => None,
        })
        .await;
    let span = std::time::Duration::from_secs(2)..std::time::Duration::from_secs(3);
    assert!(span.contains(&retry), "{retry:?}");
    assert_eq!(server.wait().await.code(), Some(0));
}

#[tokio::test]
async fn a_burst_of_newcomers_has_one_founder() {
    let server = Server::start(&["--connections-per-address", "100"]).await;
    let (report, mut reports) = tokio::sync::mpsc::channel(20);
    let mut newcomers = tokio::task::JoinSet::new();
    for seed in 10..30 {
        let (address, report) = (server.address(), report.clone());
        newcomers.spawn(async move {
            let mut peer = Peer::new(&address, seed, true);
            peer.tell(Input::Introduce);
            let alone = peer
                .until(|output| match output {
                    Output::Alone => Some(true),
                    Output::Introduced(_) => Some(false),
                    _ => None,
                })
                .await;
            peer.tell(Input::Standing { links: u32::from(!alone), ready: true });
            report.send(alone).await.expect("the test listens");
            // It stays at the server for the others until the test ends.
            peer.until(|_| None::<()>).await;
        });
    }
    let mut founders = 0;
    for _ in 10..30 {
        let alone = timeout(PATIENCE, reports.recv()).await.expect("in time");
        founders += u32::from(alone.expect("a report"));
    }
    assert_eq!(founders, 1);
}
