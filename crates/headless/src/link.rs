//! One link: a str0m session with a control and a bulk channel, and the chunks that wait for it.
//!
//! Rule of str0m: after each change `poll_output` is drained before the next, which is what
//! [`Link::turn`] is for. Its buffer is left at 128 KiB and little control is given to it at once,
//! because the cost of everything it does grows with the number of messages in flight: a peer that
//! is slow to answer would make this one slow. The queues here are bounded by the node's window.

use std::collections::VecDeque;

use base::{Duration, Time};
use bytes::Bytes;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::config::DtlsCert;
use str0m::{Candidate, Event as RtcEvent, IceConnectionState, IceCreds, Input, Output, Rtc};
use wire::Class;

use crate::clock::Clock;
use crate::ports::Ports;

/// Channel messages that may arrive before the other channel is open; above it the link ends.
const EARLY_MAX: usize = 64;
/// Control bytes in str0m's buffer: some hundred messages. Chosen: 160 kB/s at a round trip of 100 ms.
const CONTROL_BUFFERED_MAX: usize = 16 * 1024;
/// Bulk bytes in str0m's buffer, below its 128 KiB: what remains is room for control, which
/// thereby never waits for bulk to be accepted.
const BULK_BUFFERED_MAX: usize = 96 * 1024;
/// A link that is to be closed waits this long for its queues to empty.
const FLUSH_MAX: Duration = Duration::from_secs(2);
/// Longest pause between two STUN checks: each side asks that often whether the other lives.
const STUN_RTO_MAX: Duration = Duration::from_secs(2);
/// An open link on which nothing arrives for this long, not even the answer to a check, is dead.
/// str0m itself waits 15 s and more after the peer's last request. Chosen: the overlay's
/// heartbeats, which decide about peers, are not slower (H = 2 s, three misses, a probe).
const SILENCE_MAX: Duration = Duration::from_secs(8);
/// What is left of that after this process itself was held up.
const SILENCE_AFTER_GAP: Duration = Duration::from_secs(3);

/// What a link tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The local description, complete with candidates.
    Described(String),
    /// Both channels are open.
    Opened,
    /// A channel message arrived.
    Received(Class, Bytes),
    /// The session took bytes over from a queue.
    Drained(Class, u32),
    /// The link is of no use any more, and why.
    Broken(String),
}

/// What every link of a process is made from.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) clock: Clock,
    /// One for the process: making one takes 30 ms.
    pub(crate) certificate: DtlsCert,
}

#[derive(Debug, Default)]
struct Lane {
    channel: Option<ChannelId>,
    open: bool,
    queue: VecDeque<Bytes>,
}

/// One link.
#[derive(Debug)]
pub(crate) struct Link {
    clock: Clock,
    rtc: Rtc,
    ufrag: String,
    pending: Option<SdpPendingOffer>,
    control: Lane,
    bulk: Lane,
    opened: bool,
    /// When something arrived last.
    heard: Time,
    early: Vec<(Class, Bytes)>,
    /// Close when everything is sent, and at this time at the latest.
    closing: Option<Time>,
    deadline: Time,
    events: VecDeque<Event>,
}

impl Link {
    /// A session that will offer.
    pub(crate) fn offering(
        setup: &Setup,
        creds: IceCreds,
        now: Time,
        ports: &mut Ports,
    ) -> Result<Self, String> {
        let mut link = Link::new(setup, creds, now, ports);
        let mut changes = link.rtc.sdp_api();
        link.control.channel = Some(changes.add_channel_with_config(channel(Class::Control)));
        link.bulk.channel = Some(changes.add_channel_with_config(channel(Class::Bulk)));
        let (offer, pending) = changes.apply().ok_or("nothing to offer")?;
        link.pending = Some(pending);
        link.events.push_back(Event::Described(offer.to_sdp_string()));
        link.turn(ports)?;
        Ok(link)
    }

    /// A session that answers an offer.
    pub(crate) fn answering(
        setup: &Setup,
        creds: IceCreds,
        now: Time,
        ports: &mut Ports,
        offer: &str,
    ) -> Result<Self, String> {
        let offer = SdpOffer::from_sdp_string(offer).map_err(words)?;
        let mut link = Link::new(setup, creds, now, ports);
        let answer = link.rtc.sdp_api().accept_offer(offer).map_err(words)?;
        let mut direct = link.rtc.direct_api();
        link.control.channel = Some(direct.create_data_channel(channel(Class::Control)));
        link.bulk.channel = Some(direct.create_data_channel(channel(Class::Bulk)));
        link.events.push_back(Event::Described(answer.to_sdp_string()));
        link.turn(ports)?;
        Ok(link)
    }

    fn new(setup: &Setup, creds: IceCreds, now: Time, ports: &Ports) -> Self {
        let ufrag = creds.ufrag.clone();
        let mut config = Rtc::builder()
            .clear_codecs()
            .set_local_ice_credentials(creds)
            .set_dtls_cert(setup.certificate.clone());
        config.set_max_stun_rto(STUN_RTO_MAX);
        let mut rtc = config.build(setup.clock.moment(now));
        for address in ports.addresses() {
            if let Ok(candidate) = Candidate::host(address, "udp") {
                rtc.add_local_candidate(candidate);
            }
        }
        Link {
            clock: setup.clock,
            rtc,
            ufrag,
            pending: None,
            control: Lane::default(),
            bulk: Lane::default(),
            opened: false,
            heard: now,
            early: Vec::new(),
            closing: None,
            deadline: now,
            events: VecDeque::new(),
        }
    }

    /// Takes the answer to the offer.
    pub(crate) fn accept(&mut self, answer: &str, ports: &mut Ports) -> Result<(), String> {
        let pending = self.pending.take().ok_or("no offer is open")?;
        let answer = SdpAnswer::from_sdp_string(answer).map_err(words)?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(words)?;
        self.turn(ports)
    }

    /// The name by which a peer's STUN requests call this session.
    pub(crate) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// When to call [`Link::handle`] with a timeout.
    pub(crate) fn deadline(&self) -> Time {
        let silent = self.opened.then(|| self.heard + SILENCE_MAX);
        [Some(self.deadline), self.closing, silent].into_iter().flatten().min().unwrap_or_default()
    }

    /// Whether the session would take this.
    pub(crate) fn accepts(&self, input: &Input) -> bool {
        self.rtc.accepts(input)
    }

    /// Whether nothing more will come of it.
    pub(crate) fn is_over(&self) -> bool {
        !self.rtc.is_alive()
    }

    /// The next thing that happened.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A datagram or a timeout.
    pub(crate) fn handle(
        &mut self,
        now: Time,
        input: Input,
        ports: &mut Ports,
    ) -> Result<(), String> {
        if matches!(input, Input::Receive(..)) {
            self.heard = now;
        } else if self.opened && now.since(self.heard) >= SILENCE_MAX {
            return Err("the peer is silent".into());
        }
        self.rtc.handle_input(input).map_err(words)?;
        self.turn(ports)?;
        self.write(ports)?;
        self.close_if_flushed(now, ports)
    }

    /// This process was held up: silence until now may be its own.
    pub(crate) fn pardon(&mut self, now: Time) {
        self.heard = self.heard.max(now - (SILENCE_MAX - SILENCE_AFTER_GAP));
    }

    /// Queues a chunk, and writes what the session takes.
    pub(crate) fn send(
        &mut self,
        class: Class,
        chunk: Bytes,
        ports: &mut Ports,
    ) -> Result<(), String> {
        self.lane(class).queue.push_back(chunk);
        self.write(ports)
    }

    /// Closes the session so that the peer sees it at once; what is queued is lost.
    pub(crate) fn close(&mut self, ports: &mut Ports) {
        if self.rtc.close().map_err(words).and_then(|()| self.turn(ports)).is_err() {
            self.rtc.disconnect();
        }
    }

    /// Closes the session once everything is sent.
    pub(crate) fn finish(&mut self, now: Time, ports: &mut Ports) -> Result<(), String> {
        self.closing.get_or_insert(now + FLUSH_MAX);
        self.close_if_flushed(now, ports)
    }

    fn close_if_flushed(&mut self, now: Time, ports: &mut Ports) -> Result<(), String> {
        let Some(at) = self.closing else { return Ok(()) };
        let flushed = [Class::Control, Class::Bulk].into_iter().all(|class| self.is_flushed(class));
        if flushed || at <= now {
            self.rtc.close().map_err(words)?;
            self.turn(ports)?;
            // What is left of the drain needs no answer of the peer.
            self.rtc.disconnect();
        }
        Ok(())
    }

    fn is_flushed(&mut self, class: Class) -> bool {
        self.lane(class).queue.is_empty() && self.buffered(class) == 0
    }

    fn buffered(&mut self, class: Class) -> usize {
        let Some(channel) = self.lane(class).channel else { return 0 };
        self.rtc.channel(channel).map_or(0, |mut channel| channel.buffered_amount())
    }

    fn lane(&mut self, class: Class) -> &mut Lane {
        match class {
            Class::Control => &mut self.control,
            Class::Bulk => &mut self.bulk,
        }
    }

    /// Hands chunks to the session, control first, while it takes them.
    fn write(&mut self, ports: &mut Ports) -> Result<(), String> {
        for class in [Class::Control, Class::Bulk] {
            while self.write_one(class)? {
                self.turn(ports)?;
            }
        }
        Ok(())
    }

    fn write_one(&mut self, class: Class) -> Result<bool, String> {
        let lane = self.lane(class);
        let (Some(chunk), Some(channel), true) =
            (lane.queue.front().cloned(), lane.channel, lane.open)
        else {
            return Ok(false);
        };
        let Some(mut channel) = self.rtc.channel(channel) else { return Ok(false) };
        let buffered = channel.buffered_amount();
        let is_full = buffered > 0 && buffered + chunk.len() > buffered_max(class);
        if is_full || !channel.write(true, &chunk).map_err(words)? {
            return Ok(false);
        }
        self.lane(class).queue.pop_front();
        let bytes = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        self.events.push_back(Event::Drained(class, bytes));
        Ok(true)
    }

    /// Lets the session work until it waits: datagrams out, events in.
    fn turn(&mut self, ports: &mut Ports) -> Result<(), String> {
        loop {
            match self.rtc.poll_output().map_err(words)? {
                Output::Timeout(at) => {
                    self.deadline = self.clock.time(at);
                    return Ok(());
                }
                Output::Transmit(datagram) => {
                    ports.send(datagram.source, datagram.destination, &datagram.contents);
                }
                Output::Event(event) => self.on_event(event)?,
            }
        }
    }

    fn on_event(&mut self, event: RtcEvent) -> Result<(), String> {
        match event {
            RtcEvent::ChannelOpen(channel, _) => self.on_open(channel),
            RtcEvent::ChannelData(data) => {
                if let Some(class) = self.class(data.id).filter(|_| data.binary) {
                    self.on_data(class, Bytes::from(data.data))?;
                }
            }
            RtcEvent::ChannelClose(_) => return Err("the peer closed a channel".into()),
            RtcEvent::Closed => return Err("the peer closed the link".into()),
            RtcEvent::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                return Err("the peer does not answer".into());
            }
            _ => {}
        }
        Ok(())
    }

    fn class(&self, channel: ChannelId) -> Option<Class> {
        if self.control.channel == Some(channel) {
            Some(Class::Control)
        } else if self.bulk.channel == Some(channel) {
            Some(Class::Bulk)
        } else {
            None
        }
    }

    fn on_open(&mut self, channel: ChannelId) {
        let Some(class) = self.class(channel) else { return };
        self.lane(class).open = true;
        if !self.opened && self.control.open && self.bulk.open {
            self.opened = true;
            self.events.push_back(Event::Opened);
            let early = std::mem::take(&mut self.early);
            let received = early.into_iter().map(|(class, chunk)| Event::Received(class, chunk));
            self.events.extend(received);
        }
    }

    fn on_data(&mut self, class: Class, chunk: Bytes) -> Result<(), String> {
        if self.opened {
            self.events.push_back(Event::Received(class, chunk));
        } else if self.early.len() < EARLY_MAX {
            self.early.push((class, chunk));
        } else {
            return Err("the peer sends before the link is open".into());
        }
        Ok(())
    }
}

fn buffered_max(class: Class) -> usize {
    match class {
        Class::Control => CONTROL_BUFFERED_MAX,
        Class::Bulk => BULK_BUFFERED_MAX,
    }
}

/// The two channels are agreed beforehand: 0 is control, 1 is bulk.
fn channel(class: Class) -> ChannelConfig {
    let (label, id) = match class {
        Class::Control => ("control", 0),
        Class::Bulk => ("bulk", 1),
    };
    ChannelConfig { label: label.into(), negotiated: Some(id), ..ChannelConfig::default() }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
