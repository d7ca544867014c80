//! What an HTTP client sees: files, headers, refusals, patience.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout};

use crate::process::{Folder, PATIENCE, Server};

/// Status and headers, then the body.
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        let status = self.head.split(' ').nth(1).expect("a status line");
        status.parse().expect("a number")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// One request on a connection of its own.
pub(crate) async fn get(address: &str, path: &str, headers: &str) -> Reply {
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&reply).into_owned())
    };
    let reply = timeout(PATIENCE, exchange).await.expect("in time").expect("a reply");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    Reply { head: head.to_owned(), body: body.to_owned() }
}

#[tokio::test]
async fn the_page_is_served_with_its_headers() {
    let web = Folder::new();
    web.write("index.html", "<title>Millefeuille</title>");
    web.write("app-0123abcd/node.wasm", "plain wasm");
    web.write("app-0123abcd/node.wasm.br", "brotli");
    web.write("app-0123abcd/node.wasm.gz", "gzip");
    web.write("app-0123abcd/page.js", "export {};");
    let server = Server::start(&["--web-dir", web.path().to_str().expect("plain")]).await;
    let address = server.address();

    let page = get(&address, "/", "").await;
    assert_eq!((page.status(), page.header("cache-control")), (200, "no-cache"));
    assert_eq!(page.header("content-type"), "text/html");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(page.header("cross-origin-embedder-policy"), "require-corp");
    assert_eq!(page.header("cross-origin-resource-policy"), "same-origin");
    assert!(page.header("content-security-policy").ends_with("frame-ancestors 'none'"));
    assert!(page.header("strict-transport-security").is_empty(), "not over TLS");
    assert!(page.header("access-control-allow-origin").is_empty());
    assert!(!page.header("x-request-id").is_empty());
    assert_eq!(page.body, "<title>Millefeuille</title>");

    let kept = "public, max-age=31536000, immutable";
    for (accepted, coding, body) in
        [("br, gzip", "br", "brotli"), ("gzip", "gzip", "gzip"), ("identity", "", "plain wasm")]
    {
        let accept = format!("accept-encoding: {accepted}\r\n");
        let wasm = get(&address, "/app-0123abcd/node.wasm", &accept).await;
        assert_eq!((wasm.status(), wasm.header("content-type")), (200, "application/wasm"));
        assert_eq!((wasm.header("content-encoding"), &*wasm.body), (coding, body));
        assert_eq!(wasm.header("cache-control"), kept);
        assert_eq!(wasm.header("vary"), "accept-encoding");
    }
    let script = get(&address, "/app-0123abcd/page.js", "").await;
    assert_eq!(script.header("content-type"), "text/javascript");

    let missing = get(&address, "/app-0123abcd/absent.js", "").await;
    assert_eq!((missing.status(), missing.header("cache-control")), (404, "no-cache"));
    assert_eq!(get(&address, "/../Cargo.toml", "").await.status(), 404);
    assert_eq!(get(&address, "/healthz", "").await.body, "ok\n");
}

#[tokio::test]
async fn a_page_that_is_not_built_says_how() {
    let server = Server::start(&[]).await;
    let page = get(&server.address(), "/", "").await;
    assert_eq!(page.status(), 503);
    assert!(page.body.contains("cargo xtask web"), "{}", page.body);
}

#[tokio::test]
async fn listed_origins_may_read_and_frame_the_page() {
    let web = Folder::new();
    web.write("app-0123abcd/page.js", "export {};");
    let folder = web.path().to_str().expect("plain");
    let friend = "https://friend.example";
    let listed = ["--origin", friend, "--frame-ancestor", friend, "--trust-proxy", "127.0.0.1"];
    let server = Server::start(&[&["--web-dir", folder], &listed[..]].concat()).await;
    let read = async |headers: &str| get(&server.address(), "/app-0123abcd/page.js", headers).await;
    let shared = read("origin: https://friend.example\r\nx-forwarded-proto: https\r\n").await;
    assert_eq!(shared.header("access-control-allow-origin"), friend);
    assert_eq!(shared.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(shared.header("strict-transport-security"), "max-age=63072000");
    let policy = shared.header("content-security-policy");
    assert!(policy.ends_with("frame-ancestors https://friend.example"), "{policy}");
    let other = read("origin: https://evil.example\r\n").await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    assert!(other.head.contains("vary: origin"), "{}", other.head);
}

#[tokio::test]
async fn what_is_said_of_the_server() {
    let mut server = Server::start(&["--ice-server", "stun:stun.example"]).await;
    let address = server.address();
    let config = get(&address, "/v1/config", "").await;
    assert_eq!(config.header("content-type"), "application/json");
    let config: serde_json::Value = serde_json::from_str(&config.body).expect("JSON");
    assert_eq!(config["network"], server.field("network"));
    assert_eq!(config["stun"][0], "stun:stun.example");
    assert_eq!(config["limits"]["message_bytes"], 16_384);
    let stats: serde_json::Value =
        serde_json::from_str(&get(&address, "/v1/stats", "").await.body).expect("JSON");
    assert_eq!((&stats["peers"], &stats["members"]), (&0.into(), &0.into()));
    assert_eq!(get(&address, "/readyz", "").await.body, "ready\n");
    let missing = get(&address, "/v1/nothing", "").await;
    assert_eq!(missing.header("content-type"), "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&missing.body).expect("JSON");
    assert_eq!((&problem["status"], &problem["title"]), (&404.into(), &"Not Found".into()));
    server.signal("TERM").await;
    assert_eq!(server.wait().await.code(), Some(0));
}

#[tokio::test]
async fn companions_are_named_and_the_page_may_connect_to_them() {
    let (first, second) = ("11".repeat(32), "22".repeat(32));
    let named = [
        format!("https://other.example/behind={first}"),
        format!("http://192.0.2.1:8080={second}"),
    ];
    let server = Server::start(&["--introducer", &named[0], "--introducer", &named[1]]).await;
    let config = get(&server.address(), "/v1/config", "").await;
    let config: serde_json::Value = serde_json::from_str(&config.body).expect("JSON");
    let expected = serde_json::json!([
        { "key": first, "url": "wss://other.example/behind/v1/ws" },
        { "key": second, "url": "ws://192.0.2.1:8080/v1/ws" },
    ]);
    assert_eq!(config["introducers"], expected);
    let page = get(&server.address(), "/", "").await;
    let policy = page.header("content-security-policy");
    let allowed = "connect-src 'self' wss://other.example ws://192.0.2.1:8080; frame-ancestors";
    assert!(policy.contains(allowed), "{policy}");
    let alone = Server::start(&[]).await;
    let policy = get(&alone.address(), "/", "").await.header("content-security-policy").to_owned();
    assert!(policy.contains("connect-src 'self'; frame-ancestors 'none'"), "{policy}");
}

#[tokio::test]
async fn metrics_have_an_address_of_their_own_if_asked() {
    let server = Server::start(&[]).await;
    let metrics = get(&server.address(), "/metrics", "").await;
    assert!(metrics.body.contains("millefeuille_peers{kind=\"browser\"} 0\n"));
    let through_a_proxy = "x-forwarded-for: 192.0.2.1\r\n";
    assert_eq!(get(&server.address(), "/metrics", through_a_proxy).await.status(), 404);

    let apart = Server::start(&["--metrics-listen", "127.0.0.1:0"]).await;
    assert_eq!(get(&apart.address(), "/metrics", "").await.status(), 404);
    let url = apart.field("metrics_url");
    let address = url.trim_start_matches("http://").trim_end_matches("/metrics");
    assert_eq!(get(address, "/metrics", "").await.status(), 200);
    assert_eq!(get(address, "/healthz", "").await.status(), 404);
}

#[tokio::test]
async fn who_sends_no_request_is_closed_after_five_seconds() {
    let server = Server::start(&[]).await;
    let wait = async |sent: &'static [u8]| {
        let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
        stream.write_all(sent).await.expect("a write");
        let started = Instant::now();
        let mut rest = Vec::new();
        // An end or a reset: closed either way.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("in time");
        started.elapsed()
    };
    let (silent, half, idle) = tokio::join!(
        wait(b""),
        wait(b"GET / HTTP/1.1\r\nhost"),
        wait(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
    );
    for waited in [silent, half, idle] {
        assert!((Duration::from_secs(4)..Duration::from_secs(9)).contains(&waited), "{waited:?}");
    }
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let server = Server::start(&[]).await;
    let many = "x-field: value\r\n".repeat(100);
    assert_eq!(get(&server.address(), "/", &many).await.status(), 431);
    let long = format!("x-field: {}\r\n", "x".repeat(10_000));
    assert_eq!(get(&server.address(), "/", &long).await.status(), 431);
}
