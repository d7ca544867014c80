//! Who calls: how many connections an address and its network hold, and how fast they ask.
//!
//! Identities cost nothing, addresses a little. An address is an IPv4 address or an IPv6 /64, which
//! one subscriber has; a network is a /24 or a /48. What is kept of a caller goes when it holds
//! nothing and its rates have recovered.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Duration, Time};
use signal::rate::Bucket;
use tokio::time::Instant;

/// Addresses remembered at once. Beyond them those that hold nothing are forgotten, and if all do,
/// further ones are turned away. Chosen: 100 bytes each.
const ADDRESSES_MAX: usize = 65_536;
/// Connections in HTTP of one address: a browser opens six for a page, and a household has several.
const HTTP_PER_ADDRESS: u32 = 64;
const HTTP_PER_NETWORK: u32 = 512;
/// Requests at once of one address: this many seconds of its rate, for a classroom that loads the
/// page together.
const REQUEST_BURST_SECONDS: u32 = 20;
/// WebSockets that an address opens at once, for each that it may hold; it regains twice as many in
/// a minute. Above what comes and goes of itself, and few for who would collect ids.
const JOIN_BURST: u32 = 2;
const JOINS_PER_MINUTE: u32 = 4;

/// What an address or a network may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// WebSockets of one address.
    pub(crate) per_address: u32,
    /// WebSockets of one network.
    pub(crate) per_network: u32,
    /// Requests of one address.
    pub(crate) requests_per_second: u32,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Http,
    WebSocket,
}

/// Why a caller is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its address holds enough.
    Address,
    /// Its network holds enough.
    Network,
    /// It asks too fast; again in so many seconds.
    Rate(u64),
    /// Nobody new can be remembered.
    Full,
}

/// An address or a network, as its first address.
type Group = IpAddr;

#[derive(Debug)]
struct Account {
    held: [u32; 2],
    requests: Bucket,
    joins: Bucket,
}

#[derive(Debug, Default)]
struct Table {
    /// At most [`ADDRESSES_MAX`].
    addresses: BTreeMap<Group, Account>,
    /// Those that hold something: at most one for each connection.
    networks: BTreeMap<Group, [u32; 2]>,
}

/// All callers.
#[derive(Debug)]
pub(crate) struct Callers {
    limits: Limits,
    started: Instant,
    table: Mutex<Table>,
}

/// A connection's place; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    callers: Arc<Callers>,
    address: Group,
    network: Group,
    kind: Use,
}

impl Callers {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Callers { limits, started: Instant::now(), table: Mutex::default() })
    }

    /// Counts a connection of `caller`.
    pub(crate) fn connect(self: &Arc<Self>, caller: IpAddr, kind: Use) -> Result<Place, Refusal> {
        let (address, network) = (address_of(caller), network_of(caller));
        let (per_address, per_network) = match kind {
            Use::Http => (HTTP_PER_ADDRESS, HTTP_PER_NETWORK),
            Use::WebSocket => (self.limits.per_address, self.limits.per_network),
        };
        let now = self.now();
        let mut table = self.table();
        let in_network = table.networks.get(&network).map_or(0, |held| held[kind as usize]);
        let account = self.account(&mut table, address, now)?;
        if account.held[kind as usize] >= per_address {
            return Err(Refusal::Address);
        }
        if in_network >= per_network {
            return Err(Refusal::Network);
        }
        if kind == Use::WebSocket && !account.joins.take(now) {
            return Err(Refusal::Rate(wait_seconds(&account.joins, now)));
        }
        account.held[kind as usize] += 1;
        table.networks.entry(network).or_default()[kind as usize] += 1;
        Ok(Place { callers: Arc::clone(self), address, network, kind })
    }

    /// Counts a request of `caller`.
    pub(crate) fn request(&self, caller: IpAddr) -> Result<(), Refusal> {
        let now = self.now();
        let mut table = self.table();
        let account = self.account(&mut table, address_of(caller), now)?;
        if account.requests.take(now) {
            return Ok(());
        }
        Err(Refusal::Rate(wait_seconds(&account.requests, now)))
    }

    fn account<'a>(
        &self,
        table: &'a mut Table,
        address: Group,
        now: Time,
    ) -> Result<&'a mut Account, Refusal> {
        if table.addresses.len() >= ADDRESSES_MAX && !table.addresses.contains_key(&address) {
            table.addresses.retain(|_, account| !account.is_idle(now));
            if table.addresses.len() >= ADDRESSES_MAX {
                return Err(Refusal::Full);
            }
        }
        Ok(table.addresses.entry(address).or_insert_with(|| Account::new(&self.limits)))
    }

    fn now(&self) -> Time {
        Time::ZERO + self.started.elapsed()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing in here can panic half-way.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn new(limits: &Limits) -> Self {
        let each = |period: Duration, rate: u32| period / rate.max(1);
        let requests = limits.requests_per_second;
        let joins = limits.per_address.saturating_mul(JOINS_PER_MINUTE);
        Account {
            held: [0; 2],
            requests: Bucket::new(
                requests.saturating_mul(REQUEST_BURST_SECONDS),
                each(Duration::from_secs(1), requests),
            ),
            joins: Bucket::new(
                limits.per_address.saturating_mul(JOIN_BURST),
                each(Duration::from_secs(60), joins),
            ),
        }
    }

    fn is_idle(&self, now: Time) -> bool {
        self.held == [0; 2] && self.requests.is_full(now) && self.joins.is_full(now)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.callers.table();
        if let Some(account) = table.addresses.get_mut(&self.address) {
            account.held[self.kind as usize] -= 1;
        }
        if let Some(held) = table.networks.get_mut(&self.network) {
            held[self.kind as usize] -= 1;
            if *held == [0; 2] {
                table.networks.remove(&self.network);
            }
        }
    }
}

fn wait_seconds(bucket: &Bucket, now: Time) -> u64 {
    (bucket.wait(now) + Duration::from_millis(999)).as_secs().max(1)
}

fn address_of(caller: IpAddr) -> Group {
    match caller.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => masked(v6, 64),
    }
}

fn network_of(caller: IpAddr) -> Group {
    match caller.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00).into(),
        IpAddr::V6(v6) => masked(v6, 48),
    }
}

fn masked(v6: Ipv6Addr, bits: u32) -> IpAddr {
    Ipv6Addr::from_bits(v6.to_bits() & !(u128::MAX >> bits)).into()
}

/// A caller as the log knows it: its network, never the whole address.
pub(crate) struct Nearly(pub(crate) IpAddr);

impl fmt::Display for Nearly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match network_of(self.0) {
            IpAddr::V4(v4) => write!(f, "{v4}/24"),
            IpAddr::V6(v6) => write!(f, "{v6}/48"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn callers(per_address: u32, per_network: u32) -> Arc<Callers> {
        Callers::new(Limits { per_address, per_network, requests_per_second: 1 })
    }

    #[test]
    fn an_address_and_its_network_hold_so_many() {
        let callers = callers(2, 3);
        let connect = |text| callers.connect(ip(text), Use::WebSocket);
        let held = [connect("192.0.2.1"), connect("::ffff:192.0.2.1")];
        assert_eq!(connect("192.0.2.1").err(), Some(Refusal::Address));
        let neighbour = connect("192.0.2.2").expect("a place");
        assert_eq!(connect("192.0.2.3").err(), Some(Refusal::Network));
        assert!(connect("192.0.3.1").is_ok());
        // What HTTP holds is counted apart.
        assert!(callers.connect(ip("192.0.2.1"), Use::Http).is_ok());
        drop((held, neighbour));
        assert!(callers.table().networks.is_empty());
        assert!(connect("192.0.2.3").is_ok());
    }

    #[test]
    fn an_ipv6_subscriber_is_one_address() {
        let callers = callers(1, 2);
        let connect = |text| callers.connect(ip(text), Use::WebSocket);
        let _first = connect("2001:db8:1:1::1").expect("a place");
        assert_eq!(connect("2001:db8:1:1:ffff::2").err(), Some(Refusal::Address));
        let _second = connect("2001:db8:1:2::1").expect("a place");
        assert_eq!(connect("2001:db8:1:3::1").err(), Some(Refusal::Network));
        assert!(connect("2001:db8:2::1").is_ok());
    }

    #[test]
    fn coming_and_going_has_a_rate() {
        let callers = callers(1, 1);
        let joins =
            (0..100).take_while(|_| callers.connect(ip("192.0.2.1"), Use::WebSocket).is_ok());
        assert_eq!(joins.count(), 2);
        let refusal = callers.connect(ip("192.0.2.1"), Use::WebSocket).err();
        assert!(matches!(refusal, Some(Refusal::Rate(1..=15))), "{refusal:?}");
    }

    #[test]
    fn requests_have_a_rate_and_the_idle_are_forgotten() {
        let callers = callers(1, 1);
        for _ in 0..REQUEST_BURST_SECONDS {
            assert_eq!(callers.request(ip("192.0.2.1")), Ok(()));
        }
        assert_eq!(callers.request(ip("192.0.2.1")), Err(Refusal::Rate(1)));
        let mut table = callers.table();
        let soon = callers.now();
        assert!(!table.addresses[&ip("192.0.2.1")].is_idle(soon));
        assert!(table.addresses[&ip("192.0.2.1")].is_idle(soon + Duration::from_secs(21)));
        for at in 0..u32::try_from(ADDRESSES_MAX).expect("it fits") - 1 {
            let quiet = Ipv4Addr::from_bits(0x0a00_0000 + at).into();
            table.addresses.insert(quiet, Account::new(&callers.limits));
        }
        drop(table);
        assert_eq!(callers.request(ip("192.0.2.9")), Ok(()));
        assert_eq!(callers.table().addresses.len(), 2);
    }

    #[test]
    fn the_log_knows_networks() {
        assert_eq!(Nearly(ip("192.0.2.77")).to_string(), "192.0.2.0/24");
        assert_eq!(Nearly(ip("2001:db8:1:2::3")).to_string(), "2001:db8:1::/48");
    }
}
