//! The yardstick: the same orders over one bare TCP connection of the loopback, blocking.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use anyhow::{Context as _, Result};

use crate::order::{CHUNK_BYTES, ORDER_BYTES, Order, Wire};

/// One end.
#[derive(Debug)]
pub(crate) struct Tcp {
    stream: TcpStream,
    chunk: Vec<u8>,
}

impl Tcp {
    pub(crate) fn connect(port: u16) -> Result<Self> {
        Tcp::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?)
    }

    fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Tcp { stream, chunk: vec![0; CHUNK_BYTES] })
    }

    fn say(&mut self, order: Order) -> Result<()> {
        Ok(self.stream.write_all(&order.encode())?)
    }

    fn hear(&mut self) -> Result<Order> {
        let mut bytes = [0; ORDER_BYTES];
        self.stream.read_exact(&mut bytes)?;
        Order::decode(&bytes).context("no order")
    }

    fn send(&mut self, chunks: u32) -> Result<()> {
        for _ in 0..chunks {
            self.stream.write_all(&self.chunk)?;
        }
        Ok(())
    }

    fn take(&mut self, chunks: u32) -> Result<()> {
        for _ in 0..chunks {
            self.stream.read_exact(&mut self.chunk)?;
        }
        Ok(())
    }

    fn obey(&mut self) -> Result<()> {
        loop {
            let order = self.hear()?;
            match order {
                Order::Echo => self.say(order)?,
                Order::Send(chunks) => self.send(chunks)?,
                Order::Take(chunks) => {
                    self.take(chunks)?;
                    self.say(order)?;
                }
            }
        }
    }
}

impl Wire for Tcp {
    fn carry_out(&mut self, order: Order) -> Result<()> {
        self.say(order)?;
        match order {
            Order::Echo => {}
            Order::Send(chunks) => return self.take(chunks),
            Order::Take(chunks) => self.send(chunks)?,
        }
        self.hear().map(drop)
    }
}

/// The far end: obeys whoever connects, one after another.
pub(crate) fn serve(listener: &TcpListener) {
    for stream in listener.incoming().map_while(Result::ok) {
        // How a connection ends is the near end's business: it notices, and this end goes on.
        let _ = Tcp::new(stream).and_then(|mut tcp| tcp.obey());
    }
}
