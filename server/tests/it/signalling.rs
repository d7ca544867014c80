//! The WebSocket: logins, introductions, signals, and who is shown the door.

use base::{NodeId, Signature};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use signal::entry::{Input, Output};
use signal::message::{PeerSignal, Proposal};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::http::get;
use crate::peer::{Peer, Socket};
use crate::process::{Folder, PATIENCE, Server};

/// The length of Chromium's description of one data channel with four candidates.
const DESCRIPTION_BYTES: usize = 820;

fn proposal(peer: &Peer) -> Proposal {
    let card = peer.card.expect("it is logged in");
    let sdp = "x".repeat(DESCRIPTION_BYTES);
    Proposal { card, attempt: 1 << 40, permit: 0, sdp, signature: Signature([7; 64]) }
}

fn introduced(output: &Output) -> Option<Vec<NodeId>> {
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

async fn metric(address: &str, name: &str) -> u64 {
    let text = get(address, "/metrics", "").await.body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {text}")).parse().expect("a number")
}

async fn all_bytes(address: &str) -> u64 {
    metric(address, "millefeuille_signal_bytes_total{direction=\"in\"}").await
        + metric(address, "millefeuille_signal_bytes_total{direction=\"out\"}").await
}

/// A founder that has told the room it is ready, and knows that the room heard it.
async fn founder(server: &Server) -> Peer {
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

async fn connect(server: &Server, origin: Option<&str>) -> Result<Socket, Error> {
    let url = format!("ws://{}/ws", server.address());
    let mut request = url.into_client_request()?;
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().expect("a value"));
    }
    Ok(connect_async(request).await?.0)
}

#[tokio::test]
async fn a_foreign_page_is_refused_before_the_upgrade() {
    let server = Server::start(&["--allow-origin", "https://friend.example"]).await;
    for foreign in ["null", "https://evil.example", "https://friend.example.evil.example"] {
        match connect(&server, Some(foreign)).await {
            Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 403, "{foreign}"),
            other => panic!("{foreign}: {other:?}"),
        }
    }
    let own = format!("http://{}", server.address());
    for welcome in [Some("https://friend.example"), Some(own.as_str()), None] {
        connect(&server, welcome).await.expect("a welcome");
    }
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
async fn a_burst_of_newcomers_has_one_founder() {
    let server = Server::start(&[]).await;
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
