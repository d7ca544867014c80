//! `/metrics`: what a peer did so far, as numbers for Prometheus and whoever reads its text format.
//!
//! A page for an operator on a trusted address: one plain answer a connection, a few at a time.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use node::{Node, Spans};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Answers under way. Who comes beyond them is hung up on.
const ANSWERS_MAX: usize = 8;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 4096;
/// From the connection to the end of the answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// The listening socket.
#[derive(Debug)]
pub(crate) struct Metrics {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl Metrics {
    /// Listens; must be called within a tokio runtime.
    pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        tracing::info!(address = %listener.local_addr()?, "metrics");
        Ok(Metrics { listener, free: Arc::new(Semaphore::new(ANSWERS_MAX)) })
    }

    /// Somebody wants to know. Cancel-safe.
    pub(crate) async fn asked(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                // Out of file descriptors, most likely: those in use are given back in time.
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }

    /// Answers with the numbers of now, on the side.
    pub(crate) fn answer(&self, stream: TcpStream, node: Option<&Node>) {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else { return };
        let page = node.map(page).unwrap_or_default();
        tokio::spawn(async move {
            // Whoever asked may have gone.
            let _ = tokio::time::timeout(ANSWER_TIME, talk(stream, page)).await;
            drop(permit);
        });
    }
}

async fn talk(mut stream: TcpStream, page: String) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let is_over = stream.read_buf(&mut head).await? == 0;
        if is_over || head.len() > HEAD_BYTES_MAX {
            return Ok(());
        }
    }
    let (status, page) = match head.starts_with(b"GET /metrics ") {
        true => ("200 OK", page),
        false => ("404 Not Found", "GET /metrics\n".to_owned()),
    };
    let length = page.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{page}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Everything that is counted.
fn page(node: &Node) -> String {
    let mut page = String::new();
    let (measures, traffic) = (node.measures(), node.traffic());
    let seconds = |span: Duration| span.as_secs_f64();
    let mut tell = |name: &str, kind: &str, what: &str, values: &[(&str, f64)]| {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "# HELP millefeuille_{name} {what}");
        let _ = writeln!(page, "# TYPE millefeuille_{name} {kind}");
        for (rest, value) in values {
            let _ = writeln!(page, "millefeuille_{name}{rest} {value}");
        }
    };
    let is_ready = f64::from(u8::from(node.is_ready()));
    tell("ready", "gauge", "Whether this peer is a member of the ring.", &[("", is_ready)]);
    tell("links", "gauge", "Established links.", &[("", node.link_count().into())]);
    let slots = [
        (r#"{state="open"}"#, seconds(measures.open)),
        (r#"{state="idle"}"#, seconds(measures.idle)),
    ];
    let what = "Worker time while work was open here, and of that without a tile to compute.";
    tell("slot_seconds_total", "counter", what, &slots);
    let bytes = |count: u64| count as f64;
    let sent = [
        (r#"{class="control",way="sent"}"#, bytes(traffic.sent.control)),
        (r#"{class="results",way="sent"}"#, bytes(traffic.sent.results)),
        (r#"{class="control",way="received"}"#, bytes(traffic.received.control)),
        (r#"{class="results",way="received"}"#, bytes(traffic.received.results)),
    ];
    tell("link_bytes_total", "counter", "Bytes on links, for others too.", &sent);
    let lost = [("", bytes(measures.lost))];
    tell("tiles_lost_total", "counter", "Finished tiles whose result nobody had.", &lost);
    let what = "Results of tiles that another had computed, and results that came twice.";
    let redundant = [
        (r#"{what="computed"}"#, bytes(measures.redundant_results)),
        (r#"{what="delivered"}"#, bytes(measures.redundant_deliveries)),
    ];
    tell("redundant_results_total", "counter", what, &redundant);
    let what = "From a worker lost to its tiles leased again, as their owner.";
    tell("worker_recovery_seconds", "summary", what, &recovery(&measures.worker_recovery));
    let what = "From an owner known to be gone to the first lease of this one.";
    tell("owner_recovery_seconds", "summary", what, &recovery(&measures.owner_recovery));
    page
}

fn recovery(spans: &Spans) -> [(&'static str, f64); 2] {
    [("_sum", spans.total.as_secs_f64()), ("_count", spans.count as f64)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Card, Secret, Time};

    fn a_node() -> Node {
        let (introducer, secret) = (Secret::from_seed(&[1; 32]), Secret::from_seed(&[2; 32]));
        let voucher = introducer.vouch(secret.public(), [3; 16]);
        let card = Card { public_key: secret.public(), voucher, epoch: 1 };
        Node::new(node::Config::new(introducer.public().into(), card), 1, Time::ZERO)
    }

    async fn ask(metrics: &Metrics, request: &str) -> String {
        let address = metrics.listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        metrics.answer(metrics.asked().await, Some(&a_node()));
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn whoever_asks_for_the_numbers_gets_them() {
        let metrics = Metrics::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let answer = ask(&metrics, "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").await;
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains(&format!("Content-Length: {}", page.len())), "{head}");
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("millefeuille_") && value.parse::<f64>().is_ok(), "{line}");
        }
        for name in ["slot_seconds_total", "worker_recovery_seconds_sum", "tiles_lost_total"] {
            assert!(page.contains(&format!("\nmillefeuille_{name}")), "{name}");
        }
        let answer = ask(&metrics, "GET / HTTP/1.1\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
}
