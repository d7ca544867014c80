//! Two ends in one process over real UDP sockets.

use std::time::Duration;

use super::*;

const ID: LinkId = LinkId(7);
const CHUNK: usize = 16 * 1024;

struct Pair {
    clock: Clock,
    ends: [Links; 2],
    events: [Vec<(LinkId, Event)>; 2],
}

impl Pair {
    fn new() -> Self {
        let clock = Clock::start();
        let ends = [1, 2].map(|seed| Links::new(clock, seed).unwrap());
        Pair { clock, ends, events: Default::default() }
    }

    /// Offer and answer, by hand.
    async fn connect(&mut self, id: LinkId) {
        self.ends[0].offer(self.clock.now(), id);
        let offer = self.description(0, id);
        self.ends[1].answer(self.clock.now(), id, &offer);
        let answer = self.description(1, id);
        self.ends[0].accept(id, &answer);
        let opened = (id, Event::Opened);
        self.run(|pair| pair.events.iter().all(|events| events.contains(&opened))).await;
    }

    fn description(&mut self, end: usize, id: LinkId) -> String {
        self.collect();
        let described = |(at, event): &(LinkId, Event)| match event {
            Event::Described(sdp) if *at == id => Some(sdp.clone()),
            _ => None,
        };
        self.events[end].iter().rev().find_map(described).expect("described at once")
    }

    fn collect(&mut self) {
        for (end, events) in self.ends.iter_mut().zip(&mut self.events) {
            while let Some(event) = end.poll_event() {
                events.push(event);
            }
        }
    }

    async fn run(&mut self, mut is_done: impl FnMut(&mut Pair) -> bool) {
        let start = self.clock.now();
        loop {
            self.collect();
            if is_done(self) {
                return;
            }
            assert!(self.clock.now().since(start) < Duration::from_secs(20), "{:?}", self.events);
            let deadline = self.ends.iter().filter_map(Links::deadline).min();
            let pause = deadline.map_or(Duration::from_secs(1), |at| at.since(self.clock.now()));
            let [a, b] = &self.ends;
            tokio::select! {
                () = a.readable() => {}
                () = b.readable() => {}
                () = tokio::time::sleep(pause) => {}
            }
            let now = self.clock.now();
            for end in &mut self.ends {
                end.receive(now);
                end.on_timeout(now);
            }
        }
    }

    fn bytes_received(&self, end: usize, class: Class) -> usize {
        let bytes = |(_, event): &(LinkId, Event)| match event {
            Event::Received(at, chunk) if *at == class => chunk.len(),
            _ => 0,
        };
        self.events[end].iter().map(bytes).sum()
    }

    fn broken(&self, end: usize) -> bool {
        self.events[end].iter().any(|(_, event)| matches!(event, Event::Broken(_)))
    }
}

fn chunk(filler: u8) -> Bytes {
    Bytes::from(vec![filler; CHUNK])
}

#[tokio::test]
async fn both_directions_carry_a_mebibyte_in_order() {
    let mut pair = Pair::new();
    pair.connect(ID).await;
    for filler in 0..64 {
        for end in &mut pair.ends {
            end.send(ID, Class::Bulk, chunk(filler));
        }
    }
    pair.run(|pair| (0..2).all(|end| pair.bytes_received(end, Class::Bulk) == 64 * CHUNK)).await;
    for events in &pair.events {
        let fillers = events.iter().filter_map(|(_, event)| match event {
            Event::Received(Class::Bulk, chunk) => Some(chunk[0]),
            _ => None,
        });
        assert_eq!(fillers.collect::<Vec<_>>(), (0..64).collect::<Vec<_>>());
        let drained = events.iter().filter(|(_, event)| matches!(event, Event::Drained(..)));
        assert_eq!(drained.count(), 64);
    }
}

#[tokio::test]
async fn what_the_session_does_not_take_waits_and_control_overtakes_it() {
    let mut pair = Pair::new();
    pair.connect(ID).await;
    for filler in 0..32 {
        pair.ends[0].send(ID, Class::Bulk, chunk(filler));
    }
    pair.ends[0].send(ID, Class::Control, Bytes::from_static(b"now"));
    pair.collect();
    let drained = |class| {
        let is_it =
            |(_, event): &&(LinkId, Event)| matches!(event, Event::Drained(at, _) if *at == class);
        pair.events[0].iter().filter(is_it).count()
    };
    assert!(drained(Class::Bulk) <= 6, "{} chunks taken at once", drained(Class::Bulk));
    assert_eq!(drained(Class::Control), 1);
    pair.run(|pair| pair.bytes_received(1, Class::Bulk) == 32 * CHUNK).await;
    let received = pair.events[1].iter().filter(|(_, event)| matches!(event, Event::Received(..)));
    let control = received
        .enumerate()
        .find(|(_, (_, event))| matches!(event, Event::Received(Class::Control, _)));
    assert!(control.is_some_and(|(at, _)| at < 12), "control waited: {control:?}");
}

#[tokio::test]
async fn a_finished_link_delivers_first_and_is_seen_to_close_at_once() {
    let mut pair = Pair::new();
    pair.connect(ID).await;
    for filler in 0..16 {
        pair.ends[0].send(ID, Class::Bulk, chunk(filler));
    }
    pair.ends[0].send(ID, Class::Control, Bytes::from_static(b"bye"));
    let now = pair.clock.now();
    pair.ends[0].finish(now, ID);
    pair.run(|pair| pair.broken(1) && pair.ends[0].is_empty()).await;
    assert_eq!(pair.bytes_received(1, Class::Bulk), 16 * CHUNK);
    assert_eq!(pair.bytes_received(1, Class::Control), 3);
    assert!(!pair.broken(0), "no event follows");
    let took = pair.clock.now().since(now);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_second_link_between_the_same_sockets_takes_over() {
    let mut pair = Pair::new();
    pair.connect(ID).await;
    // One end forgets the link without a word, as after a loss of power, and dials anew.
    pair.ends[0].forget(ID);
    let next = LinkId(8);
    pair.connect(next).await;
    pair.ends[0].send(next, Class::Bulk, chunk(1));
    pair.ends[1].send(next, Class::Bulk, chunk(2));
    pair.run(|pair| (0..2).all(|end| pair.bytes_received(end, Class::Bulk) == CHUNK)).await;
}

#[tokio::test]
async fn strangers_are_not_heard() {
    let mut pair = Pair::new();
    pair.connect(ID).await;
    let to = pair.ends[1].addresses().next().unwrap();
    let stranger = std::net::UdpSocket::bind((to.ip(), 0)).unwrap();
    for first in 0..=255 {
        for length in [1, 20, 60, 1200] {
            stranger.send_to(&vec![first; length], to).unwrap();
        }
    }
    pair.ends[0].send(ID, Class::Control, Bytes::from_static(b"still here"));
    pair.run(|pair| pair.bytes_received(1, Class::Control) == 10).await;
    assert!(!pair.broken(0) && !pair.broken(1));
    assert!(
        pair.ends[1].routes.keys().all(|(_, source)| *source != stranger.local_addr().unwrap())
    );
}

#[tokio::test]
async fn a_silent_peer_is_noticed() {
    let mut pair = Pair::new();
    pair.connect(ID).await;
    let now = pair.clock.now();
    pair.ends[1].forget(ID);
    pair.run(|pair| pair.broken(0)).await;
    let took = pair.clock.now().since(now);
    assert!(took > Duration::from_secs(3) && took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn nonsense_is_broken_and_not_more() {
    let mut pair = Pair::new();
    let now = pair.clock.now();
    pair.ends[0].answer(now, ID, "v=0\r\nnonsense");
    pair.ends[0].offer(now, LinkId(8));
    pair.ends[0].accept(LinkId(8), "nonsense");
    pair.ends[0].send(LinkId(9), Class::Bulk, chunk(0));
    pair.collect();
    let broken = pair.events[0].iter().filter(|(_, event)| matches!(event, Event::Broken(_)));
    assert_eq!(broken.count(), 2);
    assert!(pair.ends[0].is_empty());
}

#[tokio::test]
async fn descriptions_are_small_and_complete() {
    let mut pair = Pair::new();
    pair.ends[0].offer(pair.clock.now(), ID);
    let offer = pair.description(0, ID);
    assert!(offer.len() < 3_000, "{}", offer.len());
    assert!(offer.contains("m=application") && offer.contains("webrtc-datachannel"), "{offer}");
    assert_eq!(offer.matches("a=candidate").count(), pair.ends[0].addresses().count());
    assert!(offer.contains("a=fingerprint:sha-256") && !offer.contains("m=audio"), "{offer}");
}
