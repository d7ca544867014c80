//! One end of one link, over the product's own `links`, driven as the product's driver does.
//!
//! What the node does above the links is here in its shortest form: full chunks, and never more
//! than a node's window of them handed over and not drained.

use anyhow::{Context as _, Result, bail};
use base::Duration;
use bytes::Bytes;
use headless::clock::Clock;
use headless::link::Event;
use headless::links::Links;
use node::{LinkId, WINDOW_BYTES};
use tokio::runtime::{Builder, Runtime};
use wire::Class;

use crate::order::{CHUNK_BYTES, Order, Wire};

const ID: LinkId = LinkId(1);
/// A pause without a deadline: any length will do.
const PAUSE_MAX: Duration = Duration::from_secs(3600);

/// One end and the runtime that drives it.
#[derive(Debug)]
pub(crate) struct End {
    runtime: Runtime,
    line: Line,
}

/// What happens inside the runtime.
#[derive(Debug)]
struct Line {
    clock: Clock,
    links: Links,
    chunk: Bytes,
    /// Chunks to send that no window had room for yet.
    unsent: u32,
    /// Bulk bytes handed over and not drained.
    outstanding_bytes: usize,
}

/// What an end waits for.
enum News {
    Opened,
    Order(Order),
    Chunk,
}

impl End {
    pub(crate) fn new() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let clock = Clock::start();
        let links = runtime.block_on(async { Links::new(clock, getrandom::u64()?) })?;
        let chunk = Bytes::from(vec![0; CHUNK_BYTES]);
        let line = Line { clock, links, chunk, unsent: 0, outstanding_bytes: 0 };
        Ok(End { runtime, line })
    }

    pub(crate) fn offer(&mut self) -> Result<String> {
        self.line.links.offer(self.line.clock.now(), ID);
        self.line.description()
    }

    pub(crate) fn answer(&mut self, offer: &str) -> Result<String> {
        self.line.links.answer(self.line.clock.now(), ID, offer);
        self.line.description()
    }

    /// Takes the answer, and returns when the link is open.
    pub(crate) fn accept(&mut self, answer: &str) -> Result<()> {
        self.line.links.accept(ID, answer);
        match self.runtime.block_on(self.line.news())? {
            News::Opened => Ok(()),
            _ => bail!("the far end speaks unasked"),
        }
    }

    /// The far end: obeys until the link ends. Why it ended is the near end's to tell.
    pub(crate) fn serve(&mut self) {
        let _ = self.runtime.block_on(self.line.obey());
    }

    pub(crate) fn close(&mut self) {
        self.line.links.close(ID);
    }
}

impl Wire for End {
    fn carry_out(&mut self, order: Order) -> Result<()> {
        self.runtime.block_on(self.line.carry_out(order))
    }
}

impl Line {
    fn description(&mut self) -> Result<String> {
        match self.links.poll_event().context("not described at once")? {
            (_, Event::Described(sdp)) => Ok(sdp),
            (_, other) => bail!("{other:?}"),
        }
    }

    async fn carry_out(&mut self, order: Order) -> Result<()> {
        self.say(order);
        if let Order::Take(chunks) = order {
            self.send(chunks);
        }
        let mut missing = if let Order::Send(chunks) = order { chunks } else { 0 };
        loop {
            match self.news().await? {
                News::Chunk if missing > 1 => missing -= 1,
                News::Chunk if missing == 1 => return Ok(()),
                News::Order(back) if back == order => return Ok(()),
                _ => bail!("the far end speaks unasked"),
            }
        }
    }

    async fn obey(&mut self) -> Result<()> {
        // Chunks may overtake the order that announces them: it travels on the other channel.
        let mut taken = 0;
        let mut promised = None;
        loop {
            match self.news().await? {
                News::Opened => {}
                News::Chunk => taken += 1,
                News::Order(Order::Echo) => self.say(Order::Echo),
                News::Order(Order::Send(chunks)) => self.send(chunks),
                News::Order(Order::Take(chunks)) => promised = Some(chunks),
            }
            if let Some(chunks) = promised.take_if(|chunks| taken >= *chunks) {
                taken -= chunks;
                self.say(Order::Take(chunks));
            }
        }
    }

    fn say(&mut self, order: Order) {
        self.links.send(ID, Class::Control, Bytes::copy_from_slice(&order.encode()));
    }

    fn send(&mut self, chunks: u32) {
        self.unsent += chunks;
        self.fill();
    }

    fn fill(&mut self) {
        while self.unsent > 0 && self.outstanding_bytes + CHUNK_BYTES <= WINDOW_BYTES {
            self.unsent -= 1;
            self.outstanding_bytes += CHUNK_BYTES;
            self.links.send(ID, Class::Bulk, self.chunk.clone());
        }
    }

    async fn news(&mut self) -> Result<News> {
        loop {
            match self.links.poll_event() {
                Some((_, Event::Opened)) => return Ok(News::Opened),
                Some((_, Event::Received(Class::Bulk, chunk))) if chunk.len() == CHUNK_BYTES => {
                    return Ok(News::Chunk);
                }
                Some((_, Event::Received(Class::Control, bytes))) => {
                    return Ok(News::Order(Order::decode(&bytes).context("no order")?));
                }
                Some((_, Event::Drained(Class::Bulk, bytes))) => {
                    self.outstanding_bytes -= usize::try_from(bytes)?;
                    self.fill();
                }
                Some((_, Event::Drained(Class::Control, _))) => {}
                Some((_, Event::Broken(reason))) => bail!("the link broke: {reason}"),
                Some((_, other)) => bail!("{other:?}"),
                None => self.wait().await,
            }
        }
    }

    async fn wait(&mut self) {
        let deadline = self.links.deadline();
        let pause = deadline.map_or(PAUSE_MAX, |at| at.since(self.clock.now()));
        tokio::select! {
            () = self.links.readable() => {}
            () = tokio::time::sleep(pause) => {}
        }
        let now = self.clock.now();
        self.links.receive(now);
        if self.links.deadline().is_some_and(|at| at <= now) {
            self.links.on_timeout(now);
        }
    }
}
