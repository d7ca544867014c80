//! The limits of a connection, measured where a stranger meets them.

use std::net::Ipv4Addr;

use bytes::Bytes;
use signal::entry::{Input, Output};
use signal::message::PeerSignal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, interval, timeout};

use crate::http::get;
use crate::peer::Peer;
use crate::process::{Folder, PATIENCE, Server};
use crate::raw::{Frame, Raw, connect_from, frame};
use crate::signalling::{founder, introduced, metric, proposal};

const BINARY: u8 = 0x82;
const TEXT: u8 = 0x81;
const PING: u8 = 0x89;

/// S1
#[tokio::test]
async fn silent_and_slow_connections_are_closed_and_others_join_meanwhile() {
    let server = Server::start(&["--head-timeout", "1"]).await;
    let address = server.address();
    let mut stalled = Vec::new();
    for number in 0..300_u32 {
        // As many of an address as may be.
        let source = Ipv4Addr::from_bits(0x7f00_0001 + number / 60);
        let mut stream = connect_from(source, &address).await.expect("a connection");
        if number % 2 == 0 {
            stream.write_all(b"G").await.expect("a byte");
        }
        stalled.push(stream);
    }
    Peer::new(&address, 1, true).log_in().await;
    for mut stream in stalled {
        let mut rest = Vec::new();
        // An end or a reset: closed either way.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("in time");
    }
}

/// S1
#[tokio::test]
async fn an_address_holds_so_many_connections_in_http() {
    let server = Server::start(&[]).await;
    let source = Ipv4Addr::new(127, 0, 0, 9);
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(connect_from(source, &server.address()).await.expect("a connection"));
    }
    let mut more = connect_from(source, &server.address()).await.expect("the kernel's word");
    let begun = Instant::now();
    let ended = timeout(PATIENCE, more.read_u8()).await.expect("in time");
    assert!(ended.is_err() && begun.elapsed() < Duration::from_secs(4), "not for its silence");
    assert_eq!(get(&server.address(), "/healthz", "").await.status(), 200, "others are served");
}

/// S2
#[tokio::test]
async fn broken_frames_close_with_a_code() {
    let server = Server::start(&["--connections-per-address", "100"]).await;
    let address = server.address();
    let unmasked = [BINARY, 1, 0];
    let too_long = {
        // A whole message of 16 KiB + 1 in two frames.
        let mut bytes = frame(0x02, &[0; 16 * 1024]);
        bytes.extend(frame(0x80, &[0]));
        bytes
    };
    let crumbs = {
        let mut bytes = frame(0x02, &[0]);
        for _ in 0..100_000 {
            bytes.extend(frame(0x00, &[0]));
        }
        bytes
    };
    let claimed = {
        let mut bytes = vec![BINARY, 0x80 | 127];
        bytes.extend(u64::MAX.to_be_bytes());
        bytes.extend([0; 14]);
        bytes
    };
    for (what, bytes, code) in [
        ("unmasked", unmasked.to_vec(), 1002),
        ("a reserved opcode", frame(0x83, &[0]), 1002),
        ("a reserved bit", frame(0xc2, &[0]), 1002),
        ("a ping of 126 bytes", frame(PING, &[0; 126]), 1002),
        ("a fragmented ping", frame(0x09, &[0]), 1002),
        ("a continuation of nothing", frame(0x80, &[0]), 1002),
        ("bad UTF-8", frame(TEXT, &[0xff, 0xfe]), 1007),
        ("text", frame(TEXT, b"hello"), 1003),
        ("two fragments too long", too_long, 1009),
        ("a hundred thousand fragments", crumbs, 1009),
    ] {
        let mut raw = Raw::open(&address).await;
        raw.send(&bytes).await;
        assert_eq!(raw.close_code().await, code, "{what}");
    }
    let mut raw = Raw::open(&address).await;
    raw.send(&claimed).await;
    let code = raw.close_code().await;
    assert!(code == 1009 || code == 1002, "a claimed length: {code}");
    Peer::new(&address, 1, true).log_in().await;
}

/// S4
#[tokio::test]
async fn who_never_reads_is_dropped() {
    let server = Server::start(&["--write-timeout", "1", "--connections-per-address", "100"]).await;
    let address = server.address();
    // From here on nobody reads what the anchor is sent.
    let anchor = founder(&server).await;
    let anchor_id = anchor.card.expect("it is logged in").id();
    let mut crowd = Vec::new();
    for seed in 10..20 {
        let mut newcomer = Peer::new(&address, seed, true);
        newcomer.tell(Input::Introduce);
        newcomer.until(introduced).await;
        crowd.push(newcomer);
    }
    for newcomer in &mut crowd {
        let mut heavy = proposal(newcomer);
        heavy.sdp = "x".repeat(12_000);
        let payload: Bytes = PeerSignal::Offer(heavy).encode().into();
        for _ in 0..5 {
            newcomer.tell(Input::Signal { to: anchor_id, payload: payload.clone() });
        }
        newcomer.flush().await;
    }
    // Signals to a peer that is gone come back.
    let mut last = crowd.pop().expect("ten");
    let small: Bytes = PeerSignal::Decline { attempt: 1, reason: String::new() }.encode().into();
    let mut ticks = interval(Duration::from_millis(300));
    let gone = async {
        loop {
            ticks.tick().await;
            last.tell(Input::Signal { to: anchor_id, payload: small.clone() });
            let answer = last.until(|output| match output {
                Output::Absent(peer) => Some(*peer == anchor_id),
                _ => None,
            });
            if timeout(Duration::from_millis(250), answer).await == Ok(true) {
                return;
            }
        }
    };
    timeout(PATIENCE, gone).await.expect("in time");
    assert_eq!(metric(&address, "millefeuille_members").await, 0);
    // Its connection ends with the write that waits for it.
    let ended = async {
        let mut ticks = interval(Duration::from_millis(50));
        while metric(&address, "millefeuille_ws_connections").await > 10 {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, ended).await.expect("in time");
}

/// S4
#[tokio::test]
async fn who_asks_for_a_file_and_does_not_read_it_is_dropped() {
    let web = Folder::new();
    web.write("large.bin", vec![0; 8 << 20]);
    let folder = web.path().to_str().expect("plain");
    let server = Server::start(&["--web-dir", folder, "--write-timeout", "1"]).await;
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    stream.write_all(b"GET /large.bin HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a write");
    // What is written to a closed connection comes back as an error.
    let mut ticks = interval(Duration::from_millis(50));
    let closed = async {
        loop {
            ticks.tick().await;
            if stream.write_all(b"\r\n").await.is_err() {
                return;
            }
        }
    };
    timeout(PATIENCE, closed).await.expect("in time");
}

/// S4
#[tokio::test]
async fn two_hundred_that_never_read_cost_little_memory_and_are_dropped() {
    // Without limits it would be the file for each: 1.6 GB.
    const BYTES_MAX: u64 = 64 << 20;
    const KERNEL_BYTES_MAX: u64 = 64 << 20;
    let web = Folder::new();
    web.write("large.bin", vec![0; 8 << 20]);
    let folder = web.path().to_str().expect("plain");
    // Long enough that all are there at once, however busy the machine is.
    let server = Server::start(&["--web-dir", folder, "--write-timeout", "10"]).await;
    let address = server.address();
    assert_eq!(get(&address, "/healthz", "").await.status(), 200);
    let before = server.resident_bytes();
    let mut crowd = Vec::new();
    for number in 0..200_u32 {
        let source = Ipv4Addr::from_bits(0x7f00_0a01 + number / 50);
        let mut stream = connect_from(source, &address).await.expect("a connection");
        let request = b"GET /large.bin HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request).await.expect("a write");
        crowd.push(stream);
    }
    let port: u16 = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let (mut ticks, mut fullest) = (interval(Duration::from_millis(50)), 0);
    let dropped = async {
        loop {
            ticks.tick().await;
            let grown = server.resident_bytes().saturating_sub(before);
            assert!(grown < BYTES_MAX, "{grown} bytes more than before");
            let unread = unread_bytes(port);
            fullest = fullest.max(unread.len());
            let kernel: u64 = unread.iter().sum();
            assert!(kernel < KERNEL_BYTES_MAX, "{kernel} bytes in the kernel");
            if fullest > 0 && unread.is_empty() {
                return;
            }
        }
    };
    timeout(PATIENCE, dropped).await.expect("in time");
    assert_eq!(get(&address, "/healthz", "").await.status(), 200);
}

/// What the kernel holds for each connection at this port of the loopback whose peer does not read.
fn unread_bytes(port: u16) -> Vec<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("a Linux");
    let local = format!(":{port:04X}");
    let ours = table.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_ours = words.next()?.ends_with(&local);
        let queues = words.nth(2).filter(|_| is_ours)?;
        u64::from_str_radix(queues.split(':').next()?, 16).ok()
    });
    ours.filter(|bytes| *bytes > 0).collect()
}

/// S5
#[tokio::test]
async fn a_flood_of_messages_closes() {
    let server = Server::start(&[]).await;
    let mut anchor = founder(&server).await;
    for _ in 0..1_000 {
        let to = anchor.card.expect("it is logged in").id();
        let payload = PeerSignal::Decline { attempt: 1, reason: String::new() }.encode().into();
        anchor.tell(Input::Signal { to, payload });
    }
    let lost = |output: &Output| match output {
        Output::Unreachable { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    assert_eq!(anchor.until(lost).await, "closed 1008");
}

/// S5
#[tokio::test]
async fn descriptions_that_aim_at_others_are_not_passed_on() {
    let server = Server::start(&["--connections-per-address", "100"]).await;
    let mut anchor = founder(&server).await;
    let anchor_id = anchor.card.expect("it is logged in").id();
    let candidate = |address: &str| format!("a=candidate:1 1 udp 1 {address} 9 typ host\r\n");
    let many = candidate("192.0.2.1").repeat(500);
    let bad = ["::ffff:127.0.0.1", "169.254.169.254", "224.0.0.1"].map(candidate);
    for (seed, lines) in (10..).zip(bad.iter().chain([&many])) {
        let mut newcomer = Peer::new(&server.address(), seed, true);
        newcomer.tell(Input::Introduce);
        newcomer.until(introduced).await;
        let mut aimed = proposal(&newcomer);
        aimed.sdp = format!("v=0\r\n{lines}").chars().take(12_000).collect();
        let payload = PeerSignal::Offer(aimed).encode().into();
        newcomer.tell(Input::Signal { to: anchor_id, payload });
        let lost = |output: &Output| match output {
            Output::Unreachable { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        assert_eq!(newcomer.until(lost).await, "closed 1008", "{lines}");
    }
    // The first signal that the anchor hears is the honest one.
    let mut honest = Peer::new(&server.address(), 30, true);
    honest.tell(Input::Introduce);
    honest.until(introduced).await;
    let payload = PeerSignal::Offer(proposal(&honest)).encode().into();
    honest.tell(Input::Signal { to: anchor_id, payload });
    honest.flush().await;
    let from = anchor
        .until(|output| match output {
            Output::Signal { from, .. } => Some(*from),
            _ => None,
        })
        .await;
    assert_eq!(from, honest.card.expect("it is logged in").id());
}

/// S5
#[tokio::test]
async fn a_pair_exchanges_so_much_and_the_rest_is_dropped() {
    let server = Server::start(&[]).await;
    let mut anchor = founder(&server).await;
    let to = anchor.card.expect("it is logged in").id();
    let mut newcomer = Peer::new(&server.address(), 2, true);
    newcomer.tell(Input::Introduce);
    newcomer.until(introduced).await;
    let mut heavy = proposal(&newcomer);
    heavy.sdp = "x".repeat(12_000);
    let heavy: Bytes = PeerSignal::Offer(heavy).encode().into();
    let small: Bytes = PeerSignal::Decline { attempt: 1, reason: String::new() }.encode().into();
    for payload in [vec![heavy.clone(); 8], vec![small.clone()]].concat() {
        newcomer.tell(Input::Signal { to, payload });
    }
    newcomer.flush().await;
    let mut passed = 0;
    loop {
        let payload = anchor.until(|output| match output {
            Output::Signal { payload, .. } => Some(payload.clone()),
            _ => None,
        });
        if payload.await == small {
            break;
        }
        passed += 1;
    }
    assert_eq!(passed, 5, "of 12 kB each: 64 KiB");
}

/// S8
#[tokio::test]
async fn a_head_that_never_ends_is_refused() {
    let server = Server::start(&[]).await;
    let address = server.address();
    let many = "x-field: value\r\n".repeat(10_000);
    let long = format!("x-field: {}\r\n", "x".repeat(8 << 20));
    for headers in [many, long] {
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        // The server closes while this is under way.
        let sending = async {
            let _ = stream.write_all(format!("GET / HTTP/1.1\r\n{headers}").as_bytes()).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let answer = timeout(PATIENCE, sending).await.expect("in time");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"));
    }
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let crumbs = async {
        for byte in b"GET / HTTP/1.1\r\nx: ".iter().chain(std::iter::repeat_n(&b'x', 20_000)) {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let answer = timeout(PATIENCE, crumbs).await.expect("in time");
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"));
    assert_eq!(get(&address, "/healthz", "").await.status(), 200);
}

#[tokio::test]
async fn an_address_and_its_network_hold_so_many_websockets() {
    let flags = ["--connections-per-address", "2", "--connections-per-network", "3"];
    let server = Server::start(&flags).await;
    let open = async |last: u8| {
        Raw::open_from(Ipv4Addr::new(127, 0, 7, last), &server.address(), "").await
    };
    let [_a, b, c] = [open(1).await, open(1).await, open(1).await];
    assert_eq!((b.status(), c.status()), (101, 429));
    assert!(c.head.contains("retry-after: ") && c.head.contains("application/problem+json"));
    let [d, e] = [open(2).await, open(3).await];
    assert_eq!((d.status(), e.status()), (101, 429));
    let other = Raw::open_from(Ipv4Addr::new(127, 0, 8, 1), &server.address(), "").await;
    assert_eq!(other.status(), 101);
    // A place is free again when its connection has ended.
    drop(b);
    let again = async {
        let mut ticks = interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
            let raw = open(1).await;
            // Coming and going has a rate too, which this must not use up.
            if raw.status() == 101 {
                return;
            }
        }
    };
    timeout(PATIENCE, again).await.expect("in time");
}

/// C3
#[tokio::test]
async fn without_files_it_waits_says_so_once_and_goes_on() {
    let folder = Folder::new();
    let log = folder.file("log");
    let server = Server::start_with_files(64, std::fs::File::create(&log).expect("a file")).await;
    let mut crowd = Vec::new();
    for number in 0..120_u32 {
        let source = Ipv4Addr::from_bits(0x7f00_0c01 + number / 40);
        crowd.push(connect_from(source, &server.address()).await.expect("the kernel's word"));
    }
    let said = || std::fs::read_to_string(&log).expect("its log");
    let mut ticks = interval(Duration::from_millis(50));
    let warned = async {
        while !said().contains("cannot accept connections") {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, warned).await.expect("in time");
    drop(crowd);
    assert_eq!(get(&server.address(), "/healthz", "").await.status(), 200);
    assert_eq!(said().matches("cannot accept connections").count(), 1, "{}", said());
}

#[tokio::test]
async fn joins_have_a_rate() {
    let flags = ["--joins-per-second", "1", "--connections-per-address", "100"];
    let server = Server::start(&flags).await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let raw = Raw::open_from(Ipv4Addr::LOCALHOST, &server.address(), "").await;
        if raw.status() == 503 {
            assert!(raw.head.contains("retry-after: 2"), "{}", raw.head);
        }
        statuses.push(raw.status());
    }
    assert!(statuses[..20].iter().all(|status| *status == 101), "{statuses:?}");
    assert!(statuses[20..].contains(&503), "{statuses:?}");
}

#[tokio::test]
async fn requests_have_a_rate() {
    let server = Server::start(&["--requests-per-second", "1"]).await;
    let mut limited = None;
    for _ in 0..40 {
        let reply = get(&server.address(), "/v1/stats", "").await;
        if reply.status() == 429 {
            limited = Some(reply);
            break;
        }
    }
    let reply = limited.expect("a limit");
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(reply.header("ratelimit"), "\"address\";r=0;t=1");
    assert_eq!(reply.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn only_a_listed_proxy_speaks_for_others() {
    let flags = ["--connections-per-address", "1", "--trust-proxy", "127.0.9.0/24"];
    let server = Server::start(&flags).await;
    let open = async |source: [u8; 4], caller: &str| {
        let header = format!("x-forwarded-for: {caller}\r\n");
        Raw::open_from(source.into(), &server.address(), &header).await
    };
    let held =
        [open([127, 0, 9, 1], "192.0.2.1").await, open([127, 0, 9, 1], "198.51.100.1").await];
    assert!(held.iter().all(|raw| raw.status() == 101));
    assert_eq!(open([127, 0, 9, 2], "192.0.2.1").await.status(), 429);
    let liars = [open([127, 0, 5, 1], "192.0.2.7").await, open([127, 0, 5, 1], "192.0.2.8").await];
    assert_eq!(liars.map(|raw| raw.status()), [101, 429]);
}

#[tokio::test]
async fn a_connection_that_shows_no_life_is_closed() {
    let server = Server::start(&["--ping-interval", "1", "--silence-timeout", "3"]).await;
    // One logs in and answers pings, the other stays silent after its challenge.
    let mut alive = Peer::new(&server.address(), 1, true);
    alive.log_in().await;
    let mut dead = Peer::new(&server.address(), 2, true);
    dead.log_in().await;
    let mut raw = Raw::open(&server.address()).await;
    assert_eq!(raw.frame().await, Frame::Ping);
    let gone = alive.until(|_| None::<()>);
    let wait = async {
        let mut ticks = interval(Duration::from_millis(100));
        while metric(&server.address(), "millefeuille_ws_connections").await > 1 {
            ticks.tick().await;
        }
    };
    tokio::select! {
        _ = gone => unreachable!("it waits for nothing"),
        waited = timeout(PATIENCE, wait) => waited.expect("in time"),
    }
    let natives = metric(&server.address(), "millefeuille_peers{kind=\"native\"}").await;
    assert_eq!(natives, 1, "who answers stays");
}
