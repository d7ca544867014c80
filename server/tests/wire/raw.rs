//! A WebSocket client that may do what none should: frames byte by byte.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::process::PATIENCE;

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    /// The response's head.
    pub(crate) head: String,
}

/// A frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Binary,
    Ping,
    Pong,
    Close(u16),
    /// The connection ended without a word.
    End,
}

/// A connection from an address of the loopback.
pub(crate) async fn connect_from(source: Ipv4Addr, server: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(server.parse().expect("an address")).await
}

impl Raw {
    /// Asks for the upgrade, with more headers if given, and reads the answer's head.
    pub(crate) async fn open_from(source: Ipv4Addr, server: &str, headers: &str) -> Self {
        let opening = async {
            let mut stream = connect_from(source, server).await?;
            let request = format!(
                "GET /v1/ws HTTP/1.1\r\nhost: {server}\r\nupgrade: websocket\r\n\
                 connection: upgrade\r\nsec-websocket-version: 13\r\n\
                 sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            std::io::Result::Ok(Raw { stream, head })
        };
        timeout(PATIENCE, opening).await.expect("in time").expect("an answer")
    }

    /// Opens a WebSocket and reads the challenge.
    pub(crate) async fn open(server: &str) -> Self {
        let mut raw = Self::open_from(Ipv4Addr::LOCALHOST, server, "").await;
        assert_eq!(raw.status(), 101, "{}", raw.head);
        assert_eq!(raw.frame().await, Frame::Binary);
        raw
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).expect("a status line").parse().expect("a number")
    }

    /// Sends bytes; the server may have closed already.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("in time");
    }

    pub(crate) async fn frame(&mut self) -> Frame {
        timeout(PATIENCE, self.read_frame()).await.expect("in time").unwrap_or(Frame::End)
    }

    async fn read_frame(&mut self) -> std::io::Result<Frame> {
        let kind = self.stream.read_u8().await? & 0x0f;
        let length = match self.stream.read_u8().await? {
            126 => usize::from(self.stream.read_u16().await?),
            length => usize::from(length),
        };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(match (kind, &body[..]) {
            (0x8, [high, low, ..]) => Frame::Close(u16::from_be_bytes([*high, *low])),
            (0x9, _) => Frame::Ping,
            (0xa, _) => Frame::Pong,
            _ => Frame::Binary,
        })
    }

    /// What the server says last.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match self.frame().await {
                Frame::Close(code) => return code,
                Frame::End => panic!("no close frame"),
                _ => {}
            }
        }
    }
}

/// A client's frame, masked with zeros, with `first` as its first byte.
pub(crate) fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(body.len()).expect("short") {
        length @ 0..126 => bytes.push(0x80 | u8::try_from(length).expect("it fits")),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes
}
