//! A peer at the server: the real entry machine on a real WebSocket.

use base::{Card, Secret, Time, Voucher};
use futures_util::{SinkExt as _, StreamExt as _};
use signal::entry::{Config, Entry, Input, Output};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::process::PATIENCE;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) struct Peer {
    secret: Secret,
    pub(crate) card: Option<Card>,
    entry: Entry,
    socket: Option<Socket>,
    address: String,
    started: Instant,
}

impl Peer {
    pub(crate) fn new(address: &str, seed: u8, native: bool) -> Self {
        Self::known(address, seed, native, None)
    }

    /// The same with a voucher of an earlier start.
    pub(crate) fn known(address: &str, seed: u8, native: bool, voucher: Option<Voucher>) -> Self {
        let secret = Secret::from_seed(&[seed; 32]);
        let public_key = secret.public();
        let config = Config { public_key, epoch: 1, voucher, network: None, native };
        Peer {
            entry: Entry::new(config, u64::from(seed), Time::ZERO),
            secret,
            card: None,
            socket: None,
            address: address.to_owned(),
            started: Instant::now(),
        }
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.entry.handle(Time::ZERO + self.started.elapsed(), input);
    }

    /// Lives until an output is what the test waits for.
    pub(crate) async fn until<T>(&mut self, wanted: impl Fn(&Output) -> Option<T>) -> T {
        let live = async {
            loop {
                while let Some(output) = self.entry.poll_output() {
                    let found = wanted(&output);
                    self.perform(output).await;
                    if let Some(found) = found {
                        return found;
                    }
                }
                let input = self.next_input().await;
                self.tell(input);
            }
        };
        timeout(PATIENCE, live).await.expect("it happens in time")
    }

    /// Does what is to be done now, and waits for nothing else.
    pub(crate) async fn flush(&mut self) {
        while let Some(output) = self.entry.poll_output() {
            self.perform(output).await;
        }
    }

    pub(crate) async fn log_in(&mut self) -> Card {
        self.until(|output| match output {
            Output::Welcome { card, .. } => Some(*card),
            _ => None,
        })
        .await
    }

    async fn next_input(&mut self) -> Input {
        let deadline = match self.entry.poll_timeout() {
            Some((at, _)) => self.started + Duration::from_micros(at.as_micros()),
            None => Instant::now() + PATIENCE,
        };
        let Some(socket) = &mut self.socket else {
            sleep_until(deadline).await;
            return Input::Timeout;
        };
        loop {
            let message = tokio::select! {
                message = socket.next() => message,
                () = sleep_until(deadline) => return Input::Timeout,
            };
            match message {
                Some(Ok(Message::Binary(bytes))) => return Input::Received(bytes),
                Some(Ok(Message::Close(frame))) => {
                    self.socket = None;
                    let code = frame.map_or(1005, |frame| u16::from(frame.code));
                    return Input::Closed(format!("closed {code}"));
                }
                Some(Err(_)) | None => {
                    self.socket = None;
                    return Input::Closed("closed".to_owned());
                }
                Some(Ok(_)) => {}
            }
        }
    }

    async fn perform(&mut self, output: Output) {
        match output {
            Output::Connect => {
                let input = match connect_async(format!("ws://{}/v1/ws", self.address)).await {
                    Ok((socket, _)) => {
                        self.socket = Some(socket);
                        Input::Opened
                    }
                    Err(error) => Input::Closed(error.to_string()),
                };
                self.tell(input);
            }
            Output::Disconnect => self.socket = None,
            Output::Send(bytes) => {
                let socket = self.socket.as_mut().expect("it is connected");
                // A failure shows as a close at the next read.
                let _ = socket.send(Message::Binary(bytes)).await;
            }
            Output::Sign(bytes) => {
                let signature = self.secret.sign(&bytes);
                self.tell(Input::Signed(signature));
            }
            Output::Welcome { card, .. } => self.card = Some(card),
            _ => {}
        }
    }
}
